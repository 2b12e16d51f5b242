//! The whole check of one call's arguments: unwrap, coerce, validate.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::schema::Compiled;
use super::{Level, Where, coerce, cost, unwrap};
use crate::chat::{Arguments, Fault, Fix};
use crate::value::MAX_DEPTH;

/// At most this many faults are reported per call.
const TOLD: usize = 32;

/// The longest message, in bytes.
const MESSAGE: usize = 240;

impl Compiled {
    /// Checks arguments; what was fixed goes to `fixes`.
    pub(super) fn check<'s>(
        &self,
        arguments: Value,
        level: Level,
        place: &Where,
        source: &dyn Fn(&str) -> Option<&'s str>,
        fixes: &mut Vec<Fix>,
    ) -> (Arguments, Vec<Fault>) {
        let mut arguments = arguments;
        if level != Level::Strict && !too_deep(&arguments) {
            arguments = unwrap::unwrap(self, arguments, place, fixes);
            coerce::arguments(self, &mut arguments, place, source, fixes);
        }
        let mut faults = self.faults(&arguments, place.call);
        if let Some(other) = unwrap::call_of_another(self, &arguments) {
            let message = format!("the arguments are a call of `{other}`");
            faults.push(Fault::Invalid { call: place.call, path: String::new(), message });
        }
        (unwrap::object_or_empty(arguments), faults)
    }

    fn faults(&self, arguments: &Value, call: usize) -> Vec<Fault> {
        if !arguments.is_object() {
            let message = "the arguments are not an object".to_owned();
            return vec![Fault::Invalid { call, path: String::new(), message }];
        }
        if too_deep(arguments) {
            return vec![Fault::TooDeep { call }];
        }
        if self.schema().applied().is_some_and(|applied| !cost::is_bearable(arguments, applied)) {
            let message = "too many parts of the schema apply to this value".to_owned();
            return vec![Fault::Invalid { call, path: String::new(), message }];
        }
        if self.validator.is_valid(arguments) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(arguments).take(TOLD);
        errors
            .map(|error| {
                let path = error.instance_path().to_string();
                match error.kind() {
                    ValidationErrorKind::Required { property } if path.is_empty() && property.is_string() => {
                        Fault::MissingArgument { call, name: property.as_str().unwrap_or_default().to_owned() }
                    }
                    kind => {
                        let bound = bound(kind, error.instance());
                        Fault::Invalid {
                            call,
                            path,
                            message: bound.unwrap_or_else(|| short(&error.masked().to_string())),
                        }
                    }
                }
            })
            .collect()
    }
}

/// Names a number and its bound, or says that no answer was found. Other values are not quoted: they may be long.
fn bound(kind: &ValidationErrorKind, value: &Value) -> Option<String> {
    match kind {
        ValidationErrorKind::Minimum { limit } => Some(format!("value is {value}, minimum {limit}")),
        ValidationErrorKind::Maximum { limit } => Some(format!("value is {value}, maximum {limit}")),
        ValidationErrorKind::ExclusiveMinimum { limit } => Some(format!("value is {value}, must be above {limit}")),
        ValidationErrorKind::ExclusiveMaximum { limit } => Some(format!("value is {value}, must be below {limit}")),
        ValidationErrorKind::BacktrackLimitExceeded { .. } => {
            Some("matching the pattern took too many steps".to_owned())
        }
        _ => None,
    }
}

/// The start of a message.
pub(super) fn short(message: &str) -> String {
    if message.len() <= MESSAGE {
        return message.to_owned();
    }
    let mut end = MESSAGE;
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}

/// Whether a value is nested deeper than the limit.
fn too_deep(value: &Value) -> bool {
    let mut level = vec![value];
    for _ in 0..=MAX_DEPTH {
        if level.is_empty() {
            return false;
        }
        let mut next = Vec::new();
        for value in level {
            match value {
                Value::Array(items) => next.extend(items.iter().filter(|item| item.is_array() || item.is_object())),
                Value::Object(map) => next.extend(map.values().filter(|item| item.is_array() || item.is_object())),
                _ => {}
            }
        }
        level = next;
    }
    !level.is_empty()
}
