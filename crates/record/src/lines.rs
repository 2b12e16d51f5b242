//! Files of one JSON object a line, to which several programs may add at once.
//!
//! Recordings, the ledger and the audit are such files. A line goes into a file in one write, so that two programs never
//! mix theirs, and one that died, or ran into a full disk, leaves half a line at worst. It must not know what the lines
//! say.

use std::fs::File;
use std::io::{Result, Write as _};
use std::path::Path;

use serde::Serialize;

/// The end of a file, which is made where it is missing; nobody but its owner may read it.
pub fn open(path: &Path) -> Result<File> {
    callwright_files::append(path)
}

/// Adds a line to a file that was opened at its end.
pub fn write(file: &mut File, value: &impl Serialize) -> Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    file.write_all(line.as_bytes())
}

/// All lines, oldest first. One that cannot be read (half of one) is passed over.
pub fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{open, read, write};

    #[test]
    fn half_a_line_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        std::fs::write(&path, b"{\"a\": 1}\n{\"b\": \"\xc3\n").unwrap();
        write(&mut open(&path).unwrap(), &json!({"c": "two\nlines"})).unwrap();
        assert_eq!(read::<Value>(&path).unwrap(), [json!({"a": 1}), json!({"c": "two\nlines"})]);
    }
}
