//! Calls against accepted values, as BFCL's own checker judges them.
//!
//! For each parameter a list of values counts as right, `""` among them lets it be left out. An integer does for a
//! float at the top level and nowhere else; strings are compared folded; a value of the accepted values' own type,
//! where that is not the parameter's, is a variable's name and compared to the letter. These are the leaderboard's
//! rules, oddities included, so that its numbers and ours can be put side by side.

use serde_json::{Map, Value};

use super::convert;
use super::outcome::{Class, Mismatch};
use super::python::{Kind, equal, equal_folded, folded};
use callwright_parse::chat::{Call, Tool};
use callwright_record::{Accepted, Language};

/// Why a call is not the expected one.
#[derive(Debug)]
pub(super) enum Miss {
    /// It differs.
    Differs(Mismatch),
    /// The question cannot be answered at all: its schema or its answer is incomplete.
    Unanswerable(String),
}

type Checked<T = ()> = Result<T, Miss>;

fn differs<T>(class: Class, message: impl Into<String>) -> Checked<T> {
    Err(Miss::Differs(Mismatch::new(class, message)))
}

fn unanswerable<T>(message: impl Into<String>) -> Checked<T> {
    Err(Miss::Unanswerable(message.into()))
}

/// Whether a call is the wanted one.
pub(super) fn check(wanted: &Accepted, call: &Call, tools: &[Tool], language: Language) -> Checked {
    if wanted.name.is_empty() {
        return unanswerable("the answer names no tool");
    }
    let Some(tool) = tools.iter().find(|tool| tool.name == wanted.name) else {
        return unanswerable(format!("the answer's tool `{}` is not offered", wanted.name));
    };
    if call.name != wanted.name {
        return differs(Class::WrongTool, format!("called `{}`, expected `{}`", call.name, wanted.name));
    }
    let none = Map::new();
    let properties = tool.parameters.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required = tool.parameters.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if !call.arguments.contains_key(name) {
            return missing(name);
        }
    }
    for (name, value) in &call.arguments {
        let (Some(property), Some(accepted)) = (properties.get(name), wanted.args.get(name)) else {
            let mismatch = Mismatch::new(Class::UnexpectedArgument, format!("unexpected argument `{name}`")).at(name);
            return Err(Miss::Differs(mismatch));
        };
        let Some(accepted) = accepted.as_array() else {
            return unanswerable(format!("the answer has no list of values for `{name}`"));
        };
        argument(value, property, accepted, language).map_err(|miss| about(miss, name, value, accepted))?;
    }
    for (name, accepted) in &wanted.args {
        let optional = accepted.as_array().is_some_and(|values| values.iter().any(|value| value == ""));
        if !call.arguments.contains_key(name) && !optional {
            return missing(name);
        }
    }
    Ok(())
}

fn missing(name: &str) -> Checked {
    Err(Miss::Differs(Mismatch::new(Class::MissingArgument, format!("`{name}` is missing")).at(name)))
}

/// Adds to a miss which argument it is about.
fn about(miss: Miss, name: &str, value: &Value, accepted: &[Value]) -> Miss {
    match miss {
        Miss::Differs(mismatch) => {
            let accepted = Value::Array(accepted.to_vec());
            let message = format!("`{name}` is {value}, accepted: {accepted}: {}", mismatch.message);
            Miss::Differs(Mismatch::new(mismatch.class, message).at(name))
        }
        unanswerable @ Miss::Unanswerable(_) => unanswerable,
    }
}

/// The name of the type that the leaderboard's question bears, whatever JSON Schema calls it.
fn type_name(schema: &Value) -> &str {
    let said = |key: &str| schema.get(key).and_then(Value::as_str);
    let json_type = |name| match name {
        "number" => "float",
        "object" => "dict",
        name => name,
    };
    said("x-bfcl-type").or_else(|| said("type").map(json_type)).unwrap_or("any")
}

fn kind(name: &str) -> Checked<Kind> {
    Kind::named(name).map_or_else(|| unanswerable(format!("unknown leaderboard type `{name}`")), Ok)
}

fn argument(value: &Value, property: &Value, accepted: &[Value], language: Language) -> Checked {
    let name = type_name(property);
    let wanted = kind(name)?;
    let mut items = None;
    let value = if language == Language::Json {
        if matches!(name, "array" | "tuple") {
            let Some(schema) = property.get("items") else { return unanswerable("a list whose items have no type") };
            items = Some(kind(type_name(schema))?);
        }
        // Python lets an integer stand for a float, here and nowhere deeper.
        if name == "float" && Kind::of(value) == Kind::Integer { Value::from(value.as_f64()) } else { value.clone() }
    } else {
        let of = property.get("x-bfcl-items").and_then(Value::as_str);
        if matches!(name, "Array" | "ArrayList" | "array") {
            let Some(of) = of else { return unanswerable("a list whose items have no type") };
            items = Some(kind(of)?);
        }
        let Value::String(source) = value else {
            return differs(Class::WrongType, "expected the source text of a value, in a string");
        };
        convert::value(source, language, name, of)
    };
    let is_variable = typed(&value, accepted, wanted, items)?;
    match (is_variable, wanted, items) {
        (false, Kind::Object, _) => object(&value, accepted),
        (false, Kind::List, Some(Kind::Object)) => objects(&value, accepted),
        (false, Kind::Text, _) => string(&value, accepted),
        (false, Kind::List, _) => list(&value, accepted),
        _ if accepted.iter().any(|accepted| equal(accepted, &value)) => Ok(()),
        _ => differs(Class::WrongValue, "a different value"),
    }
}

/// Whether a value has its type, and whether it stands for a variable instead.
fn typed(value: &Value, accepted: &[Value], wanted: Kind, items: Option<Kind>) -> Checked<bool> {
    let answer = accepted.iter().find(|value| *value != "").map(Kind::of);
    let is_variable = answer.is_some_and(|answer| answer != wanted);
    if Kind::of(value) == wanted {
        let Some(of) = items else { return Ok(is_variable) };
        let fits = |accepted: &Value| match (accepted, value) {
            (Value::Array(accepted), Value::Array(items)) => {
                items.iter().all(|item| typed(item, accepted, of, None).is_ok())
            }
            _ => true,
        };
        if accepted.iter().any(fits) {
            return Ok(is_variable);
        }
        return differs(Class::WrongType, format!("the items should each be {}", of.word()));
    }
    if answer == Some(Kind::of(value)) {
        return Ok(true);
    }
    differs(Class::WrongType, format!("it should be {}", wanted.word()))
}

fn string(value: &Value, accepted: &[Value]) -> Checked {
    let value = value.as_str().map(folded);
    if accepted.iter().filter_map(Value::as_str).any(|accepted| Some(folded(accepted)) == value) {
        return Ok(());
    }
    differs(Class::WrongValue, "a different text")
}

fn list(value: &Value, accepted: &[Value]) -> Checked {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut letters;
    for accepted in accepted {
        let accepted = match accepted {
            Value::Array(accepted) => accepted.as_slice(),
            // Python walks through a text's letters here; `""` is how an empty list comes to be accepted.
            Value::String(text) => {
                letters = text.chars().map(|letter| Value::from(letter.to_string())).collect::<Vec<_>>();
                letters.as_slice()
            }
            _ => return unanswerable("the answer has no list where one is expected"),
        };
        let same = |(item, accepted)| equal_folded(item, accepted);
        if items.len() == accepted.len() && items.iter().zip(accepted).all(same) {
            return Ok(());
        }
    }
    differs(Class::WrongValue, "a different list")
}

fn object(value: &Value, accepted: &[Value]) -> Checked {
    let mut last = differs(Class::WrongValue, "no value is accepted");
    for accepted in accepted.iter().filter(|accepted| *accepted != "") {
        let Some(members) = value.as_object() else { return differs(Class::WrongType, "it should be an object") };
        let Some(accepted) = accepted.as_object() else {
            return unanswerable("the answer has no object where one is expected");
        };
        last = one_object(members, accepted);
        if !matches!(last, Err(Miss::Differs(_))) {
            return last;
        }
    }
    last
}

fn one_object(members: &Map<String, Value>, accepted: &Map<String, Value>) -> Checked {
    if members.len() != accepted.len() {
        return differs(Class::WrongValue, format!("{} members, expected {}", members.len(), accepted.len()));
    }
    for (key, value) in members {
        match accepted.get(key) {
            None => return differs(Class::WrongValue, format!("unexpected member `{key}`")),
            Some(inner @ Value::Object(_)) => object(value, std::slice::from_ref(inner))?,
            Some(Value::Array(values)) if values.iter().any(|accepted| equal_folded(value, accepted)) => {}
            // Java's answers give the value itself.
            Some(bare) if !bare.is_array() && equal_folded(value, bare) => {}
            Some(_) => return differs(Class::WrongValue, format!("a different value of the member `{key}`")),
        }
    }
    Ok(())
}

fn objects(value: &Value, accepted: &[Value]) -> Checked {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut last = differs(Class::WrongValue, "no value is accepted");
    for accepted in accepted {
        let accepted = match accepted {
            Value::Array(accepted) => accepted.as_slice(),
            Value::String(text) if text.is_empty() => &[],
            _ => return unanswerable("the answer has no list where one is expected"),
        };
        if items.len() != accepted.len() {
            last = differs(Class::WrongValue, format!("{} objects, expected {}", items.len(), accepted.len()));
            continue;
        }
        let pairs = items.iter().zip(accepted);
        last = pairs.into_iter().try_for_each(|(item, accepted)| object(item, std::slice::from_ref(accepted)));
        if !matches!(last, Err(Miss::Differs(_))) {
            return last;
        }
    }
    last
}
