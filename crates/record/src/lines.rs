//! Files of one JSON object a line, to which several programs may add at once.
//!
//! Recordings, the ledger and the audit are such files. A program that died, or ran into a full disk, may have left half
//! a line; so whoever writes holds the file's lock, ends such a half line first and takes back what it could not write
//! whole. Whoever reads skips half lines, counts them, and still finds the line that an older program wrote right behind
//! one. It must not know what the lines say.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Result, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where in a broken line a whole one may begin: this many places are tried.
const TRIES: usize = 256;

/// A file of lines, opened at its end.
#[derive(Debug)]
pub struct Lines {
    file: File,
    /// Whether it is a file on a disk: a pipe or a device has no lock, no end to look at and nothing to take back.
    is_regular: bool,
}

/// The file while nobody else writes to it.
#[derive(Debug)]
pub struct Held<'l> {
    lines: &'l mut Lines,
    /// Whether there is a lock to give back: some network file systems have none.
    locked: bool,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// Its lines, oldest first.
    pub lines: Vec<T>,
    /// How many could not be read: halves, and what is something else.
    pub skipped: usize,
}

impl Lines {
    /// Opens a file, which is made where it is missing, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self> {
        let file = callwright_files::append(path)?;
        let is_regular = file.metadata().map_or(true, |found| found.is_file());
        Ok(Self { file, is_regular })
    }

    /// Waits until nobody else writes, and keeps it so until the result is dropped.
    pub fn hold(&mut self) -> Result<Held<'_>> {
        let locked = self.is_regular
            && match self.file.lock() {
                Ok(()) => true,
                Err(cause) if cause.kind() == ErrorKind::Unsupported => false,
                Err(cause) => return Err(cause),
            };
        Ok(Held { lines: self, locked })
    }

    /// Adds a line.
    pub fn add(&mut self, value: &impl Serialize) -> Result<()> {
        self.hold()?.add(value)
    }
}

impl Held<'_> {
    /// Adds a line, whole or not at all.
    pub fn add(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        let Lines { file, is_regular } = &mut *self.lines;
        if !*is_regular {
            return file.write_all(&line);
        }
        let before = file.seek(SeekFrom::End(0))?;
        if before > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(before - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        file.write_all(&line).inspect_err(|_| {
            // Half a line is taken back, unless somebody without a lock has written behind it. If that fails too, the
            // next writer ends it.
            if file.metadata().is_ok_and(|now| now.len() < before + line.len() as u64) {
                let _ = file.set_len(before);
            }
        })
    }

    /// What the file says now.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<Found<T>> {
        let mut bytes = Vec::new();
        if !self.lines.is_regular {
            return Ok(found(&bytes));
        }
        self.lines.file.seek(SeekFrom::Start(0))?;
        self.lines.file.read_to_end(&mut bytes)?;
        Ok(found(&bytes))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.locked {
            // A lock that cannot be given back goes with the file.
            let _ = self.lines.file.unlock();
        }
    }
}

/// All lines of a file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Found<T>> {
    std::fs::read(path).map(|bytes| found(&bytes))
}

/// The lines of a text with their numbers, counted from 1; blank ones are left out.
pub(crate) fn numbered(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).zip(1..);
    lines.filter(|(line, _)| !line.is_empty()).map(|(line, number)| (number, line))
}

/// The value that a line is, and whether half a line stands before it.
pub(crate) fn value<T: DeserializeOwned>(line: &[u8]) -> serde_json::Result<(T, bool)> {
    let cause = match serde_json::from_slice(line) {
        Ok(value) => return Ok((value, false)),
        Err(cause) => cause,
    };
    // Quotes inside a string have a backslash, so that no object with a key begins inside one.
    let starts = line.windows(2).enumerate().skip(1).filter(|(_, two)| two == b"{\"").map(|(at, _)| at);
    let behind = starts.take(TRIES).find_map(|at| serde_json::from_slice(&line[at..]).ok());
    behind.map(|value| (value, true)).ok_or(cause)
}

fn found<T: DeserializeOwned>(bytes: &[u8]) -> Found<T> {
    let mut found = Found { lines: Vec::new(), skipped: 0 };
    for (_, line) in numbered(bytes) {
        match value(line) {
            Ok((value, half)) => {
                found.lines.push(value);
                found.skipped += usize::from(half);
            }
            Err(_) => found.skipped += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::{Lines, read};

    /// A line as the ledger has them.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        number: usize,
        text: String,
    }

    fn row(number: usize) -> serde_json::Value {
        json!({"number": number, "text": format!("two\nlines, {{\"number\": {number}")})
    }

    fn numbers(path: &std::path::Path) -> (Vec<usize>, usize) {
        let found = read::<Row>(path).unwrap();
        (found.lines.iter().map(|row| row.number).collect(), found.skipped)
    }

    /// Wherever a program died, neither the line before nor the one after is lost, whoever wrote that one.
    #[test]
    fn half_a_line_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let (first, half) = (format!("{}\n", row(1)), format!("{}\n", row(2)));
        for cut in 0..=half.len() {
            for careful in [true, false] {
                let mut bytes = [first.as_bytes(), &half.as_bytes()[..cut]].concat();
                if !careful {
                    bytes.extend(format!("{}\n", row(3)).bytes());
                }
                std::fs::write(&path, &bytes).unwrap();
                if careful {
                    Lines::open(&path).unwrap().add(&row(3)).unwrap();
                }
                // Without its newline a line is whole, too.
                let whole = cut >= half.len() - 1;
                let is_glued = !careful && cut == half.len() - 1;
                let wanted = match (whole, is_glued) {
                    (true, false) => (vec![1, 2, 3], 0),
                    (true, true) => (vec![1, 3], 1),
                    (false, _) => (vec![1, 3], usize::from(cut > 0)),
                };
                assert_eq!(numbers(&path), wanted, "cut at {cut}, careful: {careful}");
            }
        }
    }

    #[test]
    fn many_writers_mix_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        std::fs::write(&path, b"{\"number\": 0, \"te").unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for line in 0..50 {
                        Lines::open(path).unwrap().add(&row(writer * 50 + line)).unwrap();
                    }
                });
            }
        });
        let (mut found, skipped) = numbers(&path);
        found.sort_unstable();
        assert_eq!((found, skipped), ((0..400).collect(), 1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_to_and_a_full_one_is_told() {
        use std::path::Path;
        Lines::open(Path::new("/dev/null")).unwrap().add(&row(1)).unwrap();
        let full = Lines::open(Path::new("/dev/full")).unwrap().add(&row(1)).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}
