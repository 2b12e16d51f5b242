//! Writes small GGUF files for tests, right ones and wrong ones.

/// A value of the metadata.
pub enum Put<'a> {
    U32(u32),
    Bool(bool),
    Text(&'a str),
    Texts(&'a [&'a str]),
    Integers(&'a [i32]),
}

/// A tensor: its name, ggml's number of its type, its shape and how many bytes it takes.
pub type Tensor<'a> = (&'a str, u32, &'a [u64], usize);

/// A file of version 3 with these keys and tensors, weights included.
pub fn file(keys: &[(&str, Put)], tensors: &[Tensor]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((keys.len() as u64).to_le_bytes());
    for (key, value) in keys {
        text(&mut out, key);
        put(&mut out, value);
    }
    let mut offset = 0_usize;
    for (name, kind, shape, bytes) in tensors {
        text(&mut out, name);
        out.extend(u32::try_from(shape.len()).expect("few").to_le_bytes());
        shape.iter().for_each(|size| out.extend(size.to_le_bytes()));
        out.extend(kind.to_le_bytes());
        out.extend((offset as u64).to_le_bytes());
        offset += bytes.next_multiple_of(32);
    }
    let last = tensors.last().map_or(0, |(.., bytes)| *bytes);
    if !tensors.is_empty() {
        out.resize(out.len().next_multiple_of(32), 0);
        let weights = offset - last.next_multiple_of(32) + last;
        // Bytes that differ, so that a checksum sees every one of them.
        out.extend((0..=250).cycle().take(weights));
    }
    out
}

/// A small model that is right in every respect, `weights` numbers large.
pub fn model(weights: u64) -> Vec<u8> {
    let keys = [
        ("general.architecture", Put::Text("llama")),
        ("general.name", Put::Text("small")),
        ("general.file_type", Put::U32(7)),
        ("llama.context_length", Put::U32(2048)),
        ("llama.block_count", Put::U32(2)),
        ("llama.embedding_length", Put::U32(64)),
        ("llama.feed_forward_length", Put::U32(128)),
        ("llama.attention.head_count", Put::U32(4)),
        ("llama.attention.head_count_kv", Put::Integers(&[2, 1])),
        ("tokenizer.chat_template", Put::Text("{{ messages }}")),
        ("tokenizer.chat_template.tool_use", Put::Text("{{ tools }}")),
        ("tokenizer.ggml.model", Put::Text("gpt2")),
        ("tokenizer.ggml.tokens", Put::Texts(&["a", "b", "<|end|>", "<tool_call>"])),
        ("tokenizer.ggml.token_type", Put::Integers(&[1, 1, 3, 4])),
        ("tokenizer.ggml.eos_token_id", Put::U32(2)),
        ("tokenizer.ggml.bos_token_id", Put::U32(0)),
        ("tokenizer.ggml.add_bos_token", Put::Bool(false)),
    ];
    let rows = weights / 32;
    file(
        &keys,
        &[("norm", 0, &[8], 32), ("token_embd.weight", 8, &[32, rows], usize::try_from(rows).expect("few") * 34)],
    )
}

fn put(out: &mut Vec<u8>, value: &Put) {
    let kind: u32 = match value {
        Put::U32(_) => 4,
        Put::Bool(_) => 7,
        Put::Text(_) => 8,
        Put::Texts(_) | Put::Integers(_) => 9,
    };
    out.extend(kind.to_le_bytes());
    match value {
        Put::U32(number) => out.extend(number.to_le_bytes()),
        Put::Bool(truth) => out.push(u8::from(*truth)),
        Put::Text(said) => text(out, said),
        Put::Texts(texts) => {
            out.extend(8_u32.to_le_bytes());
            out.extend((texts.len() as u64).to_le_bytes());
            texts.iter().for_each(|said| text(out, said));
        }
        Put::Integers(numbers) => {
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
