//! Writes small GGUF files for tests, right ones and wrong ones.

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

/// A text.
pub fn text(said: &str) -> Value {
    Value::Text(said.to_owned())
}

/// A list of texts.
pub fn texts(said: &[&str]) -> Value {
    Value::Texts(said.iter().map(|said| (*said).to_owned()).collect())
}

/// A tensor: its name, ggml's number of its type, its shape and how many bytes it takes.
pub type Tensor<'a> = (&'a str, u32, &'a [u64], usize);

/// A file of version 3 with these keys and tensors, weights included.
pub fn file(keys: &[(&str, Value)], tensors: &[Tensor]) -> Vec<u8> {
    let mut out = header(keys, tensors);
    if let Some((.., last)) = tensors.last() {
        let before: usize =
            tensors[..tensors.len() - 1].iter().map(|(.., bytes)| bytes.next_multiple_of(ALIGNED)).sum();
        // Bytes that differ, so that a checksum sees every one of them.
        out.extend((0..=250).cycle().take(before + last));
    }
    out
}

/// Where tensors may begin.
pub const ALIGNED: usize = 32;

/// All of a file before the weights of its first tensor.
pub fn header(keys: &[(&str, Value)], tensors: &[Tensor]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((keys.len() as u64).to_le_bytes());
    for (key, value) in keys {
        put_text(&mut out, key);
        put(&mut out, value);
    }
    let mut offset = 0_usize;
    for (name, kind, shape, bytes) in tensors {
        put_text(&mut out, name);
        out.extend(u32::try_from(shape.len()).expect("few").to_le_bytes());
        shape.iter().for_each(|size| out.extend(size.to_le_bytes()));
        out.extend(kind.to_le_bytes());
        out.extend((offset as u64).to_le_bytes());
        offset += bytes.next_multiple_of(ALIGNED);
    }
    if !tensors.is_empty() {
        out.resize(out.len().next_multiple_of(ALIGNED), 0);
    }
    out
}

/// A small model that is right in every respect, `weights` numbers large.
pub fn model(weights: u64) -> Vec<u8> {
    let keys = [
        ("general.architecture", text("llama")),
        ("general.name", text("small")),
        ("general.file_type", Value::U32(7)),
        ("llama.context_length", Value::U32(2048)),
        ("llama.block_count", Value::U32(2)),
        ("llama.embedding_length", Value::U32(64)),
        ("llama.feed_forward_length", Value::U32(128)),
        ("llama.attention.head_count", Value::U32(4)),
        ("llama.attention.head_count_kv", Value::Integers(vec![2, 1])),
        ("tokenizer.chat_template", text("{{ messages }}")),
        ("tokenizer.chat_template.tool_use", text("{{ tools }}")),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.tokens", texts(&["a", "b", "<|end|>", "<tool_call>"])),
        ("tokenizer.ggml.token_type", Value::Integers(vec![1, 1, 3, 4])),
        ("tokenizer.ggml.eos_token_id", Value::U32(2)),
        ("tokenizer.ggml.bos_token_id", Value::U32(0)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
    ];
    let rows = weights / 32;
    file(
        &keys,
        &[("norm", 0, &[8], 32), ("token_embd.weight", 8, &[32, rows], usize::try_from(rows).expect("few") * 34)],
    )
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
        Value::Text(said) => put_text(out, said),
        Value::Texts(texts) => {
            out.extend(8_u32.to_le_bytes());
            out.extend((texts.len() as u64).to_le_bytes());
            texts.iter().for_each(|said| put_text(out, said));
        }
        Value::Integers(numbers) => {
            out.extend(5_u32.to_le_bytes());
            out.extend((numbers.len() as u64).to_le_bytes());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}
