//! What a test needs and not every machine has: recorded outputs, a browser, pip. A test without its means passes, but not
//! in silence: it leaves a line in the file that CALLWRIGHT_SKIPPED names, which `make test` prints at its end. In CI
//! (`CI=true`) a test fails where its means are at hand and were not handed to it. It knows nothing of what is tested.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// The folder of recorded outputs and real templates that `CALLWRIGHT_SHARED` names, from the checkout's root where it is
/// relative. In CI it must be named where it lies beside the checkout.
pub fn shared() -> Option<PathBuf> {
    let beside = crate::root().join("../shared");
    let folder = named("CALLWRIGHT_SHARED", || beside.is_dir())?;
    let folder = crate::root().join(folder);
    assert!(folder.is_dir(), "CALLWRIGHT_SHARED is set and {} is not a folder", folder.display());
    Some(folder)
}

/// What an environment variable names. Where it is not set the test is skipped, which CI refuses if `at_hand`.
pub fn named(variable: &str, at_hand: impl FnOnce() -> bool) -> Option<OsString> {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty());
    if named.is_none() {
        assert!(!(in_ci() && at_hand()), "{variable} is not set, and what it stands for is here: in CI it must be");
        skip(&format!("{variable} is not set"));
    }
    named
}

/// Whether `CALLWRIGHT_TEST_LISTS=all` asks for all tools of the shared lists instead of a sample.
pub fn wants_all_lists() -> bool {
    std::env::var("CALLWRIGHT_TEST_LISTS").is_ok_and(|value| value == "all")
}

/// Says that the running test is skipped, and why.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    let line = format!("skipped: {}::{test}: {why}\n", program());
    print!("{line}");
    let Some(summary) = std::env::var_os("CALLWRIGHT_SKIPPED") else { return };
    let mut summary = OpenOptions::new().create(true).append(true).open(summary).expect("the summary opens");
    summary.write_all(line.as_bytes()).expect("the summary is written");
}

/// The name of the test program, without the hash that cargo gives it.
fn program() -> String {
    let program = std::env::current_exe().expect("a test is a program");
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    name.rsplit_once('-').map_or(&*name, |(name, _)| name).to_owned()
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
