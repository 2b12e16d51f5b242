//! A folder of texts, each beside what it should come to: `NAME.txt`, `NAME.expected.json`, and the tools in
//! `NAME.tools.json` or in one `tools.json` for all.
//!
//! It is what people write first. The expected calls are a list, or an object with `calls` and the `text` that should
//! remain. Its other `.json`, `.jsonl` and `.gz` files are recordings. What is neither is named, never passed over in
//! silence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::source::{Place, Records, Sourced};
use super::{Expected, Recording};
use callwright_parse::chat::Tool;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Reads a folder.
pub(super) fn read(folder: &Path, records: &mut Records) -> Result<()> {
    let (files, mut unread) = files(folder)?;
    let texts: BTreeSet<_> = files.iter().filter(|file| has_extension(file, "txt")).collect();
    let mut read = 0;
    for file in &files {
        if texts.contains(file) {
            match pair(folder, file) {
                Ok(sourced) => records.rows.push(sourced),
                Err((place, reason)) => records.bad(place, reason),
            }
        } else if belongs_to_texts(file, &texts) {
            continue;
        } else if is_recorded(file) {
            records.file(file)?;
        } else {
            unread.push(file.clone());
            continue;
        }
        read += 1;
    }
    records.unread.append(&mut unread);
    if read == 0 {
        return Err(Error::new(ErrorKind::Input, format!("no recordings in {}", folder.display()))
            .hint("add .jsonl files, or NAME.txt beside NAME.expected.json with a tools.json"));
    }
    Ok(())
}

/// Whether a file is what a text should come to, or the tools of one.
fn belongs_to_texts(file: &Path, texts: &BTreeSet<&PathBuf>) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    if name == "tools.json" {
        return texts.iter().any(|text| text.parent() == file.parent());
    }
    let of = |ending: &str| name.strip_suffix(ending).map(|stem| file.with_file_name(format!("{stem}.txt")));
    [of(".expected.json"), of(".tools.json")].into_iter().flatten().any(|text| texts.contains(&text))
}

/// Whether a file may hold recordings. Tools alone do not.
fn is_recorded(file: &Path) -> bool {
    let is_tools = file.file_name().is_some_and(|name| name == "tools.json");
    !is_tools && ["json", "jsonl", "gz"].iter().any(|extension| has_extension(file, extension))
}

fn has_extension(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// All files below a folder, by name, and the links to folders, which are not followed: they may lead in a circle.
fn files(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let failed =
        |cause| Error::new(ErrorKind::Io, format!("cannot read the folder {}", folder.display())).because(cause);
    let (mut found, mut links) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        match (path.is_dir(), path.is_symlink()) {
            (true, true) => links.push(path),
            (true, false) => {
                let (more, others) = files(&path)?;
                found.extend(more);
                links.extend(others);
            }
            (false, _) => found.push(path),
        }
    }
    found.sort();
    Ok((found, links))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    Calls(Vec<Expected>),
    Both {
        calls: Vec<Expected>,
        #[serde(default)]
        text: Option<String>,
    },
}

type Bad = (Place, String);

fn pair(folder: &Path, text: &Path) -> std::result::Result<Sourced, Bad> {
    let name = text.strip_prefix(folder).unwrap_or(text).with_extension("");
    let place = place(text, 1);
    let bytes = std::fs::read(text).map_err(|cause| (place.clone(), format!("cannot be read: {cause}")))?;
    let beside = |ending: &str| text.with_file_name(format!("{}.{ending}", stem(text)));
    let wanted: Option<Wanted> = json(&beside("expected.json"))?;
    let tools = match json::<Vec<Tool>>(&beside("tools.json"))? {
        Some(tools) => Some(tools),
        None => json(&text.with_file_name("tools.json"))?,
    };
    let Some(tools) = tools else {
        return Err((place, format!("neither {}.tools.json nor tools.json is beside it", stem(text))));
    };
    let (expected, expected_text) = match wanted {
        Some(Wanted::Calls(calls)) => (Some(calls), None),
        Some(Wanted::Both { calls, text }) => (Some(calls), text),
        None => (None, None),
    };
    let category = name.parent().map(|parent| parent.display().to_string()).filter(|parent| !parent.is_empty());
    let recording = Recording {
        id: name.display().to_string(),
        category,
        tools,
        output: String::from_utf8_lossy(&bytes).into_owned(),
        expected,
        expected_text,
        ..Recording::default()
    };
    Ok(Sourced { recording, place })
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn place(file: &Path, line: usize) -> Place {
    let file: Arc<str> = file.display().to_string().into();
    Place::new(&file, line)
}

/// A JSON file, or none where there is none.
fn json<T: for<'de> Deserialize<'de>>(file: &Path) -> std::result::Result<Option<T>, Bad> {
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err((place(file, 1), format!("cannot be read: {cause}"))),
    };
    // In two steps: a syntax error has a line, a wrong shape has none.
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|cause| (place(file, cause.line().max(1)), format!("not JSON: {cause}")))?;
    let wrong = |cause: serde_json::Error| (place(file, 1), format!("unexpected JSON: {cause}"));
    T::deserialize(value).map(Some).map_err(wrong)
}
