//! From a format's written form and the tools' schemas to the grammar of what may be called.
//!
//! The grammar is built from the very pieces that the format writes with, so that what is enforced is what is read.
//! It must not know vocabularies: those come when a model decodes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;

use serde_json::{Value, json};

use super::block;
use super::constraint::Relaxation;
use super::grammar::{Grammar, Part, Term};
use super::kind::{Kind, Object};
use super::kinds::Kinds;
use super::literal::{Notation, Quotes, Scribe};
use super::tagged::Frame;
use callwright_parse::chat::{Call, ToolChoice};
use callwright_parse::check::ToolSet;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::{Enforce, Field, Format, Ids, JsonStyle, Literals, ParallelKind, Piece, ShapeName};
use callwright_parse::schema::Schema;

/// A tool that may be called, and how its schema is kept to.
#[derive(Debug, Clone)]
pub(super) struct Callable {
    pub(super) name: String,
    pub(super) schema: Arc<Schema>,
    /// Keywords of its schema that are left out, by place.
    pub(super) without: Vec<(String, String)>,
}

impl Callable {
    /// Whether the same grammar is made of it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = || Arc::ptr_eq(&self.schema, &other.schema) || self.schema.json() == other.schema.json();
        self.name == other.name && self.without == other.without && same()
    }
}

/// The tools that may be called; none where nothing is to be enforced.
pub(super) fn callable(tools: &ToolSet, choice: &ToolChoice) -> Result<Option<Vec<Callable>>> {
    let find = |name: &str| {
        let schema = Arc::clone(tools.schema(name)?);
        Some(Callable { name: name.to_owned(), schema, without: Vec::new() })
    };
    let all = || tools.tools().iter().filter_map(|tool| find(&tool.name)).collect::<Vec<_>>();
    match choice {
        ToolChoice::None => Ok(None),
        ToolChoice::Auto => Ok(Some(all()).filter(|tools| !tools.is_empty())),
        ToolChoice::Required if tools.tools().is_empty() => {
            Err(Error::new(ErrorKind::Input, "a tool call is required, but no tool is offered"))
        }
        ToolChoice::Required => Ok(Some(all())),
        ToolChoice::Named(name) => find(name).map(|tool| Some(vec![tool])).ok_or_else(|| {
            let names: Vec<&str> = tools.tools().iter().map(|tool| tool.name.as_str()).collect();
            Error::new(ErrorKind::Input, format!("unknown tool `{name}`"))
                .hint(format!("offered tools: {}", names.join(", ")))
        }),
    }
}

/// What a grammar was made of, its tools aside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) format: &'a Format,
    /// More than one call may follow one another.
    pub(super) several: bool,
    /// What stands between two calls may also stand before the first: it is one more that follows others.
    pub(super) following: bool,
    /// What of the beginning the prompt has written already.
    pub(super) written: usize,
    /// The JSON that the answer may be instead of calls.
    pub(super) answer: Option<&'a Callable>,
}

/// A grammar, and what it does not hold to.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) grammar: Grammar,
    pub(super) relaxed: Vec<Relaxation>,
    /// Keywords that are held to, by place, of the tool that was compiled last.
    held: Vec<(String, String)>,
    /// Which names and constants the format can say, as far as it was asked.
    sayable: RefCell<HashMap<String, bool>>,
}

/// The grammar of one turn's calls.
pub(super) fn calls(plan: Plan<'_>, tools: &[Callable]) -> Result<Compiled> {
    let pieces = plan.format.enforce();
    let mut compiled = Compiled::default();
    if let Some(answer) = plan.answer {
        let mut ways = vec![answered(&pieces, answer, &mut compiled)];
        if !tools.is_empty() {
            ways.push(vec![Term::rule("calls")]);
        }
        compiled.grammar.either("start", ways);
        if tools.is_empty() {
            return Ok(compiled);
        }
    }
    let opening = pieces.open.get(plan.written..).unwrap_or_default();
    let in_call = plan.written.saturating_sub(pieces.open.len());
    let mut start = vec![Term::literal(opening), Term::rule("call")];
    let several = plan.several && pieces.parallel != ParallelKind::Single;
    if several {
        start.push(Term::Repeat(vec![Term::rule("more")], 0, None));
    }
    start.push(Term::literal(&pieces.close));
    compiled.grammar.rule(if plan.answer.is_some() { "calls" } else { "start" }, start);
    let (mut calls, mut more) = (Vec::new(), Vec::new());
    for (index, tool) in tools.iter().enumerate() {
        let terms = match call(plan.format, &pieces, tool, &format!("tool_{index}"), &mut compiled) {
            Ok(terms) => terms,
            // A format for tools that run code is no format for the others.
            Err(error) if pieces.shape == ShapeName::NamedText && (index + 1 < tools.len() || !calls.is_empty()) => {
                let cause = format!("it is left out: {}", error.source().map(ToString::to_string).unwrap_or_default());
                compiled.relaxed.push(Relaxation { tool: tool.name.clone(), cause });
                continue;
            }
            Err(error) => return Err(error),
        };
        let (head, rest) = head(terms);
        let rule = format!("tool_{index}");
        // What stands between two calls is one literal with what follows: it may begin as the end of all calls does.
        more.push(vec![Term::literal(format!("{}{head}", pieces.between)), Term::rule(rule.as_str())]);
        calls.push(vec![Term::literal(head.get(in_call..).unwrap_or_default()), Term::rule(rule.as_str())]);
        compiled.grammar.rule(rule, rest);
    }
    if plan.following && !pieces.between.trim().is_empty() {
        calls.extend(more.iter().cloned());
    }
    compiled.grammar.either("call", calls);
    if several {
        compiled.grammar.either("more", more);
    }
    Ok(compiled)
}

/// An answer in JSON, held to its schema from its first byte.
fn answered(pieces: &Enforce<'_>, answer: &Callable, compiled: &mut Compiled) -> Vec<Term> {
    let mut kinds = Kinds::new(&answer.schema, &answer.without);
    let whole = kinds.whole();
    let value = compiled.grammar.value(&whole, &kinds, JsonStyle::Spaced);
    let told = kinds.told.into_iter().map(|cause| Relaxation { tool: answer.name.clone(), cause });
    compiled.relaxed.extend(told);
    vec![Term::literal(&pieces.answer), value]
}

/// The grammar of one tool's call alone, and the keywords that it is held to: to find out which tool a grammar fails for,
/// and why.
pub(super) fn alone(format: &Format, tool: &Callable) -> Result<(Grammar, Vec<(String, String)>)> {
    let mut compiled = Compiled::default();
    let terms = call(format, &format.enforce(), tool, "tool_0", &mut compiled)?;
    compiled.grammar.rule("start", terms);
    Ok((compiled.grammar, compiled.held))
}

/// One call of one tool with what stands around it.
fn call(
    format: &Format,
    pieces: &Enforce<'_>,
    tool: &Callable,
    rule: &str,
    compiled: &mut Compiled,
) -> Result<Vec<Term>> {
    let refused = |why: String| {
        let message = format!("calls of tool `{}` cannot be enforced in the format `{}`", tool.name, format.name());
        Error::new(ErrorKind::Grammar, message).because(why).hint(OTHERWISE)
    };
    let sayable = |arguments: Value| {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        format.write(&[Call::new(tool.name.clone(), arguments)]).is_ok()
    };
    let mut kinds = Kinds::new(&tool.schema, &tool.without);
    let only = (pieces.shape == ShapeName::NamedText).then(|| block::only(&mut kinds)).transpose().map_err(refused)?;
    let some = only.as_ref().map_or_else(|| json!({}), |only| json!({ only.key.as_str(): "x" }));
    if !sayable(some) {
        return Err(refused(format!("the format cannot represent the name `{}`", tool.name)));
    }
    let mut terms = vec![Term::literal(pieces.call_open)];
    let mut rest = pieces.item.pieces().iter().peekable();
    let mut closed = false;
    while let Some(piece) = rest.next() {
        match piece {
            Piece::Literal(text) => terms.push(Term::literal(text)),
            Piece::Field(Field::Name) => terms.push(Term::literal(written_name(&tool.name, &terms))),
            Piece::Field(Field::Arguments) if pieces.json != JsonStyle::Python => {
                let whole = kinds.whole();
                terms.push(compiled.grammar.value(&whole, &kinds, pieces.json));
            }
            Piece::Field(Field::Id) if pieces.ids == Ids::Nine => terms.push(Term::Letters("a-zA-Z0-9", 9, 9)),
            Piece::Field(Field::Id) => terms.push(Term::Letters("a-zA-Z0-9_", 1, 24)),
            Piece::Field(Field::Index) => terms.push(Term::Letters("0-9", 1, 2)),
            Piece::Field(Field::Arguments | Field::Params) => {
                let members = kinds.members();
                // Whether one parameter of this name and value can be said.
                let asked = |value: &Value| match value {
                    Value::Object(key) if key.len() == 1 => sayable(value.clone()),
                    value => sayable(json!({"value": value})),
                };
                // The same names and constants are in tool after tool.
                let known = &compiled.sayable;
                let says = |value: &Value| {
                    let key = value.to_string();
                    let told = known.borrow().get(&key).copied();
                    told.unwrap_or_else(|| {
                        let says = asked(value);
                        known.borrow_mut().insert(key, says);
                        says
                    })
                };
                let notation = notation(pieces);
                let mut scribe = Scribe {
                    grammar: &mut compiled.grammar,
                    kinds: &mut kinds,
                    notation: &notation,
                    sayable: &says,
                    constant: &|value| format.constant(value),
                    prefix: rule.to_owned(),
                    rules: 0,
                    around: String::new(),
                };
                let mut alternatives = Vec::new();
                if let (ShapeName::TaggedParams, Some(param)) = (pieces.shape, pieces.param) {
                    let tail: String = rest.by_ref().map(Piece::literal).chain([pieces.call_close]).collect();
                    let tags = format.endings();
                    let frame = Frame { pieces, param, tags: &tags, tail: &tail };
                    for members in members {
                        alternatives.push(frame.call(&mut scribe, &members).map_err(refused)?);
                    }
                    closed = true;
                } else if *piece == Piece::Field(Field::Arguments) {
                    for members in members {
                        let object = Kind::Object(Object { members, ..Object::default() });
                        alternatives.push(scribe.value(&object, "").map_err(refused)?);
                    }
                } else {
                    let equals = if notation.bare_keys { notation.colon } else { "=" };
                    for members in members {
                        alternatives.push(scribe.members(&members, true, equals, "").map_err(refused)?);
                    }
                }
                let name = format!("{rule}_params");
                compiled.grammar.either(name.as_str(), alternatives);
                terms.push(Term::Rule(name));
            }
            Piece::Field(Field::Value) if only.is_some() => {
                let close: String = rest.by_ref().map(Piece::literal).chain([pieces.call_close]).collect();
                let texts = only.iter().map(|only| block::text(&mut compiled.grammar, &mut kinds, only, &close));
                terms.extend(texts);
                closed = true;
            }
            Piece::Field(field) => {
                return Err(refused(format!("its calls contain `{field:?}`, whose value is unknown")));
            }
        }
    }
    if !closed {
        terms.push(Term::literal(pieces.call_close));
    }
    compiled.held = kinds.held;
    let told = kinds.told.into_iter().map(|cause| Relaxation { tool: tool.name.clone(), cause });
    compiled.relaxed.extend(told);
    Ok(terms)
}

/// What helps where something cannot be enforced.
pub(super) const OTHERWISE: &str =
    "simplify the schema, or run with `--no-enforce`: calls are then checked but not enforced";

/// How literals are written in calls of this format.
fn notation(pieces: &Enforce<'_>) -> Notation {
    let json = Notation {
        words: ["null", "true", "false"],
        comma: ", ",
        colon: ": ",
        texts: Quotes::Double,
        bare_keys: false,
    };
    let python = ["None", "True", "False"];
    match (pieces.shape, pieces.quote) {
        (ShapeName::CallExpr, Some(quote)) => {
            let texts = Quotes::Token(quote.to_owned());
            let words = if pieces.literals == Literals::Python { python } else { json.words };
            Notation { words, comma: ",", colon: ":", texts, bare_keys: true }
        }
        (ShapeName::CallExpr, None) if pieces.literals == Literals::Python => Notation { words: python, ..json },
        (ShapeName::JsonCalls | ShapeName::NamedJson, _) if pieces.json == JsonStyle::Python => {
            Notation { words: python, texts: Quotes::Single, ..json }
        }
        _ => json,
    }
}

/// The text that the terms begin with, and the other terms.
fn head(terms: Vec<Term>) -> (String, Vec<Term>) {
    let mut head = String::new();
    let mut rest = terms.into_iter().peekable();
    let markers =
        |term: &Term| matches!(term, Term::Literal(parts) if parts.iter().all(|part| matches!(part, Part::Marker(_))));
    while let Some(Term::Literal(parts)) = rest.next_if(markers) {
        head.extend(parts.iter().map(Part::text));
    }
    (head, rest.collect())
}

/// How much of the calls' beginning stands at the end of the prompt: a template may write it for the model.
pub(super) fn written(pieces: &Enforce<'_>, prompt_tail: &str) -> usize {
    let first = pieces.item.pieces().first().map(Piece::literal).unwrap_or_default();
    let opening = format!("{}{}{first}", pieces.open, pieces.call_open);
    let ends = (1..=opening.len()).rev().filter(|end| opening.is_char_boundary(*end));
    // A bracket or a quote alone ends many prompts and begins no call.
    ends.into_iter()
        .find(|end| opening[..*end].trim().len() > 2 && prompt_tail.ends_with(&opening[..*end]))
        .unwrap_or(0)
}

/// A name as it is written: with JSON's escapes where it stands in a JSON string.
fn written_name(name: &str, before: &[Term]) -> String {
    match before.last() {
        Some(Term::Literal(parts)) if parts.last().is_some_and(|part| part.text().ends_with('"')) => {
            let quoted = Value::from(name).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        _ => name.to_owned(),
    }
}
