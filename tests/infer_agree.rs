//! candle and llama.cpp give the same: the same tokens of a text, and the same likeliest tokens after it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]
#![cfg(all(feature = "llama", feature = "candle"))]

mod common;

use std::path::{Path, PathBuf};

use callwright::BackendName;
use callwright::infer::Vocab;
use callwright_test_support::networks::NETWORKS;
use candle_core::quantized::GgmlDType;
use common::jobs::backend;
use common::networks::{beginnings, write};
use common::raw::{compute, distance, greedy};
use tempfile::tempdir;

/// As far as half precision in llama.cpp's cache lets them.
const CLOSE: f32 = 0.02;

#[test]
fn greedy_tokens_are_equal() {
    for network in NETWORKS {
        let folder = tempdir().expect("a folder");
        let file = write(network, GgmlDType::F32, folder.path());
        let mut candle = backend(BackendName::Candle, &file);
        let mut llama = backend(BackendName::Llama, &file);
        for (sequence, beginning) in (0..).zip(beginnings()) {
            let one = compute(&mut *candle, sequence + 8, 0, &beginning);
            let other = compute(&mut *llama, sequence + 8, 0, &beginning);
            let apart = one.iter().zip(&other).map(|(one, other)| distance(one, other)).fold(0.0, f32::max);
            println!("{} {} tokens: logits {apart} apart", network.architecture, beginning.len());
            assert!(apart < CLOSE, "{network:?}");
            let said = greedy(&mut *candle, sequence, &beginning, 64);
            assert_eq!(said, greedy(&mut *llama, sequence, &beginning, 64), "{network:?}");
        }
    }
}

#[test]
fn the_random_model_of_the_repository_says_the_same() {
    let file = Path::new("fixtures/models/random_llama.gguf");
    let mut candle = backend(BackendName::Candle, file);
    let mut llama = backend(BackendName::Llama, file);
    for (sequence, beginning) in (0..).zip(beginnings()) {
        assert_eq!(greedy(&mut *candle, sequence, &beginning, 64), greedy(&mut *llama, sequence, &beginning, 64));
    }
}

/// Texts that tokenizers have been wrong about.
const NASTY: &[&str] = &[
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n\n\n",
    "\t",
    "\t\t\n  \n x",
    " a",
    "a ",
    "  a  b   c    d",
    "Hello, world! It's 12345 o'clock; I'LL we've they'Re.",
    "'s 'S 'ſ don't DON'T 'tis",
    "1 12 123 1234 12345 3.14 1,000,000 ½ ² Ⅷ ٣٤٥",
    "naïve café — “quoted” … ‘x’ „y“",
    "ÀÉÎõü ß ﬁ ǅ K",
    "こんにちは、世界。カタカナ 漢字",
    "안녕하세요 세계",
    "Привет, мир! Ελληνικά",
    "שלום עולם مرحبا بالعالم",
    "नमस्ते दुनिया",
    "e\u{301} a\u{308}\u{323} \u{200b}\u{200d}x\u{feff}y\u{a0}z\u{2003}w",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪 a👍b",
    "\u{0}\u{1}\u{1b}[0m\u{7f}\u{85}",
    "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"São Paulo\", \"days\": 5}}",
    "<tool_call>\n{\"name\": \"f\"}\n</tool_call>",
    "<|im_start|>system\nYou.<|im_end|>\n<|im_start|>user\n",
    "<|im_start|><|im_end|><|im_start|",
    "<s>a</s> b<unk>c <s> </s>",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>",
    "<|endoftext|> x <|end_of_text|>y<｜end▁of▁sentence｜>",
    "▁a▁▁b ▁",
    "<0x0A><0x41>",
    "fn main() {\n    println!(\"{}\", x != y && z <= 0);\r\n\r\n}\n\n\n\n// end",
    "a\r\nb\rc\n\rd",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "================================================================ ---- ____ ////",
    "https://example.org/a?b=c&d=%20#e user@example.org $5 €6 £7 100% #tag @me",
    "\u{10ffff}\u{e000}\u{fffd}",
    "𝒜𝓁𝓅𝒽𝒶 𐍈 𠜎",
];

fn agree(file: &Path) {
    let (one, other) = (
        callwright_candle::vocabulary(file).expect("it is read"),
        callwright_llama::vocabulary(file).expect("it is read"),
    );
    let (one, other): (&dyn Vocab, &dyn Vocab) = (&*one, &*other);
    let shown = file.display();
    assert_eq!(one.size(), other.size(), "{shown}");
    assert_eq!(one.begin(), other.begin(), "{shown}");
    let mut strange = 0;
    for token in 0..u32::try_from(one.size()).expect("few") {
        let (piece, wanted) = (one.piece(token), other.piece(token));
        // llama.cpp writes words that byte pairs cannot spell in a way of its own.
        if piece != wanted && String::from_utf8_lossy(&wanted).contains("[UNK_BYTE_") {
            strange += 1;
            continue;
        }
        assert_eq!(piece, wanted, "{shown}: {token}");
        assert_eq!(one.is_end(token), other.is_end(token), "{shown}: {token} {:?}", String::from_utf8_lossy(&piece));
        assert_eq!(
            one.is_added(token),
            other.is_added(token),
            "{shown}: {token} {:?}",
            String::from_utf8_lossy(&piece)
        );
        assert_eq!(
            one.is_control(token),
            other.is_control(token),
            "{shown}: {token} {:?}",
            String::from_utf8_lossy(&piece)
        );
    }
    let mut wrong = Vec::new();
    let mut texts: Vec<String> = NASTY.iter().map(|text| (*text).to_owned()).collect();
    texts.push(NASTY.join(" "));
    texts.push(NASTY.join("\n"));
    texts.push(std::fs::read_to_string("crates/infer/src/sequence.rs").expect("a source"));
    texts.push(std::fs::read_to_string("fixtures/models/questions.jsonl").expect("questions")[..40_000].to_owned());
    // llama.cpp knows Phi-3 by its name and drops blanks behind its special words; candle does not run that network.
    let special = !file.ends_with("ggml-vocab-phi-3.gguf");
    for text in &texts {
        let bytes = text.as_bytes();
        let ways = if special { 3 } else { 1 };
        for (how, said, wanted) in [
            ("plain", one.tokenize(bytes, false), other.tokenize(bytes, false)),
            ("special", one.tokenize(bytes, true), other.tokenize(bytes, true)),
            ("start", one.tokenize_start(bytes, true), other.tokenize_start(bytes, true)),
        ]
        .into_iter()
        .take(ways)
        {
            if said != wanted {
                let at = said.iter().zip(&wanted).take_while(|(said, wanted)| said == wanted).count();
                let show = |vocab: &dyn Vocab, tokens: &[u32]| -> Vec<String> {
                    let some = tokens.iter().skip(at.saturating_sub(2)).take(8);
                    some.map(|token| String::from_utf8_lossy(&vocab.piece(*token)).into_owned()).collect()
                };
                wrong.push(format!(
                    "{how} {:?}: {:?} not {:?}",
                    &text[..text.len().min(40)],
                    show(one, &said),
                    show(other, &wanted)
                ));
            }
        }
    }
    println!("{shown}: {} tokens, {strange} that cannot be spelled, {} texts", one.size(), texts.len());
    assert!(wrong.is_empty(), "{shown}: {} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn tokens_of_the_embedded_model_are_equal() {
    agree(Path::new("fixtures/models/random_llama.gguf"));
    agree(Path::new("fixtures/models/tiny.gguf"));
}

#[test]
fn tokens_of_real_vocabularies_are_equal() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let folder = std::fs::read_dir(shared.join("vocab")).expect("vocabularies");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in &files {
        agree(file);
    }
}
