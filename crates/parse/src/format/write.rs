//! Calls to text, in a format's own words: for history, prompts and test data.
//!
//! Some calls cannot be said in some formats: a closing tag inside an unescaped parameter, an id where none has room.
//! So what was written is read back before it is handed out, and what does not come back whole is refused
//! ([`Unrepresentable`]), never written wrong. The shapes write their own values.

use std::fmt;

use serde_json::{Value, json};

use super::reader::{Reader, Step, Text};
use super::row::{Escape, Ids, JsonStyle, Nested, ParallelKind, ShapeName};
use super::shapes::{call_expr, elements, json_text};
use super::template::{Field, Piece, Template};
use super::{Body, Format, Offered};
use crate::chat::{Arguments, Call, CallId, Digits};
use crate::schema::{Member, Schema, View};

/// Calls that a format cannot say, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unrepresentable {
    /// The format.
    pub format: String,
    /// Why, in one sentence.
    pub reason: String,
}

impl fmt::Display for Unrepresentable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "format `{}` cannot represent these calls: {}", self.format, self.reason)
    }
}

impl std::error::Error for Unrepresentable {}

impl Format {
    /// The text of an assistant turn that makes these calls.
    ///
    /// ```
    /// use callwright_parse::chat::Call;
    /// use callwright_parse::format::Formats;
    /// let call = Call::new("add", serde_json::json!({"a": 1}).as_object().cloned().unwrap_or_default());
    /// let text = Formats::builtin().get("hermes")?.write(&[call]).unwrap();
    /// assert_eq!(text, "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>");
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn write(&self, calls: &[Call]) -> Result<String, Unrepresentable> {
        let text = self.unproven(calls)?;
        let echo = Echo::of(calls);
        let read = self.read_calls(&text, &echo);
        let same = |(wanted, got): (&Call, &Call)| wanted.name == got.name && wanted.arguments == got.arguments;
        if read.len() == calls.len() && calls.iter().zip(&read).all(same) {
            return Ok(text);
        }
        Err(self.refuse("the written calls would not parse back as the same calls"))
    }

    /// The text of these calls, of which nobody knows whether they can be read back from it.
    pub(super) fn unproven(&self, calls: &[Call]) -> Result<String, Unrepresentable> {
        if calls.is_empty() {
            return Ok(String::new());
        }
        if calls.len() > 1 && self.row.parallel.kind == ParallelKind::Single {
            return Err(self.refuse("it allows one call per turn"));
        }
        Ok(self.join(calls))
    }

    fn refuse(&self, reason: &str) -> Unrepresentable {
        Unrepresentable { format: self.name().to_owned(), reason: reason.to_owned() }
    }

    fn join(&self, calls: &[Call]) -> String {
        let enforce = self.enforce();
        let mut text = enforce.open;
        for (index, call) in calls.iter().enumerate() {
            if index > 0 {
                text.push_str(enforce.between);
            }
            text.push_str(enforce.call_open);
            self.item(call, index, &mut text);
            text.push_str(enforce.call_close);
        }
        text.push_str(&enforce.close);
        text
    }

    fn item(&self, call: &Call, index: usize, text: &mut String) {
        let body = self.written();
        for piece in body.item.pieces() {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Field(Field::Name) => text.push_str(&call.name),
                Piece::Field(Field::Id) => text.push_str(&id(call, index, self.row.ids)),
                Piece::Field(Field::Index) => text.push_str(&index.to_string()),
                Piece::Field(Field::Arguments) => {
                    json_text::arguments(&call.arguments, &call.digits, self.row.json, text);
                }
                Piece::Field(Field::Params) => self.params(body, call, text),
                Piece::Field(Field::Value) => {
                    call.arguments.values().filter_map(Value::as_str).for_each(|value| text.push_str(value));
                }
                Piece::Field(Field::Key | Field::Type | Field::IsString) => {}
            }
        }
    }

    fn params(&self, body: &Body, call: &Call, text: &mut String) {
        match (body.row.shape, &body.param) {
            (ShapeName::TaggedParams, Some(param)) => {
                for (key, value) in &call.arguments {
                    let written = between_tags(body, param, (value, &call.digits), self.row.json);
                    fill_param(param, key, value, &written, text);
                }
            }
            _ => call_expr::write(body, call, text),
        }
    }
}

/// The id that is written: the call's own, or one of the right look.
fn id(call: &Call, index: usize, ids: Ids) -> String {
    match (call.id.as_str(), ids) {
        ("", Ids::Any) => CallId::of_index(index).to_string(),
        (own, Ids::Nine) if own.len() != 9 || !own.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            format!("call{index:05}")
        }
        (own, _) => own.to_owned(),
    }
}

/// A parameter's value as it stands between its tags.
pub(super) fn between_tags(
    body: &Body,
    param: &Template,
    (value, digits): (&Value, &Digits),
    style: JsonStyle,
) -> String {
    let plain = match value {
        Value::String(own) => own.clone(),
        other if body.row.nested == Nested::Elements => {
            let mut inner = String::new();
            elements::write(other, digits, param, &mut inner);
            inner
        }
        other => json_text::text(other, digits, style),
    };
    match body.row.escape {
        Escape::Xml => plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        Escape::Cdata if plain.contains(['<', '&']) => {
            format!("<![CDATA[{}]]>", plain.replace("]]>", "]]]]><![CDATA[>"))
        }
        Escape::None | Escape::Cdata => plain,
    }
}

/// Fills a parameter's template.
fn fill_param(param: &Template, key: &str, value: &Value, written: &str, text: &mut String) {
    for piece in param.pieces() {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Field(Field::Key) => text.push_str(key),
            Piece::Field(Field::Value) => text.push_str(written),
            Piece::Field(Field::Type) => text.push_str(type_of(value)),
            Piece::Field(Field::IsString) => text.push_str(if value.is_string() { "true" } else { "false" }),
            Piece::Field(_) => {}
        }
    }
}

/// The JSON type of a value.
#[must_use]
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The tools that these calls would be of: every parameter has the type of its value.
struct Echo {
    tools: Vec<(String, Option<Schema>)>,
}

impl Echo {
    fn of(calls: &[Call]) -> Self {
        let mut tools: Vec<(String, Arguments)> = Vec::new();
        for call in calls {
            let schema = call.arguments.iter().map(|(key, value)| (key.clone(), json!({"type": type_of(value)})));
            match tools.iter_mut().find(|(name, _)| *name == call.name) {
                Some((_, known)) => {
                    for (key, own) in schema {
                        let merged = match known.get(&key) {
                            Some(other) if *other != own => json!({}),
                            _ => own,
                        };
                        known.insert(key, merged);
                    }
                }
                None => tools.push((call.name.clone(), schema.collect())),
            }
        }
        let typed = |properties: Arguments| Schema::of_tool(&json!({"properties": properties})).ok();
        Self { tools: tools.into_iter().map(|(name, properties)| (name, typed(properties))).collect() }
    }

    fn members(&self, name: &str) -> Option<(&Schema, &[Member])> {
        let schema = self.tools.iter().find(|(tool, _)| tool == name)?.1.as_ref()?;
        Some((schema, schema.members()))
    }
}

impl Offered for Echo {
    fn knows(&self, name: &str) -> bool {
        self.tools.iter().any(|(tool, _)| tool == name)
    }

    fn parameter(&self, name: &str, parameter: &str) -> Option<View<'_>> {
        let (schema, members) = self.members(name)?;
        let member = members.iter().find(|member| member.key == parameter)?;
        Some(View::at(schema, &member.node))
    }

    fn parameters(&self, name: &str) -> Vec<&str> {
        self.members(name).into_iter().flat_map(|(_, members)| members).map(|member| member.key.as_str()).collect()
    }

    fn positional(&self, _name: &str, _values: Vec<Value>) -> Arguments {
        Arguments::new()
    }
}

impl Format {
    /// The calls of a complete text, unchecked.
    fn read_calls(&self, text: &str, offered: &dyn Offered) -> Vec<Call> {
        let mut steps = Vec::new();
        Reader::new(self, "").read(self, Text { so_far: text, at_end: true }, offered, &mut steps);
        steps
            .into_iter()
            .filter_map(|step| match step {
                Step::Call(raw) => Some(Call::new(raw.name, raw.arguments.as_object().cloned().unwrap_or_default())),
                _ => None,
            })
            .collect()
    }
}
