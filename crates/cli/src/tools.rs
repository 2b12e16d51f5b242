//! Tool files: JSON as people have it lying around.
//!
//! A list of tools, an object with a list under `tools` (a saved request), or one tool; each in OpenAI's or
//! Anthropic's shape. What is no tool list is refused with the file's name and the place in it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use callwright_parse::chat::Tool;
use callwright_parse::error::{Error, ErrorKind, Result};

const SHAPE: &str = r#"a tools file looks like [{"name": "add", "description": "..", "parameters": {"type": "object", "properties": {..}}}]"#;

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    List(Vec<Tool>),
    Request { tools: Vec<Tool> },
    One(Tool),
}

/// Reads the tools of all files, in order.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<Tool>> {
    let mut tools = Vec::new();
    for file in files {
        tools.extend(read_one(file)?);
    }
    Ok(tools)
}

fn read_one(file: &Path) -> Result<Vec<Tool>> {
    let text = std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot read the tools file {}", file.display())).because(cause).hint(SHAPE)
    })?;
    of_text(&text, &file.display().to_string())
}

/// The tools of a text that was read from here.
pub(super) fn of_text(text: &str, from: &str) -> Result<Vec<Tool>> {
    let failed = |what: &str| Error::new(ErrorKind::Input, format!("{from}: {what}"));
    // Two steps, because a syntax error has a line and a wrong shape has none.
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|cause| failed("not valid JSON").because(cause).hint(SHAPE))?;
    if let serde_json::Value::Array(items) = &value {
        for (index, item) in items.iter().enumerate() {
            Tool::deserialize(item)
                .map_err(|cause| failed(&format!("entry {} is not a tool", index + 1)).because(cause).hint(SHAPE))?;
        }
    }
    Ok(match File::deserialize(value).map_err(|_| failed("valid JSON, but not a list of tools").hint(SHAPE))? {
        File::List(tools) | File::Request { tools } => tools,
        File::One(tool) => vec![tool],
    })
}
