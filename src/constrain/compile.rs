//! From a format's written form and the tools' schemas to the grammar of what may be called.
//!
//! The grammar is built from the very pieces that the format writes with, so that what is enforced is what is read.
//! Where the call is demanded the grammar holds from the first byte (after reasoning); where it is the model's choice
//! it holds from the sighting of a call on. It must not know vocabularies: those come when a model decodes.

use std::sync::Arc;

use llguidance::ParserFactory;
use serde_json::Value;

use super::grammar::{Grammar, Term};
use super::matcher::Matcher;
use super::schema::{Spacing, enforced};
use crate::chat::ToolChoice;
use crate::check::ToolSet;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Enforce, Field, Format, Ids, ParallelKind, Piece, Scout, ShapeName};

/// What may come next in one turn. Cloning it shares the grammar.
///
/// ```
/// use callwright::chat::{Tool, ToolChoice};
/// use callwright::check::ToolSet;
/// use callwright::constrain::Constraint;
/// use callwright::format::Formats;
///
/// let tools = ToolSet::compile(&[Tool::new("now", "tells the time", serde_json::json!({"type": "object"}))])?;
/// let hermes = Formats::builtin().get("hermes")?;
/// let constraint = Constraint::compile(&hermes, &tools, &ToolChoice::Required, true, "")?.unwrap();
/// assert!(constraint.grammar().contains("<tool_call>"));
/// # Ok::<(), callwright::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Constraint {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    grammar: Grammar,
    /// The grammar's text for a vocabulary without control tokens: what people are shown, and the key of caches.
    text: String,
    mode: Mode,
    parallel: bool,
    /// Texts that end free text inside a call.
    ends: Vec<String>,
    format: Arc<Format>,
    prompt_tail: String,
    tools: Vec<(String, Value)>,
}

/// When the grammar holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// From the first byte, after reasoning of one of these kinds.
    FromStart(Vec<Thinking>),
    /// From the beginning of a call that the model makes by itself.
    Watch,
}

/// How a model's reasoning is framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thinking {
    /// What opens it.
    pub open: String,
    /// What closes it.
    pub close: String,
    /// Whether the prompt has opened it already.
    pub opened: bool,
}

impl Constraint {
    /// What these tools allow in this format; none where nothing is to be enforced.
    ///
    /// `prompt_tail` is the end of the prompt (or all of it): reasoning that it opens is not opened again.
    pub fn compile(
        format: &Arc<Format>,
        tools: &ToolSet,
        choice: &ToolChoice,
        parallel: bool,
        prompt_tail: &str,
    ) -> Result<Option<Self>> {
        let Some(tools) = chosen(tools, choice)? else { return Ok(None) };
        let pieces = format.enforce();
        let mode = match choice {
            ToolChoice::Auto | ToolChoice::None => Mode::Watch,
            ToolChoice::Required | ToolChoice::Named(_) => Mode::FromStart(thinking(&pieces, prompt_tail)),
        };
        // Where the whole frame is repeated, a watched call ends with its own frame, and text may follow.
        let one_frame = mode == Mode::Watch && pieces.parallel == ParallelKind::Repeat && pieces.open.is_empty();
        let grammar = calls(&pieces, &tools, parallel && !one_frame)?;
        let shared = Shared {
            text: grammar.lark(&[]),
            grammar,
            mode,
            parallel: parallel && pieces.parallel != ParallelKind::Single,
            ends: vec!["\"".to_owned()],
            format: Arc::clone(format),
            prompt_tail: prompt_tail.to_owned(),
            tools,
        };
        Ok(Some(Self { shared: Arc::new(shared) }))
    }

    /// The grammar, in the Lark dialect of llguidance.
    #[must_use]
    pub fn grammar(&self) -> &str {
        &self.shared.text
    }

    /// When the grammar holds.
    #[must_use]
    pub fn mode(&self) -> &Mode {
        &self.shared.mode
    }

    /// Whether another call may follow a complete one.
    #[must_use]
    pub fn parallel(&self) -> bool {
        self.shared.parallel
    }

    /// Texts that end free text inside a call.
    pub(crate) fn ends(&self) -> &[String] {
        &self.shared.ends
    }

    /// What watches free text for the beginning of a call; `first`: from the beginning of the output.
    pub(crate) fn scout(&self, first: bool) -> Scout {
        Scout::new(&self.shared.format, if first { &self.shared.prompt_tail } else { "" })
    }

    /// The grammar at its beginning, for a vocabulary with these control tokens.
    pub(crate) fn matcher(&self, factory: &ParserFactory, specials: &[(String, u32)]) -> Result<Matcher> {
        Matcher::compile(factory, &self.shared.grammar.lark(specials)).map_err(|cause| self.blame(factory, cause))
    }

    /// Says which tool's schema it is that the grammar library does not take.
    fn blame(&self, factory: &ParserFactory, cause: String) -> Error {
        for (name, schema) in &self.shared.tools {
            let mut grammar = Grammar::default();
            grammar.rule("start", [Term::Json(schema.clone())]);
            if let Err(cause) = Matcher::compile(factory, &grammar.lark(&[])) {
                return Error::new(ErrorKind::Grammar, format!("the schema of tool `{name}` cannot be enforced"))
                    .because(cause)
                    .hint("simplify the schema, or run with `--no-enforce`: calls are then checked but not enforced");
            }
        }
        Error::new(ErrorKind::Grammar, "the decoding grammar cannot be compiled")
            .because(cause)
            .hint("run with `--no-enforce`: calls are then checked but not enforced")
    }
}

/// The tools that may be called, with their schemas; none where no call may be enforced.
fn chosen(tools: &ToolSet, choice: &ToolChoice) -> Result<Option<Vec<(String, Value)>>> {
    let named = |name: &str| Some((name.to_owned(), tools.schema(name)?.clone()));
    let all = || tools.tools().iter().filter_map(|tool| named(&tool.name)).collect::<Vec<_>>();
    match choice {
        ToolChoice::None => Ok(None),
        ToolChoice::Auto => Ok(Some(all()).filter(|tools| !tools.is_empty())),
        ToolChoice::Required if tools.tools().is_empty() => {
            Err(Error::new(ErrorKind::Input, "a tool call is required and no tool is offered"))
        }
        ToolChoice::Required => Ok(Some(all())),
        ToolChoice::Named(name) => named(name).map(|tool| Some(vec![tool])).ok_or_else(|| {
            let names: Vec<&str> = tools.tools().iter().map(|tool| tool.name.as_str()).collect();
            Error::new(ErrorKind::Input, format!("no tool is called `{name}`"))
                .hint(format!("offered are: {}", names.join(", ")))
        }),
    }
}

fn thinking(pieces: &Enforce<'_>, prompt_tail: &str) -> Vec<Thinking> {
    let frames = pieces.reasoning.iter().filter(|frame| !frame.close.is_empty());
    frames
        .map(|frame| {
            let (open, close) = (frame.open.trim(), frame.close.trim());
            let opened = match (prompt_tail.rfind(open), prompt_tail.rfind(close)) {
                (Some(open), Some(close)) => open > close,
                (open, _) => open.is_some(),
            };
            // Only what the prompt ends in is open: an opening tag that is talked about stands further up.
            let opened = opened && !open.is_empty() && prompt_tail.trim_end().ends_with(open);
            Thinking { open: open.to_owned(), close: close.to_owned(), opened }
        })
        .collect()
}

/// The grammar of one turn's calls.
fn calls(pieces: &Enforce<'_>, tools: &[(String, Value)], parallel: bool) -> Result<Grammar> {
    let mut grammar = Grammar::default();
    let literal = |text: &str| Term::Literal(text.to_owned());
    let lark = |text: &str| Term::Lark(text.to_owned());
    let mut start = vec![literal(&pieces.open), lark("call")];
    if parallel && pieces.parallel != ParallelKind::Single {
        start.extend([lark("("), literal(pieces.between), lark("call"), lark(")*")]);
    }
    start.push(literal(&pieces.close));
    grammar.rule("start", start);
    let any = (0..tools.len()).map(|index| format!("tool_{index}")).collect::<Vec<_>>().join(" | ");
    grammar.rule("call", [Term::Lark(any)]);
    let spacing = Spacing { item: pieces.json.item_separator().to_owned(), key: pieces.json.key_separator().to_owned() };
    for (index, (name, schema)) in tools.iter().enumerate() {
        let mut terms = vec![literal(pieces.call_open)];
        terms.extend(item(pieces, name, schema, &spacing)?);
        terms.push(literal(pieces.call_close));
        grammar.rule(format!("tool_{index}"), terms);
    }
    Ok(grammar)
}

/// One call of one tool, markers aside.
fn item(pieces: &Enforce<'_>, name: &str, schema: &Value, spacing: &Spacing) -> Result<Vec<Term>> {
    if !matches!(pieces.shape, ShapeName::JsonCalls | ShapeName::NamedJson) {
        return Err(Error::new(ErrorKind::Grammar, "calls of this format cannot be enforced yet")
            .hint("run with `--no-enforce`: calls are then checked but not enforced"));
    }
    let mut terms: Vec<Term> = Vec::new();
    for piece in pieces.item.pieces() {
        let term = match piece {
            Piece::Literal(text) => Term::Literal(text.clone()),
            Piece::Field(Field::Name) => Term::Literal(written_name(name, &terms)),
            Piece::Field(Field::Arguments) => Term::Json(enforced(schema, spacing)),
            Piece::Field(Field::Id) => Term::Lark(match pieces.ids {
                Ids::Any | Ids::Header => "/[a-zA-Z0-9_]{1,24}/".to_owned(),
                Ids::Nine => "/[a-zA-Z0-9]{9}/".to_owned(),
            }),
            Piece::Field(Field::Index) => Term::Lark("/[0-9]{1,2}/".to_owned()),
            Piece::Field(field) => {
                return Err(Error::new(ErrorKind::Format, format!("`{field:?}` cannot stand in a call of this shape")));
            }
        };
        terms.push(term);
    }
    Ok(terms)
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
