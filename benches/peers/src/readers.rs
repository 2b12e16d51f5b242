//! The three readers behind one door: pieces of text in, the arguments of the one call out.
//!
//! Each is used as its own documentation says; what can be kept from one text to the next is made once.

use std::sync::Arc;

use callwright_parse::chat::Tool;
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::Parser;
use dynamo_parsers::tool_calling::jail::{Annotated, apply_tool_calling_jail};
use dynamo_parsers::{ToolDefinition, try_tool_call_parse_aggregate};
use dynamo_protocols::types::{
    ChatChoiceStream, ChatCompletionMessageContent, ChatCompletionStreamResponseDelta,
    CreateChatCompletionStreamResponse, Role,
};
use futures::StreamExt;
use futures::executor::block_on;
use serde_json::{Value, json};

type Chunk = Annotated<CreateChatCompletionStreamResponse>;

/// What a reader takes, made before the clock runs.
#[derive(Clone)]
pub enum Input {
    Pieces(Vec<String>),
    /// Dynamo streams take messages.
    Chunks(Vec<Chunk>),
}

impl Input {
    /// The same once more.
    pub fn again(&self) -> Self {
        self.clone()
    }
}

pub trait Reader {
    fn name(&self) -> &'static str;

    fn prepare(&self, pieces: &[&str]) -> Input {
        Input::Pieces(pieces.iter().map(|piece| (*piece).to_owned()).collect())
    }

    /// Reads; the arguments of the call as JSON text.
    fn arguments(&mut self, input: Input) -> Option<String>;

    /// Reads, and says whether there was a call.
    fn run(&mut self, input: Input) -> bool {
        self.arguments(input).is_some()
    }

    /// The arguments of the call.
    fn read(&mut self, pieces: &[&str]) -> Option<Value> {
        let input = self.prepare(pieces);
        serde_json::from_str(&self.arguments(input)?).ok()
    }
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}, "required": ["path", "text"]})
}

pub struct Callwright {
    format: Arc<Format>,
    tools: Arc<ToolSet>,
}

impl Callwright {
    pub fn new(format: &str) -> Self {
        let tools = ToolSet::compile(&[Tool::new("write_file", "", schema())]).expect("a schema");
        Self { format: Formats::builtin().get(format).expect("a format"), tools: Arc::new(tools) }
    }
}

impl Reader for Callwright {
    fn name(&self) -> &'static str {
        "callwright"
    }

    fn arguments(&mut self, input: Input) -> Option<String> {
        let Input::Pieces(pieces) = input else { return None };
        let mut parser = Parser::new(Arc::clone(&self.format), Arc::clone(&self.tools));
        for piece in &pieces {
            std::hint::black_box(parser.push(piece.as_bytes()));
        }
        let parsed = parser.finish();
        serde_json::to_string(&parsed.calls.first()?.arguments).ok()
    }
}

pub struct ToolParser {
    parser: Box<dyn tool_parser::ToolParser>,
    tools: Vec<openai_protocol::common::Tool>,
}

impl ToolParser {
    pub fn new(format: &str) -> Self {
        let parser: Box<dyn tool_parser::ToolParser> = match format {
            "hermes" => Box::new(tool_parser::QwenParser::new()),
            "mistral" => Box::new(tool_parser::MistralParser::new()),
            _ => Box::new(tool_parser::PythonicParser::new()),
        };
        let tool = json!({"type": "function", "function": {"name": "write_file", "parameters": schema()}});
        Self { parser, tools: vec![serde_json::from_value(tool).expect("a tool")] }
    }
}

impl Reader for ToolParser {
    fn name(&self) -> &'static str {
        "tool-parser"
    }

    fn arguments(&mut self, input: Input) -> Option<String> {
        let Input::Pieces(pieces) = input else { return None };
        if let [whole] = pieces.as_slice() {
            let (_, calls) = block_on(self.parser.parse_complete_with_tools(whole, &self.tools)).ok()?;
            return Some(calls.into_iter().next()?.function.arguments);
        }
        self.parser.reset();
        let mut arguments = None::<String>;
        for piece in &pieces {
            let read = block_on(self.parser.parse_incremental(piece, &self.tools)).ok()?;
            for item in read.calls {
                arguments.get_or_insert_default().push_str(&item.parameters);
            }
        }
        for item in self.parser.get_unstreamed_tool_args().into_iter().flatten() {
            arguments.get_or_insert_default().push_str(&item.parameters);
        }
        arguments
    }
}

pub struct Dynamo {
    parser: String,
    tools: Vec<ToolDefinition>,
}

impl Dynamo {
    pub fn new(format: &str) -> Self {
        let tool = ToolDefinition { name: "write_file".to_owned(), parameters: Some(schema()), strict: None };
        Self { parser: format.to_owned(), tools: vec![tool] }
    }
}

impl Reader for Dynamo {
    fn name(&self) -> &'static str {
        "dynamo-parsers"
    }

    fn prepare(&self, pieces: &[&str]) -> Input {
        match pieces {
            [whole] => Input::Pieces(vec![(*whole).to_owned()]),
            pieces => Input::Chunks(pieces.iter().map(|piece| chunk(piece)).collect()),
        }
    }

    fn arguments(&mut self, input: Input) -> Option<String> {
        match input {
            Input::Pieces(pieces) => {
                let read = try_tool_call_parse_aggregate(pieces.first()?, Some(&self.parser), Some(&self.tools));
                Some(block_on(read).ok()?.0.into_iter().next()?.function.arguments)
            }
            Input::Chunks(chunks) => {
                let (parser, tools) = (Some(self.parser.clone()), Some(self.tools.clone()));
                let read = apply_tool_calling_jail(parser, None, tools, false, futures::stream::iter(chunks));
                let read: Vec<Chunk> = block_on(read.collect());
                let choices = read.into_iter().filter_map(|chunk| chunk.data).flat_map(|data| data.choices);
                let calls = choices.filter_map(|choice| choice.delta.tool_calls).flatten();
                let pieces: Vec<String> = calls.filter_map(|call| call.function?.arguments).collect();
                (!pieces.is_empty()).then(|| pieces.concat())
            }
        }
    }
}

#[allow(deprecated, reason = "a field of the message is, and must be given")]
fn chunk(text: &str) -> Chunk {
    let delta = ChatCompletionStreamResponseDelta {
        role: Some(Role::Assistant),
        content: Some(ChatCompletionMessageContent::Text(text.to_owned())),
        tool_calls: None,
        function_call: None,
        refusal: None,
        reasoning_content: None,
    };
    let data = CreateChatCompletionStreamResponse {
        id: "peers".to_owned(),
        object: "chat.completion.chunk".to_owned(),
        created: 0,
        model: "peers".to_owned(),
        choices: vec![ChatChoiceStream { index: 0, delta, finish_reason: None, logprobs: None }],
        usage: None,
        service_tier: None,
        system_fingerprint: None,
    };
    Annotated { data: Some(data), id: None, event: None, comment: None, error: None }
}
