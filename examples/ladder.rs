//! How many of 100 faulty outputs each rung of the repair ladder saves: a live model writes freely and with some
//! chance, so that it errs; what is not fine as written is put right, asked again with its call held to the grammar, or
//! given up.
//!
//! ```sh
//! cargo run --release --features candle --example ladder -- fixtures/models/questions_new_tools.jsonl [MODEL]
//! ```

#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example speaks, and stops at the first surprise")]

use callwright::chat::{Request, Response, Tool, ToolChoice};
use callwright::{Enforce, Engine};
use callwright_record::Expected;
use serde::Deserialize;

/// Faulty outputs to be gathered.
const WANTED: usize = 100;
/// Turns to be made at the most.
const TURNS: usize = 2000;

#[derive(Deserialize)]
struct Task {
    question: String,
    tools: Vec<Tool>,
    expected: Vec<Expected>,
}

/// How often something came out, and how often it was what the question wanted.
#[derive(Default)]
struct Count {
    valid: usize,
    right: usize,
}

fn main() -> callwright::Result<()> {
    let mut words = std::env::args().skip(1);
    let file = words.next().expect("a file of questions with tools and expected calls");
    let model = words.next();
    let text = std::fs::read_to_string(file).expect("it can be read");
    let tasks: Vec<Task> = text.lines().map(|line| serde_json::from_str(line).expect("a task")).collect();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(measure(&tasks, model))
}

async fn measure(tasks: &[Task], model: Option<String>) -> callwright::Result<()> {
    let mut builder = Engine::builder().enforce(Enforce::Reask).reasks(2).context_length(2048);
    if let Some(model) = model {
        builder = builder.model(model);
    }
    let engine = builder.build().await?;
    let (mut written, mut fixed, mut reasked, mut given_up) = (Count::default(), Count::default(), [0; 3], 0);
    let mut reasked_right = 0;
    let mut turns = 0;
    while fixed.valid + reasked.iter().sum::<usize>() + given_up < WANTED && turns < TURNS {
        let task = &tasks[turns % tasks.len()];
        turns += 1;
        let mut request = Request::new(&task.question).tools(task.tools.clone()).tool_choice(ToolChoice::Required);
        request.sampling.temperature = 1.0;
        request.sampling.seed = turns as u64;
        request.limits.max_tokens = 200;
        let response = engine.chat(request).await?;
        let (tries, right) = (response.attempts.len(), usize::from(is_right(&response, task)));
        if !response.faults.is_empty() {
            given_up += 1;
        } else if tries > 1 {
            reasked[tries - 1] += 1;
            reasked_right += right;
        } else {
            let count = if response.fixes.is_empty() { &mut written } else { &mut fixed };
            count.valid += 1;
            count.right += right;
        }
    }
    println!("{}: {turns} turns, {} fine as written ({} right)", engine.name(), written.valid, written.right);
    println!("put right   {:3}  ({} right)", fixed.valid, fixed.right);
    println!(
        "asked again {:3}  ({} right; {} at the first time)",
        reasked.iter().sum::<usize>(),
        reasked_right,
        reasked[1]
    );
    println!("given up    {given_up:3}");
    Ok(())
}

fn is_right(response: &Response, task: &Task) -> bool {
    let made = response.valid_calls().map(|call| (&call.name, &call.arguments));
    made.eq(task.expected.iter().map(|call| (&call.name, &call.arguments)))
}
