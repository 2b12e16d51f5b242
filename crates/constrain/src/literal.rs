//! Values as literals of call expressions and Python dicts: `True`, `'it\'s'`, `{days:3}`.
//!
//! Where such a literal is written as JSON writes it, llguidance's own compiler of schemas is used, so that strings and
//! numbers keep to all of their schema; what differs (words, quotes, keys) is spelled out here. It must not know
//! markers.

use callwright_parse::schema::{Bound, Numbers};
use serde_json::{Value, json};

use super::expression::{Expression, escaped};
use super::grammar::{Free, Grammar, Term};
use super::kind::{Kind, List, Member, Object, Text};
use super::kinds::Kinds;
use super::texts::{Asked, holding};
use callwright_parse::format::JsonStyle;

/// How a format writes literals.
#[derive(Debug, Clone)]
pub(super) struct Notation {
    /// Null, true, false.
    pub(super) words: [&'static str; 3],
    /// Between two items.
    pub(super) comma: &'static str,
    /// Between a key and its value, inside an object.
    pub(super) colon: &'static str,
    pub(super) texts: Quotes,
    /// Whether keys inside an object are bare words.
    pub(super) bare_keys: bool,
}

/// What stands around a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Quotes {
    /// As in JSON.
    Double,
    /// As Python writes it.
    Single,
    /// A token, and nothing is escaped.
    Token(String),
}

/// A value that cannot be written so that it is read again, and why.
pub(super) type Unwritable = String;

/// Writes one tool's values into a grammar.
pub(super) struct Scribe<'a, 's> {
    pub(super) grammar: &'a mut Grammar,
    pub(super) kinds: &'a mut Kinds<'s>,
    pub(super) notation: &'a Notation,
    /// Whether the format can say this: a constant, or an object's key with some value.
    pub(super) sayable: &'a dyn Fn(&Value) -> bool,
    /// A constant as the format writes it.
    pub(super) constant: &'a dyn Fn(&Value) -> String,
    /// What rules of this tool are called.
    pub(super) prefix: String,
    pub(super) rules: usize,
    /// The parameter whose value is written, where that matters.
    pub(super) around: String,
}

impl Scribe<'_, '_> {
    /// The name of a new rule.
    pub(super) fn name(&mut self) -> String {
        self.rules += 1;
        format!("{}_{}", self.prefix, self.rules)
    }

    fn add(&mut self, alternatives: Vec<Vec<Term>>) -> Vec<Term> {
        let name = self.name();
        self.grammar.either(name.as_str(), alternatives);
        vec![Term::Rule(name)]
    }

    /// A value of this kind as JSON has it.
    pub(super) fn json(&mut self, kind: &Kind, style: JsonStyle) -> Term {
        self.grammar.value(kind, self.kinds, style)
    }

    /// A value of this kind.
    pub(super) fn value(&mut self, kind: &Kind, place: &str) -> Result<Vec<Term>, Unwritable> {
        let [null, yes, no] = self.notation.words;
        match kind {
            Kind::Any => Ok(vec![self.any()]),
            Kind::Null => Ok(vec![Term::literal(null)]),
            Kind::Boolean => Ok(self.add(vec![vec![Term::literal(yes)], vec![Term::literal(no)]])),
            Kind::Number(numbers) => Ok(vec![self.number(numbers)]),
            Kind::Text(text) => Ok(self.text(text, place)),
            Kind::List(list) => self.list(list, place),
            Kind::Object(object) => self.object(object, place),
            Kind::Constants(values) => self.constants(values, place),
            Kind::Either(kinds) => {
                let mut refused = None;
                let mut alternatives = Vec::new();
                for kind in kinds {
                    match self.value(kind, place) {
                        Ok(terms) => alternatives.push(terms),
                        Err(why) => refused = Some(why),
                    }
                }
                match refused {
                    Some(why) if alternatives.is_empty() => Err(why),
                    Some(why) => {
                        self.kinds.told.push(why);
                        Ok(self.add(alternatives))
                    }
                    None => Ok(self.add(alternatives)),
                }
            }
            Kind::Named(index) => self.named(*index, place),
        }
    }

    fn named(&mut self, index: usize, place: &str) -> Result<Vec<Term>, Unwritable> {
        let name = format!("{}_ref_{index}", self.prefix);
        if !self.grammar.has(&name) {
            // The rule is there before its body, because the body may name it.
            let body = format!("{name}_is");
            self.grammar.rule(name.as_str(), [Term::rule(body.as_str())]);
            let kind = self.kinds.named(index).clone();
            let terms = self.value(&kind, place)?;
            self.grammar.rule(body, terms);
        }
        Ok(vec![Term::Rule(name)])
    }

    fn text(&mut self, text: &Text, place: &str) -> Vec<Term> {
        match &self.notation.texts {
            Quotes::Double => vec![self.json(&Kind::Text(text.clone()), JsonStyle::Spaced)],
            Quotes::Token(quote) => {
                let also = vec![Expression::without(&escaped(quote))];
                let content = holding(self.kinds, text, place, Asked { also, ..Asked::default() });
                let stop = quote.clone();
                let free = Free { content, stop: stop.clone(), never: stop.clone(), segments: None };
                vec![Term::literal(stop), self.grammar.free(free)]
            }
            Quotes::Single if text.patterns.is_empty() => {
                let (least, most) = (text.least, text.most.map(|most| most.to_string()).unwrap_or_default());
                let letter = r"([^'\\\x00-\x1f\x7f]|\\(['\\nrt]|u00[0-9a-f]{2}))";
                vec![self.grammar.terminal(Expression::Regex(format!("'{letter}{{{least},{most}}}'")))]
            }
            Quotes::Single => {
                // A text with a pattern is one that nothing in it must be escaped for.
                let asked = Asked { letters: Some(r"[^'\\\x00-\x1f\x7f]*"), ..Asked::default() };
                let content = holding(self.kinds, text, place, asked);
                let quote = || Expression::text("'");
                vec![self.grammar.terminal(Expression::Then(vec![quote(), content, quote()]))]
            }
        }
    }

    fn constants(&mut self, values: &[Value], place: &str) -> Result<Vec<Term>, Unwritable> {
        let sayable: Vec<&Value> = values.iter().filter(|value| (self.sayable)(value)).collect();
        if sayable.is_empty() {
            return Err(format!("this format cannot represent any value of {place}"));
        }
        if sayable.len() < values.len() {
            self.kinds.told.push(format!("this format cannot represent some values of {place}"));
        }
        let alternatives = sayable.into_iter().map(|value| vec![Term::said((self.constant)(value))]).collect();
        Ok(self.add(alternatives))
    }

    fn list(&mut self, list: &List, place: &str) -> Result<Vec<Term>, Unwritable> {
        let List { first, rest, least, most } = list;
        let (least, most) = (*least, *most);
        let comma = || Term::literal(self.notation.comma);
        let counted = u64::try_from(first.len()).unwrap_or(u64::MAX);
        // From the last one back, so that each knows what may follow it.
        let mut behind: Option<String> = None;
        if let Some(rest) = rest.as_ref().filter(|_| most.is_none_or(|most| most > counted)) {
            let item = self.value(rest, place)?;
            let (least, most) = (least.saturating_sub(counted), most.map(|most| most - counted));
            let name = self.name();
            self.grammar.rule(name.as_str(), item);
            let more =
                |least: u64, most: Option<u64>| Term::Repeat(vec![comma(), Term::rule(name.as_str())], least, most);
            if first.is_empty() {
                let some = [Term::rule(name.as_str()), more(least.saturating_sub(1), most.map(|most| most - 1))];
                let mut inside = vec![some.to_vec()];
                if least == 0 {
                    inside.push(Vec::new());
                }
                return Ok(self.bracketed(inside));
            }
            let tail = self.name();
            let more = more(least, most);
            self.grammar.rule(tail.as_str(), [more]);
            behind = Some(tail);
        }
        for (index, kind) in first.iter().enumerate().rev() {
            let index = u64::try_from(index).unwrap_or(u64::MAX);
            if most.is_some_and(|most| most <= index) {
                continue;
            }
            let mut some = if index > 0 { vec![Term::literal(self.notation.comma)] } else { Vec::new() };
            some.extend(self.value(kind, place)?);
            some.extend(behind.map(Term::Rule));
            let mut alternatives = vec![some];
            if index >= least {
                alternatives.push(Vec::new());
            }
            let name = self.name();
            self.grammar.either(name.as_str(), alternatives);
            behind = Some(name);
        }
        let inside = behind.map(|name| vec![Term::Rule(name)]).unwrap_or_default();
        Ok(self.bracketed(vec![inside]))
    }

    fn bracketed(&mut self, inside: Vec<Vec<Term>>) -> Vec<Term> {
        let inside = self.add(inside);
        let mut terms = vec![Term::literal("[")];
        terms.extend(inside);
        terms.push(Term::literal("]"));
        terms
    }

    fn object(&mut self, object: &Object, place: &str) -> Result<Vec<Term>, Unwritable> {
        let mut terms = vec![Term::literal("{")];
        let Object { members, matching, others, least, most } = object;
        let free = others.as_deref().or_else(|| matching.first().map(|(_, kind)| kind));
        if let Some(others) = free.filter(|_| members.is_empty()) {
            if !matching.is_empty() {
                self.kinds.tell(place, "patternProperties", "this format does not hold names to patterns");
            }
            let mut pair = vec![self.any_key(), Term::literal(self.notation.colon)];
            pair.extend(self.value(others, place)?);
            let name = self.name();
            self.grammar.rule(name.as_str(), pair);
            let another = vec![Term::literal(self.notation.comma), Term::rule(name.as_str())];
            let more = Term::Repeat(another, least.saturating_sub(1), most.map(|most| most.saturating_sub(1)));
            let mut ways = Vec::new();
            if *most != Some(0) {
                ways.push(vec![Term::Rule(name), more]);
            }
            if *least == 0 {
                ways.push(Vec::new());
            }
            terms.extend(self.add(ways));
        } else {
            let (bare, colon) = (self.notation.bare_keys, self.notation.colon);
            terms.extend(self.members(members, bare, colon, place)?);
        }
        terms.push(Term::literal("}"));
        Ok(terms)
    }

    /// Members in their order, those that are not required left out or not; `bare`: keys without quotes.
    pub(super) fn members(
        &mut self,
        members: &[Member],
        bare: bool,
        colon: &str,
        place: &str,
    ) -> Result<Vec<Term>, Unwritable> {
        let mut pairs = Vec::new();
        for member in members {
            let place = format!("{place}/{}", member.key);
            match self.pair(member, bare, colon, &place) {
                Ok(pair) => pairs.push((pair, member.required)),
                Err(why) if member.required => return Err(why),
                Err(why) => self.kinds.told.push(format!("{place} is left out: {why}")),
            }
        }
        // Each step knows whether something stands before it, and so whether a comma must.
        let (mut alone, mut behind) = (None::<String>, None::<String>);
        for (pair, required) in pairs.into_iter().rev() {
            let name = self.name();
            self.grammar.rule(name.as_str(), pair);
            let follow = behind.clone().map(Term::Rule);
            let first: Vec<Term> = [Term::rule(name.as_str())].into_iter().chain(follow.clone()).collect();
            let comma = Term::literal(self.notation.comma);
            let later = [comma, Term::rule(name.as_str())].into_iter().chain(follow).collect();
            let (mut firsts, mut laters) = (vec![first], vec![later]);
            if !required {
                firsts.push(alone.map(Term::Rule).into_iter().collect());
                laters.push(behind.map(Term::Rule).into_iter().collect());
            }
            let (one, other) = (self.name(), self.name());
            self.grammar.either(one.as_str(), firsts);
            self.grammar.either(other.as_str(), laters);
            (alone, behind) = (Some(one), Some(other));
        }
        Ok(alone.map(Term::Rule).into_iter().collect())
    }

    fn pair(&mut self, member: &Member, bare: bool, colon: &str, place: &str) -> Result<Vec<Term>, Unwritable> {
        if !(self.sayable)(&json!({ member.key.as_str(): 1 })) {
            return Err(format!("this format cannot represent the name `{}`", member.key));
        }
        let key = if bare { member.key.clone() } else { (self.constant)(&Value::from(member.key.as_str())) };
        let mut pair = vec![Term::literal(key), Term::literal(colon)];
        pair.extend(self.value(&member.kind, place)?);
        Ok(pair)
    }

    fn any_key(&mut self) -> Term {
        if self.notation.bare_keys {
            return self.grammar.terminal(Expression::regex("[a-zA-Z_][a-zA-Z0-9_]{0,31}"));
        }
        match &self.notation.texts {
            Quotes::Single => self.grammar.terminal(Expression::regex(r"'[^'\\\x00-\x1f\x7f]{0,64}'")),
            _ => self.json(&Kind::Text(Text { most: Some(64), ..Text::default() }), JsonStyle::Spaced),
        }
    }

    /// Any value at all.
    fn any(&mut self) -> Term {
        let name = format!("{}_any", self.prefix);
        if !self.grammar.has(&name) {
            let body = format!("{name}_is");
            self.grammar.rule(name.as_str(), [Term::rule(body.as_str())]);
            let text = Kind::Text(Text::default());
            let kinds = [Kind::Null, Kind::Boolean, Kind::number(), text, Kind::list(), Kind::object()];
            let alternatives = kinds.iter().filter_map(|kind| self.value(kind, "").ok()).collect::<Vec<_>>();
            self.grammar.either(body, alternatives);
        }
        Term::Rule(name)
    }

    /// A number. Without bounds of its own it is kept to the digits that an `i64` or an `f64` can tell apart.
    fn number(&mut self, numbers: &Numbers) -> Term {
        if *numbers == Numbers::default() {
            return self.grammar.terminal(Expression::regex(NUMBER));
        }
        let mut numbers = numbers.clone();
        // Bounds of the schema's own may lie beyond.
        if numbers.integer && numbers.least.is_none() && numbers.most.is_none() && numbers.multiple_of.is_empty() {
            let bound = |number: i64| Some(Bound { value: number.into(), excluded: false });
            (numbers.least, numbers.most) = (bound(-MOST), bound(MOST));
        }
        self.json(&Kind::Number(numbers), JsonStyle::Spaced)
    }
}

/// The largest number of 18 digits.
const MOST: i64 = 999_999_999_999_999_999;
/// Numbers of no more digits than can be told apart.
const NUMBER: &str = r"-?(0|[1-9][0-9]{0,17}|(0|[1-9][0-9]{0,8})\.[0-9]{1,8}([eE][+-]?[0-9]{1,2})?|[0-9]\.[0-9]{1,16}|(0|[1-9][0-9]{0,16})[eE][+-]?[0-9]{1,2})";
