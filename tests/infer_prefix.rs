//! Beginnings of prompts on disk: a new process finds them, a broken file is a miss, and nothing else changes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use callwright::chat::Prompt;
use callwright::infer::{End, Freed, Generator, Job, Prefixes, Vocab};
use common::jobs::{collect, rest};
use common::scripted::{Script, Scripted, Words};
use tempfile::tempdir;

fn rules() -> String {
    "These are the tools, and these are the rules for using them. ".repeat(4)
}

fn job(question: &str) -> Job {
    let rules = rules();
    let mut prompt = Prompt::markup(format!("{rules}{question}"));
    prompt.shared = rules.len();
    let mut job = Job { prompt, ..Job::default() };
    job.limits.max_tokens = 12;
    job
}

fn ask(generator: &dyn Generator, question: &str) -> (Vec<u8>, End) {
    collect(generator, job(question)).expect("it ends")
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
        assert!(matches!(end.notes.as_slice(), [told] if told.contains("was removed")), "told once: {:?}", end.notes);
        assert_eq!(fs::read(&file).expect("it was written again"), whole);
        assert!(once(&prefixes, "What now?").1.notes.is_empty(), "and not again");
    }
}

/// The name says which prompt a state is of; the file may say otherwise.
#[test]
fn a_state_of_another_prompt_with_as_many_tokens_is_a_miss() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path());
    once(&prefixes, "Which one?");
    let file = files(folder.path()).pop().expect("a file");
    let ask_other = || {
        let other = rules().replace("rules", "ruler");
        let mut prompt = Prompt::markup(format!("{other}What now?"));
        prompt.shared = other.len();
        let mut job = Job { prompt, ..Job::default() };
        job.limits.max_tokens = 12;
        collect(&Scripted::open_keeping(Script::Random(4), 900, prefixes.clone()), job).expect("it ends")
    };
    let (expected, _) = ask_other();
    let both = files(folder.path());
    let other = both.iter().find(|path| **path != file).expect("a file of its own");
    fs::copy(&file, other).expect("it can be written");
    let (text, end) = ask_other();
    assert_eq!((text, end.usage.cached_tokens), (expected, 0));
    assert!(end.notes[0].contains("it is of another prompt"), "{:?}", end.notes);
}

/// A file may be whole and of this prompt, and what it holds still no numbers.
#[test]
fn a_state_that_nothing_is_computed_from_is_removed_and_a_miss() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path());
    let poisoning = || Scripted::open_poisoning(Script::Random(4), 900, prefixes.clone());
    ask(&poisoning(), "Which one?");
    assert_eq!(files(folder.path()).len(), 1);
    let (text, end) = ask(&poisoning(), "What now?");
    assert_eq!(text, alone("What now?"));
    assert!(end.notes[0].contains("the engine computes nothing from it"), "{:?}", end.notes);
    assert!(files(folder.path()).is_empty(), "it is not tried again");
    // What was copied from it while it was not yet known is not built on either.
    ask(&poisoning(), "Which one?");
    let generator = poisoning();
    let questions = ["Where?", "When?", "Who?"];
    let mut chunks: Vec<_> =
        questions.iter().map(|question| generator.generate(job(question)).expect("room")).collect();
    for (question, chunks) in questions.iter().zip(&mut chunks) {
        assert_eq!(rest(chunks).expect("it ends").0, alone(question), "{question}");
    }
}

/// Eight threads, each with a model of its own, over one folder: some read while others write.
#[test]
fn readers_and_writers_of_one_prefix_do_not_meet_halves() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path().join("prefixes"));
    std::thread::scope(|scope| {
        for reader in 0..8 {
            let prefixes = &prefixes;
            scope.spawn(move || {
                for round in 0..12 {
                    if reader == 0 && round % 3 == 0 {
                        prefixes.remove(true, |_| true);
                    }
                    let question = format!("Which one of {reader} and {round}?");
                    let (text, end) = once(prefixes, &question);
                    assert_eq!(text, alone(&question));
                    assert!(end.notes.is_empty(), "no half was met: {:?}", end.notes);
                }
            });
        }
    });
    let left = files(&prefixes.folder);
    assert!(left.iter().all(|file| file.extension().is_some_and(|ending| ending == "prefix")), "{left:?}");
}

#[test]
fn states_of_a_model_can_be_removed() {
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path());
    once(&prefixes, "Which one?");
    let bytes = files(folder.path())[0].metadata().expect("it is there").len();
    fs::write(folder.path().join("foreign.prefix"), "something else").expect("it can be written");
    fs::write(folder.path().join("mine.txt"), "mine").expect("it can be written");
    let of_model = |model: Option<&Path>| model == Some(Path::new("scripted.gguf"));
    assert_eq!(prefixes.remove(true, |model| model == Some(Path::new("other.gguf"))), Freed::default());
    assert_eq!(prefixes.remove(false, of_model), Freed { files: 1, bytes }, "counted, and still there");
    assert_eq!(prefixes.remove(true, of_model), Freed { files: 1, bytes });
    assert_eq!(prefixes.remove(true, |model| model.is_none()), Freed { files: 1, bytes: 14 });
    assert_eq!(files(folder.path()), [folder.path().join("mine.txt")]);
}

#[cfg(unix)]
#[test]
fn states_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempdir().expect("a folder");
    let prefixes = Prefixes::new(folder.path().join("prefixes"));
    fs::create_dir(&prefixes.folder).expect("a folder");
    fs::set_permissions(&prefixes.folder, fs::Permissions::from_mode(0o777)).expect("open to all");
    once(&prefixes, "Which one?");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o7777;
    assert_eq!((mode(&prefixes.folder), mode(&files(&prefixes.folder)[0])), (0o700, 0o600));
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
