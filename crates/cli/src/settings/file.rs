//! What may stand in `callwright.toml`, as types.
//!
//! The field docs are what `config schema` shows. Values that hold of themselves stand in `builtin.toml`, the lowest
//! layer, and nowhere in code. What is optional here has no value of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use callwright_parse::chat::{Money, Reason};
use callwright_parse::check::Level;

/// Settings of callwright.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// The model that answers where none is named; absent: the newest that was pulled.
    pub model: Option<String>,
    /// The smaller model that guesses what `model` will write; absent: none. Not used where the command line names a model.
    pub draft: Option<String>,
    /// The provider that answers where no model is named: `NAME` or `NAME:MODEL`; absent: a model on this machine. Not in a
    /// project's file.
    pub provider: Option<String>,
    /// Never use the network: no hub, no mirror, no provider.
    pub offline: bool,
    /// How the local model is run and read.
    pub engine: EngineTable,
    /// What is done about an answer with faults, here.
    #[serde(default)]
    pub repair: RepairTable,
    /// What is kept of turns.
    pub usage: UsageTable,
    /// When a provider is asked, which, and at most what.
    pub fallback: FallbackTable,
    /// What holds for all that is sent to providers.
    #[serde(default)]
    pub egress: EgressTable,
    /// Providers of your own, and corrections to those of providers.toml. Not in a project's file.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    pub providers: toml::Table,
    /// Settings under a name, laid over the others with `--profile NAME`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, File>")]
    pub profile: toml::Table,
}

impl File {
    /// How often the local model is asked again.
    #[must_use]
    pub fn reasks(&self) -> usize {
        self.repair.reasks.unwrap_or(usize::from(self.fallback.enabled))
    }
}

/// How the local model is run and read.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EngineTable {
    /// The format that calls are written and read in; absent: the model's own.
    pub format: Option<String>,
    /// How much is tolerated in reading calls.
    pub level: LevelName,
    /// Whether a grammar holds calls to the tools' schemas.
    pub enforce: EnforceName,
    /// Room for prompt and answer, in tokens.
    pub context_length: Option<usize>,
    /// Threads to compute with.
    pub threads: Option<usize>,
    /// Layers to put on the GPU.
    pub gpu_layers: Option<usize>,
}

/// How much is tolerated in reading calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelName {
    /// Nothing.
    Strict,
    /// What has one reading.
    Standard,
    /// Also the one offered tool whose name is near.
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

/// What is done about an answer with faults, here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RepairTable {
    /// How often the local model is asked again; absent: 0, or 1 where fallback is on, for then a second try at home
    /// comes before one elsewhere.
    pub reasks: Option<usize>,
}

/// What holds for all that is sent to providers.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EgressTable {
    /// A proxy for hosts that are not this machine, as `http://proxy:3128`; absent: none, whatever the environment says.
    pub proxy: Option<String>,
    /// Whether the audit keeps what was sent; absent: only its length and hash.
    pub audit_bodies: bool,
}

/// What is kept of turns.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UsageTable {
    /// Whether each turn's tokens and cost are kept in the data folder. No text is kept.
    pub keep: bool,
}

/// When a provider is asked, which, and at most what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FallbackTable {
    /// Whether a provider may be asked at all.
    pub enabled: bool,
    /// Whom to ask, in order: `NAME` or `NAME:MODEL`.
    pub chain: Vec<String>,
    /// For which reasons.
    #[schemars(schema_with = "reasons")]
    pub when: Vec<Reason>,
    /// What of the conversation may leave.
    pub send: SendName,
    /// Regular expressions of what never leaves.
    pub redact: Vec<String>,
    /// Tools that never leave.
    pub keep_tools: Vec<String>,
    /// The most US dollars for one request.
    pub usd_a_request: Option<Usd>,
    /// The most US dollars for one day.
    pub usd_a_day: Option<Usd>,
    /// The most requests an hour.
    pub calls_an_hour: Option<usize>,
    /// Seconds that the local model has.
    pub local_seconds: Option<u64>,
    /// What counts as complex.
    #[serde(default)]
    pub complex: ComplexTable,
}

/// What of the conversation may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendName {
    /// All of it.
    All,
    /// The rules, and all since the last question.
    LastTurn,
    /// All of it, but for what the patterns find.
    Redacted,
}

/// What counts as complex: more than so many of any of these.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ComplexTable {
    /// Tools on offer.
    pub tools: Option<usize>,
    /// Objects and lists inside each other in a tool's schema.
    pub schema_depth: Option<usize>,
    /// Questions in the conversation.
    pub turns: Option<usize>,
    /// Calls that the model made in one turn of the conversation.
    pub parallel_calls: Option<usize>,
}

/// An amount of US dollars: a number, or a text of one. At most six digits after the point count.
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
        let amount = amount.filter(fits).ok_or_else(|| serde::de::Error::custom("this is no amount of dollars"))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just seen to fit")]
        let microdollars = (amount * 1e6).round() as u64;
        Ok(Self(Money::of_microdollars(microdollars)))
    }
}

/// What `when` may hold.
fn reasons(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": "array", "items": {"enum": Reason::ALL.map(Reason::as_str)}})
}
