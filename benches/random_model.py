#!/usr/bin/env python3
"""Write a GGUF model of a real one's shape with random weights, to measure speed with: it does not depend on values.

    benches/random_model.py --shape qwen2.5-0.5b --vocabulary ggml-vocab-qwen2.gguf OUT.gguf

The vocabulary is that of a real model, from a GGUF file without weights, with the markers of chats and calls added as
control tokens where the file lacks them. All matrices are Q4_0, made of random bytes with one scale. Needs PyPI's
`gguf` and `numpy`.
"""

import argparse

import gguf
import numpy as np

# architecture, width, layers, heads, key-value heads, feed-forward width, base of the rotary embedding, bias of q, k, v
SHAPES = {
    "qwen2.5-0.5b": ("qwen2", 896, 24, 14, 2, 4864, 1_000_000.0, True),
    "llama-3.2-1b": ("llama", 2048, 16, 32, 8, 8192, 500_000.0, False),
}
MARKERS = ["<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
BLOCK = 32


def vocabulary(file):
    """The tokens, their kinds, the merges and the tokenizer's facts."""
    fields = gguf.GGUFReader(file).fields
    tokens = [bytes(fields["tokenizer.ggml.tokens"].parts[at]).decode() for at in fields["tokenizer.ggml.tokens"].data]
    kinds = [int(fields["tokenizer.ggml.token_type"].parts[at][0]) for at in fields["tokenizer.ggml.token_type"].data]
    merges = [bytes(fields["tokenizer.ggml.merges"].parts[at]).decode() for at in fields["tokenizer.ggml.merges"].data]
    pre = fields.get("tokenizer.ggml.pre")
    for marker in MARKERS:
        if marker not in tokens:
            tokens.append(marker)
            kinds.append(int(gguf.TokenType.CONTROL))
    while len(tokens) % BLOCK:
        tokens.append(f"<|unused_{len(tokens)}|>")
        kinds.append(int(gguf.TokenType.UNUSED))
    return tokens, kinds, merges, bytes(pre.parts[-1]).decode() if pre else "default"


def matrix(random, rows, columns):
    """Random Q4_0 blocks: a half-precision scale and 16 bytes of two weights each."""
    blocks = random.integers(0, 256, (rows, columns // BLOCK, 18), np.uint8)
    blocks[..., :2] = np.frombuffer(np.float16(0.2 * columns**-0.5).tobytes(), np.uint8)
    return blocks.reshape(rows, -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--vocabulary", required=True)
    parser.add_argument("out")
    a = parser.parse_args()
    architecture, width, layers, heads, kv_heads, feed, base, bias = SHAPES[a.shape]
    tokens, kinds, merges, pre = vocabulary(a.vocabulary)
    random = np.random.default_rng(1)
    out = gguf.GGUFWriter(a.out, architecture)
    out.add_name(f"random {a.shape}")
    out.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    out.add_context_length(8192)
    out.add_embedding_length(width)
    out.add_block_count(layers)
    out.add_feed_forward_length(feed)
    out.add_head_count(heads)
    out.add_head_count_kv(kv_heads)
    out.add_rope_freq_base(base)
    out.add_rope_dimension_count(width // heads)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_vocab_size(len(tokens))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre(pre)
    out.add_token_list(tokens)
    out.add_token_types(kinds)
    out.add_token_merges(merges)
    out.add_eos_token_id(tokens.index("<|im_end|>"))
    out.add_bos_token_id(tokens.index("<|im_start|>"))
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATE)

    def weights(name, rows, columns):
        out.add_tensor(name, matrix(random, rows, columns), raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    def ones(name, size):
        out.add_tensor(name, np.ones(size, np.float32))

    kv = width // heads * kv_heads
    weights("token_embd.weight", len(tokens), width)
    ones("output_norm.weight", width)
    for layer in range(layers):
        at = f"blk.{layer}."
        ones(at + "attn_norm.weight", width)
        ones(at + "ffn_norm.weight", width)
        for name, rows in (("attn_q", width), ("attn_k", kv), ("attn_v", kv)):
            weights(f"{at}{name}.weight", rows, width)
            if bias:
                out.add_tensor(f"{at}{name}.bias", np.zeros(rows, np.float32))
        weights(at + "attn_output.weight", width, width)
        weights(at + "ffn_gate.weight", feed, width)
        weights(at + "ffn_up.weight", feed, width)
        weights(at + "ffn_down.weight", width, feed)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


if __name__ == "__main__":
    main()
