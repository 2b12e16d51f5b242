//! Model files that a stranger spoilt: each is run or refused with one sentence, and none ends the program.
//!
//! A sample runs always; `CALLWRIGHT_TEST_SPOILT=3000` tries so many. A debugger that ggml starts over a process that
//! ends would be found first on the path, and leaves a mark.
#![cfg(all(unix, feature = "llama"))]
#![allow(clippy::expect_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a test may stop and speak")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callwright_test_support::spoilt::{ARCHITECTURES, Model};
use common::Home;

/// The engines of this build, with what each is run with here.
const ENGINES: &[&[&str]] = &[
    &["--backend", "llama", "-t", "1"],
    #[cfg(feature = "candle")]
    &["--backend", "candle"],
];

struct Corner {
    home: Home,
    tools: PathBuf,
    mark: PathBuf,
}

impl Corner {
    fn new() -> Self {
        let home = Home::new();
        let (tools, mark) = (home.path().join("bin"), home.path().join("debugger"));
        fs::create_dir(&tools).expect("a folder");
        for name in ["gdb", "lldb"] {
            let file = tools.join(name);
            fs::write(&file, format!("#!/bin/sh\necho \"$0 $@\" >> {}\n", mark.display())).expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a program");
        }
        Self { home, tools, mark }
    }

    /// What became of a file: how the program ended, and what it said.
    fn run(&self, file: &Path, more: &[&str]) -> (Option<i32>, String) {
        let mut command = self.home.callwright();
        command.args(["run"]).arg(file).args(["Hello, 1 + 2?", "-n", "4"]).args(more);
        command.env("PATH", &self.tools).timeout(Duration::from_mins(2));
        let output = command.output().expect("the binary starts and ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }
}

#[test]
fn the_models_run_as_they_are() {
    let corner = Corner::new();
    for architecture in ARCHITECTURES {
        let file = corner.file(&format!("{architecture}.gguf"), &Model::of(architecture).file());
        for engine in ENGINES {
            let (code, said) = corner.run(&file, engine);
            // Four tokens are no whole answer.
            assert_eq!(code, Some(1), "{architecture} with {engine:?}: {said}");
            assert!(said.contains("cut off after 4 tokens"), "{architecture} with {engine:?}: {said}");
        }
    }
    let trials = corner.home.path().join(".cache/callwright/trials");
    assert_eq!(fs::read_dir(trials).expect("verdicts").count(), ARCHITECTURES.len(), "one verdict for each");
}

/// What became of the spoilt models.
#[derive(Default)]
struct Tally {
    ran: usize,
    refused: usize,
    /// What ended the trials, and how often.
    stopped: BTreeMap<String, usize>,
    /// Those that ended the program, or were not refused in one sentence.
    bad: Vec<String>,
}

impl Tally {
    fn saw(&mut self, number: u64, (code, said): (Option<i32>, &str)) {
        let errors = said.lines().filter(|line| line.starts_with("error: ")).count();
        match code {
            Some(0 | 1) => self.ran += 1,
            Some(2) if errors == 1 && !said.contains("panicked at") => {
                self.refused += 1;
                let cause = said.lines().find_map(|line| line.trim().strip_prefix("because: "));
                if said.contains("breaks down over it") {
                    *self.stopped.entry(cause.unwrap_or("no cause").to_owned()).or_insert(0) += 1;
                }
            }
            _ => self.bad.push(format!("spoilt model {number}: {code:?} {said}")),
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.ran += other.ran;
        self.refused += other.refused;
        self.bad.extend(other.bad);
        other.stopped.into_iter().for_each(|(cause, count)| *self.stopped.entry(cause).or_insert(0) += count);
        self
    }
}

#[test]
fn no_spoilt_model_ends_the_program() {
    let count = std::env::var("CALLWRIGHT_TEST_SPOILT").ok().and_then(|count| count.parse().ok()).unwrap_or(45_u64);
    let corner = Corner::new();
    let models: Vec<Model> = ARCHITECTURES.iter().map(|architecture| Model::of(architecture)).collect();
    let next = AtomicU64::new(0);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return tally;
            }
            let model = &models[usize::try_from(number).expect("small") % models.len()];
            let file = corner.file(&format!("{number}.gguf"), &model.spoilt(number));
            for engine in ENGINES {
                let (code, said) = corner.run(&file, engine);
                tally.saw(number, (code, &said));
            }
            if tally.bad.is_empty() {
                fs::remove_file(file).expect("removed");
            }
        }
    };
    let tally = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no surprise")).fold(Tally::default(), Tally::and)
    });
    let Tally { ran, refused, stopped, bad } = tally;
    println!(
        "{count} spoilt models, each on {} engine(s): {ran} ran, {refused} refused, of them by a trial: {stopped:#?}",
        ENGINES.len()
    );
    assert!(bad.is_empty(), "{} of them\n{}", bad.len(), bad.join("\n"));
    assert!(!corner.mark.exists(), "a debugger was started: {}", fs::read_to_string(&corner.mark).unwrap_or_default());
    assert!(ran > 0 && refused > 0, "{ran} ran, {refused} refused");
}
