//! Whether a row makes sense, told with line and reason.
//!
//! `serde` sees to keys and types; here is what it cannot see: a body without its fields, a format that nothing opens.

use super::row::{BodyRow, Place, Row, ShapeName};
use super::template::{Field, Template};
use crate::error::{Error, ErrorKind, Result};

/// The error of a file that is no row, with its line.
pub(super) fn located(text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    Error::new(ErrorKind::Format, format!("line {line}: {}", error.message()))
}

/// Checks what the types cannot say.
pub(super) fn check(row: &Row) -> Result<()> {
    let refuse = |reason: String| Err(Error::new(ErrorKind::Format, format!("format `{}`: {reason}", row.name)));
    if row.name.is_empty() {
        return refuse("it has no name".into());
    }
    if row.body.is_empty() {
        return refuse("it has no [[body]]".into());
    }
    let opens = [&row.section, &row.call].iter().any(|frame| !frame.open.trim().is_empty());
    let bare = row.body.iter().any(|body| body.bare != Place::Inside);
    if !opens && !bare && row.channels.is_none() {
        return refuse(
            "nothing opens a call: it needs `section.open`, `call.open`, [channels] or a `bare` body".into(),
        );
    }
    for (number, body) in row.body.iter().enumerate() {
        if let Some(reason) = fault_of(body) {
            return refuse(format!("body {}: {reason}", number + 1));
        }
    }
    if row.reasoning.iter().any(|tag| tag.close.is_empty()) {
        return refuse("a [[reasoning]] tag needs a `close`".into());
    }
    Ok(())
}

fn fault_of(body: &BodyRow) -> Option<&'static str> {
    for text in std::iter::once(&body.item).chain(&body.also) {
        let template = Template::new(text);
        if !template.has(Field::Name) && body.shape != ShapeName::NamedText {
            return Some("`item` needs the field {name}");
        }
        let (wanted, message) = match body.shape {
            ShapeName::JsonCalls | ShapeName::NamedJson => (Field::Arguments, "`item` needs the field {arguments}"),
            ShapeName::TaggedParams | ShapeName::CallExpr => (Field::Params, "`item` needs the field {params}"),
            ShapeName::NamedText => (Field::Value, "`item` needs the field {value}"),
        };
        if !template.has(wanted) {
            return Some(message);
        }
    }
    match (body.shape, body.param.as_deref().map(Template::new)) {
        (ShapeName::TaggedParams, None) => Some("tagged_params needs `param`"),
        (ShapeName::TaggedParams, Some(param)) if !param.has(Field::Key) || !param.has(Field::Value) => {
            Some("`param` needs the fields {key} and {value}")
        }
        (ShapeName::TaggedParams, Some(param))
            if param.lead().trim().is_empty() || param.closer(Field::Value).trim().is_empty() =>
        {
            Some("`param` needs literals before {key} and after {value}")
        }
        (ShapeName::TaggedParams, _) | (_, None) => None,
        (_, Some(_)) => Some("only tagged_params has `param`"),
    }
}
