//! How text is cut up before byte pairs are merged: no word reaches over a cut.
//!
//! A file names the way by `tokenizer.ggml.pre`. The patterns are those of the models' own tokenizers, as llama.cpp
//! applies them: one after the other, each to the stretches that the one before left. Where they say "blanks, but not
//! the one before a word" by looking ahead, the blanks stand in a group, whose last one is given back: so no pattern
//! looks ahead, and all run in linear time. It must not know vocabularies.

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
const DEEPSEEK3: &str =
    r"[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|(\s+)";

/// A way to cut.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// What files call it.
    names: &'static [&'static str],
    patterns: &'static [&'static str],
    /// Whether a stretch that is a word is taken whole, without merging.
    whole: bool,
    /// Whether texts begin with a token of their own, where the file does not say.
    begins: bool,
}

const WAYS: &[Way] = &[
    Way {
        names: &["default"],
        patterns: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
        whole: false,
        begins: false,
    },
    Way { names: &["gpt-2", "olmo", "mpt", "jais", "trillion"], patterns: &[GPT2], whole: false, begins: false },
    Way {
        names: &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        patterns: &[r"\p{N}", GPT2],
        whole: false,
        begins: false,
    },
    Way {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "midm-2.0"],
        patterns: &[LLAMA3],
        whole: true,
        begins: true,
    },
    Way { names: &["smaug-bpe", "dbrx"], patterns: &[LLAMA3], whole: false, begins: false },
    Way {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"],
        patterns: &[QWEN2],
        whole: false,
        begins: false,
    },
    Way { names: &["qwen35"], patterns: &[QWEN35], whole: false, begins: false },
    Way { names: &["tekken"], patterns: &[TEKKEN], whole: true, begins: true },
    Way {
        names: &["deepseek-coder"],
        patterns: &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"],
        whole: false,
        begins: false,
    },
    Way {
        names: &["deepseek-v3", "hunyuan-dense"],
        patterns: &[r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3],
        whole: false,
        begins: false,
    },
];

/// A way to cut text, ready to be used.
#[derive(Debug)]
pub(super) struct Splitter {
    patterns: Vec<Regex>,
    way: &'static Way,
}

impl Splitter {
    /// The way of this name; none where it is not known.
    pub(super) fn named(name: &str) -> Result<Option<Self>> {
        let Some(way) = WAYS.iter().find(|way| way.names.contains(&name)) else { return Ok(None) };
        let patterns = way.patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>();
        let patterns =
            patterns.map_err(|cause| Error::new(ErrorKind::Backend, "a tokenizer's pattern is none").because(cause))?;
        Ok(Some(Self { patterns, way }))
    }

    /// Whether a stretch that is a word is taken whole.
    pub(super) fn takes_whole(&self) -> bool {
        self.way.whole
    }

    /// Whether texts begin with a token of their own, where the file does not say.
    pub(super) fn begins(&self) -> bool {
        self.way.begins
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
