//! A request's fields, each read by its name; what nobody reads is ignored.

use callwright::chat::Sampling;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Refusal;

/// The fields of a JSON object.
#[derive(Debug)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// A body's.
    pub(crate) fn of(body: Value) -> Result<Self, Refusal> {
        match body {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(Refusal::invalid(format!("the body must be a JSON object, and is {}", kind(&other)))),
        }
    }

    /// A field, where it is there and not null.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Refusal> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let what = kind(&value);
                serde_json::from_value(value)
                    .map(Some)
                    .map_err(|flaw| Refusal::invalid(format!("`{name}` cannot be {what}: {flaw}")))
            }
        }
    }

    /// The first of these fields that is there.
    pub(crate) fn first<T: DeserializeOwned>(&mut self, names: &[&str]) -> Result<Option<T>, Refusal> {
        for name in names {
            if let Some(value) = self.take(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// A list whose entries are read one by one; it may be missing.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<Value>, Refusal> {
        Ok(self.take(name)?.unwrap_or_default())
    }

    /// The sampling that these fields ask for, by the names that most dialects share.
    pub(crate) fn sampling(&mut self) -> Result<Sampling, Refusal> {
        let mut sampling = Sampling::default();
        let floats = [
            ("temperature", &mut sampling.temperature),
            ("top_p", &mut sampling.top_p),
            ("min_p", &mut sampling.min_p),
            ("repeat_penalty", &mut sampling.repeat_penalty),
            ("presence_penalty", &mut sampling.presence_penalty),
            ("frequency_penalty", &mut sampling.frequency_penalty),
        ];
        for (name, place) in floats {
            if let Some(value) = self.take(name)? {
                *place = value;
            }
        }
        // Some clients send -1 for "no limit" and "any seed".
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        if let Some(value) = self.take("top_k")? {
            sampling.top_k = usize::try_from(count(value)).unwrap_or(usize::MAX);
        }
        if let Some(value) = self.take("seed")? {
            sampling.seed = count(value);
        }
        sampling.flaw().map_or(Ok(sampling), |flaw| Err(Refusal::invalid(flaw)))
    }

    /// The texts that end an answer: one, or a list.
    pub(crate) fn stop(&mut self, name: &str) -> Result<Vec<String>, Refusal> {
        let stop = self.take::<Value>(name)?;
        let texts = match stop {
            None => Vec::new(),
            Some(Value::String(text)) => vec![text],
            Some(other) => serde_json::from_value(other)
                .map_err(|_| Refusal::invalid(format!("`{name}` must be a text or a list of texts")))?,
        };
        Ok(texts.into_iter().filter(|text| !text.is_empty()).collect())
    }

    /// The most tokens of an answer, if a limit is set. Some clients send 0 or -1 for none.
    pub(crate) fn max_tokens(&mut self, names: &[&str]) -> Result<usize, Refusal> {
        let set = self.first::<i64>(names)?;
        Ok(set.and_then(|most| usize::try_from(most).ok()).filter(|most| *most > 0).unwrap_or(usize::MAX))
    }
}

/// What a value is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
