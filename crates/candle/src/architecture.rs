//! The architectures that are computed here, and a model's measures.
//!
//! Llama, Mistral, Qwen2 and Qwen3 are one network. What tells them apart is seen in the file (biases of the queries,
//! norms of single heads, an output matrix of its own), all but one thing, which stands in the table below: the order
//! of the numbers that are rotated together. This is the only place where an architecture has a name.

use super::file::File;
use callwright_parse::error::Result;

/// Which numbers of a head are rotated together as x and y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairs {
    /// Neighbours: 0 and 1, 2 and 3. GGUF files of Llama and Mistral have their rows put in that order.
    Neighbours,
    /// The first half with the second, as the original weights have it.
    Halves,
}

/// Architectures by their name in GGUF files; Mistral's is `llama`.
const ARCHITECTURES: &[(&str, Pairs)] =
    &[("llama", Pairs::Neighbours), ("qwen2", Pairs::Halves), ("qwen3", Pairs::Halves)];

/// The measures of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// Numbers that stand for a token between layers.
    pub(super) width: usize,
    pub(super) layers: usize,
    /// Heads of queries.
    pub(super) heads: usize,
    /// Heads of keys and values; each serves `heads / kv_heads` heads of queries.
    pub(super) kv_heads: usize,
    /// Numbers of a query's or key's head.
    pub(super) key: usize,
    /// Numbers of a value's head.
    pub(super) value: usize,
    /// Numbers between the two steps of a feed-forward layer.
    pub(super) feed: usize,
    pub(super) vocabulary: usize,
    /// What keeps a norm from dividing by 0.
    pub(super) epsilon: f32,
    /// What scores are multiplied by before the softmax.
    pub(super) scale: f32,
    /// Tokens that it was trained to attend to.
    pub(super) context: usize,
    pub(super) pairs: Pairs,
}

impl Shape {
    /// Reads the measures, and refuses networks of another kind.
    pub(super) fn of(file: &File) -> Result<Self> {
        let known = ARCHITECTURES.iter().find(|(name, _)| *name == file.architecture());
        let Some((_, pairs)) = known else {
            return Err(file.unsupported(&format!("the architecture `{}`", file.architecture())));
        };
        if file.count("split.count").is_some_and(|parts| parts > 1) {
            return Err(file.unsupported("weights in several files"));
        }
        if file.setting("expert_count").is_some_and(|experts| experts > 0) {
            return Err(file.unsupported("mixture-of-experts layers"));
        }
        let (width, heads) = (file.required("embedding_length")?, file.required("attention.head_count")?);
        let kv_heads = file.setting("attention.head_count_kv").unwrap_or(heads);
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) {
            return Err(file.unsupported(&format!("{heads} query heads for {kv_heads} key-value heads")));
        }
        let key = file.setting("attention.key_length").unwrap_or(width / heads);
        let vocabulary = file.rows("token_embd.weight").unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a head has few numbers")]
        let scale =
            file.fraction("attention.scale").filter(|scale| *scale > 0.0).unwrap_or((key as f32).sqrt().recip());
        Ok(Self {
            width,
            layers: file.required("block_count")?,
            heads,
            kv_heads,
            key,
            value: file.setting("attention.value_length").unwrap_or(key),
            feed: file.required("feed_forward_length")?,
            vocabulary,
            epsilon: file.fraction("attention.layer_norm_rms_epsilon").unwrap_or(1e-5),
            scale,
            context: file.required("context_length")?,
            pairs: *pairs,
        })
    }
}
