//! OpenAI's Chat Completions, and all servers that copy it: `POST /chat/completions`.
//!
//! ```text
//! data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"add","arguments":""}}]}}]}
//! data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]}
//! data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}
//! data: {"choices":[],"usage":{..}}
//! data: [DONE]
//! ```
//! A finish reason is the end; what comes after it is only counted. Copies of the dialect differ in all else, so every
//! field is read leniently.

use serde_json::{Map, Value, json};

use super::{Dialect, Reader, at, count, items, text};
use crate::asking::{AskedMessage, Asking, Choice, Offered, Said, SamplingWords, Shown, content};
use crate::assembler::{Assembler, Finish, Fragment};
use crate::part::Arguing;
use crate::row::{EndMarker, Extra, MaxTokensField, NoText, Quirks, ReasoningField, RequiredWord};
use crate::trouble::Trouble;
use callwright_parse::error::FailureKind;

#[derive(Debug)]
pub(super) struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn path(&self, _model: &str) -> String {
        "/chat/completions".to_owned()
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let knows = |extra: Extra| asking.quirks.knows.contains(&extra);
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(asking.model));
        body.insert("messages".to_owned(), messages(asking));
        body.insert("stream".to_owned(), json!(true));
        if knows(Extra::StreamUsage) {
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        if knows(Extra::Store) {
            body.insert("store".to_owned(), json!(false));
        }
        let field = match asking.quirks.max_tokens {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        body.insert(field.to_owned(), json!(asking.max_tokens));
        if !asking.stop.is_empty() {
            body.insert("stop".to_owned(), json!(asking.stop));
        }
        if !asking.tools.is_empty() {
            let strict = knows(Extra::Strict);
            body.insert("tools".to_owned(), asking.tools.iter().map(|offered| tool(offered, strict)).collect());
            body.insert("tool_choice".to_owned(), choice(&asking.choice, asking.quirks.required));
            if knows(Extra::ParallelToolCalls) {
                body.insert("parallel_tool_calls".to_owned(), json!(asking.parallel));
            } else if !asking.parallel {
                asking.warn("the provider cannot be limited to one call");
            }
        }
        let words = words(asking.quirks);
        asking.sample(&mut body, &words);
        Value::Object(body)
    }

    fn reader(&self, quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(ChatStream { end: quirks.end, reasoning: quirks.reasoning })
    }
}

fn words(quirks: &Quirks) -> SamplingWords {
    let knows = |extra: Extra| quirks.knows.contains(&extra);
    let seed = match () {
        () if knows(Extra::Seed) => Some("seed"),
        () if knows(Extra::RandomSeed) => Some("random_seed"),
        () => None,
    };
    let local = |word| knows(Extra::TopK).then_some(word);
    SamplingWords { top_p: Some("top_p"), top_k: local("top_k"), min_p: local("min_p"), seed }
}

/// A tool in OpenAI's words. `strict` is always sent where it is supported, because the default differs.
pub(super) fn tool(offered: &Offered<'_>, strict: bool) -> Value {
    let Offered { name, description, parameters } = offered;
    let mut function = json!({"name": name, "description": description, "parameters": parameters});
    if strict {
        function["strict"] = json!(false);
    }
    json!({"type": "function", "function": function})
}

fn choice(choice: &Choice, required: RequiredWord) -> Value {
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Required if required == RequiredWord::Any => json!("any"),
        Choice::Required => json!("required"),
        Choice::Named(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn messages(asking: &Asking<'_>) -> Value {
    let mut messages = Vec::new();
    for turn in &asking.turns {
        match turn {
            AskedMessage::System(text) => messages.push(json!({"role": "system", "content": text})),
            AskedMessage::User(shown) => messages.push(json!({"role": "user", "content": user_content(shown)})),
            AskedMessage::Model(said) => messages.push(said_message(said, asking.quirks)),
            AskedMessage::Results(answers) => messages.extend(answers.iter().map(|answer| {
                json!({"role": "tool", "tool_call_id": answer.id, "name": answer.name, "content": answer.text})
            })),
        }
    }
    Value::Array(messages)
}

fn said_message(said: &Said<'_>, quirks: &Quirks) -> Value {
    let mut message = json!({"role": "assistant", "content": said.text});
    if !said.calls.is_empty() {
        if said.text.is_empty() && quirks.no_text == NoText::Null {
            message["content"] = Value::Null;
        }
        message["tool_calls"] = calls(said);
    }
    let field = match quirks.reasoning {
        ReasoningField::Nowhere => None,
        ReasoningField::ReasoningContent => Some("reasoning_content"),
        ReasoningField::Reasoning => Some("reasoning"),
    };
    if let (Some(field), Some(reasoning)) = (field, said.thoughts()) {
        message[field] = json!(reasoning);
    }
    message
}

/// The calls of a turn in OpenAI's words: arguments are JSON text.
pub(super) fn calls(said: &Said<'_>) -> Value {
    let call = |call: &crate::asking::Made<'_>| {
        let arguments = serde_json::to_string(&call.digits.exact(call.arguments)).unwrap_or_default();
        json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
    };
    said.calls.iter().map(call).collect()
}

/// What the user says: a text, or a list of texts and images.
pub(super) fn user_content(shown: &[Shown<'_>]) -> Value {
    content(
        shown,
        |text| json!({"type": "text", "text": text}),
        |image| json!({"type": "image_url", "image_url": {"url": image.url()}}),
    )
}

struct ChatStream {
    end: EndMarker,
    reasoning: ReasoningField,
}

impl Reader for ChatStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        if let Some(model) = text(frame, &["model"]) {
            to.model(model);
        }
        if let Some(id) = text(frame, &["id"]) {
            to.request_id(id);
        }
        usage(at(frame, &["usage"]).or(at(frame, &["x_groq", "usage"])), to);
        for choice in items(frame, &["choices"]) {
            // Only one answer was asked for.
            if count(choice, &["index"]).unwrap_or(0) > 0 {
                continue;
            }
            if let Some(delta) = at(choice, &["delta"]).or(at(choice, &["message"])) {
                read_delta(delta, to)?;
            }
            match text(choice, &["finish_reason"]) {
                None | Some("") => {}
                Some(word) => to.finish(finish(word), word),
            }
        }
        Ok(())
    }

    fn end(&mut self, to: &mut Assembler) {
        if to.is_done() && self.end == EndMarker::Done {
            to.finish(Finish::Stop, "");
        }
        if self.reasoning != ReasoningField::Nowhere {
            to.carry_thoughts();
        }
    }
}

fn finish(word: &str) -> Finish {
    match word {
        "stop" | "eos" | "end_turn" => Finish::Stop,
        "tool_calls" | "function_call" => Finish::Calls,
        "length" | "max_tokens" | "model_length" => Finish::Length,
        "content_filter" => Finish::Failed(FailureKind::ContentFilter),
        "error" | "abort" => Finish::Failed(FailureKind::Overloaded),
        _ => Finish::Unknown,
    }
}

fn read_delta(delta: &Value, to: &mut Assembler) -> Result<(), Trouble> {
    for key in ["reasoning_content", "reasoning"] {
        if let Some(reasoning) = text(delta, &[key]) {
            to.reasoning(reasoning)?;
            break;
        }
    }
    match at(delta, &["content"]) {
        Some(Value::String(content)) => to.text(content)?,
        Some(Value::Array(chunks)) => chunks.iter().try_for_each(|chunk| read_chunk(chunk, to))?,
        _ => {}
    }
    if let Some(refusal) = text(delta, &["refusal"]) {
        to.text(refusal)?;
    }
    let calls = items(delta, &["tool_calls"]);
    for call in calls {
        let function = at(call, &["function"]);
        let slot = at(call, &["index"]).and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()));
        to.call(Fragment {
            slot,
            id: text(call, &["id"]),
            name: function.and_then(|function| text(function, &["name"])),
            arguments: Arguing::of(function.and_then(|function| function.get("arguments"))),
        })?;
    }
    // The form of 2023, still spoken by some: one call, without an id. Others say the same call in both forms.
    if let (Some(function), true) = (at(delta, &["function_call"]), calls.is_empty()) {
        let arguments = Arguing::of(function.get("arguments"));
        to.call(Fragment { slot: Some(0), id: None, name: text(function, &["name"]), arguments })?;
    }
    Ok(())
}

/// Mistral's content is a list of typed chunks where the model thinks.
fn read_chunk(chunk: &Value, to: &mut Assembler) -> Result<(), Trouble> {
    if let Some(content) = text(chunk, &["text"]) {
        return to.text(content);
    }
    match at(chunk, &["thinking"]) {
        Some(Value::String(thought)) => to.reasoning(thought),
        Some(Value::Array(thoughts)) => {
            thoughts.iter().filter_map(|thought| text(thought, &["text"])).try_for_each(|thought| to.reasoning(thought))
        }
        _ => Ok(()),
    }
}

fn usage(usage: Option<&Value>, to: &mut Assembler) {
    let Some(usage) = usage else { return };
    if let (Some(input), Some(output)) = (count(usage, &["prompt_tokens"]), count(usage, &["completion_tokens"])) {
        to.tokens(|tokens| {
            tokens.input = input;
            tokens.output = output;
            let cached = count(usage, &["prompt_tokens_details", "cached_tokens"]);
            // DeepSeek's word for the same.
            tokens.cache_read = cached.or(count(usage, &["prompt_cache_hit_tokens"])).unwrap_or(0);
            tokens.reasoning = count(usage, &["completion_tokens_details", "reasoning_tokens"]).unwrap_or(0);
        });
    }
}
