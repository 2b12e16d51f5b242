//! Small networks of random weights: the settings and tensors of each kind that engines compute.
//!
//! Who writes them into a file says which vocabulary they have, how large they are and how their weights are stored.

use crate::dice::Dice;
use crate::gguf::{Value, text};

/// A kind of network, what it has besides, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    pub architecture: &'static str,
    pub has: &'static [Part],
    pub size: Size,
}

/// What only some networks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Biases,
    HeadNorms,
    /// Factors that slow positions down, as Llama 3 has them.
    Factors,
    OwnOutput,
}

/// How large a network is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub context: usize,
    pub width: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub feed: usize,
}

const LAYERS: usize = 2;
const HEAD: usize = 16;

/// The least that every engine takes.
pub const TINY: Size = Size { context: 512, width: 32, heads: 2, kv_heads: 1, feed: 64 };

/// Large enough for heads that share keys.
pub const SMALL: Size = Size { context: 2048, width: 64, heads: 4, kv_heads: 2, feed: 96 };

pub const LLAMA: Network = Network { architecture: "llama", has: &[], size: SMALL };

/// The networks of the family.
pub const NETWORKS: &[Network] = &[
    LLAMA,
    Network { has: &[Part::Factors, Part::OwnOutput], ..LLAMA },
    Network { architecture: "qwen2", has: &[Part::Biases], ..LLAMA },
    Network { architecture: "qwen3", has: &[Part::HeadNorms, Part::OwnOutput], ..LLAMA },
];

/// A tensor of random numbers.
#[derive(Debug)]
pub struct Weights {
    pub name: String,
    /// Rows, then columns; a file has them the other way round.
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

impl Network {
    /// The settings of its header: its name and its sizes.
    pub fn settings(&self) -> Vec<(String, Value)> {
        let Size { context, width, heads, kv_heads, feed } = self.size;
        let numbers = [
            ("context_length", context),
            ("embedding_length", width),
            ("block_count", LAYERS),
            ("feed_forward_length", feed),
            ("attention.head_count", heads),
            ("attention.head_count_kv", kv_heads),
            ("attention.key_length", HEAD),
            ("attention.value_length", HEAD),
            ("rope.dimension_count", HEAD),
        ];
        let fractions = [("rope.freq_base", 500_000.0), ("attention.layer_norm_rms_epsilon", 1e-6)];
        let own = |key: &str| format!("{}.{key}", self.architecture);
        let mut settings = vec![("general.architecture".to_owned(), text(self.architecture))];
        settings.extend(numbers.map(|(key, number)| (own(key), Value::U32(u32::try_from(number).expect("small")))));
        settings.extend(fractions.map(|(key, number)| (own(key), Value::F32(number))));
        settings
    }

    /// Its tensors, for a vocabulary of so many tokens.
    pub fn weights(&self, tokens: usize) -> Vec<Weights> {
        let Size { width, heads, kv_heads, feed, .. } = self.size;
        let (queries, keys) = (heads * HEAD, kv_heads * HEAD);
        let (mut dice, mut all) = (Dice::new(1), Vec::new());
        let mut add = |name: String, shape: &[usize], middle: f32, spread: f32| {
            let numbers = (0..shape.iter().product()).map(|_| middle + spread * dice.share()).collect();
            all.push(Weights { name, shape: shape.to_vec(), numbers });
        };
        add("token_embd.weight".to_owned(), &[tokens, width], 0.0, 0.5);
        add("output_norm.weight".to_owned(), &[width], 1.0, 0.3);
        if self.has.contains(&Part::OwnOutput) {
            add("output.weight".to_owned(), &[tokens, width], 0.0, 0.5);
        }
        if self.has.contains(&Part::Factors) {
            add("rope_freqs.weight".to_owned(), &[HEAD / 2], 4.0, 3.0);
        }
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}");
            for (part, rows, columns) in [
                ("attn_q.weight", queries, width),
                ("attn_k.weight", keys, width),
                ("attn_v.weight", keys, width),
                ("attn_output.weight", width, queries),
                ("ffn_gate.weight", feed, width),
                ("ffn_up.weight", feed, width),
                ("ffn_down.weight", width, feed),
            ] {
                add(name(part), &[rows, columns], 0.0, 0.4);
            }
            add(name("attn_norm.weight"), &[width], 1.0, 0.3);
            add(name("ffn_norm.weight"), &[width], 1.0, 0.3);
            if self.has.contains(&Part::Biases) {
                add(name("attn_q.bias"), &[queries], 0.0, 0.5);
                add(name("attn_k.bias"), &[keys], 0.0, 0.5);
                add(name("attn_v.bias"), &[keys], 0.0, 0.5);
            }
            if self.has.contains(&Part::HeadNorms) {
                add(name("attn_q_norm.weight"), &[HEAD], 1.0, 0.3);
                add(name("attn_k_norm.weight"), &[HEAD], 1.0, 0.3);
            }
        }
        all
    }
}
