//! Conversations that outlive a command: files of messages, and the last run's, which `--continue` goes on with.
//!
//! The last conversation holds what people said and what their tools answered, so it lies in one place, readable by its
//! owner alone, and `usage.keep = false` keeps none. It must not know how a model is asked.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use callwright_parse::chat::{Call, Message, Role, Tool};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::{World, out};

/// What was said so far, and what it takes to go on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Conversation {
    /// The model that answered, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The provider that answered, where one was named on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) provider: Option<String>,
    /// The tools on offer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool>,
    /// What was said, oldest first.
    pub(super) messages: Vec<Message>,
}

const SHAPE: &str =
    r#"a conversation is a list such as [{"role": "user", "content": "Hello"}], or a request with `messages`"#;

impl Conversation {
    /// Reads a file: a list of messages, or a request that holds one.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).map_err(|cause| {
            Error::new(ErrorKind::Input, format!("cannot read the conversation {shown}")).because(cause)
        })?;
        let failed = |what: String| Error::new(ErrorKind::Input, format!("{shown}: {what}")).hint(SHAPE);
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|cause| failed("not valid JSON".to_owned()).because(cause))?;
        let serde_json::Value::Array(items) = value else {
            return Self::deserialize(value)
                .map_err(|cause| failed("valid JSON, but not a conversation".to_owned()).because(cause));
        };
        let message = |(index, item): (usize, serde_json::Value)| {
            Message::deserialize(item)
                .map_err(|cause| failed(format!("entry {} is not a message", index + 1)).because(cause))
        };
        let messages = items.into_iter().enumerate().map(message).collect::<Result<_>>()?;
        Ok(Self { messages, ..Self::default() })
    }

    /// The conversation of the last run.
    pub(super) fn last(world: &World) -> Result<Self> {
        let file = last(world);
        if !file.exists() {
            return Err(Error::new(ErrorKind::Input, "there is no conversation to continue")
                .hint("`callwright run` keeps its last one, unless `usage.keep` is false"));
        }
        Self::read(&file)
    }

    /// Keeps it as the last one, for its owner's eyes only.
    pub(super) fn keep(&self, world: &World) -> Result<()> {
        out::own_folder(&world.settings.state)?;
        out::keep(&last(world), |file| serde_json::to_writer(file, self).map_err(Into::into))
    }

    /// Writes the messages to a file.
    pub(super) fn save(&self, file: &Path) -> Result<()> {
        out::keep(file, |out| serde_json::to_writer_pretty(out, &self.messages).map_err(Into::into))
    }

    /// The calls that nobody has answered yet.
    pub(super) fn waiting(&self) -> Vec<&Call> {
        let since = self.messages.iter().rposition(|message| message.role != Role::Tool);
        let Some((asked, results)) = since.map(|at| (&self.messages[at], &self.messages[at + 1..])) else {
            return Vec::new();
        };
        let answered = |call: &Call| results.iter().any(|result| result.tool_call_id.as_ref() == Some(&call.id));
        asked.calls.iter().filter(|call| !answered(call)).collect()
    }

    /// Adds the results of calls: `ID=VALUE`, or `ID=@FILE`. Every call that waits must get one.
    pub(super) fn answer(&mut self, results: &[String]) -> Result<()> {
        let waiting: Vec<Call> = self.waiting().into_iter().cloned().collect();
        let listed = |calls: &[&Call]| {
            calls.iter().map(|call| format!("{} ({})", call.id, call.name)).collect::<Vec<_>>().join(", ")
        };
        let mut values = Vec::new();
        for given in results {
            let (id, value) = given.split_once('=').ok_or_else(|| {
                Error::new(ErrorKind::Input, format!("--result {given}: expected ID=VALUE"))
                    .hint("for example: --result call_1='{\"celsius\": 7}', or call_1=@result.json")
            })?;
            if !waiting.iter().any(|call| call.id.as_str() == id) {
                let hint = match waiting.as_slice() {
                    [] => "no call waits for a result".to_owned(),
                    calls => format!("waiting: {}", listed(&calls.iter().collect::<Vec<_>>())),
                };
                return Err(Error::new(ErrorKind::Input, format!("no call `{id}` waits for a result")).hint(hint));
            }
            values.push((id, value_of(value)?));
        }
        let (mut messages, mut missing) = (Vec::new(), Vec::new());
        for call in &waiting {
            match values.iter().rfind(|(id, _)| *id == call.id.as_str()) {
                Some((_, value)) => messages.push(Message::result(call, value.clone())),
                None => missing.push(call),
            }
        }
        if !missing.is_empty() {
            let wanted: Vec<_> = missing.iter().map(|call| format!("--result {}=VALUE", call.id)).collect();
            return Err(
                Error::new(ErrorKind::Input, format!("no result yet of {}", listed(&missing))).hint(wanted.join(" "))
            );
        }
        self.messages.extend(messages);
        Ok(())
    }
}

/// The value of a result: itself, or the text of a file.
fn value_of(value: &str) -> Result<String> {
    let Some(file) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
    std::fs::read_to_string(file)
        .map(|text| text.trim_end().to_owned())
        .map_err(|cause| Error::new(ErrorKind::Input, format!("cannot read the result in {file}")).because(cause))
}

/// Where the last conversation lies.
fn last(world: &World) -> PathBuf {
    world.settings.state.join("last_conversation.json")
}

/// The command that goes on after these calls, each with a place for its result.
pub(super) fn next_command(calls: &[Call]) -> String {
    let results: Vec<_> = calls.iter().map(|call| format!("--result {}='RESULT'", shell(call.id.as_str()))).collect();
    format!("callwright run --continue {}", results.join(" "))
}

/// A word as a shell takes it.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:/@".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
