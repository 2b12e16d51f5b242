//! What was tried until a turn settled: by whom, why, at what cost, and how it ended.
//!
//! A trace, not a log: it is part of the response, so that who gets an answer can see what led to it without asking
//! the one who made it. Money is counted in whole picodollars (a millionth of a millionth of a dollar), which is what
//! one token at one microdollar per million costs: sums of integers are exact, sums of floats are not.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fault, Usage, WithdrawReason};

/// One try at a turn.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Counted from 0, as events carry it.
    pub number: usize,
    /// Who was asked: [`LOCAL`] or a provider's name.
    pub by: String,
    /// The model that was asked.
    pub model: String,
    /// Why a provider was asked, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of failure, where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What the model did wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What the model wrote, where the attempt was given up: the response itself holds the text of the last one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub raw: String,
    /// What could not be said to the provider, or was odd in its answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is of interest only to those who want to know more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Tokens.
    pub usage: Usage,
    /// What it cost. Work on this machine costs nothing.
    pub cost: Cost,
    /// How long it took, in milliseconds.
    pub total_ms: f64,
}

/// Who answers where no provider does.
pub const LOCAL: &str = "local";

/// Why a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The caller chose the provider.
    User,
    /// No call that was made is fit to be executed.
    NoValidCall,
    /// A tool was called that nobody offered.
    UnknownTool,
    /// A call was cut off.
    Truncated,
    /// The conversation does not fit the local model.
    ContextOverflow,
    /// The local model took too long.
    Timeout,
    /// There is no local model.
    ModelMissing,
    /// The request is beyond what the owner trusts the local model with.
    Complex,
    /// The request asks for accuracy above all.
    Accuracy,
    /// Nothing is asked of it but whether it is there: `callwright providers test`.
    Check,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::User,
        Self::NoValidCall,
        Self::UnknownTool,
        Self::Truncated,
        Self::ContextOverflow,
        Self::Timeout,
        Self::ModelMissing,
        Self::Complex,
        Self::Accuracy,
        Self::Check,
    ];

    /// The name that configuration and audit know it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::NoValidCall => "no_valid_call",
            Self::UnknownTool => "unknown_tool",
            Self::Truncated => "truncated",
            Self::ContextOverflow => "context_overflow",
            Self::Timeout => "timeout",
            Self::ModelMissing => "model_missing",
            Self::Complex => "complex",
            Self::Accuracy => "accuracy",
            Self::Check => "check",
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its answer is the response.
    #[default]
    Served,
    /// Its answer was given up.
    Withdrawn(WithdrawReason),
    /// It never began, for this reason: a budget, a rule, a switch.
    Refused(String),
    /// It failed: what happened, in one sentence.
    Failed(String),
}

/// An amount of money in picodollars, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(u64);

/// Picodollars of a microdollar.
const MICRO: u64 = 1_000_000;

impl Money {
    /// So many microdollars: `Money::of_microdollars(1_000_000)` is a dollar.
    #[must_use]
    pub const fn of_microdollars(amount: u64) -> Self {
        Self(amount.saturating_mul(MICRO))
    }

    /// What so many tokens cost at so many microdollars a million.
    ///
    /// ```
    /// use callwright_parse::chat::Money;
    /// assert_eq!(Money::of_tokens(1_000_000, 2_000_000), Money::of_microdollars(2_000_000));
    /// assert_eq!(Money::of_tokens(1500, 100_000).to_string(), "$0.00015");
    /// ```
    #[must_use]
    pub fn of_tokens(tokens: usize, microdollars_a_million: u64) -> Self {
        Self(u64::try_from(tokens).unwrap_or(u64::MAX).saturating_mul(microdollars_a_million))
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In picodollars.
    #[must_use]
    pub fn picodollars(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / (MICRO * MICRO), self.0 % (MICRO * MICRO));
        let digits = format!("{rest:012}");
        let kept = digits.trim_end_matches('0');
        write!(f, "${dollars}.{kept:0<2}")
    }
}

/// What something cost, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "basis", content = "picodollars")]
#[non_exhaustive]
pub enum Cost {
    /// Nothing: it ran on this machine, or did not come to pass.
    #[default]
    Nothing,
    /// The price of the tokens that the provider counted.
    Counted(Money),
    /// The price of tokens that we estimated, because the provider told none.
    Estimated(Money),
    /// Nobody knows: no price is known for the model. It is not nothing.
    Unknown,
}

impl Cost {
    /// The amount, where it is known.
    #[must_use]
    pub fn money(self) -> Option<Money> {
        match self {
            Self::Nothing => Some(Money::default()),
            Self::Counted(money) | Self::Estimated(money) => Some(money),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Counted(money) => money.fmt(f),
            Self::Estimated(money) => write!(f, "about {money}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
