//! Texts that a tokenizer reads as one token each, wherever they stand.
//!
//! Only a template may write them (law 14): in what people, tools and results say they are text. So a prompt keeps who
//! said what, and is cut here into runs, by the vocabulary of whoever tokenizes it. A run holds all that stands between
//! two tokens that the template wrote, and is tokenized in one go, so that ordinary tokens stay what they are. It must
//! not know tokenizers or templates.

use std::ops::Range;

use super::prompt::{Piece, Prompt};

/// A vocabulary's special tokens, by their texts.
///
/// ```
/// use callwright_parse::chat::{Piece, Prompt, Run, Specials};
/// let specials = Specials::new([("<end>".to_owned(), false)]);
/// let said = Piece::Verbatim("end> of it".to_owned());
/// let prompt = Prompt { pieces: vec![Piece::Markup("<end>x<".to_owned()), said], shared: 0 };
/// let runs = prompt.runs(&specials);
/// assert_eq!(runs[0], Run { text: "<end>".to_owned(), special: true });
/// assert_eq!(runs[1], Run { text: "x<end> of it".to_owned(), special: false });
/// ```
#[derive(Debug, Clone, Default)]
pub struct Specials {
    /// Sorted by their bytes; true for those that are recognised in plain text too.
    texts: Vec<(String, bool)>,
}

/// A stretch of a prompt that is tokenized in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its text.
    pub text: String,
    /// Whether special tokens spelled in it are meant.
    pub special: bool,
}

/// Where a special token stands, and whether it is recognised in plain text too.
type Found = (Range<usize>, bool);

impl Specials {
    /// The special tokens with these texts; true for those that are recognised in plain text too.
    #[must_use]
    pub fn new(texts: impl IntoIterator<Item = (String, bool)>) -> Self {
        // An added token of a single letter is just that letter.
        let marks = |(text, always): &(String, bool)| {
            let letters = text.trim().chars().count();
            letters > 1 || letters == 1 && !always
        };
        let mut texts: Vec<(String, bool)> = texts.into_iter().filter(marks).collect();
        texts.sort_unstable();
        texts.dedup_by(|later, first| {
            first.1 |= later.0 == first.0 && later.1;
            later.0 == first.0
        });
        Self { texts }
    }

    /// Their texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|(text, _)| text.as_str())
    }

    /// Those that stand in this text and are not recognised in plain text.
    #[must_use]
    pub fn controls_in(&self, text: &str) -> Vec<String> {
        let controls = self.texts.iter().filter(|(own, always)| !always && text.contains(own.as_str()));
        controls.map(|(own, _)| own.clone()).collect()
    }

    /// The parts of a text that belong to a special token, or would if more text stood before or behind it. They are in order
    /// and do not overlap. Blanks at the text's ends may be trimmed away.
    #[must_use]
    pub fn parts_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = self.all(text).into_iter().map(|(span, _)| span).collect();
        for (within, from) in [(text, 0), (text.trim(), text.len() - text.trim_start().len())] {
            for own in self.texts().filter(|_| !within.is_empty()) {
                if own.contains(within) {
                    parts.push(from..from + within.len());
                }
                // The longest beginning that the text ends in, and the longest end that it begins with.
                let mut edges = own.char_indices().map(|(at, _)| at).skip(1);
                if let Some(at) = edges.clone().filter(|at| within.ends_with(&own[..*at])).last() {
                    parts.push(from + within.len() - at..from + within.len());
                }
                if let Some(at) = edges.find(|at| within.starts_with(&own[*at..])) {
                    parts.push(from..from + own.len() - at);
                }
            }
        }
        parts.sort_unstable_by_key(|part| part.start);
        parts.dedup_by(|later, first| {
            let joins = later.start <= first.end;
            first.end = if joins { first.end.max(later.end) } else { first.end };
            joins
        });
        parts
    }

    /// Those that begin at this byte, the shortest first.
    fn at<'a>(&'a self, rest: &'a [u8]) -> impl Iterator<Item = (usize, bool)> + 'a {
        let mut known = self.texts.as_slice();
        let mut depth = 0;
        std::iter::from_fn(move || {
            loop {
                if let Some((text, always)) = known.first().filter(|(text, _)| text.len() == depth && depth > 0) {
                    let found = (text.len(), *always);
                    known = &known[1..];
                    return Some(found);
                }
                let byte = *rest.get(depth)?;
                let from = known.partition_point(|(text, _)| text.as_bytes()[depth] < byte);
                known = &known[from..];
                known = &known[..known.partition_point(|(text, _)| text.as_bytes()[depth] == byte)];
                depth += 1;
                if known.is_empty() {
                    return None;
                }
            }
        })
    }

    /// All that stand in a text, including those inside others.
    fn all(&self, text: &str) -> Vec<Found> {
        let mut firsts = [false; 256];
        self.texts.iter().for_each(|(own, _)| firsts[usize::from(own.as_bytes()[0])] = true);
        let bytes = text.as_bytes();
        let places = bytes.iter().enumerate().filter(|(_, byte)| firsts[usize::from(**byte)]).map(|(at, _)| at);
        places.flat_map(|at| self.at(&bytes[at..]).map(move |(length, always)| (at..at + length, always))).collect()
    }
}

impl Prompt {
    /// The special tokens that only the template wrote, in their order.
    #[must_use]
    pub fn meant(&self, specials: &Specials) -> Vec<String> {
        let text = self.text();
        let said = self.said();
        let meant = outermost(specials.all(&text).into_iter().filter(|(span, _)| !overlaps(&said, span)));
        meant.into_iter().map(|span| text[span].to_owned()).collect()
    }

    /// The prompt in runs, of which each is tokenized in one go: in what people said, special tokens stay text.
    #[must_use]
    pub fn runs(&self, specials: &Specials) -> Vec<Run> {
        let (text, said) = (self.text(), self.said());
        let (mut meant, mut forged): (Vec<Found>, Vec<Found>) = (Vec::new(), Vec::new());
        for found in specials.all(&text) {
            if overlaps(&said, &found.0) { forged.push(found) } else { meant.push(found) }
        }
        let mut runs = Runs::default();
        let mut from = 0;
        for span in outermost(meant.into_iter()).into_iter().chain(std::iter::once(text.len()..text.len())) {
            runs.plain(&text, from..span.start, &forged);
            runs.push(&text[span.clone()], true);
            from = span.end;
        }
        runs.runs
    }

    /// Where it was said by people.
    fn said(&self) -> Vec<Range<usize>> {
        let (mut said, mut at) = (Vec::new(), 0);
        for piece in &self.pieces {
            let span = at..at + piece.as_str().len();
            at = span.end;
            if matches!(piece, Piece::Verbatim(_)) && !span.is_empty() {
                said.push(span);
            }
        }
        said
    }
}

/// Whether any of these ranges, which come in order, has a byte of this one.
fn overlaps(ranges: &[Range<usize>], span: &Range<usize>) -> bool {
    let next = ranges.partition_point(|range| range.end <= span.start);
    ranges.get(next).is_some_and(|range| range.start < span.end)
}

/// Those that a tokenizer would take: from the left, the longest of those that begin at one place.
fn outermost(found: impl Iterator<Item = Found>) -> Vec<Range<usize>> {
    let mut taken: Vec<Range<usize>> = Vec::new();
    for (span, _) in found {
        match taken.last_mut() {
            Some(last) if span.start == last.start => last.end = last.end.max(span.end),
            Some(last) if span.start < last.end => {}
            _ => taken.push(span),
        }
    }
    taken
}

/// Runs that are being cut.
#[derive(Default)]
struct Runs {
    runs: Vec<Run>,
}

impl Runs {
    /// Text that holds no token that the template wrote.
    fn plain(&mut self, text: &str, span: Range<usize>, forged: &[Found]) {
        if span.is_empty() {
            return;
        }
        let within = |(found, _): &&Found| found.start < span.end && span.start < found.end;
        let within: Vec<&Found> = forged.iter().filter(within).collect();
        if within.is_empty() {
            return self.push(&text[span], true);
        }
        let mut from = span.start;
        for (found, _) in within.into_iter().filter(|(_, always)| *always) {
            let letter = text[found.start..].chars().next().map_or(1, char::len_utf8);
            let cut = found.start + letter;
            if found.start >= from && cut < span.end {
                self.runs.push(Run { text: text[from..cut].to_owned(), special: false });
                from = cut;
            }
        }
        self.runs.push(Run { text: text[from..span.end].to_owned(), special: false });
    }

    /// Text in which special tokens are meant: it goes on with the run before.
    fn push(&mut self, text: &str, special: bool) {
        match self.runs.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.special == special => last.text.push_str(text),
            _ => self.runs.push(Run { text: text.to_owned(), special }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(pieces: &[(bool, &str)], specials: &[(&str, bool)]) -> Vec<(String, bool)> {
        let specials = Specials::new(specials.iter().map(|(text, always)| ((*text).to_owned(), *always)));
        let piece = |(said, text): &(bool, &str)| {
            if *said { Piece::Verbatim((*text).to_owned()) } else { Piece::Markup((*text).to_owned()) }
        };
        let prompt = Prompt { pieces: pieces.iter().map(piece).collect(), shared: 0 };
        prompt.runs(&specials).into_iter().map(|run| (run.text, run.special)).collect()
    }

    #[test]
    fn runs_are_cut_at_what_the_template_wrote() {
        let specials = [("<a>", false), ("<b>", true), ("<a>x", false)];
        let is = |pieces: &[(bool, &str)], wanted: &[(&str, bool)]| {
            let wanted: Vec<(String, bool)> = wanted.iter().map(|(text, own)| ((*text).to_owned(), *own)).collect();
            assert_eq!(runs(pieces, &specials), wanted, "{pieces:?}");
        };
        is(&[(false, "<a>"), (true, "hi"), (false, "<b>")], &[("<a>hi<b>", true)]);
        is(&[(false, "<a>"), (true, "1<a>2"), (false, "<b>")], &[("<a>", true), ("1<a>2", false), ("<b>", true)]);
        is(&[(false, "<"), (true, "a"), (false, ">")], &[("<a>", false)]);
        is(&[(true, "1<b>2<b>3")], &[("1<", false), ("b>2<", false), ("b>3", false)]);
        is(&[(true, "<"), (true, "b>")], &[("<", false), ("b>", false)]);
        // The longer token is half said: the shorter one that the template wrote stays.
        is(&[(false, "<a>"), (true, "x")], &[("<a>", true), ("x", false)]);
        is(&[(false, "<a><b>")], &[("<a><b>", true)]);
    }
}
