//! Attention over the cache: each token looks at all before it, and takes of their values as much as its queries
//! agree with their keys.
//!
//! Vaswani et al., "Attention is all you need", 2017: `softmax(q · kᵀ · scale) · v`, head by head; several heads of
//! queries share one of keys and values (Ainslie et al., "GQA", 2023). Keys and values are brought from half precision
//! once for a few tokens of a sequence. Work is shared out among candle's threads by head and by those few tokens. It
//! must not know weights.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::utils::barrier_pool;
use half::f16;
use half::slice::HalfFloatSliceExt;

use super::architecture::Shape;
use super::cache::{Cache, POSITIONS};

/// Tokens of one sequence that are computed together: as many as their scores stay in a processor's own cache.
const TOGETHER: usize = 16;

/// One token of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: usize,
    pub(super) position: usize,
}

/// A few tokens of one sequence and one head of keys and values, with the `group` of heads of queries that it serves.
struct Piece<'a> {
    shape: &'a Shape,
    cache: &'a Cache,
    layer: usize,
    head: usize,
    /// The tokens' places in the batch.
    rows: Range<usize>,
    places: &'a [Place],
    /// `places × heads × key` of the whole batch.
    queries: &'a [f32],
}

/// Looks at the cache from each of these places: `queries` is `places × heads × key`, the result
/// `places × heads × value`. The cache must hold the places themselves.
pub(super) fn attend(shape: &Shape, cache: &Cache, layer: usize, places: &[Place], queries: &[f32]) -> Vec<f32> {
    let pieces: Vec<Piece> = runs(places)
        .flat_map(|rows| (0..shape.kv_heads).map(move |head| (rows.clone(), head)))
        .map(|(rows, head)| Piece { shape, cache, layer, head, places: &places[rows.clone()], rows, queries })
        .collect();
    let outputs: Vec<Mutex<Vec<f32>>> = pieces.iter().map(|_| Mutex::default()).collect();
    barrier_pool().execute_chunked(pieces.len(), |range| {
        for (piece, output) in pieces[range.clone()].iter().zip(&outputs[range]) {
            *output.lock().unwrap_or_else(PoisonError::into_inner) = piece.compute();
        }
    });
    let width = shape.heads / shape.kv_heads * shape.value;
    let mut all = vec![0.0; places.len() * shape.heads * shape.value];
    for (piece, output) in pieces.into_iter().zip(outputs) {
        let output = output.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (row, seen) in piece.rows.zip(output.chunks_exact(width)) {
            let at = row * shape.heads * shape.value + piece.head * width;
            all[at..at + width].copy_from_slice(seen);
        }
    }
    all
}

/// Stretches of places that are of one sequence, at most [`TOGETHER`] long.
fn runs(places: &[Place]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = places.get(start)?;
        let same = places[start..].iter().take(TOGETHER).take_while(|place| place.sequence == first.sequence).count();
        let rows = start..start + same;
        start = rows.end;
        Some(rows)
    })
}

impl Piece<'_> {
    /// What the tokens get: `tokens × group × value`.
    fn compute(&self) -> Vec<f32> {
        let longest = self.places.iter().map(|place| place.position + 1).max().unwrap_or(0);
        let mut weights = self.scores(longest);
        for (token, group) in self.places.iter().zip(weights.chunks_exact_mut(self.group() * longest)) {
            for scores in group.chunks_exact_mut(longest) {
                let scores = &mut scores[..=token.position];
                softmax(scores);
                round_to_half(scores);
            }
        }
        self.values(&weights, longest)
    }

    /// `tokens × group × longest`: how well each position's key agrees with the queries; 0 for later positions.
    fn scores(&self, longest: usize) -> Vec<f32> {
        let (group, key) = (self.group(), self.shape.key);
        let mut scores = vec![0.0; self.places.len() * group * longest];
        let mut keys = vec![0.0; POSITIONS * key];
        for (block, start) in
            self.cache.keys(self.sequence(), self.layer, self.head).zip((0..longest).step_by(POSITIONS))
        {
            block.convert_to_f32_slice(&mut keys);
            for (token, place) in self.places.iter().enumerate() {
                let seen = seen(*place, start);
                for member in 0..group {
                    let query = ((self.rows.start + token) * self.shape.heads + self.head * group + member) * key;
                    let query = &self.queries[query..query + key];
                    let at = (token * group + member) * longest + start;
                    for (score, key) in scores[at..at + seen].iter_mut().zip(keys.chunks_exact(key)) {
                        *score = dot(query, key) * self.shape.scale;
                    }
                }
            }
        }
        scores
    }

    /// `tokens × group × value`: the values of all positions, weighted by the softmax of their scores.
    fn values(&self, weights: &[f32], longest: usize) -> Vec<f32> {
        let (group, value) = (self.group(), self.shape.value);
        let mut output = vec![0.0; self.places.len() * group * value];
        let mut values = vec![0.0; POSITIONS * value];
        for (block, start) in
            self.cache.values(self.sequence(), self.layer, self.head).zip((0..longest).step_by(POSITIONS))
        {
            block.convert_to_f32_slice(&mut values);
            for (token, place) in self.places.iter().enumerate() {
                let seen = seen(*place, start);
                for row in token * group..(token + 1) * group {
                    let output = &mut output[row * value..(row + 1) * value];
                    let weights = &weights[row * longest + start..][..seen];
                    for (weight, value) in weights.iter().zip(values.chunks_exact(value)) {
                        add_scaled(output, *weight, value);
                    }
                }
            }
        }
        output
    }

    /// Heads of queries for this head of keys and values.
    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    fn sequence(&self) -> usize {
        self.places.first().map_or(0, |place| place.sequence)
    }
}

/// Rounds numbers to half precision, as llama.cpp does with what it multiplies with the cache: the engines then give
/// the same tokens.
pub(super) fn round_to_half(numbers: &mut [f32]) {
    let mut halves = vec![f16::ZERO; numbers.len()];
    halves.convert_from_f32_slice(numbers);
    halves.convert_to_f32_slice(numbers);
}

/// How many positions of a block that begins at `start` a token sees.
fn seen(place: Place, start: usize) -> usize {
    (place.position + 1).saturating_sub(start).min(POSITIONS)
}

/// Replaces scores by their softmax: positive numbers that add up to 1.
fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in &mut *scores {
        *score = (*score - largest).exp();
        sum += *score;
    }
    let scale = 1.0 / sum;
    for score in scores {
        *score *= scale;
    }
}

/// A product of two lists of the same length, in as many sums as a processor adds at once.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (ones, rest_one) = one.as_chunks::<LANES>();
    let (others, rest_other) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (ones, others) in ones.iter().zip(others) {
        for (sum, (one, other)) in sums.iter_mut().zip(ones.iter().zip(others)) {
            *sum += one * other;
        }
    }
    let rest: f32 = rest_one.iter().zip(rest_other).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

fn add_scaled(output: &mut [f32], weight: f32, values: &[f32]) {
    for (output, value) in output.iter_mut().zip(values) {
        *output += weight * value;
    }
}
