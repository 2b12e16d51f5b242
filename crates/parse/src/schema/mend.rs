//! Schemas as people write them, as JSON Schema 2020-12.
//!
//! Tools come from everywhere: Python's type names, `OpenAPI`'s `nullable`, older drafts' tuples, PHP's `properties: []`.
//! What has one meaning is rewritten; a keyword that has none is left out there, and the rest of the schema stays. Both
//! are told. What comes out is valid to the letter, so that whatever reads it next needs no cases for odd schemas. Values
//! (`enum`, `const`, `default`) are left alone.

use serde_json::{Map, Value, json};

use super::format::StringFormat;
use super::keywords::{Shape, is_annotation, shape, step};
use super::told::{Degree, Told};
use super::{olden, type_names};

/// Schemas nested deeper than this hold any value.
const DEEPEST: usize = 127;

/// Keywords for which null is a value.
const NULL_COUNTS: [&str; 3] = ["const", "default", "example"];

/// A schema that is being made valid.
#[derive(Debug, Default)]
pub(super) struct Mending {
    pub(super) told: Vec<Told>,
}

impl Mending {
    pub(super) fn tell(&mut self, degree: Degree, place: &str, keyword: &str, why: impl Into<String>) {
        let told = Told { place: place.to_owned(), keyword: keyword.to_owned(), degree, why: why.into() };
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }

    pub(super) fn mended(&mut self, place: &str, keyword: &str, why: impl Into<String>) {
        self.tell(Degree::Mended, place, keyword, why);
    }

    pub(super) fn ignored(&mut self, place: &str, keyword: &str, why: impl Into<String>) {
        self.tell(Degree::Ignored, place, keyword, why);
    }

    /// Makes the schema at this place valid, with all schemas in it. `within` is the keyword that it is the value of.
    pub(super) fn schema(&mut self, schema: &mut Value, place: &str, within: &str, depth: usize) {
        let map = match schema {
            Value::Object(map) if depth <= DEEPEST => map,
            Value::Bool(_) => return,
            // A bare type name where a schema belongs.
            Value::String(name) if type_names::named(name).is_some() => {
                self.mended(place, within, format!("`{name}` read as a type"));
                *schema = json!({"type": name});
                return self.schema(schema, place, within, depth);
            }
            Value::String(word) if matches!(word.as_str(), "true" | "false") => {
                let word = word == "true";
                self.mended(place, within, "a boolean in quotes");
                *schema = Value::Bool(word);
                return;
            }
            other => {
                let why = match other {
                    Value::Null => "null is not a schema, so any value is allowed",
                    Value::Object(_) => "nested too deeply, so any value is allowed",
                    _ => "not a schema, so any value is allowed",
                };
                self.ignored(place, within, why);
                *other = Value::Bool(true);
                return;
            }
        };
        self.keywords(map, place, within == "properties");
        self.inner(map, place, depth);
        self.required(map, place);
        self.nullable(map, place);
    }

    /// Makes the keywords of one schema valid.
    fn keywords(&mut self, map: &mut Map<String, Value>, place: &str, of_property: bool) {
        map.retain(|key, value| {
            let keep = !value.is_null() || NULL_COUNTS.contains(&key.as_str());
            if !keep && shape(key).is_some() {
                self.mended(place, key, "null read as left out");
            }
            keep
        });
        type_names::normalise(map, place, self);
        olden::normalise(map, place, self);
        let odd: Vec<String> = map.keys().filter(|key| shape(key).is_none() && !is_annotation(key)).cloned().collect();
        // `nullable` and `required` inside a property are read once the schemas inside are mended.
        for key in odd.iter().filter(|key| *key != "nullable") {
            self.ignored(place, key, "not a keyword of JSON Schema");
        }
        let keys: Vec<String> = map.keys().cloned().collect();
        for key in keys {
            let Some(shape) = shape(&key) else { continue };
            if of_property && key == "required" && map.get(&key).is_some_and(Value::is_boolean) {
                continue;
            }
            let Some(value) = map.get_mut(&key) else { continue };
            let valid = self.value(value, shape, place, &key);
            if let Err(why) = valid {
                map.shift_remove(&key);
                self.ignored(place, &key, why);
            }
        }
        if let Some(Value::String(name)) = map.get("format")
            && StringFormat::named(name).is_none()
        {
            self.ignored(place, "format", format!("`{}` is not a format that can be checked", short(name)));
        }
    }

    /// Makes the value of a keyword what it has to be, or says why it cannot.
    fn value(&mut self, value: &mut Value, shape: Shape, place: &str, key: &str) -> Result<(), String> {
        match shape {
            Shape::Schema | Shape::Any | Shape::Type => Ok(()),
            Shape::Schemas => match value {
                Value::Array(list) => {
                    if list.is_empty() {
                        self.mended(place, key, "an empty list, read as it stands: no value is allowed");
                    }
                    Ok(())
                }
                Value::Object(_) => {
                    self.mended(place, key, "one schema read as a list of one");
                    *value = Value::Array(vec![value.take()]);
                    Ok(())
                }
                _ => Err("not a list of schemas".to_owned()),
            },
            Shape::SchemaMap | Shape::PatternMap => {
                if value.as_array().is_some_and(Vec::is_empty) {
                    self.mended(place, key, "an empty list read as an empty object");
                    *value = json!({});
                }
                let map = value.as_object_mut().ok_or("not an object of schemas")?;
                if shape == Shape::PatternMap {
                    map.retain(|pattern, _| {
                        let usable = is_usable(pattern);
                        if !usable {
                            self.ignored(
                                place,
                                key,
                                format!("`{}` cannot be read as a regular expression", short(pattern)),
                            );
                        }
                        usable
                    });
                }
                Ok(())
            }
            Shape::Count | Shape::Number | Shape::Step => self.number(value, shape, place, key),
            Shape::Pattern => match value.as_str() {
                Some(pattern) if is_usable(pattern) => Ok(()),
                Some(pattern) => Err(format!("`{}` cannot be read as a regular expression", short(pattern))),
                None => Err("not text".to_owned()),
            },
            Shape::Text => value.is_string().then_some(()).ok_or_else(|| "not text".to_owned()),
            Shape::Flag => match value.as_str() {
                Some(word @ ("true" | "false")) => {
                    let word = word == "true";
                    self.mended(place, key, "a boolean in quotes");
                    *value = Value::Bool(word);
                    Ok(())
                }
                _ => value.is_boolean().then_some(()).ok_or_else(|| "not a boolean".to_owned()),
            },
            Shape::Names => self.names(value, place, key),
            Shape::NameLists => {
                let map = value.as_object_mut().ok_or("not an object of lists")?;
                map.values_mut().try_for_each(|names| self.names(names, place, key))
            }
            Shape::Values => match value {
                Value::Array(list) => {
                    if list.is_empty() {
                        self.mended(place, key, "an empty list, read as it stands: no value is allowed");
                    }
                    Ok(())
                }
                Value::Object(_) => Err("not a list of values".to_owned()),
                _ => {
                    self.mended(place, key, "one value read as a list of one");
                    *value = Value::Array(vec![value.take()]);
                    Ok(())
                }
            },
        }
    }

    fn number(&mut self, value: &mut Value, shape: Shape, place: &str, key: &str) -> Result<(), String> {
        if let Value::String(text) = &*value {
            let number: Value =
                serde_json::from_str(text.trim()).ok().filter(Value::is_number).ok_or("not a number")?;
            self.mended(place, key, "a number in quotes");
            *value = number;
        }
        match shape {
            Shape::Count if value.is_u64() => Ok(()),
            Shape::Count => {
                let whole = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..1e15).contains(number));
                let whole = whole.and_then(|number| format!("{number:.0}").parse::<u64>().ok());
                let whole = whole.ok_or_else(|| format!("{value} is not a count"))?;
                self.mended(place, key, format!("{value} read as {whole}"));
                *value = Value::from(whole);
                Ok(())
            }
            Shape::Step if value.as_f64().is_some_and(|step| step <= 0.0) => Err(format!("{value} is not above 0")),
            _ => value.is_number().then_some(()).ok_or_else(|| "not a number".to_owned()),
        }
    }

    fn names(&mut self, value: &mut Value, place: &str, key: &str) -> Result<(), String> {
        if value.is_string() {
            self.mended(place, key, "one name read as a list of one");
            *value = Value::Array(vec![value.take()]);
        }
        let list = value.as_array_mut().ok_or("not a list of names")?;
        let mut seen: Vec<Value> = Vec::new();
        for name in std::mem::take(list) {
            if !name.is_string() {
                self.ignored(place, key, format!("{} is not a name", short(&name.to_string())));
            } else if seen.contains(&name) {
                self.mended(place, key, format!("{name} is listed twice"));
            } else {
                seen.push(name);
            }
        }
        *list = seen;
        Ok(())
    }

    fn inner(&mut self, map: &mut Map<String, Value>, place: &str, depth: usize) {
        for (key, value) in map.iter_mut() {
            let here = || format!("{place}{}", step(key));
            match (shape(key), value) {
                (Some(Shape::Schema), schema) => self.schema(schema, &here(), key, depth + 1),
                (Some(Shape::Schemas), Value::Array(schemas)) => {
                    for (index, schema) in schemas.iter_mut().enumerate() {
                        self.schema(schema, &format!("{}/{index}", here()), key, depth + 1);
                    }
                }
                (Some(Shape::SchemaMap | Shape::PatternMap), Value::Object(schemas)) => {
                    for (name, schema) in schemas.iter_mut() {
                        self.schema(schema, &format!("{}{}", here(), step(name)), key, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// `required: true` inside a property belongs to the object around it, and so does a name that is required where
    /// nothing but what is listed is allowed.
    fn required(&mut self, map: &mut Map<String, Value>, place: &str) {
        let mut wanted = Vec::new();
        for (name, property) in map.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            let Some(property) = property.as_object_mut() else { continue };
            if let Some(Value::Bool(required)) = property.get("required") {
                if *required {
                    wanted.push(name.clone());
                }
                property.shift_remove("required");
                self.mended(
                    &format!("{place}/properties{}", step(name)),
                    "required",
                    "it belongs to the object around it",
                );
            }
        }
        if !wanted.is_empty()
            && let Some(list) = map.entry("required").or_insert_with(|| json!([])).as_array_mut()
        {
            wanted.retain(|name| !list.contains(&json!(name)));
            list.extend(wanted.into_iter().map(Value::from));
        }
        let alone = !["patternProperties", "allOf", "anyOf", "oneOf", "$ref"].iter().any(|key| map.contains_key(*key));
        if map.get("additionalProperties") != Some(&Value::Bool(false)) || !alone {
            return;
        }
        let required: Vec<String> = map
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let Some(properties) = map.entry("properties").or_insert_with(|| json!({})).as_object_mut() else { return };
        for name in required {
            if !properties.contains_key(&name) {
                self.mended(place, "required", format!("`{name}` is not among the properties, and is added to them"));
                properties.insert(name, json!({}));
            }
        }
    }

    /// `OpenAPI`'s `nullable: true`.
    fn nullable(&mut self, map: &mut Map<String, Value>, place: &str) {
        let Some(nullable) = map.shift_remove("nullable") else { return };
        if nullable != Value::Bool(true) {
            return;
        }
        self.mended(place, "nullable", "read as the type `null` beside the others");
        if let Some(members) = map.get_mut("enum").and_then(Value::as_array_mut)
            && !members.contains(&Value::Null)
        {
            members.push(Value::Null);
        }
        match map.get_mut("type") {
            Some(Value::String(name)) if name != "null" => {
                let both = json!([name, "null"]);
                map.insert("type".to_owned(), both);
            }
            Some(Value::Array(names)) if !names.contains(&json!("null")) => names.push(json!("null")),
            Some(_) => {}
            None => {
                if ["$ref", "anyOf", "oneOf", "allOf", "const"].iter().any(|key| map.contains_key(*key)) {
                    let beside = std::mem::take(map);
                    map.insert("anyOf".to_owned(), json!([beside, {"type": "null"}]));
                }
            }
        }
    }
}

/// Whether the validator can match with this regular expression.
fn is_usable(pattern: &str) -> bool {
    super::matching().build(&json!({"pattern": pattern})).is_ok()
}

/// The start of a text, for a reason.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(60).chain(['…']).collect() }
}
