//! The parser that everyone uses: bytes in, events out, at the end all that was read.
//!
//! It holds the text once and reads it by the format as it grows; each call is checked against the tools as soon as it
//! is complete. What the format found nothing in, recovery reads at the end. It knows no model, no engine and no policy.

use std::ops::Range;
use std::sync::Arc;

use super::auto::decide;
use super::convincing::{unchecked, unconvincing};
use super::deltas::{Deltas, compact};
use super::digits::Numbers;
use super::ids::Ids;
use super::loops::Loops;
use super::lull::{Kept, Lull};
use super::offer::OnOffer;
use super::parsed::{Parsed, seam};
use super::prose::{self, Refusals};
use super::recovery::Recovery;
use super::sources::Sources;
use super::utf8::Decoder;
use crate::chat::{Call, Event, Fault, Fix, SegmentKind};
use crate::check::{Checked, Level, ToolSet};
use crate::format::{Format, Formats, RawCall, Reader, Step, Text};

/// Reads one output of a model, chunk by chunk.
///
/// ```
/// use callwright_parse::{chat::Tool, check::ToolSet, format::Formats, read::Parser};
/// use std::sync::Arc;
/// let schema = serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}});
/// let tools = ToolSet::compile(&[Tool::new("weather_now", "the weather", schema)])?;
/// let mut parser = Parser::new(Formats::builtin().get("hermes")?, Arc::new(tools));
/// parser.push(b"<tool_call>{\"name\": \"weather_now\", \"arguments\": {\"city\"");
/// parser.push(b": \"Oslo\"}}</tool_call>");
/// let parsed = parser.finish();
/// assert_eq!(parsed.calls[0].arguments["city"], "Oslo");
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the text or its reader")]
pub struct Parser {
    pub(super) format: Arc<Format>,
    pub(super) tools: Arc<ToolSet>,
    pub(super) level: Level,
    pub(super) attempt: usize,
    pub(super) recovery: Recovery,
    /// The formats to choose from at the end, where nobody said which one it is.
    pub(super) choice: Vec<Arc<Format>>,
    /// Calls must convince as in recovery, since nobody said that the text is in this format.
    pub(super) guarded: bool,
    /// The format is the model's own, so that another one's markup is a deviation.
    pub(super) own: bool,
    /// There are no tools, so that calls are read as they stand.
    pub(super) unchecked: bool,
    /// The prompt's end.
    pub(super) tail: String,
    lull: Lull,
    decoder: Decoder,
    pub(super) reader: Reader,
    steps: Vec<Step>,
    open: Option<Deltas>,
    ids: Ids,
    /// Where calls are quoted or meant for nobody.
    pub(super) quoted: Vec<Range<usize>>,
    /// A call was never finished, so that others may be parts of it.
    pub(super) unfinished: bool,
    pub(super) loops: Loops,
    refusals: Refusals,
    /// Where the text for the user that was told ends.
    text_to: Option<usize>,
    pub(super) parsed: Parsed,
}

impl Parser {
    /// A parser for one output.
    #[must_use]
    pub fn new(format: Arc<Format>, tools: Arc<ToolSet>) -> Self {
        Self {
            reader: Reader::new(&format, ""),
            recovery: if format.row().prompted { Recovery::Anywhere } else { Recovery::default() },
            format,
            tools,
            level: Level::default(),
            attempt: 0,
            choice: Vec::new(),
            guarded: false,
            own: true,
            unchecked: false,
            tail: String::new(),
            lull: Lull::default(),
            decoder: Decoder::default(),
            steps: Vec::new(),
            open: None,
            ids: Ids::default(),
            quoted: Vec::new(),
            unfinished: false,
            loops: Loops::default(),
            refusals: Refusals::default(),
            text_to: None,
            parsed: Parsed::default(),
        }
    }

    /// A parser for an output whose format nobody knows. At the end the text itself decides: the format that fits it
    /// best reads it, with recovery, and [`Parsed::detected`] says which one, how well it fits and why. If none fits,
    /// recovery alone does. Without any tools, calls are read as they stand, each with the fix `unchecked`.
    ///
    /// ```
    /// use callwright_parse::{chat::Tool, check::ToolSet, format::Formats, read::Parser};
    /// use std::sync::Arc;
    /// let add = Tool::new("add", "", serde_json::json!({"properties": {"a": {"type": "integer"}}}));
    /// let mut parser = Parser::auto(Formats::builtin(), Arc::new(ToolSet::compile(&[add])?));
    /// parser.push(b"[TOOL_CALLS]add[ARGS]{\"a\": 5}");
    /// let parsed = parser.finish();
    /// assert_eq!(parsed.format, "mistral_v13");
    /// assert_eq!(parsed.detected.unwrap().reason, "1 call of offered tools between the format's markers");
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn auto(formats: &Formats, tools: Arc<ToolSet>) -> Self {
        let mut parser = Self::new(Format::plain(), tools).recovery(Recovery::Anywhere);
        parser.choice = formats.iter().cloned().collect();
        (parser.own, parser.unchecked) = (false, parser.tools.is_empty());
        parser
    }

    /// How much is put right.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Where calls are looked for, at the end, if the format found none. Of itself it looks on lines of their own, and
    /// anywhere if the format is one that models are only prompted to use.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }

    /// The same parser, which looks for calls anywhere.
    #[must_use]
    pub fn recovering(self) -> Self {
        self.recovery(Recovery::Anywhere)
    }

    /// The attempt that events carry.
    #[must_use]
    pub fn attempt(mut self, attempt: usize) -> Self {
        self.attempt = attempt;
        self
    }

    /// The end of the prompt that the output goes on from, which may have opened reasoning or a call.
    #[must_use]
    pub fn after_prompt(mut self, tail: &str) -> Self {
        self.reader = Reader::new(&self.format, tail);
        tail.clone_into(&mut self.tail);
        self
    }

    /// Whether the model writes the same calls over and over, so that it is best stopped: at the end they are kept once.
    ///
    /// ```
    /// use callwright_parse::{chat::Tool, check::ToolSet, format::Formats, read::Parser};
    /// use std::sync::Arc;
    /// let ping = Tool::new("ping", "", serde_json::json!({"properties": {}}));
    /// let mut parser = Parser::new(Formats::builtin().get("hermes")?, Arc::new(ToolSet::compile(&[ping])?));
    /// let call = b"<tool_call>{\"name\": \"ping\", \"arguments\": {}}</tool_call>\n";
    /// let pushed = (1..100).find(|_| parser.push(call).is_empty() || parser.is_looping());
    /// assert_eq!((pushed, parser.finish().calls.len()), (Some(8), 1));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn is_looping(&self) -> bool {
        self.loops.goes_on()
    }

    /// Reads the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        match self.lull.keeps(bytes) {
            Kept::Silent => Vec::new(),
            Kept::Flowing => self.foresee(),
            Kept::Not => self.push_on(bytes),
        }
    }

    /// Tells what is certain of the bytes that wait.
    #[inline(never)]
    fn foresee(&mut self) -> Vec<Event> {
        match self.open.as_mut().and_then(|open| open.foresee(self.lull.waiting())) {
            Some(delta) if delta.is_empty() => Vec::new(),
            Some(delta) => {
                vec![Event::Arguments { attempt: self.attempt, index: self.parsed.calls.len(), delta }]
            }
            None => self.push_on(&[]),
        }
    }

    /// Reads what has waited and the next bytes.
    #[inline(never)]
    fn push_on(&mut self, bytes: &[u8]) -> Vec<Event> {
        let waited = self.lull.end();
        self.decoder.push(&waited, &mut self.parsed.raw);
        self.decoder.push(bytes, &mut self.parsed.raw);
        let mut events = Vec::new();
        if self.choice.is_empty() {
            self.read(false, &mut events);
            let read = self.parsed.raw.len();
            let calm = self.reader.calm(&self.format, read).filter(|_| self.decoder.is_whole());
            self.lull.begin(waited, calm, self.open.as_ref());
        }
        events
    }

    /// Ends the output.
    #[must_use]
    pub fn finish(mut self) -> Parsed {
        self.decoder.push(&self.lull.end(), &mut self.parsed.raw);
        self.decoder.finish(&mut self.parsed.raw);
        if self.choice.is_empty() { self.end() } else { decide(self) }
    }

    /// A parser of the same text, from its beginning.
    pub(super) fn again(&self) -> Self {
        let mut again = Self::new(Arc::clone(&self.format), Arc::clone(&self.tools));
        (again.level, again.attempt, again.recovery) = (self.level, self.attempt, self.recovery);
        (again.own, again.unchecked) = (self.own, self.unchecked);
        again.tail.clone_from(&self.tail);
        again.decoder.bad.clone_from(&self.decoder.bad);
        again.parsed.raw.clone_from(&self.parsed.raw);
        again
    }

    /// The parser, to read its text by this format.
    pub(super) fn by(mut self, format: Arc<Format>, guarded: bool) -> Self {
        (self.reader, self.format, self.guarded) = (Reader::new(&format, &self.tail), format, guarded);
        self
    }

    /// Reads what is left, and recovers.
    pub(super) fn end(mut self) -> Parsed {
        let mut events = Vec::new();
        self.read(true, &mut events);
        if self.may_recover() && !self.read_foreign(&mut events) {
            self.recover(&mut events);
        }
        let bad = std::mem::take(&mut self.decoder.bad);
        self.tell_bytes(bad, &mut events);
        self.doubt_unclosed(&mut events);
        self.tell_unread(&mut events);
        self.tell_leftovers(&mut events);
        self.end_loops(&mut events);
        let mut parsed = self.parsed;
        self.format.name().clone_into(&mut parsed.format);
        (parsed.text, parsed.reasoning) = (parsed.joined(SegmentKind::Text), parsed.joined(SegmentKind::Reasoning));
        parsed.events = events;
        parsed
    }

    fn read(&mut self, at_end: bool, events: &mut Vec<Event>) {
        let mut steps = std::mem::take(&mut self.steps);
        let text = Text { so_far: &self.parsed.raw, at_end };
        let offered = OnOffer { tools: &self.tools, level: self.level, unchecked: self.unchecked };
        self.reader.read(&self.format, text, &offered, &mut steps);
        for step in steps.drain(..) {
            self.step(step, events);
        }
        self.steps = steps;
    }

    fn step(&mut self, step: Step, events: &mut Vec<Event>) {
        let attempt = self.attempt;
        match step {
            Step::Text(span) => {
                let seam = seam(&self.parsed.raw, self.text_to, span.start);
                let delta = [seam, &self.parsed.raw[span.clone()]].concat();
                self.text_to = Some(span.end);
                events.push(Event::Text { attempt, delta });
                self.parsed.cover(SegmentKind::Text, span.end);
            }
            Step::Reasoning(span) => {
                events.push(Event::Reasoning { attempt, delta: self.parsed.raw[span.clone()].to_owned() });
                self.parsed.cover(SegmentKind::Reasoning, span.end);
            }
            Step::Thought(end) => {
                self.parsed.rethink(end);
                self.text_to = None;
            }
            Step::Quoted(span) => self.quoted.push(span),
            Step::Unfinished => self.unfinished = true,
            Step::Framing(span) => self.parsed.cover(SegmentKind::Framing, span.end),
            Step::Malformed(span) => {
                self.open = None;
                self.parsed.cover(SegmentKind::Malformed, span.end);
            }
            Step::Begin { .. } if self.guarded => {}
            Step::Begin { name } => {
                events.push(Event::CallStarted { attempt, index: self.parsed.calls.len(), name: name.clone() });
                self.open = Some(Deltas::new(name));
            }
            Step::Arguments(range) => {
                if let Some(open) = &mut self.open {
                    let delta = open.push(&self.parsed.raw, range, &self.tools);
                    if !delta.is_empty() {
                        events.push(Event::Arguments { attempt, index: self.parsed.calls.len(), delta });
                    }
                }
            }
            Step::Call(raw) => self.call(raw, events),
            Step::Fault(fault) => self.fault(fault, events),
            Step::Fix(fix) => self.fix(fix, events),
        }
    }

    fn call(&mut self, mut raw: RawCall, events: &mut Vec<Event>) {
        let (attempt, index) = (self.attempt, self.parsed.calls.len());
        let checked = if self.unchecked {
            unchecked(&mut raw)
        } else {
            let (arguments, span) = (std::mem::take(&mut raw.arguments), raw.span.clone());
            let sources = Sources::new(&self.parsed.raw, &raw);
            self.tools.check_with_sources(&raw.name, arguments, self.level, span, index, &|name| sources.of(name))
        };
        if let Some(fault) = self.doubt(&checked, &raw.span) {
            self.parsed.cover(SegmentKind::Malformed, raw.span.end);
            return self.fault(fault, events);
        }
        self.parsed.cover(SegmentKind::Call { index }, raw.span.end);
        let numbers = Numbers::read(&checked.arguments, &self.parsed.raw, &raw.span, index);
        let json = compact(&checked.arguments, &numbers.digits, raw.span.len());
        let open = self.open.take().filter(|open| open.tool() == checked.name);
        // A call that is begun again takes back what was sent of it.
        let rest = open.as_ref().and_then(|open| open.rest(&json)).unwrap_or_else(|| {
            events.push(Event::CallStarted { attempt, index, name: checked.name.clone() });
            &json
        });
        if !rest.is_empty() {
            events.push(Event::Arguments { attempt, index, delta: rest.to_owned() });
        }
        self.keep(raw, checked, numbers, None, events);
    }

    /// Makes what was read a call, and tells what was put right in it and what is wrong with it.
    pub(super) fn keep(
        &mut self,
        raw: RawCall,
        checked: Checked,
        numbers: Numbers,
        recovered: Option<Fix>,
        events: &mut Vec<Event>,
    ) {
        let index = self.parsed.calls.len();
        let id = self.ids.own(raw.id, index);
        let Numbers { digits, faults: inexact, fixes: rounded } = numbers;
        let mut call = Call::new(checked.name, checked.arguments).with_id(id).with_digits(digits);
        (call.span, call.recovered) = (Some(raw.span), recovered.is_some());
        for fix in recovered.into_iter().chain(raw.fixes).chain(checked.fixes).chain(rounded) {
            self.fix(Fix { call: Some(index), ..fix }, events);
        }
        // Recovery counted calls that were dropped since.
        for fault in checked.faults.into_iter().chain(inexact) {
            self.fault(fault.of_call(index), events);
        }
        self.loops.say(&call);
        self.parsed.calls.push(call);
    }

    /// Why a call that was found is not taken for one, where calls must convince.
    fn doubt(&mut self, checked: &Checked, span: &Range<usize>) -> Option<Fault> {
        // A tool that nobody offered is told as such.
        if !self.guarded || checked.faults.iter().any(|fault| matches!(fault, Fault::UnknownTool { .. })) {
            return None;
        }
        if let Some(message) = unconvincing(checked) {
            return Some(Fault::Unreadable { span: span.clone(), message });
        }
        if !self.parsed.calls.is_empty() || !self.refusals.before(&self.parsed.raw, span.start) {
            return None;
        }
        let message = format!("call of `{}` after a refusal", checked.name);
        let fault = Fault::InProse { span: span.clone(), message };
        (!prose::calls_after_all(&self.parsed.raw[..span.start])).then_some(fault)
    }

    pub(super) fn fix(&mut self, fix: Fix, events: &mut Vec<Event>) {
        events.push(Event::Fixed { attempt: self.attempt, fix: fix.clone() });
        self.parsed.fixes.push(fix);
    }

    pub(super) fn fault(&mut self, fault: Fault, events: &mut Vec<Event>) {
        if matches!(fault, Fault::Unreadable { .. } | Fault::Truncated { .. }) {
            self.open = None;
        }
        events.push(Event::Faulty { attempt: self.attempt, fault: fault.clone() });
        self.parsed.faults.push(fault);
    }
}
