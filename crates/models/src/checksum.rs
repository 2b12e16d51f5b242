//! SHA-256 of files, with progress: a model takes minutes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Progress;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Whether this is a SHA-256 in lower-case hexadecimal, as the hub names the blobs of large files.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The SHA-256 of bytes in memory.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// The SHA-256 of a file.
pub(super) fn of_file(path: &Path, progress: &mut dyn Progress) -> Result<String> {
    digest(path, progress).map_err(|cause| {
        let message = format!("cannot read `{}` to verify it", path.display());
        Error::new(ErrorKind::Io, message).because(cause)
    })
}

fn digest(path: &Path, progress: &mut dyn Progress) -> io::Result<String> {
    let mut file = File::open(path)?;
    progress.start(file.metadata()?.len(), 0);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                digest.update(&buffer[..count]);
                progress.advance(count as u64);
            }
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    progress.finish();
    Ok(format!("{:x}", digest.finalize()))
}
