//! GGUF headers: what is read from right files, and that no file, however wrong, is more than an error.

#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests stop where they cannot go on, read the environment and say when they skip"
)]

use callwright_test_support::gguf;
use std::fs;
use std::io::Cursor;

use callwright_gguf::{Error, ErrorKind, Header, SpecialKind};
use callwright_models::fit::{Needs, Run};
use callwright_test_support::gguf::{Value, text};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<Header, Error> {
    Header::from_reader(Cursor::new(bytes), bytes.len() as u64)
}

#[test]
fn a_header_says_what_is_in_the_file() {
    let header = read(&gguf::model(640)).expect("a right file");
    assert_eq!((header.architecture.as_str(), header.name.as_deref()), ("llama", Some("small")));
    assert_eq!((header.context_length, header.quant.as_str()), (Some(2048), "Q8_0"));
    assert_eq!(header.chat_template.as_deref(), Some("{{ messages }}"));
    assert_eq!(header.named_templates["tool_use"], "{{ tools }}");
    assert_eq!((header.parameters, header.weight_bytes), (648, 32 + 20 * 34));
    assert_eq!(header.setting_of_layer("attention.head_count_kv", 1), Some(1));
    assert_eq!(header.setting("block_count"), Some(2));
    let vocab = &header.vocab;
    assert_eq!((vocab.size, vocab.add_bos), (4, Some(false)));
    assert_eq!(vocab.eos.as_ref().map(|token| token.text.as_str()), Some("<|end|>"));
    assert_eq!(vocab.bos.as_ref().map(|token| token.kind), Some(SpecialKind::Plain));
    let specials: Vec<_> = vocab.specials.iter().map(|token| (token.id, token.text.as_str(), token.kind)).collect();
    assert_eq!(specials, [(2, "<|end|>", SpecialKind::Control), (3, "<tool_call>", SpecialKind::UserDefined)]);
}

/// Law 5, and "a truncated file is refused": at every byte.
#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let whole = gguf::model(640);
    for length in 0..whole.len() {
        let error = read(&whole[..length]).expect_err("a part of a file");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "at {length}: {error}");
        assert!(error.to_string().contains("is cut off"), "at {length}: {error}");
    }
    // A real model's file may go on behind its weights; nobody reads what is there.
    read(&[whole, vec![0; 100]].concat()).expect("a file with bytes behind its weights");
}

/// The same with a file that llama.cpp runs, in its header and wherever its weights end.
#[test]
fn a_real_file_that_is_cut_off_anywhere_is_refused() {
    let path = callwright_test_support::root().join("fixtures/models/random_llama.gguf");
    let whole = fs::read(&path).expect("the file of random weights");
    let header = Header::read(&path).expect("a right file");
    header.require_weights(&path).expect("with weights");
    let weights = usize::try_from(header.weight_bytes).expect("small");
    let header_end = whole.len() - weights;
    // Every byte of the settings; of the long lists and the weights, which are all alike, some.
    let lengths = (0..2000).chain((2000..=header_end).step_by(61)).chain((header_end..whole.len()).step_by(9973));
    for length in lengths.chain([whole.len() - 1]) {
        let error = read(&whole[..length]).expect_err("a part of a file");
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("is cut off"), "{length}: {error}");
    }
}

#[test]
fn impossible_headers_are_told_apart() {
    let plain = |keys: &[(&str, Value)]| gguf::file(keys, &[]);
    let named = ("general.architecture", text("llama"));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"PK\x03\x04 and so on".to_vec(), "does not begin with `GGUF`"),
        ([b"GGUF".as_slice(), &1_u32.to_le_bytes(), &[0; 16]].concat(), "version 1"),
        ([b"GGUF".as_slice(), &3_u32.to_be_bytes(), &[0; 16]].concat(), "big-endian"),
        ([b"GGUF".as_slice(), &77_u32.to_le_bytes(), &[0; 16]].concat(), "unknown version 77"),
        (plain(&[]), "does not name its architecture"),
        (plain(&[named, ("general.alignment", Value::U32(24))]), "alignment"),
        (plain(&[("a", Value::U32(1)), ("a", Value::U32(2))]), "twice"),
        (gguf::file(&[], &[("w", 4, &[32], 0)]), "unknown number type 4"),
        (gguf::file(&[], &[("w", 8, &[33], 0)]), "not whole blocks"),
        (gguf::file(&[], &[("w", 0, &[1, 1, 1, 1, 1], 4)]), "5 dimensions"),
        (gguf::file(&[], &[("w", 0, &[u64::MAX, 4], 0)]), "invalid shape"),
        (gguf::file(&[], &[("w", 28, &[1 << 62], 0)]), "too large"),
        (gguf::file(&[], &[("w", 0, &[8], 32), ("w", 0, &[8], 32)]), "two tensors"),
        (gguf::file(&[], &[("w", 0, &[8], 64), ("v", 0, &[8], 32)]), "begins at 64, not at 32"),
    ];
    for (bytes, told) in cases {
        let error = read(&bytes).expect_err(told);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(told), "`{error}` does not say `{told}`");
    }
}

/// A count or length that the file cannot have is refused before memory is taken for it.
#[test]
fn huge_counts_cost_nothing() {
    let mut bytes = gguf::model(64);
    for at in [8, 16, 24] {
        let mut wrong = bytes.clone();
        wrong[at..at + 8].copy_from_slice(&(u64::MAX / 3).to_le_bytes());
        read(&wrong).expect_err("a count that cannot be");
    }
    bytes.truncate(24);
    bytes[8..16].copy_from_slice(&0_u64.to_le_bytes());
    bytes[16..24].copy_from_slice(&1_u64.to_le_bytes());
    bytes.extend(1_u64.to_le_bytes());
    bytes.extend(b"k");
    bytes.extend(9_u32.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend((1_u64 << 40).to_le_bytes());
    // The source claims to be as long as the list: the header itself is too long then.
    let error = Header::from_reader(Cursor::new(&bytes), 1 << 50).expect_err("a list of 2^40 bytes");
    assert!(error.to_string().contains("header is longer"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read(&[b"GGUF\x03\0\0\0".as_slice(), &bytes].concat());
    }

    #[test]
    fn no_damage_panics(damage in prop::collection::vec((0usize..1100, any::<u8>()), 1..8), cut in 0usize..1100) {
        let mut bytes = gguf::model(64);
        for (at, byte) in damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(bytes.len().max(cut));
        if let Ok(header) = read(&bytes) {
            let needs = Needs::of(&header, Run::new(u64::MAX));
            prop_assert!(needs.total() >= header.weight_bytes);
        }
    }
}

#[test]
fn a_model_in_several_files_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |part: u32| folder.path().join(format!("m-{part:05}-of-00002.gguf"));
    let keys = [("general.architecture", text("llama")), ("split.count", Value::U32(2)), ("split.no", Value::U32(0))];
    fs::write(path(1), gguf::file(&keys, &[("a", 0, &[8], 32)])).expect("written");
    let error = Header::read(&path(1)).expect_err("the second is missing");
    assert!(error.to_string().contains("m-00002-of-00002.gguf"), "{error}");

    let keys = [("split.count", Value::U32(2)), ("split.no", Value::U32(1))];
    fs::write(path(2), gguf::file(&keys, &[("b", 0, &[16], 64)])).expect("written");
    let header = Header::read(&path(1)).expect("both are there");
    assert_eq!((header.parameters, header.weight_bytes, header.tensors.len()), (24, 96, 2));
    let error = Header::read(&path(2)).expect_err("not the first");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("-00001-of-00002.gguf")), "{error}");
}

/// Real vocabularies: sizes and special tokens as llama.cpp reads them.
#[test]
fn real_vocabularies_are_read() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let mut seen = 0;
    for (name, size, eos) in [
        ("deepseek-coder", 32256, "<｜end▁of▁sentence｜>"),
        ("llama-bpe", 128_256, "<|end_of_text|>"),
        ("llama-spm", 32000, "</s>"),
        ("phi-3", 32064, "<|endoftext|>"),
        ("qwen2", 151_936, "<|endoftext|>"),
    ] {
        let path = shared.join("vocab").join(format!("ggml-vocab-{name}.gguf"));
        let header = Header::read(&path).expect(name);
        assert_eq!((header.vocab.size, header.quant.as_str()), (size, "none"), "{name}");
        assert!(header.vocab.eos.as_ref().is_some_and(|token| token.text == eos), "{name}: {:?}", header.vocab.eos);
        assert!(header.require_weights(&path).is_err(), "{name} has no weights");
        assert!(!header.vocab.specials.is_empty(), "{name} has special tokens");
        seen += 1;
    }
    assert_eq!(seen, 5);
}
