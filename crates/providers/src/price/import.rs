//! Prices out of the two lists that everyone keeps: LiteLLM's map and models.dev's catalogue, as JSON.
//!
//! Both write floats of dollars; what is kept is the nearest whole microdollar a million tokens. An entry without both
//! prices, or with one that is no price, is left out: half of what something costs is not what it costs.

use serde_json::{Map, Value};

use super::{Price, Prices, Tier};
use callwright_parse::error::{Error, ErrorKind, Result};

/// Reads a list in either form. `source` and `date` are kept with each entry.
///
/// ```
/// let list = r#"{"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05}}"#;
/// let prices = callwright_providers::price::import(list, "prices.json", "2026-11-21")?;
/// assert_eq!(prices.of("openai", "gpt-x").expect("it is there").input, 2_000_000);
/// # Ok::<(), callwright_parse::Error>(())
/// ```
pub fn import(json: &str, source: &str, date: &str) -> Result<Prices> {
    let list: Map<String, Value> = serde_json::from_str(json).map_err(|cause| {
        Error::new(ErrorKind::Input, format!("{source} is not a JSON object")).because(cause).hint(FORMS)
    })?;
    let per_provider = list.values().any(|entry| entry["models"].is_object());
    let found: Vec<_> = if per_provider { catalogue(&list) } else { map(&list) };
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Input, format!("{source} has no usable prices")).hint(FORMS));
    }
    let told = |price: Price| Price { source: source.to_owned(), checked: date.to_owned(), ..price };
    Ok(found.into_iter().map(|(name, price)| (name.to_lowercase(), told(price))).collect())
}

const FORMS: &str = "supported: LiteLLM's model_prices_and_context_window.json and models.dev's api.json";

/// LiteLLM: dollars a token, under `model` or `provider/model`.
fn map(list: &Map<String, Value>) -> Vec<(String, Price)> {
    let mut found = Vec::new();
    for (key, entry) in list {
        let Some(provider) = entry["litellm_provider"].as_str() else { continue };
        let amount = |key: &str| micro(entry.get(key), 1e12);
        let (Some(input), Some(output)) = (amount("input_cost_per_token"), amount("output_cost_per_token")) else {
            continue;
        };
        let read = amount("cache_read_input_token_cost");
        let write = amount("cache_creation_input_token_cost");
        let mut price = Price { input, output, cache_read: read, cache_write: write, ..Price::default() };
        for above in sizes(entry) {
            let at = |key: &str| amount(&format!("{key}_above_{above}k_tokens"));
            let of = |key: &str, else_: u64| at(key).unwrap_or(else_);
            price.tiers.push(Tier {
                above: above * 1000,
                input: of("input_cost_per_token", input),
                output: of("output_cost_per_token", output),
                cache_read: at("cache_read_input_token_cost").or(read),
                cache_write: at("cache_creation_input_token_cost").or(write),
            });
        }
        let model = key.strip_prefix(&format!("{provider}/")).unwrap_or(key);
        found.push((format!("{provider}/{model}"), price));
    }
    found
}

/// The thresholds of `.._above_272k_tokens`, in thousands.
fn sizes(entry: &Value) -> Vec<u64> {
    let keys = entry.as_object().into_iter().flat_map(Map::keys);
    let size = |key: &String| key.split_once("_above_")?.1.strip_suffix("k_tokens")?.parse().ok();
    let mut sizes: Vec<u64> = keys.filter_map(size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// models.dev: dollars a million tokens, provider by provider.
fn catalogue(list: &Map<String, Value>) -> Vec<(String, Price)> {
    let mut found = Vec::new();
    for (provider, entry) in list {
        for (model, facts) in entry["models"].as_object().into_iter().flatten() {
            let Some(tier) = tier(&facts["cost"], 0) else { continue };
            let Tier { input, output, cache_read, cache_write, .. } = tier;
            let mut price = Price { input, output, cache_read, cache_write, ..Price::default() };
            for cost in facts["cost"]["tiers"].as_array().into_iter().flatten() {
                let size = cost["tier"]["size"].as_u64().filter(|_| cost["tier"]["type"] == "context");
                price.tiers.extend(size.and_then(|size| self::tier(cost, size)));
            }
            found.push((format!("{provider}/{model}"), price));
        }
    }
    found
}

fn tier(cost: &Value, above: u64) -> Option<Tier> {
    let amount = |key: &str| micro(cost.get(key), 1e6);
    Some(Tier {
        above,
        input: amount("input")?,
        output: amount("output")?,
        cache_read: amount("cache_read"),
        cache_write: amount("cache_write"),
    })
}

/// A price as whole microdollars a million tokens.
fn micro(amount: Option<&Value>, factor: f64) -> Option<u64> {
    let scaled = amount?.as_f64()? * factor;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was just seen to fit")]
    (0.0..1e15).contains(&scaled).then(|| scaled.round() as u64)
}
