//! Every format file: its examples read as they say, are written as they stand, and nasty calls come back whole.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::Call;
use callwright_parse::format::{Direction, Example, ExampleCall, Format, Formats};
use callwright_test_support::reading::{arguments, nasty_calls, parse, tools_of};

fn call_of(example: &ExampleCall) -> Call {
    let call = Call::new(example.name.clone(), example.arguments.clone());
    match &example.id {
        Some(id) => call.with_id(callwright_parse::chat::CallId::new(id.clone())),
        None => call,
    }
}

fn calls_of(example: &Example) -> Vec<Call> {
    example.calls.iter().map(call_of).collect()
}

#[test]
fn every_file_in_the_folder_is_built_in_and_valid() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir("grammars").unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if ["keys", "prose"].contains(&stem.as_str()) || path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let format = Format::parse(&std::fs::read_to_string(&path).unwrap());
        let format = format.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(format.name(), stem, "the name is the file's");
        assert!(!format.row().example.is_empty(), "{stem} has no example");
        names.push(stem);
    }
    names.sort();
    let built_in: Vec<String> = Formats::builtin().iter().map(|format| format.name().to_owned()).collect();
    assert_eq!(built_in, names);
}

/// What is wrong with the reading of an example.
fn misread(format: &Arc<Format>, example: &Example) -> Option<String> {
    let wanted = calls_of(example);
    let parsed = parse(format, &tools_of(&wanted), &example.text);
    let told =
        |calls: &[Call]| calls.iter().map(|call| format!("{}{}", call.name, arguments(call))).collect::<Vec<_>>();
    let ids = parsed
        .calls
        .iter()
        .zip(&example.calls)
        .all(|(call, said)| said.id.as_ref().is_none_or(|id| id == call.id.as_str()));
    let written = example.direction == Direction::Both;
    let right = told(&parsed.calls) == told(&wanted)
        && parsed.text.trim() == example.content.trim()
        && parsed.reasoning.trim() == example.reasoning.trim()
        && parsed.faults.is_empty()
        && (parsed.fixes.is_empty() || !written)
        && ids;
    (!right).then(|| {
        format!(
            "{}: {:?}\n{:?} text {:?} reasoning {:?}\n{:?} {:?}\n",
            format.name(),
            example.text,
            parsed.calls,
            parsed.text,
            parsed.reasoning,
            parsed.fixes,
            parsed.faults
        )
    })
}

#[test]
fn every_example_reads_as_it_says() {
    let examples =
        Formats::builtin().iter().flat_map(|format| format.row().example.iter().map(move |example| (format, example)));
    let wrong: Vec<String> = examples.filter_map(|(format, example)| misread(format, example)).collect();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_example_is_written_as_it_stands() {
    let mut wrong = Vec::new();
    for format in Formats::builtin().iter() {
        let mut any = false;
        for example in format.row().example.iter().filter(|example| example.direction == Direction::Both) {
            any = true;
            match format.write(&calls_of(example)) {
                Ok(written) if written == example.text => {}
                Ok(written) => wrong.push(format!("{}:\n{written:?}\n{:?}", format.name(), example.text)),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        if !any {
            wrong.push(format!("{} has no example that is written", format.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Law 3, with the list of what each format cannot say.
#[test]
fn round_trip_read_of_write_is_the_calls_or_write_refuses() {
    let mut refused = String::new();
    for format in Formats::builtin().iter() {
        for (title, calls) in nasty_calls() {
            match format.write(&calls) {
                Ok(text) => {
                    let parsed = parse(format, &tools_of(&calls), &text);
                    let got: Vec<_> = parsed.calls.iter().map(|call| (&call.name, arguments(call))).collect();
                    let said: Vec<_> = calls.iter().map(|call| (&call.name, arguments(call))).collect();
                    assert_eq!(got, said, "{} {title}: {text}", format.name());
                }
                Err(_) => refused.extend([format.name(), ": ", title, "\n"]),
            }
        }
    }
    insta::assert_snapshot!("unrepresentable", refused);
}

#[test]
fn a_bad_file_is_refused_with_line_and_reason() {
    let unknown = Format::parse("name = \"x\"\ndescription = \"x\"\ncolour = 1\n").unwrap_err().to_string();
    assert!(unknown.contains("line 3") && unknown.contains("colour"), "{unknown}");
    let empty = "name = \"x\"\ndescription = \"x\"\n[parallel]\nkind = \"repeat\"\n";
    let error = Format::parse(empty).unwrap_err().to_string();
    assert!(error.contains("no [[body]]"), "{error}");
}

#[test]
fn a_users_file_is_read_beside_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string("grammars/hermes.toml").unwrap().replace("\"hermes\"", "\"mine\"");
    std::fs::write(folder.path().join("mine.toml"), text).unwrap();
    let formats = Formats::with_files(folder.path()).unwrap();
    assert_eq!(formats.get("mine").unwrap().name(), "mine");
    assert!(formats.get("hermes").is_ok());
    std::fs::write(folder.path().join("bad.toml"), "name = 1").unwrap();
    let error = Formats::with_files(folder.path()).unwrap_err().to_string();
    assert!(error.contains("bad.toml") && error.contains("line 1"), "{error}");
}
