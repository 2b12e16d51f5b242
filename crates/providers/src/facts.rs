//! What is known about a provider and each of its models.
//!
//! Abilities belong to a model, not to a provider: one vendor's models differ in whether a call can be forced or a
//! temperature set. Where nothing is known of a model, the provider's own row speaks for it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Whose machine a provider runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Someone else's machine.
    Cloud,
    /// The user's own: loopback, or a private network.
    Local,
    /// The user's own machine, which may itself ask someone else's.
    Hybrid,
}

/// Something that a model can do, or that can be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ability {
    /// Call tools.
    Tools,
    /// Be required to call some tool.
    RequiredChoice,
    /// Be required to call a given tool.
    NamedChoice,
    /// Be limited to one call.
    SingleCall,
    /// Make several calls in one turn.
    ParallelCalls,
    /// Take a temperature and the like.
    Sampling,
    /// Think before it speaks.
    Reasoning,
    /// See images.
    Vision,
}

/// What one model of one provider can do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// What it can.
    pub abilities: BTreeSet<Ability>,
    /// Context length in tokens, where known.
    pub context_length: Option<u64>,
    /// The most tokens of one answer, where known.
    pub max_output: Option<u64>,
}

impl Capabilities {
    /// Whether the model can do this.
    #[must_use]
    pub fn can(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }
}

/// What is known of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// Its name in the settings.
    pub name: String,
    /// Where it stands.
    pub kind: Kind,
    /// The wire dialect that it speaks.
    pub dialect: String,
    /// The hosts that are contacted.
    pub hosts: Vec<String>,
    /// Whether there is a key.
    pub has_key: bool,
    /// The model that is asked where none is named.
    pub model: Option<String>,
}

/// How a provider is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether it would be asked now: no breaker is open.
    pub well: bool,
    /// Requests under way.
    pub in_flight: usize,
    /// Requests that wait for their turn.
    pub waiting: usize,
}

/// What `callwright providers test` finds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The steps in order: reachable, key, models, a tiny call.
    pub steps: Vec<Step>,
}

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What was tried.
    pub what: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do, where it did not go well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    /// Whether every step went well.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.ok)
    }
}
