//! The network: layers of attention and feed-forward over a row of numbers for each token.
//!
//! Touvron et al., "LLaMA", 2023: `x += attention(norm(x))`, `x += feed(norm(x))` in each layer, RMS norms, SwiGLU.
//! What a file has besides (biases, norms of single heads, a matrix for the output) is computed where it is there. It
//! must not know tokens' texts, nor how the next one is chosen.

use super::architecture::Shape;
use super::attention::{Place, attend, round_to_half};
use super::cache::Cache;
use super::file::File;
use super::rope::{Angles, Rope};
use super::weights::Matrix;
use callwright_infer::Token;
use callwright_parse::error::Result;

/// A model's weights.
#[derive(Debug)]
pub(super) struct Model {
    shape: Shape,
    rope: Rope,
    /// `vocabulary × width`: a row for each token.
    embeddings: Matrix,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    /// `vocabulary × width`; the embeddings where the file has no other.
    output: Option<Matrix>,
}

#[derive(Debug)]
struct Layer {
    attention_norm: Vec<f32>,
    /// `heads·key × width`
    query: Linear,
    /// `kv_heads·key × width`
    key: Linear,
    /// `kv_heads·value × width`
    value: Linear,
    query_norm: Option<Vec<f32>>,
    key_norm: Option<Vec<f32>>,
    /// `width × heads·value`
    output: Linear,
    feed_norm: Vec<f32>,
    /// `feed × width`
    gate: Linear,
    /// `feed × width`
    up: Linear,
    /// `width × feed`
    down: Linear,
}

/// A matrix and its bias.
#[derive(Debug)]
struct Linear {
    weights: Matrix,
    bias: Option<Vec<f32>>,
}

/// A token to be computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) token: Token,
    pub(super) place: Place,
    /// Whether the logits after it are wanted.
    pub(super) wanted: bool,
}

impl Model {
    /// Takes all weights out of a file.
    pub(super) fn load(file: &mut File, shape: &Shape) -> Result<Self> {
        let (width, vocabulary) = (shape.width, shape.vocabulary);
        let rope = Rope::of(file, shape)?;
        let embeddings = file.matrix("token_embd.weight", vocabulary, width)?;
        let layers = (0..shape.layers).map(|layer| Layer::load(file, shape, layer)).collect::<Result<_>>()?;
        let norm = file.required_numbers("output_norm.weight", width)?;
        let own_output = file.rows("output.weight").is_some();
        let output = own_output.then(|| file.matrix("output.weight", vocabulary, width)).transpose()?;
        file.require_all_taken()?;
        Ok(Self { shape: shape.clone(), rope, embeddings, layers, norm, output })
    }

    /// Computes these tokens, whose places the cache has room for, and gives the logits of those that want them:
    /// `wanted × vocabulary`.
    pub(super) fn compute(&self, rows: &[Row], cache: &mut Cache) -> Result<Vec<f32>> {
        let shape = &self.shape;
        let places: Vec<Place> = rows.iter().map(|row| row.place).collect();
        let angles: Vec<Angles> = places.iter().map(|place| self.rope.angles(place.position)).collect();
        // `tokens × width`
        let mut states = Vec::with_capacity(rows.len() * shape.width);
        for row in rows {
            states.extend(self.embeddings.row(row.token as usize)?);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let mut seen = layer.attend(shape, &self.rope, cache, number, (&places, &angles), &states)?;
            if number + 1 == self.layers.len() {
                // After the last attention, tokens whose logits no one wants are of no use.
                seen = wanted(rows, &seen, shape.width);
                states = wanted(rows, &states, shape.width);
            }
            add(&mut states, &seen);
            let fed = layer.feed(shape, &states)?;
            add(&mut states, &fed);
        }
        let normed = norm(&states, &self.norm, shape.epsilon);
        self.output.as_ref().unwrap_or(&self.embeddings).multiply(&normed)
    }
}

impl Layer {
    fn load(file: &mut File, shape: &Shape, layer: usize) -> Result<Self> {
        let (width, feed) = (shape.width, shape.feed);
        let (queries, keys) = (shape.heads * shape.key, shape.kv_heads * shape.key);
        let (values, outputs) = (shape.kv_heads * shape.value, shape.heads * shape.value);
        let name = |part: &str| format!("blk.{layer}.{part}");
        Ok(Self {
            attention_norm: file.required_numbers(&name("attn_norm.weight"), width)?,
            query: Linear::load(file, &name("attn_q"), queries, width)?,
            key: Linear::load(file, &name("attn_k"), keys, width)?,
            value: Linear::load(file, &name("attn_v"), values, width)?,
            query_norm: file.numbers(&name("attn_q_norm.weight"), shape.key)?,
            key_norm: file.numbers(&name("attn_k_norm.weight"), shape.key)?,
            output: Linear::load(file, &name("attn_output"), width, outputs)?,
            feed_norm: file.required_numbers(&name("ffn_norm.weight"), width)?,
            gate: Linear::load(file, &name("ffn_gate"), feed, width)?,
            up: Linear::load(file, &name("ffn_up"), feed, width)?,
            down: Linear::load(file, &name("ffn_down"), width, feed)?,
        })
    }

    /// What attention adds: `tokens × width` in and out. Keys and values go into the cache.
    fn attend(
        &self,
        shape: &Shape,
        rope: &Rope,
        cache: &mut Cache,
        layer: usize,
        (places, angles): (&[Place], &[Angles]),
        states: &[f32],
    ) -> Result<Vec<f32>> {
        let normed = norm(states, &self.attention_norm, shape.epsilon);
        let mut queries = self.query.apply(&normed)?;
        let mut keys = self.key.apply(&normed)?;
        let values = self.value.apply(&normed)?;
        // Qwen3 norms each head by itself.
        if let Some(weights) = &self.query_norm {
            queries = norm(&queries, weights, shape.epsilon);
        }
        if let Some(weights) = &self.key_norm {
            keys = norm(&keys, weights, shape.epsilon);
        }
        let (query, key, value) = (shape.heads * shape.key, shape.kv_heads * shape.key, shape.kv_heads * shape.value);
        for (row, (place, angles)) in places.iter().zip(angles).enumerate() {
            let keys = &mut keys[row * key..(row + 1) * key];
            rope.rotate(&mut queries[row * query..(row + 1) * query], shape.key, angles);
            rope.rotate(keys, shape.key, angles);
            cache.write(place.sequence, place.position, layer, keys, &values[row * value..(row + 1) * value]);
        }
        round_to_half(&mut queries);
        self.output.apply(&attend(shape, cache, layer, places, &queries))
    }

    /// What the feed-forward step adds: `tokens × width` in and out. Shazeer, "GLU variants", 2020:
    /// `down(silu(gate(x)) · up(x))`.
    fn feed(&self, shape: &Shape, states: &[f32]) -> Result<Vec<f32>> {
        let normed = norm(states, &self.feed_norm, shape.epsilon);
        let mut gate = self.gate.apply(&normed)?;
        let up = self.up.apply(&normed)?;
        for (gate, up) in gate.iter_mut().zip(up) {
            *gate = *gate / (1.0 + (-*gate).exp()) * up;
        }
        self.down.apply(&gate)
    }
}

impl Linear {
    fn load(file: &mut File, name: &str, rows: usize, columns: usize) -> Result<Self> {
        let weights = file.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = file.numbers(&format!("{name}.bias"), rows)?;
        Ok(Self { weights, bias })
    }

    fn apply(&self, input: &[f32]) -> Result<Vec<f32>> {
        let mut output = self.weights.multiply(input)?;
        if let Some(bias) = &self.bias {
            output.chunks_exact_mut(self.weights.rows()).for_each(|row| add(row, bias));
        }
        Ok(output)
    }
}

/// Zhang and Sennrich, "Root mean square layer normalization", 2019, of each stretch as long as the weights.
fn norm(states: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let mut normed = Vec::with_capacity(states.len());
    for row in states.chunks_exact(weights.len()) {
        let squares: f64 = row.iter().map(|number| f64::from(number * number)).sum();
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "summed finely, kept as f32")]
        let scale = 1.0 / ((squares / row.len() as f64) as f32 + epsilon).sqrt();
        normed.extend(row.iter().zip(weights).map(|(number, weight)| number * scale * weight));
    }
    normed
}

fn add(states: &mut [f32], more: &[f32]) {
    for (state, more) in states.iter_mut().zip(more) {
        *state += more;
    }
}

/// The rows whose logits are wanted.
fn wanted(rows: &[Row], states: &[f32], width: usize) -> Vec<f32> {
    let rows = rows.iter().zip(states.chunks_exact(width)).filter(|(row, _)| row.wanted);
    rows.flat_map(|(_, state)| state).copied().collect()
}
