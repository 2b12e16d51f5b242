//! Files with lists of tools, as servers and clients write them.

use std::path::{Path, PathBuf};

use callwright_parse::chat::Tool;
use serde_json::Value;

/// The JSON files of a folder, in order.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

/// The tools of a file: a list, an object with one, or a server's reply.
pub fn tools(file: &Path) -> Vec<Tool> {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for key in ["result", "tools"] {
        if let Some(inner) = value.get_mut(key) {
            value = inner.take();
        }
    }
    serde_json::from_value(value).unwrap()
}
