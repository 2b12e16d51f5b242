//! The token loop on a real model. Set CALLWRIGHT_TEST_MODEL to a GGUF file to run it on that one.
#![cfg(feature = "llama")]

mod common;

use callwright::chat::{Prompt, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::{Job, llama};
use common::jobs::{collect, model_file};
use serde_json::json;

#[test]
fn a_demanded_call_comes_out() {
    let Some(file) = model_file() else { return };
    let model = llama::open(&file, &llama::LlamaSettings::default()).unwrap();
    let weather = Tool::new("get_weather", "weather of a city", json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}}, "required": ["city", "unit"]}));
    let calc = Tool::new("calculate", "calculates", json!({"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}));
    let tools = ToolSet::compile(&[weather, calc]).unwrap();
    let hermes = Formats::builtin().get("hermes").unwrap();
    let constraint = Constraint::compile(&hermes, &tools, &ToolChoice::Required, false, "").unwrap().unwrap();
    println!("{}", constraint.grammar());
    let prompt = "<|im_start|>system\nYou call tools: get_weather(city, unit), calculate(expression). Answer with <tool_call>\n{\"name\": .., \"arguments\": {..}}\n</tool_call><|im_end|>\n<|im_start|>user\nWhat is the weather in Paris in celsius?<|im_end|>\n<|im_start|>assistant\n";
    for _ in 0..2 {
        let mut job = Job::default();
        job.prompt = Prompt::markup(prompt);
        job.constraint = Some(constraint.clone());
        let (text, end) = collect(&*model, job).unwrap();
        println!("{}\n{end:?}", String::from_utf8_lossy(&text));
    }
}
