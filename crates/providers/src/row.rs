//! One vendor, server or gateway, as a row of `providers.toml` says it.
//!
//! What a vendor does otherwise than its dialect is a typed field here, so that no code asks for a vendor's name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Ability, Capabilities, Kind};
use callwright_models::Named;

/// What is known about a provider before it is asked anything.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ProviderRow {
    /// Its name: the row's own.
    #[serde(skip)]
    pub name: String,
    /// Whose machine it runs on.
    pub kind: Kind,
    /// The wire dialect that it speaks: `openai_chat`, `openai_responses`, `anthropic`, `gemini`, `cohere`, `ollama`, or
    /// one that the program registered. None is needed for raw completion.
    #[serde(default)]
    pub dialect: String,
    /// Raw completion instead of chat, with our own prompt, grammar and parsing: where its model's prompt format comes from.
    #[serde(default)]
    pub raw: Option<RawRow>,
    /// Its address, up to and without the part that the dialect adds.
    #[serde(default)]
    pub base_url: String,
    /// Several addresses of the same server instead of one: the least busy is asked, conversations stay where they are.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Other providers that share this name, each with its weight: an A/B test.
    #[serde(default)]
    pub split: BTreeMap<String, u32>,
    /// The environment variable that holds the key.
    #[serde(default)]
    pub key: Option<String>,
    /// A file whose first line is the key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The header that carries the key; the dialect's own where absent.
    #[serde(default)]
    pub key_header: Option<KeyHeader>,
    /// The model that is asked where none is named.
    #[serde(default)]
    pub model: Option<String>,
    /// Whether plain HTTP may go beyond this machine.
    #[serde(default)]
    pub allow_http: bool,
    /// Headers that are sent with every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What its models cannot do, unless a model's own row says that it can.
    #[serde(default)]
    pub cannot: BTreeSet<Ability>,
    /// Context length in tokens, where all its models agree.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// The most tokens of one answer, where all its models agree.
    #[serde(default)]
    pub max_output: Option<u64>,
    /// How it differs from its dialect.
    #[serde(default)]
    pub quirks: Quirks,
    /// Its limits.
    #[serde(default)]
    pub limits: LimitsRow,
    /// What is known of its models. A name that ends in `*` matches all that begin with it; the longest wins.
    #[serde(default)]
    pub models: BTreeMap<String, OfferedModel>,
}

/// Where the prompt format of a raw completion model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RawRow {
    /// From the engine: llama-server tells the template of what it runs.
    Served,
    /// From a model that is on this machine too, by its name: the header of its file says it.
    Model(String),
    /// From the header of this file.
    Gguf(PathBuf),
    /// From these.
    Template(RawTemplate),
}

impl RawRow {
    /// The same, where paths that begin nowhere begin in this folder.
    #[must_use]
    pub fn below(self, folder: &Path) -> Self {
        match self {
            Self::Gguf(path) => Self::Gguf(folder.join(path)),
            Self::Template(template) => Self::Template(RawTemplate { file: folder.join(&template.file), ..template }),
            other => other,
        }
    }
}

/// How a model is prompted, said in full.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawTemplate {
    /// Its chat template, as `chat_template.jinja` of its repository.
    pub file: PathBuf,
    /// The format of its calls; absent: the one that reads what the template writes.
    #[serde(default)]
    pub format: Option<String>,
    /// What every text begins with.
    #[serde(default)]
    pub bos: String,
    /// What ends a text.
    #[serde(default)]
    pub eos: String,
    /// Its control tokens: what people say is kept from being read as one of these.
    pub control_tokens: Vec<String>,
}

/// What is known of one model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OfferedModel {
    /// The dialect for this model, where it is another one.
    pub dialect: Option<String>,
    /// What it can do although its provider's row says otherwise.
    pub can: BTreeSet<Ability>,
    /// What it cannot do.
    pub cannot: BTreeSet<Ability>,
    /// Context length, in tokens.
    pub context_length: Option<u64>,
    /// The most tokens of one answer.
    pub max_output: Option<u64>,
}

/// The header that carries a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `api-key: KEY`.
    ApiKey,
}

/// How a provider differs from its dialect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Quirks {
    /// The field that bounds the answer's length, in `openai_chat`.
    pub max_tokens: MaxTokensField,
    /// The ids of calls that it takes.
    pub ids: CallIdRule,
    /// The word for "some call must be made", in `openai_chat`.
    pub required: RequiredWord,
    /// What counts as the end of a streamed reply, in `openai_chat`.
    pub end: EndMarker,
    /// Where it wants the model's reasoning back, in `openai_chat`.
    pub reasoning: ReasoningField,
    /// How empty text beside calls is written, in `openai_chat`.
    pub no_text: NoText,
    /// Fields it supports beyond the dialect's common part, in `openai_chat`.
    pub knows: BTreeSet<Extra>,
    /// The header by which the provider knows that a request was sent before: each send of one request has the same key.
    pub idempotency: Option<String>,
    /// The version of the protocol, in `anthropic`.
    pub version: Option<String>,
}

/// The field that bounds the answer's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the fields")]
pub enum MaxTokensField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

/// The ids of calls that a provider takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallIdRule {
    /// Letters, digits, `_` and `-`, at most 40.
    #[default]
    Safe,
    /// Exactly nine letters and digits.
    Nine,
}

/// The word for "some call must be made".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the words")]
pub enum RequiredWord {
    #[default]
    Required,
    Any,
}

/// What counts as the end of a streamed reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndMarker {
    /// A finish reason.
    #[default]
    Finish,
    /// `[DONE]` alone will do: it never says why it stops.
    Done,
}

/// Where a provider wants the model's reasoning back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningField {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In `reasoning_content`.
    ReasoningContent,
    /// In `reasoning`.
    Reasoning,
}

/// How empty text beside calls is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoText {
    /// `null`.
    #[default]
    Null,
    /// A text without letters.
    Empty,
}

/// Fields beyond the common part of `openai_chat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// `store: false`: keep nothing.
    Store,
    /// `strict` in a tool.
    Strict,
    /// `stream_options.include_usage`.
    StreamUsage,
    /// `parallel_tool_calls`.
    ParallelToolCalls,
    /// `seed`.
    Seed,
    /// `random_seed`.
    RandomSeed,
    /// `top_k` and `min_p`, as local engines have them.
    TopK,
}

/// Rate limits and timeouts of a provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LimitsRow {
    /// Requests per minute.
    pub requests_per_minute: Option<std::num::NonZeroU32>,
    /// Tokens per minute, prompt and answer together.
    pub tokens_per_minute: Option<std::num::NonZeroU32>,
    /// Requests at the same time.
    pub concurrency: usize,
    /// Requests that may wait for their turn; more are refused.
    pub queue: usize,
    /// How many times a request is retried.
    pub retries: u32,
    /// Connect timeout, in seconds.
    pub connect_s: f64,
    /// Timeout for the first byte, in seconds.
    pub first_byte_s: f64,
    /// Timeout between two bytes, in seconds.
    pub idle_s: f64,
    /// Timeout between two pieces of the answer, in seconds; keep-alives do not count.
    pub progress_s: f64,
    /// Timeout for the whole turn, retries included, in seconds.
    pub total_s: f64,
    /// The longest wait that a provider may ask for, in seconds; beyond it the request fails, so that another is asked.
    pub patience_s: f64,
}

impl Default for LimitsRow {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrency: 8,
            queue: 64,
            retries: 2,
            connect_s: 5.0,
            first_byte_s: 120.0,
            idle_s: 60.0,
            progress_s: 180.0,
            total_s: 900.0,
            patience_s: 60.0,
        }
    }
}

impl ProviderRow {
    /// What is known of this model.
    pub(super) fn model_row(&self, model: &str) -> Option<&OfferedModel> {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => model == pattern,
        };
        let known = self.models.iter().filter(|(pattern, _)| fits(pattern));
        known.max_by_key(|(pattern, _)| (!pattern.ends_with('*'), pattern.len())).map(|(_, row)| row)
    }

    /// The dialect that this model is spoken to in.
    #[must_use]
    pub fn dialect_of(&self, model: &str) -> &str {
        self.model_row(model).and_then(|row| row.dialect.as_deref()).unwrap_or(&self.dialect)
    }

    /// What this model can do.
    #[must_use]
    pub fn capabilities(&self, model: &str) -> Capabilities {
        use Ability::{NamedChoice, ParallelCalls, RequiredChoice, Sampling, SingleCall, Tools};
        let mut abilities: BTreeSet<_> =
            [Tools, RequiredChoice, NamedChoice, SingleCall, ParallelCalls, Sampling].into();
        abilities.retain(|ability| !self.cannot.contains(ability));
        let row = self.model_row(model);
        if let Some(row) = row {
            abilities.extend(&row.can);
            abilities.retain(|ability| !row.cannot.contains(ability));
        }
        Capabilities {
            abilities,
            context_length: row.and_then(|row| row.context_length).or(self.context_length),
            max_output: row.and_then(|row| row.max_output).or(self.max_output),
        }
    }

    /// The addresses, without a slash at their end.
    pub(super) fn addresses(&self) -> Vec<String> {
        let one = (!self.base_url.is_empty()).then_some(&self.base_url);
        one.into_iter().chain(&self.endpoints).map(|url| url.trim_end_matches('/').to_owned()).collect()
    }
}

impl Named for ProviderRow {
    const CALLED: &'static str = "provider";
    const FILE: &'static str = "providers.toml";

    fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    fn flaw(&self) -> Option<String> {
        let addresses = usize::from(!self.base_url.is_empty()) + usize::from(!self.endpoints.is_empty());
        if self.split.is_empty() && addresses != 1 {
            return Some("it needs either `base_url` or `endpoints`".to_owned());
        }
        if self.raw.is_some() && self.base_url.is_empty() {
            return Some("raw completion needs exactly one address, its `base_url`".to_owned());
        }
        if self.dialect.is_empty() && self.raw.is_none() {
            return Some("it needs a `dialect`, or `raw`".to_owned());
        }
        if self.limits.concurrency == 0 {
            return Some("`limits.concurrency` must be at least 1".to_owned());
        }
        let limits = &self.limits;
        let times = [limits.connect_s, limits.first_byte_s, limits.idle_s, limits.progress_s, limits.total_s];
        if times.iter().any(|time| !(0.001..=86_400.0).contains(time)) || !(0.0..=86_400.0).contains(&limits.patience_s)
        {
            return Some("its timeouts must be between 0.001 s and one day".to_owned());
        }
        None
    }
}
