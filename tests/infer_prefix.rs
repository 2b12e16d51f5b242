//! Beginnings of prompts on disk: a new process finds them, a broken file is a miss, and nothing else changes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use callwright::chat::Prompt;
use callwright::infer::{End, Generator, Job, Prefixes, Vocab};
use common::jobs::collect;
use common::scripted::{Script, Scripted, Words};
use tempfile::tempdir;

fn rules() -> String {
    "These are the tools, and these are the rules for using them. ".repeat(4)
}

fn ask(generator: &dyn Generator, question: &str) -> (Vec<u8>, End) {
    let rules = rules();
    let mut prompt = Prompt::markup(format!("{rules}{question}"));
    prompt.shared = rules.len();
    let mut job = Job { prompt, ..Job::default() };
    job.limits.max_tokens = 12;
    collect(generator, job).expect("it ends")
}

/// A model in a process of its own, as far as it can know.
fn once(prefixes: &Prefixes, question: &str) -> (Vec<u8>, End) {
    ask(&Scripted::open_keeping(Script::Random(4), 900, prefixes.clone()), question)
}

fn alone(question: &str) -> Vec<u8> {
    ask(&Scripted::open(Script::Random(4), 900).0, question).0
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

#[test]
fn a_new_process_finds_what_another_has_read() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path().join("prefixes"));
    let (first, end) = once(&prefixes, "Which one?");
    assert_eq!((first, end.usage.cached_tokens), (alone("Which one?"), 0));
    let (second, end) = once(&prefixes, "What now?");
    assert_eq!(second, alone("What now?"));
    let shared = Words::new().tokenize(rules().as_bytes(), true).len();
    assert_eq!(end.usage.cached_tokens, shared - 1);
    assert_eq!(files(&prefixes.folder).len(), 1, "one file for one beginning");
}

#[test]
fn a_broken_file_is_a_miss() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path());
    once(&prefixes, "Which one?");
    let file = files(folder.path()).pop().expect("a file");
    let whole = fs::read(&file).expect("it is there");
    for broken in [&whole[..whole.len() / 2], b"", b"\xff\x00 end"] {
        fs::write(&file, broken).expect("it can be written");
        let (text, end) = once(&prefixes, "What now?");
        assert_eq!((text, end.usage.cached_tokens), (alone("What now?"), 0));
        assert_eq!(fs::read(&file).expect("it was written again"), whole);
    }
}

#[test]
fn a_folder_that_cannot_be_written_costs_no_answer() {
    let folder = tempdir().expect("a folder");
    let file = folder.path().join("no folder");
    fs::write(&file, "").expect("it can be written");
    let (text, _) = once(&Prefixes::new(&file), "Which one?");
    assert_eq!(text, alone("Which one?"));
}

#[test]
fn what_was_not_used_goes_first() {
    let folder = tempdir().expect("a folder");
    let mut prefixes = Prefixes::new(folder.path());
    once(&prefixes, "Which one?");
    let kept = files(folder.path()).pop().expect("a file");
    prefixes.limit = kept.metadata().expect("it is there").len() * 5;
    let large = usize::try_from(prefixes.limit).expect("it is small");
    fs::write(folder.path().join("mine.txt"), vec![0; 10_000]).expect("it can be written");
    for (age, name) in [(3, "old.prefix"), (2, "left.99.part")] {
        let path = folder.path().join(name);
        fs::write(&path, vec![0; large]).expect("it can be written");
        let then = std::time::SystemTime::now() - std::time::Duration::from_hours(age);
        fs::File::open(&path).and_then(|file| file.set_modified(then)).expect("its time can be set");
    }
    let mut job = Job { prompt: Prompt::markup(rules().to_uppercase() + "?"), ..Job::default() };
    job.prompt.shared = rules().len();
    job.limits.max_tokens = 1;
    collect(&Scripted::open_keeping(Script::Random(4), 900, prefixes.clone()), job).expect("it ends");
    let names: Vec<_> =
        files(folder.path()).into_iter().filter_map(|file| file.file_name()?.to_str().map(str::to_owned)).collect();
    assert!(kept.exists() && names.len() == 3 && names.contains(&"mine.txt".to_owned()), "{names:?}");
}
