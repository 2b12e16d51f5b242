//! Lossless coercion along the schema: what has one reading is put right, and told.
//!
//! The walk goes down value and schema together, so its work is bounded by the value; where alternatives leave more
//! than one reading it does nothing, and the validation says what is wrong.

use serde_json::{Map, Value};

use super::convert::{converted, float, member};
use super::schema::{Compiled, requires};
use super::{Where, names};
use crate::chat::{Fix, FixKind};
use crate::value::types::{Types, follow};

/// Alternatives inside alternatives are followed this deep.
const NESTED: usize = 8;
/// And so many at all in one call.
const FOLLOWED: usize = 20_000;

struct Coercion<'a> {
    root: &'a Value,
    place: &'a Where,
    fixes: &'a mut Vec<Fix>,
    /// How many more alternatives are followed: recursion through them may double with each level of the value.
    left: usize,
}

/// Puts the arguments right, top level first.
pub(super) fn arguments<'s>(
    tool: &Compiled,
    arguments: &mut Value,
    place: &Where,
    source: &dyn Fn(&str) -> Option<&'s str>,
    fixes: &mut Vec<Fix>,
) {
    let Value::Object(map) = arguments else { return };
    let root = tool.schema();
    let schema = follow(root, root);
    let mut coercion = Coercion { root, place, fixes, left: FOLLOWED };
    if let Some(properties) = tool.properties() {
        coercion.rename(map, properties);
        for (name, value) in map.iter_mut() {
            if let Some(schema) = properties.get(name) {
                // The source is looked up only where it may be wanted.
                let allowed = Types::allowed(follow(schema, root), root);
                let wanted = allowed.has(Types::STRING) && !value.is_string() && !fits(value, allowed);
                let source = if wanted { source(name) } else { None };
                coercion.value(value, schema, source, 0);
            }
        }
        coercion.drop_nulls(map, schema, properties);
        if is_closed(schema) {
            coercion.drop_unknown(map, properties);
        } else if !properties.is_empty() && lists_all(schema) {
            coercion.tell_unknown(map, properties);
        }
    } else {
        coercion.value(arguments, root, None, 0);
    }
}

/// Whether an object schema forbids other properties than these.
fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false)) && lists_all(schema)
}

/// Whether an object schema lists its properties in one place, and says nothing of others but that they may not be.
fn lists_all(schema: &Value) -> bool {
    let Some(map) = schema.as_object() else { return false };
    let combined = ["$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"];
    let more = map.get("additionalProperties");
    more.is_none_or(|more| *more == Value::Bool(false)) && !combined.iter().any(|key| map.contains_key(*key))
}

impl Coercion<'_> {
    fn tell(&mut self, kind: FixKind, note: impl FnOnce() -> String) {
        self.fixes.push(self.place.fix(kind, Some(note())));
    }

    fn value(&mut self, value: &mut Value, schema: &Value, source: Option<&str>, nested: usize) {
        let schema = follow(schema, self.root);
        let Some(map) = schema.as_object() else { return };
        let allowed = Types::allowed(schema, self.root);
        if allowed.is_said() && !fits(value, allowed) {
            self.convert(value, schema, allowed, source);
        }
        if let Some(Value::Array(members)) = map.get("enum") {
            self.enumerated(value, members);
        }
        self.left = self.left.saturating_sub(usize::from(nested > 0));
        if nested > NESTED || self.left == 0 {
            return;
        }
        self.alternatives(value, map, nested);
        match value {
            Value::Object(object) => self.object(object, schema),
            Value::Array(items) => self.list(items, map),
            _ => {}
        }
    }

    fn convert(&mut self, value: &mut Value, schema: &Value, allowed: Types, source: Option<&str>) {
        let source = source.filter(|source| !source.is_empty());
        if let Some(new) = converted(value, allowed, source) {
            let note = format!("{} -> {}", brief(value), brief(&new));
            *value = new;
            return self.tell(FixKind::Coerced, || note);
        }
        if let Some(new) = described(value, allowed) {
            *value = new;
            return self.tell(FixKind::Shape, || "a value in the schema's own shape".to_owned());
        }
        if allowed.has(Types::LIST) && !value.is_null() {
            self.listed(value, schema);
        }
    }

    /// One value where a list is wanted: a list of one, if its items may be such a value.
    fn listed(&mut self, value: &mut Value, schema: &Value) {
        let Some(items) = list_part(schema, self.root).and_then(|list| list.get("items")) else { return };
        let allowed = Types::allowed(items, self.root);
        // Text with commas may as well be several items.
        let several = value.as_str().is_some_and(|text| text.contains([',', ';', '\n']));
        let fitting = fits(value, allowed) || converted(value, allowed, None).is_some();
        if several || !allowed.is_said() || !fitting {
            return;
        }
        *value = Value::Array(vec![value.take()]);
        self.tell(FixKind::Listed, || "one value -> a list of one".to_owned());
    }

    fn enumerated(&mut self, value: &mut Value, members: &[Value]) {
        let Value::String(text) = &*value else { return };
        if members.contains(value) {
            return;
        }
        if let Some(member) = member(text, members) {
            let note = format!("{} -> {member}", brief(value));
            *value = Value::from(member);
            self.tell(FixKind::Coerced, || note);
        }
    }

    /// Goes on with the only alternative that a value of this type may be.
    fn alternatives(&mut self, value: &mut Value, schema: &Map<String, Value>, nested: usize) {
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(value, part, None, nested + 1);
        }
        for key in ["anyOf", "oneOf"] {
            let Some(Value::Array(parts)) = schema.get(key) else { continue };
            let mut taking = parts.iter().filter(|part| {
                let allowed = Types::allowed(part, self.root);
                !allowed.is_said() || fits(value, allowed)
            });
            if let (Some(only), None) = (taking.next(), taking.next()) {
                self.value(value, only, None, nested + 1);
            }
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>, schema: &Value) {
        let Some(Value::Object(properties)) = schema.get("properties") else {
            if let Some(more @ Value::Object(_)) = schema.get("additionalProperties") {
                object.values_mut().for_each(|value| self.value(value, more, None, 0));
            }
            return;
        };
        self.rename(object, properties);
        for (name, value) in object.iter_mut() {
            match (properties.get(name), schema.get("additionalProperties")) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => self.value(value, schema, None, 0),
                _ => {}
            }
        }
        self.drop_nulls(object, schema, properties);
        if is_closed(schema) {
            self.drop_unknown(object, properties);
        }
    }

    fn list(&mut self, items: &mut [Value], schema: &Map<String, Value>) {
        let first = schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| schema.get("items")) {
                self.value(item, schema, None, 0);
                self.write_float(item, schema);
            }
        }
    }

    /// Whole numbers in a list of numbers are all written as such: what reads the list may want one kind.
    fn write_float(&mut self, value: &mut Value, schema: &Value) {
        let schema = follow(schema, self.root);
        let allowed = Types::allowed(schema, self.root);
        let combined = ["allOf", "anyOf", "oneOf"].iter().any(|key| schema.get(*key).is_some());
        let Value::Number(number) = &*value else { return };
        if combined || number.is_f64() || !allowed.has(Types::NUMBER) || allowed.has(Types::STRING) {
            return;
        }
        if let Some(new) = float(number) {
            let note = format!("{number} -> {new}");
            *value = new;
            self.tell(FixKind::Coerced, || note);
        }
    }

    /// Names that differ from a property's only in case, `-_.` or the like.
    fn rename(&mut self, object: &mut Map<String, Value>, properties: &Map<String, Value>) {
        if object.keys().all(|name| properties.contains_key(name)) {
            return;
        }
        let mut renamed = Map::new();
        for (name, value) in std::mem::take(object) {
            let folded = names::fold(bare(&name, properties));
            let mut alike = properties.keys().filter(|property| names::fold(property) == folded);
            match (alike.next(), alike.next()) {
                (Some(only), None)
                    if !properties.contains_key(&name) && !renamed.contains_key(only) && !folded.is_empty() =>
                {
                    self.tell(FixKind::KeyAlias, || format!("{name} -> {only}"));
                    renamed.insert(only.clone(), value);
                }
                _ => drop(renamed.insert(name, value)),
            }
        }
        *object = renamed;
    }

    /// Nulls for what is optional and may not be null.
    fn drop_nulls(&mut self, object: &mut Map<String, Value>, schema: &Value, properties: &Map<String, Value>) {
        let root = self.root;
        let drops = |name: &str, value: &Value| {
            let optional = properties.get(name).filter(|_| !requires(schema, name));
            let Some(allowed) = optional.map(|property| Types::allowed(property, root)) else { return false };
            let none = value.is_null() || is_null_text(value) && !allowed.has(Types::STRING);
            none && allowed.is_said() && !allowed.has(Types::NULL)
        };
        self.drop_where(object, FixKind::NullDropped, drops);
    }

    fn drop_unknown(&mut self, object: &mut Map<String, Value>, properties: &Map<String, Value>) {
        self.drop_where(object, FixKind::UnknownArgument, |name, _| !properties.contains_key(name));
    }

    /// Tells what the schema neither lists nor forbids; it is kept, since the model said it.
    fn tell_unknown(&mut self, object: &Map<String, Value>, properties: &Map<String, Value>) {
        for name in object.keys().filter(|name| !properties.contains_key(*name)) {
            self.tell(FixKind::UnknownArgument, || format!("`{name}` kept"));
        }
    }

    fn drop_where(&mut self, object: &mut Map<String, Value>, kind: FixKind, drops: impl Fn(&str, &Value) -> bool) {
        let mut dropped = Vec::new();
        object.retain(|name, value| {
            let keep = !drops(name, value);
            if !keep {
                dropped.push(name.clone());
            }
            keep
        });
        for name in dropped {
            let unknown = kind == FixKind::UnknownArgument;
            self.tell(kind, || if unknown { format!("`{name}` dropped") } else { name });
        }
    }
}

/// What models write before the names of parameters, as a prompt's word for them.
const PREFIXES: [&str; 4] = ["params_", "param_", "parameters.", "params."];

/// The name without such a prefix, unless it is a part of the tool's own names.
fn bare<'n>(name: &'n str, properties: &Map<String, Value>) -> &'n str {
    let own = |prefix: &&str| properties.keys().any(|property| property.starts_with(*prefix));
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix) && !own(prefix));
    prefix.and_then(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

fn is_null_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| matches!(text, "None" | "null" | "NULL" | "none"))
}

/// Whether a value is of one of these types: `5` is a number, `5.0` is no integer here, so that it gets written as one.
fn fits(value: &Value, allowed: Types) -> bool {
    allowed.has(Types::of(value))
}

/// The part of a schema that speaks of lists.
fn list_part<'s>(schema: &'s Value, root: &'s Value) -> Option<&'s Value> {
    if schema.get("items").is_some() {
        return Some(schema);
    }
    let parts = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
    parts.map(|part| follow(part, root)).find(|part| part.get("items").is_some())
}

/// `{"type": "string", "value": "Oslo"}` where a plain value is wanted.
fn described(value: &Value, allowed: Types) -> Option<Value> {
    let map = value.as_object().filter(|_| !allowed.has(Types::OBJECT))?;
    let inner = map.get("value").filter(|inner| fits(inner, allowed))?;
    map.keys().all(|key| matches!(key.as_str(), "type" | "value" | "description")).then(|| inner.clone())
}

/// The start of a value as JSON, for a note.
fn brief(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "[..]".to_owned(),
        Value::Object(_) => return "{..}".to_owned(),
        scalar => scalar.to_string(),
    };
    if text.len() <= 40 { text } else { text.chars().take(40).chain(['…']).collect() }
}
