//! What the text of an answer must be where the model makes no call.
//!
//! OpenAI's shapes are read, of both its surfaces: `{"type": "json_schema", "json_schema": {..}}` and the same flat. One
//! shape is written. Beside tools the form is no rival of theirs: the model makes a call, or gives the final answer in it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// The form of a final answer.
///
/// ```
/// use callwright_parse::chat::{Answer, Request};
/// use serde_json::json;
/// let place = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
/// let request = Request::new("Where is the opera?").answer(Answer::schema("place", place));
/// assert_eq!(json!(request.answer)["json_schema"]["name"], "place");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Answer {
    /// Text, as the model sees fit.
    #[default]
    Text,
    /// Any JSON object.
    Json,
    /// JSON that satisfies a schema.
    Schema(AnswerSchema),
}

/// The schema that a final answer satisfies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerSchema {
    /// Its name, for people and providers.
    #[serde(default)]
    pub name: String,
    /// What the answer is, for the model.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// JSON Schema of the answer.
    pub schema: Value,
    /// Whether a provider shall hold its model to it; a model here is held in either case.
    #[serde(default, deserialize_with = "or_default")]
    pub strict: bool,
}

impl Answer {
    /// An answer that satisfies this JSON Schema.
    #[must_use]
    pub fn schema(name: impl Into<String>, schema: Value) -> Self {
        Self::Schema(AnswerSchema { name: name.into(), description: String::new(), schema, strict: true })
    }

    /// Whether it is text as the model sees fit.
    #[must_use]
    pub fn is_text(&self) -> bool {
        *self == Self::Text
    }

    /// The JSON Schema that the text satisfies, where it must be JSON.
    #[must_use]
    pub fn json_schema(&self) -> Option<Value> {
        match self {
            Self::Text => None,
            Self::Json => Some(json!({"type": "object"})),
            Self::Schema(form) => Some(form.schema.clone()),
        }
    }
}

/// The value, or the default where it is null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        enum Shape {
            Text,
            JsonObject,
            JsonSchema(Schema),
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Schema {
            Wrapped { json_schema: AnswerSchema },
            Flat(AnswerSchema),
        }
        Ok(match Shape::deserialize(from)? {
            Shape::Text => Self::Text,
            Shape::JsonObject => Self::Json,
            Shape::JsonSchema(Schema::Wrapped { json_schema: form } | Schema::Flat(form)) => Self::Schema(form),
        })
    }
}

impl Serialize for Answer {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text => json!({"type": "text"}),
            Self::Json => json!({"type": "json_object"}),
            Self::Schema(form) => json!({"type": "json_schema", "json_schema": form}),
        }
        .serialize(to)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::{Answer, AnswerSchema};
    use serde_json::{Value, json};

    #[test]
    fn both_shapes_are_read_and_what_is_written_is_read_again() {
        let read = |value: &Value| serde_json::from_value::<Answer>(value.clone()).unwrap();
        let (schema, name) = (json!({"type": "object"}), "a");
        let own = Answer::schema(name, schema.clone());
        let flat = json!({"type": "json_schema", "name": name, "schema": schema, "strict": true});
        let wrapped = json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": true}});
        assert_eq!((read(&flat), read(&wrapped)), (own.clone(), own.clone()));
        let loose = json!({"type": "json_schema", "name": name, "schema": schema, "strict": null, "description": null});
        let Answer::Schema(AnswerSchema { strict: false, .. }) = read(&loose) else { panic!("{loose}") };
        for answer in [Answer::Text, Answer::Json, own] {
            assert_eq!(read(&json!(answer)), answer);
        }
        assert!(serde_json::from_value::<Answer>(json!({"type": "json_schema"})).is_err());
    }
}
