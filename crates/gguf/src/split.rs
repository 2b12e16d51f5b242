//! Models in several files, as `model-00001-of-00003.gguf`: the names of the parts, and one header for all.
//!
//! llama.cpp is given the first part and finds the others beside it by their names, so they must lie together.

use std::path::{Path, PathBuf};

use super::{Error, ErrorKind, Header};

/// The most parts that a name may announce: far above any real model, low enough to be listed.
const MOST_PARTS: usize = 999;

/// The files of which this one is the first: itself alone where its name does not say `-00001-of-0000N`.
///
/// ```
/// use std::path::Path;
/// let parts = callwright_gguf::parts(Path::new("m-00001-of-00002.gguf"));
/// assert_eq!(parts, [Path::new("m-00001-of-00002.gguf"), Path::new("m-00002-of-00002.gguf")]);
/// assert_eq!(callwright_gguf::parts(Path::new("m.gguf")).len(), 1);
/// ```
#[must_use]
pub fn parts(first: &Path) -> Vec<PathBuf> {
    numbered(first).unwrap_or_else(|| vec![first.to_owned()])
}

fn numbered(first: &Path) -> Option<Vec<PathBuf>> {
    let name = first.file_name()?.to_str()?;
    let (stem, count) = name.strip_suffix(".gguf")?.rsplit_once("-00001-of-")?;
    let total = (count.len() == 5).then(|| count.parse::<usize>().ok()).flatten()?;
    if total == 0 || total > MOST_PARTS {
        return None;
    }
    Some((1..=total).map(|part| first.with_file_name(format!("{stem}-{part:05}-of-{count}.gguf"))).collect())
}

/// Reads the other parts and adds their tensors to the first's header.
pub(super) fn join(path: &Path, mut header: Header) -> Result<Header, Error> {
    let shown = path.display();
    let stated = header.count("split.count").and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let parts = numbered(path).filter(|parts| parts.len() == stated).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, format!("`{shown}` is not the first of the {stated} files of its model"))
            .hint(format!("use the file that ends in `-00001-of-{stated:05}.gguf`"))
    })?;
    for part in parts.iter().skip(1) {
        if !part.exists() {
            let message = format!("`{shown}` needs `{}`, which is missing", part.display());
            return Err(
                Error::new(ErrorKind::Missing, message).hint("pull the model again: files already downloaded are kept")
            );
        }
        let rest = Header::read_one(part, super::value::VOCAB)?;
        header.parameters = header.parameters.saturating_add(rest.parameters);
        header.weight_bytes = header.weight_bytes.saturating_add(rest.weight_bytes);
        header.file_bytes = header.file_bytes.saturating_add(rest.file_bytes);
        header.tensors.extend(rest.tensors);
    }
    Ok(header)
}
