//! What a GGUF file says of its vocabulary: its tokens, the special ones, and which of them begin and end a text.
//!
//! Special tokens matter to all that reads or writes prompts: what a user typed must never become one, and what the
//! model said as one must stay readable. The others are kept as the file spells them, for who needs a vocabulary before
//! an engine has loaded its own.

use super::value::{Metadata, Texts, Value};

/// The vocabulary of a model, as far as prompts need it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Vocab {
    /// The tokenizer's kind, as `gpt2` or `llama`.
    pub model: Option<String>,
    /// How text is cut up before, as `smollm` or `qwen2`.
    pub pre: Option<String>,
    /// How many tokens there are.
    pub size: u64,
    /// All tokens as the file spells them, by id.
    pub texts: Texts,
    /// What kinds they are of, as the numbers of `tokenizer.ggml.token_type`; empty where the file does not say.
    pub kinds: Vec<i64>,
    /// Begins a text.
    pub bos: Option<Special>,
    /// Ends a text.
    pub eos: Option<Special>,
    /// Ends a turn, where that is another one.
    pub eot: Option<Special>,
    /// Ends a message that waits for a tool's result, where that is another one.
    pub eom: Option<Special>,
    /// Stands for what the vocabulary cannot say.
    pub unknown: Option<Special>,
    /// Fills up batches.
    pub padding: Option<Special>,
    /// Whether the tokenizer itself puts `bos` in front, where the file says so.
    pub add_bos: Option<bool>,
    /// Whether the tokenizer itself puts `eos` behind, where the file says so.
    pub add_eos: Option<bool>,
    /// Every control token and every token added by hand, by id.
    pub specials: Vec<Special>,
}

/// A token that is more than a piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// Its number.
    pub id: u32,
    /// Its text, as `<|im_end|>`.
    pub text: String,
    /// What it is there for.
    pub kind: SpecialKind,
}

/// Why a token is special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecialKind {
    /// Steers the model and is no text: `<|im_end|>`.
    Control,
    /// Added to the vocabulary by hand and read as text: `<tool_call>`, `<think>`.
    UserDefined,
    /// Any other kind: a plain token that the file names as the end of a turn.
    Plain,
}

const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

impl Vocab {
    /// Reads the metadata, and drops from it the long lists.
    pub(super) fn take(metadata: &mut Metadata) -> Self {
        let tokens = match metadata.remove("tokenizer.ggml.tokens") {
            Some(Value::Texts(tokens)) => tokens,
            _ => Texts::default(),
        };
        let kinds = match metadata.remove("tokenizer.ggml.token_type") {
            Some(Value::Integers(kinds)) => kinds,
            _ => Vec::new(),
        };
        let text = |key: &str| metadata.get(key).and_then(Value::text).map(str::to_owned);
        let truth = |key: &str| metadata.get(key).and_then(Value::truth);
        let named = |key: &str| {
            let id = metadata.get(key).and_then(Value::integer)?;
            special(&tokens, &kinds, usize::try_from(id).ok()?)
        };
        Self {
            model: text("tokenizer.ggml.model"),
            pre: text("tokenizer.ggml.pre"),
            size: tokens.len() as u64,
            bos: named("tokenizer.ggml.bos_token_id"),
            eos: named("tokenizer.ggml.eos_token_id"),
            eot: named("tokenizer.ggml.eot_token_id"),
            eom: named("tokenizer.ggml.eom_token_id"),
            unknown: named("tokenizer.ggml.unknown_token_id"),
            padding: named("tokenizer.ggml.padding_token_id"),
            add_bos: truth("tokenizer.ggml.add_bos_token"),
            add_eos: truth("tokenizer.ggml.add_eos_token"),
            specials: (0..tokens.len())
                .filter(|id| kinds.get(*id).is_some_and(|kind| [CONTROL, USER_DEFINED].contains(kind)))
                .filter_map(|id| special(&tokens, &kinds, id))
                .collect(),
            texts: tokens,
            kinds,
        }
    }
}

fn special(tokens: &Texts, kinds: &[i64], id: usize) -> Option<Special> {
    let text = tokens.get(id)?.to_owned();
    let kind = match kinds.get(id) {
        Some(&CONTROL) => SpecialKind::Control,
        Some(&USER_DEFINED) => SpecialKind::UserDefined,
        _ => SpecialKind::Plain,
    };
    Some(Special { id: u32::try_from(id).ok()?, text, kind })
}
