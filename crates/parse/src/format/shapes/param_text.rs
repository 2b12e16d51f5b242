//! The text of a parameter's element: without its framing, its characters as they are meant.

use crate::format::extent::{Starts, starts};
use crate::format::item::Scene;
use crate::format::row::Escape;
use crate::format::template::{Field, Piece, Template};

/// The value without its framing: one newline on each side, where the format writes them.
pub(crate) fn framed<'t>(text: &'t str, param: Option<&Template>) -> &'t str {
    let Some(param) = param else { return text };
    let opens = matches!(param.before(Field::Value).last(), Some(Piece::Literal(last)) if last.ends_with('\n'));
    if !opens {
        return text;
    }
    without_newline(text.strip_prefix("\r\n").or_else(|| text.strip_prefix('\n')).unwrap_or(text))
}

/// The text without one newline at its end.
pub(crate) fn without_newline(text: &str) -> &str {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(text)
}

/// What opens text that holds no tags.
const CDATA: &str = "<![CDATA[";
/// What closes it.
const CDATA_END: &str = "]]>";

/// The value's characters as they are meant.
pub(crate) fn unescape(text: &str, escape: Escape) -> String {
    match escape {
        Escape::Xml => text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"),
        Escape::Cdata if text.trim_start().starts_with(CDATA) => without_cdata(text.trim()),
        Escape::None | Escape::Cdata => text.to_owned(),
    }
}

/// What stands in the parts of a text that begins with `<![CDATA[`, and between them.
fn without_cdata(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, inner)) = rest.split_once(CDATA) {
        let Some((inner, after)) = inner.split_once(CDATA_END) else { break };
        plain.extend([before, inner]);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// How far the parts in CDATA reach that a value begins with.
pub(crate) enum Reached {
    /// To the byte that the cursor stands on now.
    End,
    /// Further than the text so far.
    Wait,
    /// Further than the text.
    Cut,
}

/// Moves the cursor behind the `<![CDATA[..]]>` that a value begins with: what stands in there is nothing but text. No
/// end of it begins before `searched`.
pub(crate) fn past_cdata(scene: &Scene<'_>, at: &mut usize, searched: &mut usize) -> Reached {
    let bytes = scene.text.as_bytes();
    loop {
        let next = scene.skip_blanks(*at);
        match starts(&bytes[next..], CDATA, scene.at_end) {
            Starts::Perhaps => return Reached::Wait,
            Starts::No => return Reached::End,
            Starts::Yes => {}
        }
        let from = (*searched).max(next + CDATA.len());
        let Some(offset) = memchr::memmem::find(&bytes[from..], CDATA_END.as_bytes()) else {
            *searched = from.max((bytes.len() + 1).saturating_sub(CDATA_END.len()));
            return if scene.at_end { Reached::Cut } else { Reached::Wait };
        };
        *at = from + offset + CDATA_END.len();
        *searched = *at;
    }
}
