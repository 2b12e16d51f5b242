//! How much memory a model takes, from its header, before it is loaded.
//!
//! Weights, the cache of keys and values, and the compute buffer of one batch. An upper estimate: layers that attend
//! to a window only are counted as if they attended to all. Knows no machine: the memory there is comes in as a number
//! ([`available`](super::memory::available) reads it).

use serde::Serialize;

use callwright_gguf::Header;
use callwright_parse::error::{Error, ErrorKind, Result};

/// How a model will be run, as far as memory is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// Tokens in the KV cache.
    pub context_length: u64,
    /// Batch size, in tokens.
    pub batch: u64,
    /// The cache's number type.
    pub precision: Precision,
}

/// The number type of the KV cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// Two bytes each.
    #[default]
    F16,
    /// 34 bytes for 32.
    Q8,
}

impl Precision {
    /// Bytes for 32 numbers.
    fn bytes_of_32(self) -> u64 {
        match self {
            Self::F16 => 64,
            Self::Q8 => 34,
        }
    }
}

impl Run {
    /// A cache for this many tokens, in f16, and llama.cpp's batches of 512.
    #[must_use]
    pub fn new(context_length: u64) -> Self {
        Self { context_length, batch: 512, precision: Precision::F16 }
    }
}

/// What a model needs, in bytes.
///
/// ```
/// use callwright_models::fit::{Needs, Run};
///
/// let header = callwright_models::header("../../fixtures/models/random_llama.gguf".as_ref())?;
/// let needs = Needs::of(&header, Run::new(4096));
/// needs.require(16 << 30)?; // fits 16 GiB
/// assert!(needs.require(1000).is_err());
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Needs {
    /// The weights.
    pub weights: u64,
    /// The KV cache, and the state of recurrent layers.
    pub cache: u64,
    /// The compute buffer of one batch, without flash attention, and the logits of the next token.
    pub compute: u64,
}

impl Needs {
    /// What this model needs for this run.
    #[must_use]
    pub fn of(header: &Header, run: Run) -> Self {
        let layers = header.setting("block_count").unwrap_or(0);
        let per_token: u64 =
            (0..capped(layers)).map(|layer| numbers_of_layer(header, layer)).fold(0, u64::saturating_add);
        let cache = per_token.saturating_mul(run.context_length).saturating_mul(run.precision.bytes_of_32()) / 32;
        let cache = cache.saturating_add(recurrent(header, layers));

        let heads = header.setting_of_layer("attention.head_count", 0).unwrap_or(1);
        let scores = run.context_length.saturating_mul(heads);
        let width = header.setting("embedding_length").unwrap_or(0);
        let inner = header.setting_of_layer("feed_forward_length", 0).unwrap_or(0);
        let activations = width.saturating_mul(4).saturating_add(inner.saturating_mul(2));
        let compute = scores.saturating_add(activations).saturating_mul(run.batch).saturating_mul(4);
        let compute = compute.saturating_add(header.vocab.size.saturating_mul(4));
        Self { weights: header.weight_bytes, cache, compute }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.compute)
    }

    /// Fails where this much memory is not enough, and says what would help.
    pub fn require(&self, available: u64) -> Result<()> {
        if self.total() <= available {
            return Ok(());
        }
        let message =
            format!("the model needs about {} of memory, but only {} is free", gib(self.total()), gib(available));
        let hint = if self.weights > available {
            "use a smaller quant or a smaller model (`callwright show NAME` lists them)".to_owned()
        } else {
            format!("its weights alone would fit ({}): use a smaller context with --ctx-size", gib(self.weights))
        };
        Err(Error::new(ErrorKind::Memory, message).hint(hint))
    }

    /// The longest context, in whole thousands of 1024 tokens, that fits this much memory; none where not even one does.
    #[must_use]
    pub fn longest_context(header: &Header, run: Run, available: u64) -> Option<u64> {
        let fits =
            |thousands: u64| Self::of(header, Run { context_length: thousands * 1024, ..run }).total() <= available;
        let most = header.context_length.unwrap_or(run.context_length).max(1024) / 1024;
        let (mut low, mut high) = (0, most.min(1 << 20) + 1);
        while high - low > 1 {
            let middle = low.midpoint(high);
            if fits(middle) { low = middle } else { high = middle }
        }
        (low > 0).then_some(low * 1024)
    }
}

/// How many numbers one token adds to the cache in this layer.
fn numbers_of_layer(header: &Header, layer: usize) -> u64 {
    let heads = header.setting_of_layer("attention.head_count", layer).unwrap_or(1);
    let kv_heads = header.setting_of_layer("attention.head_count_kv", layer).unwrap_or(heads);
    let width = header.setting("embedding_length").unwrap_or(0);
    let head = width.checked_div(heads).unwrap_or(0);
    let key = header.setting_of_layer("attention.key_length", layer).unwrap_or(head);
    let value = header.setting_of_layer("attention.value_length", layer).unwrap_or(head);
    kv_heads.saturating_mul(key.saturating_add(value))
}

/// The state of layers that are recurrent, in bytes; none in most models.
fn recurrent(header: &Header, layers: u64) -> u64 {
    let setting = |key: &str| header.setting(key).unwrap_or(0);
    let (state, inner, groups) = (setting("ssm.state_size"), setting("ssm.inner_size"), setting("ssm.group_count"));
    let window = setting("ssm.conv_kernel").saturating_sub(1);
    let convolved = inner.saturating_add(groups.saturating_mul(state).saturating_mul(2)).saturating_mul(window);
    state.saturating_mul(inner).saturating_add(convolved).saturating_mul(4).saturating_mul(layers)
}

/// Layers that a header may announce; no model has a thousand.
fn capped(layers: u64) -> usize {
    usize::try_from(layers.min(4096)).unwrap_or(4096)
}

/// Memory in words, in units of 1024 as memory is sold.
#[must_use]
pub fn gib(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let amount = bytes as f64;
    match bytes {
        0x4000_0000.. => format!("{:.1} GiB", amount / f64::from(1 << 30)),
        _ => format!("{:.0} MiB", amount / f64::from(1 << 20)),
    }
}
