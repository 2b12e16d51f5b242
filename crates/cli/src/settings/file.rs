//! What may stand in `callwright.toml`, as types.
//!
//! The field docs are what `config schema` shows. Values that hold of themselves stand in `builtin.toml`, the lowest
//! layer, and nowhere in code. What is optional here has no value of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use callwright_parse::chat::{Money, Overflow, Reason};
use callwright_parse::check::Level;

/// Settings of callwright.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// The model to use where none is named; default: the most recently pulled.
    pub model: Option<String>,
    /// The draft model for `model`; default: none. Not used where the command line names a model.
    pub draft: Option<String>,
    /// The provider to use where no model is named: `NAME` or `NAME:MODEL`; default: a local model. Not in a project's
    /// file, unless you trust that.
    pub provider: Option<String>,
    /// Never use the network: no hub, no mirror, no provider.
    pub offline: bool,
    /// How the local model is run and its output parsed.
    pub engine: EngineTable,
    /// What to do locally about an answer with faults.
    #[serde(default)]
    pub repair: RepairTable,
    /// What is kept about each turn.
    pub usage: UsageTable,
    /// When to ask a provider, which one, and within what limits.
    pub fallback: FallbackTable,
    /// How a server treats its clients.
    pub serve: ServeTable,
    /// Settings for everything sent to providers.
    #[serde(default)]
    pub egress: EgressTable,
    /// Your own providers, and overrides for those of providers.toml. Not in a project's file, unless you trust that.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    pub providers: toml::Table,
    /// Named sets of settings, applied on top of the others with `--profile NAME`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, File>")]
    pub profile: toml::Table,
}

impl File {
    /// How many times the local model is asked again.
    #[must_use]
    pub fn reasks(&self) -> usize {
        self.repair.reasks.unwrap_or(usize::from(self.fallback.enabled))
    }
}

/// How the local model is run and its output parsed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EngineTable {
    /// The tool-call format; default: the model's own.
    pub format: Option<String>,
    /// How many deviations from the format are tolerated.
    pub level: LevelName,
    /// Whether a grammar holds calls to the tools' schemas.
    pub enforce: EnforceName,
    /// Context length, in tokens.
    pub context_length: Option<usize>,
    /// Threads to compute with.
    pub threads: Option<usize>,
    /// Layers to put on the GPU.
    pub gpu_layers: Option<usize>,
}

/// How a server treats its clients.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServeTable {
    /// What becomes of a conversation that does not fit into the context.
    pub overflow: OverflowName,
}

/// What becomes of a conversation that does not fit into the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverflowName {
    /// The client is told, in the words that it understands.
    Refuse,
    /// Long results are cut and the oldest turns left out.
    Shorten,
}

impl From<OverflowName> for Overflow {
    fn from(name: OverflowName) -> Self {
        match name {
            OverflowName::Refuse => Self::Refuse,
            OverflowName::Shorten => Self::Shorten,
        }
    }
}

/// How many deviations from the format are tolerated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelName {
    /// None.
    Strict,
    /// Those that can be read in only one way.
    Standard,
    /// Also a misspelt tool name, if exactly one offered name is close to it.
    Lenient,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Strict => Self::Strict,
            LevelName::Standard => Self::Standard,
            LevelName::Lenient => Self::Lenient,
        }
    }
}

/// Whether a grammar holds calls to the tools' schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnforceName {
    /// Always.
    On,
    /// Only where the model is asked again.
    Reask,
    /// Never.
    Off,
}

impl From<EnforceName> for callwright::Enforce {
    fn from(name: EnforceName) -> Self {
        match name {
            EnforceName::On => Self::On,
            EnforceName::Reask => Self::Reask,
            EnforceName::Off => Self::Off,
        }
    }
}

/// What to do locally about an answer with faults.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RepairTable {
    /// How many times the local model is asked again; default: 0, or 1 where fallback is on, so that the local model gets a
    /// second try before a provider is asked.
    pub reasks: Option<usize>,
}

/// Settings for everything sent to providers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EgressTable {
    /// A proxy for hosts other than this machine, such as `http://proxy:3128`; default: none, whatever the environment says.
    pub proxy: Option<String>,
    /// Whether the audit keeps the request bodies; default: only their length and hash.
    pub audit_bodies: bool,
}

/// What is kept about each turn.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UsageTable {
    /// Whether the tokens and cost of each turn are kept in the data folder (numbers, no text), and the last conversation of
    /// `callwright run` in the state folder, for `--continue`.
    pub keep: bool,
}

/// When to ask a provider, which one, and within what limits.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FallbackTable {
    /// Whether a provider may be asked at all.
    pub enabled: bool,
    /// The providers to ask, in order: `NAME` or `NAME:MODEL`.
    pub chain: Vec<String>,
    /// The reasons to ask a provider.
    #[schemars(schema_with = "reasons")]
    pub when: Vec<Reason>,
    /// How much of the conversation may leave.
    pub send: SendName,
    /// Regular expressions for text that never leaves.
    pub redact: Vec<String>,
    /// Tools that are never sent.
    pub keep_tools: Vec<String>,
    /// At most this many US dollars per request.
    pub usd_a_request: Option<Usd>,
    /// At most this many US dollars per day.
    pub usd_a_day: Option<Usd>,
    /// At most this many requests per hour.
    pub calls_an_hour: Option<usize>,
    /// Time limit for the local model, in seconds.
    pub local_seconds: Option<u64>,
    /// What counts as complex.
    #[serde(default)]
    pub complex: ComplexTable,
}

/// How much of the conversation may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendName {
    /// All of it.
    All,
    /// The system prompt, and everything since the last question.
    LastTurn,
    /// All of it, with matches of the patterns replaced.
    Redacted,
}

/// What counts as complex: exceeding any of these limits.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ComplexTable {
    /// Tools on offer.
    pub tools: Option<usize>,
    /// Nesting depth of a tool's schema.
    pub schema_depth: Option<usize>,
    /// Questions in the conversation.
    pub turns: Option<usize>,
    /// Calls that the model made in one turn of the conversation.
    pub parallel_calls: Option<usize>,
}

/// An amount of US dollars: a number, or a string with one, with at most six decimal places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct Usd(#[schemars(with = "f64")] pub Money);

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Amount {
            Number(f64),
            Text(String),
        }
        let amount = match Amount::deserialize(from)? {
            Amount::Number(number) => Some(number),
            Amount::Text(text) => text.trim_start_matches('$').parse().ok(),
        };
        let fits = |amount: &f64| (0.0..1e9).contains(amount);
        let amount = amount.filter(fits).ok_or_else(|| serde::de::Error::custom("not a valid amount of US dollars"))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just seen to fit")]
        let microdollars = (amount * 1e6).round() as u64;
        Ok(Self(Money::of_microdollars(microdollars)))
    }
}

/// What `when` may hold.
fn reasons(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"enum": Reason::ALL.map(Reason::as_str)}})
}
