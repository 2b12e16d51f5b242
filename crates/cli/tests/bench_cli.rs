//! `callwright bench parse` as people and CI meet it: the table, files that it writes, gates, trouble.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Home, Said, say};
use serde_json::Value;

const OWN: &str = "fixtures/recordings/own.jsonl";

/// A recording that tries to be markup, control sequence and script at once.
const NASTY: &str = r#"{"id": "<b>&\"'\u001b[31m", "model": "]]></script><script>alert(1)</script>", "category": "{{cases}}",
 "tools": [{"name": "f", "parameters": {}}], "output": "<!-- \u0000 \ufffe </script> ]]> {{data}} f()", "accepted": []}"#;

fn bench<S: AsRef<std::ffi::OsStr>>(home: &Home, arguments: &[S]) -> Said {
    let said = say(home.callwright().args(["bench", "parse"]).args(arguments));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn nasty(home: &Home) -> PathBuf {
    let file = home.path().join("nasty.jsonl");
    fs::write(&file, NASTY.replace('\n', "")).unwrap();
    file
}

/// The last column is a time, which differs from run to run, and so does its width.
fn timeless(said: &str) -> String {
    let (table, rest) = said.split_once("failures:").unwrap();
    let row =
        |row: &str| row.trim_end_matches(|c: char| c.is_ascii_digit() || c == 'µ' || c == 's').trim_end().to_owned();
    table.lines().map(row).collect::<Vec<_>>().join("\n") + "\nfailures:" + rest
}

#[test]
fn the_table_says_what_became_of_each() {
    let home = Home::new();
    let said = bench(&home, &[OWN]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    insta::assert_snapshot!(timeless(&said.out));
    assert_eq!(said.err, "not scored, because they do not say which calls are expected: 1\n");
}

#[test]
fn json_holds_every_number_and_every_case() {
    let home = Home::new();
    let said = bench(&home, &[OWN, "--json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["total"]["n"], &report["total"]["strict"]), (&13.into(), &4.into()));
    assert_eq!(report["cases"].as_array().unwrap().len(), 14);
    assert!(report["total"]["right"]["low"].as_f64().unwrap() < report["total"]["right"]["share"].as_f64().unwrap());
    assert_eq!(report["due_and_found"]["none"]["one"], 1);
    assert_eq!(report["classes"]["truncated"], 1);
    for key in ["callwright", "format", "level", "models", "categories", "groups", "fixes", "bad_lines"] {
        assert!(report.get(key).is_some(), "{key}");
    }
}

#[test]
fn predictions_have_a_line_for_every_recording() {
    let home = Home::new();
    let file = home.path().join("p.jsonl");
    assert_eq!(bench(&home, &[OWN, "--predictions", file.to_str().unwrap()]).code, Some(0));
    let lines: Vec<Value> =
        fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 14);
    let of = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap();
    assert_eq!(of("trailing-comma")["calls"][0]["arguments"]["minutes"], 25.0);
    assert_eq!(of("made-up")["calls"], Value::Array(Vec::new()), "a tool that nobody offered");
    assert_eq!(of("nothing-said")["calls"][0]["name"], "send_message", "a schema fault is a call all the same");
    assert_eq!(of("clean")["category"], "single");
}

/// Well-formed, and nothing in it but what we wrote: names of elements, by the parser's account.
fn elements(text: &str) -> Vec<String> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).unwrap();
    document.descendants().filter(roxmltree::Node::is_element).map(|node| node.tag_name().name().to_owned()).collect()
}

#[test]
fn the_page_is_one_file_and_recorded_texts_stay_text() {
    let home = Home::new();
    let file = home.path().join("r.html");
    let nasty = nasty(&home);
    let said = bench(&home, &[OWN, nasty.to_str().unwrap(), "--html", file.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let page = fs::read_to_string(file).unwrap();
    let elements = elements(&page);
    assert_eq!(elements.iter().filter(|name| *name == "script").count(), 2);
    assert!(!elements.contains(&"b".to_owned()));
    for place in ["{{style}}", "{{script}}", "{{headline}}", "{{bars}}"] {
        assert!(!page.contains(place), "{place} was left empty");
    }
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("Content-Security-Policy"));
    let data = page.split_once(r#"id="data">"#).unwrap().1.split_once("</script>").unwrap().0;
    let cases: Vec<Value> = serde_json::from_str(data).unwrap();
    assert_eq!(cases.len(), 15);
    let last = cases.last().unwrap();
    assert_eq!(last["text"], "<!-- \u{0} \u{fffe} </script> ]]> {{data}} f()");
    assert_eq!((&last["outcome"], &last["category"]), (&"phantom".into(), &"{{cases}}".into()));
    assert!(!said.out.contains('\u{1b}'), "a recorded text must not steer the terminal");
}

#[test]
fn junit_is_well_formed_and_counts_right() {
    let home = Home::new();
    let file = home.path().join("r.xml");
    let nasty = nasty(&home);
    fs::write(home.path().join("bad.jsonl"), "{\"<\": 1}\n").unwrap();
    let bad = home.path().join("bad.jsonl");
    let said = bench(&home, &[OWN, nasty.to_str().unwrap(), bad.to_str().unwrap(), "--junit", file.to_str().unwrap()]);
    assert_eq!(said.code, Some(2));
    let text = fs::read_to_string(file).unwrap();
    let names = elements(&text);
    let count = |name: &str| names.iter().filter(|found| *found == name).count();
    assert_eq!((count("testcase"), count("failure"), count("skipped"), count("error")), (16, 8, 1, 1));
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!(
        (root.attribute("tests"), root.attribute("failures"), root.attribute("errors")),
        (Some("16"), Some("8"), Some("1"))
    );
    let cut = document.descendants().find(|node| node.attribute("name") == Some("half-said")).unwrap();
    assert_eq!((cut.attribute("file"), cut.attribute("line")), (Some(OWN), Some("5")));
}

#[test]
fn the_exit_code_is_the_gate() {
    let home = Home::new();
    for (share, code) in [("0.4", 0), ("46%", 0), ("0.5", 1), ("100%", 1), ("1.5", 2), ("much", 2)] {
        let said = bench(&home, &[OWN, "--min-accuracy", share]);
        assert_eq!(said.code, Some(code), "{share}: {}", said.err);
        assert_eq!(said.err.contains("gate failed: accuracy is 46.2 %"), code == 1, "{}", said.err);
    }
    let said = bench(&home, &["fixtures/recordings/openai.jsonl", "--min-accuracy", "0.1"]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("no recording says which calls are expected") && said.err.contains("hint:"),
        "{}",
        said.err
    );
}

#[test]
fn kept_reports_tell_what_got_better_and_what_got_worse() {
    let home = Home::new();
    let said = bench(&home, &[OWN, "--save", "before"]);
    let kept = home.path().join(".local/share/callwright/reports/before.json");
    assert!(said.code == Some(0) && kept.is_file() && said.err.contains("saved as `before`"), "{}", said.err);

    // The same model, one habit better and one worse, a case gone and one new.
    let text = fs::read_to_string(common::root().join(OWN)).unwrap();
    let text = text.replace("\\\"Bern\\\"", "\\\"Berne\\\"").replace("\\\"Tea\\\"", "\\\"Coffee\\\"");
    let text = text.replace("\"id\": \"who-knows\"", "\"id\": \"who-else\"");
    let changed = home.path().join("changed.jsonl");
    fs::write(&changed, text).unwrap();
    let changed = changed.to_str().unwrap();
    let said = bench(&home, &[changed, "--compare", "before"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told = said.out.split_once("\ncompared with").unwrap().1;
    insta::assert_snapshot!(told, @r"
     before: 1 better, 1 worse, 0 changed otherwise, 11 the same (p = 1.000)
    cases only in the old report: 1, only in the new one: 1
    + other-city oak-3b single: wrong (wrong_value) -> strict
    - trailing-comma oak-3b single: repaired -> wrong (wrong_value)
    ");

    // What --json prints can be compared with as well, and tells the comparison itself.
    let printed = home.path().join("printed.json");
    fs::write(&printed, bench(&home, &[OWN, "--json"]).out).unwrap();
    let said = bench(&home, &[changed, "--compare", printed.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(report["comparison"]["worse"][0]["id"], "trailing-comma");
    assert_eq!(report["comparison"]["better"].as_array().unwrap().len(), 1);
}

#[test]
fn trouble_gets_a_sentence_and_a_way_out() {
    let home = Home::new();
    let not_ours = home.path().join("other.json");
    fs::write(&not_ours, "{}").unwrap();
    let empty = home.path().join("empty.jsonl");
    fs::write(&empty, "").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    bench(&home, &[OWN, "--save", "kept"]);
    for (arguments, in_message) in [
        (vec!["nowhere.jsonl".to_owned()], "cannot read nowhere.jsonl"),
        (vec![OWN.to_owned(), "--format".to_owned(), "klingon".to_owned()], "hermes"),
        (vec![OWN.to_owned(), "--compare".to_owned(), "yesterday".to_owned()], "saved reports: `kept`"),
        (vec![OWN.to_owned(), "--compare".to_owned(), text(&not_ours)], "is not a report of `callwright bench parse`"),
        (vec![OWN.to_owned(), "--save".to_owned(), "../up".to_owned()], "invalid report name"),
        (
            vec![OWN.to_owned(), "--html".to_owned(), "no/such/folder.html".to_owned()],
            "cannot write no/such/folder.html",
        ),
        (vec![text(&empty)], "no recordings"),
        (vec![], "FILE"),
    ] {
        let said = bench(&home, &arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(in_message), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn rows_that_cannot_be_read_are_told_and_fail_the_run() {
    let home = Home::new();
    let file = home.path().join("rows.jsonl");
    let rows = [
        r#"{"id": "1", "tools": [], "output": "Hi.", "expected": []}"#,
        r#"{"id": "2", "tools": [{"name": "x"}, {"name": "x"}], "output": "Hi.", "expected": []}"#,
        r#"{"id": "3", "tools": [], "format": "klingon", "output": "Hi.", "expected": []}"#,
        "{",
    ];
    fs::write(&file, rows.join("\n")).unwrap();
    let out = home.path().join("p.jsonl");
    let said = bench(&home, &[file.to_str().unwrap(), "--predictions", out.to_str().unwrap()]);
    assert_eq!(said.code, Some(2));
    for line in
        ["rows.jsonl:2: two tools have the name `x`", "rows.jsonl:3: ", "rows.jsonl:4: not JSON", "3 invalid lines"]
    {
        assert!(said.err.contains(line), "{line}: {}", said.err);
    }
    assert!(said.out.contains("100.0 %"), "{}", said.out);
    assert_eq!(fs::read_to_string(out).unwrap().lines().count(), 3, "a line for every recording");
}

#[test]
fn a_user_s_own_format_is_read_by() {
    let home = Home::new();
    let folder = home.path().join(".config/callwright/grammars");
    fs::create_dir_all(&folder).unwrap();
    let own = fs::read_to_string(common::root().join("grammars/hermes.toml")).unwrap();
    let own = own.replace("name = \"hermes\"", "name = \"mine\"").replace("tool_call>", "call_me>");
    fs::write(folder.join("mine.toml"), own).unwrap();
    let rows = home.path().join("mine.jsonl");
    let text = fs::read_to_string(common::root().join(OWN)).unwrap().replace("tool_call>", "call_me>");
    fs::write(&rows, text.replace(r#""format": "hermes""#, r#""format": "mine""#)).unwrap();
    let said = bench(&home, &[rows.to_str().unwrap(), "--min-accuracy", "0.46"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("oak-3b    mine"), "{}", said.out);

    fs::write(folder.join("broken.toml"), "name = \"broken\"\ncolour = 1\n").unwrap();
    for command in [vec!["bench", "parse", OWN], vec!["show", "mine"]] {
        let output = home.callwright().args(&command).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains("broken.toml") && err.contains("line 2"), "{err}");
    }
}

fn raw(home: &Home) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callwright"));
    command.env_clear().env("HOME", home.path()).current_dir(common::root()).args(["bench", "parse"]);
    command
}

#[test]
fn a_closed_pipe_is_no_error_and_a_full_disk_is_told() {
    let home = Home::new();
    let mut child = raw(&home).args([OWN, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    if Path::new("/dev/full").exists() {
        let said = bench(&home, &[OWN, "--predictions", "/dev/full"]);
        assert_eq!(said.code, Some(2));
        assert!(said.err.contains("cannot write /dev/full") && said.err.contains("No space left"), "{}", said.err);
    }
}

/// Linux tells in a process's status which signals it catches, so that the test need not guess how long to wait.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_it_with_a_sentence_and_leaves_no_file() {
    let home = Home::new();
    let out = home.path().join("p.jsonl");
    let mut child = raw(&home)
        .args(["-", "--predictions", out.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let catches = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(mask, 16).unwrap() & (1 << 1) != 0
    };
    while !catches(&fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap()) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    std::thread::sleep(std::time::Duration::from_millis(50));
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &fs::read(common::root().join(OWN)).unwrap()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), err.as_str()),
        (Some(130), "stopped after 0 of 14 recordings; nothing was written\n")
    );
    assert!(!out.exists());
}

#[test]
fn the_caret_stands_below_its_place_in_wide_text_too() {
    let home = Home::new();
    let rows = home.path().join("wide.jsonl");
    let call = r#"天気を調べます。\t[get_weather(city=\"京都\")]"#;
    let row = format!(
        r#"{{"id": "wide", "tools": [{{"name": "get_weather", "parameters": {{"properties": {{"city": {{"type": "string"}}}}}}}}],
        "output": "{call}", "expected": [{{"name": "get_weather", "arguments": {{"city": "東京"}}}}]}}"#
    );
    fs::write(&rows, row.replace('\n', "")).unwrap();
    let said = bench(&home, &[rows.to_str().unwrap()]);
    insta::assert_snapshot!(said.out.split_once("\n\n").unwrap().1);
}

/// What lies in a folder is read, or named; and the gate counts all of it.
#[test]
fn a_folder_is_read_whole() {
    let home = Home::new();
    let said = bench(&home, &["fixtures/recordings", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let files: std::collections::BTreeSet<&str> =
        report["cases"].as_array().unwrap().iter().map(|case| case["file"].as_str().unwrap()).collect();
    let ends = |end: &str| files.iter().any(|file| file.ends_with(end));
    for end in ["own.jsonl", "openai.jsonl", "pairs/tea.txt", "pairs/weather/oslo.txt", "acorn-1b/BFCL_v3_result.json"]
    {
        assert!(ends(end), "{end}: {files:?}");
    }
    let said = bench(&home, &["fixtures/recordings", "--min-accuracy", "99%"]);
    assert!(said.code == Some(1) && said.err.contains("gate failed"), "{}", said.err);

    let folder = home.path().join("mixed");
    fs::create_dir(&folder).unwrap();
    fs::copy(common::root().join(OWN), folder.join("own.jsonl")).unwrap();
    fs::write(folder.join("notes.md"), "# Notes").unwrap();
    let said = bench(&home, &[folder.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("not recordings, and not read: ") && said.err.contains("notes.md"), "{}", said.err);
}

#[test]
fn of_nothing_there_is_no_share() {
    let home = Home::new();
    let page = home.path().join("r.html");
    let said = bench(&home, &["fixtures/recordings/openai.jsonl", "--html", page.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let page = fs::read_to_string(page).unwrap();
    let shown = page.split_once("<h2>Cases").unwrap().0;
    assert!(!shown.contains("0.0 %") && shown.contains("<td data-label=\"right\">-</td>"), "{shown}");
    assert!(shown.contains("none is scored"), "{shown}");
    assert!(!said.out.contains("0.0 %"), "{}", said.out);
}
