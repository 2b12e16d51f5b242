//! Numbers where they stand, and constant arithmetic: `1/6`, `2**3`, `10^8`, `(1 + 2) * 3`, `2 * math.pi`.
//!
//! Worked out within `i64` and `f64`, checked: what overflows stays text. So do dates and telephone numbers, which
//! look like subtraction: `2024-10-15`, `10/15/2024`, `555-0199`.

use std::f64::consts::{E, PI};

use serde_json::{Number, Value};

use super::Unread;
use super::number::{self, Written};
use super::reader::{Home, Place, Read, Reader};
use crate::chat::FixKind;

/// What was worked out so far, and by what.
#[derive(Debug, Default)]
struct Sum {
    operators: Vec<&'static str>,
    blanks: bool,
}

/// Why an expression is no arithmetic: either nothing can be read, or it is to be kept as text.
enum Not {
    Text,
    Unread(Unread),
}

impl From<Unread> for Not {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

/// Chains of more operators stay text; it also bounds how deep they nest.
const MAX_OPERATORS: usize = 64;

/// How strong `**` binds.
const POWER: u8 = 3;

/// What models write into formulas.
const CONSTANTS: [(&str, f64); 7] =
    [("math.pi", PI), ("pi", PI), ("np.pi", PI), ("numpy.pi", PI), ("Math.PI", PI), ("math.e", E), ("Math.E", E)];

impl Reader<'_> {
    /// A number, a sum, or a parenthesis: tuple or part of a sum.
    pub(super) fn arithmetic(&mut self, place: Place) -> Read<Value> {
        let mark = self.mark();
        let start = self.at;
        let owed = self.owed.len();
        let mut sum = Sum::default();
        match self.sum(0, &mut sum, place) {
            // `pi` alone is a word.
            Ok(_) if sum.operators.is_empty() && self.text[start..self.at] == *"pi" => self.text_instead(mark, place),
            Ok(value) if sum.operators.is_empty() => {
                if value.is_number() && !self.ends_value(self.at, place) {
                    return self.text_instead(mark, place);
                }
                // `1.` may become `1.5`; other numbers are taken as complete, as `serde_json` does.
                if place == Place::Top && self.at == self.text.len() && self.text.ends_with('.') {
                    return Err(self.incomplete());
                }
                Ok(value)
            }
            Ok(value) => {
                if !self.ends_value(self.at, place) || sum.is_date(self.home) {
                    return self.text_instead(mark, place);
                }
                self.loose_end = self.at;
                self.fix(FixKind::Arithmetic, start..self.at);
                Ok(value)
            }
            Err(Not::Text) => {
                self.owed.truncate(owed);
                self.text_instead(mark, place)
            }
            Err(Not::Unread(unread)) => Err(unread),
        }
    }

    fn text_instead(&mut self, mark: super::reader::Mark, place: Place) -> Read<Value> {
        self.back_to(mark);
        self.bare(place)
    }

    /// Precedence climbing; `**` binds to the right.
    fn sum(&mut self, least: u8, sum: &mut Sum, place: Place) -> Result<Value, Not> {
        let signed = self.peek() == Some(b'-');
        let mut left = self.operand(sum, place)?;
        while left.is_number() {
            let blank = self.byte(self.at) == Some(b' ');
            let Some((operator, strength, at)) = self.operator() else { break };
            if strength < least {
                break;
            }
            // -2**2 is -4 in Python: the sign binds weaker than the power.
            if sum.operators.len() >= MAX_OPERATORS || signed && strength == POWER {
                return Err(Not::Text);
            }
            self.at = at;
            sum.operators.push(operator);
            sum.blanks |= blank;
            let right = self.sum(if strength == POWER { strength } else { strength + 1 }, sum, place)?;
            left = apply(operator, &left, &right).ok_or(Not::Text)?;
        }
        Ok(left)
    }

    /// The operator after blanks: its text, how strong it binds, where its right side starts.
    fn operator(&self) -> Option<(&'static str, u8, usize)> {
        let mut at = self.at;
        while self.byte(at) == Some(b' ') {
            at += 1;
        }
        // Markdown writes `3\*4`.
        at += usize::from(self.byte(at) == Some(b'\\') && self.byte(at + 1) == Some(b'*'));
        let (text, strength) = match (self.byte(at)?, self.byte(at + 1)) {
            (b'*', Some(b'*')) => ("**", POWER),
            // In a text this is a power; nobody means Python's exclusive or.
            (b'^', _) => ("^", POWER),
            (b'*', _) => ("*", 2),
            (b'/', Some(b'/')) if self.home == Home::Python => ("//", 2),
            (b'/', next) if !matches!(next, Some(b'/' | b'*')) => ("/", 2),
            (b'%', _) => ("%", 2),
            (b'+', _) => ("+", 1),
            (b'-', _) => ("-", 1),
            _ => return None,
        };
        let mut right = at + text.len();
        while self.byte(right) == Some(b' ') {
            right += 1;
        }
        let number = matches!(self.byte(right), Some(b'0'..=b'9' | b'.' | b'(' | b'-' | b'+'));
        (number || self.constant(right).is_some()).then_some((text, strength, right))
    }

    /// The constant whose name stands at `at`.
    pub(super) fn constant(&self, at: usize) -> Option<(&'static str, f64)> {
        let rest = self.text.get(at..).filter(|rest| rest.starts_with(['p', 'm', 'n', 'M']))?;
        CONSTANTS.into_iter().find(|(name, _)| {
            let ends = |rest: &str| !rest.starts_with(|c| super::literal::is_word(c) || matches!(c, '.' | '('));
            rest.strip_prefix(name).is_some_and(ends)
        })
    }

    fn operand(&mut self, sum: &Sum, place: Place) -> Result<Value, Not> {
        let top = sum.operators.is_empty();
        if self.peek() == Some(b'(') {
            let value = self.parenthesis()?;
            return if top || value.is_number() { Ok(value) } else { Err(Not::Text) };
        }
        if let Some((name, value)) = self.constant(self.at) {
            self.at += name.len();
            return Number::from_f64(value).map(Value::Number).ok_or(Not::Text);
        }
        let start = self.at;
        let money = usize::from(self.peek() == Some(b'$'));
        let rest = self.text.get(start + money..).unwrap_or_default();
        let Some(token) = number::token(rest) else { return Err(self.no_number(rest)) };
        let mut end = start + money + token.len();
        // `5,000`: only where no further item can follow the comma.
        let groups = if place.wants_key() && token.len() <= 3 { number::groups(&self.text[end..]) } else { 0 };
        end += groups;
        if self.text[end..].chars().next().is_some_and(|c| super::literal::is_word(c) || c == '.') {
            return Err(Not::Text);
        }
        let plain = self.text[start + money..end].replace(',', "");
        let Some((number, written)) = number::number(&plain) else { return Err(Not::Text) };
        self.at = end;
        self.loose_end = end;
        let python = written == Written::Python && self.home != Home::Python;
        if python || money > 0 || groups > 0 {
            self.fix(FixKind::Number, start..end);
        }
        Ok(Value::Number(number))
    }

    /// A sign without a number yet may get one; anything else is text.
    fn no_number(&self, rest: &str) -> Not {
        match rest {
            "" | "+" | "-" | "." | "-." | "+." => Not::Unread(self.incomplete()),
            _ => Not::Text,
        }
    }
}

impl Sum {
    /// Whether this is rather a date, a telephone number or a range than a sum.
    fn is_date(&self, home: Home) -> bool {
        let Some(first) = self.operators.first() else { return false };
        let alike = matches!(*first, "-" | "/") && self.operators.iter().all(|operator| operator == first);
        let range = *first == "-" && home != Home::Python;
        alike && !self.blanks && (self.operators.len() > 1 || range)
    }
}

#[expect(clippy::cast_precision_loss, reason = "as Python: a whole number in a fraction becomes a float")]
fn apply(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        let whole = match operator {
            "+" => left.checked_add(right),
            "-" => left.checked_sub(right),
            "*" => left.checked_mul(right),
            "//" => left.checked_div_euclid(right).filter(|_| right > 0),
            "%" => left.checked_rem_euclid(right).filter(|_| right > 0),
            "**" | "^" if right >= 0 => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
            "/" | "**" | "^" => return fraction(operator, left as f64, right as f64),
            _ => None,
        };
        return whole.map(Value::from);
    }
    fraction(operator, left.as_f64()?, right.as_f64()?)
}

fn fraction(operator: &str, left: f64, right: f64) -> Option<Value> {
    let result = match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "//" => (left / right).floor(),
        "%" => left - right * (left / right).floor(),
        "**" | "^" => left.powf(right),
        _ => return None,
    };
    Number::from_f64(result).map(Value::Number)
}
