//! What a caller asks for: the conversation, the tools, and how to sample.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Answer, Message, Tool, ToolChoice};

/// One turn to be made.
///
/// ```
/// use callwright_parse::chat::{Request, Tool, ToolChoice};
/// let tool = Tool::new("add", "adds two numbers", serde_json::json!({"type": "object"}));
/// let request = Request::new("What is 17 + 23?").tool(tool).tool_choice(ToolChoice::Required);
/// assert_eq!(request.tools.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Request {
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Vec<Tool>,
    /// How freely the model may choose.
    pub tool_choice: ToolChoice,
    /// Whether one turn may make several calls; true if absent.
    pub parallel_tool_calls: Option<bool>,
    /// What the text must be where the model makes no call.
    #[serde(skip_serializing_if = "Answer::is_text")]
    pub answer: Answer,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What is added to the logits of tokens, by their numbers in the model's vocabulary, everywhere.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logit_bias: BTreeMap<u32, f32>,
    /// How much may be spent.
    pub limits: Limits,
    /// Texts that end the answer where they occur in its free text.
    pub stop: Vec<String>,
    /// Whether accuracy goes above all, so that a provider may be asked at once where the owner allows that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accuracy: bool,
    /// What becomes of a conversation that does not fit into the context.
    #[serde(skip_serializing_if = "is_default")]
    pub overflow: Overflow,
}

impl Request {
    /// A question to be answered.
    #[must_use]
    pub fn new(question: impl Into<String>) -> Self {
        Self { messages: vec![Message::user(question)], ..Self::default() }
    }

    /// The request with a text of rules in front.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.messages.insert(0, Message::system(text));
        self
    }

    /// The request with one more message.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// The request with one more tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// The request with these tools as well.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = Tool>) -> Self {
        self.tools.extend(tools);
        self
    }

    /// The request with this choice.
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// The request for a final answer of this form.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    /// What of it no answer can come of, in a few words; none where all is well.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let none = (self.limits.max_tokens == 0).then(|| "max_tokens is 0, and an answer needs at least 1".to_owned());
        none.or_else(|| self.sampling.flaw())
    }

    /// Whether one turn may make several calls.
    #[must_use]
    pub fn parallel(&self) -> bool {
        self.parallel_tool_calls.unwrap_or(true)
    }
}

impl Sampling {
    /// What of it no token can be chosen by, in a few words; none where all is well.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let ranges = [
            ("temperature", self.temperature, 0.0..=100.0, "0 or more"),
            ("top_p", self.top_p, f32::MIN_POSITIVE..=1.0, "more than 0 and at most 1"),
            ("min_p", self.min_p, 0.0..=1.0, "from 0 to 1"),
            ("repeat_penalty", self.repeat_penalty, f32::MIN_POSITIVE..=1000.0, "more than 0; 1 does nothing"),
            ("presence_penalty", self.presence_penalty, -1000.0..=1000.0, "a small number; 0 does nothing"),
            ("frequency_penalty", self.frequency_penalty, -1000.0..=1000.0, "a small number; 0 does nothing"),
        ];
        let wrong = ranges.into_iter().find(|(_, value, range, _)| !range.contains(value));
        wrong.map(|(name, value, _, must)| format!("{name} is {value}, and must be {must}"))
    }
}

/// How the next token is chosen. The default is greedy: the likeliest token, always.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// 0 is greedy; 1 leaves the model's distribution as it is.
    pub temperature: f32,
    /// Keep the k likeliest tokens; 0 keeps all.
    pub top_k: usize,
    /// Keep the likeliest tokens up to this sum of probabilities; 1 keeps all.
    pub top_p: f32,
    /// Drop tokens less likely than this share of the likeliest; 0 drops none.
    pub min_p: f32,
    /// The same seed gives the same tokens.
    pub seed: u64,
    /// In free text, divides the logits of tokens that were written before; 1 does nothing. Never inside a call.
    pub repeat_penalty: f32,
    /// In free text, taken from the logits of tokens that were written before; 0 does nothing.
    pub presence_penalty: f32,
    /// The same for each time that they were written; 0 does nothing.
    pub frequency_penalty: f32,
    /// How many tokens back these penalties look.
    pub repeat_window: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            seed: 0,
            repeat_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            repeat_window: 64,
        }
    }
}

/// What becomes of a conversation that does not fit into the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// Long results are cut and the oldest turns left out, and an event tells of it.
    #[default]
    Shorten,
    /// The turn fails before the model reads a token.
    Refuse,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How much a turn may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Limits {
    /// The most tokens to generate.
    pub max_tokens: usize,
    /// The longest a turn may take; unbounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_tokens: 1024, deadline: None }
    }
}
