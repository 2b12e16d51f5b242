//! Which answer fits a request. It must not know formats.

use std::fs;
use std::path::Path;

use callwright::chat::{Call, Message, Part, Request, Role};
use callwright::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The most bytes of a tool's result that the last text repeats.
const REPEATED: usize = 4000;

/// One file of answers.
#[derive(Debug)]
pub(super) struct File {
    plans: Vec<Vec<Step>>,
    last: Option<Step>,
}

/// A call as a file has it.
#[derive(Debug, Clone, Deserialize)]
struct Step {
    tool: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

/// What the model says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    Text(String),
    Calls(Vec<Call>),
}

/// The files of a folder, by name.
pub(super) fn read(folder: &Path) -> Result<Vec<File>> {
    let trouble = |path: &Path, cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Input, format!("cannot read the answers of {}", path.display())).because(cause)
    };
    let entries = fs::read_dir(folder).map_err(|cause| trouble(folder, cause.into()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).map_err(|cause| trouble(path, cause.into()))?;
            let mut object: Map<String, Value> =
                serde_json::from_str(&text).map_err(|cause| trouble(path, cause.into()))?;
            let last = object.remove("final").and_then(|last| serde_json::from_value(last).ok());
            let plans = object.into_iter().filter_map(|(_, plan)| serde_json::from_value::<Vec<Step>>(plan).ok());
            Ok(File { plans: plans.filter(|plan| !plan.is_empty()).collect(), last })
        })
        .collect()
}

/// What fits a request.
pub(super) fn said(files: &[File], request: &Request) -> Said {
    let asked = asked(request);
    let question = asked.map(|at| question(&request.messages[at])).unwrap_or_default();
    let behind = asked.map_or(&[][..], |at| &request.messages[at + 1..]);
    let answered = |message: &Message| matches!(message.role, Role::Assistant | Role::Tool);
    if !request.tools.is_empty() && behind.iter().any(answered) {
        return ended(files, request, reported(behind));
    }
    let fits = |plan: &&Vec<Step>| plan.iter().all(|step| offers(request, step) && names(step, &question));
    let plans = files.iter().flat_map(|file| &file.plans).filter(fits);
    // Of plans alike, the first.
    let best = plans.rev().max_by_key(|plan| plan.len());
    if let Some(plan) = best {
        let (text, project) = (described(&question), project(request));
        let values = [("{text}", text.as_str()), ("{project}", project.as_str())];
        return Said::Calls(plan.iter().map(|step| call(step, &values)).collect());
    }
    let users = request.messages.iter().filter(|message| message.role == Role::User);
    let text = users.map(Message::text).collect::<Vec<_>>().join("\n");
    ended(files, request, format!("You said: {}", cut(text.trim())))
}

/// The text that ends a turn: as it is, or by a file's last call.
fn ended(files: &[File], request: &Request, text: String) -> Said {
    let last = files.iter().filter_map(|file| file.last.as_ref()).find(|last| offers(request, last));
    match last {
        Some(last) => Said::Calls(vec![call(last, &[("{text}", &text)])]),
        None => Said::Text(shaped(text, request)),
    }
}

/// The last message of the user that the conversation goes on from: results may follow as user text, so it is the last
/// one before the model spoke, or simply the last.
fn asked(request: &Request) -> Option<usize> {
    let by_user = |index: &usize| request.messages[*index].role == Role::User;
    let spoke =
        request.messages.iter().rposition(|message| message.role == Role::Assistant && !message.calls.is_empty());
    let spoke = spoke.or_else(|| request.messages.iter().rposition(|message| message.role == Role::Assistant));
    let before = spoke.unwrap_or(request.messages.len());
    let users = || (0..request.messages.len()).filter(by_user);
    users().rfind(|index| *index < before).or_else(|| users().next_back())
}

/// What the user asks: clients put what they know of the folder into parts before it.
fn question(message: &Message) -> String {
    let mut texts = message.content.iter().rev().filter_map(|part| match part {
        Part::Text { text } => Some(text.as_str()),
        Part::Image(_) => None,
    });
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default().to_owned()
}

/// Whether a request offers a step's tool with all its parameters.
fn offers(request: &Request, step: &Step) -> bool {
    request.tools.iter().any(|tool| {
        let known = |name: &String| tool.parameters["properties"].get(name).is_some();
        tool.name == step.tool && step.arguments.keys().all(known)
    })
}

/// Whether a word of the step's arguments, such as a file's name, stands in the question.
fn names(step: &Step, question: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || "._-{}".contains(letter);
    let telling = |word: &&str| word.len() > 3 && word.contains('.') && !word.contains('{');
    texts(&Value::Object(step.arguments.clone()))
        .iter()
        .flat_map(|text| text.split(|letter| !inside(letter)))
        .filter(telling)
        .any(|word| question.contains(word))
}

/// All texts in a value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(object) => object.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn call(step: &Step, values: &[(&str, &str)]) -> Call {
    let arguments = step.arguments.iter().map(|(name, value)| (name.clone(), filled(value, values))).collect();
    Call::new(step.tool.clone(), arguments)
}

fn filled(value: &Value, values: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => values.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value)).into(),
        Value::Array(list) => list.iter().map(|value| filled(value, values)).collect(),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(name, value)| (name.clone(), filled(value, values))).collect())
        }
        other => other.clone(),
    }
}

/// The text as the JSON that the request wants of the answer: each text of it is the text.
fn shaped(text: String, request: &Request) -> String {
    let Some(schema) = request.answer.json_schema() else { return text };
    let texts = schema["properties"].as_object().into_iter().flatten();
    let texts = texts.filter(|(_, schema)| schema["type"] == "string");
    Value::Object(texts.map(|(name, _)| (name.clone(), text.as_str().into())).collect()).to_string()
}

/// What the tools said; some clients put that into text of the user.
fn reported(messages: &[Message]) -> String {
    let said = |role: Role| {
        let texts = messages.iter().filter(|message| message.role == role).map(Message::text);
        texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n")
    };
    let all = [Role::Tool, Role::User].map(said).into_iter().find(|text| !text.is_empty());
    all.map_or_else(|| "Done.".to_owned(), |all| format!("Done. The tools said: {}", cut(&all)))
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(REPEATED.min(text.len()))]
}

/// The text of `the word W on each of N lines`.
fn described(question: &str) -> String {
    let found = || {
        let (_, rest) = question.split_once("the word ")?;
        let (word, rest) = rest.split_once(" on each of ")?;
        let (count, _) = rest.split_once(" lines")?;
        Some(format!("{word}\n").repeat(count.parse::<usize>().ok()?.min(100_000)))
    };
    found().unwrap_or_else(|| "text\n".to_owned())
}

/// The deepest folder on this machine that the request's texts name.
fn project(request: &Request) -> String {
    let texts: Vec<String> = request.messages.iter().map(Message::text).collect();
    let ends = |letter: char| letter.is_whitespace() || "\"'`<>,;()[]".contains(letter);
    let words = texts.iter().flat_map(|text| text.split(ends)).filter(|word| word.starts_with('/'));
    let folders = words.map(|word| word.trim_end_matches(['.', ':', '/'])).filter(|word| Path::new(word).is_dir());
    folders.max_by_key(|folder| folder.matches('/').count()).unwrap_or(".").to_owned()
}
