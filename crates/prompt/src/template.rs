//! A model's chat template, rendered as Hugging Face transformers renders it.
//!
//! minijinja with the settings of that renderer: blocks trimmed, no trailing newline, Python's methods and texts, the
//! functions and filters that templates expect. The template is somebody else's program, so every render has a
//! budget in proportion to its input. Nothing here reads the clock for the template: today's date is handed in.

use std::fmt;
use std::time::Instant;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior};

use super::clock::Clock;
use super::sandbox::budget::{ALLOWANCE, Allowance, Budget, Limit, RenderLimits};
use super::sandbox::compiled::Compiled;
use super::sandbox::filters::{self, Raised};
use super::sandbox::source::Malformed;
use super::sandbox::text;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The longest template that is compiled; the longest published one has 17 kB.
const LONGEST: usize = 1 << 20;
/// The longest text that looks like one token of markup.
const MARKUP: usize = 48;

/// The texts of the special tokens that templates name; empty where the model has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateTokens {
    /// What a prompt begins with: `bos_token`.
    pub bos: String,
    /// What a turn ends with: `eos_token`.
    pub eos: String,
}

/// What a template is rendered with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conversation {
    /// The messages, in the shape that the template reads.
    pub messages: Vec<serde_json::Value>,
    /// The tools, in the shape that the template reads; absent where there are none.
    pub tools: Option<Vec<serde_json::Value>>,
    /// Whether the prompt is to end where the model's turn begins.
    pub add_generation_prompt: bool,
    /// Further variables, as `enable_thinking`.
    pub variables: serde_json::Map<String, serde_json::Value>,
    /// The moment for `strftime_now`, which is there only if this is.
    pub now: Option<Clock>,
}

/// A compiled chat template.
///
/// ```
/// use callwright_prompt::{Conversation, Template, TemplateTokens};
/// let source = "{% for message in messages %}<{{ message.role }}>{{ message.content }}\n{% endfor %}<assistant>";
/// let template = Template::compile(source, TemplateTokens::default())?;
/// let message = serde_json::json!({"role": "user", "content": "Hello"});
/// let text = template.render(&Conversation { messages: vec![message], ..Conversation::default() })?;
/// assert_eq!(text, "<user>Hello\n<assistant>");
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Clone)]
pub struct Template {
    environment: Environment<'static>,
    compiled: Compiled,
    tokens: TemplateTokens,
    limits: RenderLimits,
    source: String,
}

impl Template {
    /// Compiles a template's source.
    pub fn compile(source: &str, tokens: TemplateTokens) -> Result<Self> {
        if source.len() > LONGEST {
            let message = format!("the chat template is {} bytes long, more than {LONGEST}", source.len());
            return Err(Error::new(ErrorKind::Template, message).hint("give a shorter one"));
        }
        let environment = environment()?;
        let compiled = Compiled::new(source, environment.syntax()).map_err(|error| trouble("compile", error))?;
        Ok(Self { environment, compiled, tokens, limits: RenderLimits::default(), source: source.to_owned() })
    }

    /// The template with other limits.
    #[must_use]
    pub fn limits(mut self, limits: RenderLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The source that it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The special tokens that it was compiled with.
    #[must_use]
    pub fn tokens(&self) -> &TemplateTokens {
        &self.tokens
    }

    /// What in its source looks like a model's markup, `<|im_start|>` or `[INST]`, and its special tokens.
    #[must_use]
    pub fn markup(&self) -> Vec<String> {
        let mut found: Vec<String> = [&self.tokens.bos, &self.tokens.eos].into_iter().cloned().collect();
        for (at, open) in self.source.match_indices(['<', '[']) {
            let close = if open == "<" { '>' } else { ']' };
            let text = self.source[at..].split_inclusive(close).next().unwrap_or_default();
            let plain = |c: char| !c.is_whitespace() && !"{}'\"".contains(c);
            if text.ends_with(close) && (3..=MARKUP).contains(&text.len()) && text.chars().all(plain) {
                found.push(text.to_owned());
            }
        }
        found.retain(|text| !text.is_empty());
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The prompt's text.
    pub fn render(&self, conversation: &Conversation) -> Result<String> {
        let size = input_size(conversation);
        let limits = &self.limits;
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(limits.fuel.saturating_add(limits.fuel_a_byte.saturating_mul(size))));
        if let Some(now) = conversation.now {
            environment.add_function("strftime_now", move |state: &mut State<'_, '_>, format: &str| {
                // `%255d` is as wide as it says.
                Budget::of(state).fits(format.len().saturating_mul(64))?;
                Ok::<_, minijinja::Error>(now.format(format))
            });
        }
        let allowance = Allowance {
            bytes: limits.bytes.saturating_add(limits.bytes_a_byte.saturating_mul(size)),
            until: Instant::now() + limits.deadline,
        };
        let variables = self.variables(conversation, allowance);
        self.compiled.render(&environment, variables).map_err(|error| trouble("render", error))
    }

    fn variables(&self, conversation: &Conversation, allowance: Allowance) -> Value {
        let mut variables = vec![
            ("documents".to_owned(), Value::from(())),
            ("messages".to_owned(), Value::from(Serde(&conversation.messages))),
            ("tools".to_owned(), Value::from(Serde(&conversation.tools))),
            ("add_generation_prompt".to_owned(), Value::from(conversation.add_generation_prompt)),
        ];
        let tokens = [("bos_token", &self.tokens.bos), ("eos_token", &self.tokens.eos)];
        variables.extend(tokens.map(|(name, text)| (name.to_owned(), Value::from(text))));
        let more = conversation.variables.iter();
        variables.extend(more.map(|(name, value)| (name.clone(), Value::from(Serde(value)))));
        variables.push((ALLOWANCE.to_owned(), Value::from_object(allowance)));
        Value::from_pairs(variables)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("tokens", &self.tokens).field("source", &self.source).finish_non_exhaustive()
    }
}

fn environment() -> Result<Environment<'static>> {
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(false).build();
    let mut environment = Environment::new();
    environment.set_syntax(syntax.map_err(|error| trouble("set up", error))?);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print);
    environment.set_debug(false);
    filters::install(&mut environment);
    Ok(environment)
}

fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    if value.kind() == ValueKind::String {
        let text = value.as_str().unwrap_or_default();
        Budget::of(state).charge(text.len())?;
        out.write_str(text)?;
    } else {
        out.write_str(&text::text(state, value)?)?;
    }
    Ok(())
}

/// How much was said, to measure the render's budget by.
fn input_size(conversation: &Conversation) -> u64 {
    fn size(value: &serde_json::Value) -> u64 {
        match value {
            serde_json::Value::String(text) => text.len() as u64,
            serde_json::Value::Array(items) => 8 + items.iter().map(size).sum::<u64>(),
            serde_json::Value::Object(pairs) => {
                8 + pairs.iter().map(|(key, item)| key.len() as u64 + size(item)).sum::<u64>()
            }
            _ => 8,
        }
    }
    let values = conversation.messages.iter().chain(conversation.tools.iter().flatten());
    values.chain(conversation.variables.values()).map(size).sum()
}

/// What minijinja says, in our words.
fn trouble(doing: &str, error: minijinja::Error) -> Error {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let (message, hint) = if let Some(raised) = cause::<Raised>(&error) {
        let message = format!("the model's chat template refuses this conversation: {raised}");
        (message, "change the order or the roles of the messages as it says".to_owned())
    } else if let Some(malformed) = cause::<Malformed>(&error) {
        let hint = "the model's file may be damaged: `callwright verify` checks it".to_owned();
        (format!("the chat template has {malformed}"), hint)
    } else if let Some(limit) = limit(&error) {
        let message = format!("the chat template was stopped{line}: {limit}");
        (message, "give another template for this model; this one does not behave like one".to_owned())
    } else {
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let message = format!("cannot {doing} the chat template{line}: {detail}");
        (message, "give a template that works for this model, or a model with a better one".to_owned())
    };
    Error::new(ErrorKind::Template, message).hint(hint).because(error)
}

fn limit(error: &minijinja::Error) -> Option<String> {
    if error.kind() == minijinja::ErrorKind::OutOfFuel {
        return Some("it does not come to an end".to_owned());
    }
    cause::<Limit>(error).map(ToString::to_string)
}

/// Why an error came about, where it was for a reason of ours.
fn cause<T: std::error::Error + 'static>(error: &minijinja::Error) -> Option<&T> {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
        .find_map(|cause| cause.downcast_ref())
}
