//! The metadata of a GGUF file: keys and typed values.
//!
//! Numbers and texts are kept. Long lists are passed over and only counted, but for those that the caller names: token
//! texts and their kinds, and for a tokenizer merges and scores, which are megabytes that nobody else needs.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use super::reader::{Flaw, Reader};

/// Keys and values, by key.
pub(super) type Metadata = BTreeMap<String, Value>;

/// Lists up to this length are kept whatever they hold; per-layer settings and lists of ids are shorter.
const SHORT: u64 = 4096;

/// Longer lists that say which tokens are special.
pub(super) const VOCAB: &[&str] = &["tokenizer.ggml.tokens", "tokenizer.ggml.token_type"];

/// The same, and the lists that a tokenizer needs.
pub(super) const TOKENIZER: &[&str] =
    &["tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.scores"];

/// A value of a GGUF file's metadata.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Any integer type. Unsigned values above `i64::MAX` are held at it.
    Integer(i64),
    /// Either float type.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list of integers or truth values.
    Integers(Vec<i64>),
    /// A list of floats.
    Floats(Vec<f64>),
    /// A list of texts.
    Texts(Texts),
    /// A list that was passed over: too long to be a setting.
    Passed {
        /// How many entries it has.
        count: u64,
    },
}

/// Many texts in one buffer: a vocabulary has 262,144 of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Texts {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The text with this index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.buffer.get(start..end)
    }
}

impl Value {
    /// The integer, where it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The integer, where it is one that counts something.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.integer().and_then(|number| u64::try_from(number).ok())
    }

    /// The float, where it is one.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, where it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, where it is one.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Unsigned(u64),
    Signed(u64),
    Float(u64),
    Bool,
    Text,
    List,
}

impl Kind {
    fn read<R: Read + Seek>(reader: &mut Reader<R>) -> Result<Self, Flaw> {
        Ok(match reader.u32()? {
            0 => Self::Unsigned(1),
            1 => Self::Signed(1),
            2 => Self::Unsigned(2),
            3 => Self::Signed(2),
            4 => Self::Unsigned(4),
            5 => Self::Signed(4),
            6 => Self::Float(4),
            7 => Self::Bool,
            8 => Self::Text,
            9 => Self::List,
            10 => Self::Unsigned(8),
            11 => Self::Signed(8),
            12 => Self::Float(8),
            other => return Err(Flaw::wrong(format!("its metadata has a value of the unknown type {other}"))),
        })
    }

    /// The fewest bytes that one such value takes.
    fn size(self) -> u64 {
        match self {
            Self::Unsigned(size) | Self::Signed(size) | Self::Float(size) => size,
            Self::Bool => 1,
            Self::Text => 8,
            Self::List => 12,
        }
    }
}

/// Reads `count` keys and values; of long lists, only these are kept.
pub(super) fn read<R: Read + Seek>(reader: &mut Reader<R>, count: u64, kept: &[&str]) -> Result<Metadata, Flaw> {
    reader.expect(count, 13)?;
    let mut metadata = Metadata::new();
    for _ in 0..count {
        let key = reader.text()?;
        let kind = Kind::read(reader)?;
        let value =
            if kind == Kind::List { list(reader, kept.contains(&key.as_str()))? } else { single(reader, kind)? };
        if key.is_empty() {
            return Err(Flaw::wrong("its metadata has an empty key"));
        }
        if metadata.contains_key(&key) {
            return Err(Flaw::wrong(format!("its metadata has the key `{key}` twice")));
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}

fn single<R: Read + Seek>(reader: &mut Reader<R>, kind: Kind) -> Result<Value, Flaw> {
    Ok(match kind {
        Kind::Unsigned(_) | Kind::Signed(_) => Value::Integer(integer(reader, kind)?),
        Kind::Bool => Value::Bool(reader.bytes::<1>()? != [0]),
        Kind::Float(size) => Value::Float(float(reader, size)?),
        Kind::Text => Value::Text(reader.text()?),
        Kind::List => return Err(Flaw::wrong("its metadata has nested arrays")),
    })
}

fn integer<R: Read + Seek>(reader: &mut Reader<R>, kind: Kind) -> Result<i64, Flaw> {
    Ok(match kind {
        Kind::Unsigned(1) | Kind::Bool => i64::from(u8::from_le_bytes(reader.bytes()?)),
        Kind::Signed(1) => i64::from(i8::from_le_bytes(reader.bytes()?)),
        Kind::Unsigned(2) => i64::from(u16::from_le_bytes(reader.bytes()?)),
        Kind::Signed(2) => i64::from(i16::from_le_bytes(reader.bytes()?)),
        Kind::Unsigned(4) => i64::from(u32::from_le_bytes(reader.bytes()?)),
        Kind::Signed(4) => i64::from(i32::from_le_bytes(reader.bytes()?)),
        Kind::Signed(_) => i64::from_le_bytes(reader.bytes()?),
        _ => i64::try_from(reader.u64()?).unwrap_or(i64::MAX),
    })
}

fn float<R: Read + Seek>(reader: &mut Reader<R>, size: u64) -> Result<f64, Flaw> {
    Ok(if size == 4 { f32::from_le_bytes(reader.bytes()?).into() } else { f64::from_le_bytes(reader.bytes()?) })
}

fn list<R: Read + Seek>(reader: &mut Reader<R>, kept: bool) -> Result<Value, Flaw> {
    let kind = Kind::read(reader)?;
    let count = reader.u64()?;
    reader.expect(count, kind.size())?;
    let kept = kept || count <= SHORT;
    match kind {
        Kind::List => Err(Flaw::wrong("its metadata has nested arrays")),
        Kind::Text if kept => texts(reader, count).map(Value::Texts),
        Kind::Text => {
            for _ in 0..count {
                let length = reader.u64()?;
                reader.skip(length, 1)?;
            }
            Ok(Value::Passed { count })
        }
        Kind::Float(size) if kept => {
            (0..count).map(|_| float(reader, size)).collect::<Result<_, _>>().map(Value::Floats)
        }
        Kind::Unsigned(_) | Kind::Signed(_) | Kind::Bool if kept => {
            (0..count).map(|_| integer(reader, kind)).collect::<Result<_, _>>().map(Value::Integers)
        }
        _ => reader.skip(count, kind.size()).map(|()| Value::Passed { count }),
    }
}

fn texts<R: Read + Seek>(reader: &mut Reader<R>, count: u64) -> Result<Texts, Flaw> {
    let mut texts = Texts::default();
    for _ in 0..count {
        reader.text_into(&mut texts.buffer)?;
        texts.ends.push(texts.buffer.len());
    }
    Ok(texts)
}
