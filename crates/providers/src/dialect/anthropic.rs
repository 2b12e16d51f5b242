//! Anthropic's Messages: `POST /messages`.
//!
//! ```text
//! message_start        {"message":{"model":..,"usage":{"input_tokens":..}}}
//! content_block_start  {"index":1,"content_block":{"type":"tool_use","id":"toolu_..","name":"add","input":{}}}
//! content_block_delta  {"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}
//! content_block_stop   {"index":1}
//! message_delta        {"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":..}}
//! message_stop
//! ```
//! Only `message_stop` ends a reply. Blocks may be interleaved; those of types that we do not know are passed over.
//! Signed thoughts come back with the calls that they led to, and only to the model that thought them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Dialect, Reader, at, count, text};
use crate::KeyHeader;
use crate::asking::{AskedMessage, Asking, Choice, Said, SamplingWords, Shown};
use crate::assembler::{Assembler, Finish, Fragment};
use crate::part::Arguing;
use crate::row::Quirks;
use crate::trouble::Trouble;
use callwright_parse::chat::Image;
use callwright_parse::error::FailureKind;

/// The version of the protocol where the row names none: every server that speaks the dialect takes it.
const VERSION: &str = "2023-06-01";

#[derive(Debug)]
pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn path(&self, _model: &str) -> String {
        "/messages".to_owned()
    }

    fn key_header(&self) -> KeyHeader {
        KeyHeader::XApiKey
    }

    fn headers(&self, quirks: &Quirks) -> Vec<(&'static str, String)> {
        vec![("anthropic-version", quirks.version.clone().unwrap_or_else(|| VERSION.to_owned()))]
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(asking.model));
        body.insert("max_tokens".to_owned(), json!(asking.max_tokens));
        if let Some(system) = asking.system() {
            body.insert("system".to_owned(), json!(system));
        }
        body.insert("messages".to_owned(), messages(&asking.turns));
        body.insert("stream".to_owned(), json!(true));
        if !asking.tools.is_empty() {
            let tool = |tool: &crate::asking::Offered<'_>| json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters});
            body.insert("tools".to_owned(), asking.tools.iter().map(tool).collect());
            body.insert("tool_choice".to_owned(), choice(&asking.choice, asking.parallel));
        }
        if !asking.stop.is_empty() {
            body.insert("stop_sequences".to_owned(), json!(asking.stop));
        }
        let words = SamplingWords { top_p: Some("top_p"), top_k: Some("top_k"), ..SamplingWords::default() };
        asking.sample(&mut body, &words);
        Value::Object(body)
    }

    fn reader(&self, _quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(AnthropicStream::default())
    }
}

fn choice(choice: &Choice, parallel: bool) -> Value {
    let mut said = match choice {
        Choice::Auto => json!({"type": "auto"}),
        Choice::None => return json!({"type": "none"}),
        Choice::Required => json!({"type": "any"}),
        Choice::Named(name) => json!({"type": "tool", "name": name}),
    };
    if !parallel {
        said["disable_parallel_tool_use"] = json!(true);
    }
    said
}

/// Turns of user and model in alternation; results stand first in the user's.
fn messages(turns: &[AskedMessage<'_>]) -> Value {
    let mut messages: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in turns {
        let (role, blocks) = match turn {
            AskedMessage::System(_) => continue,
            AskedMessage::User(shown) => ("user", user_blocks(shown)),
            AskedMessage::Model(said) => ("assistant", said_blocks(said)),
            AskedMessage::Results(answers) => {
                let block = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
                ("user", answers.iter().map(|answer| block(&answer.id, &answer.text)).collect::<Vec<_>>())
            }
        };
        match messages.last_mut() {
            Some((last, into)) if *last == role => into.extend(blocks),
            _ if blocks.is_empty() => {}
            _ => messages.push((role, blocks)),
        }
    }
    messages.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect()
}

fn user_blocks(shown: &[Shown<'_>]) -> Vec<Value> {
    let block = |shown: &Shown<'_>| match shown {
        Shown::Text(text) => text_block(text),
        Shown::Image(Image::Url(url)) => Some(json!({"type": "image", "source": {"type": "url", "url": url}})),
        Shown::Image(Image::Bytes { kind, base64 }) => {
            let source = json!({"type": "base64", "media_type": kind.as_str(), "data": base64});
            Some(json!({"type": "image", "source": source}))
        }
    };
    shown.iter().filter_map(block).collect()
}

/// Empty blocks are refused.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn said_blocks(said: &Said<'_>) -> Vec<Value> {
    let carried = said.calls.iter().filter_map(|call| call.carried.as_ref()?.as_array()).flatten().cloned();
    let mut blocks: Vec<Value> = carried.chain(text_block(&said.text)).collect();
    let block = |call: &crate::asking::Made<'_>| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments});
    blocks.extend(said.calls.iter().map(block));
    blocks
}

#[derive(Default)]
struct AnthropicStream {
    blocks: BTreeMap<u64, Block>,
    stop: Option<String>,
}

enum Block {
    /// A call: its place in the reply, and its arguments where they came with its beginning.
    Call {
        at: usize,
        begun: Value,
        deltas: bool,
    },
    /// A thought, as it must be given back.
    Thought(Value),
    Other,
}

impl Reader for AnthropicStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        let index = count(frame, &["index"]);
        match text(frame, &["type"]).unwrap_or_default() {
            "message_start" => {
                let message = &frame["message"];
                to.model(text(message, &["model"]).unwrap_or_default());
                to.request_id(text(message, &["id"]).unwrap_or_default());
                usage(message, to);
            }
            "content_block_start" => {
                let index = index.ok_or_else(|| Trouble::malformed("a block has no index"))?;
                self.begin(index, &frame["content_block"], to)?;
            }
            "content_block_delta" => self.delta(index, &frame["delta"], to)?,
            "content_block_stop" => self.end(index, to)?,
            "message_delta" => {
                usage(frame, to);
                if let Some(word) = text(frame, &["delta", "stop_reason"]) {
                    self.stop = Some(word.to_owned());
                }
            }
            "message_stop" => {
                let word = self.stop.as_deref().unwrap_or_default();
                to.finish(finish(word), word);
                to.done();
            }
            _ => {}
        }
        Ok(())
    }
}

impl AnthropicStream {
    fn begin(&mut self, index: u64, block: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        let begun = match text(block, &["type"]).unwrap_or_default() {
            "tool_use" => {
                let id = text(block, &["id"]);
                let fragment =
                    Fragment { slot: Some(index), id, name: text(block, &["name"]), arguments: Arguing::Nothing };
                let at = to.call(fragment)?;
                Block::Call { at, begun: block["input"].clone(), deltas: false }
            }
            "text" => {
                to.text(text(block, &["text"]).unwrap_or_default())?;
                Block::Other
            }
            "thinking" => {
                to.reasoning(text(block, &["thinking"]).unwrap_or_default())?;
                Block::Thought(block.clone())
            }
            "redacted_thinking" => Block::Thought(block.clone()),
            _ => Block::Other,
        };
        if self.blocks.len() >= 1024 {
            return Err(Trouble::new(FailureKind::TooLarge, "too many blocks"));
        }
        self.blocks.insert(index, begun);
        Ok(())
    }

    fn delta(&mut self, index: Option<u64>, delta: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        let block = index.and_then(|index| self.blocks.get_mut(&index));
        match (text(delta, &["type"]).unwrap_or_default(), block) {
            ("text_delta", _) => to.text(text(delta, &["text"]).unwrap_or_default()),
            ("input_json_delta", Some(Block::Call { deltas, .. })) => {
                let piece = text(delta, &["partial_json"]).unwrap_or_default();
                *deltas |= !piece.is_empty();
                let fragment = Fragment { slot: index, arguments: Arguing::Text(piece), ..Fragment::default() };
                to.call(fragment).map(drop)
            }
            ("input_json_delta", None) => Err(Trouble::malformed("arguments arrived for a block that had not started")),
            ("thinking_delta", block) => {
                let piece = text(delta, &["thinking"]).unwrap_or_default();
                if let Some(block) = block {
                    append(block, "thinking", piece);
                }
                to.reasoning(piece)
            }
            ("signature_delta", Some(block)) => {
                append(block, "signature", text(delta, &["signature"]).unwrap_or_default());
                Ok(())
            }
            // Among these: arguments of a tool that the server runs itself.
            _ => Ok(()),
        }
    }

    fn end(&mut self, index: Option<u64>, to: &mut Assembler) -> Result<(), Trouble> {
        match index.and_then(|index| self.blocks.get_mut(&index)) {
            // No delta at all means the arguments that the block began with: `{}`.
            Some(Block::Call { at, begun, deltas }) if !*deltas && begun.is_object() => {
                *deltas = true;
                to.settle_arguments(*at, &begun.to_string())
            }
            Some(Block::Thought(thought)) => {
                to.carry(std::mem::take(thought));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn append(block: &mut Block, key: &str, piece: &str) {
    if let Block::Thought(thought) = block {
        match &mut thought[key] {
            Value::String(text) => text.push_str(piece),
            other => *other = json!(piece),
        }
    }
}

fn finish(word: &str) -> Finish {
    match word {
        "end_turn" | "stop_sequence" => Finish::Stop,
        "tool_use" => Finish::Calls,
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::Failed(FailureKind::ContextOverflow),
        "refusal" => Finish::Failed(FailureKind::ContentFilter),
        _ => Finish::Unknown,
    }
}

/// What is counted so far: later counts replace earlier ones. Tokens of the cache are not among `input_tokens`.
fn usage(frame: &Value, to: &mut Assembler) {
    let Some(usage) = at(frame, &["usage"]) else { return };
    let read = count(usage, &["cache_read_input_tokens"]);
    let written = count(usage, &["cache_creation_input_tokens"]);
    to.tokens(|tokens| {
        tokens.cache_read = read.unwrap_or(tokens.cache_read);
        tokens.cache_written = written.unwrap_or(tokens.cache_written);
        if let Some(input) = count(usage, &["input_tokens"]) {
            tokens.input = input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_written);
        }
        tokens.output = count(usage, &["output_tokens"]).unwrap_or(tokens.output);
    });
}
