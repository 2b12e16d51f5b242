//! Texts of bounded length over real vocabularies: their masks are large, and none may fail.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use callwright::chat::{Call, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::Lexicon;

use serde_json::json;

#[test]
fn bounded_texts_are_held_in_every_format() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let lexicon =
        Lexicon::new(callwright_llama::vocabulary(&shared.join("vocab/ggml-vocab-qwen2.gguf")).expect("a vocabulary"));
    let bounds = |least: u64, most: u64| json!({"type": "string", "minLength": least, "maxLength": most});
    let text = "at the quay, behind <b>the old customs house</b>\nand then left; ring twice";
    let call = Call::new("note", [("text".to_owned(), json!(text))].into_iter().collect());
    let mut measured = 0;
    for format in Formats::builtin().iter() {
        for (least, most) in [(0, 80), (20, 200), (0, 256), (0, 5000)] {
            let schema = json!({"type": "object", "properties": {"text": bounds(least, most)}, "required": ["text"]});
            let tools = ToolSet::compile(&[Tool::new("note", "keeps a note", schema)]).unwrap();
            let Ok(Some(constraint)) = Constraint::compile(format, &tools, &ToolChoice::Required, false, "") else {
                continue;
            };
            let Ok(written) = format.write(std::slice::from_ref(&call)) else { continue };
            let told = format!("{} up to {most}", format.name());
            let mut matcher = lexicon.matcher(&constraint).unwrap_or_else(|error| panic!("{told}: {error}"));
            for token in lexicon.vocab().tokenize(written.as_bytes(), true) {
                if matcher.is_done() || !matcher.fits(token) {
                    break;
                }
                let mask = matcher.mask().unwrap_or_else(|error| panic!("{told}: {error}"));
                assert!(mask.allows(token) || mask.count() == 1, "{told}: {token}");
                matcher.consume(token).unwrap_or_else(|error| panic!("{told}: {error}"));
                measured += 1;
            }
        }
    }
    assert!(measured > 4000, "{measured}");
}
