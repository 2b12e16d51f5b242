//! Whether a model's bytes are still the ones that were fetched.
//!
//! The shared cache names the blobs of large files by their SHA-256, so that they can be checked years later without a
//! network. What has no known sum is measured and told; the header is always checked.

use crate::header::header;
use std::fs;
use std::path::Path;

use super::{Located, Store};
use crate::{ModelName, Progress, checksum};
use callwright_parse::error::Result;

/// What a check found, for each file of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The bytes are those that were published.
    Intact {
        /// Their SHA-256.
        sha256: String,
    },
    /// They are not.
    Altered {
        /// The SHA-256 that was published.
        expected: String,
        /// The SHA-256 of the file.
        found: String,
    },
    /// No checksum was published; the header is valid and the file has the length it gives.
    Unknown {
        /// Their SHA-256.
        sha256: String,
    },
}

impl Verdict {
    /// Whether the file may be used.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !matches!(self, Self::Altered { .. })
    }
}

impl Store {
    /// Reads a model's files again and compares them with what was published. A file that is cut off is an error.
    pub fn verify(&self, name: &ModelName, progress: &mut dyn Progress) -> Result<Vec<Verdict>> {
        let located = self.locate(name)?;
        header(&located.path)?;
        let expected = stated(&located);
        let verdict = |path: &Path, progress: &mut dyn Progress| {
            let sha256 = checksum::of_file(path, progress)?;
            Ok(match expected.clone().or_else(|| blob_name(path)) {
                Some(expected) if expected == sha256 => Verdict::Intact { sha256 },
                Some(expected) => Verdict::Altered { expected, found: sha256 },
                None => Verdict::Unknown { sha256 },
            })
        };
        located.parts().iter().map(|path| verdict(path, progress)).collect()
    }
}

/// The sum that the registry or the binary states.
fn stated(located: &Located) -> Option<String> {
    if located.source.is_embedded() {
        return Some(crate::embedded::sha256().to_owned());
    }
    let (row, quant) = (located.row()?, located.quant.as_deref()?);
    let wheel = row.wheel.as_ref().filter(|_| located.source == super::Source::Wheel);
    wheel.map(|wheel| wheel.sha256.clone()).or_else(|| row.files.get(quant)?.sha256.clone())
}

/// The sum by which the shared cache named the bytes.
fn blob_name(path: &Path) -> Option<String> {
    let target = fs::read_link(path).ok()?;
    let name = target.file_name()?.to_str()?;
    checksum::is_sha256(name).then(|| name.to_owned())
}
