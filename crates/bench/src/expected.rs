//! Calls against the expected calls: equal as JSON values, with integers and floats of one value equal.

use super::outcome::{Class, Mismatch};
use super::python::Kind;
use callwright_parse::chat::Call;
use callwright_record::Expected;
use serde_json::Value;

/// Whether a call is the wanted one.
pub(super) fn check(wanted: &Expected, call: &Call) -> Result<(), Mismatch> {
    if wanted.name != call.name {
        let message = format!("called `{}`, expected `{}`", call.name, wanted.name);
        return Err(Mismatch::new(Class::WrongTool, message));
    }
    for (name, value) in &wanted.arguments {
        let Some(found) = call.arguments.get(name) else {
            return Err(Mismatch::new(Class::MissingArgument, format!("`{name}` is missing")).at(name));
        };
        if !same(value, found) {
            let class = if Kind::of(value) == Kind::of(found) { Class::WrongValue } else { Class::WrongType };
            return Err(Mismatch::new(class, format!("`{name}` is {found}, expected {value}")).at(name));
        }
    }
    match call.arguments.keys().find(|name| !wanted.arguments.contains_key(*name)) {
        Some(name) => Err(Mismatch::new(Class::UnexpectedArgument, format!("unexpected argument `{name}`")).at(name)),
        None => Ok(()),
    }
}

/// Equal as JSON has it: there is one kind of number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}
