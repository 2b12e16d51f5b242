//! One tool's schema: normalised, refused where it cannot be held, compiled once.
//!
//! Patterns run on an engine without backtracking, so that no value makes one slow; what that engine cannot say (look
//! ahead, back references) is refused at once, rather than met as a hang in the middle of a turn.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::refs::{self, Endless};
use super::{cost, normal};
use crate::error::{Error, ErrorKind, Result};
use crate::value::types::follow;

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// A schema, ready to check with.
#[derive(Debug)]
pub(super) struct Compiled {
    /// The tool's name.
    pub(super) name: String,
    schema: Value,
    pub(super) validator: Validator,
    /// Whether what a check costs has to be looked at first.
    pub(super) may_multiply: bool,
}

impl Compiled {
    pub(super) fn new(tool: &str, given: &Value) -> Result<Self> {
        let refused = |pointer: &str, why: &str| {
            let place = if pointer.is_empty() { "its root".to_owned() } else { format!("`{pointer}`") };
            Error::new(ErrorKind::Schema, format!("the schema of tool `{tool}` cannot be used: at {place}, {why}"))
                .hint("a schema looks like {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}")
        };
        let schema = normal::normal(given).map_err(|refusal| refused(&refusal.pointer, &refusal.why))?;
        if let Some((pointer, target)) = remote(&schema) {
            let why = format!("`$ref` leads to another document, `{target}`");
            return Err(refused(&pointer, &why).hint("put the referenced schema into `$defs`"));
        }
        match refs::check(&schema) {
            Ok(()) => {}
            Err(Endless::Cycle(target)) => {
                return Err(refused(target.trim_start_matches('#'), "`$ref` leads in a circle to itself"));
            }
            Err(Endless::TooWide) => return Err(refused("", "its references expand to more than can be checked")),
        }
        let patterns = PatternOptions::regex().size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE);
        let built = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(patterns)
            .should_validate_formats(false)
            .build(&schema);
        let validator = built.map_err(|error| {
            let pointer = error.instance_path().to_string();
            let why = error.to_string();
            let error = refused(&pointer, &super::validate::short(&why));
            if why.contains("regex") {
                return error.hint("lookahead, lookbehind and backreferences are not supported in patterns");
            }
            error
        })?;
        let may_multiply = cost::may_multiply(&schema);
        Ok(Self { name: tool.to_owned(), schema, validator, may_multiply })
    }

    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    /// The parameters, in the schema's order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.properties().into_iter().flat_map(|map| map.keys().map(String::as_str))
    }

    pub(super) fn properties(&self) -> Option<&serde_json::Map<String, Value>> {
        follow(&self.schema, &self.schema).get("properties")?.as_object()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&Value> {
        Some(follow(self.properties()?.get(name)?, &self.schema))
    }

    pub(super) fn requires_any(&self) -> bool {
        let required = follow(&self.schema, &self.schema).get("required");
        required.and_then(Value::as_array).is_some_and(|required| !required.is_empty())
    }
}

/// Whether an object's schema requires this property.
pub(super) fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|required| required == name))
}

/// The first reference to another document that is neither in this one nor one of the drafts themselves.
fn remote(schema: &Value) -> Option<(String, String)> {
    let mut ids = Vec::new();
    let mut references = Vec::new();
    let mut places = vec![(String::new(), schema)];
    while let Some((pointer, place)) = places.pop() {
        match place {
            Value::Object(map) => {
                ids.extend(map.get("$id").and_then(Value::as_str));
                for key in ["$ref", "$dynamicRef"] {
                    if let Some(target) = map.get(key).and_then(Value::as_str) {
                        references.push((format!("{pointer}/{key}"), target));
                    }
                }
                let literal = |key: &str| matches!(key, "enum" | "const" | "default" | "examples" | "example");
                let inner = map.iter().filter(|(key, _)| !literal(key));
                places.extend(inner.map(|(key, inner)| (format!("{pointer}/{key}"), inner)));
            }
            Value::Array(list) => {
                places.extend(list.iter().enumerate().map(|(index, inner)| (format!("{pointer}/{index}"), inner)));
            }
            _ => {}
        }
    }
    let known = |target: &str| {
        let document = target.split('#').next().unwrap_or_default();
        document.is_empty() || ids.iter().any(|id| id.trim_end_matches('#') == document)
    };
    references.into_iter().find(|(_, target)| !known(target)).map(|(pointer, target)| (pointer, target.to_owned()))
}
