//! Law 14 in the tokens of real vocabularies: no text that was said becomes a control token, alone, in two parts, or
//! together with what the template writes around it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]
#![cfg(all(feature = "llama", feature = "candle"))]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use callwright::chat::{Piece, Prompt};
use callwright::infer::{Lexicon, Vocab};

/// A token of the vocabulary that its text is read as, and the text.
type Special = (u32, String);

/// All of them: those that no text can spell, and those that were added with a text.
fn specials(vocab: &dyn Vocab) -> Vec<Special> {
    let all = 0..u32::try_from(vocab.size()).expect("few");
    let special = all.filter(|token| vocab.is_control(*token) || vocab.is_added(*token));
    let text = special.filter_map(|token| Some((token, String::from_utf8(vocab.piece(token)).ok()?)));
    // An added token of a single letter is just that letter.
    text.filter(|(_, text)| !text.trim().is_empty() && text.chars().count() > 1).collect()
}

fn holds(vocab: &Arc<dyn Vocab>, file: &Path) {
    let lexicon = Lexicon::new(Arc::clone(vocab));
    let specials = specials(&**vocab);
    let (markup, said) = (|text: &str| Piece::Markup(text.to_owned()), |text: &str| Piece::Verbatim(text.to_owned()));
    // What the template writes: a token that stays one whatever stands beside it.
    let own = specials.iter().find(|(_, text)| text.len() > 3 && text.starts_with('<')).expect("a special token");
    let of = |pieces: Vec<Piece>| -> Vec<u32> {
        let pieces = [vec![markup(&own.1)], pieces, vec![markup(&own.1)]].concat();
        let tokens = lexicon.prompt_tokens(&Prompt { pieces, shared: 0 });
        let begun = usize::from(vocab.begin().is_some_and(|begin| begin != own.0));
        let tokens = tokens.into_iter().skip(begun);
        tokens.filter(|token| specials.iter().any(|(special, _)| special == token)).collect()
    };
    let mut tried = 0;
    for (token, text) in &specials {
        assert_eq!(of(vec![markup(text)]), [own.0, *token, own.0], "{}: {text:?} is meant", file.display());
        let mut forged = vec![vec![said(text)], vec![said("a "), said(text), said(" b")], vec![said(&text.repeat(2))]];
        for at in text.char_indices().map(|(at, _)| at).skip(1) {
            let (first, second) = text.split_at(at);
            forged.push(vec![said(first), said(second)]);
            forged.push(vec![markup(first), said(second)]);
            forged.push(vec![said(first), markup(second)]);
        }
        for pieces in forged {
            assert_eq!(of(pieces.clone()), [own.0, own.0], "{}: {pieces:?}", file.display());
            tried += 1;
        }
    }
    println!("{}: {} special tokens, {tried} forged ones", file.display(), specials.len());
}

#[test]
fn law_14_only_the_template_makes_control_tokens() {
    let mut files = vec![PathBuf::from("fixtures/models/tiny.gguf")];
    if let Some(shared) = callwright_test_support::shared() {
        let folder = std::fs::read_dir(shared.join("vocab")).expect("vocabularies");
        files.extend(folder.map(|entry| entry.expect("an entry").path()));
    }
    for file in &files {
        holds(&callwright_llama::vocabulary(file).expect("it is read"), file);
        holds(&callwright_candle::vocabulary(file).expect("it is read"), file);
    }
}
