//! Text between tags, cut into segments, so that its masks are quick.
//!
//! llguidance takes the tokens of a slice as a whole where a lexeme lets all of them through, but only where no lexeme is
//! lazy and only for plain repetitions; else it walks through all tokens, a millisecond each time. So a text is no single
//! lexeme that looks for its end: it is cut behind each letter with which a marker may end, each segment is a lexeme, and
//! rules say which may follow which. No token of the slice holds such a letter, so none ends a segment, and a segment that
//! has not ended may always go on. That is what the rules that lead nowhere tell the slicer: they allow what is left of a
//! segment, and nothing behind it. It must not know schemas or formats.

use super::grammar::escaped;
use callwright_parse::format::Endings;

/// The letters with which markers end.
const LAST: [char; 2] = ['=', '>'];
/// The letter with which they begin.
const FIRST: char = '<';

/// Tokens without the letters of markers, short enough for what they may be part of.
pub(super) const SLICE: &str = r#"[^"\\<=>\x00-\x1F\x7F]{1,30}"#;

/// What may stand between two tags.
pub(crate) const BLANKS: &str = r"[ \t\r\n]*";

/// Texts that end with the same closing tag, in segments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segments {
    /// The closing tag up to its last letter, with the blanks before it that are part of it.
    close: String,
    /// What the reader takes for a closing tag.
    closes: Vec<String>,
    /// What the reader takes for the call's end, where something may follow with which it is one.
    tails: Vec<String>,
    leads: Vec<String>,
    /// A parameter begins on a line of its own.
    on_lines: bool,
    /// How begins what must not follow the call's end.
    behind_tail: Vec<String>,
    /// How begins what must not follow a closing tag.
    behind_close: Vec<String>,
}

impl Segments {
    /// Texts up to this closing tag; none where markers end with other letters.
    pub(crate) fn new(tags: &Endings, close: &str) -> Option<Self> {
        let close = cut(close)?.to_owned();
        let behind_tail = beginnings(&[&tags.markers, &tags.calls]);
        let behind_close = beginnings(&[&tags.markers, &tags.leads, &tags.tails, &tags.calls]);
        let tails = if behind_tail.is_empty() { Vec::new() } else { tags.tails.clone() };
        let (closes, leads, on_lines) = (tags.closes.clone(), tags.leads.clone(), tags.on_lines);
        let whole = |text: &String| cut(text) == Some(text.as_str());
        let closing = |text: &String| closes.iter().any(|close| text.ends_with(close.as_str()));
        let usable = closes.iter().chain(&tails).chain(&leads).all(whole)
            && !tails.iter().chain(&leads).any(closing)
            && closes.iter().any(|known| known == close.trim_start());
        usable.then_some(Self { close, closes, tails, leads, on_lines, behind_tail, behind_close })
    }

    /// The closing tag up to its last letter.
    pub(crate) fn close(&self) -> &str {
        &self.close
    }

    /// Whether no text goes on with this behind its closing tag.
    pub(crate) fn ends_before(&self, then: &str) -> bool {
        self.behind_close.iter().any(|marker| then.trim_start().starts_with(marker.as_str()))
    }

    /// The rules of a text up to its closing tag and with it, of which the text's own has this name.
    pub(crate) fn lark(&self, name: &str) -> String {
        let lexeme = name.to_ascii_uppercase();
        let mut rules = Rules { name, lexeme, lark: String::new(), ways: Vec::new() };
        self.row(&mut rules, &["start", "open"], None);
        let closed = ["closed", "foreign"];
        self.row(&mut rules, &closed[..if self.is_foreign() { 2 } else { 1 }], Some(&self.behind_close));
        if !self.tails.is_empty() {
            self.row(&mut rules, &["tailed"], Some(&self.behind_tail));
        }
        rules.finish()
    }

    /// Whether the reader takes more for a closing tag than what the format writes.
    fn is_foreign(&self) -> bool {
        self.closes.iter().any(|close| *close != self.close)
    }

    /// What may come behind segments that end in these ways: the next segment, which does not begin like `behind`.
    fn row(&self, rules: &mut Rules<'_>, from: &[&str], behind: Option<&[String]>) {
        let any = format!("[^{}]*", letters());
        let begun = behind.map(|behind| format!("/{BLANKS}{}(?s:.)*/", one_of(behind)));
        let not = |more: &[String]| -> String {
            let not: Vec<String> = begun.iter().chain(more).map(|expression| format!(" & ~{expression}")).collect();
            not.concat()
        };
        // The closing tag is not part of the text before it, and only that text must not contain the markers.
        let close = escaped(&self.close);
        rules.way(
            from,
            "closed",
            &match &begun {
                None => format!("/{any}{close}/"),
                Some(begun) => format!("(/{any}/ & ~{begun}) /{close}/"),
            },
        );
        let mut markers = vec![format!("/{any}{}/", one_of(&self.closes))];
        if self.is_foreign() {
            let foreign = format!("/{any}{}/{}", one_of(&self.closes), not(&[format!("/{any}{close}/")]));
            rules.way(from, "foreign", &foreign);
        }
        if !self.tails.is_empty() {
            let tailed = format!("/{any}{}/", one_of(&self.tails));
            rules.way(from, "tailed", &format!("{tailed}{}", not(&[])));
            markers.push(tailed);
        }
        if !self.leads.is_empty() {
            let before = if self.on_lines { r"\n[ \t]*" } else { "" };
            markers.push(format!("/{any}{before}{}/", one_of(&self.leads)));
        }
        let mut open = format!("/{any}[{}]/{}", letters(), not(&markers));
        if let Some(begin) = from.iter().position(|from| *from == "start") {
            rules.way(&[&from[..begin], &from[begin + 1..]].concat(), "open", &open);
            // Where nothing stands before a text's first segment, a parameter may begin.
            if !self.leads.is_empty() {
                open = format!("{open} & ~/[ \\t]*{}/", one_of(&self.leads));
            }
            rules.way(&["start"], "open", &open);
        } else {
            rules.way(from, "open", &open);
        }
        match behind {
            None => rules.way(from, "dead", &format!("/[^{}]+/", letters())),
            // What must not follow begins with this letter, and behind it all is looked at.
            Some(behind) if behind.iter().all(|text| text.starts_with(FIRST)) => {
                rules.way(from, "dead", &format!("/[^{FIRST}{}]+/", letters()));
            }
            Some(_) => {}
        }
    }
}

/// The rules of a text, as they are written.
struct Rules<'a> {
    name: &'a str,
    lexeme: String,
    lark: String,
    /// How segments end, each with the ways to come there: how the one before ended, and the lexeme.
    ways: Vec<(&'static str, Vec<String>)>,
}

impl Rules<'_> {
    fn rule(&self, ending: &str) -> String {
        if ending == "closed" { self.name.to_owned() } else { format!("{}_{ending}", self.name) }
    }

    /// Behind segments that end so, one that ends otherwise may come: this lexeme.
    fn way(&mut self, from: &[&str], to: &'static str, expression: &str) {
        let Some(first) = from.first() else { return };
        let lexeme = format!("{}_{}_{}", self.lexeme, first.to_ascii_uppercase(), to.to_ascii_uppercase());
        self.lark.extend([lexeme.as_str(), ": ", expression, "\n"]);
        let before = |from: &&str| if *from == "start" { String::new() } else { format!("{} ", self.rule(from)) };
        // What is dead has no end: behind it, it would have to come again.
        let (to, behind) = if to == "dead" { ("open", format!(" {}", self.rule(to))) } else { (to, String::new()) };
        let ways = from.iter().map(|from| format!("{}{lexeme}{behind}", before(from)));
        let ways: Vec<String> = ways.collect();
        match self.ways.iter_mut().find(|(known, _)| *known == to) {
            Some((_, known)) => known.extend(ways),
            None => self.ways.push((to, ways)),
        }
    }

    fn finish(mut self) -> String {
        let dead = self.rule("dead");
        self.ways.push(("dead", vec![format!("/[^{}]+/ {dead}", letters())]));
        let rule = |(to, ways): &(&str, Vec<String>)| format!("{}: {}\n", self.rule(to), ways.join(" | "));
        let rules: Vec<String> = self.ways.iter().map(rule).collect();
        self.lark + &rules.concat()
    }
}

/// A marker up to the first letter with which one may end.
fn cut(marker: &str) -> Option<&str> {
    marker.find(LAST).map(|at| &marker[..=at])
}

fn letters() -> String {
    LAST.iter().collect()
}

/// How these markers begin. Two letters are enough to tell them from most texts, what they begin is forced soon, and an
/// expression of whole markers is slow.
pub(crate) fn beginnings(groups: &[&[String]]) -> Vec<String> {
    let texts = groups.iter().flat_map(|texts| texts.iter());
    let mut texts: Vec<String> = texts.map(|text| text.chars().take(2).collect()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// One of these texts, as a regular expression.
pub(crate) fn one_of(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
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
        let all = [&tags.closes, &tags.tails, &tags.leads, &tags.markers, &tags.calls];
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
            let plan = Plan { format, several: false, following: false, written: 0 };
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
                    assert!(fits || !both || !one.fits(byte.into()), "{}", told(at, "refused"));
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
                    // Only in segments may a text go on behind two closing tags, which the reader takes for text.
                    let tight: String = text.split_whitespace().collect();
                    let twice = format.endings().closes.iter().any(|close| tight.contains(&close.repeat(2)));
                    assert!(both || twice, "{}", told(length, "let through"));
                }
            }
        }
        assert!(formats > 8 && ended > 100, "{formats} formats, {ended} texts");
    }
}
