//! A GGUF file as candle reads it: settings, and weights taken out one by one.
//!
//! Every weight of the file has to be asked for. One that was not means that the network computes something that is
//! not written here, and a model with a part left out would talk nonsense without a word; so the file is refused. It
//! must not know what weights are for.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::quantized::GgmlDType;

use super::weights::Matrix;
use callwright_gguf::{Header, Tensor, Value, Vocab};
use callwright_parse::error::{Error, ErrorKind, Result};

/// The number types that candle computes with, by the names that ggml gives them.
const KINDS: &[(&str, GgmlDType)] = &[
    ("F32", GgmlDType::F32),
    ("F16", GgmlDType::F16),
    ("BF16", GgmlDType::BF16),
    ("Q4_0", GgmlDType::Q4_0),
    ("Q4_1", GgmlDType::Q4_1),
    ("Q5_0", GgmlDType::Q5_0),
    ("Q5_1", GgmlDType::Q5_1),
    ("Q8_0", GgmlDType::Q8_0),
    ("Q8_1", GgmlDType::Q8_1),
    ("Q2_K", GgmlDType::Q2K),
    ("Q3_K", GgmlDType::Q3K),
    ("Q4_K", GgmlDType::Q4K),
    ("Q5_K", GgmlDType::Q5K),
    ("Q6_K", GgmlDType::Q6K),
    ("Q8_K", GgmlDType::Q8K),
];

/// An open model file.
pub(super) struct File {
    path: PathBuf,
    source: fs::File,
    header: Header,
    taken: BTreeSet<String>,
}

impl File {
    /// Opens a file and reads its settings.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let header = Header::read_with_merges(path).map_err(|cause| corrupt(path).because(cause))?;
        let source = fs::File::open(path).map_err(|cause| corrupt(path).because(cause))?;
        Ok(Self { path: path.to_owned(), source, header, taken: BTreeSet::new() })
    }

    /// The architecture's name.
    pub(super) fn architecture(&self) -> &str {
        &self.header.architecture
    }

    /// The vocabulary, as the file spells it.
    pub(super) fn vocab(&self) -> &Vocab {
        &self.header.vocab
    }

    /// A value of the file's metadata.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.header.metadata.get(key)
    }

    /// A text of the metadata.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.text()
    }

    /// A number of the metadata that counts something.
    pub(super) fn count(&self, key: &str) -> Option<usize> {
        usize::try_from(self.value(key)?.count()?).ok()
    }

    /// A setting of the architecture that counts something, where the file has it.
    pub(super) fn setting(&self, key: &str) -> Option<usize> {
        self.count(&format!("{}.{key}", self.architecture()))
    }

    /// A setting that the network cannot be computed without.
    pub(super) fn required(&self, key: &str) -> Result<usize> {
        self.setting(key).filter(|count| *count > 0).ok_or_else(|| {
            let message = format!("`{}` lacks the setting `{}.{key}`", self.path.display(), self.architecture());
            Error::new(ErrorKind::ModelCorrupt, message)
        })
    }

    /// A setting of the architecture that is a fraction, where the file has it.
    pub(super) fn fraction(&self, key: &str) -> Option<f32> {
        #[expect(clippy::cast_possible_truncation, reason = "the network is computed with f32")]
        self.value(&format!("{}.{key}", self.architecture())).and_then(Value::float).map(|number| number as f32)
    }

    /// How many numbers the weights are, and how many bytes they take.
    pub(super) fn size(&self) -> (u64, u64) {
        (self.header.parameters, self.header.weight_bytes)
    }

    /// The rows of a matrix of the file.
    pub(super) fn rows(&self, name: &str) -> Option<usize> {
        let [_, rows] = self.tensor(name)?.shape[..] else { return None };
        usize::try_from(rows).ok()
    }

    fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.header.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Takes the matrix of this name and shape.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix> {
        self.take(name, &[columns, rows])?.ok_or_else(|| self.lacks(name))
    }

    /// Takes the numbers of this name, where the file has them.
    pub(super) fn numbers(&mut self, name: &str, length: usize) -> Result<Option<Vec<f32>>> {
        self.take(name, &[length])?.map(|numbers| numbers.row(0)).transpose()
    }

    /// Takes the numbers of this name.
    pub(super) fn required_numbers(&mut self, name: &str, length: usize) -> Result<Vec<f32>> {
        self.numbers(name, length)?.ok_or_else(|| self.lacks(name))
    }

    /// Fails where the file has weights that no one asked for.
    pub(super) fn require_all_taken(&self) -> Result<()> {
        let left = self.header.tensors.iter().map(|tensor| &tensor.name).find(|name| !self.taken.contains(*name));
        left.map_or(Ok(()), |name| Err(self.unsupported(&format!("the tensor `{name}`"))))
    }

    /// An error: the file needs what is not supported here.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        let message = format!("`{}` has {what}, which the candle engine does not support", self.path.display());
        Error::new(ErrorKind::Backend, message)
            .hint("run it with llama.cpp: `--backend llama`, in a build with the feature `llama`")
    }

    fn lacks(&self, name: &str) -> Error {
        Error::new(ErrorKind::ModelCorrupt, format!("`{}` lacks the tensor `{name}`", self.path.display()))
            .hint("`callwright verify` checks the file")
    }

    /// A tensor, where the file has it; it must have this shape, the fastest dimension first.
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Option<Matrix>> {
        let Some(tensor) = self.tensor(name) else { return Ok(None) };
        if !tensor.shape.iter().copied().eq(shape.iter().map(|size| *size as u64)) {
            let message =
                format!("`{}`: `{name}` has the shape {:?}, not {shape:?}", self.path.display(), tensor.shape);
            return Err(Error::new(ErrorKind::ModelCorrupt, message));
        }
        let Some((_, kind)) = KINDS.iter().find(|(kind, _)| *kind == tensor.kind) else {
            return Err(self.unsupported(&format!("tensors of type {}", tensor.kind)));
        };
        let (start, length) = (self.header.weights_start + tensor.offset, tensor.bytes);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX)).map_err(|cause| {
            let message = format!("not enough memory to load `{}`", self.path.display());
            Error::new(ErrorKind::Memory, message).because(cause).hint("use a smaller model or a smaller quant")
        })?;
        self.source.seek(SeekFrom::Start(start)).map_err(|cause| corrupt(&self.path).because(cause))?;
        let read = self.source.by_ref().take(length).read_to_end(&mut bytes);
        if read.map_err(|cause| corrupt(&self.path).because(cause))? as u64 != length {
            return Err(corrupt(&self.path));
        }
        self.taken.insert(name.to_owned());
        Ok(Some(Matrix::new(*kind, bytes, shape.get(1).copied().unwrap_or(1), shape[0])))
    }
}

fn corrupt(path: &Path) -> Error {
    Error::new(ErrorKind::ModelCorrupt, format!("candle cannot load `{}`", path.display()))
        .hint("`callwright verify` checks the file")
}
