//! Saved states on real engines: whatever became of a file, the answer is that of a run without one.
#![cfg(any(feature = "llama", feature = "candle"))]
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callwright::chat::Prompt;
use callwright::infer::backend::{Batch, Limits, Logits, SeqId};
use callwright::infer::{Backend, Beforehand, End, Job, Local, ModelInfo, Prefixes, StateKey, Token, Vocab};
use callwright::{BackendName, Result};
use common::jobs::{backend, collect, model_file};

/// An engine whose states are kept, however small its model is.
struct Keeping {
    engine: Box<dyn Backend>,
    key: StateKey,
}

impl Backend for Keeping {
    fn model(&self) -> &ModelInfo {
        self.engine.model()
    }

    fn limits(&self) -> Limits {
        self.engine.limits()
    }

    fn vocab(&self) -> Arc<dyn Vocab> {
        self.engine.vocab()
    }

    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>> {
        self.engine.decode(batch)
    }

    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize> {
        self.engine.truncate(sequence, len)
    }

    fn reserve(&mut self, tokens: usize) -> Result<bool> {
        self.engine.reserve(tokens)
    }

    fn fork(&mut self, from: SeqId, to: SeqId, len: usize) -> Result<bool> {
        self.engine.fork(from, to, len)
    }

    fn state_key(&self) -> Option<StateKey> {
        Some(self.key.clone())
    }

    fn save(&mut self, sequence: SeqId, tokens: usize) -> Result<Vec<u8>> {
        self.engine.save(sequence, tokens)
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], tokens: usize) -> Result<bool> {
        self.engine.restore(sequence, state, tokens)
    }
}

fn rules() -> String {
    "<|im_start|>system\nThese are the rules for using the tools that you are told of. ".repeat(6)
}

/// What a new process answers, over these states, or without any.
fn answer(engine: BackendName, prefixes: Option<&Prefixes>, question: &str) -> (Vec<u8>, End) {
    let file = model_file();
    let beforehand = Beforehand { prefixes: prefixes.cloned(), ..Beforehand::default() };
    let part = |text: &str| text.to_owned();
    let key = StateKey { model: file.clone(), file: part("random"), engine: engine.to_string(), layout: part("own") };
    let model = Local::open_with(beforehand, move || {
        Ok((Box::new(Keeping { engine: backend(engine, &file), key }) as Box<dyn Backend>, None))
    });
    let rules = rules();
    let mut prompt = Prompt::markup(format!("{rules}{question}"));
    prompt.shared = rules.len();
    let mut job = Job { prompt, ..Job::default() };
    job.limits.max_tokens = 8;
    collect(&model.expect("it opens"), job).expect("it ends")
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn no_cut_and_no_turned_byte_changes_an_answer() {
    for engine in BackendName::built_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let prefixes = Prefixes::new(folder.path());
        let (expected, _) = answer(*engine, None, "Which one?");
        assert_eq!(answer(*engine, Some(&prefixes), "Which one?").0, expected);
        let file = only_file(folder.path());
        let whole = fs::read(&file).expect("it is there");
        let (text, end) = answer(*engine, Some(&prefixes), "Which one?");
        assert!(text == expected && end.usage.cached_tokens > 64, "{end:?}");
        // All that stands in front, and every part of the state, whose own header comes first.
        let head =
            16 + 32 + 4 + model_file().to_str().expect("text").len() + 4 + 4 * (end.usage.cached_tokens + 1) + 16;
        let far = (head + 64..whole.len()).step_by(whole.len() / 24);
        let places: Vec<usize> = (0..head).step_by(11).chain(head..head + 64).chain(far).collect();
        let cuts = places.iter().step_by(3).map(|at| whole[..*at].to_vec());
        let turned = places.iter().map(|at| {
            let mut bytes = whole.clone();
            bytes[*at] ^= 1 << (at % 8);
            bytes
        });
        let longer = [[whole.clone(), vec![0; 7]].concat(), [whole[..head].to_vec(), whole.clone()].concat()];
        let mut tried = 0;
        for broken in cuts.chain(turned).chain(longer) {
            fs::write(&file, &broken).expect("it can be written");
            let (text, end) = answer(*engine, Some(&prefixes), "Which one?");
            assert_eq!((text, end.usage.cached_tokens), (expected.clone(), 0), "{engine}, {tried}");
            assert_eq!(end.notes.len(), 1, "told once: {:?}", end.notes);
            // What an engine saves of the same tokens may differ in bytes that mean nothing: it is read all the same.
            assert!(answer(*engine, Some(&prefixes), "Which one?").1.usage.cached_tokens > 64, "kept again");
            tried += 1;
        }
        println!("{engine}: {tried} broken states of {} bytes, each a miss", whole.len());
    }
}

#[test]
fn an_engine_takes_no_state_of_another() {
    let [first, second] = BackendName::built_in() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (Prefixes::new(folder.path().join("ours")), Prefixes::new(folder.path().join("theirs")));
    let (expected, _) = answer(*first, Some(&ours), "Which one?");
    answer(*second, Some(&theirs), "Which one?");
    fs::copy(only_file(&theirs.folder), only_file(&ours.folder)).expect("it can be written");
    let (text, end) = answer(*first, Some(&ours), "Which one?");
    assert_eq!((text, end.usage.cached_tokens), (expected, 0));
    assert!(end.notes[0].contains("of another model or engine"), "{:?}", end.notes);
}

/// What is kept are the tokens of the rules, and not one that was said.
#[test]
fn the_tokens_of_a_state_are_those_of_the_rules() {
    for engine in BackendName::built_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let prefixes = Prefixes::new(folder.path());
        for question in ["you are told of. secret", " secret", "\nsecret", "s", "7 secrets", "é", "."] {
            answer(*engine, Some(&prefixes), question);
            let bytes = fs::read(only_file(folder.path())).expect("it is there");
            let at = 16 + 32 + 4 + model_file().to_str().expect("text").len();
            let count = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
            let tokens = bytes[at + 4..at + 4 + 4 * count].chunks_exact(4);
            let tokens = tokens.map(|token| Token::from_le_bytes(token.try_into().expect("four bytes")));
            let vocab = backend(*engine, &model_file()).vocab();
            let text: Vec<u8> = tokens.flat_map(|token| vocab.piece(token)).collect();
            let text = String::from_utf8(text).expect("rules are text");
            assert!(rules().starts_with(&text) && text.len() + 20 > rules().len(), "{question:?}: {text:?}");
            fs::remove_file(only_file(folder.path())).expect("removed");
        }
    }
}
