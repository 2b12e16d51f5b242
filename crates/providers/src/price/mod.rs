//! What tokens cost, as far as that is known.
//!
//! Prices are data with a source and a date: `prices.toml` in the binary, what the user imported, and the user's own
//! file, one over the other. They are integers, since what is summed for a budget must be exact. A model without an
//! entry has no known price: to call that 0 would let a budget pass what it is there to stop. Nothing is ever fetched.

mod import;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use callwright_parse::chat::{Money, Usage};
use callwright_parse::error::{Error, ErrorKind, Result};

pub use import::import;

const BUILTIN: &str = include_str!("../../prices.toml");

/// What one model costs, in microdollars a million tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Price {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Tokens of the prompt that were in the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// Tokens of the prompt that were put into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Other prices for long prompts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
    /// Where it was read.
    #[serde(default)]
    pub source: String,
    /// When, as `2026-11-21`.
    #[serde(default)]
    pub checked: String,
}

/// The prices of prompts that have more tokens than this.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tier {
    /// The prompt's tokens.
    pub above: u64,
    /// As in [`Price`].
    pub input: u64,
    /// As in [`Price`].
    pub output: u64,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// As in [`Price`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
}

/// Every price that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    rows: BTreeMap<String, Price>,
}

impl Price {
    /// What so many tokens cost; `written` of the prompt's went into the provider's cache.
    ///
    /// ```
    /// use callwright_parse::chat::{Money, Usage};
    /// let price = callwright_providers::price::Prices::builtin().of("openai", "gpt-6-luna").expect("it is in prices.toml");
    /// let mut usage = Usage::default();
    /// (usage.prompt_tokens, usage.completion_tokens) = (10_000, 1_000);
    /// assert_eq!(price.cost(usage, 0), Money::of_microdollars(1_500)); // 0.1 and 0.5 dollars a million
    /// ```
    #[must_use]
    pub fn cost(&self, usage: Usage, written: usize) -> Money {
        let tier = self.tier(usage.prompt_tokens);
        let read = usage.cached_tokens.min(usage.prompt_tokens);
        let written = written.min(usage.prompt_tokens - read);
        let parts = [
            (usage.prompt_tokens - read - written, tier.input),
            (read, tier.cache_read.unwrap_or(tier.input)),
            (written, tier.cache_write.unwrap_or(tier.input)),
            (usage.completion_tokens, tier.output),
        ];
        parts.into_iter().fold(Money::default(), |sum, (tokens, price)| sum.plus(Money::of_tokens(tokens, price)))
    }

    /// The most that a request may cost: every token of the prompt at its dearest, and the longest answer.
    #[must_use]
    pub fn worst(&self, prompt_tokens: usize, max_tokens: usize) -> Money {
        let reached = self.tiers.iter().filter(|tier| beyond(prompt_tokens, tier.above));
        let input = |input: u64, write: Option<u64>| input.max(write.unwrap_or(0));
        let (mut dearest, mut output) = (input(self.input, self.cache_write), self.output);
        for tier in reached {
            dearest = dearest.max(input(tier.input, tier.cache_write));
            output = output.max(tier.output);
        }
        Money::of_tokens(prompt_tokens, dearest).plus(Money::of_tokens(max_tokens, output))
    }

    fn tier(&self, prompt_tokens: usize) -> Tier {
        let reached = self.tiers.iter().filter(|tier| beyond(prompt_tokens, tier.above));
        reached.max_by_key(|tier| tier.above).cloned().unwrap_or(Tier {
            above: 0,
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
        })
    }
}

fn beyond(tokens: usize, above: u64) -> bool {
    u64::try_from(tokens).unwrap_or(u64::MAX) > above
}

impl Prices {
    /// The prices of the binary's own `prices.toml`.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static PRICES: OnceLock<Prices> = OnceLock::new();
        // The tests hold that the file can be read; a binary with a broken one knows no prices.
        PRICES.get_or_init(|| Self::parse(BUILTIN, "prices.toml").unwrap_or_default())
    }

    /// The prices of one text in the form of `prices.toml`; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let rows = toml::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::Config, format!("`{origin}` is not a price list"))
                .because(cause.to_string().trim().to_owned())
                .hint("the comment at the top of prices.toml describes the fields of an entry")
        })?;
        Ok(Self { rows })
    }

    /// The same with a file on top, entry by entry. A file that is not there adds nothing.
    pub fn with_file(mut self, path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => self.rows.extend(Self::parse(&text, &path.display().to_string())?.rows),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
            Err(cause) => {
                return Err(Error::new(ErrorKind::Config, format!("cannot read {}", path.display())).because(cause));
            }
        }
        Ok(self)
    }

    /// What a model of a provider costs: its own entry, that of the name without a date, or the longest that ends in `*`.
    #[must_use]
    pub fn of(&self, provider: &str, model: &str) -> Option<&Price> {
        let name = format!("{provider}/{model}").to_lowercase();
        let undated = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
        let dated = name[undated.len()..].bytes().filter(u8::is_ascii_digit).count() == 8;
        let own = self.rows.get(&name).or_else(|| self.rows.get(undated).filter(|_| dated));
        own.or_else(|| {
            let begins = |row: &&String| row.strip_suffix('*').is_some_and(|beginning| name.starts_with(beginning));
            let longest = self.rows.keys().filter(begins).max_by_key(|row| row.len())?;
            self.rows.get(longest)
        })
    }

    /// Every entry, by `provider/model`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.rows.iter().map(|(name, price)| (name.as_str(), price))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// In the form of `prices.toml`.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(&self.rows).map_err(|cause| Error::new(ErrorKind::Io, "cannot write the prices").because(cause))
    }
}

impl FromIterator<(String, Price)> for Prices {
    fn from_iter<T: IntoIterator<Item = (String, Price)>>(rows: T) -> Self {
        Self { rows: rows.into_iter().collect() }
    }
}
