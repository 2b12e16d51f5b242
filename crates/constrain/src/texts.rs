//! What a text must match where a format writes it in another way than JSON does.
//!
//! The expression is that of its schema and that of the format together: no quote in it, no tag. Where no text is left the
//! schema's pattern is dropped, and told. It must not know markers.

use super::expression::{Expression, escaped, letters};
use super::kind::Text;
use super::kinds::Kinds;
use super::pattern::{Pattern, some_text};

/// Letters that are counted in texts whose end is looked for: each makes the lexer larger by all that is looked for.
const COUNTED: u64 = 256;

/// What a format asks of texts.
#[derive(Default)]
pub(super) struct Asked<'a> {
    /// Expressions that leave most texts.
    pub(super) also: Vec<Expression>,
    /// What texts are made of, where not of all letters.
    pub(super) letters: Option<&'a str>,
    /// What they must not be.
    pub(super) not: Option<&'a str>,
    /// What may stand behind a text and is not part of it.
    pub(super) behind: &'a str,
}

/// What a text matches that satisfies its schema and the format.
pub(super) fn holding(kinds: &mut Kinds<'_>, text: &Text, place: &str, asked: Asked<'_>) -> Expression {
    if text.least > COUNTED {
        kinds.tell(place, "minLength", "more letters than are counted");
    }
    if text.most.is_some_and(|most| most > COUNTED) {
        kinds.tell(place, "maxLength", "more letters than are counted");
    }
    let (least, most) = (text.least.min(COUNTED), text.most.filter(|most| *most <= COUNTED));
    let length = Expression::regex(counted(least, most, asked.behind));
    let mut patterns: Vec<String> = text.patterns.iter().map(Pattern::written).collect();
    let all: Vec<String> = asked.letters.map(str::to_owned).into_iter().chain(patterns.iter().cloned()).collect();
    let not: Vec<String> = asked.not.map(str::to_owned).into_iter().collect();
    // Where the format asks for nothing, it is known that there are texts.
    let asks = asked.letters.is_some() || asked.not.is_some();
    if asks && !patterns.is_empty() && some_text(&all, &not) != Some(true) {
        kinds.tell(place, "pattern", "this format has no text that matches");
        patterns.clear();
    }
    let behind = escaped(asked.behind);
    let own = |pattern: String| {
        if behind.is_empty() {
            return Expression::Regex(pattern);
        }
        let whole = Expression::regex(pattern.as_str()).and([Expression::not(format!("(?s:.*){behind}"))]);
        Expression::Or(vec![whole, Expression::Regex(format!("(?:{pattern}){behind}"))])
    };
    let letters = asked.letters.map(Expression::regex);
    let not = asked.not.map(Expression::not);
    length.and(asked.also).and(letters).and(not).and(patterns.into_iter().map(own))
}

/// Texts of so many letters, with or without what may stand behind them and does not count.
fn counted(least: u64, most: Option<u64>, behind: &str) -> String {
    let many = |less: u64| letters(least.saturating_sub(less), most.map(|most| most.saturating_sub(less)));
    let (whole, end) = (many(0), escaped(behind));
    match behind.chars().last() {
        Some(letter) if least > 0 => {
            let other = format!("[^{}]", escaped(letter.encode_utf8(&mut [0; 4])));
            format!("({whole}{end}|{}{other})", many(1))
        }
        Some(_) if most.is_some() => format!("{whole}(?:{end})?"),
        // Where nothing is counted it is part of the text.
        _ => whole,
    }
}
