//! What the fuzzers begin with: the repository's own fixtures and the formats' examples, read where they lie.

use std::fs;
use std::path::{Path, PathBuf};

use callwright_parse::format::Formats;

/// The seeds of a target.
#[must_use]
pub fn of(target: &str, root: &Path) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "parser" | "linear" => outputs(root),
        "values" => {
            let texts = outputs(root).into_iter().filter_map(|seed| Some(seed.get(4..)?.to_vec()));
            texts.flat_map(|text| values(&text)).collect()
        }
        "schemas" => schemas(root),
        "gguf" => models(root),
        "trust" => choices(),
        _ => Vec::new(),
    };
    seeds.extend(found(target, root).into_iter().map(|(_, bytes)| bytes));
    seeds.sort();
    seeds.dedup();
    seeds
}

/// What fuzzing a target found, which stays a fixture: `fixtures/fuzz/<target>-<what>`.
#[must_use]
pub fn found(target: &str, root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = files(&root.join("fixtures/fuzz"));
    let own =
        |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{target}-")));
    found.retain(|(path, _)| own(path));
    found
}

/// Outputs of models, with the bytes that choose the format before them.
fn outputs(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, format) in (0_u8..).zip(Formats::builtin().iter()) {
        let examples = format.row().example.iter().map(|example| example.text.clone().into_bytes());
        let own = files(&root.join("fixtures").join(format.name())).into_iter().map(|(_, bytes)| bytes);
        for text in examples.chain(own) {
            // Any of the levels, with and without recovery; cuts of all kinds.
            let choice = u8::try_from(seeds.len() % 8).unwrap_or_default();
            seeds.push([&[index, choice, 0, choice], text.as_slice()].concat());
        }
    }
    seeds
}

/// Choices of formats, calls and edits, spread evenly.
fn choices() -> Vec<Vec<u8>> {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..2_000).map(|_| (0..40).map(|_| byte()).collect()).collect()
}

/// A text, and the values and calls in it: from each opening bracket, and from each name before one.
fn values(text: &[u8]) -> Vec<Vec<u8>> {
    let opens = (0..text.len()).filter(|at| b"{[(".contains(&text[*at]));
    let before = |at: usize| text[..at].iter().rposition(|byte| !byte.is_ascii_alphanumeric() && !b"._".contains(byte));
    let starts = opens.flat_map(|at| [at, before(at).map_or(0, |before| before + 1)]);
    let seeds = std::iter::once(0).chain(starts).map(|start| [&[7, 0], &text[start..]].concat());
    seeds.collect()
}

/// Tools and calls of them, and the schemas that the formats' models are trained with.
fn schemas(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = fs::read(root.join("examples/tools.json")).into_iter().collect();
    let said = [
        r#"{"type":"dict","properties":{"a":{"type":"float"},"b":{"type":"tuple","items":{"type":"integer"}}}} {"a":"5","b":[1]}"#,
        r#"{"properties":{"a":{"type":"list[int]"},"b":{"type":"string","nullable":true,"enum":["x"]}},"required":["a"]} {"a":1,"b":null}"#,
        r##"{"$defs":{"node":{"properties":{"n":{"$ref":"#/$defs/node"},"v":{"type":"int"}}}},"properties":{"x":{"$ref":"#/$defs/node"}}} {"x":{"n":{"v":"1"}}}"##,
        r#"{"properties":{"a":{"anyOf":[{"type":"integer"},{"type":"string","pattern":"^[0-9]+$"}]},"b":{"type":"object","additionalProperties":{"type":"number"}}}} {"a":"007","b":"{\"k\":\"1\"}"}"#,
        r#"{"allOf":[{"properties":{"a":{"minimum":0,"exclusiveMinimum":true}}}],"if":{"required":["a"]},"then":{"properties":{"b":{"const":1}}}} {"a":1,"b":"1"}"#,
        r#"[{"type":"function","function":{"name":"a","parameters":{"type":"object"}}},{"name":"a_","input_schema":{"properties":{"x":"int"}}}] {"x":"1"}"#,
    ];
    seeds.extend(said.map(|text| text.as_bytes().to_vec()));
    seeds.extend((0_u8..24).map(|start| {
        (0_u8..120).map(|step| start.wrapping_mul(37).wrapping_add(step.wrapping_mul(61)) ^ step).collect()
    }));
    seeds
}

/// The headers of the models in the repository, without most of the weights, which no header reads.
fn models(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, bytes) in files(&root.join("fixtures/models")) {
        if bytes.starts_with(b"GGUF") {
            // Whole, and as files that are cut off.
            seeds.extend([512, 8_192, 64_000, 400_000].map(|length| bytes[..bytes.len().min(length)].to_vec()));
        }
    }
    seeds
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    let mut read: Vec<_> = files.filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes))).collect();
    read.sort();
    read
}
