//! The parser on any bytes: laws 1, 2 and 5.
//!
//! Four bytes choose (format, level and recovery and tools, end of the prompt, cuts), the rest is the output.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use callwright_parse::chat::{Event, Fault, Tool};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::{Format, Formats, Scout};
use callwright_parse::read::{Parsed, Parser};
use serde_json::json;

use super::{LONGEST, cuts, in_time};
use callwright_test_support::reading::{disagreeing, fixture_tools, merge, tiling};

/// How many bytes choose.
pub const CHOICES: usize = 4;

/// The tools that are offered: those of the fixtures, others that readers stumble over, none.
static TOOLS: LazyLock<[Arc<ToolSet>; 3]> = LazyLock::new(|| {
    let tool = |name: &str, properties| Tool::new(name, "", json!({"type": "object", "properties": properties}));
    let string_or = |other: &str| json!({"type": ["string", other]});
    let odd = [
        tool("a", json!({"a": {"type": "string"}, "b": {}})),
        tool("a.b-c", json!({"x": {"type": "array", "items": {"type": "integer"}}, "y": {"type": "number"}})),
        tool("name", json!({"name": {"type": "string"}, "arguments": {"type": "object"}})),
        tool("grüß", json!({"ä": string_or("null"), "": string_or("integer"), "a b": {"enum": ["x", 1, null]}})),
    ];
    let compile = |tools: &[Tool]| Arc::new(ToolSet::compile(tools).unwrap_or_default());
    [fixture_tools(), compile(&odd), compile(&[])]
});

/// How an output is read.
#[derive(Clone)]
pub(super) struct How {
    /// `None`: the text decides.
    format: Option<Arc<Format>>,
    tools: Arc<ToolSet>,
    level: Level,
    anywhere: bool,
    tail: String,
}

impl How {
    /// As these bytes say.
    pub(super) fn new(choices: [u8; 3]) -> Self {
        let format = Formats::builtin().iter().nth(usize::from(choices[0]) % (Formats::builtin().iter().count() + 1));
        let level = [Level::Standard, Level::Strict, Level::Lenient][usize::from(choices[1] & 3) % 3];
        let tools = Arc::clone(&TOOLS[usize::from(choices[1] >> 3) % 3]);
        let row = format.map(|format| format.row());
        let tail = match choices[2] {
            1 => row.and_then(|row| row.reasoning.first()).map_or("<think>\n", |tag| &tag.open).to_owned(),
            2 => row.map(|row| row.call.open.clone()).unwrap_or_default(),
            3 => row.map(|row| row.section.open.clone()).unwrap_or_default(),
            _ => String::new(),
        };
        Self { format: format.cloned(), tools, level, anywhere: choices[1] & 4 != 0, tail }
    }

    fn parser(&self) -> Parser {
        let tools = Arc::clone(&self.tools);
        let parser = match &self.format {
            Some(format) => Parser::new(Arc::clone(format), tools).after_prompt(&self.tail),
            None => Parser::auto(Formats::builtin(), tools),
        };
        let parser = parser.level(self.level);
        if self.anywhere { parser.recovering() } else { parser }
    }

    /// What is told while an output comes in these pieces.
    fn told(&self, pieces: &[&[u8]]) -> Vec<Event> {
        let mut parser = self.parser();
        merge(pieces.iter().flat_map(|piece| parser.push(piece)).collect())
    }

    /// All that is read of an output that comes in these pieces, with all its events.
    pub(super) fn read(&self, pieces: &[&[u8]]) -> Parsed {
        let mut parser = self.parser();
        let mut events: Vec<Event> = pieces.iter().flat_map(|piece| parser.push(piece)).collect();
        let mut parsed = parser.finish();
        events.append(&mut parsed.events);
        parsed.events = merge(events);
        parsed
    }
}

/// Reads the output whole and cut, and compares.
pub fn run(data: &[u8]) {
    let Some((choices, bytes)) = data.split_first_chunk::<CHOICES>() else { return };
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let how = How::new([choices[0], choices[1], choices[2]]);
    let whole = in_time("the whole text", || how.read(&[bytes]));
    assert_eq!(whole.raw, String::from_utf8_lossy(bytes), "law 1: the raw text");
    assert_eq!(tiling(&whole), None, "law 1: {whole:#?}");
    assert_inside(&whole);
    assert_eq!(disagreeing(&whole), None, "{whole:#?}");
    let pieces = cuts(bytes, choices[3]);
    let cut = in_time("the text in pieces", || how.read(&pieces));
    assert_eq!(cut, whole, "law 2: cut as {} says", choices[3]);
    let half = &pieces[..pieces.len() / 2];
    assert_eq!(how.told(half), how.told(&[&half.concat()]), "law 2: told so far, cut as {} says", choices[3]);
    if let Some(format) = &how.format {
        let mut scout = Scout::new(format, &how.tail);
        let sight = pieces.iter().map(|piece| scout.push(piece)).last();
        let at_once = (!bytes.is_empty()).then(|| Scout::new(format, &how.tail).push(bytes));
        assert_eq!(sight, at_once, "law 2: the scout, cut as {} says", choices[3]);
    }
}

/// Every place that the result names is one of the text.
fn assert_inside(parsed: &Parsed) {
    let inside = |span: &Range<usize>| {
        assert!(parsed.raw.get(span.clone()).is_some(), "law 1: {span:?} of {} bytes: {parsed:#?}", parsed.raw.len());
    };
    parsed.fixes.iter().for_each(|fix| inside(&fix.span));
    parsed.calls.iter().filter_map(|call| call.span.as_ref()).for_each(inside);
    for fault in &parsed.faults {
        if let Fault::Unreadable { span, .. } | Fault::Truncated { span, .. } = fault {
            inside(span);
        }
        assert!(fault.call().is_none_or(|call| call < parsed.calls.len()), "a fault of no call: {parsed:#?}");
    }
    assert!(parsed.fixes.iter().all(|fix| fix.call.is_none_or(|call| call < parsed.calls.len())), "{parsed:#?}");
}
