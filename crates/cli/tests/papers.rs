//! What the papers show is what happens: every `console` block is run and its output compared.
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::Home;

/// The commands of the `console` blocks of a paper, each with the output shown below it.
fn sessions(paper: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in paper.lines() {
        match (inside, line.strip_prefix("$ ")) {
            (false, _) => inside = line == "```console",
            (true, _) if line == "```" => inside = false,
            (true, Some(command)) => found.push((command.to_owned(), String::new())),
            (true, None) => {
                let (_, output) = found.last_mut().expect("a block begins with a command");
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    found
}

#[test]
fn the_readme_shows_what_happens() {
    let readme = fs::read_to_string(common::root().join("README.md")).expect("there is a README");
    let sessions = sessions(&readme);
    assert!(sessions.len() >= 4, "{sessions:?}");
    let home = Home::new();
    let binaries = Path::new(env!("CARGO_BIN_EXE_callwright")).parent().expect("a folder").display().to_string();
    let path = format!("{binaries}:{}", std::env::var("PATH").unwrap_or_default());
    for (command, shown) in sessions {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &command])
            .current_dir(common::root())
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", &path);
        let output = shell.output().expect("sh runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, shown, "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// README's first line with a real model, which comes by the user's pip: one call, and the right one.
#[test]
fn the_first_real_model_makes_one_right_call() {
    let pip =
        || Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|said| said.status.success());
    let Some(wanted) = callwright_test_support::means::named("CALLWRIGHT_TEST_PIP", pip) else { return };
    if wanted == "0" {
        return callwright_test_support::means::skip("CALLWRIGHT_TEST_PIP is 0");
    }
    let readme = fs::read_to_string(common::root().join("README.md")).expect("there is a README");
    let line =
        readme.lines().find(|line| line.starts_with("./target/release/callwright run smollm2")).expect("the line");
    let command = line.replacen("./target/release/callwright", env!("CARGO_BIN_EXE_callwright"), 1);
    let home = Home::new();
    // pip's settings are the user's, callwright's are not.
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(common::root())
        .env("XDG_CACHE_HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_DATA_HOME", home.path())
        .env("XDG_STATE_HOME", home.path())
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "get_weather {\"city\":\"Oslo\"}\n", "{}", String::from_utf8_lossy(&output.stderr));
}

/// CONTRIBUTING's recipes name tests that exist: a recipe whose proof is gone proves nothing.
#[test]
fn the_recipes_name_real_tests() {
    let recipes = fs::read_to_string(common::root().join("CONTRIBUTING.md")).expect("there is a CONTRIBUTING");
    let named: Vec<_> = recipes
        .split("--test ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
        .collect();
    assert!(named.len() >= 3, "{named:?}");
    for name in named {
        let crates = fs::read_dir(common::root().join("crates")).expect("crates").flatten().map(|entry| entry.path());
        let there = |folder: std::path::PathBuf| folder.join("tests").join(format!("{name}.rs")).is_file();
        assert!(crates.chain([common::root()]).any(there), "CONTRIBUTING names the test `{name}`, and there is none");
    }
}
