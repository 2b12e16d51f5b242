//! A name among literals, then one element a parameter: `<parameter=city>\nOslo\n</parameter>`.

use serde_json::Value;

use super::json_text;
use crate::format::Body;
use crate::format::row::{Escape, JsonStyle};
use crate::format::template::Template;
use crate::format::write::fill_param;

/// Writes one parameter.
pub(crate) fn write(body: &Body, param: &Template, (key, value): (&str, &Value), style: JsonStyle, text: &mut String) {
    let plain = match value {
        Value::String(own) => own.clone(),
        other => json_text::text(other, style),
    };
    let written = match body.row.escape {
        Escape::None => plain,
        Escape::Xml => plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        Escape::Cdata if plain.contains(['<', '&']) => {
            format!("<![CDATA[{}]]>", plain.replace("]]>", "]]]]><![CDATA[>"))
        }
        Escape::Cdata => plain,
    };
    fill_param(param, key, value, &written, text);
}
