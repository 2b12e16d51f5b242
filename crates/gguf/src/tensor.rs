//! The tensors of a GGUF file: names, types, shapes and where their bytes lie.
//!
//! Sizes follow from type and shape, so a file that ends before its weights do is told without reading them, and
//! before C++ maps them. The rules (at most 4 dimensions, whole blocks, one after the other) are those of ggml.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use super::reader::{Flaw, Reader};

/// A tensor of a GGUF file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tensor {
    /// Its name, as `blk.0.attn_q.weight`.
    pub name: String,
    /// Its number type, as `Q4_K`.
    pub kind: &'static str,
    /// Its dimensions, the fastest first.
    pub shape: Vec<u64>,
    /// How many numbers it holds.
    pub elements: u64,
    /// How many bytes it takes.
    pub bytes: u64,
    /// Where it begins, from the start of the weights.
    pub offset: u64,
}

/// What ggml knows of a number type: its id, its name, numbers a block, bytes a block.
type NumberType = (u32, &'static str, u64, u64);

const TYPES: &[NumberType] = &[
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

/// ggml's own bound on a tensor's name.
const LONGEST_NAME: usize = 63;

/// Reads the table of `count` tensors and checks that each begins where the one before it ends.
pub(super) fn read<R: Read + Seek>(reader: &mut Reader<R>, count: u64, alignment: u64) -> Result<Vec<Tensor>, Flaw> {
    reader.expect(count, 24)?;
    let mut tensors = Vec::new();
    let mut names = BTreeSet::new();
    let mut end = 0_u64;
    for _ in 0..count {
        let tensor = one(reader)?;
        let name = &tensor.name;
        if tensor.offset != end {
            return Err(Flaw::wrong(format!("tensor `{name}` begins at {}, not at {end}", tensor.offset)));
        }
        end = end
            .checked_add(tensor.bytes)
            .and_then(|end| end.checked_next_multiple_of(alignment))
            .ok_or_else(|| Flaw::wrong(format!("tensor `{name}` is too large")))?;
        if !names.insert(name.clone()) {
            return Err(Flaw::wrong(format!("it has two tensors named `{name}`")));
        }
        tensors.push(tensor);
    }
    Ok(tensors)
}

fn one<R: Read + Seek>(reader: &mut Reader<R>) -> Result<Tensor, Flaw> {
    let name = reader.text()?;
    if name.len() > LONGEST_NAME {
        return Err(Flaw::wrong("a tensor's name is too long"));
    }
    let dimensions = reader.u32()?;
    if dimensions > 4 {
        return Err(Flaw::wrong(format!("tensor `{name}` has {dimensions} dimensions")));
    }
    let shape = (0..dimensions).map(|_| reader.u64()).collect::<Result<Vec<_>, _>>()?;
    let id = reader.u32()?;
    let offset = reader.u64()?;
    let Some((_, kind, block, block_bytes)) = TYPES.iter().find(|(known, ..)| *known == id) else {
        return Err(Flaw::wrong(format!("tensor `{name}` has the unknown number type {id}")));
    };
    let Some(elements) = elements(&shape) else {
        return Err(Flaw::wrong(format!("tensor `{name}` has the invalid shape {shape:?}")));
    };
    if shape.first().is_some_and(|row| row % block != 0) {
        return Err(Flaw::wrong(format!("the rows of tensor `{name}` are not whole blocks of {kind}")));
    }
    let Some(bytes) = (elements / block).checked_mul(*block_bytes) else {
        return Err(Flaw::wrong(format!("tensor `{name}` is too large")));
    };
    Ok(Tensor { name, kind, shape, elements, bytes, offset })
}

/// The product of the dimensions, in the range of ggml's signed numbers.
fn elements(shape: &[u64]) -> Option<u64> {
    let product = shape.iter().try_fold(1_u64, |product, size| product.checked_mul(*size))?;
    i64::try_from(product).ok()?;
    Some(product)
}

/// The number type that most bytes are in: a name for the quant where the file gives none.
pub(super) fn commonest(tensors: &[Tensor]) -> Option<&'static str> {
    let bytes = |kind: &str| -> u128 {
        tensors.iter().filter(|tensor| tensor.kind == kind).map(|tensor| u128::from(tensor.bytes)).sum()
    };
    let sums = TYPES.iter().map(|(_, kind, ..)| (bytes(kind), *kind));
    sums.filter(|(sum, _)| *sum > 0).max_by_key(|(sum, _)| *sum).map(|(_, kind)| kind)
}
