//! Where nothing can be written the built-in model answers all the same, and `doctor` says what is wrong.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::Path;

use common::{Home, say};

const ASK: [&str; 5] = ["run", "embedded", "Set a timer for 5 minutes", "--tools", "examples/tools.json"];

/// What names a folder in which nothing can be made, not even by root: one that the system forbids, one below a file.
fn nowhere(home: &Home) -> [(&'static str, std::path::PathBuf, usize); 2] {
    let file = home.path().join("a file");
    fs::write(&file, "").expect("written");
    [("HOME", "/proc/nonexistent".into(), 4), ("CALLWRIGHT_CACHE", file.join("cache"), 1)]
}

#[test]
fn the_built_in_model_answers_without_a_home_with_one_warning() {
    let corner = Home::new();
    for (variable, folder, _) in nowhere(&corner) {
        let said = say(corner.callwright().args(ASK).env(variable, &folder));
        assert_eq!(said.code, Some(0), "{}: {}", folder.display(), said.err);
        assert!(said.out.contains("set_timer"), "{}: {}", folder.display(), said.out);
        let warnings: Vec<_> = said.err.lines().filter(|line| line.contains("warning")).collect();
        assert!(matches!(warnings.as_slice(), [only] if only.contains("from memory")), "{warnings:?}");
        let said = say(corner.callwright().args(["list", "--json"]).env(variable, &folder));
        assert!(said.code == Some(0) && said.out.contains("embedded"), "{}", said.err);
    }
}

#[test]
fn doctor_tries_what_it_claims() {
    let corner = Home::new();
    let said = say(corner.callwright().args(["doctor", "--json"]));
    let findings: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    for what in ["models", "cache", "data", "settings"] {
        let folder = |finding: &&serde_json::Value| {
            finding["what"] == what && finding["found"].as_str().is_some_and(|found| found.contains("writable"))
        };
        let finding = findings.as_array().and_then(|all| all.iter().find(folder)).expect(what);
        assert!(finding["ok"] == true && finding["found"].as_str().expect("text").ends_with("free"), "{finding}");
    }
    let left: Vec<_> =
        fs::read_dir(corner.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| Path::new(name) != Path::new(".callwright")), "a probe leaves nothing: {left:?}");
    for (variable, folder, bad) in nowhere(&corner) {
        let said = say(corner.callwright().arg("doctor").env(variable, &folder));
        assert_eq!(said.code, Some(1), "{}", said.out);
        assert_eq!(said.out.matches("cannot be written").count(), bad, "{}", said.out);
    }
}
