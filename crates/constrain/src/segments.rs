//! Text between tags, cut into segments, so that its masks are quick.
//!
//! llguidance takes the tokens of a slice as a whole where a lexeme lets all of them through, but only where no lexeme is
//! lazy and only for plain repetitions; else it walks through all tokens, a millisecond each time. So a text is no single
//! lexeme that looks for its end: it is cut behind each `<`, each segment is a lexeme, and none begins like one of the
//! call's own tags. The one exception is a closing tag followed by words, which the reader takes for text. The rules ending
//! in `_on` lead nowhere: they tell the slicer that a segment may always go on. It must not know schemas or formats.

use super::expression::{Expression, escaped};
use callwright_parse::format::Endings;

/// The letter with which tags begin.
const FIRST: char = '<';

/// Tokens without the letters of markers, short enough for what they may be part of.
pub(super) const SLICE: &str = r#"[^"\\<=>\x00-\x1F\x7F]{1,30}"#;

/// What may stand between two tags.
pub(crate) const BLANKS: &str = r"[ \t\r\n\x0C]*";

/// Texts that end with the same closing tag, in segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Segments {
    /// The closing tag.
    close: String,
    /// What no segment may begin with, as an expression.
    own: String,
    /// Closing tags with words behind them, up to where the next segment begins, as an expression.
    worded: Option<String>,
}

impl Segments {
    /// Texts up to this closing tag; none where tags begin with other letters.
    pub(crate) fn new(tags: &Endings, close: &str) -> Option<Self> {
        let close = close.trim_start();
        let all = tags.own.iter().chain(&tags.names).chain(&tags.closes);
        let inner: Option<Vec<&str>> = all.map(|tag| tag.strip_prefix(FIRST)).collect();
        inner.filter(|_| tags.closes.iter().any(|known| known == close.trim_end()))?;
        let worded = worded(tags).map(|(closes, words)| format!("{}{words}", one_of(&closes, 1)));
        Some(Self { close: close.trim_end().to_owned(), own: own(tags, true, 1), worded })
    }

    /// The closing tag.
    pub(crate) fn close(&self) -> &str {
        &self.close
    }

    /// What follows the last segment: the closing tag without its first letter, which ended the segment, and this text.
    pub(crate) fn rest(&self, then: &str) -> String {
        format!("{}{then}", self.close.trim_start_matches(FIRST))
    }

    /// The rules for a text up to and including its closing tag's first letter; the text's own rule has this name.
    pub(crate) fn lark(&self, name: &str) -> String {
        let upper = name.to_ascii_uppercase();
        let not = format!("~/{}(?s:.*)/", self.own);
        let mut lark = format!(
            "{upper}_FIRST: /[^{FIRST}]*{FIRST}/\n{upper}_FIRST_ON: /[^{FIRST}]+/\n\
             {upper}_NEXT: /[^{FIRST}]*{FIRST}/ & {not}\n{upper}_NEXT_ON: /[^{FIRST}]+/ & {not}\n"
        );
        let mut ways = vec![format!("{upper}_FIRST | {upper}_FIRST_ON {name}_on")];
        let mut way = |way: &str| ways.push(format!("{name} {upper}_{way} | {name} {upper}_{way}_ON {name}_on"));
        way("NEXT");
        if let Some(worded) = &self.worded {
            let words = format!("{upper}_WORDS: /{worded}{FIRST}/\n{upper}_WORDS_ON: /{worded}/\n");
            lark.push_str(&words);
            way("WORDS");
        }
        format!("{lark}{name}: {}\n{name}_on: \"{FIRST}\" {name}_on\n", ways.join(" | "))
    }
}

/// Texts in which the reader finds no end: none of the call's own tags, and closing tags only if words follow.
pub(crate) fn no_end(tags: &Endings) -> Expression {
    let Some((closes, _)) = worded(tags) else { return Expression::without(&own(tags, true, 0)) };
    let (own, closes, not) = (own(tags, false, 0), one_of(&closes, 0), no_words(tags));
    let what = format!("{own}|{closes}{BLANKS}([{not}]|[^{FIRST}\\n]*[=>])");
    Expression::without(&what).and([Expression::not(format!("(?s:.*){closes}{BLANKS}"))])
}

/// The closing tags that are text where these words follow, if any.
fn worded(tags: &Endings) -> Option<(Vec<&str>, String)> {
    let closes: Vec<&str> = tags.closes.iter().map(String::as_str).collect();
    // A tag that begins like another one is recognised too late.
    let begun = |close: &&str| tags.own.iter().any(|own| close.starts_with(begun(own)));
    if closes.is_empty() || closes.iter().any(begun) {
        return None;
    }
    let words = format!("{BLANKS}[^ \\t\\r\\n\\x0C=>{}][^{FIRST}=>\\n]*(\\n[^{FIRST}]*)?", no_words(tags));
    Some((closes, words))
}

/// The letters that words do not begin with, in an expression's brackets.
fn no_words(tags: &Endings) -> String {
    let mut letters: Vec<char> = tags.ends.iter().filter_map(|end| end.chars().next()).chain([FIRST]).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().map(|letter| escaped(letter.encode_utf8(&mut [0; 4]))).collect()
}

/// The call's own tags from this byte on as an expression, closing tags included if `closes`.
fn own(tags: &Endings, closes: bool, from: usize) -> String {
    let closes = tags.closes.iter().filter(|_| closes);
    let cut = |tag: &str| escaped(tag.get(from..).unwrap_or_default());
    let mut all: Vec<String> = tags.own.iter().chain(closes).map(|tag| cut(begun(tag))).collect();
    all.extend(tags.names.iter().map(|name| format!("{}[ \\t\\r\\n\\x0C=>\\/]", cut(name))));
    all.sort_unstable();
    all.dedup();
    format!("({})", all.join("|"))
}

/// How a tag begins: up to the first letter that ends a name in it.
fn begun(tag: &str) -> &str {
    tag.find(['=', '>']).map_or(tag, |at| &tag[..=at])
}

/// One of these texts from this byte on, as a regular expression.
fn one_of(texts: &[&str], from: usize) -> String {
    let texts: Vec<String> = texts.iter().filter_map(|text| text.get(from..)).map(escaped).collect();
    format!("({})", texts.join("|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::compile::{Plan, callable, calls};
    use crate::{Compiler, Matcher};
    use callwright_parse::chat::{Call, Tool, ToolChoice};
    use callwright_parse::check::ToolSet;
    use callwright_parse::format::{Endings, Field, Formats, ShapeName};

    /// What texts are made of here: markers and their beginnings, and what stands around them.
    fn pieces(tags: &Endings, ends: &[String]) -> Vec<String> {
        let all = [&tags.closes, &tags.own, &tags.names, &tags.ends];
        let mut pieces: Vec<String> = all.into_iter().flatten().chain(ends).cloned().collect();
        let begun =
            pieces.iter().flat_map(|text| [2, text.chars().count() - 1].map(|end| text.chars().take(end).collect()));
        pieces.extend(begun.collect::<Vec<String>>());
        let around =
            [" ", "\n", "\t", "\n\n", "a", "p", "/", "<", ">", "=", "|", "é", " to", "\"b\"", "<a>", "x=1", "f(a)"];
        pieces.extend(around.map(str::to_owned));
        pieces.sort();
        pieces.dedup();
        pieces
    }

    fn compiler(pieces: &[String]) -> Compiler {
        let mut words: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        words.extend(pieces.iter().filter(|text| text.len() > 1).map(|text| text.as_bytes().to_vec()));
        words.push(b"\xffend".to_vec());
        let end = u32::try_from(words.len() - 1).unwrap();
        Compiler::new(&words, &[end], |text| text.bytes().map(u32::from).collect()).unwrap()
    }

    /// A text of some of these pieces.
    fn rambled(pieces: &[String], state: &mut u64) -> String {
        let mut next = || {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(*state >> 40).unwrap()
        };
        (0..=next() % 6).map(|_| pieces[next() % pieces.len()].as_str()).collect()
    }

    /// In segments, a text may be what it may be where one rule looks for its end, and masks are exact.
    #[test]
    fn segments_let_the_same_texts_through() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}});
        let tools = ToolSet::compile(&[Tool::new("send", "", schema)]).unwrap();
        let (mut state, mut formats, mut ended) = (7, 0, 0);
        for format in Formats::builtin().iter() {
            let enforce = format.enforce();
            let Some(param) = enforce.param.filter(|_| enforce.shape == ShapeName::TaggedParams) else { continue };
            let callable = callable(&tools, &ToolChoice::Required).unwrap().unwrap();
            let plan = Plan { format, several: false, following: false, written: 0, answer: None };
            let grammar = calls(plan, &callable).unwrap().grammar;
            if grammar.plain() == grammar.lark(&[]) {
                continue;
            }
            formats += 1;
            let arguments = json!({"a": "Q", "b": "Q"}).as_object().cloned().unwrap();
            let whole = format.write(&[Call::new("send", arguments.into_iter().collect())]).unwrap();
            let places: Vec<usize> = whole.match_indices('Q').map(|(at, _)| at).collect();
            let (head, end) = (&whole[..places[0]], &whole[places[1] + 1..]);
            let next = &whole[places[0] + 1..places[1]];
            let ends = [end.to_owned(), next.to_owned(), param.after(Field::Value)[0].literal().to_owned()];
            let pieces = pieces(&format.endings(), &ends);
            let compiler = compiler(&pieces);
            let start = |lark: &str| {
                let mut matcher = Matcher::compile(&compiler, lark).unwrap();
                head.bytes().for_each(|byte| matcher.consume(u32::from(byte)).unwrap());
                matcher
            };
            let (one, cut) = (start(&grammar.plain()), start(&grammar.lark(&[])));
            let size = u32::try_from(256 + pieces.iter().filter(|text| text.len() > 1).count()).unwrap();
            for turn in 0..60 {
                let value = rambled(&pieces, &mut state);
                let text = format!("{value}{end}");
                let (mut one, mut cut, mut both) = (one.fork(), cut.fork(), true);
                let told = |at: usize, what: &str| format!("{} {what}: {:?} at {at}", format.name(), text);
                let mut length = 0;
                for (at, byte) in text.bytes().enumerate() {
                    if turn % 4 == 0 && !cut.is_done() {
                        let mask = cut.mask().unwrap();
                        // What is forced is written in the tokenizer's tokens alone.
                        let forced = mask.count() == 1;
                        for token in 0..size {
                            let (allowed, fits) = (mask.allows(token), cut.fits(token));
                            assert!(allowed == fits || forced && fits, "{} {token}", told(at, "mask"));
                        }
                    }
                    let fits = cut.fits(byte.into());
                    assert!(!both || fits == one.fits(byte.into()), "{}", told(at, "taken otherwise"));
                    both = both && one.fits(byte.into());
                    if !fits {
                        break;
                    }
                    cut.consume(byte.into()).unwrap();
                    if both {
                        one.consume(byte.into()).unwrap();
                    }
                    length = at + 1;
                }
                if length == text.len() && cut.may_end() {
                    ended += 1;
                    assert!(both, "{}", told(length, "let through"));
                }
            }
        }
        assert!(formats > 8 && ended > 100, "{formats} formats, {ended} texts");
    }
}
