//! Tool lists: JSON as people have it lying around, in a file or on the command line.
//!
//! A list of tools, an object with a list under `tools` (a saved request), an MCP server's reply to `tools/list` as it
//! came, or one tool; each in OpenAI's or Anthropic's shape. What is no tool list is refused with the file's name and the
//! place in it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::World;
use callwright_parse::chat::Tool;
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::schema::Degree;

const SHAPE: &str = r#"a tools file looks like [{"name": "add", "description": "..", "parameters": {"type": "object", "properties": {..}}}]"#;

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    List(Vec<Tool>),
    Request { tools: Vec<Tool> },
    Reply { result: Listed },
    One(Tool),
}

#[derive(Deserialize)]
struct Listed {
    tools: Vec<Tool>,
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
    // JSON on the command line itself; no file's name begins so by chance.
    if let Some(json) = file.to_str().filter(|text| text.trim_start().starts_with(['[', '{']) && !file.exists()) {
        return of_text(json, "--tools");
    }
    let text = std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot read the tools file {}", file.display())).because(cause).hint(SHAPE)
    })?;
    of_text(&text, &file.display().to_string())
}

/// The tools of all files, compiled. Keywords that are neither enforced nor checked are reported on stderr, and so are tools
/// that cannot be offered.
pub(super) fn compile(files: &[PathBuf], level: Level, world: &World) -> Result<ToolSet> {
    let tools = read(files)?;
    let set = if level == Level::Strict { ToolSet::compile_strict(&tools)? } else { ToolSet::compile(&tools)? };
    for refused in set.refused() {
        world.printer.warn(&format!("{}; it is not offered", refused.error));
    }
    for (tool, told) in set.told().filter(|(_, told)| told.degree == Degree::Ignored) {
        world.printer.note(&format!("tool `{tool}`: {told}"));
    }
    Ok(set)
}

/// The tools of a text that was read from here.
pub(super) fn of_text(text: &str, from: &str) -> Result<Vec<Tool>> {
    let failed = |what: &str| Error::new(ErrorKind::Input, format!("{from}: {what}"));
    // Two steps, because a syntax error has a line and a wrong shape has none.
    let value: serde_json::Value = serde_json::from_str(text).map_err(|cause| {
        // serde_json reports its nesting limit only in words.
        let deep = cause.to_string().starts_with("recursion limit");
        let what = if deep { "nested more than 127 levels deep" } else { "not valid JSON" };
        failed(what).because(cause).hint(SHAPE)
    })?;
    if let serde_json::Value::Array(items) = &value {
        for (index, item) in items.iter().enumerate() {
            Tool::deserialize(item)
                .map_err(|cause| failed(&format!("entry {} is not a tool", index + 1)).because(cause).hint(SHAPE))?;
        }
    }
    Ok(match File::deserialize(value).map_err(|_| failed("valid JSON, but not a list of tools").hint(SHAPE))? {
        File::List(tools) | File::Request { tools } | File::Reply { result: Listed { tools } } => tools,
        File::One(tool) => vec![tool],
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::of_text;

    #[test]
    fn every_wrapping_of_a_list_is_taken() {
        let tool = r#"{"name": "add", "inputSchema": {"type": "object"}}"#;
        for (text, count) in [
            (format!("[{tool}, {tool}]"), 2),
            (format!(r#"{{"model": "m", "tools": [{tool}]}}"#), 1),
            (
                format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {{"tools": [{tool}, {tool}], "nextCursor": "n"}}}}"#),
                2,
            ),
            (tool.to_owned(), 1),
        ] {
            let tools = of_text(&text, "a file").unwrap();
            assert_eq!((tools.len(), tools[0].name.as_str()), (count, "add"), "{text}");
        }
        let other = of_text(r#"{"result": {"content": []}}"#, "a file").unwrap_err().to_string();
        assert_eq!(other, "a file: valid JSON, but not a list of tools");
    }

    #[test]
    fn deep_json_is_json() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        assert_eq!(of_text(&deep, "a file").unwrap_err().to_string(), "a file: nested more than 127 levels deep");
        assert_eq!(of_text("[nothing]", "a file").unwrap_err().to_string(), "a file: not valid JSON");
    }
}
