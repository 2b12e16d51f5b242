//! A call that is one text: a code block whose language is the tool's name.
//!
//! Only tools whose one parameter is a text can be called so; others are left out of the grammar, and told. It must not
//! know markers.

use super::grammar::{Free, Grammar, Term, escaped, without};
use super::kind::{Kind, Kinds, Member};
use super::literal::Unwritable;

/// The only parameter of a tool, where it is a text.
pub(super) fn only(kinds: &mut Kinds<'_>) -> Result<Member, Unwritable> {
    let alternatives = kinds.members();
    let [members] = alternatives.as_slice() else { return Err(WHY.to_owned()) };
    let [only] = members.as_slice() else { return Err(WHY.to_owned()) };
    let is_text = match &only.kind {
        Kind::Any | Kind::Text { .. } => true,
        Kind::Named(index) => matches!(kinds.named(*index), Kind::Any | Kind::Text { .. }),
        _ => false,
    };
    if is_text { Ok(only.clone()) } else { Err(WHY.to_owned()) }
}

const WHY: &str = "a call is a single string in this format, so the tool needs exactly one parameter, of type string";

/// The text, up to what ends it and with it.
pub(super) fn text(grammar: &mut Grammar, kinds: &mut Kinds<'_>, only: &Member, close: &str) -> Term {
    let kind = if let Kind::Named(index) = &only.kind { kinds.named(*index).clone() } else { only.kind.clone() };
    let (least, most) = match &kind {
        Kind::Text { least, most, schema } => kinds.searched(schema, (*least, *most), &format!("/{}", only.key)),
        _ => (0, None),
    };
    let most = most.map(|most| most.to_string()).unwrap_or_default();
    // A text that begins as its end does would be taken for an empty one.
    let begins = escaped(close.trim_start());
    let content = format!("(/(?s:.{{{least},{most}}})/ & {} & ~/{begins}(?s:.*)/)", without(&escaped(close)));
    grammar.free(Free { content, stop: close.to_owned(), never: close.trim().to_owned(), segments: None })
}
