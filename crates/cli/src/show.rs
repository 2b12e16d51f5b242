//! `callwright show`: what there is to know of one model, or of one format, before it is used.

use std::sync::Arc;

use indicatif::{BinaryBytes, DecimalBytes};
use serde_json::{Map, Value, json};

use callwright_models::fit::{Needs, Run};
use callwright_models::gguf::{Header, Special};
use callwright_models::{Located, ModelRow, memory};
use callwright_parse::chat::Call;
use callwright_parse::error::Result;
use callwright_prompt::{Template, TemplateTokens};

use super::{Exit, World, show_format};

/// Show a model: its tool-call format, chat template and memory needs; or show a format
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright show smollm2:135m
  callwright show ./model.gguf -c 32768        memory for a context of 32768 tokens
  callwright show qwen3:4b --template          its chat template
  callwright show hermes                       the format of that name, with examples

For a model that is not on this machine, only its row in models.toml is shown. No network is used.")]
pub(super) struct Args {
    /// The model or format
    #[arg(value_name = "MODEL|FORMAT")]
    model: String,
    /// Context length, in tokens, to compute the memory for
    #[arg(short = 'c', long, visible_alias = "ctx-size", value_name = "N")]
    context_length: Option<u64>,
    /// Print the chat template and nothing else
    #[arg(long)]
    template: bool,
}

/// The context length where none is given: enough for tools and a conversation, and small enough for memory.
const USUAL_CONTEXT: u64 = 8192;

/// A heading and its lines.
pub(super) type Block = (&'static str, Map<String, Value>);

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let name = match world.settings.model(&args.model) {
        Ok(name) => name,
        // Models take precedence: a format is looked for only where no model has the name.
        Err(unknown) => match world.settings.formats()?.get(&args.model) {
            Ok(format) => return show_format::run(&format, world),
            Err(_) => return Err(unknown),
        },
    };
    let (located, header) = match (world.settings.store().locate(&name), name.row()) {
        (Ok(located), _) => {
            let header = callwright_models::header(&located.path)?;
            (Some(located), Some(header))
        }
        (Err(missing), Some(_)) if !args.template => {
            world.printer.note(&missing.to_string());
            missing.hint_text().into_iter().for_each(|hint| world.printer.hint(hint));
            (None, None)
        }
        (Err(missing), _) => return Err(missing),
    };
    if let (true, Some(header)) = (args.template, &header) {
        return template(header, world);
    }
    let mut blocks = vec![("model", model(&name.to_string(), located.as_ref(), name.row(), header.as_ref()))];
    blocks.push(("tools", tools(name.row(), header.as_ref(), world)?));
    if let Some(header) = &header {
        blocks.push(("tokens", tokens(header)));
        blocks.push(("memory", memory(header, args.context_length)));
    }
    if world.printer.wants_json() {
        let all: Map<_, _> = blocks.into_iter().map(|(title, lines)| (title.to_owned(), lines.into())).collect();
        world.printer.json(&all)?;
    } else {
        world.printer.hanging(21, &text(&blocks))?;
    }
    Ok(Exit::Done)
}

fn template(header: &Header, world: &World) -> Result<Exit> {
    let Some(template) = &header.chat_template else {
        world.printer.note("the model has no chat template");
        return Ok(Exit::No);
    };
    world.printer.line(template)?;
    Ok(Exit::Done)
}

fn model(
    name: &str,
    located: Option<&Located>,
    row: Option<&Arc<ModelRow>>,
    header: Option<&Header>,
) -> Map<String, Value> {
    let mut lines = Map::new();
    put(&mut lines, "name", Some(name));
    put(&mut lines, "repository", row.map(|row| row.repo.as_str()).filter(|repo| !repo.is_empty()));
    put(&mut lines, "licence", row.map(|row| row.licence.as_str()));
    put(&mut lines, "quants", row.map(|row| row.quants().join(", ")));
    put(&mut lines, "here as", located.map(|located| located.source.as_str()));
    put(&mut lines, "path", located.map(|located| located.path.display().to_string()));
    let Some(header) = header else {
        put(&mut lines, "context length", row.map(|row| row.context_length));
        return lines;
    };
    put(&mut lines, "calls itself", header.name.as_deref());
    put(&mut lines, "architecture", Some(header.architecture.as_str()));
    put(&mut lines, "parameters", Some(header.parameters));
    put(&mut lines, "quant", Some(header.quant.as_str()));
    put(&mut lines, "context length", header.context_length);
    put(&mut lines, "size", Some(DecimalBytes(header.file_bytes).to_string()));
    lines
}

fn tools(row: Option<&Arc<ModelRow>>, header: Option<&Header>, world: &World) -> Result<Map<String, Value>> {
    let mut lines = Map::new();
    let prompts = |name: &str| format!("prompts/{name}.jinja, in the system message");
    put(&mut lines, "told by", row.map(|row| row.prompt.prompted().map_or("its chat template".to_owned(), prompts)));
    put(&mut lines, "chat template", header.map(abilities));
    let Some(row) = row else { return Ok(lines) };
    put(&mut lines, "format", Some(row.format.as_str()));
    match world.settings.formats()?.get(&row.format) {
        Ok(format) => {
            let city = [("city".to_owned(), json!("Oslo"))].into_iter().collect();
            put(&mut lines, "which is", Some(format.description()));
            put(&mut lines, "a call", format.write(&[Call::new("get_weather", city)]).ok());
        }
        Err(error) => world.printer.warn(&error.to_string()),
    }
    Ok(lines)
}

/// What the model's chat template supports, found out by rendering it.
fn abilities(header: &Header) -> String {
    let Some(source) = &header.chat_template else { return "none: not a chat model".to_owned() };
    let text = |token: &Option<Special>| token.as_ref().map(|token| token.text.clone()).unwrap_or_default();
    let tokens = TemplateTokens { bos: text(&header.vocab.bos), eos: text(&header.vocab.eos) };
    let template = match Template::compile(source, tokens) {
        Ok(template) => template.abilities(),
        Err(error) => return format!("unusable: {error}"),
    };
    let said: Vec<_> = [
        (template.system, "system messages"),
        (template.tools.is_some(), "tools"),
        (template.calls.is_some(), "calls in the history"),
        (template.parallel_calls, "parallel calls"),
        (template.results, "results"),
        (template.reasoning, "reasoning"),
    ]
    .into_iter()
    .filter_map(|(able, what)| able.then_some(what))
    .collect();
    if said.is_empty() { "supports user messages only".to_owned() } else { format!("supports {}", said.join(", ")) }
}

fn tokens(header: &Header) -> Map<String, Value> {
    let vocab = &header.vocab;
    let text = |token: &Option<Special>| token.as_ref().map(|token| token.text.clone());
    let mut lines = Map::new();
    put(&mut lines, "vocabulary", Some(vocab.size));
    put(&mut lines, "begin", text(&vocab.bos));
    put(&mut lines, "end of text", text(&vocab.eos));
    put(&mut lines, "end of turn", text(&vocab.eot));
    put(&mut lines, "end of message", text(&vocab.eom));
    put(&mut lines, "special", Some(vocab.specials.len()));
    lines
}

fn memory(header: &Header, context_length: Option<u64>) -> Map<String, Value> {
    let usual = header.context_length.map_or(USUAL_CONTEXT, |most| most.min(USUAL_CONTEXT));
    let run = Run::new(context_length.unwrap_or(usual));
    let needs = Needs::of(header, run);
    let bytes = |bytes: u64| Some(BinaryBytes(bytes).to_string());
    let mut lines = Map::new();
    put(&mut lines, "for a context of", Some(run.context_length));
    put(&mut lines, "weights", bytes(needs.weights));
    put(&mut lines, "cache", bytes(needs.cache));
    put(&mut lines, "work space", bytes(needs.compute));
    put(&mut lines, "together", bytes(needs.total()));
    if let Some(free) = memory::available() {
        put(&mut lines, "free now", bytes(free));
        put(&mut lines, "fits", Some(needs.total() <= free));
        put(&mut lines, "longest context", Needs::longest_context(header, run, free));
    }
    lines
}

pub(super) fn put<T: serde::Serialize>(lines: &mut Map<String, Value>, label: &str, value: Option<T>) {
    if let Some(value) = value {
        lines.insert(label.to_owned(), json!(value));
    }
}

/// What people read in place of a key. The keys themselves are those of `--json`, which scripts rely on.
fn label(key: &str) -> &str {
    match key {
        "here as" => "found in",
        "calls itself" => "own name",
        "told by" => "tools in prompt",
        "which is" | "looks like" => "description",
        "a call" => "example call",
        "for a context of" => "context length",
        "cache" => "KV cache",
        "work space" => "compute buffer",
        "together" => "total",
        "longest context" => "max context",
        "written by" => "used by",
        "text that remains" => "remaining text",
        key => key,
    }
}

/// A number of parameters as people say it.
fn in_millions(number: f64) -> String {
    match number {
        many if many >= 1e9 => format!("{:.1} billion", many / 1e9),
        some if some >= 1e7 => format!("{:.0} million", some / 1e6),
        few => format!("{:.1} million", few / 1e6),
    }
}

pub(super) fn text(blocks: &[Block]) -> String {
    let block = |(title, lines): &Block| {
        let lines = lines.iter().map(|(key, value)| format!("\n  {:18} {}", label(key), shown(key, value)));
        format!("{title}{}", lines.collect::<String>())
    };
    let text = blocks.iter().map(block).collect::<Vec<_>>().join("\n\n");
    // No trailing blanks, so that lines can be copied cleanly.
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::Number(number) if key == "parameters" => number.as_f64().map_or_else(|| number.to_string(), in_millions),
        // Further lines are aligned with the first.
        Value::String(text) => text.trim_end().replace('\n', &format!("\n{:21}", "")),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}
