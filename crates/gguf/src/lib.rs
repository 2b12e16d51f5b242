//! The header of a GGUF file, read before any C++ sees the file.
//!
//! A model file comes from strangers. llama.cpp trusts it more than we do, so what can be checked is checked here, with
//! bounded memory and time: magic, version, counts, lengths, types, shapes, and that the weights fit the file. A file
//! that is cut off or altered in its header is told in one sentence, with what to do. Knows nothing of where files come
//! from, nor of chat templates but that they are a text.

mod error;
mod file_type;
mod reader;
mod sound;
mod split;
mod tensor;
mod value;
mod vocab;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use reader::{Flaw, Reader};
use value::Metadata;

pub use error::{Error, ErrorKind};
pub use file_type::file_type;
pub use split::parts;
pub use tensor::Tensor;
pub use value::{Texts, Value};
pub use vocab::{Special, SpecialKind, Vocab};

/// What a GGUF file says of itself.
///
/// ```
/// use callwright_gguf::Header;
///
/// let header = Header::read("../../fixtures/models/random_llama.gguf".as_ref())?;
/// assert_eq!(header.architecture, "llama");
/// assert!(header.chat_template.is_some() && !header.vocab.specials.is_empty());
///
/// let half = Header::from_reader(std::io::Cursor::new(b"GGUF\x03\0\0\0"), 8).unwrap_err();
/// assert!(half.to_string().contains("is cut off"));
/// # Ok::<(), callwright_gguf::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Header {
    /// The version of the file format.
    pub version: u32,
    /// The architecture, as `llama`: the prefix of most other keys.
    pub architecture: String,
    /// The model's name, as its maker wrote it.
    pub name: Option<String>,
    /// How many tokens it was trained to attend to.
    pub context_length: Option<u64>,
    /// The chat template.
    pub chat_template: Option<String>,
    /// Further chat templates by name, as `tool_use`.
    pub named_templates: BTreeMap<String, String>,
    /// The special tokens.
    pub vocab: Vocab,
    /// How the weights are written, as `Q4_K_M`.
    pub quant: String,
    /// How many numbers the weights are.
    pub parameters: u64,
    /// How many bytes the weights take.
    pub weight_bytes: u64,
    /// Where the weights begin in their file.
    pub weights_start: u64,
    /// How many bytes the file has, or all files where the model is split.
    pub file_bytes: u64,
    /// The tensors, in the order of the file.
    pub tensors: Vec<Tensor>,
    /// All other settings.
    pub metadata: BTreeMap<String, Value>,
}

const TEMPLATE: &str = "tokenizer.chat_template";

impl Header {
    /// Reads the header of a file and checks that the weights fit it; for a model that is split, of all its files.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let header = Self::read_one(path, value::VOCAB)?;
        if header.count("split.count") > Some(1) { split::join(path, header) } else { Ok(header) }
    }

    /// The header of one file, with the lists `tokenizer.ggml.merges` and `tokenizer.ggml.scores`, which only a tokenizer
    /// needs.
    pub fn read_with_merges(path: &Path) -> Result<Self, Error> {
        Self::read_one(path, value::TOKENIZER)
    }

    fn read_one(path: &Path, kept: &[&str]) -> Result<Self, Error> {
        let shown = path.display();
        let file = File::open(path)
            .map_err(|cause| Error::new(ErrorKind::Missing, format!("cannot open `{shown}`")).because(cause))?;
        let length = match file.metadata() {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Err(Error::new(ErrorKind::Missing, format!("`{shown}` is not a file"))),
            Err(cause) => {
                return Err(Error::new(ErrorKind::Unreadable, format!("cannot read `{shown}`")).because(cause));
            }
        };
        Self::from_source(file, length, kept).map_err(|flaw| Error::of_flaw(path, &flaw))
    }

    /// Reads a header from a source of this length, as [`Header::read`] does from a file.
    pub fn from_reader(source: impl Read + Seek, length: u64) -> Result<Self, Error> {
        Self::from_source(source, length, value::VOCAB).map_err(|flaw| Error::of_flaw(Path::new("the source"), &flaw))
    }

    fn from_source(source: impl Read + Seek, length: u64, kept: &[&str]) -> Result<Self, Flaw> {
        let mut reader = Reader::new(source, length);
        let version = magic(&mut reader)?;
        let tensor_count = reader.u64()?;
        let key_count = reader.u64()?;
        // Both tables are known to be too long for the file before the first of them is read.
        reader.expect(tensor_count, 24)?;
        let mut metadata = value::read(&mut reader, key_count, kept)?;
        let alignment = alignment(&metadata)?;
        let tensors = tensor::read(&mut reader, tensor_count, alignment)?;
        let (weights_start, weight_bytes) = check_weights(&reader, &tensors, alignment)?;

        let architecture = match metadata.get("general.architecture").and_then(Value::text) {
            Some(name) => name.to_owned(),
            // The second and later files of a split model say nothing of it.
            None if metadata.get("split.no").and_then(Value::count) > Some(0) => String::new(),
            None => return Err(Flaw::wrong("it does not name its architecture")),
        };
        let vocab = Vocab::take(&mut metadata);
        let (chat_template, named_templates) = templates(&mut metadata);
        Ok(Self {
            version,
            name: metadata.get("general.name").and_then(Value::text).map(str::to_owned),
            context_length: metadata.get(&format!("{architecture}.context_length")).and_then(Value::count),
            architecture,
            chat_template,
            named_templates,
            vocab,
            quant: quant(&metadata, &tensors),
            parameters: tensors.iter().map(|tensor| tensor.elements).fold(0, u64::saturating_add),
            weight_bytes,
            weights_start,
            file_bytes: length,
            tensors,
            metadata,
        })
    }

    /// Fails where the file holds only a vocabulary or a part of a model, which cannot be run.
    pub fn require_weights(&self, path: &Path) -> Result<(), Error> {
        if self.tensors.is_empty() {
            let message = format!("`{}` has a vocabulary but no weights", path.display());
            return Err(Error::new(ErrorKind::Corrupt, message).hint("choose a file with the model's weights"));
        }
        Ok(())
    }

    /// A setting of the architecture, as `block_count`, where it is one number.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<u64> {
        self.count(&format!("{}.{key}", self.architecture))
    }

    /// A setting of the architecture that may differ by layer, as `attention.head_count_kv`.
    #[must_use]
    pub fn setting_of_layer(&self, key: &str, layer: usize) -> Option<u64> {
        match self.metadata.get(&format!("{}.{key}", self.architecture))? {
            Value::Integers(layers) => layers.get(layer).and_then(|number| u64::try_from(*number).ok()),
            single => single.count(),
        }
    }

    fn count(&self, key: &str) -> Option<u64> {
        self.metadata.get(key).and_then(Value::count)
    }
}

fn magic<R: Read + Seek>(reader: &mut Reader<R>) -> Result<u32, Flaw> {
    let magic = reader.bytes::<4>()?;
    if magic != *b"GGUF" {
        return Err(Flaw::wrong("it does not begin with `GGUF`"));
    }
    match reader.u32()? {
        version @ 2..=3 => Ok(version),
        1 => Err(Flaw::wrong("version 1 is no longer supported")),
        version if version.swap_bytes() <= 3 => Err(Flaw::wrong("it is big-endian")),
        version => Err(Flaw::wrong(format!("unknown version {version}"))),
    }
}

fn alignment(metadata: &Metadata) -> Result<u64, Flaw> {
    let Some(value) = metadata.get("general.alignment") else { return Ok(32) };
    match value.count() {
        Some(alignment) if alignment.is_power_of_two() && alignment <= 1 << 20 => Ok(alignment),
        _ => Err(Flaw::wrong("its alignment is not a power of two")),
    }
}

/// Where the weights begin and how many bytes they take, once it is sure that the file has them all.
fn check_weights<R: Read + Seek>(reader: &Reader<R>, tensors: &[Tensor], alignment: u64) -> Result<(u64, u64), Flaw> {
    let Some(last) = tensors.last() else { return Ok((reader.position(), 0)) };
    let too_large = || Flaw::wrong("its weights are too large");
    let start = reader.position().checked_next_multiple_of(alignment).ok_or_else(too_large)?;
    let end = start.checked_add(last.offset).and_then(|end| end.checked_add(last.bytes)).ok_or_else(too_large)?;
    if end > reader.length() {
        return Err(Flaw::CutOff { needed: end, there: reader.length() });
    }
    Ok((start, tensors.iter().map(|tensor| tensor.bytes).fold(0, u64::saturating_add)))
}

fn templates(metadata: &mut Metadata) -> (Option<String>, BTreeMap<String, String>) {
    let mut take = |key: &str| match metadata.remove(key) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let main = take(TEMPLATE);
    let prefix = format!("{TEMPLATE}.");
    let keys: Vec<_> = metadata.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
    let mut named = BTreeMap::new();
    for key in keys {
        if let (Some(Value::Text(text)), Some(name)) = (metadata.remove(&key), key.strip_prefix(&prefix)) {
            named.insert(name.to_owned(), text);
        }
    }
    (main, named)
}

fn quant(metadata: &Metadata, tensors: &[Tensor]) -> String {
    let stated = metadata.get("general.file_type").and_then(Value::count);
    let stated = stated.and_then(file_type);
    // A file without weights has nothing that could be of a quant, whatever it states.
    let common = tensor::commonest(tensors);
    let name = common.map(|common| stated.unwrap_or(common));
    name.unwrap_or("none").to_owned()
}
