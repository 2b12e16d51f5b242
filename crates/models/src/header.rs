//! A model file's header, with our errors: what is wrong, and how to get the model again.

use std::path::Path;

use callwright_gguf::{ErrorKind as Kind, Header};
use callwright_parse::error::{Error, ErrorKind, Result};

const AGAIN: &str = "remove the file and pull the model again (`callwright pull NAME`)";
const ANOTHER: &str = "give a .gguf file, or a model that `callwright list --all` lists";

/// Reads the header of a model file, and of all its parts where the model is split.
///
/// # Errors
///
/// `ModelMissing` where there is no such file, `Io` where it cannot be read, `ModelCorrupt` where it is not a GGUF file that
/// an engine could run.
pub fn header(path: &Path) -> Result<Header> {
    Header::read(path).map_err(|error| trouble(error, path))
}

/// The same for a file that is to be run: one without weights is refused.
///
/// # Errors
///
/// As [`header`], and `ModelCorrupt` where the file holds only a vocabulary, or says what no engine can compute with.
pub fn runnable(path: &Path) -> Result<Header> {
    let header = header(path)?;
    let sound = header.require_weights(path).and_then(|()| header.require_sound(path));
    sound.map_err(|error| trouble(error, path))?;
    Ok(header)
}

/// The same failure as an error of ours, with a hint.
fn trouble(error: callwright_gguf::Error, path: &Path) -> Error {
    // A file with another ending was never a model that came from somewhere.
    let is_gguf = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    let (kind, again) = match error.kind() {
        Kind::Missing => (ErrorKind::ModelMissing, None),
        Kind::Unreadable => (ErrorKind::Io, None),
        _ => (ErrorKind::ModelCorrupt, Some(if is_gguf { AGAIN } else { ANOTHER })),
    };
    let ours = Error::new(kind, error.to_string());
    let ours = match error.hint_text().or(again) {
        Some(hint) => ours.hint(hint),
        None => ours,
    };
    match error.into_cause() {
        Some(cause) => ours.because(cause),
        None => ours,
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorKind, header};

    #[test]
    fn a_file_that_is_cut_off_comes_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.gguf");
        std::fs::write(&path, b"GGUF\x03\0\0\0").unwrap();
        let text = folder.path().join("README.md");
        std::fs::write(&text, b"# A text").unwrap();
        let error = header(&text).unwrap_err();
        assert!(error.hint_text().is_some_and(|hint| hint.starts_with("give a .gguf file")), "{error:?}");
        let error = header(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ModelCorrupt);
        assert!(error.to_string().contains("is cut off"), "{error}");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("callwright pull")));
        assert_eq!(header(&folder.path().join("none.gguf")).unwrap_err().kind(), ErrorKind::ModelMissing);
    }
}
