//! candle's own promises: a sequence can be cut, copied, kept and computed in company, and nothing of it shows in the
//! logits, to the last bit. What it does not compute is told.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]
#![cfg(feature = "candle")]

mod common;

use callwright::BackendName;
use callwright::ErrorKind;
use callwright::infer::backend::{Batch, Entry};
use callwright::infer::{Backend, Token};
use callwright_candle::{self, CandleSettings};
use callwright_test_support::networks::{LLAMA, NETWORKS, Network, Part};
use candle_core::quantized::GgmlDType;
use common::networks::{beginnings, write};
use common::raw::{compute, greedy, together};
use tempfile::tempdir;

fn open(network: &Network) -> Box<dyn Backend> {
    stored(network, GgmlDType::F32)
}

fn stored(network: &Network, weights: GgmlDType) -> Box<dyn Backend> {
    let folder = tempdir().expect("a folder");
    common::jobs::backend(BackendName::Candle, &write(network, weights, folder.path()))
}

fn tokens(count: usize, step: u32) -> Vec<Token> {
    (0..count).map(|at| u32::try_from(at).expect("small") * step % 1500).collect()
}

#[test]
fn company_and_chunks_change_no_logits() {
    let plain = NETWORKS.iter().map(|network| (network, GgmlDType::F32));
    for (network, weights) in plain.chain([(&LLAMA, GgmlDType::Q8_0)]) {
        let (one, other) = (tokens(70, 13), tokens(45, 29));
        let mut backend = stored(network, weights);
        let alone = compute(&mut *backend, 0, 0, &one);
        let single: Vec<_> = (0..one.len()).flat_map(|at| compute(&mut *backend, 1, at, &one[at..=at])).collect();
        assert_eq!(alone, single, "{network:?}: token by token");
        let both = together(&mut *backend, &[(2, 0, &one), (3, 0, &other)]);
        assert_eq!(alone, both[..one.len()], "{network:?}: in company");
        assert_eq!(compute(&mut *backend, 4, 0, &other), both[one.len()..], "{network:?}: in company");
    }
}

#[test]
fn a_cut_forgets_what_it_cut() {
    let mut backend = open(&LLAMA);
    let (kept, cut, new) = (tokens(50, 7), tokens(20, 11), tokens(20, 3));
    let whole: Vec<Token> = kept.iter().chain(&new).copied().collect();
    let expected = compute(&mut *backend, 1, 0, &whole);
    compute(&mut *backend, 0, 0, &kept);
    compute(&mut *backend, 0, 50, &cut);
    for len in [50, 33, 32, 31, 1, 0] {
        assert_eq!(backend.truncate(0, len).expect("it can be cut"), len);
        assert_eq!(compute(&mut *backend, 0, len, &whole[len..]), expected[len..], "cut to {len}");
    }
    assert_eq!(backend.truncate(0, 1000).expect("it can be cut"), whole.len(), "there is nothing to cut");
}

#[test]
fn a_copy_and_its_source_go_their_own_ways() {
    let mut backend = open(&LLAMA);
    let (start, one, other) = (tokens(45, 7), tokens(30, 11), tokens(30, 3));
    let expected = |backend: &mut dyn Backend, rest: &[Token]| {
        let whole: Vec<Token> = start.iter().chain(rest).copied().collect();
        let rows = compute(backend, 9, 0, &whole);
        backend.truncate(9, 0).expect("it can be cut");
        rows[start.len()..].to_vec()
    };
    let (first, second) = (expected(&mut *backend, &one), expected(&mut *backend, &other));
    compute(&mut *backend, 0, 0, &start);
    compute(&mut *backend, 1, 0, &tokens(80, 17));
    assert!(backend.fork(0, 1, 45).expect("it can be copied"));
    assert!(backend.fork(0, 2, 33).expect("it can be copied"));
    assert_eq!(compute(&mut *backend, 0, 45, &one), first);
    assert_eq!(compute(&mut *backend, 1, 45, &other), second);
    compute(&mut *backend, 2, 33, &start[33..]);
    assert_eq!(compute(&mut *backend, 2, 45, &other), second);
}

#[test]
fn a_sequence_comes_back_from_its_state() {
    let mut backend = open(&LLAMA);
    let (start, rest) = (tokens(75, 7), tokens(10, 11));
    compute(&mut *backend, 0, 0, &start);
    let state = backend.save(0, 75).expect("it is kept");
    assert!(backend.save(0, 74).is_err(), "only what the sequence holds");
    let expected = compute(&mut *backend, 0, 75, &rest);
    let mut again = open(&LLAMA);
    compute(&mut *again, 3, 0, &tokens(5, 1));
    assert!(again.restore(3, &state, 75).expect("it fits"));
    assert_eq!(compute(&mut *again, 3, 75, &rest), expected);

    let long = [state.as_slice(), &[0]].concat();
    for (wrong, tokens) in [(&state[..state.len() - 1], 75), (b"", 75), (&long, 75), (&state, 20), (&state, 5000)] {
        assert!(!again.restore(3, wrong, tokens).expect("a miss is no trouble"));
        assert_eq!(again.truncate(3, 1000).expect("it can be cut"), 0, "nothing is left of it");
    }
}

#[test]
fn what_a_batch_cannot_name_is_refused() {
    let mut backend = open(&LLAMA);
    let entry = Entry { token: 5, position: 0, sequence: 0, logits: true };
    for wrong in
        [Entry { token: 1_000_000, ..entry }, Entry { position: 4, ..entry }, Entry { sequence: 4000, ..entry }]
    {
        let mut batch = Batch::default();
        batch.push(wrong);
        assert_eq!(backend.decode(&batch).expect_err("it is refused").kind(), ErrorKind::Backend, "{wrong:?}");
    }
    assert!(backend.decode(&Batch::default()).expect("nothing is nothing").rows().is_empty());
    assert_eq!(greedy(&mut *backend, 0, &[5, 6], 3).len(), 3, "and it works as before");
}

#[test]
fn another_architecture_names_the_way_out() {
    let folder = tempdir().expect("a folder");
    let strange = write(&Network { architecture: "gemma3", ..LLAMA }, GgmlDType::F32, folder.path());
    let error = callwright_candle::open(&strange, &CandleSettings::default()).expect_err("it is not computed");
    assert!(error.to_string().contains("the architecture `gemma3`"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("--backend llama")), "{error:?}");
}

#[test]
fn every_weight_must_have_a_use() {
    let folder = tempdir().expect("a folder");
    let odd = Network { has: &[Part::HeadNorms], ..LLAMA };
    let path = write(&odd, GgmlDType::F32, folder.path());
    let mut bytes = std::fs::read(&path).expect("it is there");
    let name = b"blk.1.attn_q_norm";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("its name");
    bytes[at..at + name.len()].copy_from_slice(b"blk.1.attn_sinks_");
    std::fs::write(&path, bytes).expect("it can be written");
    let error = callwright_candle::open(&path, &CandleSettings::default()).expect_err("a part would be left out");
    assert!(error.to_string().contains("attn_sinks_"), "{error}");
}

#[test]
fn half_a_file_is_no_model() {
    let folder = tempdir().expect("a folder");
    let path = write(&LLAMA, GgmlDType::F32, folder.path());
    let bytes = std::fs::read(&path).expect("it is there");
    for length in [0, 10, 3000, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).expect("it can be written");
        let error = callwright_candle::open(&path, &CandleSettings::default()).expect_err("it is cut off");
        assert_eq!(error.kind(), ErrorKind::ModelCorrupt, "{length}: {error}");
    }
}

#[test]
fn the_logits_are_those_of_beginnings_of_any_length() {
    let mut backend = open(&LLAMA);
    for (sequence, beginning) in (0..).zip(beginnings()) {
        assert_eq!(greedy(&mut *backend, sequence, &beginning, 20).len(), 20);
    }
}
