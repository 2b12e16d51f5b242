//! Reads the primitive values of a GGUF file, little-endian, and refuses what cannot be.
//!
//! Every length is checked against the bytes that are left before anything is allocated, so a hostile header costs no
//! more memory than it has bytes and no more time than reading it. Knows bytes; not what they mean.

use std::fmt;
use std::io::{self, BufReader, Read, Seek};

/// No header is longer: the longest known (a vocabulary of 262,144 tokens) has 16 MB.
const LONGEST_HEADER: u64 = 256 << 20;

/// No single text is longer: the longest known (a chat template) has 20 kB.
const LONGEST_TEXT: u64 = 16 << 20;

/// Why a file is not a usable GGUF file, as half a sentence after its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The bytes end before the header or the weights do.
    CutOff { needed: u64, there: u64 },
    /// The header says something impossible.
    Wrong(String),
    /// The file could not be read.
    Unreadable(String),
}

impl Flaw {
    pub(super) fn wrong(what: impl Into<String>) -> Self {
        Self::Wrong(what.into())
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff { needed, there } => {
                write!(f, "is cut off: at least {needed} bytes are needed and there are {there}")
            }
            Self::Wrong(what) => write!(f, "is not a usable GGUF file: {what}"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
        }
    }
}

/// Counts what it reads, and knows how much there is.
pub(super) struct Reader<R> {
    source: BufReader<R>,
    position: u64,
    length: u64,
}

impl<R: Read + Seek> Reader<R> {
    /// A reader at the start of a source of this length.
    pub(super) fn new(source: R, length: u64) -> Self {
        Self { source: BufReader::with_capacity(1 << 16, source), position: 0, length }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Fails unless `count` things of at least `size` bytes each can still come.
    pub(super) fn expect(&self, count: u64, size: u64) -> Result<(), Flaw> {
        let Some(end) = count.checked_mul(size).and_then(|bytes| self.position.checked_add(bytes)) else {
            return Err(Flaw::wrong(format!("it declares {count} entries")));
        };
        if end > self.length {
            return Err(Flaw::CutOff { needed: end, there: self.length });
        }
        if end > LONGEST_HEADER {
            return Err(Flaw::wrong(format!("its header is longer than {LONGEST_HEADER} bytes")));
        }
        Ok(())
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.expect(N as u64, 1)?;
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes).map_err(|cause| self.unreadable(&cause))?;
        self.position += N as u64;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Flaw> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Flaw> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// A length and that many bytes, appended to `text`; bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text_into(&mut self, text: &mut String) -> Result<(), Flaw> {
        let length = self.u64()?;
        if length > LONGEST_TEXT {
            return Err(Flaw::wrong(format!("it declares a text of {length} bytes")));
        }
        self.expect(length, 1)?;
        // The check above holds the length to the file's, so this allocates no more than there is to read.
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.source.read_exact(&mut bytes).map_err(|cause| self.unreadable(&cause))?;
        self.position += length;
        text.push_str(&String::from_utf8_lossy(&bytes));
        Ok(())
    }

    pub(super) fn text(&mut self) -> Result<String, Flaw> {
        let mut text = String::new();
        self.text_into(&mut text)?;
        Ok(text)
    }

    /// Passes over `count` things of `size` bytes each.
    pub(super) fn skip(&mut self, count: u64, size: u64) -> Result<(), Flaw> {
        self.expect(count, size)?;
        let bytes = count * size;
        let step = i64::try_from(bytes).map_err(|_| Flaw::wrong("it is too long"))?;
        self.source.seek_relative(step).map_err(|cause| self.unreadable(&cause))?;
        self.position += bytes;
        Ok(())
    }

    fn unreadable(&self, cause: &io::Error) -> Flaw {
        match cause.kind() {
            // The file got shorter while it was read.
            io::ErrorKind::UnexpectedEof => Flaw::CutOff { needed: self.length, there: self.position },
            _ => Flaw::Unreadable(cause.to_string()),
        }
    }
}
