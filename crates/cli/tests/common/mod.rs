//! The binary in a clean corner of its own.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses its own part of this")]
#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "a test may stop at the first surprise")]
#![allow(clippy::must_use_candidate, clippy::new_without_default, clippy::missing_panics_doc, reason = "no library")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use callwright::Result;
use callwright_cli::settings::{Flags, Settings};
pub use callwright_test_support::{root, shared};
use tempfile::TempDir;

/// A home folder of its own, so that no test sees the caches and settings of whoever runs it.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder for the test") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The binary, with this home and nothing else of the environment but the way to programs.
    pub fn callwright(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callwright"));
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(root());
        command
    }
}

/// A user's folder, a project's folder and an environment, and the settings that come of them.
pub struct Place {
    pub home: Home,
    pub variables: BTreeMap<String, String>,
}

impl Place {
    pub fn new() -> Self {
        let home = Home::new();
        for folder in ["user", "data", "project/deep/down"] {
            fs::create_dir_all(home.path().join(folder)).expect("a folder");
        }
        let folder = |name: &str| home.path().join(name).display().to_string();
        let variables = [("CALLWRIGHT_CONFIG", folder("user")), ("CALLWRIGHT_DATA", folder("data"))];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { home, variables }
    }

    /// The settings file of one of the folders.
    pub fn path(&self, folder: &str) -> PathBuf {
        self.home.path().join(folder).join("callwright.toml")
    }

    pub fn write(&self, folder: &str, text: &str) {
        fs::write(self.path(folder), text).expect("written");
    }

    /// The settings in effect deep in the project.
    pub fn settings(&self, flags: &Flags) -> Result<Settings> {
        let folder = self.home.path().join("project/deep/down");
        Settings::of(&|name| self.variables.get(name).cloned(), &folder, flags)
    }
}

/// How a command ended and what it said.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end.
pub fn say(command: &mut Command) -> Said {
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("callwright writes text");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the binary on a terminal of so many columns, with these lines typed, and gives all that was shown and how it ended.
/// None where the machine has no `script`, which the caller's test is then skipped for.
pub fn on_terminal(home: &Home, columns: u16, arguments: &[&str], typed: &str) -> Option<Said> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let quoted: Vec<_> = arguments.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let line = format!("stty cols {columns} rows 50; exec '{}' {}", env!("CARGO_BIN_EXE_callwright"), quoted.join(" "));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env_clear().env("HOME", home.path()).env("TERM", "dumb");
    script.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(root());
    let Ok(mut child) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() else {
        callwright_test_support::means::skip("there is no `script` to make a terminal with");
        return None;
    };
    child.stdin.take().expect("piped").write_all(typed.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("script ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace('\r', "");
    Some(Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
}
