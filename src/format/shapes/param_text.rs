//! The text of a parameter's element: without its framing, its characters as they are meant.

use crate::format::row::Escape;
use crate::format::template::{Field, Piece, Template};

/// The value without its framing: one newline on each side, where the format writes them.
pub(crate) fn framed<'t>(text: &'t str, param: Option<&Template>) -> &'t str {
    let Some(param) = param else { return text };
    let opens = matches!(param.before(Field::Value).last(), Some(Piece::Literal(last)) if last.ends_with('\n'));
    if !opens {
        return text;
    }
    let text = text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text);
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

/// The value's characters as they are meant.
pub(crate) fn unescape(text: &str, escape: Escape) -> String {
    match escape {
        Escape::None => text.to_owned(),
        Escape::Xml => text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"),
        Escape::Cdata => {
            let trimmed = text.trim();
            match trimmed.strip_prefix("<![CDATA[").and_then(|rest| rest.strip_suffix("]]>")) {
                Some(inner) => inner.replace("]]]]><![CDATA[>", "]]>"),
                None => text.to_owned(),
            }
        }
    }
}
