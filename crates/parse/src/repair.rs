//! The repair ladder: accept, ask again, fall back, give up. What was put right on the way was put right by `value` and
//! `check`; here it is only decided what becomes of an answer.
//!
//! The decision is a function of the answer and the owner's policy, so that it can be tried without a model. It does
//! not know who asks again, how, or whom one falls back to.

use std::collections::BTreeSet;

use crate::chat::{Call, Fault, FinishReason, Reason, Response, ToolChoice};

/// How far one goes for a better answer. Of itself nowhere: what the model said is the answer, faults and all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Ladder {
    /// How often the local model is asked again.
    pub reasks: usize,
    /// For which reasons a provider is asked when that did not help.
    pub fall_back: BTreeSet<Reason>,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// It is good.
    Accept,
    /// The local model is asked again, its call held to the grammar or its faults before it.
    Reask,
    /// A provider is asked, for this reason.
    FallBack(Reason),
    /// It is what it is; whoever gets it sees the faults.
    GiveUp,
}

impl Ladder {
    /// A ladder with so many re-asks and no fallback.
    #[must_use]
    pub fn reasking(times: usize) -> Self {
        Self { reasks: times, ..Self::default() }
    }

    /// Whether an answer may be taken back, so that what was sent of it does not count.
    #[must_use]
    pub fn may_withdraw(&self) -> bool {
        self.reasks > 0 || !self.fall_back.is_empty()
    }

    /// What becomes of an answer after so many re-asks.
    ///
    /// ```
    /// use callwright_parse::chat::{Fault, Response, ToolChoice};
    /// use callwright_parse::repair::{Ladder, Rung};
    /// let mut answer = Response::default();
    /// assert_eq!(Ladder::reasking(1).decide(&answer, &ToolChoice::Auto, 0), Rung::Accept);
    /// answer.faults.push(Fault::NoCall);
    /// assert_eq!(Ladder::reasking(1).decide(&answer, &ToolChoice::Required, 0), Rung::Reask);
    /// assert_eq!(Ladder::reasking(1).decide(&answer, &ToolChoice::Required, 1), Rung::GiveUp);
    /// ```
    #[must_use]
    pub fn decide(&self, answer: &Response, choice: &ToolChoice, reasked: usize) -> Rung {
        if is_good(answer) {
            return Rung::Accept;
        }
        // Whoever wanted no call gets none by asking for it again; and a deadline that has passed has passed.
        let in_time = answer.finish_reason != FinishReason::Cancelled;
        if in_time && reasked < self.reasks && *choice != ToolChoice::None {
            return Rung::Reask;
        }
        reasons(answer).find(|reason| self.fall_back.contains(reason)).map_or(Rung::GiveUp, Rung::FallBack)
    }
}

/// Whether an answer can be used as it is. Surplus calls beside one that may be executed are only left out, and what looks
/// like a call in prose is prose.
#[must_use]
pub fn is_good(answer: &Response) -> bool {
    let mut faults = answer.faults.iter().filter(|fault| !matches!(fault, Fault::InProse { .. })).peekable();
    let none = faults.peek().is_none();
    let surplus = faults.all(|fault| matches!(fault, Fault::NotAllowed { .. }));
    answer.finish_reason != FinishReason::Cancelled && surplus && (none || answer.valid_calls().next().is_some())
}

/// What is wrong with an answer, the closest first.
fn reasons(answer: &Response) -> impl Iterator<Item = Reason> {
    let has = |wanted: fn(&Fault) -> bool| answer.faults.iter().any(wanted);
    let reasons = [
        (answer.finish_reason == FinishReason::Cancelled, Reason::Timeout),
        (has(|fault| matches!(fault, Fault::UnknownTool { .. })), Reason::UnknownTool),
        (has(|fault| matches!(fault, Fault::Truncated { .. } | Fault::ForcedClose { .. })), Reason::Truncated),
        (
            has(|fault| !matches!(fault, Fault::InProse { .. } | Fault::WrongAnswer { .. }))
                && answer.valid_calls().next().is_none(),
            Reason::NoValidCall,
        ),
    ];
    reasons.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason)
}

/// What the model must do when it is asked again: call the tool that it called wrongly, or else any. It tried to call,
/// so an answer in words would not be what it meant.
#[must_use]
pub fn forced(answer: &Response, choice: &ToolChoice, offered: impl Fn(&str) -> bool) -> ToolChoice {
    // Who answered in the wrong form has not tried to call.
    if answer.faults.iter().all(|fault| matches!(fault, Fault::WrongAnswer { .. })) {
        return choice.clone();
    }
    match (choice, tried(answer).as_slice()) {
        (ToolChoice::Auto | ToolChoice::Required, [one]) if offered(one) => ToolChoice::Named((*one).to_owned()),
        (ToolChoice::Auto, _) => ToolChoice::Required,
        (given, _) => given.clone(),
    }
}

/// How the calls of an answer were held to the grammar while it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Not at all.
    Free,
    /// From where a call began, to all that the tools' schemas say.
    FromCall,
    /// From the first byte; or to a part of the schemas.
    Held,
}

impl Hold {
    /// How calls of this choice are held. `wholly`: to all that the schemas say.
    #[must_use]
    pub fn of(choice: &ToolChoice, wholly: bool) -> Self {
        if *choice == ToolChoice::Auto && wholly { Self::FromCall } else { Self::Held }
    }
}

/// Whether the faults of an answer cannot come again once the call is demanded and held to the grammar. Then the same
/// question is asked again as it was: a small model that is shown its own faulty answer mostly writes a worse one, while
/// the same question, held, gets what the model meant.
///
/// ```
/// use callwright_parse::chat::{Fault, Response};
/// use callwright_parse::repair::{Hold, grammar_rules_out};
/// let mut answer = Response::default();
/// answer.faults.push(Fault::ForcedClose { call: 0 });
/// assert!(grammar_rules_out(&answer, Hold::Free));
/// assert!(!grammar_rules_out(&answer, Hold::FromCall), "it would run on again");
/// ```
#[must_use]
pub fn grammar_rules_out(answer: &Response, hold: Hold) -> bool {
    let runs_on = |fault: &Fault| matches!(fault, Fault::Truncated { .. } | Fault::ForcedClose { .. });
    match hold {
        Hold::Free => true,
        // A call that the grammar held is right: what is faulty was written where it did not see a call begin.
        Hold::FromCall => !answer.faults.iter().any(runs_on),
        Hold::Held => false,
    }
}

/// The tools that the answer calls or begins to call, each once.
fn tried(answer: &Response) -> Vec<&str> {
    let begun = answer.faults.iter().filter_map(|fault| match fault {
        Fault::Truncated { name, .. } => name.as_deref(),
        _ => None,
    });
    let mut names: Vec<&str> = answer.calls.iter().map(|call| call.name.as_str()).chain(begun).collect();
    // The same tool twice is two calls, which one forced call would not make up for.
    let calls = names.len();
    names.dedup();
    if names.len() < calls { Vec::new() } else { names }
}

/// The faults of an answer in words, each with the call that it is about.
#[must_use]
pub fn told(answer: &Response) -> Vec<String> {
    let call = |fault: &Fault| fault.call().and_then(|index| answer.calls.get(index));
    let told = |fault: &Fault| match (fault, call(fault)) {
        (Fault::UnknownTool { .. }, _) | (_, None) => fault.to_string(),
        (_, Some(Call { name, .. })) => format!("in the call of `{name}`: {fault}"),
    };
    answer.faults.iter().map(told).collect()
}
