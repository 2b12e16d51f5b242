//! Writes small models of random weights, one for each kind of network that candle computes.

use std::fs::File;
use std::path::{Path, PathBuf};

use callwright::infer::Token;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};

/// A kind of network, what it has besides, and how its weights are stored.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    pub architecture: &'static str,
    pub has: &'static [Part],
    pub weights: GgmlDType,
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

/// The networks of the family.
pub const NETWORKS: &[Network] = &[
    LLAMA,
    Network { has: &[Part::Factors, Part::OwnOutput], ..LLAMA },
    Network { architecture: "qwen2", has: &[Part::Biases], ..LLAMA },
    Network { architecture: "qwen3", has: &[Part::HeadNorms, Part::OwnOutput], ..LLAMA },
];

pub const LLAMA: Network = Network { architecture: "llama", has: &[], weights: GgmlDType::F32 };

const WIDTH: usize = 64;
const LAYERS: usize = 2;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 16;
const FEED: usize = 96;

/// Numbers between -1 and 1 that look like chance and are always the same.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "24 bits")]
        let share = (self.0 >> 40) as f32 / (1 << 24) as f32;
        share * 2.0 - 1.0
    }

    fn tensor(&mut self, shape: &[usize], middle: f32, spread: f32) -> Tensor {
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| middle + spread * self.next()).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).expect("a tensor")
    }
}

impl Network {
    /// Writes a model of this kind into a folder, with the tokenizer of the random model in the repository.
    pub fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.gguf", self.architecture));
        let mut donor = File::open(callwright_test_support::root().join("fixtures/models/random_llama.gguf"))
            .expect("the random model");
        let metadata = self.metadata(Content::read(&mut donor).expect("a header"));
        let tokens = match &metadata.iter().find(|(key, _)| key == "tokenizer.ggml.tokens").expect("tokens").1 {
            Value::Array(tokens) => tokens.len(),
            _ => panic!("tokens are a list"),
        };
        let tensors = self.tensors(tokens);
        let metadata: Vec<_> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let mut file = File::create(&path).expect("a file");
        gguf_file::write(&mut file, &metadata, &tensors).expect("it can be written");
        path
    }

    fn metadata(&self, donor: Content) -> Vec<(String, Value)> {
        let mut metadata: Vec<(String, Value)> =
            donor.metadata.into_iter().filter(|(key, _)| !key.starts_with("llama.")).collect();
        for (key, value) in &mut metadata {
            if key == "general.architecture" {
                *value = Value::String(self.architecture.to_owned());
            }
        }
        let mut set = |key: &str, value| metadata.push((format!("{}.{key}", self.architecture), value));
        let count = |number: usize| Value::U32(u32::try_from(number).expect("small"));
        set("context_length", count(2048));
        set("embedding_length", count(WIDTH));
        set("block_count", count(LAYERS));
        set("feed_forward_length", count(FEED));
        set("attention.head_count", count(HEADS));
        set("attention.head_count_kv", count(KV_HEADS));
        set("attention.key_length", count(HEAD));
        set("attention.value_length", count(HEAD));
        set("rope.dimension_count", count(HEAD));
        set("rope.freq_base", Value::F32(500_000.0));
        set("attention.layer_norm_rms_epsilon", Value::F32(1e-6));
        metadata
    }

    fn tensors(&self, tokens: usize) -> Vec<(String, QTensor)> {
        let mut chance = Chance(7);
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: &[usize], middle: f32, spread: f32| {
            let kind = if shape.len() == 2 { self.weights } else { GgmlDType::F32 };
            let tensor = chance.tensor(shape, middle, spread);
            tensors.push((name, QTensor::quantize(&tensor, kind).expect("whole blocks")));
        };
        add("token_embd.weight".to_owned(), &[tokens, WIDTH], 0.0, 0.5);
        add("output_norm.weight".to_owned(), &[WIDTH], 1.0, 0.3);
        if self.has.contains(&Part::OwnOutput) {
            add("output.weight".to_owned(), &[tokens, WIDTH], 0.0, 0.5);
        }
        if self.has.contains(&Part::Factors) {
            add("rope_freqs.weight".to_owned(), &[HEAD / 2], 4.0, 3.0);
        }
        for layer in 0..LAYERS {
            let name = |part: &str| format!("blk.{layer}.{part}");
            let (queries, keys) = (HEADS * HEAD, KV_HEADS * HEAD);
            for (part, rows, columns) in [
                ("attn_q.weight", queries, WIDTH),
                ("attn_k.weight", keys, WIDTH),
                ("attn_v.weight", keys, WIDTH),
                ("attn_output.weight", WIDTH, queries),
                ("ffn_gate.weight", FEED, WIDTH),
                ("ffn_up.weight", FEED, WIDTH),
                ("ffn_down.weight", WIDTH, FEED),
            ] {
                add(name(part), &[rows, columns], 0.0, 0.4);
            }
            add(name("attn_norm.weight"), &[WIDTH], 1.0, 0.3);
            add(name("ffn_norm.weight"), &[WIDTH], 1.0, 0.3);
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
        tensors
    }
}

/// Three beginnings, of one token and of many.
pub fn beginnings() -> Vec<Vec<Token>> {
    vec![
        vec![300],
        (5..45).map(|number| number * 31 % 1500).collect(),
        (0..100).map(|number| 40 + number % 7).collect(),
    ]
}
