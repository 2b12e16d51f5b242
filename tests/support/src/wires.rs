//! What each vendor's server would send for a given reply, event by event, so that tests can break it anywhere.

use serde_json::{Value, json};

pub const DIALECTS: [&str; 6] = ["openai_chat", "openai_responses", "anthropic", "gemini", "cohere", "ollama"];

/// A reply as a model means it.
#[derive(Debug, Clone, Default)]
pub struct Meant {
    pub reasoning: String,
    pub text: Vec<String>,
    pub calls: Vec<MeantCall>,
}

#[derive(Debug, Clone)]
pub struct MeantCall {
    pub id: String,
    pub name: String,
    pub arguments: Value,
    /// Where the JSON text of the arguments is cut into deltas.
    pub cuts: Vec<usize>,
}

impl MeantCall {
    pub fn new(id: &str, name: &str, arguments: Value) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), arguments, cuts: vec![1, 7] }
    }

    /// The arguments as text, in pieces.
    fn pieces(&self) -> Vec<String> {
        let text = self.arguments.to_string();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| floor(&text, *cut)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).filter(|piece| !piece.is_empty()).collect()
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The reply that most scenarios are about: words, and two calls.
pub fn sample() -> Meant {
    Meant {
        reasoning: "two tools".to_owned(),
        text: vec!["Let me ".to_owned(), "look – señor".to_owned()],
        calls: vec![
            MeantCall::new("call_a", "get_weather", json!({"city": "Oslo \"N\" 🌧"})),
            MeantCall::new("call_b", "add", json!({"a": 1, "b": [2, {"c": null}]})),
        ],
    }
}

/// One event: its type, and its data. A string stands for itself.
pub type Sent = (Option<String>, Value);

/// The events that say this reply.
pub fn events(dialect: &str, meant: &Meant) -> Vec<Sent> {
    let plain = |values: Vec<Value>| values.into_iter().map(|value| (None, value)).collect();
    let typed = |values: Vec<Value>| {
        let kind = |value: &Value| value["type"].as_str().map(str::to_owned);
        values.into_iter().map(|value| (kind(&value), value)).collect()
    };
    match dialect {
        "openai_chat" => plain(openai_chat(meant)),
        "openai_responses" => typed(openai_responses(meant)),
        "anthropic" => typed(anthropic(meant)),
        "gemini" => plain(gemini(meant)),
        "cohere" => typed(cohere(meant)),
        _ => plain(ollama(meant)),
    }
}

/// The bytes of one event.
pub fn framed(dialect: &str, (kind, data): &Sent) -> Vec<u8> {
    let data = match data {
        Value::String(raw) => raw.clone(),
        value => value.to_string(),
    };
    match (dialect, kind) {
        ("ollama", _) => format!("{data}\n").into_bytes(),
        (_, Some(kind)) => format!("event: {kind}\ndata: {data}\n\n").into_bytes(),
        (_, None) => format!("data: {data}\n\n").into_bytes(),
    }
}

/// The bytes of all events.
pub fn body(dialect: &str, events: &[Sent]) -> Vec<u8> {
    events.iter().flat_map(|event| framed(dialect, event)).collect()
}

/// The content type that a dialect streams with.
pub fn content_type(dialect: &str) -> &'static str {
    if dialect == "ollama" { "application/x-ndjson" } else { "text/event-stream" }
}

fn openai_chat(meant: &Meant) -> Vec<Value> {
    let chunk = |delta: Value, finish: Value| json!({"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    let mut events = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    if !meant.reasoning.is_empty() {
        events.push(chunk(json!({"reasoning_content": meant.reasoning}), Value::Null));
    }
    events.extend(meant.text.iter().map(|text| chunk(json!({"content": text}), Value::Null)));
    for (index, call) in meant.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let first = json!({"index": index, "id": call.id, "type": "function", "function": function});
        events.push(chunk(json!({"tool_calls": [first]}), Value::Null));
        for piece in call.pieces() {
            let delta = json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]});
            events.push(chunk(delta, Value::Null));
        }
    }
    let finish = if meant.calls.is_empty() { "stop" } else { "tool_calls" };
    events.push(chunk(json!({}), json!(finish)));
    let mut last = chunk(json!({}), Value::Null);
    last["choices"] = json!([]);
    last["usage"] = json!({"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18});
    events.push(last);
    events.push(json!("[DONE]"));
    events
}

fn openai_responses(meant: &Meant) -> Vec<Value> {
    let response = |status: &str, output: &[Value]| {
        json!({"id": "resp-1", "object": "response", "created_at": 1, "model": "m-1", "status": status, "error": null,
               "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": []})
    };
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", &[])}),
        json!({"type": "response.in_progress", "response": response("in_progress", &[])}),
    ];
    let mut output = Vec::new();
    if !meant.reasoning.is_empty() {
        let item = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "xyz"});
        events.push(json!({"type": "response.output_item.added", "output_index": 0, "item": item}));
        events.push(json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0,
                           "summary_index": 0, "delta": meant.reasoning}));
        events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        output.push(item);
    }
    if !meant.text.is_empty() {
        let index = output.len();
        for text in &meant.text {
            events.push(json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": index,
                               "content_index": 0, "delta": text, "logprobs": []}));
        }
        let content = json!({"type": "output_text", "text": meant.text.concat(), "annotations": []});
        let item = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                          "content": [content]});
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
        output.push(item);
    }
    for call in &meant.calls {
        let index = output.len();
        let id = format!("fc_{index}");
        let item = |status: &str, arguments: String| {
            json!({"type": "function_call", "id": id, "call_id": call.id, "name": call.name, "arguments": arguments,
                   "status": status})
        };
        let begun = item("in_progress", String::new());
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
        for piece in call.pieces() {
            let kind = "response.function_call_arguments.delta";
            events.push(json!({"type": kind, "item_id": id, "output_index": index, "delta": piece}));
        }
        let whole = item("completed", call.arguments.to_string());
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": whole}));
        output.push(whole);
    }
    let mut last = response("completed", &output);
    last["usage"] = json!({"input_tokens": 11, "output_tokens": 7, "total_tokens": 18});
    last["usage"]["input_tokens_details"] = json!({"cached_tokens": 0, "cache_write_tokens": 0});
    last["usage"]["output_tokens_details"] = json!({"reasoning_tokens": 0});
    events.push(json!({"type": "response.completed", "response": last}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    events
}

fn anthropic(meant: &Meant) -> Vec<Value> {
    let usage = json!({"input_tokens": 11, "output_tokens": 1});
    let message = json!({"id": "msg-1", "type": "message", "role": "assistant", "model": "m-1", "content": [],
                         "stop_reason": null, "stop_sequence": null, "usage": usage});
    let mut events = vec![json!({"type": "message_start", "message": message}), json!({"type": "ping"})];
    let mut index = 0;
    let mut block = |begun: Value, deltas: Vec<Value>| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": begun}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
        index += 1;
    };
    if !meant.reasoning.is_empty() {
        let deltas = vec![
            json!({"type": "thinking_delta", "thinking": meant.reasoning}),
            json!({"type": "signature_delta", "signature": "c2ln"}),
        ];
        block(json!({"type": "thinking", "thinking": "", "signature": ""}), deltas);
    }
    if !meant.text.is_empty() {
        let deltas = meant.text.iter().map(|text| json!({"type": "text_delta", "text": text})).collect();
        block(json!({"type": "text", "text": ""}), deltas);
    }
    for call in &meant.calls {
        let pieces = call.pieces().into_iter().filter(|_| call.arguments != json!({}));
        let deltas = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece})).collect();
        block(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}), deltas);
    }
    let stop = if meant.calls.is_empty() { "end_turn" } else { "tool_use" };
    let delta = json!({"stop_reason": stop, "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn gemini(meant: &Meant) -> Vec<Value> {
    let chunk = |part: Value| json!({"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], "modelVersion": "m-1"});
    let mut events = Vec::new();
    if !meant.reasoning.is_empty() {
        events.push(chunk(json!({"text": meant.reasoning, "thought": true})));
    }
    events.extend(meant.text.iter().map(|text| chunk(json!({"text": text}))));
    for (index, call) in meant.calls.iter().enumerate() {
        let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}});
        if index == 0 {
            part["thoughtSignature"] = json!("c2ln");
        }
        events.push(chunk(part));
    }
    let mut last = json!({"candidates": [{"finishReason": "STOP", "index": 0}], "responseId": "gem-1"});
    last["usageMetadata"] = json!({"promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 2});
    events.push(last);
    events
}

fn cohere(meant: &Meant) -> Vec<Value> {
    let mut events = vec![json!({"type": "message-start", "id": "co-1", "delta": {"message": {"role": "assistant"}}})];
    if !meant.reasoning.is_empty() {
        events.push(json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": meant.reasoning}}}));
    }
    for text in &meant.text {
        let message = json!({"content": {"text": text}});
        events.push(json!({"type": "content-delta", "index": 0, "delta": {"message": message}}));
    }
    for (index, call) in meant.calls.iter().enumerate() {
        let begun = json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}});
        events.push(json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls": begun}}}));
        for piece in call.pieces() {
            let delta = json!({"message": {"tool_calls": {"function": {"arguments": piece}}}});
            events.push(json!({"type": "tool-call-delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "tool-call-end", "index": index}));
    }
    let finish = if meant.calls.is_empty() { "COMPLETE" } else { "TOOL_CALL" };
    let usage = json!({"tokens": {"input_tokens": 11.0, "output_tokens": 7.0}});
    events.push(json!({"type": "message-end", "delta": {"finish_reason": finish, "usage": usage}}));
    events
}

fn ollama(meant: &Meant) -> Vec<Value> {
    let line = |message: Value| json!({"model": "m-1", "message": message, "done": false});
    let mut events = Vec::new();
    if !meant.reasoning.is_empty() {
        events.push(line(json!({"role": "assistant", "content": "", "thinking": meant.reasoning})));
    }
    events.extend(meant.text.iter().map(|text| line(json!({"role": "assistant", "content": text}))));
    for (index, call) in meant.calls.iter().enumerate() {
        let function = json!({"index": index, "name": call.name, "arguments": call.arguments});
        events.push(line(
            json!({"role": "assistant", "content": "", "tool_calls": [{"id": call.id, "function": function}]}),
        ));
    }
    let mut last = json!({"model": "m-1", "done": true, "done_reason": "stop"});
    last["message"] = json!({"role": "assistant", "content": ""});
    last["prompt_eval_count"] = json!(11);
    last["eval_count"] = json!(7);
    events.push(last);
    events
}
