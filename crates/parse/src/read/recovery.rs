//! The second step of reading: calls anywhere in a text, anchored on the names of the offered tools.
//!
//! Models that were only prompted wrap calls in fences, quotes, prose and foreign tags; to look for the tools' names makes
//! these all one case. It makes calls only of offered tools, only from arguments that are the tool's own, and only where
//! the prose before does not say otherwise: a call too few can be asked for again, a call too many is executed. Each place
//! is read at most once, and reading that fails is paid from a budget, so the work grows with the text.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value;

use super::anchors::{Anchor, anchors};
use super::announced::announced;
use super::convincing::{runs_code, unconvincing};
use super::lines::{are_examples, meant};
use super::prose;
use super::sources::Sources;
use crate::chat::{Fix, FixKind};
use crate::check::{Checked, Level, ToolSet};
use crate::format::{Format, Offered, RawCall, Twice, calls_in, in_doubt, said_twice};
use crate::value::{self, Unread};

/// Where calls are looked for when the format found none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Recovery {
    /// Nowhere.
    Off,
    /// On lines of their own: what a model that has a format of its own would hardly write to mention a call.
    #[default]
    Lines,
    /// Anywhere, in prose too: for models that were only prompted, and texts of which nobody knows the format.
    Anywhere,
}

/// A call that was found, checked.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) raw: RawCall,
    pub(super) checked: Checked,
    /// It stands in markup, which nobody writes by chance.
    pub(super) marked: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) calls: Vec<Recovered>,
    /// Calls that prose only mentions, and that no words say are none.
    pub(super) mentioned: Vec<Recovered>,
    /// Where the text was cut off inside a call, and whose.
    pub(super) cut: Option<(usize, String)>,
}

/// Where and how calls are looked for.
#[derive(Clone, Copy)]
pub(super) struct Looking<'a> {
    pub(super) tools: &'a ToolSet,
    pub(super) level: Level,
    pub(super) recovery: Recovery,
    pub(super) offered: &'a dyn Offered,
    /// The format whose markup may have lost its opener.
    pub(super) format: &'a Format,
}

/// Finds the calls of a text that the format found none in.
pub(super) fn recover(text: &str, looking: Looking<'_>) -> Found {
    let Looking { tools, recovery, .. } = looking;
    if recovery == Recovery::Off {
        return Found::default();
    }
    let mut search = Search::new(text, looking);
    search.run();
    // A text in which so much was read in vain is no prose.
    let is_prose = search.budget > 0 && search.found.is_empty() && search.cut.is_none();
    if recovery == Recovery::Anywhere && is_prose {
        for raw in announced(text, tools) {
            search.take(raw, false);
        }
        search.found.retain(|call| call.checked.faults.is_empty());
    }
    let (mut calls, mut cut, mut mentioned) = (search.found, search.cut, Vec::new());
    if recovery == Recovery::Lines {
        let spans: Vec<Range<usize>> = calls.iter().map(|call| call.raw.span.clone()).collect();
        let (meant, examples) = (meant(text, &spans), are_examples(text, &spans));
        let judged = calls.into_iter().zip(meant.into_iter().zip(examples));
        calls = Vec::new();
        for (call, (meant, example)) in judged {
            match (meant || call.marked, example) {
                (true, false) => calls.push(call),
                (false, false) => mentioned.push(call),
                (_, true) => {}
            }
        }
        cut = None;
    }
    Found { calls, mentioned, cut }
}

pub(super) struct Search<'a> {
    pub(super) text: &'a str,
    pub(super) tools: &'a ToolSet,
    level: Level,
    pub(super) offered: &'a dyn Offered,
    pub(super) format: &'a Format,
    /// Bytes that may still be read in vain.
    budget: usize,
    /// Where the line of the last anchor begins, and that anchor.
    line: usize,
    last: usize,
    /// The text ended inside what began here like a call of this tool.
    cut: Option<(usize, String)>,
    /// The anchor that is being read ran into the text's end.
    ran_out: bool,
    found: Vec<Recovered>,
    /// The calls found, as text, by their place in `found`.
    known: HashMap<String, usize>,
}

impl<'a> Search<'a> {
    fn new(text: &'a str, looking: Looking<'a>) -> Self {
        let Looking { tools, level, offered, format, .. } = looking;
        let budget = text.len() * 8 + 4096;
        let (found, known) = (Vec::new(), HashMap::new());
        Self { text, tools, level, offered, format, budget, line: 0, last: 0, cut: None, ran_out: false, found, known }
    }

    fn run(&mut self) {
        let mut over = self.text.len();
        let (mut free_from, mut heard, mut denied) = (0, 0_usize, false);
        for anchor in anchors(self.text, self.tools) {
            if self.budget == 0 {
                return;
            }
            if anchor.span.start < free_from || anchor.span.start >= over {
                continue;
            }
            self.ran_out = false;
            let marked = self.markup(&anchor);
            let is_marked = marked.is_some();
            let calls = marked.map_or_else(|| self.read(&anchor), |call| vec![call]);
            // What the text was cut off in holds the rest of it: a call in there is a part of another one.
            if self.ran_out && calls.is_empty() {
                self.cut = Some((anchor.span.start, anchor.name));
                return;
            }
            let Some(end) = calls.iter().map(|call| call.span.end).max() else { continue };
            let start = calls.iter().map(|call| call.span.start).min().unwrap_or(end);
            if start < free_from {
                continue;
            }
            if self.found.is_empty() {
                // A phrase may have begun in what was heard before.
                let from = self.text.floor_char_boundary(heard.saturating_sub(prose::LONGEST).min(start));
                if prose::refuses(&self.text[from..start]) && !prose::calls_after_all(&self.text[from..start]) {
                    return;
                }
                heard = heard.max(start);
            }
            // What no words part from a call that is denied is denied with it.
            let lead = &self.text[free_from.min(start)..start];
            if denied && !lead.contains(char::is_alphanumeric) || prose::denies(lead, false) {
                self.pay(end - start);
                (free_from, denied) = (end, true);
                continue;
            }
            denied = false;
            let gap = self.text.get(free_from..start).unwrap_or_default();
            if !self.found.is_empty() && prose::turns_aside(gap) {
                return;
            }
            let before = self.found.len();
            let mut end = end;
            for raw in calls {
                // A call whose quotes are in doubt counts as it reads on all of its line, its fence or the text.
                let Some(raw) = (if in_doubt(&raw.fixes, self.text) { self.settled(&raw) } else { Some(raw) }) else {
                    continue;
                };
                end = end.max(raw.span.end);
                self.take(raw, is_marked);
            }
            if self.found.len() == before {
                self.pay(end - start);
            }
            free_from = if self.found.len() > before { end } else { anchor.span.end };
            if before == 0 && self.found.len() > before {
                over = prose::turn(self.text, end).unwrap_or(over);
            }
        }
    }

    /// The calls that begin at this name or hold it.
    fn read(&mut self, anchor: &Anchor) -> Vec<RawCall> {
        self.line_of(anchor.span.start);
        if self.is_definition(anchor.span.start) {
            return Vec::new();
        }
        if anchor.short {
            return self.shortened(anchor).into_iter().collect();
        }
        let (quote, after) = self.past_quote(anchor);
        let next = value::skip_blanks(self.text, after);
        let bytes = self.text.as_bytes();
        match bytes.get(next) {
            Some(b'(') if next - after <= 2 => self.expression(anchor, quote),
            Some(b'{') => self.arguments_at(anchor, next).into_iter().collect(),
            Some(b':' | b',' | b'=') => {
                let value = value::skip_blanks(self.text, next + 1);
                if bytes[next] == b':' && bytes.get(next + 1).is_some_and(u8::is_ascii_digit) {
                    return self.numbered(anchor, next + 1).into_iter().collect();
                }
                match (bytes.get(value), bytes[next]) {
                    (Some(b'{'), _) => match self.arguments_at(anchor, value) {
                        Some(call) => vec![call],
                        None => self.object(anchor),
                    },
                    (Some(_), b',') => match self.listed(anchor, value) {
                        Some(call) => vec![call],
                        None => match self.object(anchor) {
                            none if none.is_empty() => self.labelled(anchor, value).into_iter().collect(),
                            calls => calls,
                        },
                    },
                    _ => Vec::new(),
                }
            }
            Some(b'}' | b'"' | b'\'') if quote => self.object(anchor),
            _ => self.object(anchor),
        }
    }

    /// The arguments as an object after the name.
    pub(super) fn arguments_at(&mut self, anchor: &Anchor, brace: usize) -> Option<RawCall> {
        let reading = self.value(brace)?;
        let span = anchor.span.start..reading.end;
        let mut raw = RawCall {
            name: anchor.name.clone(),
            arguments: reading.value,
            id: None,
            span,
            fixes: reading.fixes,
            sources: Vec::new(),
            object: Some(brace),
        };
        self.unwrap(&mut raw);
        Some(raw)
    }

    /// An object around the name that says a call.
    fn object(&mut self, anchor: &Anchor) -> Vec<RawCall> {
        let Some(brace) = anchor.brace else { return Vec::new() };
        let Some(reading) = self.value(brace) else { return Vec::new() };
        let mut calls = Vec::new();
        if reading.end >= anchor.span.end {
            let said = match said_twice(&self.text[..reading.end], brace) {
                Twice::Same => reading.value,
                Twice::Calls(calls) => Value::Array(calls),
                Twice::Muddled => Value::Null,
            };
            calls = calls_in(said, &(brace..reading.end), self.offered);
        }
        if calls.is_empty() {
            self.pay(reading.end - brace);
        }
        let single = calls.len() == 1;
        if let Some(first) = calls.first_mut() {
            first.object = single.then_some(brace);
            first.fixes.splice(0..0, reading.fixes);
        }
        calls
    }

    fn value(&mut self, at: usize) -> Option<value::Reading> {
        let read = value::any(self.text, at);
        self.paid(read, at)
    }

    /// Pays for what was read in vain.
    pub(super) fn paid<T>(&mut self, read: Result<T, Unread>, at: usize) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(unread) => {
                self.ran_out |= matches!(unread, Unread::Incomplete { .. });
                self.pay(unread.at().saturating_sub(at) + 16);
                None
            }
        }
    }

    /// Says that the anchor that is being read ran into the text's end.
    pub(super) fn cut_off(&mut self, ran_out: bool) {
        self.ran_out |= ran_out;
    }

    /// Whether the budget still holds this.
    pub(super) fn pay(&mut self, bytes: usize) -> bool {
        let holds = self.budget >= bytes;
        self.budget = self.budget.saturating_sub(bytes);
        holds
    }

    /// `f(params={..})`: the arguments under one word that is no parameter of the tool.
    pub(super) fn unwrap(&self, raw: &mut RawCall) {
        let Some(map) = raw.arguments.as_object_mut() else { return };
        let [key] = map.keys().cloned().collect::<Vec<_>>().try_into().unwrap_or_else(|_| [String::new()]);
        let known = self.offered.parameter(&raw.name, &key).is_some();
        let wraps = matches!(key.as_str(), "params" | "parameters" | "arguments" | "args" | "kwargs" | "input");
        if known || !wraps || !map.get(&key).is_some_and(Value::is_object) {
            return;
        }
        if let Some(inner) = map.remove(&key) {
            raw.fixes.push(Fix { kind: FixKind::Shape, span: raw.span.clone(), call: None, note: Some(key) });
            raw.arguments = inner;
        }
    }

    /// Checks a call and keeps it if it is one of the tool's own.
    fn take(&mut self, raw: RawCall, marked: bool) {
        let index = self.found.len();
        let checked = {
            let (arguments, span, sources) = (raw.arguments.clone(), raw.span.clone(), Sources::new(self.text, &raw));
            self.tools.check_with_sources(&raw.name, arguments, self.level, span, index, &|name| sources.of(name))
        };
        if unconvincing(&checked).is_some() || self.stands_for_a_value(&raw) {
            return;
        }
        let sorted: BTreeMap<&String, &Value> = checked.arguments.iter().collect();
        let said = format!("{}{}", checked.name, serde_json::to_string(&sorted).unwrap_or_default());
        let place = *self.known.entry(said).or_insert(index);
        if let Some(first) = self.found.get_mut(place) {
            let fix = Fix { kind: FixKind::Repeated, span: raw.span, call: None, note: None };
            first.raw.fixes.push(fix);
            return;
        }
        self.found.push(Recovered { raw, checked, marked });
    }

    /// Whether an argument without quotes stands for a value (`city=city`, `n=N`) or would have to be run (`a=b.c()`).
    fn stands_for_a_value(&self, raw: &RawCall) -> bool {
        let Some(map) = raw.arguments.as_object() else { return true };
        if map.len() == 1 && map.contains_key("properties") && self.offered.parameter(&raw.name, "properties").is_none()
        {
            return true;
        }
        let unquoted = raw.fixes.iter().filter(|fix| fix.kind == FixKind::Unquoted);
        let mut words = unquoted.filter_map(|fix| self.text.get(fix.span.clone())).map(str::trim);
        words.any(|word| {
            let own = map.iter().any(|(key, value)| value == word && key.eq_ignore_ascii_case(word));
            own || matches!(word, "..." | "params" | "args") || runs_code(word)
        })
    }

    /// Finds the beginning of the line, from that of the anchor before.
    fn line_of(&mut self, at: usize) {
        let since = &self.text.as_bytes()[self.last.min(at)..at];
        self.line = memchr::memrchr(b'\n', since).map_or(self.line, |offset| self.last + offset + 1);
        self.last = at;
    }

    /// Whether the name stands where code defines or imports it.
    fn is_definition(&self, at: usize) -> bool {
        let line = self.text[self.line.min(at)..at].trim_start();
        ["def ", "function ", "class ", "import ", "from ", "async def "].iter().any(|word| line.starts_with(word))
    }

    /// Whether a quote closes right after the name, and the byte after it.
    fn past_quote(&self, anchor: &Anchor) -> (bool, usize) {
        let bytes = self.text.as_bytes();
        let before = anchor.span.start.checked_sub(1).map(|at| bytes[at]);
        match bytes.get(anchor.span.end) {
            Some(quote @ (b'"' | b'\'' | b'`')) => (before == Some(*quote), anchor.span.end + 1),
            _ => (false, anchor.span.end),
        }
    }
}
