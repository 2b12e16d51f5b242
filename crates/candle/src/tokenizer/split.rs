//! How text is cut up before byte pairs are merged: no word reaches over a cut.
//!
//! A file names the way by `tokenizer.ggml.pre`. The patterns are those of the models' own tokenizers, as llama.cpp
//! applies them: one after the other, each to the stretches that the one before left. Where they say "blanks, but not
//! the one before a word" by looking ahead, the blanks stand in a group, whose last one is given back: so no pattern
//! looks ahead, and all run in linear time. The patterns of `tokenizers` look ahead: its engine backtracks, and at a
//! run of a million blanks it gives up and leaves the rest of the text uncut, without an error. It must not know
//! vocabularies.

use regex::Regex;

use callwright_parse::error::{Error, ErrorKind, Result};

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|(\s+)";
const LLAMA3: &str =
    r"'(?i-u:[st]|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|(\s+)";
const QWEN2: &str =
    r"'(?i-u:[st]|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|(\s+)";
const QWEN35: &str =
    r"'(?i-u:[st]|re|ve|m|ll|d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|(\s+)";
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]*[\p{L}&&[^A-Z]]+|[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]+[\p{L}&&[^A-Z]]*",
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|(\s+)",
);
const DEFAULT: &[&str] = &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"];
const DEEPSEEK_CODER: &[&str] = &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"];
const DEEPSEEK3: &[&str] = &[
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|(\s+)",
];

/// Ways to cut: what files call them, their patterns, and whether a stretch that is a word is taken whole.
const WAYS: &[(&[&str], &[&str], bool)] = &[
    (&["default"], DEFAULT, false),
    (&["gpt-2", "olmo", "mpt", "jais", "trillion"], &[GPT2], false),
    (&["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], &[r"\p{N}", GPT2], false),
    (&["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "midm-2.0"], &[LLAMA3], true),
    (&["smaug-bpe", "dbrx"], &[LLAMA3], false),
    (&["qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"], &[QWEN2], false),
    (&["qwen35"], &[QWEN35], false),
    (&["tekken"], &[TEKKEN], true),
    (&["deepseek-coder"], DEEPSEEK_CODER, false),
    (&["deepseek-v3", "hunyuan-dense"], DEEPSEEK3, false),
];

/// A way to cut text, ready to be used.
#[derive(Debug)]
pub(super) struct Splitter {
    patterns: Vec<Regex>,
    /// Whether a stretch that is a word is taken whole, without merging. Where the file does not say, texts begin with
    /// a token of their own in the same cases.
    pub(super) whole: bool,
}

impl Splitter {
    /// The way of this name; none where it is not known.
    pub(super) fn named(name: &str) -> Result<Option<Self>> {
        let Some((_, patterns, whole)) = WAYS.iter().find(|(names, ..)| names.contains(&name)) else { return Ok(None) };
        let patterns = patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        let patterns =
            patterns.map_err(|cause| Error::new(ErrorKind::Backend, "invalid tokenizer regex").because(cause))?;
        Ok(Some(Self { patterns, whole: *whole }))
    }

    /// The stretches of a text, in order; together they are the text.
    pub(super) fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let mut stretches = vec![text];
        for pattern in &self.patterns {
            stretches = stretches.into_iter().flat_map(|stretch| cut(pattern, stretch)).collect();
        }
        stretches
    }
}

/// A pattern's matches and what stands between them.
fn cut<'t>(pattern: &Regex, text: &'t str) -> Vec<&'t str> {
    let (mut stretches, mut done) = (Vec::new(), 0);
    let mut places = pattern.capture_locations();
    while let Some(found) = pattern.captures_read_at(&mut places, text, done) {
        let mut end = found.end();
        if places.get(1).is_some()
            && end < text.len()
            && let Some((last, _)) = found.as_str().char_indices().next_back().filter(|(last, _)| *last > 0)
        {
            end = found.start() + last;
        }
        stretches.extend([&text[done..found.start()], &text[found.start()..end]]);
        done = end;
    }
    stretches.push(&text[done..]);
    stretches.retain(|stretch| !stretch.is_empty());
    stretches
}
