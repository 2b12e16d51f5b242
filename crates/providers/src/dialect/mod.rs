//! The wire dialects: a request into JSON, and frames into pieces of a reply. Pure functions both ways.
//!
//! A dialect knows no socket, no clock and no vendor; what a vendor does otherwise comes in as
//! [`Quirks`]. What is complete and what a fragment belongs to is the assembler's business.

mod anthropic;
mod cohere;
mod gemini;
mod ollama;
mod openai_chat;
mod openai_responses;

use std::fmt::Debug;

use serde_json::Value;

use super::asking::Asking;
use super::assembler::Assembler;
use super::frames::Framing;
use super::trouble::Trouble;
use super::{KeyHeader, Quirks};

/// How one family of servers is spoken to.
pub(super) trait Dialect: Send + Sync + Debug {
    /// How a streamed body is cut.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// Where a turn is asked for, below the base address.
    fn path(&self, model: &str) -> String;

    /// Where the models are listed.
    fn models_path(&self) -> &'static str {
        "/models"
    }

    /// Where a model is fetched to the server, where that can be asked for.
    fn pull_path(&self) -> Option<&'static str> {
        None
    }

    /// The header that carries the key.
    fn key_header(&self) -> KeyHeader {
        KeyHeader::Bearer
    }

    /// Headers that each request has.
    fn headers(&self, _quirks: &Quirks) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Whether an image may be an address, which the provider then looks up.
    fn takes_image_urls(&self) -> bool {
        true
    }

    /// The request's body.
    fn write(&self, asking: &mut Asking<'_>) -> Value;

    /// Reads one reply.
    fn reader(&self, quirks: &Quirks) -> Box<dyn Reader>;

    /// The names in a list of models.
    fn model_names(&self, body: &Value) -> Vec<String> {
        names_at(body, "data", "id")
    }
}

/// Reads the frames of one reply.
pub(super) trait Reader: Send {
    /// Takes one frame. Frames that say that something went wrong never come here.
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble>;

    /// The stream ended by itself, after this many complete frames or none.
    fn end(&mut self, _to: &mut Assembler) {}
}

/// Every dialect that is built in.
const BUILT_IN: [(&str, &dyn Dialect); 6] = [
    ("openai_chat", &openai_chat::OpenAiChat),
    ("openai_responses", &openai_responses::OpenAiResponses),
    ("anthropic", &anthropic::Anthropic),
    ("gemini", &gemini::Gemini),
    ("cohere", &cohere::Cohere),
    ("ollama", &ollama::Ollama),
];

/// The dialect of this name.
pub(super) fn named(name: &str) -> Option<&'static dyn Dialect> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, dialect)| *dialect)
}

/// The names of all built-in dialects.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

fn names_at(body: &Value, list: &str, key: &str) -> Vec<String> {
    let items = body.get(list).and_then(Value::as_array).or(body.as_array());
    let name = |item: &Value| item.get(key).and_then(Value::as_str).map(str::to_owned);
    items.into_iter().flatten().filter_map(name).collect()
}

/// The text at a path of keys.
fn text<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(value, path)?.as_str()
}

/// The number at a path of keys. Some servers count in floats.
fn count(value: &Value, path: &[&str]) -> Option<u64> {
    let number = at(value, path)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a sensible count")]
    let rounded = || number.as_f64().filter(|count| (0.0..1e15).contains(count)).map(|count| count as u64);
    number.as_u64().or_else(rounded)
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

fn items<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
