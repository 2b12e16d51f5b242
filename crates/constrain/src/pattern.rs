//! What a text must match, as whole expressions without anchors.
//!
//! Schemas search: a pattern may match anywhere in a text unless it is anchored. Grammars match whole texts. Lengths are
//! folded into a pattern where it repeats one letter or is as long as it must be anyway, because an automaton that
//! counts beside another is as large as both together. It must not know how texts are written.

use llguidance::derivre::{RegexAst, RegexBuilder};
use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look, Repetition};

use super::ecma::regular;

/// How much work may go into finding a text that matches, in llguidance's units; it gives up after as much itself.
const EFFORT: u64 = 8000;

/// An expression that whole texts match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    hir: Hir,
    /// The keyword that asks for it.
    keyword: &'static str,
}

impl Pattern {
    /// The pattern of a schema, and what of it was taken out; or why it cannot be held to.
    pub(super) fn read(pattern: &str) -> Result<(Self, Option<&'static str>), String> {
        let regular = regular(pattern)?;
        let parsed = regex_syntax::parse(&regular.pattern).map_err(|_| "it is not a regular expression")?;
        let whole = whole(&parsed).ok_or("an anchor stands inside of it")?;
        Ok((Self { hir: whole, keyword: "pattern" }, regular.without))
    }

    /// An expression of ours for the texts of a format.
    pub(super) fn of_format(expression: &str) -> Option<Self> {
        regex_syntax::parse(expression).ok().map(|hir| Self { hir, keyword: "format" })
    }

    /// The keyword that asks for it.
    pub(super) fn keyword(&self) -> &'static str {
        self.keyword
    }

    /// The expression, between slashes or not.
    pub(super) fn written(&self) -> String {
        let mut written = String::new();
        for letter in self.hir.to_string().chars() {
            match letter {
                '/' => written.push_str(r"\/"),
                letter if letter.is_control() => written.extend(letter.escape_unicode()),
                letter => written.push(letter),
            }
        }
        written
    }

    /// Takes lengths into the pattern where that can be done; those that are left are returned.
    pub(super) fn fold(&mut self, least: u64, most: Option<u64>) -> (u64, Option<u64>) {
        let one = |hir: &Hir| match hir.kind() {
            HirKind::Class(_) => true,
            HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().count() == 1),
            _ => false,
        };
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        if let HirKind::Repetition(repetition) = self.hir.kind()
            && one(&repetition.sub)
        {
            let (min, max) =
                (repetition.min.max(count(least)), repetition.max.into_iter().chain(most.map(count)).min());
            if max.is_none_or(|max| min <= max) {
                let sub = repetition.sub.clone();
                self.hir = Hir::repetition(Repetition { min, max, greedy: true, sub });
                return (0, None);
            }
        }
        let properties = self.hir.properties();
        // A letter has one byte or more; only where all have one is a text as many letters as bytes.
        let enough =
            |most: &u64| properties.maximum_len().is_none_or(|len| u64::try_from(len).is_ok_and(|len| len > *most));
        let shortest = properties.minimum_len().filter(|_| is_ascii(&self.hir)).and_then(|len| u64::try_from(len).ok());
        (if shortest.is_some_and(|shortest| shortest >= least) { 0 } else { least }, most.filter(enough))
    }
}

/// Whether some text matches all of these. One alone is not looked into for long.
pub(super) fn possible(patterns: &[Pattern]) -> Option<bool> {
    match patterns {
        [] => Some(true),
        [only] => Some(only.hir.properties().minimum_len().is_some()),
        several => some_text(&several.iter().map(Pattern::written).collect::<Vec<_>>(), &[]),
    }
}

/// Whether some text matches all of these and none of those; none where that is too hard to find out.
pub(super) fn some_text(expressions: &[String], but: &[String]) -> Option<bool> {
    let mut builder = RegexBuilder::new();
    let regex = |expression: &String| RegexAst::Regex(expression.clone());
    let not = but.iter().map(|expression| RegexAst::Not(Box::new(regex(expression))));
    let all = RegexAst::And(expressions.iter().map(regex).chain(not).collect());
    let expression = builder.mk(&all).ok()?;
    if builder.exprset().is_positive(expression) {
        return Some(true);
    }
    builder.to_regex_limited(expression, EFFORT).ok().map(|mut regex| !regex.always_empty())
}

/// The expression for whole texts that this one is found in; none where anchors stand inside of it.
fn whole(hir: &Hir) -> Option<Hir> {
    let any = || Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(Hir::dot(Dot::AnyChar)) });
    match hir.kind() {
        HirKind::Alternation(parts) => parts.iter().map(whole).collect::<Option<Vec<_>>>().map(Hir::alternation),
        HirKind::Capture(capture) => whole(&capture.sub),
        kind => {
            let parts = if let HirKind::Concat(parts) = kind { parts.as_slice() } else { std::slice::from_ref(hir) };
            let is = |part: &Hir, look: Look| matches!(part.kind(), HirKind::Look(own) if *own == look);
            let starts = parts.iter().take_while(|part| is(part, Look::Start)).count();
            let ends = parts[starts..].iter().rev().take_while(|part| is(part, Look::End)).count();
            let inner = parts[starts..parts.len() - ends].iter().map(plain).collect::<Option<Vec<_>>>()?;
            let before = (starts == 0).then(any);
            let after = (ends == 0).then(any);
            Some(Hir::concat(before.into_iter().chain(inner).chain(after).collect()))
        }
    }
}

/// The same without groups; none where anchors stand in it.
fn plain(hir: &Hir) -> Option<Hir> {
    Some(match hir.kind() {
        HirKind::Look(_) => return None,
        HirKind::Capture(capture) => plain(&capture.sub)?,
        HirKind::Repetition(repetition) => {
            let sub = Box::new(plain(&repetition.sub)?);
            Hir::repetition(Repetition { greedy: true, sub, ..repetition.clone() })
        }
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(plain).collect::<Option<_>>()?),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(plain).collect::<Option<_>>()?),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => hir.clone(),
    })
}

fn is_ascii(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.is_ascii(),
        HirKind::Class(Class::Unicode(class)) => class.is_ascii(),
        HirKind::Class(Class::Bytes(class)) => class.is_ascii(),
        HirKind::Repetition(repetition) => is_ascii(&repetition.sub),
        HirKind::Capture(capture) => is_ascii(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().all(is_ascii),
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, some_text};

    fn whole(pattern: &str) -> String {
        Pattern::read(pattern).unwrap().0.written()
    }

    #[test]
    fn patterns_are_found_anywhere_unless_they_are_anchored() {
        let matches = |pattern: &str, text: &str| {
            let mut regex = llguidance::derivre::Regex::new(&whole(pattern)).unwrap();
            regex.is_match(text)
        };
        assert!(matches(r"\d{3}", "a123b") && !matches(r"^\d{3}$", "a123b"));
        assert!(matches(r"^a|b$", "ax") && matches(r"^a|b$", "xb") && !matches(r"^a|b$", "xa"));
        assert!(matches(r"^(x/y|z)$", "x/y") && !matches(r"^(x/y|z)$", "z1"));
        assert!(matches(r"^\s$", "\u{a0}") && !matches("^.$", "\n"));
        assert!(Pattern::read("(^a|b)c").is_err() && Pattern::read("(").is_err());
    }

    #[test]
    fn lengths_go_into_what_repeats_one_letter() {
        let mut word = Pattern::read("^[a-z]+$").unwrap().0;
        assert_eq!(word.fold(2, Some(100)), (0, None));
        assert_eq!(word.written(), "[a-z]{2,100}");
        let mut date = Pattern::read(r"^\d{4}-\d{2}$").unwrap().0;
        assert_eq!(date.fold(7, Some(10)), (0, None), "it is as long by itself");
        assert_eq!(date.fold(8, Some(6)), (8, Some(6)));
    }

    #[test]
    fn what_no_text_matches_is_known() {
        let text = |pattern: &str| pattern.to_owned();
        assert_eq!(some_text(&[text("[a-z]+"), text("[0-9]+")], &[]), Some(false));
        assert_eq!(some_text(&[text("[a-z0-9]+"), text("[0-9]+")], &[]), Some(true));
        assert_eq!(some_text(&[text("[0-9]+")], &[text("[0-9].*")]), Some(false));
    }
}
