//! Asks a model questions whose answers are known, enforced and free, and prints how many calls came out right.
//!
//! ```text
//! cargo run --release --example evaluate -- --questions fixtures/models/questions.jsonl
//! cargo run --release --example evaluate -- --model smollm2:135m --questions examples/questions.jsonl \
//!     --tools examples/tools.json
//! ```
//!
//! A question is one JSON object a line: `{"id", "question", "tools": [..], "expected": [{"name", "arguments"}]}`;
//! `tools` may be left out where `--tools` gives them for all. Bring your own file: nothing in it is known here.
#![allow(clippy::print_stdout, clippy::cast_precision_loss, reason = "a program that prints a table of small numbers")]

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use callwright::chat::{Call, Fault, Request, Response, Tool, ToolChoice};
use callwright::config::Settings;
use callwright::engine::{Enforce, Engine};
use callwright::record::Expected;
use clap::Parser;
use serde::{Deserialize, Serialize};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
struct Arguments {
    /// The model: a name, a path; the embedded one if absent
    #[arg(long)]
    model: Option<String>,
    /// The questions, one JSON object a line
    #[arg(long)]
    questions: PathBuf,
    /// The tools of questions that bring none
    #[arg(long)]
    tools: Option<PathBuf>,
    /// The format of calls, instead of the model's own
    #[arg(long)]
    format: Option<String>,
    #[arg(long, default_value_t = 512)]
    max_tokens: usize,
    #[arg(long)]
    threads: Option<usize>,
    /// Only the first so many
    #[arg(long)]
    limit: Option<usize>,
    /// Print every answer that was not right
    #[arg(long)]
    misses: bool,
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "as the file names them")]
struct Question {
    id: String,
    question: String,
    #[serde(default)]
    tools: Vec<Tool>,
    #[serde(default)]
    expected: Vec<Expected>,
}

#[derive(Default, Serialize)]
struct Tally {
    mode: &'static str,
    questions: usize,
    valid: usize,
    right_tool: usize,
    exact: usize,
    forced_close: usize,
    plain_expected: usize,
    plain_right: usize,
    median_string: usize,
    tokens_a_call: f64,
    forced_tokens_a_call: f64,
    ms_a_call: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let questions = read(&arguments)?;
    let mut tallies = Vec::new();
    for (mode, enforce) in [("enforced", Enforce::On), ("free", Enforce::Off)] {
        let engine = engine(&arguments, enforce).await?;
        let tally = ask_all(&engine, &questions, mode, enforce, &arguments).await?;
        tallies.push(tally);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&tallies)?);
        return Ok(());
    }
    println!("mode      questions  valid  right tool  exact  ForcedClose  string  tokens (forced)  ms  plain");
    for tally in &tallies {
        let Tally { mode, questions: n, valid, right_tool, exact, forced_close, median_string, .. } = tally;
        let (tokens, forced, ms) = (tally.tokens_a_call, tally.forced_tokens_a_call, tally.ms_a_call);
        let (plain_right, plain) = (tally.plain_right, tally.plain_expected);
        println!(
            "{mode:9} {n:9}  {valid:5}  {right_tool:10}  {exact:5}  {forced_close:11}  {median_string:6}  \
             {tokens:6.1} {forced:8.1}  {ms:3.0}  {plain_right}/{plain}"
        );
    }
    Ok(())
}

async fn engine(arguments: &Arguments, enforce: Enforce) -> Result<Engine, Failure> {
    let settings = Settings::read()?;
    let mut builder = Engine::builder().enforce(enforce).places(settings.places.clone());
    if let Some(model) = &arguments.model {
        builder = builder.located(settings.store().locate(&settings.model(model)?)?);
    }
    if let Some(format) = &arguments.format {
        builder = builder.format(format);
    }
    if let Some(threads) = arguments.threads {
        builder = builder.threads(threads);
    }
    Ok(builder.build().await?)
}

fn read(arguments: &Arguments) -> Result<Vec<Question>, Failure> {
    let shared: Vec<Tool> = match &arguments.tools {
        Some(file) => serde_json::from_reader(open(file)?)?,
        None => Vec::new(),
    };
    let mut questions = Vec::new();
    for line in open(&arguments.questions)?.lines().take(arguments.limit.unwrap_or(usize::MAX)) {
        let mut question: Question = serde_json::from_str(&line?)?;
        if question.tools.is_empty() {
            question.tools.clone_from(&shared);
        }
        questions.push(question);
    }
    Ok(questions)
}

fn open(file: &Path) -> Result<std::io::BufReader<std::fs::File>, Failure> {
    let opened = std::fs::File::open(file).map_err(|cause| format!("cannot open {}: {cause}", file.display()))?;
    Ok(std::io::BufReader::new(opened))
}

async fn ask_all(
    engine: &Engine,
    questions: &[Question],
    mode: &'static str,
    enforce: Enforce,
    arguments: &Arguments,
) -> Result<Tally, Failure> {
    let mut tally = Tally { mode, ..Tally::default() };
    let (mut strings, mut tokens, mut forced, mut spent) = (Vec::new(), 0, 0, 0.0);
    for question in questions {
        let plain = question.expected.is_empty();
        // Where a call is wanted and enforced it is required; plain answers are always the model's own choice.
        let choice = if enforce == Enforce::On && !plain { ToolChoice::Required } else { ToolChoice::Auto };
        let mut request = Request::new(&question.question).tools(question.tools.clone()).tool_choice(choice);
        request.limits.max_tokens = arguments.max_tokens;
        request.parallel_tool_calls = Some(question.expected.len() > 1);
        let started = Instant::now();
        let response = engine.chat(request).await?;
        if plain {
            tally.plain_expected += 1;
            tally.plain_right += usize::from(response.calls.is_empty());
            continue;
        }
        spent += started.elapsed().as_secs_f64() * 1000.0;
        tokens += response.usage.completion_tokens;
        forced += response.usage.forced_tokens;
        let right = count(&mut tally, question, &response);
        response.calls.iter().for_each(|call| strings_of(call, &mut strings));
        if arguments.misses && !right {
            let wanted = serde_json::to_string(&question.expected)?;
            println!(
                "{mode} {}: {}\n  wanted {wanted}\n  wrote  {}",
                question.id,
                question.question,
                response.raw.trim()
            );
        }
    }
    strings.sort_unstable();
    tally.median_string = strings.get(strings.len() / 2).copied().unwrap_or(0);
    let calls = tally.questions.max(1) as f64;
    tally.tokens_a_call = tokens as f64 / calls;
    tally.forced_tokens_a_call = forced as f64 / calls;
    tally.ms_a_call = spent / calls;
    Ok(tally)
}

fn count(tally: &mut Tally, question: &Question, response: &Response) -> bool {
    tally.questions += 1;
    let forced = response.faults.iter().any(|fault| matches!(fault, Fault::ForcedClose { .. }));
    tally.forced_close += usize::from(forced);
    tally.valid += usize::from(!response.calls.is_empty() && response.faults.is_empty());
    let names = |calls: &[Call]| calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>();
    let wanted: Vec<_> = question.expected.iter().map(|call| call.name.clone()).collect();
    tally.right_tool += usize::from(names(&response.calls) == wanted);
    let same = |(call, wanted): (&Call, &Expected)| {
        call.name == wanted.name
            && call.arguments.len() == wanted.arguments.len()
            && call
                .arguments
                .iter()
                .all(|(key, value)| wanted.arguments.get(key).is_some_and(|other| equal(value, other)))
    };
    let exact = response.calls.len() == wanted.len() && response.calls.iter().zip(&question.expected).all(same);
    tally.exact += usize::from(exact);
    exact
}

/// Equal as JSON, 5 and 5.0 being the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (one, other) => one == other,
    }
}

fn strings_of(call: &Call, lengths: &mut Vec<usize>) {
    lengths.extend(call.arguments.values().filter_map(Value::as_str).map(|text| text.chars().count()));
}
