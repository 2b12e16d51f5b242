//! What a run leaves on the disk is for its owner's eyes alone, whatever the umask and whatever was there before.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Home, root};

/// Runs the binary with this umask.
fn with_umask(home: &Home, umask: &str, arguments: &[&str]) -> String {
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    let output = Command::new("/bin/sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_callwright")])
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .current_dir(root())
        .output()
        .expect("the shell starts");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {err}");
    err
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

fn everything(home: &Home) -> Vec<PathBuf> {
    let data = home.path().join(".local/share/callwright");
    let config = home.path().join(".config/callwright");
    vec![
        data.join("usage.jsonl"),
        data.join("reports/one.json"),
        config.join("callwright.toml"),
        home.path().join("recordings.jsonl"),
    ]
}

fn write_all(home: &Home, umask: &str) {
    let record = home.path().join("recordings.jsonl");
    let record = record.to_str().expect("text");
    let ask = ["run", "embedded", "Set a timer for 5 minutes", "--tools", "examples/tools.json"];
    with_umask(home, umask, &[&ask[..], &["--record", record]].concat());
    with_umask(home, umask, &["config", "init", "--force"]);
    with_umask(home, umask, &["bench", "parse", record, "--save", "one"]);
}

#[test]
fn what_is_written_is_private_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let home = Home::new();
        write_all(&home, umask);
        for file in everything(&home) {
            assert_eq!(mode(&file), 0o600, "umask {umask}: {}", file.display());
            let folder = file.parent().expect("a folder");
            if folder != home.path() {
                assert_eq!(mode(folder), 0o700, "umask {umask}: {}", folder.display());
            }
        }
    }
}

#[test]
fn what_was_open_to_others_is_closed() {
    let home = Home::new();
    write_all(&home, "000");
    for file in everything(&home) {
        fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("opened to all");
        let folder = file.parent().expect("a folder");
        fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("opened to all");
    }
    write_all(&home, "000");
    for file in everything(&home) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let folder = file.parent().expect("a folder");
        // A folder that the user chose for a recording is the user's.
        assert_eq!(mode(folder), if folder == home.path() { 0o777 } else { 0o700 }, "{}", folder.display());
    }
}
