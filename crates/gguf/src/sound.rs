//! What a header must say for an engine to be able to compute with it.
//!
//! llama.cpp ends the whole process over some of what is refused here, and candle would take memory or time without end.
//! Only what holds for every architecture is looked at; what one alone needs, its engine knows. Bounds are far above any
//! real model.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use super::{Error, ErrorKind, Header, Tensor, Value};

/// llama.cpp's own bound on layers, and on experts.
const MOST: i64 = 512;
/// The widest of real models has 53,248 numbers between layers, and the longest context is of 10 million tokens.
const WIDEST: i64 = 1 << 24;
/// A shorter context holds no question with its answer.
const SHORTEST: i64 = 64;
/// Positions are signed numbers of 32 bits.
const LONGEST: i64 = i32::MAX as i64;

/// Settings of the architecture that count something, and how many there may be. Per layer some may have none.
const COUNTS: &[(&str, RangeInclusive<i64>)] = &[
    ("block_count", 1..=MOST),
    ("context_length", SHORTEST..=LONGEST),
    ("embedding_length", 1..=WIDEST),
    ("feed_forward_length", 0..=WIDEST),
    ("attention.head_count", 0..=WIDEST),
    ("attention.head_count_kv", 0..=WIDEST),
    ("attention.key_length", 1..=WIDEST),
    ("attention.value_length", 1..=WIDEST),
    ("rope.dimension_count", 0..=WIDEST),
    ("rope.scaling.original_context_length", 0..=LONGEST),
    ("expert_count", 0..=MOST),
    ("expert_used_count", 0..=MOST),
];

/// Settings that are fractions, and between what they lie.
const FRACTIONS: &[(&str, f64, f64)] = &[
    ("attention.layer_norm_epsilon", f64::MIN_POSITIVE, 1.0),
    ("attention.layer_norm_rms_epsilon", f64::MIN_POSITIVE, 1.0),
    ("attention.group_norm_epsilon", f64::MIN_POSITIVE, 1.0),
    ("attention.scale", f64::MIN_POSITIVE, 1e6),
    ("rope.freq_base", f64::MIN_POSITIVE, 1e30),
    ("rope.freq_base_swa", f64::MIN_POSITIVE, 1e30),
    ("rope.scale_linear", 0.0, 1e9),
    ("rope.scaling.factor", 0.0, 1e9),
    ("rope.scaling.attn_factor", 0.0, 1e9),
];

/// Number types that ggml stores and multiplies nothing by.
const STORED: &[&str] = &["I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K"];
/// Tables of ids, which are looked up and not computed with.
const TABLES: &[&str] = &["tid2eid", "d2t"];

/// Whether ggml computes with a tensor's number type where the tensor stands: it ends the process over others, and is told
/// of them only when it has the weights.
fn computes(tensor: &Tensor) -> bool {
    let name = tensor.name.as_str();
    if TABLES.iter().any(|table| name.contains(table)) {
        return true;
    }
    // What is added to numbers, or multiplies them one by one.
    match name.rsplit('.').next() {
        Some("bias") => tensor.kind == "F32",
        Some("weight") if name.ends_with("norm.weight") => tensor.kind == "F32",
        Some("weight") => !STORED.contains(&tensor.kind),
        _ => true,
    }
}

impl Header {
    /// Fails where no engine could compute with what the header says.
    pub fn require_sound(&self, path: &Path) -> Result<(), Error> {
        let flaw = self.unsound_counts().or_else(|| self.unsound_fractions()).or_else(|| self.unsound_heads());
        match flaw.or_else(|| self.unsound_tensors()).or_else(|| self.unsound_vocabulary()) {
            None => Ok(()),
            Some(flaw) => {
                let message = format!("`{}` is not a usable GGUF file: {flaw}", path.display());
                Err(Error::new(ErrorKind::Corrupt, message))
            }
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.metadata.get(&format!("{}.{key}", self.architecture))
    }

    fn unsound_counts(&self) -> Option<String> {
        COUNTS.iter().find_map(|(key, bounds)| {
            let wrong = |number: i64| {
                let (low, high) = (bounds.start(), bounds.end());
                format!("`{}.{key}` is {number}, which is not between {low} and {high}", self.architecture)
            };
            match self.value(key)? {
                Value::Integer(number) => (!bounds.contains(number)).then(|| wrong(*number)),
                Value::Integers(layers) => {
                    let bad = |number: &&i64| **number != 0 && !bounds.contains(*number);
                    layers.iter().find(bad).map(|number| wrong(*number))
                }
                _ => Some(format!("`{}.{key}` is not a number", self.architecture)),
            }
        })
    }

    fn unsound_fractions(&self) -> Option<String> {
        FRACTIONS.iter().find_map(|(key, low, high)| {
            let wrong = |what: &str| format!("`{}.{key}` is {what}", self.architecture);
            match self.value(key)? {
                Value::Float(number) if (*low..=*high).contains(number) => None,
                Value::Float(number) => Some(wrong(&number.to_string())),
                Value::Integer(number) if *number > 0 => None,
                _ => Some(wrong("not a number")),
            }
        })
    }

    /// Heads of queries share heads of keys and values evenly, and the width is cut into heads.
    fn unsound_heads(&self) -> Option<String> {
        let heads = self.setting("attention.head_count")?;
        let shared = self.setting("attention.head_count_kv").filter(|shared| *shared > 0);
        if let Some(shared) = shared.filter(|shared| !heads.is_multiple_of(*shared)) {
            return Some(format!("its {heads} heads cannot share {shared} heads of keys and values"));
        }
        let width = self.setting("embedding_length")?;
        let own = self.setting("attention.key_length").is_some();
        (heads > width && !own).then(|| format!("its {heads} heads have no room in {width} numbers"))
    }

    /// Every layer's tensors belong to a layer that there is, and there is a row for every token.
    fn unsound_tensors(&self) -> Option<String> {
        let layers = self.setting("block_count");
        for tensor in &self.tensors {
            let layer = tensor.name.strip_prefix("blk.").and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
            if layer.is_some_and(|layer| layers.is_some_and(|layers| layer >= layers)) {
                return Some(format!("tensor `{}` is of a layer that there is not", tensor.name));
            }
            if tensor.shape.contains(&0) || tensor.shape.is_empty() {
                return Some(format!("tensor `{}` is empty", tensor.name));
            }
            if !computes(tensor) {
                return Some(format!(
                    "tensor `{}` is of type {}, which nothing computes with",
                    tensor.name, tensor.kind
                ));
            }
        }
        let table = self.tensors.iter().find(|tensor| tensor.name == "token_embd.weight")?;
        let &[width, rows] = table.shape.as_slice() else {
            return Some("its table of tokens is not a table".to_owned());
        };
        let tokens = self.vocab.size;
        if tokens > 0 && rows != tokens {
            return Some(format!("its table of tokens has {rows} rows for {tokens} tokens"));
        }
        let wanted = self.setting("embedding_length").filter(|wanted| *wanted != width)?;
        Some(format!("its table of tokens is {width} numbers wide and not {wanted}"))
    }

    /// llama.cpp takes a text that two tokens have for a mistake of its own.
    fn unsound_vocabulary(&self) -> Option<String> {
        let vocab = &self.vocab;
        if vocab.size > i32::MAX as u64 {
            return Some(format!("it has {} tokens", vocab.size));
        }
        let kinds = vocab.kinds.len() as u64;
        if kinds > 0 && kinds != vocab.size {
            return Some(format!("it says of {kinds} tokens what they are, and has {}", vocab.size));
        }
        let mut seen = BTreeSet::new();
        // Bytes that are no text were replaced when they were read, and may have differed. An empty one gets a name.
        let comparable = |text: &&str| !text.is_empty() && !text.contains(char::REPLACEMENT_CHARACTER);
        let twice = vocab.texts.iter().filter(comparable).find(|text| !seen.insert(*text))?;
        Some(format!("two of its tokens are `{}`", twice.escape_debug()))
    }
}
