//! Model files are tried in another program before this one opens them.
//!
//! A model file comes from strangers, and llama.cpp ends the process where one says what it takes for impossible. What
//! can be checked in Rust was checked by then; the rest is found out by a program that may end: it opens header,
//! vocabulary and graph, without the weights. The verdict is kept, so that it costs nothing the second time. A library
//! starts no programs of its own accord: whoever embeds it names the one.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::backend::BackendName;
use callwright_infer::opening;
use callwright_models::gguf;
use callwright_parse::error::{Error, ErrorKind, Result};

/// How long a trial may take: reading the header of the largest model from a slow disk.
const PATIENCE: Duration = Duration::from_mins(1);
/// How much of what a program says is kept.
const KEPT: u64 = 1 << 16;

/// How model files are tried: which program tries them, and where its verdicts are kept.
///
/// The program is given the engine's name and the model file behind its own arguments, calls [`Trial::here`] with them,
/// and ends with 0 where the file opens and with 2 where it was refused in good order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    program: PathBuf,
    arguments: Vec<OsString>,
    verdicts: PathBuf,
}

impl Trial {
    /// Trials by this program with these arguments, whose verdicts are kept in this folder.
    #[must_use]
    pub fn by(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        verdicts: impl Into<PathBuf>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, verdicts: verdicts.into() }
    }

    /// Opens a model file without its weights, in this process, which may end over it.
    pub fn here(backend: BackendName, file: &Path) -> Result<()> {
        callwright_models::runnable(file)?;
        match backend {
            #[cfg(feature = "llama")]
            BackendName::Llama => callwright_llama::rehearse(file),
            _ => Ok(()),
        }
    }

    /// Fails where the file ends a process that opens it.
    pub(super) fn require(&self, backend: BackendName, engine: &str, file: &Path) -> Result<()> {
        // A file that cannot be read is refused with its reason when it is opened.
        let Ok(name) = opening::name_of_findings(engine, &gguf::parts(file)) else { return Ok(()) };
        let verdict = self.verdicts.join(format!("{name}.json"));
        let kept = std::fs::read(&verdict).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let fatal = match kept.as_ref().and_then(|kept| kept.get("fatal")) {
            Some(fatal) => fatal.as_str().map(str::to_owned),
            None => match self.tried(backend, file) {
                Some(Outcome::Opens) => self.keep(&verdict, file, None),
                Some(Outcome::Ends(how)) => self.keep(&verdict, file, Some(how)),
                // It was refused in good order, and will be here; or nothing was found out.
                Some(Outcome::Refused) | None => None,
            },
        };
        fatal.map_or(Ok(()), |how| {
            let message = format!("`{}` is not a usable GGUF file: {engine} breaks down over it", file.display());
            Err(Error::new(ErrorKind::ModelCorrupt, message).because(how).hint(
                "pull the model again, or use another file of it; this one is damaged, or made for another engine",
            ))
        })
    }

    /// Keeps a verdict, and hands it on. Where it cannot be kept the file is tried again next time.
    fn keep(&self, verdict: &Path, file: &Path, fatal: Option<String>) -> Option<String> {
        let text = json!({"model": file.to_string_lossy(), "fatal": fatal}).to_string();
        let written = callwright_files::own_folder(&self.verdicts)
            .and_then(|()| callwright_files::replace(verdict, |out| out.write_all(text.as_bytes())));
        drop(written);
        fatal
    }

    /// Tries a file. None where the program could not be started: then the file is opened untried.
    fn tried(&self, backend: BackendName, file: &Path) -> Option<Outcome> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .arg(backend.name())
            .arg(file)
            // Else ggml starts a debugger over itself before it ends.
            .env("GGML_NO_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let errors = child.stderr.take();
        let listener = thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(mut errors) = errors {
                // All of it is read, so that nobody waits for a full pipe.
                drop(errors.by_ref().take(KEPT).read_to_end(&mut said));
                drop(std::io::copy(&mut errors, &mut std::io::sink()));
            }
            String::from_utf8_lossy(&said).into_owned()
        });
        let ended = wait(&mut child)?;
        let said = listener.join().unwrap_or_default();
        let Ended::Itself(status) = ended else {
            return Some(Outcome::Ends(format!("nothing came of it in {} seconds", PATIENCE.as_secs())));
        };
        Some(match status.code() {
            Some(0) => Outcome::Opens,
            Some(2) => Outcome::Refused,
            code => Outcome::Ends(last_words(&said).unwrap_or_else(|| match code {
                Some(code) => format!("the trial ended with {code}"),
                None => "the trial was ended by a signal".to_owned(),
            })),
        })
    }
}

/// What came of a trial.
enum Outcome {
    Opens,
    Refused,
    /// It ended the process, with these words.
    Ends(String),
}

/// How a program that was waited for came to its end.
enum Ended {
    Itself(ExitStatus),
    TimedOut,
}

/// Waits for a program, and ends it where it takes too long. None where the system does not say how it ended.
fn wait(child: &mut Child) -> Option<Ended> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match child.try_wait().ok()? {
            Some(status) => return Some(Ended::Itself(status)),
            None if began.elapsed() > PATIENCE => {
                child.kill().ok()?;
                child.wait().ok()?;
                return Some(Ended::TimedOut);
            }
            None => thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// What a program said last, in letters that a terminal shows as they are: the assertion that ended it, where it was one.
fn last_words(said: &str) -> Option<String> {
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
    let assertion = lines().rfind(|line| line.contains("ASSERT") || line.contains("panicked"));
    let line = assertion.or_else(|| lines().next_back())?;
    Some(line.chars().filter(|letter| !letter.is_control()).take(300).collect())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    /// A trial by a shell that does this, and a model file for it.
    fn trial(folder: &Path, script: &str) -> (Trial, PathBuf) {
        let file = folder.join("model.gguf");
        std::fs::write(&file, "a model").unwrap();
        (Trial::by("/bin/sh", ["-c", script], folder.join("verdicts")), file)
    }

    #[test]
    fn a_verdict_is_found_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("runs");
        let count = || std::fs::read_to_string(&mark).map_or(0, |runs| runs.lines().count());
        for (how, script) in [(true, "exit 0"), (false, "echo 'x.c:1: GGML_ASSERT(n > 0) failed' >&2; kill -ABRT $$")] {
            let (trial, file) = trial(folder.path(), &format!("echo run >> {}; {script}", mark.display()));
            let before = count();
            for _ in 0..3 {
                let verdict = trial.require(BackendName::Llama, if how { "one" } else { "other" }, &file);
                assert_eq!(verdict.is_ok(), how);
                if let Err(error) = verdict {
                    assert_eq!(error.kind(), ErrorKind::ModelCorrupt);
                    let told = std::error::Error::source(&error).map(ToString::to_string);
                    assert!(told.is_some_and(|told| told.contains("GGML_ASSERT(n > 0)")), "{error:?}");
                }
            }
            assert_eq!(count(), before + 1, "{script}");
        }
        // Another file in its place is another one.
        let (trial, file) = trial(folder.path(), &format!("echo run >> {}; exit 0", mark.display()));
        std::fs::write(&file, "another").unwrap();
        trial.require(BackendName::Llama, "one", &file).unwrap();
        assert_eq!(count(), 3);
    }

    #[test]
    fn what_was_refused_or_not_tried_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let (refused, file) = trial(folder.path(), "exit 2");
        refused.require(BackendName::Llama, "one", &file).unwrap();
        let nobody = Trial::by("/nowhere/program", [""; 0], folder.path().join("verdicts"));
        nobody.require(BackendName::Llama, "one", &file).unwrap();
        assert!(!folder.path().join("verdicts").exists(), "nothing was found out");
    }

    #[test]
    fn a_trial_gets_no_debugger_and_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let (trial, file) = trial(folder.path(), "cat; test \"$GGML_NO_BACKTRACE\" = 1 || kill -ABRT $$; exit 0");
        trial.require(BackendName::Llama, "one", &file).unwrap();
    }
}
