//! Rotary positions: pairs of numbers of queries and keys are rotated by an angle that grows with the position.
//!
//! Su et al., "RoFormer", 2021: pair i of d numbers is rotated by `position · base^(-2i/d)`. A file may slow the
//! rotation down to reach further than it was trained to: all pairs alike ("linear"), or each by a factor of its own
//! (Llama 3, whose factors stand in the file as the tensor `rope_freqs.weight`). It must not know layers.

use super::architecture::{Pairs, Shape};
use super::file::File;
use callwright_parse::error::Result;

/// How positions are turned into angles.
#[derive(Debug, Clone)]
pub(super) struct Rope {
    /// The angle of each pair at position 1.
    frequencies: Vec<f64>,
    pairs: Pairs,
}

/// The cosines and sines of one position, one for each pair.
#[derive(Debug, Clone)]
pub(super) struct Angles(Vec<(f32, f32)>);

impl Rope {
    /// Reads base, scaling and factors.
    pub(super) fn of(file: &mut File, shape: &Shape) -> Result<Self> {
        let dimensions = file.setting("rope.dimension_count").unwrap_or(shape.key).min(shape.key);
        let base = f64::from(file.fraction("rope.freq_base").unwrap_or(10_000.0));
        let scaling = format!("{}.rope.scaling.type", file.architecture());
        let factor = match file.text(&scaling) {
            None | Some("none" | "linear") => {
                file.fraction("rope.scaling.factor").or_else(|| file.fraction("rope.scale_linear"))
            }
            Some(other) => return Err(file.unsupported(&format!("RoPE scaling of type `{other}`"))),
        };
        let scale = f64::from(factor.filter(|factor| *factor > 0.0).unwrap_or(1.0));
        let factors = file.numbers("rope_freqs.weight", dimensions / 2)?.unwrap_or_else(|| vec![1.0; dimensions / 2]);
        #[expect(clippy::cast_precision_loss, reason = "a head has few numbers")]
        let frequency = |(pair, factor): (usize, &f32)| {
            base.powf(-2.0 * pair as f64 / dimensions as f64) / (scale * f64::from(*factor))
        };
        Ok(Self { frequencies: factors.iter().enumerate().map(frequency).collect(), pairs: shape.pairs })
    }

    /// The angles of a position.
    pub(super) fn angles(&self, position: usize) -> Angles {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "computed finely, kept as f32"
        )]
        let angle = |frequency: &f64| {
            let (sine, cosine) = (position as f64 * frequency).sin_cos();
            (cosine as f32, sine as f32)
        };
        Angles(self.frequencies.iter().map(angle).collect())
    }

    /// Rotates the heads of one token, `heads × length`.
    pub(super) fn rotate(&self, heads: &mut [f32], length: usize, angles: &Angles) {
        let half = angles.0.len();
        for head in heads.chunks_exact_mut(length) {
            for (pair, (cosine, sine)) in angles.0.iter().enumerate() {
                let (one, other) = match self.pairs {
                    Pairs::Neighbours => (2 * pair, 2 * pair + 1),
                    Pairs::Halves => (pair, pair + half),
                };
                let (x, y) = (head[one], head[other]);
                head[one] = x * cosine - y * sine;
                head[other] = x * sine + y * cosine;
            }
        }
    }
}
