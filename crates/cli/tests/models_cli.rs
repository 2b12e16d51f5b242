//! `pull`, `list`, `show`, `verify` and `rm` as people and scripts meet them, over a hub on loopback.

#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use callwright_test_support::{gguf, hub};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use callwright_test_support::hub::Hub;
use common::Home;
use serde_json::Value;

const REPO: &str = "maker/Small-GGUF";

struct Corner {
    home: Home,
    hub: Hub,
    model: Vec<u8>,
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Corner {
    fn new() -> Self {
        let (home, hub, model) = (Home::new(), Hub::start(), gguf::model(64_000));
        hub.put(REPO, "Small-Q8_0.gguf", &model);
        Self { home, hub, model }
    }

    fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        let mut command = self.home.callwright();
        command.args(arguments).env("HF_ENDPOINT", &self.hub.endpoint).env("CALLWRIGHT_PYTHON", "/no/python");
        command
    }

    fn say(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("the binary starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("callwright writes text");
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.say(&[arguments, &["--json"]].concat());
        serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{arguments:?}: {} {}", said.out, said.err))
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join(".cache/huggingface/hub/models--maker--Small-GGUF")
    }
}

#[test]
fn a_model_comes_is_seen_and_goes() {
    let corner = Corner::new();
    let said = corner.say(&["pull", REPO]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let path = Path::new(said.out.trim());
    assert_eq!(fs::read(path).expect("the path is printed"), corner.model);
    assert!(said.err.contains("maker/Small-GGUF was pulled: ") && said.err.contains("Q8_0, hub cache"), "{}", said.err);
    assert!(corner.say(&["pull", REPO, "-q"]).err.is_empty(), "quiet is quiet");

    let list = corner.say(&["list"]).out;
    assert!(list.lines().next().is_some_and(|head| head.starts_with("NAME ") && head.ends_with("MODIFIED")), "{list}");
    assert!(list.lines().any(|line| line.starts_with("maker/Small-GGUF:Q8_0 ")), "{list}");
    let listed = corner.json(&["ls"]);
    let entry = listed.as_array().expect("a list").iter().find(|entry| entry["source"] == "hub cache").expect("listed");
    assert_eq!(entry["bytes"], corner.model.len());
    assert_eq!(entry["path"], said.out.trim());

    let shown = corner.json(&["show", REPO]);
    assert_eq!(shown["model"]["architecture"], "llama");
    assert_eq!(shown["model"]["quant"], "Q8_0");
    assert_eq!(shown["tokens"]["end of text"], "<|end|>");
    assert_eq!(shown["memory"]["for a context of"], 2048);
    assert_eq!(corner.say(&["show", REPO, "--template"]).out, "{{ messages }}\n");

    let verified = corner.json(&["verify", REPO]);
    assert_eq!((&verified[0]["state"], &verified[0]["sha256"]), (&"intact".into(), &hub::sha256(&corner.model).into()));
    let mut altered = corner.model.clone();
    altered[3000] ^= 1;
    fs::write(fs::canonicalize(path).expect("the blob"), altered).expect("altered");
    let said = corner.say(&["verify"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("altered  maker/Small-GGUF:Q8_0") && said.err.contains("callwright rm"), "{}", said.out);

    // The states of prompts go with the model that read them, and others stay.
    let blob = fs::canonicalize(path).expect("the blob");
    let prefixes = corner.home.path().join(".cache/callwright/prefixes");
    fs::create_dir_all(&prefixes).expect("a folder");
    for (name, model) in [("own.prefix", blob.as_path()), ("others.prefix", Path::new("/models/other.gguf"))] {
        fs::write(prefixes.join(name), state_of(model)).expect("written");
    }
    let said = corner.say(&["rm", REPO]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("freed") && !corner.cache().exists());
    assert!(!prefixes.join("own.prefix").exists() && prefixes.join("others.prefix").exists());
    let said = corner.say(&["rm", REPO]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("is not on this machine"), "{}", said.err);
}

/// The beginning of a prompt's state that this model read.
fn state_of(model: &Path) -> Vec<u8> {
    let path = model.to_str().expect("text");
    let length = u32::try_from(path.len()).expect("short");
    [b"callwright kv 2\n".as_slice(), &[0; 32], &length.to_le_bytes(), path.as_bytes(), &[0; 1000]].concat()
}

#[test]
fn prune_removes_the_states_of_models_that_are_gone() {
    let corner = Corner::new();
    let prefixes = corner.home.path().join(".cache/callwright/prefixes");
    assert_eq!(corner.json(&["prune"])["files"], 0, "a folder that is not there");
    fs::create_dir_all(&prefixes).expect("a folder");
    let here = corner.home.path().join("here.gguf");
    fs::write(&here, "a model").expect("written");
    let kept = [("gone.prefix", state_of(Path::new("/nowhere/gone.gguf"))), ("half.prefix", b"half".to_vec())];
    for (name, bytes) in kept.into_iter().chain([("here.prefix", state_of(&here)), ("mine.txt", b"mine".to_vec())]) {
        fs::write(prefixes.join(name), bytes).expect("written");
    }
    let names = || {
        let entries = fs::read_dir(&prefixes).expect("a folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().expect("text")).collect();
        names.sort();
        names
    };
    let said = corner.json(&["prune", "--dry-run"]);
    assert_eq!((&said["files"], names().len()), (&2.into(), 4), "{said}");
    let said = corner.say(&["prune"]);
    assert!(said.code == Some(0) && said.err.contains("removed 2 saved prompt state(s): 1."), "{}", said.err);
    assert_eq!(names(), ["here.prefix", "mine.txt"]);
    assert_eq!(corner.json(&["prune", "--all"])["files"], 1);
    assert_eq!(names(), ["mine.txt"]);
}

#[test]
fn names_are_listed_before_they_are_pulled() {
    let corner = Corner::new();
    let all = corner.json(&["list", "--all"]);
    let names: Vec<_> = all.as_array().expect("a list").iter().map(|entry| entry["name"].clone()).collect();
    assert!(
        names.len() > 20 && names.contains(&"smollm2:135m".into()) && names.contains(&"embedded".into()),
        "{names:?}"
    );
    let said = corner.say(&["show", "qwen3:4b"]);
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("hermes") && said.out.contains("Q4_K_M, Q8_0"), "{}", said.out);
    assert!(said.err.contains("`callwright pull qwen3:4b`"), "{}", said.err);
    let shown = corner.json(&["show", "embedded"]);
    assert_eq!(shown["tools"]["format"], "hermes");
    assert_eq!(shown["model"]["here as"], "embedded");
}

/// Issue 2, "What bad input gets": one sentence, the cause, the next step, exit 2, nothing half-written.
#[test]
fn what_goes_wrong_says_what_to_do() {
    let corner = Corner::new();
    for (arguments, sentence, hint) in [
        (vec!["pull", "smolm2:135m"], "unknown model `smolm2:135m`", "did you mean `smollm2:135m`"),
        (vec!["pull", "qwen3:4b:q2_k"], "`qwen3:4b` has no quant `q2_k`", "choose one of `Q4_K_M`, `Q8_0`"),
        (vec!["pull", "maker/Small-GGUF:q4_0"], "has no quant `Q4_0`", "it has `Small-Q8_0.gguf`"),
        (vec!["--offline", "pull", REPO], "the network is switched off", "`callwright pull maker/Small-GGUF`"),
        (vec!["pull", "maker/None"], "the hub has no files of `maker/None` at `main`", "page on the hub"),
        (vec!["pull", "./none.gguf"], "no such file: `./none.gguf`", "name a .gguf file"),
        (vec!["show", "./Cargo.toml"], "does not begin with `GGUF`", "give a .gguf file"),
        (vec!["rm", "embedded"], "the embedded model is part of the program", ""),
        (vec!["pull", "a/b", "no such"], "unknown model `no such`", "list --all"),
    ] {
        let said = corner.say(&arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(said.out.is_empty() && said.err.starts_with("error: "), "{arguments:?}: {}{}", said.out, said.err);
        assert!(said.err.contains(sentence) && said.err.contains(hint), "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("panicked"), "{}", said.err);
    }
    assert!(!corner.cache().exists());
}

/// Killed in the middle and run again: it goes on, and says so by sending only what was missing.
#[test]
fn a_killed_pull_goes_on() {
    let corner = Corner::new();
    corner.hub.set(|script| script.pause = Duration::from_secs(20));
    let mut command = Command::new(env!("CARGO_BIN_EXE_callwright"));
    command.env_clear().env("HOME", corner.home.path()).env("HF_ENDPOINT", &corner.hub.endpoint);
    let mut pull = command.args(["pull", REPO]).stderr(Stdio::null()).spawn().expect("started");
    let blobs = corner.cache().join(".callwright/Small-Q8_0.gguf/models--maker--Small-GGUF/blobs");
    let part = blobs.join(format!("{}.part", hub::sha256(&corner.model)));
    let there = || fs::metadata(&part).map_or(0, |metadata| metadata.len());
    let patience = Instant::now();
    while there() < corner.model.len() as u64 / 2 {
        assert!(patience.elapsed() < Duration::from_mins(1), "the first half never came");
        thread::sleep(Duration::from_millis(20));
    }
    pull.kill().expect("killed");
    pull.wait().expect("ended");
    let kept = there();

    corner.hub.set(|script| {
        script.pause = Duration::ZERO;
        script.ranges.clear();
    });
    let said = corner.say(&["pull", REPO]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(fs::read(said.out.trim()).expect("the file"), corner.model);
    assert_eq!(corner.hub.set(|script| script.ranges.clone()), [format!("bytes={kept}-")]);
}
