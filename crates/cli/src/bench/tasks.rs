//! Questions whose right calls are known: the input of `bench run` and `bench speed`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::tools;
use callwright_parse::chat::Tool;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::{Accepted, Expected};

/// One question and what is right for it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Task {
    #[serde(default)]
    pub(super) id: String,
    pub(super) question: String,
    #[serde(default)]
    pub(super) category: Option<String>,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(default)]
    pub(super) expected: Option<Vec<Expected>>,
    #[serde(default)]
    pub(super) accepted: Option<Vec<Accepted>>,
}

impl Task {
    /// The tools that should be called.
    pub(super) fn due(&self) -> Vec<&str> {
        match (&self.accepted, &self.expected) {
            (Some(accepted), _) => accepted.iter().map(|call| call.name.as_str()).collect(),
            (None, expected) => expected.iter().flatten().map(|call| call.name.as_str()).collect(),
        }
    }
}

/// The tasks of a file, at most `limit` of them; those that name no tools get the shared ones.
pub(super) fn read(file: &Path, shared: &[PathBuf], limit: Option<usize>) -> Result<Vec<Task>> {
    let shared = tools::read(shared)?;
    let opened = File::open(file).map_err(|cause| {
        Error::new(ErrorKind::Input, format!("cannot open the tasks in {}", file.display())).because(cause)
    })?;
    of_lines(BufReader::new(opened), &file.display().to_string(), &shared, limit)
}

/// The tasks of a text, and their tools as JSON.
pub(super) fn of_text(tasks: &str, tools: &str) -> Result<Vec<Task>> {
    of_lines(tasks.as_bytes(), "the built-in questions", &tools::of_text(tools, "the built-in tools")?, None)
}

fn of_lines(lines: impl BufRead, from: &str, shared: &[Tool], limit: Option<usize>) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for (line, text) in lines.lines().enumerate() {
        let failed = |message: &str| {
            Error::new(ErrorKind::Input, format!("line {} of {from} {message}", line + 1))
                .hint("a task is {\"question\": \"..\", \"tools\": [..], \"expected\": [{\"name\", \"arguments\"}]}")
        };
        let text = text.map_err(|cause| failed("cannot be read").because(cause))?;
        if text.trim().is_empty() {
            continue;
        }
        let mut task: Task = serde_json::from_str(&text).map_err(|cause| failed("is not a task").because(cause))?;
        if task.tools.is_empty() {
            task.tools = shared.to_vec();
        }
        tasks.push(task);
        if limit.is_some_and(|limit| tasks.len() >= limit) {
            break;
        }
    }
    if tasks.is_empty() {
        return Err(Error::new(ErrorKind::Input, format!("no tasks in {from}")));
    }
    Ok(tasks)
}
