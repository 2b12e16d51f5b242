//! What may come next in one turn, and from when on.
//!
//! Where a call is required the grammar applies from the first byte (after reasoning); where it is the model's choice, it
//! applies from where a call begins. It must not know the token loop.

use std::sync::{Arc, OnceLock};

use super::compile::{Callable, OTHERWISE, Plan, alone, callable, calls, written};
use super::gbnf::Gbnf;
use super::matcher::Matcher;
use super::vocabulary::Compiler;
use super::watch::Watch;
use super::written::Written;
use callwright_parse::chat::ToolChoice;
use callwright_parse::check::ToolSet;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::{Enforce, Field, Format, JsonStyle, Nested, ParallelKind, Piece, ShapeName};
use callwright_parse::schema::Schema;

/// What may come next in one turn. Cloning it shares the grammar.
///
/// ```
/// use callwright_parse::chat::{Tool, ToolChoice};
/// use callwright_parse::check::ToolSet;
/// use callwright_constrain::Constraint;
/// use callwright_parse::format::Formats;
///
/// let tools = ToolSet::compile(&[Tool::new("now", "tells the time", serde_json::json!({"type": "object"}))])?;
/// let hermes = Formats::builtin().get("hermes")?;
/// let constraint = Constraint::compile(&hermes, &tools, &ToolChoice::Required, true, "")?.unwrap();
/// assert!(constraint.grammar().contains("<tool_call>"));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Constraint {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    format: Arc<Format>,
    tools: Vec<Callable>,
    grammar: Arc<Written>,
    mode: Mode,
    several: bool,
    /// A watched call may follow others.
    following: bool,
    parallel: bool,
    /// What of the calls' beginning stands in the prompt already, in bytes.
    written: usize,
    /// The JSON that the answer may be instead of calls.
    answer: Option<Callable>,
    prompt_tail: String,
    /// What the grammar does not hold to, with what llguidance does not hold to either.
    relaxed: OnceLock<Vec<Relaxation>>,
}

/// When the grammar applies.
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

/// A tool with a part of its schema that is checked but not enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relaxation {
    /// The tool.
    pub tool: String,
    /// What the grammar library does not support.
    pub cause: String,
}

/// What an answer in JSON is called where something is told of its schema.
const ANSWER: &str = "response_format";

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
        Self::compile_with(format, tools, choice, parallel, prompt_tail, None)
    }

    /// The same, where the answer must be JSON of this schema unless the model makes a call: the grammar is then "calls, or
    /// the answer", from the first byte after reasoning. Where a call is required there is no such answer.
    pub fn compile_with(
        format: &Arc<Format>,
        tools: &ToolSet,
        choice: &ToolChoice,
        parallel: bool,
        prompt_tail: &str,
        answer: Option<&Arc<Schema>>,
    ) -> Result<Option<Self>> {
        let is_free = matches!(choice, ToolChoice::Auto | ToolChoice::None);
        let answer = answer.filter(|_| is_free).map(|schema| Callable {
            name: ANSWER.to_owned(),
            schema: Arc::clone(schema),
            without: Vec::new(),
        });
        let tools = match callable(tools, choice)? {
            Some(tools) => tools,
            None if answer.is_some() => Vec::new(),
            None => return Ok(None),
        };
        let pieces = format.enforce();
        let mode =
            if is_free && answer.is_none() { Mode::Watch } else { Mode::FromStart(thinking(&pieces, prompt_tail)) };
        // Where the whole frame is repeated, a watched call ends with its own frame, and text may follow.
        let one_frame = mode == Mode::Watch && pieces.parallel == ParallelKind::Repeat && pieces.open.is_empty();
        let several = parallel && !one_frame;
        let written = if mode == Mode::Watch { 0 } else { written(&pieces, prompt_tail) };
        let plan = Plan { format, several, following: one_frame, written, answer: answer.as_ref() };
        let grammar = Written::of(format, plan, &tools)?;
        let shared = Shared {
            grammar,
            mode,
            several,
            following: one_frame,
            parallel: parallel && pieces.parallel != ParallelKind::Single,
            written,
            prompt_tail: prompt_tail.to_owned(),
            relaxed: OnceLock::new(),
            answer,
            tools,
            format: Arc::clone(format),
        };
        Ok(Some(Self { shared: Arc::new(shared) }))
    }

    /// The grammar, in the Lark dialect of llguidance.
    #[must_use]
    pub fn grammar(&self) -> &str {
        self.shared.grammar.plain()
    }

    /// The grammar for other engines, in GBNF; none where it says what GBNF cannot.
    #[must_use]
    pub fn gbnf(&self) -> Option<&Gbnf> {
        self.shared.grammar.gbnf()
    }

    /// Whether the other constraint has the same grammar.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared.grammar, &other.shared.grammar) || self.grammar() == other.grammar()
    }

    /// When the grammar applies.
    #[must_use]
    pub fn mode(&self) -> &Mode {
        &self.shared.mode
    }

    /// Whether another call may follow a complete one.
    #[must_use]
    pub fn parallel(&self) -> bool {
        self.shared.parallel
    }

    /// Tools of whose schemas a part is only checked. Complete once a model has begun to decode under the constraint, or
    /// after [`Constraint::prove`].
    #[must_use]
    pub fn relaxed(&self) -> &[Relaxation] {
        self.shared.relaxed.get().unwrap_or(&self.shared.grammar.told)
    }

    /// Compiles the grammar for a vocabulary of single bytes, to find out without a model what it does not hold to, or
    /// that it cannot be compiled.
    pub fn prove(&self) -> Result<&[Relaxation]> {
        let compiler = Compiler::of_bytes().map_err(|cause| {
            Error::new(ErrorKind::Grammar, "the grammar library does not accept plain bytes").because(cause)
        })?;
        self.matcher(&compiler, &[])?;
        Ok(self.relaxed())
    }

    /// Takes over what another constraint of the same grammar has found out when it was compiled for a vocabulary.
    pub fn adopt(&self, other: &Self) {
        let _ = self.shared.relaxed.set(other.relaxed().to_vec());
    }

    /// Texts that end free text inside a call, the one that leads out sooner first.
    pub fn ends(&self) -> Vec<String> {
        let pieces = self.shared.format.enforce();
        match (pieces.shape, pieces.param, pieces.quote) {
            (ShapeName::TaggedParams, Some(param), _) if pieces.nested == Nested::Json => {
                let close: String = param.after(Field::Value).iter().map(Piece::literal).collect();
                let after = pieces.item.after(Field::Params).iter().map(Piece::literal);
                let tail: String = after.chain([pieces.call_close]).collect();
                vec![format!("{close}{tail}"), format!("{close}{}", param.lead()), "\"".to_owned()]
            }
            (ShapeName::TaggedParams, Some(param), _) => {
                vec![param.after(Field::Value).first().map(Piece::literal).unwrap_or_default().to_owned()]
            }
            (_, _, Some(quote)) => vec![quote.to_owned()],
            (ShapeName::NamedText, ..) => {
                let close = pieces.item.after(Field::Value).iter().map(Piece::literal);
                vec![close.chain([pieces.call_close]).collect()]
            }
            _ if pieces.json == JsonStyle::Python => vec!["'".to_owned()],
            _ => vec!["\"".to_owned()],
        }
    }

    /// Whether digits have to be counted while numbers are written: where strings stand in plain quotes, which tell
    /// numbers from texts. Other grammars bound numbers themselves.
    #[must_use]
    pub fn counts_digits(&self) -> bool {
        let pieces = self.shared.format.enforce();
        let plain = !matches!(pieces.shape, ShapeName::TaggedParams | ShapeName::NamedText);
        plain && pieces.quote.is_none() && pieces.json != JsonStyle::Python
    }

    /// What watches an output for the beginning of a call, from this byte of it on.
    #[must_use]
    pub fn watch(&self, from: usize) -> Watch {
        Watch::new(&self.shared.format, if from == 0 { &self.shared.prompt_tail } else { "" }, from)
    }

    /// The grammar at its beginning, for a vocabulary with these control tokens.
    ///
    /// Where the grammar library cannot make a grammar of it, the keywords that block are left out, which
    /// [`Constraint::relaxed`] tells; the check still looks at all of it.
    pub fn matcher(&self, compiler: &Compiler, specials: &[(String, u32)]) -> Result<Matcher> {
        let shared = &*self.shared;
        let cause = match Matcher::compile(compiler, &shared.grammar.grammar.lark(specials)) {
            Ok(matcher) => return Ok(matcher),
            Err(cause) => cause,
        };
        let mut tools = shared.tools.clone();
        for tool in &mut tools {
            loosen(compiler, &shared.format, tool);
        }
        let Shared { several, following, written, .. } = *shared;
        // An answer with which no grammar can be made may be any JSON.
        let answer = shared
            .answer
            .clone()
            .map(|answer| Callable { without: vec![(String::new(), "type".to_owned())], ..answer });
        let plan = Plan { format: &shared.format, several, following, written, answer: answer.as_ref() };
        let loosened = calls(plan, &tools)?;
        let whole = Matcher::compile(compiler, &loosened.grammar.lark(specials));
        // Set by the first to compile; the result is the same each time.
        let _ = shared.relaxed.set(loosened.relaxed);
        whole.map_err(|_| refusal("the decoding grammar cannot be compiled", cause))
    }
}

/// Leaves out the keywords of a tool's schema with which no grammar can be made: first all that might be left out, then
/// each that is harmless is taken back. Where nothing helps, the tool takes any arguments.
fn loosen(compiler: &Compiler, format: &Format, tool: &mut Callable) {
    let held = |tool: &Callable| {
        // A tool that the format cannot call is not part of the grammar.
        let (grammar, held) = alone(format, tool).ok()?;
        Matcher::compile(compiler, &grammar.lark(&[])).is_err().then_some(held)
    };
    let Some(mut suspects) = held(tool) else { return };
    tool.without.append(&mut suspects.clone());
    if held(tool).is_some() {
        tool.without = vec![(String::new(), "type".to_owned())];
        return;
    }
    while let Some(suspect) = suspects.pop() {
        tool.without.retain(|entry| *entry != suspect);
        if held(tool).is_some() {
            tool.without.push(suspect);
        }
    }
}

fn refusal(message: impl Into<String>, cause: String) -> Error {
    Error::new(ErrorKind::Grammar, message).because(cause).hint(OTHERWISE)
}

/// The kinds of reasoning that may come before a call.
fn thinking(pieces: &Enforce<'_>, prompt_tail: &str) -> Vec<Thinking> {
    let frames =
        pieces.reasoning.iter().filter(|frame| !frame.open.trim().is_empty() && !frame.close.trim().is_empty());
    let opened = |open: &str| prompt_tail.trim_end().ends_with(open);
    frames
        .map(|frame| {
            let (open, close) = (frame.open.trim().to_owned(), frame.close.trim().to_owned());
            Thinking { opened: opened(&open), open, close }
        })
        .collect()
}
