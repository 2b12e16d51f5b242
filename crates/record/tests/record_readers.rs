//! Every kind of recording is read into ours, and what is none is told with its file and line.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::Write as _;
use std::path::PathBuf;

use callwright_record::{Language, Records};

fn fixture(name: &str) -> PathBuf {
    callwright_test_support::root().join("fixtures/recordings").join(name)
}

fn read(paths: &[PathBuf]) -> Records {
    Records::read(paths).unwrap()
}

/// A file with these bytes, and what is read in it.
fn of_bytes(name: &str, bytes: &[u8]) -> Records {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&[path])
}

/// The bad lines without the folder, which is another one each time.
fn told(records: &Records) -> Vec<String> {
    let short = |line: String| line.rsplit('/').next().unwrap().to_owned();
    records.bad.iter().map(|line| short(line.place.to_string()) + ": " + &line.reason).collect()
}

const ROW: &str = r#"{"id": "a", "tools": [], "output": "hello", "expected": []}"#;

#[test]
fn our_own_lines_are_read_plain_and_compressed() {
    let plain = read(&[fixture("own.jsonl")]);
    assert!(plain.bad.is_empty(), "{:?}", plain.bad);
    assert!(plain.rows.len() > 10);
    let first = &plain.rows[0].recording;
    assert_eq!(
        (first.id.as_str(), first.model.as_str(), first.chunks.concat()),
        ("clean", "oak-3b", first.output.clone())
    );
    let java = plain.rows.iter().find(|row| row.recording.language == Language::Java).unwrap();
    assert_eq!(java.recording.accepted.as_ref().unwrap()[0].name, "Sheet.fill");

    // Two members in one file, as `cat a.gz b.gz` makes them, and a name that says nothing of it.
    let bytes = std::fs::read(fixture("own.jsonl")).unwrap();
    let mut packed = Vec::new();
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(part).unwrap();
        packed.extend(member.finish().unwrap());
    }
    let unpacked = of_bytes("own", &packed);
    let outputs = |records: &Records| records.rows.iter().map(|row| row.recording.output.clone()).collect::<Vec<_>>();
    assert_eq!(outputs(&unpacked), outputs(&plain));
}

#[test]
fn what_was_recorded_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.jsonl");
    let mut written = read(&[fixture("own.jsonl")]).rows;
    for row in &written {
        row.recording.append(&file).unwrap();
    }
    let again = read(&[file]);
    assert_eq!(again.rows.len(), written.len());
    for (old, new) in written.drain(..).zip(again.rows) {
        assert_eq!(new.recording, old.recording);
    }
}

#[test]
fn bad_lines_are_told_with_file_and_line() {
    let text = format!(
        "{ROW}\n\n{{\"id\": \"cut\", \"outp\n[1]\n{{\"id\": \"b\"}}\n{{\"output\": 3, \"id\": \"c\"}}\n{ROW}\n"
    );
    let records = of_bytes("mixed.jsonl", text.as_bytes());
    assert_eq!(records.rows.len(), 2, "the good ones are there all the same");
    insta::assert_snapshot!(told(&records).join("\n"), @r#"
    mixed.jsonl:3: not JSON: EOF while parsing a string at line 1 column 19
    mixed.jsonl:4: not a JSON object
    mixed.jsonl:5: not a recording: its keys are id
    mixed.jsonl:6: no recording: invalid type: integer `3`, expected a string
    "#);
    assert_eq!(records.rows[1].place.line, 7);
}

#[test]
fn hostile_files_end_in_a_sentence() {
    assert_eq!(of_bytes("deep.json", &vec![b'['; 1 << 20]).bad.len(), 1);
    assert!(of_bytes("no-text.jsonl", b"\xff\xfe\x00\x01\n").bad[0].reason.starts_with("not JSON"));
    assert!(of_bytes("empty.jsonl", b"").rows.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.jsonl.gz");
    std::fs::write(&cut, [0x1f, 0x8b, 8, 0, 0]).unwrap();
    let error = Records::read(&[cut]).unwrap_err();
    assert!(error.to_string().starts_with("cannot unpack "), "{error}");
    let error = Records::read(&[folder.path().join("nowhere.jsonl")]).unwrap_err();
    assert!(error.to_string().starts_with("cannot read "), "{error}");
}

#[test]
fn a_list_and_an_object_over_several_lines_are_files_too() {
    let list = of_bytes("list.json", format!("[\n{ROW},\n{ROW}\n]").as_bytes());
    assert_eq!(list.rows.len(), 2);
    let spread = ROW.replace(", ", ",\n  ");
    assert_eq!(of_bytes("one.json", spread.as_bytes()).rows[0].recording.output, "hello");
}

#[test]
fn a_leaderboard_s_three_kinds_of_file_are_joined() {
    let records = read(&[fixture("bfcl")]);
    assert!(records.bad.is_empty(), "{:?}", records.bad);
    let of = |id: &str| records.rows.iter().map(|row| &row.recording).find(|row| row.id == id).unwrap();
    assert_eq!(of("simple_0").category.as_deref(), Some("simple"));
    assert_eq!(of("simple_0").model, "acorn-1b");
    assert_eq!(of("simple_0").accepted.as_ref().unwrap()[0].args["radius"][0], 2.0);
    assert_eq!(of("irrelevance_0").accepted.as_deref(), Some([].as_slice()));
    // Java's types are kept beside; the model was asked for source in strings.
    let cards = &of("java_0").tools[0].parameters["properties"]["cards"];
    assert_eq!(
        (&cards["type"], &cards["x-bfcl-type"], &cards["x-bfcl-items"]),
        (&"string".into(), &"ArrayList".into(), &"integer".into())
    );
    // Calls that a client had taken out are text again, to the letter.
    assert!(of("parallel_0").output.contains(r#"{"name": "lamp", "arguments": {"room": "Kitchen", "on": true}}"#));
    assert_eq!(of("parallel_0").format.as_deref(), Some("hermes"));
}

#[test]
fn a_result_without_its_question_is_told() {
    let result = fixture("bfcl/result/acorn-1b/BFCL_v3_result.json");
    let records = read(std::slice::from_ref(&result));
    assert!(records.rows.is_empty() && records.bad.len() == 4);
    assert!(records.bad[0].reason.contains("`simple_0` is in none of the files"), "{}", records.bad[0]);
    let questions = read(&[fixture("bfcl/BFCL_v3_questions.json")]);
    assert!(questions.bad[0].reason.contains("questions without results"), "{}", questions.bad[0]);
}

#[test]
fn chat_logs_give_the_assistant_s_texts() {
    let records = read(&[fixture("openai.jsonl")]);
    assert!(records.bad.is_empty(), "{:?}", records.bad);
    let rows: Vec<_> = records.rows.iter().map(|row| &row.recording).collect();
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["chatcmpl-1", "batch-2", "talk#1", "talk#2"]);
    assert!(rows.iter().all(|row| row.model == "elm-7b" && row.tools.len() == 1 && row.expected.is_none()));
    assert_eq!((rows[0].format.as_deref(), rows[1].format.as_deref()), (None, Some("hermes")));
    assert!(rows[1].output.contains(r#""arguments": {"city": "Oslo", "days": "2"}"#), "{}", rows[1].output);
    assert!(rows[3].output.contains("Lima"));
    let nothing = of_bytes("log.jsonl", br#"{"messages": [{"role": "user", "content": "Hi"}]}"#);
    assert_eq!(told(&nothing), ["log.jsonl:1: no assistant message"]);
}

/// A response of any of the three APIs is a log of one answer.
#[test]
fn responses_of_other_apis_are_logs_too() {
    let anthropic = br#"{"id": "m", "type": "message", "role": "assistant", "model": "elm", "content": [{"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "t", "name": "get_weather", "input": {"city": "Oslo"}}]}"#;
    let ollama = br#"{"model": "elm", "message": {"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": "get_weather", "arguments": {"city": "Oslo"}}}]}}"#;
    for response in [anthropic.as_slice(), ollama] {
        let records = of_bytes("log.json", response);
        assert!(records.bad.is_empty(), "{:?}", records.bad);
        let recording = &records.rows[0].recording;
        assert_eq!((recording.model.as_str(), recording.format.as_deref()), ("elm", Some("hermes")));
        assert!(recording.output.contains(r#""arguments": {"city":"Oslo"}"#), "{}", recording.output);
    }
}

#[test]
fn the_question_is_kept_for_those_who_look_at_a_failure() {
    let question = |records: &Records, id: &str| {
        let row = records.rows.iter().find(|row| row.recording.id == id).unwrap();
        row.recording.question.clone()
    };
    assert!(question(&read(&[fixture("bfcl")]), "simple_0").is_some_and(|question| !question.is_empty()));
    let log = of_bytes(
        "log.jsonl",
        br#"{"id": "l", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]}"#,
    );
    assert_eq!(question(&log, "l").as_deref(), Some("Hi"));
}

/// Texts, recordings and neither, at any depth: each is read or named.
#[cfg(unix)]
#[test]
fn a_mixed_folder_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(at("deep/er")).unwrap();
    for (name, text) in [
        ("a.txt", "hello"),
        ("a.tools.json", "[]"),
        ("a.expected.json", "[]"),
        ("rows.jsonl", ROW),
        ("deep/er/more.jsonl", ROW),
        ("deep/b.txt", "hello"),
        ("deep/tools.json", "[]"),
        ("notes.md", "# Notes"),
        ("deep/er/tools.json", "[]"),
    ] {
        std::fs::write(at(name), text).unwrap();
    }
    std::os::unix::fs::symlink(folder.path(), at("deep/loop")).unwrap();
    let records = read(&[folder.path().to_owned()]);
    assert!(records.bad.is_empty(), "{:?}", records.bad);
    let ids: Vec<_> = records.rows.iter().map(|row| row.recording.id.as_str()).collect();
    assert_eq!(ids, ["a", "deep/b", "a", "a"]);
    let unread: Vec<_> =
        records.unread.iter().map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
    assert_eq!(unread, ["deep/loop", "deep/er/tools.json", "notes.md"]);
}

#[test]
fn a_folder_of_texts_is_read_with_what_lies_beside() {
    let records = read(&[fixture("pairs")]);
    assert!(records.bad.is_empty(), "{:?}", records.bad);
    let rows: Vec<_> = records.rows.iter().map(|row| &row.recording).collect();
    let ids: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.category.as_deref(), row.tools.len())).collect();
    assert_eq!(ids, [("tea", None, 2), ("thanks", None, 2), ("weather/oslo", Some("weather"), 1)]);
    assert_eq!(rows[2].expected_text.as_deref(), Some("Let me look."));
}

#[test]
fn a_folder_s_bad_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("a.txt", "hello");
    file("b.txt", "hello");
    file("b.tools.json", "[");
    file("c.txt", "hello");
    file("c.tools.json", "[]");
    file("c.expected.json", r#"{"call": 1}"#);
    let records = read(&[folder.path().to_owned()]);
    assert!(records.rows.is_empty());
    insta::assert_snapshot!(told(&records).join("\n"), @r"
    a.txt:1: neither a.tools.json nor tools.json is beside it
    b.tools.json:1: not JSON: EOF while parsing a list at line 1 column 1
    c.expected.json:1: unexpected JSON: data did not match any variant of untagged enum Wanted
    ");
    let empty = tempfile::tempdir().unwrap();
    let error = Records::read(&[empty.path().to_owned()]).unwrap_err();
    assert!(error.to_string().starts_with("no recordings in "), "{error}");
}
