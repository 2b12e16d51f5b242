//! The file of a saved state: what it is of stands in front, so that no engine reads a byte of a wrong one.
//!
//! Engines trust the states that they read; llama.cpp ends the whole process over one that was cut off. So a state is
//! compared before: the model and the engine by a hash, the tokens one by one, its length, and a checksum of all bytes.
//! It must not know what an engine keeps in a state.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::backend::{StateKey, Token};

/// What the files begin with; the number changes with their layout.
const MAGIC: &[u8; 16] = b"callwright kv 2\n";
/// A model's path is no longer than this.
const LONGEST_PATH: u32 = 1 << 15;

/// What a key comes to: another version, engine, model file or layout of the cache has another one.
pub(super) fn digest(key: &StateKey) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [env!("CARGO_PKG_VERSION"), &key.engine, &key.layout, &key.file, &key.model.to_string_lossy()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Writes a state of these tokens.
pub(super) fn write(out: &mut dyn Write, key: &StateKey, tokens: &[Token], state: &[u8]) -> io::Result<()> {
    let model = key.model.to_string_lossy();
    let mut head = MAGIC.to_vec();
    head.extend(digest(key));
    head.extend(short(model.len())?.to_le_bytes());
    head.extend(model.as_bytes());
    head.extend(short(tokens.len())?.to_le_bytes());
    head.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
    head.extend((state.len() as u64).to_le_bytes());
    head.extend(crc32fast::hash(state).to_le_bytes());
    head.extend(crc32fast::hash(&head).to_le_bytes());
    out.write_all(&head)?;
    out.write_all(state)
}

/// Reads the state of these tokens from a file of at most so many bytes, or says what is wrong with it.
pub(super) fn read(file: &Path, key: &StateKey, tokens: &[Token], most: u64) -> Result<Vec<u8>, String> {
    let unreadable = |cause: io::Error| format!("it cannot be read: {cause}");
    let mut source = File::open(file).map_err(unreadable)?;
    let length = source.metadata().map_err(unreadable)?.len();
    if length > most {
        return Err(format!("it has {length} bytes, and all states together may have {most}"));
    }
    let mut bytes = Vec::new();
    let room = usize::try_from(length).ok().filter(|length| bytes.try_reserve_exact(*length).is_ok());
    room.ok_or("there is not enough memory to read it")?;
    source.read_to_end(&mut bytes).map_err(unreadable)?;
    let state = checked(&bytes, key, tokens)?.len();
    // What stands in front goes, and the state stays where it is in memory.
    bytes.drain(..bytes.len() - state);
    Ok(bytes)
}

/// The state in these bytes.
fn checked<'b>(bytes: &'b [u8], key: &StateKey, tokens: &[Token]) -> Result<&'b [u8], String> {
    let mut rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or("it is not a state of this version")?;
    let own: [u8; 32] = array(&mut rest)?;
    let model = number(&mut rest)?;
    take(&mut rest, model as usize)?;
    let count = number(&mut rest)? as usize;
    let theirs = take(&mut rest, count.checked_mul(size_of::<Token>()).ok_or(CUT)?)?;
    let length = u64::from_le_bytes(array(&mut rest)?);
    let sum = number(&mut rest)?;
    let head = &bytes[..bytes.len() - rest.len()];
    if crc32fast::hash(head) != number(&mut rest)? {
        return Err("its header is damaged".to_owned());
    }
    if own != digest(key) {
        return Err("it is of another model or engine".to_owned());
    }
    if !theirs.as_chunks().0.iter().map(|token| Token::from_le_bytes(*token)).eq(tokens.iter().copied()) {
        return Err("it is of another prompt".to_owned());
    }
    if rest.len() as u64 != length {
        return Err(CUT.to_owned());
    }
    if crc32fast::hash(rest) != sum {
        return Err("it is damaged".to_owned());
    }
    Ok(rest)
}

const CUT: &str = "it is cut off";

/// The file of the model that a state is of; none where that is not a state of ours.
pub(super) fn model(file: &Path) -> Option<PathBuf> {
    let mut source = File::open(file).ok()?;
    let mut head = [0; MAGIC.len() + 32 + 4];
    source.read_exact(&mut head).ok()?;
    let length = u32::from_le_bytes(*head.last_chunk()?);
    if !head.starts_with(MAGIC) || length > LONGEST_PATH {
        return None;
    }
    let mut path = vec![0; length as usize];
    source.read_exact(&mut path).ok()?;
    String::from_utf8(path).ok().map(PathBuf::from)
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], String> {
    let (taken, left) = rest.split_at_checked(count).ok_or(CUT)?;
    *rest = left;
    Ok(taken)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (taken, left) = rest.split_first_chunk().ok_or(CUT)?;
    *rest = left;
    Ok(*taken)
}

fn number(rest: &mut &[u8]) -> Result<u32, String> {
    array(rest).map(u32::from_le_bytes)
}

fn short(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StateKey {
        let [model, engine, layout, file] = ["/models/a.gguf", "engine 1", "half", "12 bytes"];
        StateKey { model: model.into(), engine: engine.into(), layout: layout.into(), file: file.into() }
    }

    fn file(state: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, &key(), &[7, 8, 70_000], state).unwrap();
        bytes
    }

    #[test]
    fn a_state_is_read_back() {
        for state in [b"".as_slice(), b"keys and values"] {
            assert_eq!(checked(&file(state), &key(), &[7, 8, 70_000]).unwrap(), state);
        }
    }

    #[test]
    fn no_cut_and_no_flipped_bit_is_read() {
        let whole = file(b"keys and values");
        for end in 0..whole.len() {
            assert!(checked(&whole[..end], &key(), &[7, 8, 70_000]).is_err(), "cut at {end}");
        }
        for bit in 0..whole.len() * 8 {
            let mut wrong = whole.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(checked(&wrong, &key(), &[7, 8, 70_000]).is_err(), "bit {bit}");
        }
        assert!(checked(&[whole, b"more".to_vec()].concat(), &key(), &[7, 8, 70_000]).is_err());
    }

    #[test]
    fn a_state_of_something_else_is_told_apart() {
        let whole = file(b"keys and values");
        let told = |key: &StateKey, tokens: &[Token]| checked(&whole, key, tokens).unwrap_err();
        assert_eq!(told(&key(), &[7, 9, 70_000]), "it is of another prompt", "as many tokens");
        assert_eq!(told(&key(), &[7, 8]), "it is of another prompt");
        for other in [
            StateKey { model: "/models/b.gguf".into(), ..key() },
            StateKey { engine: "engine 2".into(), ..key() },
            StateKey { layout: "whole".into(), ..key() },
            StateKey { file: "13 bytes".into(), ..key() },
        ] {
            assert_eq!(told(&other, &[7, 8, 70_000]), "it is of another model or engine");
        }
    }
}
