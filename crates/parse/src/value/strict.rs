//! The strict path: `serde_json` itself, so that valid JSON comes out as it says, to the last digit.

use serde_json::Value;

use super::reader::Home;

/// The strict JSON value at `at`, and its end. Where Python may be meant only lists and objects are taken this way: a
/// number or string may go on behind what is a whole value in JSON.
pub(super) fn read(text: &str, at: usize, home: Home) -> Option<(Value, usize)> {
    let rest = text.get(at..)?;
    if home != Home::Json && !rest.trim_start_matches([' ', '\n', '\r', '\t']).starts_with(['{', '[']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
}
