//! Arguments that are no JSON: one `key: value` a line, or the text of a tool's only parameter.
//!
//! Models that were only prompted write them so. Nothing is guessed: every line must name a parameter of the tool, text
//! alone is the argument of a tool that has just one parameter, and no text that of a tool that has none. What a value's
//! text means is asked of the tool's schema.

use serde_json::{Map, Value};

use crate::chat::FixKind;
use crate::format::Offered;
use crate::value;

/// The arguments that this text says, and what was tolerated.
pub(crate) fn read(text: &str, name: &str, offered: &dyn Offered) -> Option<(Map<String, Value>, FixKind)> {
    if !offered.knows(name) {
        return None;
    }
    let said = unquoted(text);
    match offered.parameters(name).as_slice() {
        [] if is_nothing(&said) => Some((Map::new(), FixKind::NoArguments)),
        [only] if lines(text, name, offered).is_none() => {
            let plain = !said.is_empty() && !said.contains('\n') && !said.starts_with(['{', '[', '<']);
            // A question may be what is asked of a tool; a statement is the model's own word.
            let plain = plain && (said.ends_with('?') || !is_sentence(&said));
            let schema = offered.parameter(name, only)?;
            plain.then(|| (Map::from_iter([((*only).to_owned(), value::typed(&said, schema).value)]), FixKind::Shape))
        }
        _ => lines(text, name, offered).map(|arguments| (arguments, FixKind::Shape)),
    }
}

/// Whether nothing more can belong to a text that ends here: a quote or a newline closes it, or there is nothing to say.
pub(crate) fn is_whole(text: &str, name: &str, offered: &dyn Offered) -> bool {
    let alone = text.trim();
    if alone.is_empty() {
        return offered.knows(name) && offered.parameters(name).is_empty();
    }
    let quoted = value::quoted(alone, 0).is_some_and(|(_, end)| end == alone.len());
    quoted || !alone.contains('\n') && text.trim_end_matches([' ', '\t']).ends_with('\n')
}

/// As [`read`], for text of any length that is all there is, as a tool's only parameter: code, where the parameter is one
/// of these that hold code, or a number or the like. A sentence is neither.
pub(crate) fn whole(
    text: &str,
    name: &str,
    code: &[String],
    offered: &dyn Offered,
) -> Option<(Map<String, Value>, FixKind)> {
    let parameters = if offered.knows(name) { offered.parameters(name) } else { Vec::new() };
    let [only] = parameters.as_slice() else { return None };
    let said = value::typed(text, offered.parameter(name, only)?).value;
    if is_sentence(text) || said.is_string() && !code.iter().any(|word| word == only) {
        return None;
    }
    Some((Map::from_iter([((*only).to_owned(), said)]), FixKind::Shape))
}

/// Whether a text is a sentence: several words from a capital letter to a full stop, and nothing that code is made of.
fn is_sentence(text: &str) -> bool {
    const CODE: [char; 14] = ['=', '(', ')', '{', '}', '[', ']', ';', '<', '>', '|', '#', '$', '\\'];
    let text = text.trim();
    let begins = text.chars().next().is_some_and(char::is_uppercase);
    let ends = text.ends_with(['.', '!', '?', '…', ':']);
    let first = text.get(..text.floor_char_boundary(LONGEST_SENTENCE)).unwrap_or(text);
    begins && ends && !first.contains(CODE) && first.split_whitespace().take(3).count() == 3
}

/// Code signs are looked for no further.
const LONGEST_SENTENCE: usize = 2000;

/// The text without quotes around it.
fn unquoted(text: &str) -> String {
    let text = text.trim();
    match value::quoted(text, 0) {
        Some((inner, end)) if end == text.len() => inner,
        _ => text.to_owned(),
    }
}

fn is_nothing(text: &str) -> bool {
    text.is_empty() || value::json(text, 0).is_ok_and(|reading| reading.value.is_null() && reading.end == text.len())
}

/// One `key: value` a line, all indented alike.
fn lines(text: &str, name: &str, offered: &dyn Offered) -> Option<Map<String, Value>> {
    let mut arguments = Map::new();
    let mut indent = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let own = line.len() - line.trim_start().len();
        let (key, written) = line.trim().split_once(':')?;
        let key = key.trim().trim_matches(['"', '\'', '`']);
        let written = written.trim();
        // A value that goes on over more lines, or that another line nests.
        let more = written.is_empty() || written.starts_with(['|', '>', '&', '*', '!']);
        if more || *indent.get_or_insert(own) != own {
            return None;
        }
        let schema = offered.parameter(name, key)?;
        let value = value::typed(&unquoted(written), schema).value;
        if arguments.insert(key.to_owned(), value).is_some() {
            return None;
        }
    }
    (!arguments.is_empty()).then_some(arguments)
}
