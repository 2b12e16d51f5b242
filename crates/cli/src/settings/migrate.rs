//! The older settings, a JSON object of `provider`, `model`, `api_key` and `base_url`, as TOML.
//!
//! Keys are not copied: a settings file is copied and shown, a key must not be. Instead, the user is told where each
//! belongs. Unknown settings are reported, never silently dropped.

use serde_json::{Map, Value};

use callwright_parse::error::{Error, ErrorKind, Result};

/// What became of the older settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migrated {
    /// The new file.
    pub toml: String,
    /// The variables that are to hold the keys, each with the field that holds it now.
    pub keys: Vec<(String, String)>,
    /// Fields without a counterpart.
    pub left_out: Vec<String>,
}

/// What the older form called providers, what they are called now, and where their keys belong.
const PROVIDERS: [(&str, &str, &str); 8] = [
    ("claude", "anthropic", "ANTHROPIC_API_KEY"),
    ("anthropic", "anthropic", "ANTHROPIC_API_KEY"),
    ("openai", "openai", "OPENAI_API_KEY"),
    ("gemini", "gemini", "GEMINI_API_KEY"),
    ("google", "gemini", "GEMINI_API_KEY"),
    ("mistral", "mistral", "MISTRAL_API_KEY"),
    ("cohere", "cohere", "COHERE_API_KEY"),
    ("ollama", "ollama", ""),
];

/// Reads the older form.
///
/// ```
/// let old = r#"{"provider": "claude", "model": "claude-opus-5-5", "claude_api_key": "sk-ant-1"}"#;
/// let new = callwright_cli::settings::migrate(old)?;
/// assert!(new.toml.contains("chain = [\"anthropic:claude-opus-5-5\"]") && !new.toml.contains("sk-ant"));
/// assert_eq!(new.keys, [("ANTHROPIC_API_KEY".to_owned(), "claude_api_key".to_owned())]);
/// # Ok::<(), callwright_parse::Error>(())
/// ```
pub fn migrate(json: &str) -> Result<Migrated> {
    let mut old: Map<String, Value> = serde_json::from_str(json).map_err(|cause| {
        Error::new(ErrorKind::Input, "not settings of the older form: expected a JSON object").because(cause)
    })?;
    let mut text = |field: &str| match old.remove(field) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let (named, model) = (text("provider"), text("model"));
    let (api_key, base_url) = (text("api_key"), text("base_url"));
    let known = |name: &str| PROVIDERS.into_iter().find(|(old, _, _)| *old == name.to_lowercase());
    let provider =
        named.as_deref().map(|name| known(name).map_or_else(|| name.to_lowercase(), |(_, new, _)| new.to_owned()));
    let mut migrated = Migrated::default();
    for (older, _, variable) in PROVIDERS {
        let field = format!("{older}_api_key");
        if !variable.is_empty() && old.remove(&field).is_some() {
            migrated.keys.push((variable.to_owned(), field));
        }
    }
    if let (Some(name), Some(_)) = (&named, api_key) {
        let variable = known(name).map_or_else(|| variable(name), |(_, _, variable)| variable.to_owned());
        if !variable.is_empty() {
            migrated.keys.push((variable, "api_key".to_owned()));
        }
    }
    let mut lines = vec!["# Migrated from older settings by `callwright config migrate`.".to_owned()];
    if let Some(provider) = &provider {
        let link = model.map_or_else(|| provider.clone(), |model| format!("{provider}:{model}"));
        // The older form asked its provider always; here the local model comes first.
        lines.extend(["\n[fallback]".to_owned(), "enabled = true".to_owned(), format!("chain = [{link:?}]")]);
    }
    let urls = old
        .iter()
        .filter_map(|(field, url)| Some((field.strip_suffix("_base_url")?.to_owned(), url.as_str()?.to_owned())));
    let urls: Vec<(String, String)> = provider.clone().zip(base_url).into_iter().chain(urls).collect();
    for (name, url) in urls {
        old.remove(&format!("{name}_base_url"));
        let row = known(&name).map_or(name.as_str(), |(_, new, _)| new);
        lines.extend([format!("\n[providers.{row}]"), format!("base_url = {url:?}")]);
        if known(&name).is_none() {
            lines.extend(["kind = \"cloud\"", "dialect = \"openai_chat\""].map(str::to_owned));
            lines.push(format!("key = {:?}", variable(&name)));
        }
    }
    lines.push(String::new());
    migrated.toml = lines.join("\n");
    migrated.left_out = old.keys().cloned().collect();
    Ok(migrated)
}

/// The variable that a provider without a row of its own has its key in.
fn variable(name: &str) -> String {
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("{name}_API_KEY")
}
