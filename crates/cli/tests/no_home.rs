//! Where nothing can be written the built-in model answers all the same, and `doctor` says what is wrong.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::Path;

use common::{Home, say};

const ASK: [&str; 5] = ["run", "embedded", "Set a timer for 5 minutes", "--tools", "examples/tools.json"];

/// Homes that nobody can write to, not even root: one that the system does not let be made, one below a file.
fn homes(home: &Home) -> Vec<std::path::PathBuf> {
    let file = home.path().join("a file");
    fs::write(&file, "").expect("written");
    vec!["/proc/nonexistent".into(), file.join("home")]
}

#[test]
fn the_built_in_model_answers_without_a_home_with_one_warning() {
    let corner = Home::new();
    for home in homes(&corner) {
        let said = say(corner.callwright().args(ASK).env("HOME", &home));
        assert_eq!(said.code, Some(0), "{}: {}", home.display(), said.err);
        assert!(said.out.contains("set_timer"), "{}: {}", home.display(), said.out);
        let warnings: Vec<_> = said.err.lines().filter(|line| line.contains("warning")).collect();
        assert!(matches!(warnings.as_slice(), [only] if only.contains("from memory")), "{warnings:?}");
        let said = say(corner.callwright().args(["list", "--json"]).env("HOME", &home));
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
    for home in homes(&corner) {
        let said = say(corner.callwright().arg("doctor").env("HOME", &home));
        assert_eq!(said.code, Some(1), "{}", said.out);
        assert_eq!(said.out.matches("cannot be written").count(), 4, "{}", said.out);
    }
}
