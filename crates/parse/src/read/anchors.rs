//! Where a text names an offered tool.
//!
//! Names are folded, so that `math_gcd`, `Math.GCD` and `math\_gcd` are one, and looked for inside longer words too, as
//! prose runs into a name (`the API call.weather_now`). One pass, no schema.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::check::{ToolSet, fold};
use crate::value;

/// A place where a tool is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Anchor {
    /// The name, without Markdown's escapes.
    pub(super) name: String,
    pub(super) span: Range<usize>,
    /// The innermost `{` that is open there.
    pub(super) brace: Option<usize>,
    /// Only the last part of the tool's name stands there: `get` for `net_worth.get`.
    pub(super) short: bool,
}

/// All places, from left to right.
pub(super) fn anchors(text: &str, tools: &ToolSet) -> Vec<Anchor> {
    let known: HashSet<String> = tools.tools().iter().map(|tool| fold(&tool.name)).collect();
    let shorts = last_parts(tools);
    let longest = known.iter().map(String::len).max().unwrap_or(0) * 2 + 16;
    let bytes = text.as_bytes();
    let (mut found, mut braces, mut at) = (Vec::new(), Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => braces.push(at),
            b'}' => {
                braces.pop();
            }
            byte if begins_word(byte) => {
                let Some(word) = value::name(text, at) else {
                    at += 1;
                    continue;
                };
                let brace = braces.last().copied();
                if let Some(span) = named(text, &word, &known, longest) {
                    let name = text[span.clone()].replace("\\_", "_");
                    found.push(Anchor { name, span, brace, short: false });
                } else if let Some(Some(name)) = shorts.get(&text[word.clone()]) {
                    found.push(Anchor { name: (*name).to_owned(), span: word.clone(), brace, short: true });
                }
                at = word.end.max(at + 1);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The last parts of dotted names, with the one tool that each belongs to; nothing where it belongs to several.
fn last_parts(tools: &ToolSet) -> HashMap<&str, Option<&str>> {
    let mut parts: HashMap<&str, Option<&str>> = HashMap::new();
    for tool in tools.tools() {
        if let Some((_, last)) = tool.name.rsplit_once('.') {
            parts.entry(last).and_modify(|one| *one = None).or_insert(Some(&tool.name));
        }
    }
    parts
}

fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | b'$') || byte >= 0x80
}

/// The part of a word that names a tool: all of it, or what follows one of its dots or colons.
fn named(text: &str, word: &Range<usize>, known: &HashSet<String>, longest: usize) -> Option<Range<usize>> {
    let whole = &text[word.clone()];
    let starts = whole.match_indices(['.', ':', '/']).map(|(offset, _)| offset + 1);
    std::iter::once(0).chain(starts).filter(|start| whole.len() - start <= longest && *start < whole.len()).find_map(
        |start| {
            let name = &whole[start..];
            // The number of the call, in ids: `name:0`.
            let plain = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).strip_suffix(':');
            let plain = plain.filter(|plain| plain.len() + 1 < name.len());
            let named = [Some(name), plain].into_iter().flatten().find(|name| known.contains(&fold(name)))?;
            Some(word.start + start..word.start + start + named.len())
        },
    )
}
