//! A call that is one text: a code block whose language is the tool's name.
//!
//! Only tools whose one parameter is a text can be called so; others are left out of the grammar, and told. It must not
//! know markers.

use super::expression::{Expression, escaped};
use super::grammar::{Free, Grammar, Term};
use super::kind::{Kind, Member, Text};
use super::kinds::Kinds;
use super::literal::Unwritable;
use super::texts::{Asked, holding};

/// The only parameter of a tool, where it is a text.
pub(super) fn only(kinds: &mut Kinds<'_>) -> Result<Member, Unwritable> {
    let alternatives = kinds.members();
    let [members] = alternatives.as_slice() else { return Err(WHY.to_owned()) };
    let [only] = members.as_slice() else { return Err(WHY.to_owned()) };
    let is_text = match &only.kind {
        Kind::Any | Kind::Text(_) => true,
        Kind::Named(index) => matches!(kinds.named(*index), Kind::Any | Kind::Text(_)),
        _ => false,
    };
    if is_text { Ok(only.clone()) } else { Err(WHY.to_owned()) }
}

const WHY: &str = "a call is a single string in this format, so the tool needs exactly one parameter, of type string";

/// The text, up to what ends it and with it.
pub(super) fn text(grammar: &mut Grammar, kinds: &mut Kinds<'_>, only: &Member, close: &str) -> Term {
    let kind = if let Kind::Named(index) = &only.kind { kinds.named(*index).clone() } else { only.kind.clone() };
    let none = Text::default();
    let own = if let Kind::Text(own) = &kind { own } else { &none };
    // A text that begins as its end does would be taken for an empty one.
    let other = Expression::not(format!("{}(?s:.*)", escaped(close.trim_start())));
    let also = vec![Expression::without(&escaped(close)), other];
    let content = holding(kinds, own, &format!("/{}", only.key), Asked { also, ..Asked::default() });
    grammar.free(Free { content, stop: close.to_owned(), never: close.trim().to_owned(), segments: None })
}
