//! Small models of random weights that engines run, and ways to spoil them.
//!
//! A spoilt model is one that a stranger could have made: a setting changed, dropped or of another type, tokens doubled,
//! tensors of another shape, bytes turned. What becomes of it is for the engine to say, in one sentence.

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    U32(u32),
    I32(i32),
    F32(f32),
    U64(u64),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i32>),
}

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

const WIDTH: u64 = 32;
const FEED: u64 = 64;
const LAYERS: u64 = 2;
const HEAD: u64 = 16;
const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                        {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

impl Model {
    /// A model of this architecture that every engine runs.
    pub fn of(architecture: &str) -> Self {
        let tokens = tokens();
        let count = tokens.len() as u64;
        let mut kinds = vec![1; tokens.len()];
        kinds[tokens.len() - 3..].fill(3);
        let last = u32::try_from(tokens.len()).expect("few") - 1;
        let own = |key: &str| format!("{architecture}.{key}");
        let text = |text: &str| Value::Text(text.to_owned());
        let short = |number: u64| Value::U32(u32::try_from(number).expect("small"));
        let keys = vec![
            ("general.architecture".to_owned(), text(architecture)),
            ("general.name".to_owned(), text("random")),
            (own("context_length"), short(512)),
            (own("embedding_length"), short(WIDTH)),
            (own("block_count"), short(LAYERS)),
            (own("feed_forward_length"), short(FEED)),
            (own("attention.head_count"), short(WIDTH / HEAD)),
            (own("attention.head_count_kv"), short(1)),
            (own("attention.key_length"), short(HEAD)),
            (own("attention.value_length"), short(HEAD)),
            (own("rope.dimension_count"), short(HEAD)),
            (own("rope.freq_base"), Value::F32(10_000.0)),
            (own("attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
            ("tokenizer.ggml.model".to_owned(), text("gpt2")),
            ("tokenizer.ggml.pre".to_owned(), text("qwen2")),
            ("tokenizer.ggml.tokens".to_owned(), Value::Texts(tokens)),
            ("tokenizer.ggml.token_type".to_owned(), Value::Integers(kinds)),
            ("tokenizer.ggml.merges".to_owned(), Value::Texts(vec!["t h".to_owned(), "th e".to_owned()])),
            ("tokenizer.ggml.bos_token_id".to_owned(), Value::U32(last - 2)),
            ("tokenizer.ggml.eos_token_id".to_owned(), Value::U32(last)),
            ("tokenizer.ggml.padding_token_id".to_owned(), Value::U32(last)),
            ("tokenizer.ggml.add_bos_token".to_owned(), Value::Bool(false)),
            ("tokenizer.chat_template".to_owned(), text(TEMPLATE)),
        ];
        let mut chance = Chance(11);
        let mut tensors = Vec::new();
        let mut add = |name: &str, shape: &[u64]| {
            let norm = name.contains("norm");
            let numbers = (0..shape.iter().product::<u64>()).flat_map(|_| {
                let share = chance.below(2001) as f32 / 1000.0 - 1.0;
                (if norm { 1.0 + 0.1 * share } else { 0.3 * share }).to_le_bytes()
            });
            let bytes = numbers.collect();
            tensors.push(Tensor { name: name.to_owned(), kind: 0, shape: shape.to_vec(), bytes });
        };
        add("token_embd.weight", &[WIDTH, count]);
        add("output_norm.weight", &[WIDTH]);
        for layer in 0..LAYERS {
            let mut own = |part: &str, shape: &[u64]| add(&format!("blk.{layer}.{part}"), shape);
            own("attn_norm.weight", &[WIDTH]);
            own("attn_q.weight", &[WIDTH, WIDTH]);
            own("attn_k.weight", &[WIDTH, HEAD]);
            own("attn_v.weight", &[WIDTH, HEAD]);
            own("attn_output.weight", &[WIDTH, WIDTH]);
            own("ffn_norm.weight", &[WIDTH]);
            own("ffn_gate.weight", &[WIDTH, FEED]);
            own("ffn_up.weight", &[WIDTH, FEED]);
            own("ffn_down.weight", &[FEED, WIDTH]);
            if architecture == "qwen2" {
                own("attn_q.bias", &[WIDTH]);
                own("attn_k.bias", &[HEAD]);
                own("attn_v.bias", &[HEAD]);
            }
            if architecture == "qwen3" {
                own("attn_q_norm.weight", &[HEAD]);
                own("attn_k_norm.weight", &[HEAD]);
            }
        }
        Self { keys, tensors }
    }

    /// The file of the model.
    pub fn file(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3_u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.keys.len() as u64).to_le_bytes());
        for (key, value) in &self.keys {
            text(&mut out, key);
            put(&mut out, value);
        }
        let mut offset = 0_u64;
        for tensor in &self.tensors {
            text(&mut out, &tensor.name);
            out.extend(u32::try_from(tensor.shape.len()).expect("few").to_le_bytes());
            tensor.shape.iter().for_each(|size| out.extend(size.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(offset.to_le_bytes());
            offset += (tensor.bytes.len() as u64).next_multiple_of(32);
        }
        out.resize(out.len().next_multiple_of(32), 0);
        for tensor in &self.tensors {
            out.extend(&tensor.bytes);
            out.resize(out.len().next_multiple_of(32), 0);
        }
        out
    }

    /// Its file, spoilt in one way or several; the same number gives the same.
    pub fn spoilt(&self, number: u64) -> Vec<u8> {
        let mut chance = Chance(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut model = self.clone();
        for _ in 0..1 + chance.below(2) {
            match chance.below(10) {
                0..=3 => model.spoil_number(&mut chance),
                4 => model.spoil_key(&mut chance),
                5 | 6 => model.spoil_words(&mut chance),
                7 | 8 => model.spoil_tensor(&mut chance),
                _ => {
                    let mut bytes = model.file();
                    let header = bytes.len() - model.tensors.iter().map(|tensor| tensor.bytes.len()).sum::<usize>();
                    for _ in 0..1 + chance.below(4) {
                        let everywhere = chance.below(5) == 0;
                        let at = chance.below(if everywhere { bytes.len() } else { header });
                        bytes[at] = chance.below(256) as u8;
                    }
                    return bytes;
                }
            }
        }
        model.file()
    }

    fn spoil_number(&mut self, chance: &mut Chance) {
        let numbers =
            |(_, value): &(String, Value)| !matches!(value, Value::Text(_) | Value::Texts(_) | Value::Integers(_));
        let places: Vec<usize> = (0..self.keys.len()).filter(|at| numbers(&self.keys[*at])).collect();
        let whole =
            [0, 1, 2, 3, 7, 15, 17, 33, 63, 64, 511, 513, 4096, 65_536, 1 << 24, i32::MAX as u32, 1 << 31, u32::MAX];
        let real =
            [0.0, -0.0, -1e-5, 1e-30, 1.0, -1.0, 1e30, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN_POSITIVE];
        let at = places[chance.below(places.len())];
        let value = &mut self.keys[at].1;
        *value = match chance.below(8) {
            0 => Value::F32(real[chance.below(real.len())]),
            1 => Value::I32([-1, i32::MIN, 5][chance.below(3)]),
            2 => Value::U64([0, 1 << 32, u64::MAX, 16][chance.below(4)]),
            _ if matches!(value, Value::F32(_)) => Value::F32(real[chance.below(real.len())]),
            _ if matches!(value, Value::Bool(_)) => Value::Bool(chance.below(2) == 0),
            _ => Value::U32(whole[chance.below(whole.len())]),
        };
    }

    /// Drops a key, gives it another type, or adds one that changes the network.
    fn spoil_key(&mut self, chance: &mut Chance) {
        let at = chance.below(self.keys.len());
        let Value::Text(own) = self.keys[0].1.clone() else { return };
        let more = [
            ("expert_count", Value::U32(8)),
            ("expert_count", Value::U32(100_000)),
            ("expert_used_count", Value::U32(9)),
            ("rope.scaling.type", Value::Text("yarn".to_owned())),
            ("rope.scaling.type", Value::Text("nonsense".to_owned())),
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
        match chance.below(4) {
            0 => drop(self.keys.remove(at)),
            1 => self.keys[at].1 = Value::Text("text".to_owned()),
            2 => self.keys[at].1 = Value::Integers(vec![1, 2, 3]),
            _ => {
                let (key, value) = more[chance.below(more.len())].clone();
                let key = format!("{own}.{key}");
                self.keys.retain(|(known, _)| *known != key);
                self.keys.push((key, value));
            }
        }
    }

    /// Spoils the vocabulary, or a name that decides what is computed.
    fn spoil_words(&mut self, chance: &mut Chance) {
        let set = |model: &mut Self, key: &str, change: &mut dyn FnMut(&mut Value)| {
            if let Some((_, value)) = model.keys.iter_mut().find(|(known, _)| known == key) {
                change(value);
            }
        };
        let tokens = "tokenizer.ggml.tokens";
        match chance.below(8) {
            0 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    let (from, to) = (chance.below(texts.len()), chance.below(texts.len()));
                    texts[to] = texts[from].clone();
                }
            }),
            1 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    let at = chance.below(texts.len());
                    texts[at] = ["", "\u{0}", "\u{10ffff}\u{10ffff}", "Ċ"][chance.below(4)].to_owned();
                }
            }),
            2 => set(self, tokens, &mut |value| {
                if let Value::Texts(texts) = value {
                    texts.truncate(chance.below(texts.len()));
                }
            }),
            3 => set(self, "tokenizer.ggml.token_type", &mut |value| {
                if let Value::Integers(kinds) = value {
                    let length = kinds.len();
                    match chance.below(3) {
                        0 => kinds.truncate(length / 2),
                        1 => kinds.fill([0, 3, 6, 99, -1][chance.below(5)]),
                        _ => kinds[chance.below(length)] = [0, 2, 3, 5, 6, i32::MIN][chance.below(6)],
                    }
                }
            }),
            4 => set(self, "tokenizer.ggml.merges", &mut |value| {
                *value = Value::Texts(["x", "", " ", "a b c", "t h"].map(str::to_owned)[chance.below(4)..].to_vec());
            }),
            5 => set(self, "tokenizer.ggml.pre", &mut |value| {
                let names = ["", "nonsense", "llama-bpe", "deepseek-llm", "tekken", "gpt-4o", "superbpe"];
                *value = Value::Text(names[chance.below(names.len())].to_owned());
            }),
            6 => set(self, "tokenizer.ggml.model", &mut |value| {
                let names = ["llama", "bert", "t5", "rwkv", "none", "no_vocab", "plamo2", "gemma4", "nonsense", ""];
                *value = Value::Text(names[chance.below(names.len())].to_owned());
            }),
            _ => self.rename(chance),
        }
    }

    /// Calls the network by another name, its settings with it.
    fn rename(&mut self, chance: &mut Chance) {
        let names = [
            "qwen2", "qwen3", "llama", "gemma3", "phi3", "gpt2", "bert", "t5", "mamba", "rwkv6", "qwen2moe", "clip", "",
        ];
        let name = names[chance.below(names.len())];
        let Value::Text(own) = self.keys[0].1.clone() else { return };
        for (key, _) in &mut self.keys {
            if let Some(rest) = key.strip_prefix(&format!("{own}.")) {
                *key = format!("{name}.{rest}");
            }
        }
        self.keys[0].1 = Value::Text(name.to_owned());
    }

    fn spoil_tensor(&mut self, chance: &mut Chance) {
        let at = chance.below(self.tensors.len());
        let tensor = &mut self.tensors[at];
        match chance.below(7) {
            0 => drop(self.tensors.remove(at)),
            1 => tensor.name = ["blk.7.attn_q.weight", "nothing", "output.weight", ""][chance.below(4)].to_owned(),
            // The same numbers in another shape.
            2 => tensor.shape.reverse(),
            3 => tensor.shape.push(1),
            4 => {
                tensor.shape[0] = [0, 1, 31, 64, 1 << 40][chance.below(5)];
                let numbers = tensor.shape.iter().fold(1_u64, |all, size| all.saturating_mul(*size)).min(1 << 16);
                tensor.bytes = vec![0; usize::try_from(numbers * 4).expect("bounded")];
            }
            // The same shape in another type, with as many bytes as that takes.
            5 => {
                let kinds =
                    [(1, 1, 2), (8, 32, 34), (2, 32, 18), (24, 1, 1), (26, 1, 4), (28, 1, 8), (30, 1, 2), (27, 1, 8)];
                let (kind, block, bytes) = kinds[chance.below(kinds.len())];
                let numbers: u64 = tensor.shape.iter().product();
                tensor.kind = kind;
                tensor.bytes = vec![0x11; usize::try_from(numbers / block * bytes).expect("few")];
            }
            _ => {
                let number: f32 = [f32::NAN, f32::INFINITY, 0.0, 1e38][chance.below(4)];
                let all = chance.below(2) == 0;
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

fn put(out: &mut Vec<u8>, value: &Value) {
    let kind: u32 = match value {
        Value::U32(_) => 4,
        Value::I32(_) => 5,
        Value::F32(_) => 6,
        Value::Bool(_) => 7,
        Value::Text(_) => 8,
        Value::Texts(_) | Value::Integers(_) => 9,
        Value::U64(_) => 10,
    };
    out.extend(kind.to_le_bytes());
    match value {
        Value::U32(number) => out.extend(number.to_le_bytes()),
        Value::I32(number) => out.extend(number.to_le_bytes()),
        Value::F32(number) => out.extend(number.to_le_bytes()),
        Value::U64(number) => out.extend(number.to_le_bytes()),
        Value::Bool(truth) => out.push(u8::from(*truth)),
        Value::Text(said) => text(out, said),
        Value::Texts(texts) => {
            out.extend(8_u32.to_le_bytes());
            out.extend((texts.len() as u64).to_le_bytes());
            texts.iter().for_each(|said| text(out, said));
        }
        Value::Integers(numbers) => {
            out.extend(5_u32.to_le_bytes());
            out.extend((numbers.len() as u64).to_le_bytes());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
