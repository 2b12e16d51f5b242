//! Numbers that a float does not hold, in a call that was read: what is told of them (law 13).

use std::ops::Range;

use crate::chat::{Arguments, Digits, Exactness, Fault, Fix, FixKind};

/// The numbers of a call.
#[derive(Debug)]
pub(super) struct Numbers {
    /// The digits of its large whole numbers.
    pub(super) digits: Digits,
    /// One for each number that could be either of two.
    pub(super) faults: Vec<Fault>,
    /// One for each number that its argument only comes near.
    pub(super) fixes: Vec<Fix>,
}

impl Numbers {
    /// What the bytes of the call say.
    pub(super) fn read(arguments: &Arguments, text: &str, span: &Range<usize>, call: usize) -> Self {
        let (digits, inexact) = Digits::read(arguments, text.get(span.clone()).unwrap_or_default());
        let (mut faults, mut fixes) = (Vec::new(), Vec::new());
        for number in inexact {
            let place = span.start + number.at.start..span.start + number.at.end;
            let written = short(&text[place.clone()]);
            let note = match number.kept {
                Exactness::Digits => format!("{written} to the digit; the nearest float is {}", number.float),
                Exactness::Rounded => format!("{written} rounded to {}", number.float),
                Exactness::Unclear => {
                    let message = format!("the number {written} has too many digits to be told from another one");
                    faults.push(Fault::Invalid { call, path: number.path, message });
                    continue;
                }
            };
            if fixes.iter().all(|fix: &Fix| fix.span != place) {
                fixes.push(Fix { kind: FixKind::Digits, span: place, call: Some(call), note: Some(note) });
            }
        }
        Self { digits, faults, fixes }
    }
}

fn short(numeral: &str) -> String {
    if numeral.len() <= 60 { numeral.to_owned() } else { format!("{}…", &numeral[..60]) }
}
