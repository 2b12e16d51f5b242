//! How deeply a template nests: refused before minijinja's compiler sees it.
//!
//! That compiler walks its syntax tree by recursion. It counts brackets, but `x + x + x ..`, `x.a.a.a ..` and a row of
//! `elif`s nest without any, and would overflow the stack.

use super::source::{Malformed, Tag, TokenKind};

/// An expression whose syntax tree is deeper than this would overflow the stack of minijinja's compiler.
const DEEPEST: usize = 400;

/// The same for blocks; each `elif` counts, for it is an `if` inside the last one.
pub(super) const DEEPEST_BLOCKS: usize = 120;

/// Refuses chains of operators, attributes, filters and brackets that nest too deeply.
pub(super) fn shallow(source: &str, tag: &Tag<'_>) -> Result<(), Malformed> {
    let mut links = vec![0_usize];
    for token in tag.words() {
        match token.text {
            "(" | "[" | "{" => links.push(1),
            ")" | "]" | "}" => {
                let inner = if links.len() > 1 { links.pop() } else { None };
                // What went on inside ended there; the call or subscript is one more link of the chain outside.
                links.last_mut().into_iter().for_each(|outer| *outer += usize::from(inner.is_some()));
            }
            "," | ":" | "=" => links.last_mut().into_iter().for_each(|links| *links = 0),
            _ if token.kind == TokenKind::Operator
                || matches!(token.text, "and" | "or" | "not" | "is" | "in" | "if") =>
            {
                links.last_mut().into_iter().for_each(|links| *links += 1);
            }
            _ => {}
        }
        if links.iter().sum::<usize>() > DEEPEST {
            return Err(Malformed { at: place(source, tag), what: "an expression that nests too deeply" });
        }
    }
    Ok(())
}

/// Keeps count of the open blocks, and of the `elif`s in each.
pub(super) fn nest(blocks: &mut Vec<usize>, tag: &Tag<'_>) {
    match tag.name().unwrap_or_default() {
        "elif" => blocks.last_mut().into_iter().for_each(|links| *links += 1),
        "if" | "for" | "macro" | "call" | "filter" | "with" | "block" | "autoescape" => blocks.push(1),
        "set" if !tag.words().any(|token| token.text == "=") => blocks.push(1),
        name if name.starts_with("end") && name != "endgeneration" => {
            blocks.pop();
        }
        _ => {}
    }
}

/// Where a tag stands in its source.
pub(super) fn place(source: &str, tag: &Tag<'_>) -> usize {
    (tag.open.as_ptr() as usize).saturating_sub(source.as_ptr() as usize)
}
