//! Keys and values of the tokens that were computed: sequences side by side, each a list of blocks.
//!
//! A block holds a few positions of all layers, in half precision. Sequences that begin alike share their first
//! blocks, so that a copy costs nothing until one of them writes; a cut drops blocks. Memory is taken block by block.
//! It must not know how keys and values are made.

use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::architecture::Shape;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Positions of one block.
pub(super) const POSITIONS: usize = 32;

/// How a block is laid out: layer by layer; in each the keys, then the values; in each head by head; in each position
/// by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    heads: usize,
    key: usize,
    value: usize,
    layers: usize,
}

impl Layout {
    fn layer(self) -> usize {
        self.heads * POSITIONS * (self.key + self.value)
    }

    /// Where a head's keys begin.
    fn keys(self, layer: usize, head: usize) -> usize {
        layer * self.layer() + head * POSITIONS * self.key
    }

    /// Where a head's values begin.
    fn values(self, layer: usize, head: usize) -> usize {
        layer * self.layer() + POSITIONS * (self.heads * self.key + head * self.value)
    }

    fn block(self) -> usize {
        self.layers * self.layer()
    }
}

type Block = Arc<Vec<f16>>;

#[derive(Debug, Clone, Default)]
struct Sequence {
    blocks: Vec<Block>,
    length: usize,
}

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    layout: Layout,
    sequences: Vec<Sequence>,
}

impl Cache {
    /// An empty cache for so many sequences.
    pub(super) fn new(shape: &Shape, sequences: usize) -> Self {
        let layout = Layout { heads: shape.kv_heads, key: shape.key, value: shape.value, layers: shape.layers };
        Self { layout, sequences: vec![Sequence::default(); sequences] }
    }

    /// How many sequences there are.
    pub(super) fn sequences(&self) -> usize {
        self.sequences.len()
    }

    /// Positions that a sequence holds.
    pub(super) fn length(&self, sequence: usize) -> usize {
        self.sequences[sequence].length
    }

    /// Makes room for one more position of a sequence, whose keys and values are written next.
    pub(super) fn push(&mut self, sequence: usize) -> Result<()> {
        let size = self.layout.block();
        let sequence = &mut self.sequences[sequence];
        if sequence.length == sequence.blocks.len() * POSITIONS {
            sequence.blocks.push(Arc::new(zeros(size)?));
        } else if let Some(last) = sequence.blocks.last_mut()
            && Arc::get_mut(last).is_none()
        {
            // Another sequence goes on from the same beginning.
            let mut own = zeros(size)?;
            own.copy_from_slice(last);
            *last = Arc::new(own);
        }
        sequence.length += 1;
        Ok(())
    }

    /// Writes a position's keys, `heads × key`, and values, `heads × value`, of one layer.
    pub(super) fn write(&mut self, sequence: usize, position: usize, layer: usize, keys: &[f32], values: &[f32]) {
        let layout = self.layout;
        let (block, row) = (position / POSITIONS, position % POSITIONS);
        // `push` has made the block and made it this sequence's own.
        let Some(block) = self.sequences[sequence].blocks.get_mut(block).and_then(Arc::get_mut) else { return };
        for (head, key) in keys.chunks_exact(layout.key).enumerate() {
            let at = layout.keys(layer, head) + row * layout.key;
            block[at..at + layout.key].convert_from_f32_slice(key);
        }
        for (head, value) in values.chunks_exact(layout.value).enumerate() {
            let at = layout.values(layer, head) + row * layout.value;
            block[at..at + layout.value].convert_from_f32_slice(value);
        }
    }

    /// The keys of a head in one layer, block by block, `POSITIONS × key`.
    pub(super) fn keys(&self, sequence: usize, layer: usize, head: usize) -> impl Iterator<Item = &[f16]> {
        self.slices(sequence, self.layout.keys(layer, head), self.layout.key)
    }

    /// The values of a head in one layer, block by block, `POSITIONS × value`.
    pub(super) fn values(&self, sequence: usize, layer: usize, head: usize) -> impl Iterator<Item = &[f16]> {
        self.slices(sequence, self.layout.values(layer, head), self.layout.value)
    }

    fn slices(&self, sequence: usize, from: usize, width: usize) -> impl Iterator<Item = &[f16]> {
        self.sequences[sequence].blocks.iter().map(move |block| &block[from..from + POSITIONS * width])
    }

    /// Cuts a sequence back to its first `length` positions; gives how many it then has.
    pub(super) fn truncate(&mut self, sequence: usize, length: usize) -> usize {
        let sequence = &mut self.sequences[sequence];
        sequence.length = sequence.length.min(length);
        sequence.blocks.truncate(sequence.length.div_ceil(POSITIONS));
        sequence.length
    }

    /// Makes a sequence begin with the first `length` positions of another, and hold no others.
    pub(super) fn fork(&mut self, from: usize, to: usize, length: usize) {
        self.sequences[to] = self.sequences[from].clone();
        self.truncate(to, length);
    }

    /// All of a sequence, as [`Cache::restore`] takes it.
    pub(super) fn bytes(&self, sequence: usize) -> Vec<u8> {
        let blocks = &self.sequences[sequence].blocks;
        let mut bytes = Vec::with_capacity(blocks.len() * self.layout.block() * 2);
        for block in blocks {
            bytes.extend(block.iter().flat_map(|number| number.to_le_bytes()));
        }
        bytes
    }

    /// Takes a sequence back from what [`Cache::bytes`] gave. False where that is of another length.
    pub(super) fn restore(&mut self, sequence: usize, length: usize, bytes: &[u8]) -> Result<bool> {
        let size = self.layout.block();
        if bytes.len() != length.div_ceil(POSITIONS) * size * 2 {
            return Ok(false);
        }
        let mut blocks = Vec::new();
        for chunk in bytes.chunks_exact(size * 2) {
            let mut block = zeros(size)?;
            for (number, bytes) in block.iter_mut().zip(chunk.as_chunks().0) {
                *number = f16::from_le_bytes(*bytes);
            }
            blocks.push(Arc::new(block));
        }
        self.sequences[sequence] = Sequence { blocks, length };
        Ok(true)
    }
}

fn zeros(size: usize) -> Result<Vec<f16>> {
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(size).map_err(|cause| {
        Error::new(ErrorKind::Memory, "not enough memory for the KV cache")
            .because(cause)
            .hint("lower the context length, or use a smaller model")
    })?;
    numbers.resize(size, f16::ZERO);
    Ok(numbers)
}
