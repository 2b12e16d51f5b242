//! A GGUF file as candle reads it: settings, and weights taken out one by one.
//!
//! Every weight of the file has to be asked for. One that was not means that the network computes something that is
//! not written here, and a model with a part left out would talk nonsense without a word; so the file is refused. It
//! must not know what weights are for.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{Content, Value};

use super::weights::Matrix;
use callwright_parse::error::{Error, ErrorKind, Result};

/// An open model file.
pub(super) struct File {
    path: PathBuf,
    reader: BufReader<fs::File>,
    content: Content,
    architecture: String,
    taken: BTreeSet<String>,
}

impl File {
    /// Opens a file and reads its settings.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let opened = fs::File::open(path).map_err(|cause| {
            Error::new(ErrorKind::ModelMissing, format!("cannot open `{}`", path.display())).because(cause)
        })?;
        let mut reader = BufReader::new(opened);
        let content = Content::read(&mut reader).map_err(|cause| corrupt(path).because(cause))?;
        let architecture = match content.metadata.get("general.architecture") {
            Some(Value::String(name)) => name.clone(),
            _ => return Err(corrupt(path)),
        };
        Ok(Self { path: path.to_owned(), reader, content, architecture, taken: BTreeSet::new() })
    }

    /// The architecture's name.
    pub(super) fn architecture(&self) -> &str {
        &self.architecture
    }

    /// A value of the file's metadata.
    fn value(&self, key: &str) -> Option<&Value> {
        self.content.metadata.get(key)
    }

    /// A text of the metadata.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.to_string().ok().map(String::as_str)
    }

    /// A truth value of the metadata.
    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        self.value(key)?.to_bool().ok()
    }

    /// A list of texts of the metadata; empty where there is none, or one of something else.
    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        self.list(key, |value| value.to_string().ok().map(String::as_str))
    }

    /// A list of whole numbers of the metadata.
    pub(super) fn integers(&self, key: &str) -> Vec<i32> {
        self.list(key, |value| value.to_i32().ok().or_else(|| i32::try_from(value.to_u32().ok()?).ok()))
    }

    /// A list of fractions of the metadata.
    pub(super) fn floats(&self, key: &str) -> Vec<f32> {
        self.list(key, |value| value.to_f32().ok())
    }

    fn list<'f, T>(&'f self, key: &str, item: impl Fn(&'f Value) -> Option<T>) -> Vec<T> {
        let items = self.value(key).and_then(|value| value.to_vec().ok());
        items.and_then(|items| items.iter().map(item).collect()).unwrap_or_default()
    }

    /// A number of the metadata that counts something.
    pub(super) fn count(&self, key: &str) -> Option<usize> {
        let value = self.value(key)?;
        let number =
            value.to_u64().ok().or_else(|| value.to_i32().ok().and_then(|number| u64::try_from(number).ok()))?;
        usize::try_from(number).ok()
    }

    /// A setting of the architecture that counts something, where the file has it.
    pub(super) fn setting(&self, key: &str) -> Option<usize> {
        self.count(&format!("{}.{key}", self.architecture))
    }

    /// A setting that the network cannot be computed without.
    pub(super) fn required(&self, key: &str) -> Result<usize> {
        self.setting(key).filter(|count| *count > 0).ok_or_else(|| {
            let message = format!("`{}` does not say its `{}.{key}`", self.path.display(), self.architecture);
            Error::new(ErrorKind::ModelCorrupt, message)
        })
    }

    /// A setting of the architecture that is a fraction, where the file has it.
    pub(super) fn fraction(&self, key: &str) -> Option<f32> {
        self.value(&format!("{}.{key}", self.architecture))?.to_f32().ok()
    }

    /// How many numbers the weights are, and how many bytes they take.
    pub(super) fn size(&self) -> (u64, u64) {
        let tensors = self.content.tensor_infos.values();
        tensors.fold((0, 0), |(numbers, bytes), tensor| {
            let (count, kind) = (tensor.shape.elem_count(), tensor.ggml_dtype);
            (numbers + count as u64, bytes + (count / kind.block_size() * kind.type_size()) as u64)
        })
    }

    /// The rows and columns of a matrix of the file.
    pub(super) fn shape(&self, name: &str) -> Option<(usize, usize)> {
        self.content.tensor_infos.get(name)?.shape.dims2().ok()
    }

    /// Takes the matrix of this name and shape.
    pub(super) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix> {
        let bytes = self.bytes(name, &[rows, columns])?.ok_or_else(|| self.lacks(name))?;
        let kind = self.content.tensor_infos[name].ggml_dtype;
        Ok(Matrix::new(kind, bytes, rows, columns))
    }

    /// Takes the numbers of this name, where the file has them.
    pub(super) fn numbers(&mut self, name: &str, length: usize) -> Result<Option<Vec<f32>>> {
        let Some(bytes) = self.bytes(name, &[length])? else { return Ok(None) };
        let kind = self.content.tensor_infos[name].ggml_dtype;
        Matrix::new(kind, bytes, 1, length).row(0).map(Some)
    }

    /// Takes the numbers of this name.
    pub(super) fn required_numbers(&mut self, name: &str, length: usize) -> Result<Vec<f32>> {
        self.numbers(name, length)?.ok_or_else(|| self.lacks(name))
    }

    /// Fails where the file has weights that no one asked for.
    pub(super) fn require_all_taken(&self) -> Result<()> {
        let left = self.content.tensor_infos.keys().filter(|name| !self.taken.contains(*name)).min();
        left.map_or(Ok(()), |name| Err(self.unsupported(&format!("the weights `{name}`"))))
    }

    /// That the file needs what is not computed here.
    pub(super) fn unsupported(&self, what: &str) -> Error {
        let message = format!("`{}` has {what}, which the candle engine does not compute", self.path.display());
        Error::new(ErrorKind::Backend, message)
            .hint("run it with llama.cpp: `--backend llama`, in a build with the feature `llama`")
    }

    fn lacks(&self, name: &str) -> Error {
        Error::new(ErrorKind::ModelCorrupt, format!("`{}` lacks the weights `{name}`", self.path.display()))
            .hint("`callwright verify` checks the file")
    }

    /// The bytes of a tensor, where the file has it; it must have this shape, the slowest dimension first.
    fn bytes(&mut self, name: &str, shape: &[usize]) -> Result<Option<Vec<u8>>> {
        let Some(tensor) = self.content.tensor_infos.get(name) else { return Ok(None) };
        let (dims, kind) = (tensor.shape.dims(), tensor.ggml_dtype);
        if dims != shape || !shape.last().is_some_and(|row| row.is_multiple_of(kind.block_size())) {
            let message = format!("`{}`: `{name}` has the shape {dims:?}, not {shape:?}", self.path.display());
            return Err(Error::new(ErrorKind::ModelCorrupt, message));
        }
        let length = tensor.shape.elem_count() / kind.block_size() * kind.type_size();
        let start = self.content.tensor_data_offset.saturating_add(tensor.offset);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|cause| {
            let message = format!("there is not enough memory to load `{}`", self.path.display());
            Error::new(ErrorKind::Memory, message).because(cause).hint("use a smaller model or a smaller quant")
        })?;
        self.reader.seek(SeekFrom::Start(start)).map_err(|cause| corrupt(&self.path).because(cause))?;
        let read = self.reader.by_ref().take(length as u64).read_to_end(&mut bytes);
        if read.map_err(|cause| corrupt(&self.path).because(cause))? != length {
            return Err(corrupt(&self.path));
        }
        self.taken.insert(name.to_owned());
        Ok(Some(bytes))
    }
}

fn corrupt(path: &Path) -> Error {
    Error::new(ErrorKind::ModelCorrupt, format!("candle cannot load `{}`", path.display()))
        .hint("`callwright verify` checks the file")
}
