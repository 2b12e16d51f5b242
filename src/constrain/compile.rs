//! From a format's written form and the tools' schemas to the grammar of what may be called.
//!
//! The grammar is built from the very pieces that the format writes with, so that what is enforced is what is read.
//! It must not know vocabularies: those come when a model decodes.

use serde_json::Value;

use super::grammar::{Grammar, Term};
use super::schema::{Strictness, enforced};
use crate::chat::ToolChoice;
use crate::check::ToolSet;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Enforce, Field, Ids, ParallelKind, Piece, ShapeName};

/// A tool that may be called, and how its schema is kept to.
#[derive(Debug, Clone)]
pub(super) struct Callable {
    pub(super) name: String,
    pub(super) schema: Value,
    pub(super) strictness: Strictness,
}

/// The tools that may be called; none where nothing is to be enforced.
pub(super) fn callable(tools: &ToolSet, choice: &ToolChoice) -> Result<Option<Vec<Callable>>> {
    let find = |name: &str| {
        let schema = tools.schema(name)?.clone();
        Some(Callable { name: name.to_owned(), schema, strictness: Strictness::Full })
    };
    let all = || tools.tools().iter().filter_map(|tool| find(&tool.name)).collect::<Vec<_>>();
    match choice {
        ToolChoice::None => Ok(None),
        ToolChoice::Auto => Ok(Some(all()).filter(|tools| !tools.is_empty())),
        ToolChoice::Required if tools.tools().is_empty() => {
            Err(Error::new(ErrorKind::Input, "a tool call is required and no tool is offered"))
        }
        ToolChoice::Required => Ok(Some(all())),
        ToolChoice::Named(name) => find(name).map(|tool| Some(vec![tool])).ok_or_else(|| {
            let names: Vec<&str> = tools.tools().iter().map(|tool| tool.name.as_str()).collect();
            Error::new(ErrorKind::Input, format!("no tool is called `{name}`"))
                .hint(format!("offered are: {}", names.join(", ")))
        }),
    }
}

/// The grammar of one turn's calls; `several`: more than one may follow one another.
pub(super) fn calls(pieces: &Enforce<'_>, tools: &[Callable], several: bool) -> Result<Grammar> {
    let mut grammar = Grammar::default();
    let mut start = vec![literal(&pieces.open), lark("call")];
    if several && pieces.parallel != ParallelKind::Single {
        start.extend([lark("("), literal(pieces.between), lark("call"), lark(")*")]);
    }
    start.push(literal(&pieces.close));
    grammar.rule("start", start);
    let any = (0..tools.len()).map(|index| format!("tool_{index}")).collect::<Vec<_>>().join(" | ");
    grammar.rule("call", [Term::Lark(any)]);
    for (index, tool) in tools.iter().enumerate() {
        let mut terms = vec![literal(pieces.call_open)];
        terms.extend(item(pieces, tool)?);
        terms.push(literal(pieces.call_close));
        grammar.rule(format!("tool_{index}"), terms);
    }
    Ok(grammar)
}

/// The grammar of one tool's arguments alone: to find out which tool a grammar fails for.
pub(super) fn arguments(pieces: &Enforce<'_>, tool: &Callable) -> Grammar {
    let mut grammar = Grammar::default();
    grammar.rule("start", [Term::Json(enforced(&tool.schema, pieces.json, tool.strictness))]);
    grammar
}

/// One call of one tool, markers aside.
fn item(pieces: &Enforce<'_>, tool: &Callable) -> Result<Vec<Term>> {
    if !matches!(pieces.shape, ShapeName::JsonCalls | ShapeName::NamedJson) {
        return Err(Error::new(ErrorKind::Grammar, "calls of this format cannot be enforced yet")
            .hint("run with `--no-enforce`: calls are then checked but not enforced"));
    }
    let mut terms: Vec<Term> = Vec::new();
    for piece in pieces.item.pieces() {
        let term = match piece {
            Piece::Literal(text) => literal(text),
            Piece::Field(Field::Name) => Term::Literal(written_name(&tool.name, &terms)),
            Piece::Field(Field::Arguments) => Term::Json(enforced(&tool.schema, pieces.json, tool.strictness)),
            Piece::Field(Field::Id) if pieces.ids == Ids::Nine => lark("/[a-zA-Z0-9]{9}/"),
            Piece::Field(Field::Id) => lark("/[a-zA-Z0-9_]{1,24}/"),
            Piece::Field(Field::Index) => lark("/[0-9]{1,2}/"),
            Piece::Field(field) => {
                return Err(Error::new(ErrorKind::Format, format!("`{field:?}` cannot stand in a call of this shape")));
            }
        };
        terms.push(term);
    }
    Ok(terms)
}

fn literal(text: &str) -> Term {
    Term::Literal(text.to_owned())
}

fn lark(text: &str) -> Term {
    Term::Lark(text.to_owned())
}

/// A name as it is written: with JSON's escapes where it stands in a JSON string.
fn written_name(name: &str, before: &[Term]) -> String {
    match before.last() {
        Some(Term::Literal(text)) if text.ends_with('"') => {
            let quoted = Value::from(name).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        _ => name.to_owned(),
    }
}
