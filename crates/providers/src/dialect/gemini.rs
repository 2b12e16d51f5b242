//! Google's generateContent: `POST /models/MODEL:streamGenerateContent?alt=sse`.
//!
//! ```text
//! data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"add","args":{"a":1}},"thoughtSignature":".."}]},
//!        "finishReason":"STOP"}],"usageMetadata":{..}}
//! ```
//! Calls come whole. `STOP` is sent with and without calls, counts grow from chunk to chunk and the last ones count. The
//! signature of a call goes back exactly where it was.

use serde_json::{Map, Value, json};

use super::{Dialect, Reader, at, count, items, names_at, text};
use crate::asking::{AskedMessage, Asking, Choice, Made, SamplingWords, pieces};
use crate::assembler::{Assembler, Finish};
use crate::part::Arguing;
use crate::row::Quirks;
use crate::trouble::Trouble;
use crate::{Ability, KeyHeader};
use callwright_parse::chat::Image;
use callwright_parse::error::FailureKind;

/// What Google lets stand in place of a signature for calls that another model made.
const FOREIGN: &str = "skip_thought_signature_validator";

#[derive(Debug)]
pub(super) struct Gemini;

impl Dialect for Gemini {
    fn path(&self, model: &str) -> String {
        let model = model.strip_prefix("models/").unwrap_or(model);
        format!("/models/{model}:streamGenerateContent?alt=sse")
    }

    fn key_header(&self) -> KeyHeader {
        KeyHeader::XGoogApiKey
    }

    fn takes_image_urls(&self) -> bool {
        false
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let mut body = Map::new();
        if let Some(system) = asking.system() {
            body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": system}]}));
        }
        body.insert("contents".to_owned(), contents(asking));
        if !asking.tools.is_empty() {
            let tool = |tool: &crate::asking::Offered<'_>| json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters});
            let tools: Vec<Value> = asking.tools.iter().map(tool).collect();
            body.insert("tools".to_owned(), json!([{"functionDeclarations": tools}]));
            body.insert("toolConfig".to_owned(), json!({"functionCallingConfig": choice(&asking.choice)}));
        }
        let mut generation = Map::new();
        generation.insert("maxOutputTokens".to_owned(), json!(asking.max_tokens));
        if !asking.stop.is_empty() {
            generation.insert("stopSequences".to_owned(), json!(asking.stop));
        }
        let words = SamplingWords { top_p: Some("topP"), top_k: Some("topK"), min_p: None, seed: Some("seed") };
        asking.sample(&mut generation, &words);
        body.insert("generationConfig".to_owned(), Value::Object(generation));
        Value::Object(body)
    }

    fn reader(&self, _quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(GeminiStream)
    }

    fn model_names(&self, body: &Value) -> Vec<String> {
        let bare = |name: String| name.strip_prefix("models/").map_or(name.clone(), str::to_owned);
        names_at(body, "models", "name").into_iter().map(bare).collect()
    }
}

fn choice(choice: &Choice) -> Value {
    match choice {
        Choice::Auto => json!({"mode": "AUTO"}),
        Choice::None => json!({"mode": "NONE"}),
        Choice::Required => json!({"mode": "ANY"}),
        Choice::Named(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    }
}

fn contents(asking: &Asking<'_>) -> Value {
    let mut contents: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in &asking.turns {
        let (role, parts) = match turn {
            AskedMessage::System(_) => continue,
            AskedMessage::User(shown) => ("user", pieces(shown, |text| json!({"text": text}), inline)),
            AskedMessage::Model(said) => {
                let text = (!said.text.is_empty()).then(|| json!({"text": said.text}));
                let signed = asking.facts.can(Ability::Reasoning);
                let calls = said.calls.iter().enumerate();
                let calls = calls.map(|(index, call)| call_part(call, signed && index == 0));
                ("model", text.into_iter().chain(calls).collect())
            }
            AskedMessage::Results(answers) => {
                let part = |answer: &crate::asking::Answer| json!({"functionResponse": {"id": answer.id, "name": answer.name, "response": {"output": answer.text}}});
                ("user", answers.iter().map(part).collect())
            }
        };
        match contents.last_mut() {
            Some((last, into)) if *last == role => into.extend(parts),
            _ if parts.is_empty() => {}
            _ => contents.push((role, parts)),
        }
    }
    contents.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect()
}

fn call_part(call: &Made<'_>, must_be_signed: bool) -> Value {
    let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}});
    match &call.carried {
        Some(signature) => part["thoughtSignature"] = signature.clone(),
        None if must_be_signed => part["thoughtSignature"] = json!(FOREIGN),
        None => {}
    }
    part
}

/// An image by its bytes: a URL would be one of the vendor's own store.
fn inline(image: &Image) -> Value {
    match image {
        Image::Bytes { kind, base64 } => json!({"inlineData": {"mimeType": kind.as_str(), "data": base64}}),
        Image::Url(url) => json!({"fileData": {"fileUri": url}}),
    }
}

struct GeminiStream;

impl Reader for GeminiStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        if let Some(model) = text(frame, &["modelVersion"]) {
            to.model(model);
        }
        if let Some(id) = text(frame, &["responseId"]) {
            to.request_id(id);
        }
        usage(frame, to);
        if let Some(reason) = text(frame, &["promptFeedback", "blockReason"]) {
            return Err(Trouble::new(FailureKind::ContentFilter, format!("the prompt was blocked: {reason}")));
        }
        // Only one answer was asked for.
        let Some(candidate) = items(frame, &["candidates"]).first() else { return Ok(()) };
        for part in items(candidate, &["content", "parts"]) {
            read_part(part, to)?;
        }
        if let Some(word) = text(candidate, &["finishReason"]) {
            to.finish(finish(word), word);
        }
        Ok(())
    }
}

fn read_part(part: &Value, to: &mut Assembler) -> Result<(), Trouble> {
    if let Some(call) = at(part, &["functionCall"]) {
        let name = text(call, &["name"]).unwrap_or_default();
        let arguments = Arguing::of(call.get("args"));
        return to.whole_call(text(call, &["id"]), name, arguments, at(part, &["thoughtSignature"]).cloned());
    }
    let said = text(part, &["text"]).unwrap_or_default();
    if part.get("thought").and_then(Value::as_bool).unwrap_or(false) { to.reasoning(said) } else { to.text(said) }
}

fn finish(word: &str) -> Finish {
    match word {
        "STOP" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "IMAGE_SAFETY" => {
            Finish::Failed(FailureKind::ContentFilter)
        }
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MALFORMED_RESPONSE" => {
            Finish::Failed(FailureKind::Malformed)
        }
        "MISSING_THOUGHT_SIGNATURE" => Finish::Failed(FailureKind::InvalidRequest),
        _ => Finish::Unknown,
    }
}

fn usage(frame: &Value, to: &mut Assembler) {
    let Some(usage) = at(frame, &["usageMetadata"]) else { return };
    let of = |key: &str| count(usage, &[key]);
    let Some(prompt) = of("promptTokenCount") else { return };
    to.tokens(|tokens| {
        let thoughts = of("thoughtsTokenCount").unwrap_or(0);
        tokens.input = prompt.saturating_add(of("toolUsePromptTokenCount").unwrap_or(0));
        tokens.output = of("candidatesTokenCount").unwrap_or(0).saturating_add(thoughts);
        tokens.reasoning = thoughts;
        tokens.cache_read = of("cachedContentTokenCount").unwrap_or(0);
    });
}
