//! The Berkeley Function Calling Leaderboard's files: questions, possible answers and results, joined by id.
//!
//! A result alone says neither what was offered nor what is right, so all three are given, in any order. A result that
//! the leaderboard's client had already taken apart (`[{"name": "{..}"}]`) is written as calls again: of these only
//! the arguments are the model's own text. The model is named by the folder that its results lie in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::source::{Place, Records, Sourced};
use super::{Accepted, Language, Recording};
use callwright_parse::chat::Tool;

/// What was read of the three kinds so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    questions: BTreeMap<String, Question>,
    answers: BTreeMap<String, Vec<Accepted>>,
    results: Vec<(String, Value, Place)>,
}

#[derive(Debug)]
struct Question {
    text: Option<String>,
    tools: Vec<Tool>,
    place: Place,
}

/// Whether an entry is one of the three.
pub(super) fn is_part(entry: &Map<String, Value>) -> bool {
    let has = |key: &str| entry.contains_key(key);
    has("ground_truth") || (has("function") && has("question")) || (has("result") && has("id"))
}

impl Parts {
    pub(super) fn add(&mut self, mut entry: Map<String, Value>, place: &Place) -> Result<(), String> {
        let id = entry.get("id").and_then(Value::as_str).ok_or("no `id`")?.to_owned();
        if let Some(truth) = entry.get("ground_truth") {
            self.answers.insert(id, accepted(truth)?);
        } else if let Some(functions) = entry.get("function") {
            let tools = tools(functions, language(&category(&id)))?;
            let text = entry.get("question").and_then(asked);
            self.questions.insert(id, Question { text, tools, place: place.clone() });
        } else {
            let result = entry.remove("result").unwrap_or_default();
            self.results.push((id, result, place.clone()));
        }
        Ok(())
    }

    /// Puts each result together with its question and its answer.
    pub(super) fn join(self, records: &mut Records) {
        let (questions, mut used) = (self.questions, std::collections::BTreeSet::new());
        let no_results = self.results.is_empty();
        for (id, result, place) in self.results {
            let Some(question) = questions.get(&id) else {
                records.bad(
                    place,
                    format!("the question `{id}` is in none of the files: pass the questions file as well"),
                );
                continue;
            };
            used.insert(id.clone());
            let category = category(&id);
            // Questions at which nothing should be called have no answers file.
            let nothing = category.contains("relevance") && !category.ends_with("live_relevance");
            let accepted = self.answers.get(&id).cloned().or_else(|| nothing.then(Vec::new));
            let (output, format) = text(&result);
            let recording = Recording {
                model: model(&place.file),
                language: language(&category),
                category: Some(category),
                question: question.text.clone(),
                tools: question.tools.clone(),
                id,
                output,
                format,
                accepted,
                ..Recording::default()
            };
            records.rows.push(Sourced { recording, place });
        }
        if let (true, Some(question)) = (no_results, questions.values().next()) {
            let reason = "questions without results: pass a model's result file as well".to_owned();
            records.bad(question.place.clone(), reason);
        }
    }
}

/// `parallel_multiple_12` is of `parallel_multiple`, `live_simple_3-1-0` of `live_simple`.
fn category(id: &str) -> String {
    id.rsplit_once('_').map_or(id, |(category, _)| category).to_owned()
}

fn language(category: &str) -> Language {
    if category.ends_with("javascript") {
        Language::JavaScript
    } else if category.ends_with("java") {
        Language::Java
    } else {
        Language::Json
    }
}

/// The folder of a result file bears the model's name.
fn model(file: &str) -> String {
    let folder = Path::new(file).parent().and_then(Path::file_name);
    folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The last thing that the user says: a text, or lists of messages in lists of turns.
fn asked(question: &Value) -> Option<String> {
    match question {
        Value::String(text) => Some(text.clone()),
        Value::Array(turns) => turns.iter().rev().find_map(asked),
        message => super::openai::said_by(message, "user"),
    }
}

/// `{"tool": {"parameter": [values]}}`, one object a call.
fn accepted(truth: &Value) -> Result<Vec<Accepted>, String> {
    let calls = truth.as_array().ok_or("`ground_truth` is not a list")?;
    let mut accepted = Vec::with_capacity(calls.len());
    for call in calls {
        let tools = call.as_object().ok_or("an entry of `ground_truth` is not an object: only calls can be scored")?;
        for (name, args) in tools {
            let args = args.as_object().cloned().unwrap_or_default();
            accepted.push(Accepted { name: name.clone(), args });
        }
    }
    Ok(accepted)
}

fn tools(functions: &Value, language: Language) -> Result<Vec<Tool>, String> {
    let functions = match functions {
        Value::Array(functions) => functions.as_slice(),
        one => std::slice::from_ref(one),
    };
    let tool = |function: &Value| {
        let mut tool = Tool::deserialize(function).map_err(|cause| format!("an entry of `function`: {cause}"))?;
        if language != Language::Json {
            as_source(&mut tool.parameters);
        }
        Ok(tool)
    };
    functions.iter().map(tool).collect()
}

/// Java and JavaScript values are requested as strings of source code; the actual type is kept beside them.
fn as_source(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some(items) = property.remove("items").and_then(|items| items.get("type").cloned()) {
            property.insert("x-bfcl-items".to_owned(), items);
        }
        property.remove("properties");
        if let Some(meant) = property.insert("type".to_owned(), json!("string")) {
            property.insert("x-bfcl-type".to_owned(), meant);
        }
    }
}

/// What the model wrote, and the format where it is not its own.
fn text(result: &Value) -> (String, Option<String>) {
    match result {
        Value::String(text) => (text.clone(), None),
        Value::Array(calls) => {
            let pairs = calls.iter().filter_map(Value::as_object).flatten();
            let calls = pairs.map(|(name, arguments)| (name.as_str(), arguments));
            (super::openai::written(calls), Some(super::openai::FORMAT.to_owned()))
        }
        other => (other.to_string(), None),
    }
}

impl Place {
    /// The same file at another line.
    pub(super) fn new(file: &Arc<str>, line: usize) -> Self {
        Self { file: Arc::clone(file), line }
    }
}
