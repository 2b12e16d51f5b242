//! candle's tokenizer on files and texts that no one wrote in good faith: it tells what it refuses, and long runs stay
//! linear. What ordinary texts become is compared with llama.cpp in `infer_agree`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use callwright_infer::{Token, Vocab};
use callwright_parse::error::{Error, ErrorKind};
use candle_core::quantized::gguf_file::{self, Value};
use tempfile::tempdir;

const PLAIN: i32 = 1;
const CONTROL: i32 = 3;
const ADDED: i32 = 4;

/// A token: its text, kind and score.
type Entry<'a> = (&'a str, i32, f32);

fn vocabulary(kind: &str, entries: &[Entry], merges: &[&str]) -> Result<Arc<dyn Vocab>, Error> {
    let folder = tempdir().expect("a folder");
    let path = folder.path().join("vocabulary.gguf");
    let text = |text: &str| Value::String(text.to_owned());
    let metadata = [
        ("general.architecture", text("llama")),
        ("tokenizer.ggml.model", text(kind)),
        ("tokenizer.ggml.pre", text("qwen2")),
        ("tokenizer.ggml.add_space_prefix", Value::Bool(false)),
        ("tokenizer.ggml.tokens", Value::Array(entries.iter().map(|(token, ..)| text(token)).collect())),
        ("tokenizer.ggml.token_type", Value::Array(entries.iter().map(|(_, kind, _)| Value::I32(*kind)).collect())),
        ("tokenizer.ggml.scores", Value::Array(entries.iter().map(|(.., score)| Value::F32(*score)).collect())),
        ("tokenizer.ggml.merges", Value::Array(merges.iter().map(|merge| text(merge)).collect())),
    ];
    // An empty list has no type that could be written.
    let is_full = |(_, value): &&(&str, Value)| !matches!(value, Value::Array(list) if list.is_empty());
    let metadata: Vec<_> = metadata.iter().filter(is_full).map(|(key, value)| (*key, value)).collect();
    gguf_file::write(&mut File::create(&path).expect("a file"), &metadata, &[]).expect("it can be written");
    callwright_candle::vocabulary(&path)
}

/// What stands in the message, and that the other engine is named as the way out.
fn refused(kind: &str, entries: &[Entry], merges: &[&str], told: &str) {
    let error = vocabulary(kind, entries, merges).map(|_| ()).expect_err(told);
    assert_eq!(error.kind(), ErrorKind::Backend, "{error}");
    assert!(error.to_string().contains(told), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("--backend llama")), "{error:?}");
}

#[test]
fn a_vocabulary_that_cannot_be_merged_exactly_is_refused() {
    let letters = [("a", PLAIN, 0.0), ("b", PLAIN, 0.0), ("ab", PLAIN, 0.0)];
    assert!(vocabulary("gpt2", &letters, &["a b"]).is_ok());
    for merges in [["a b", "a a"], ["a b", "x b"], ["a b", "ab ab"]] {
        refused("gpt2", &letters, &merges, "merges into tokens that its vocabulary lacks");
    }

    let pieces = [("a", PLAIN, -9.0), ("b", PLAIN, -9.0), ("ab", PLAIN, -1.0), ("ba", PLAIN, -2.0)];
    assert!(vocabulary("llama", &pieces, &[]).is_ok());
    let tied = pieces.map(|(text, kind, _)| (text, kind, -1000.0));
    refused("llama", &tied, &[], "tokens of equal score");
    let long = "a".repeat(1000);
    refused("llama", &[("a", PLAIN, -1.0), (&long, PLAIN, -2.0)], &[], "an overlong token");
    refused("llama", &[("a", PLAIN, -1.0), ("éa", PLAIN, -2.0)], &[], "a character that no token spells");
}

#[test]
fn better_scores_are_merged_first_and_runs_of_spaces_from_the_left() {
    let pieces = [
        ("a", PLAIN, -9.0),
        ("b", PLAIN, -9.0),
        ("ab", PLAIN, -2.0),
        ("ba", PLAIN, -1.0),
        ("▁", PLAIN, -9.0),
        // Llama 2 has runs of spaces with such scores.
        ("▁▁", PLAIN, -1e9),
        ("▁▁▁▁", PLAIN, -1e9),
        ("▁▁▁", PLAIN, -1e9),
        ("▁▁▁▁▁", PLAIN, -1e9),
    ];
    let vocab = vocabulary("llama", &pieces, &[]).expect("it is read");
    assert_eq!(vocab.tokenize(b"aba", false), [0, 3]);
    assert_eq!(vocab.tokenize(b"abab", false), [0, 3, 1]);
    assert_eq!(vocab.tokenize(" ".repeat(9).as_bytes(), false), [8, 6]);
    assert_eq!(vocab.tokenize("aéa".as_bytes(), false), [0, 0], "no token and no byte spells it");
}

#[test]
fn special_tokens_count_only_where_the_caller_says_so() {
    let mut entries: Vec<Entry> = ["<", "|", "i", "m", ">", "h"].map(|text| (text, PLAIN, 0.0)).to_vec();
    entries.extend([("<|im|>", CONTROL, 0.0), ("im", ADDED, 0.0)]);
    let vocab = vocabulary("gpt2", &entries, &[]).expect("it is read");
    assert_eq!(vocab.tokenize(b"hi<|im|>im", true), [5, 2, 6, 7]);
    assert_eq!(vocab.tokenize(b"hi<|im|>im", false), [5, 2, 0, 1, 7, 1, 4, 7]);
    assert_eq!(vocab.tokenize(b"<|i\xFFm|>", true), [0, 1, 2, 3, 1, 4]);
    assert_eq!(vocab.tokenize(b"", true), [] as [Token; 0]);
}

/// Engines that backtrack overflow at a million.
#[test]
fn long_runs_are_cut_as_short_ones_are() {
    let vocab =
        callwright_candle::vocabulary(Path::new("../../fixtures/models/random_llama.gguf")).expect("it is read");
    let (count, words) = (1_200_000, " one two");
    let begun = std::time::Instant::now();
    for run in [" ", "\n", "a", "A", "7", "="] {
        let tokens = vocab.tokenize(format!("{}{words}", run.repeat(count)).as_bytes(), true);
        let end = vocab.tokenize(words.as_bytes(), true);
        assert_eq!(tokens[tokens.len() - end.len()..], end, "{run:?}");
        let pieces: usize = tokens.iter().map(|token| vocab.piece(*token).len()).sum();
        assert_eq!(pieces, count + words.len(), "{run:?}");
    }
    // Work that grew with the square of the length would take hours.
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}
