//! Strict JSON, by `serde_json` itself.

use serde_json::Value;

use super::reader::Home;

pub(super) fn read(text: &str, at: usize, _home: Home) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text.get(at..)?).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
}
