//! Small models that engines run, and ways to spoil them.
//!
//! A spoilt model is one that a stranger could have made: a setting changed, dropped or of another type, tokens doubled,
//! tensors of another shape, bytes turned. What becomes of it is for the engine to say, in one sentence.

use crate::dice::Dice;
use crate::gguf::{self, Value, text, texts};
use crate::networks::{NETWORKS, Network, TINY, Weights};

/// A tensor: its name, ggml's number of its type, its shape and its bytes.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub name: String,
    pub kind: u32,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// A model as a file has it.
#[derive(Clone, Debug)]
pub struct Model {
    pub keys: Vec<(String, Value)>,
    pub tensors: Vec<Tensor>,
}

/// The architectures that there are models of.
pub const ARCHITECTURES: [&str; 3] = ["llama", "qwen2", "qwen3"];

const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                        {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

impl Model {
    /// A model of this architecture that every engine runs.
    pub fn of(architecture: &str) -> Self {
        let network = NETWORKS.iter().find(|network| network.architecture == architecture).expect("one of the family");
        let network = Network { size: TINY, ..*network };
        let tokens = tokens();
        let count = tokens.len();
        let mut kinds = vec![1; count];
        kinds[count - 3..].fill(3);
        let last = u32::try_from(count).expect("few") - 1;
        let mut keys = network.settings();
        let words = [
            ("general.name", text("random")),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("qwen2")),
            ("tokenizer.ggml.tokens", Value::Texts(tokens)),
            ("tokenizer.ggml.token_type", Value::Integers(kinds)),
            ("tokenizer.ggml.merges", texts(&["t h", "th e"])),
            ("tokenizer.ggml.bos_token_id", Value::U32(last - 2)),
            ("tokenizer.ggml.eos_token_id", Value::U32(last)),
            ("tokenizer.ggml.padding_token_id", Value::U32(last)),
            ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
            ("tokenizer.chat_template", text(TEMPLATE)),
        ];
        keys.extend(words.map(|(key, value)| (key.to_owned(), value)));
        let tensor = |weights: Weights| Tensor {
            name: weights.name,
            kind: 0,
            shape: weights.shape.iter().rev().map(|size| *size as u64).collect(),
            bytes: weights.numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        };
        Self { keys, tensors: network.weights(count).into_iter().map(tensor).collect() }
    }

    /// The file of the model.
    pub fn file(&self) -> Vec<u8> {
        let keys: Vec<_> = self.keys.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        let mut tensors: Vec<gguf::Tensor> = Vec::new();
        for tensor in &self.tensors {
            tensors.push((&tensor.name, tensor.kind, &tensor.shape, tensor.bytes.len()));
        }
        let mut out = gguf::header(&keys, &tensors);
        for tensor in &self.tensors {
            out.extend(&tensor.bytes);
            out.resize(out.len().next_multiple_of(gguf::ALIGNED), 0);
        }
        out
    }

    /// Its file, spoilt in one way or several; the same number gives the same.
    pub fn spoilt(&self, number: u64) -> Vec<u8> {
        let mut dice = Dice::new(number);
        let mut model = self.clone();
        for _ in 0..1 + dice.below(2) {
            match dice.below(10) {
                0..=3 => model.spoil_number(&mut dice),
                4 => model.spoil_key(&mut dice),
                5 | 6 => model.spoil_words(&mut dice),
                7 | 8 => model.spoil_tensor(&mut dice),
                _ => {
                    let mut bytes = model.file();
                    let header = bytes.len() - model.tensors.iter().map(|tensor| tensor.bytes.len()).sum::<usize>();
                    for _ in 0..1 + dice.below(4) {
                        let everywhere = dice.below(5) == 0;
                        let at = dice.below(if everywhere { bytes.len() } else { header });
                        bytes[at] = dice.below(256) as u8;
                    }
                    return bytes;
                }
            }
        }
        model.file()
    }

    fn spoil_number(&mut self, dice: &mut Dice) {
        let numbers =
            |(_, value): &(String, Value)| !matches!(value, Value::Text(_) | Value::Texts(_) | Value::Integers(_));
        let places: Vec<usize> = (0..self.keys.len()).filter(|at| numbers(&self.keys[*at])).collect();
        let whole =
            [0, 1, 2, 3, 7, 15, 17, 33, 63, 64, 511, 513, 4096, 65_536, 1 << 24, i32::MAX as u32, 1 << 31, u32::MAX];
        let real =
            [0.0, -0.0, -1e-5, 1e-30, 1.0, -1.0, 1e30, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE];
        let at = *dice.pick(&places);
        let value = &mut self.keys[at].1;
        *value = match dice.below(8) {
            0 => Value::F32(*dice.pick(&real)),
            1 => Value::I32([-1, i32::MIN, 5][dice.below(3)]),
            2 => Value::U64([0, 1 << 32, u64::MAX, 16][dice.below(4)]),
            _ if matches!(value, Value::F32(_)) => Value::F32(*dice.pick(&real)),
            _ if matches!(value, Value::Bool(_)) => Value::Bool(dice.below(2) == 0),
            _ => Value::U32(*dice.pick(&whole)),
        };
    }

    /// Drops a key, gives it another type, or adds one that changes the network.
    fn spoil_key(&mut self, dice: &mut Dice) {
        let at = dice.below(self.keys.len());
        let Value::Text(own) = self.keys[0].1.clone() else { return };
        let more = [
            ("expert_count", Value::U32(8)),
            ("expert_count", Value::U32(100_000)),
            ("expert_used_count", Value::U32(9)),
            ("rope.scaling.type", text("yarn")),
            ("rope.scaling.type", text("nonsense")),
            ("rope.scaling.factor", Value::F32(f32::NAN)),
            ("rope.scaling.factor", Value::F32(0.0)),
            ("attention.sliding_window", Value::U32(u32::MAX)),
            ("attention.head_count_kv", Value::Integers(vec![1, 0, 7])),
            ("attention.causal", Value::Bool(false)),
            ("pooling_type", Value::U32(77)),
            ("vocab_size", Value::U32(7)),
            ("nextn_predict_layers", Value::U32(5)),
            ("attention.max_alibi_bias", Value::F32(f32::INFINITY)),
            ("attention.clamp_kqv", Value::F32(-1.0)),
        ];
        match dice.below(4) {
            0 => drop(self.keys.remove(at)),
            1 => self.keys[at].1 = text("text"),
            2 => self.keys[at].1 = Value::Integers(vec![1, 2, 3]),
            _ => {
                let (key, value) = dice.pick(&more).clone();
                let key = format!("{own}.{key}");
                self.keys.retain(|(known, _)| *known != key);
                self.keys.push((key, value));
            }
        }
    }

    /// Spoils the vocabulary, or a name that decides what is computed.
    fn spoil_words(&mut self, dice: &mut Dice) {
        let set = |model: &mut Self, key: &str, change: &mut dyn FnMut(&mut Value)| {
            if let Some((_, value)) = model.keys.iter_mut().find(|(known, _)| known == key) {
                change(value);
            }
        };
        let tokens = "tokenizer.ggml.tokens";
        match dice.below(8) {
            0 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    let (from, to) = (dice.below(texts.len()), dice.below(texts.len()));
                    texts[to] = texts[from].clone();
                }
            }),
            1 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    let at = dice.below(texts.len());
                    texts[at] = ["", "\u{0}", "\u{10ffff}\u{10ffff}", "Ċ"][dice.below(4)].to_owned();
                }
            }),
            2 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    texts.truncate(dice.below(texts.len()));
                }
            }),
            3 => set(self, "tokenizer.ggml.token_type", &mut |value| {
                if let Value::Integers(kinds) = value {
                    let length = kinds.len();
                    match dice.below(3) {
                        0 => kinds.truncate(length / 2),
                        1 => kinds.fill([0, 3, 6, 99, -1][dice.below(5)]),
                        _ => kinds[dice.below(length)] = [0, 2, 3, 5, 6, i32::MIN][dice.below(6)],
                    }
                }
            }),
            4 => set(self, "tokenizer.ggml.merges", &mut |value| {
                *value = Value::Texts(["x", "", " ", "a b c", "t h"].map(str::to_owned)[dice.below(4)..].to_vec());
            }),
            5 => set(self, "tokenizer.ggml.pre", &mut |value| {
                let names = ["", "nonsense", "llama-bpe", "deepseek-llm", "tekken", "gpt-4o", "superbpe"];
                *value = text(names[dice.below(names.len())]);
            }),
            6 => set(self, "tokenizer.ggml.model", &mut |value| {
                let names = ["llama", "bert", "t5", "rwkv", "none", "no_vocab", "plamo2", "gemma4", "nonsense", ""];
                *value = text(names[dice.below(names.len())]);
            }),
            _ => self.rename(dice),
        }
    }

    /// Calls the network by another name, its settings with it.
    fn rename(&mut self, dice: &mut Dice) {
        let names = [
            "qwen2", "qwen3", "llama", "gemma3", "phi3", "gpt2", "bert", "t5", "mamba", "rwkv6", "qwen2moe", "clip", "",
        ];
        let name = *dice.pick(&names);
        let Value::Text(own) = self.keys[0].1.clone() else { return };
        for (key, _) in &mut self.keys {
            if let Some(rest) = key.strip_prefix(&format!("{own}.")) {
                *key = format!("{name}.{rest}");
            }
        }
        self.keys[0].1 = Value::Text(name.to_owned());
    }

    fn spoil_tensor(&mut self, dice: &mut Dice) {
        let at = dice.below(self.tensors.len());
        let tensor = &mut self.tensors[at];
        match dice.below(7) {
            0 => drop(self.tensors.remove(at)),
            1 => tensor.name = ["blk.7.attn_q.weight", "nothing", "output.weight", ""][dice.below(4)].to_owned(),
            // The same numbers in another shape.
            2 => tensor.shape.reverse(),
            3 => tensor.shape.push(1),
            4 => {
                tensor.shape[0] = [0, 1, 31, 64, 1 << 40][dice.below(5)];
                let numbers = tensor.shape.iter().fold(1_u64, |all, size| all.saturating_mul(*size)).min(1 << 16);
                tensor.bytes = vec![0; usize::try_from(numbers * 4).expect("bounded")];
            }
            // The same shape in another type, with as many bytes as that takes.
            5 => {
                let kinds =
                    [(1, 1, 2), (8, 32, 34), (2, 32, 18), (24, 1, 1), (26, 1, 4), (28, 1, 8), (30, 1, 2), (27, 1, 8)];
                let (kind, block, bytes) = *dice.pick(&kinds);
                let numbers: u64 = tensor.shape.iter().product();
                tensor.kind = kind;
                tensor.bytes = vec![0x11; usize::try_from(numbers / block * bytes).expect("few")];
            }
            _ => {
                let number: f32 = [f32::NAN, f32::INFINITY, 0.0, 1e38][dice.below(4)];
                let all = dice.below(2) == 0;
                for (index, place) in tensor.bytes.chunks_exact_mut(4).enumerate() {
                    if all || index % 97 == 0 {
                        place.copy_from_slice(&number.to_le_bytes());
                    }
                }
            }
        }
    }
}

/// A byte-level vocabulary: every byte, two merged tokens, three control tokens.
fn tokens() -> Vec<String> {
    let plain = |byte: u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    let mut letter = |byte: u32| {
        let code = if plain(byte) { byte } else { next };
        next += u32::from(!plain(byte));
        char::from_u32(code).expect("a letter").to_string()
    };
    let bytes = (0..256).map(&mut letter);
    let more = ["th", "the", "<|im_start|>", "<pad>", "<|im_end|>"].map(str::to_owned);
    bytes.chain(more).collect()
}
