//! Matrices of weights, kept as the file has them: whole numbers in blocks with a scale, or floats.
//!
//! The products are candle's: a row of the input is brought to the weights' precision once, and then taken with every
//! row of the matrix. Each row of the input is computed by itself, so that an answer is the same alone and in a batch.
//! It must not know what is multiplied.

use std::borrow::Cow;
use std::fmt;

use candle_core::quantized::{GgmlDType, QuantizedType};

use callwright_parse::error::{Error, ErrorKind, Result};

/// A matrix, `rows × columns`, with the rows one after the other.
pub(super) struct Matrix {
    blocks: Box<dyn QuantizedType>,
    rows: usize,
    columns: usize,
}

impl Matrix {
    /// A matrix of these bytes, which must be as many as the shape takes in whole blocks.
    pub(super) fn new(kind: GgmlDType, bytes: Vec<u8>, rows: usize, columns: usize) -> Self {
        Self { blocks: kind.from_data(Cow::Owned(bytes)), rows, columns }
    }

    /// Rows: how many numbers come out for each row of the input.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// One row.
    pub(super) fn row(&self, index: usize) -> Result<Vec<f32>> {
        let id = u32::try_from(index).unwrap_or(u32::MAX);
        let row = self.blocks.embedding(&[id], self.rows, self.columns);
        row.and_then(|row| Ok(row.as_slice::<f32>()?.to_vec())).map_err(failed)
    }

    /// `input · selfᵀ`: `n × columns` in, `n × rows` out.
    pub(super) fn multiply(&self, input: &[f32]) -> Result<Vec<f32>> {
        let count = input.len() / self.columns;
        let mut output = vec![0.0; count * self.rows];
        self.blocks.matmul_t((count, self.columns, self.rows), input, &mut output).map_err(failed)?;
        Ok(output)
    }
}

fn failed(cause: candle_core::Error) -> Error {
    Error::new(ErrorKind::Backend, "candle failed to multiply a matrix").because(cause)
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} × {}, {:?})", self.rows, self.columns, self.blocks.dtype())
    }
}
