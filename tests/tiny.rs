//! The promises of the model in the repository: its questions are new to it, and it answers them well enough.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::collections::BTreeSet;
use std::fs;

use callwright::Engine;
use callwright::chat::{Request, Tool, ToolChoice};
use callwright::models::Places;
use callwright_record::Expected;
use serde_json::Value;

fn words(file: &str) -> Value {
    let path = callwright_test_support::root().join("fixtures/models/train/words").join(file);
    serde_json::from_str(&fs::read_to_string(&path).expect("the word lists are there")).expect("JSON")
}

/// All texts below a key, in small letters and without what does not make a word.
fn texts(lists: &Value, key: &str) -> BTreeSet<String> {
    let plain = |text: &str| {
        let letters: String = text
            .to_lowercase()
            .chars()
            .map(|c| if c.is_alphanumeric() || "{}@/_.".contains(c) { c } else { ' ' })
            .collect();
        letters.split_whitespace().collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned()
    };
    let mut found = BTreeSet::new();
    let mut open = vec![&lists[key]];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => drop(found.insert(plain(text))),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    found
}

#[test]
fn what_is_held_out_was_never_trained_on() {
    let (train, held_out) = (words("train.json"), words("heldout.json"));
    for key in ["slots", "phrasings"] {
        let (seen, new) = (texts(&train, key), texts(&held_out, key));
        assert!(seen.len() > 300 && new.len() > 200, "{key}: {} and {}", seen.len(), new.len());
        let both: Vec<_> = seen.intersection(&new).collect();
        assert!(both.is_empty(), "{key} in both: {both:?}");
    }
}

#[derive(serde::Deserialize)]
#[expect(clippy::struct_field_names, reason = "as the file names them")]
struct Question {
    question: String,
    tools: Vec<Tool>,
    expected: Vec<Expected>,
}

#[tokio::test]
async fn the_embedded_model_calls_the_right_tool() {
    let home = tempfile::tempdir().expect("a folder for the test");
    let places = Places::new(home.path().join("hub"), home.path().join("cache"));
    let engine = Engine::builder().places(places).build().await.expect("the model is part of the crate");
    let file =
        fs::read_to_string(callwright_test_support::root().join("fixtures/models/questions.jsonl")).expect("questions");
    let (mut asked, mut valid, mut right, mut exact) = (0, 0, 0, 0);
    for line in file.lines() {
        let question: Question = serde_json::from_str(line).expect("a question");
        let [wanted] = question.expected.as_slice() else { continue };
        let mut request = Request::new(question.question).tools(question.tools).tool_choice(ToolChoice::Required);
        request.parallel_tool_calls = Some(false);
        let response = engine.chat(request).await.expect("an answer");
        asked += 1;
        let Some(call) = response.valid_calls().next() else { continue };
        valid += 1;
        right += usize::from(call.name == wanted.name);
        // As text, so that 5 and 5.0 differ and the order of arguments does not count.
        exact += usize::from(
            call.name == wanted.name && Value::from(call.arguments.clone()) == Value::from(wanted.arguments.clone()),
        );
    }
    assert_eq!((asked, valid), (500, 500));
    assert!(right >= 450, "right tool: {right} of {asked}");
    assert!(exact >= 300, "all arguments exact: {exact} of {asked}");
}
