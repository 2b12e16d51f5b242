//! OpenAI's chat completions: `POST /v1/chat/completions`.
//!
//! Reference: OpenAI's API reference, "Chat", and what clients send (`developer` for system, `max_completion_tokens`,
//! a null content). Reasoning goes into `reasoning_content`, as local servers have it.

use callwright::chat::{Request, ToolChoice};
use serde_json::{Value, json};

use super::fields::Fields;
use super::{Answer, Asked, Finish, Frames, Framing, Part, Refusal, Surface, Turn, content, openai};
use crate::server::Server;

/// Writes one answer.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    /// Whether the last chunk tells the usage.
    usage: bool,
}

impl Surface for Chat {
    const FRAMING: Framing = Framing::Events;

    fn read(body: Value, _server: &Server) -> Result<(Asked, Self), Refusal> {
        #[derive(serde::Deserialize, Default)]
        struct StreamOptions {
            #[serde(default)]
            include_usage: bool,
        }
        let mut fields = Fields::of(body)?;
        let mut request = Request::default();
        request.messages = openai::messages(fields.list("messages")?)?;
        let (tools, skipped) = openai::tools(fields.list("tools")?)?;
        request.tools = tools;
        request.tool_choice = fields.take::<ToolChoice>("tool_choice")?.unwrap_or_default();
        request.parallel_tool_calls = fields.take("parallel_tool_calls")?;
        request.sampling = fields.sampling()?;
        request.limits.max_tokens = fields.max_tokens(&["max_completion_tokens", "max_tokens"])?;
        request.stop = fields.stop("stop")?;
        request.logit_bias = fields.take("logit_bias")?.unwrap_or_default();
        request.answer = content::answer(fields.take("response_format")?.unwrap_or_default())?;
        if fields.take::<u64>("n")?.is_some_and(|count| count != 1) {
            return Err(Refusal::invalid("`n` must be 1: this server gives one answer a request"));
        }
        let usage = fields.take::<StreamOptions>("stream_options")?.unwrap_or_default().include_usage;
        let stream = fields.take("stream")?.unwrap_or(false);
        let asked = Asked { model: fields.take("model")?.unwrap_or_default(), request, stream, skipped };
        Ok((asked, Self { usage }))
    }

    fn begin(&mut self, turn: &Turn, out: &mut Frames) {
        out.data(&chunk(turn, &json!({"role": "assistant", "content": ""}), None));
    }

    fn part(&mut self, turn: &Turn, part: &Part, out: &mut Frames) {
        let call = |index: &usize, call: Value| {
            let mut call = call;
            call["index"] = json!(index);
            json!({"tool_calls": [call]})
        };
        let delta = match part {
            Part::Reasoning(text) => json!({"reasoning_content": text}),
            Part::Text(text) => json!({"content": text}),
            Part::Call { index, id, name } => {
                let function = json!({"name": name, "arguments": ""});
                call(index, json!({"id": call_id(id), "type": "function", "function": function}))
            }
            Part::Arguments { index, delta } => call(index, json!({"function": {"arguments": delta}})),
            Part::CallEnd { .. } => return,
        };
        out.data(&chunk(turn, &delta, None));
    }

    fn alive(&mut self, turn: &Turn, out: &mut Frames) {
        out.data(&chunk(turn, &json!({"content": ""}), None));
    }

    fn end(&mut self, turn: &Turn, answer: &Answer, out: &mut Frames) {
        out.data(&chunk(turn, &json!({}), Some(answer.finish)));
        if self.usage {
            let mut last = chunk(turn, &json!({}), None);
            last["choices"] = json!([]);
            last["usage"] = usage(answer);
            out.data(&last);
        }
        out.raw("data: [DONE]\n\n");
    }

    fn failed(&mut self, _turn: &Turn, refusal: &Refusal, out: &mut Frames) {
        out.data(&Self::refused(refusal));
        out.raw("data: [DONE]\n\n");
    }

    fn whole(&mut self, turn: &Turn, answer: &Answer) -> Value {
        let calls: Vec<Value> = answer
            .calls()
            .map(|(id, name, arguments)| {
                json!({"id": call_id(id), "type": "function", "function": {"name": name, "arguments": arguments}})
            })
            .collect();
        let text = answer.text();
        let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({"role": "assistant", "content": content});
        let reasoning = answer.reasoning();
        if !reasoning.is_empty() {
            message["reasoning_content"] = reasoning.into();
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        json!({
            "id": format!("chatcmpl-{}", turn.id), "object": "chat.completion", "created": turn.created, "model": turn.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer.finish)}],
            "usage": usage(answer),
        })
    }

    fn refused(refusal: &Refusal) -> Value {
        openai::refused(refusal)
    }
}

fn call_id(id: &str) -> String {
    format!("call_{id}")
}

fn chunk(turn: &Turn, delta: &Value, end: Option<Finish>) -> Value {
    json!({
        "id": format!("chatcmpl-{}", turn.id), "object": "chat.completion.chunk", "created": turn.created,
        "model": turn.model,
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": end.map(finish)}],
    })
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Calls => "tool_calls",
        Finish::Length => "length",
    }
}

fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    })
}
