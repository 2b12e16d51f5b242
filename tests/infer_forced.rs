//! What forced tokens change: the same questions, with what the grammar forces written by the loop and by the model. Set
//! `CALLWRIGHT_TEST_MODEL` to a GGUF file to see it on that one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use callwright::chat::{Prompt, Request, Response, Tool, ToolChoice};
use callwright::infer::{Chunks, Forced, Generator, Job, ModelInfo};
use callwright::{BackendName, Engine};
use callwright_bench::judge;
use callwright_record::Recording;
use common::jobs::{model, model_file};

/// A model that writes all of its tokens itself.
#[derive(Debug)]
struct Unforced(Box<dyn Generator>);

impl Generator for Unforced {
    fn model(&self) -> &ModelInfo {
        self.0.model()
    }

    fn count(&self, prompt: &Prompt) -> callwright::Result<usize> {
        self.0.count(prompt)
    }

    fn generate(&self, job: Job) -> callwright::Result<Chunks> {
        self.0.generate(Job { forced: Forced::Model, ..job })
    }
}

/// Calls are valid in both ways; how many texts differ, and how many are right, is told.
#[tokio::test]
async fn forced_tokens_keep_calls_valid() {
    let file = model_file();
    let tools: Vec<Tool> = serde_json::from_str(&std::fs::read_to_string("examples/tools.json").unwrap()).unwrap();
    let questions = std::fs::read_to_string("examples/questions.jsonl").unwrap();
    let questions: Vec<serde_json::Value> = questions.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for format in ["hermes", "qwen3_coder", "pythonic"] {
        let engine = async |generator: Box<dyn Generator>| {
            Engine::builder().generator(generator).format(format).reasks(0).build().await.expect("an engine")
        };
        let first = BackendName::built_in()[0];
        let forced = engine(model(first, &file)).await;
        let unforced = engine(Box::new(Unforced(model(first, &file)))).await;
        let (mut differ, mut right, mut valid) = (0, [0, 0], [0, 0]);
        for question in &questions {
            let asked = question["question"].as_str().expect("a question");
            let mut request = Request::new(asked).tools(tools.clone());
            request.tool_choice = ToolChoice::Required;
            request.parallel_tool_calls = Some(false);
            request.limits.max_tokens = 200;
            let answers = [forced.chat(request.clone()).await.unwrap(), unforced.chat(request.clone()).await.unwrap()];
            assert!(answers[0].usage.forced_tokens > answers[1].usage.forced_tokens);
            differ += usize::from(answers[0].raw != answers[1].raw);
            let mut recording = question.clone();
            recording["output"] = "".into();
            recording["tools"] = serde_json::to_value(&tools).unwrap();
            let recording: Recording = serde_json::from_value(recording).expect("a recording");
            for (way, answer) in answers.iter().enumerate() {
                valid[way] += usize::from(is_valid(answer));
                right[way] += usize::from(judge(&recording, &answer.calls).is_some_and(|verdict| verdict.is_ok()));
            }
        }
        let all = questions.len();
        println!(
            "{format}: {differ} of {all} texts differ; valid {} and {} without, right {} and {}",
            valid[0], valid[1], right[0], right[1]
        );
        assert_eq!(valid, [all, all], "{format}");
    }
}

/// One call that satisfies its schema; that only the budget closed it is told beside it.
fn is_valid(answer: &Response) -> bool {
    answer.calls.len() == 1
        && answer.faults.iter().all(|fault| matches!(fault, callwright::chat::Fault::ForcedClose { .. }))
}
