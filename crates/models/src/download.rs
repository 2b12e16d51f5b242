//! Files from the hub, checked before they count.
//!
//! A file grows in a staging folder; what came is held against the size and the SHA-256 that the hub announced, and only
//! then moved into the shared cache. No more of it is written than was announced. A request runs on a thread of its own,
//! whose silence is noticed.

use std::error::Error as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::client::{Announced, Client, Trouble};
use super::hub_cache::Repo;
use super::lock::Lock;
use super::{Places, Progress, Secret, checksum, name};
use callwright_parse::error::{Error, ErrorKind, Result};

/// How many times a transfer without progress is retried.
const ATTEMPTS: u32 = 3;

/// What is requested when no file is.
const FILES: &str = "files";

/// One repository of the hub at one revision.
pub(super) struct Hub {
    endpoint: String,
    token: Option<Secret>,
    repo: Repo,
    revision: String,
    patience: Duration,
}

impl Hub {
    pub(super) fn open(places: &Places, repo: &str, revision: Option<&str>) -> Result<Self> {
        if places.offline {
            return Err(Error::new(ErrorKind::Offline, "the network is switched off"));
        }
        let endpoint = &places.endpoint;
        let address = ["http://", "https://"].iter().find_map(|scheme| endpoint.strip_prefix(scheme));
        if address.is_none_or(|rest| rest.is_empty() || rest.contains(|c: char| c.is_whitespace() || c.is_control())) {
            return Err(Error::new(ErrorKind::Config, format!("`{endpoint}` is not a valid hub URL"))
                .hint("set HF_ENDPOINT to a URL that begins with https://, or unset it"));
        }
        let repo = Repo::new(&places.hub_cache, repo);
        Ok(Self {
            endpoint: endpoint.clone(),
            token: places.token.clone(),
            repo,
            revision: revision.unwrap_or("main").to_owned(),
            patience: Duration::from_secs(places.patience.max(1)),
        })
    }

    /// A client, and the answer to a first question.
    ///
    /// The token is only sent to a hub that refused to answer without it: most models are public.
    fn introduced<T>(&self, ask: impl Fn(&Client) -> Result<T>) -> Result<(Client, T)> {
        let client = |token| Client::new(&self.endpoint, &self.repo.name, &self.revision, token);
        let anonymous = client(None);
        match ask(&anonymous) {
            Err(refusal) if refusal.kind() == ErrorKind::ModelMissing && self.token.is_some() => {
                let client = client(self.token.clone());
                let answer = ask(&client)?;
                Ok((client, answer))
            }
            answer => answer.map(|answer| (anonymous, answer)),
        }
    }

    /// The paths of all files of the repository, except those that cannot be a path in the cache.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let question = |client: &Client| {
            let client = client.clone();
            self.ask(FILES, move || client.files())
        };
        self.introduced(question).map(|(_, files)| files)
    }

    /// Downloads a file into the shared cache. A file that is there already is left alone; a partial one is resumed.
    pub(super) fn fetch(&self, file: &str, sha256: Option<&str>, progress: &mut dyn Progress) -> Result<PathBuf> {
        let waiting = || progress.note(&format!("another process is pulling `{file}`; waiting for it"));
        let lock = Arc::new(Lock::hold(&self.repo.lock(file), waiting)?);
        if let Some(path) = self.repo.find(file, Some(&self.revision)) {
            return Ok(path);
        }
        let (client, announced) = self.introduced(|client| self.announced(client, file))?;
        if let Some(expected) = sha256.filter(|expected| *expected != announced.etag) {
            let message = format!("the hub's `{file}` is not the file this version of callwright expects");
            return Err(Error::new(ErrorKind::ModelCorrupt, message)
                .because(format!("the hub announces {}, the registry expects {expected}", announced.etag))
                .hint(format!("to use it anyway, name it by its repository: `{}`", self.repo.name)));
        }
        let blob = self.repo.blob(&announced.etag);
        // The bytes may be here already: from another tool, or from a pull that ended just before it could show them.
        let known = blob.is_file() && check(&blob, file, &announced, progress).is_ok();
        let checked = if known { blob } else { self.transfer(&client, file, &announced, &lock, progress)? };
        let path = self.repo.take_in(&checked, &announced.etag, file, &self.revision, &announced.commit)?;
        self.repo.clear_staging(file);
        Ok(path)
    }

    fn announced(&self, client: &Client, file: &str) -> Result<Announced> {
        let (client, path) = (client.clone(), file.to_owned());
        let announced = self.ask(&format!("`{file}`"), move || client.announced(&path))?;
        let Announced { etag, commit, .. } = &announced;
        // Both become names of files.
        let plain = |text: &str| name::is_file(text) && !text.contains('/');
        if !plain(etag) || !plain(commit) {
            return Err(Error::new(ErrorKind::Network, "invalid answer from the hub")
                .because(format!("it names the file `{etag}` and the commit `{commit}`"))
                .hint("check HF_ENDPOINT"));
        }
        Ok(announced)
    }

    /// Downloads the rest of the file and checks it. A bad partial file is started over once.
    fn transfer(
        &self,
        client: &Client,
        file: &str,
        announced: &Announced,
        lock: &Arc<Lock>,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf> {
        let staging = Repo::new(&self.repo.staging(file), &self.repo.name);
        let whole = staging.blob(&announced.etag);
        let part = whole.with_extension("part");
        let mut fruitless = 0;
        let mut anew = false;
        loop {
            let already = size(&part);
            let got = if size(&whole) == announced.size {
                Ok(())
            } else if already > announced.size {
                Err(Error::new(ErrorKind::ModelCorrupt, "the partial download is longer than the file"))
            } else if already == announced.size {
                adopt(&part, &whole)
            } else {
                progress.start(announced.size, already);
                self.grow(client, (file, &part), announced.size, lock, progress).and_then(|()| adopt(&part, &whole))
            };
            let Err(error) = got.and_then(|()| check(&whole, file, announced, progress)) else { return Ok(whole) };
            match error.kind() {
                // A thread that fell silent still holds the lock, and may wake up and write.
                _ if Arc::strong_count(lock) > 1 => return Err(error),
                ErrorKind::ModelCorrupt => {
                    self.repo.clear_staging(file);
                    if already == 0 || anew {
                        return Err(error);
                    }
                    progress.note("the partial download did not match; starting over");
                    anew = true;
                }
                ErrorKind::Network if size(&part) > already => {
                    progress.note(&format!("{error}; resuming at {} of {} bytes", size(&part), announced.size));
                    fruitless = 0;
                }
                ErrorKind::Network if fruitless + 1 < ATTEMPTS && !is_refused(&error) => {
                    thread::sleep(Duration::from_secs(1 << fruitless));
                    fruitless += 1;
                }
                _ => return Err(error),
            }
        }
    }

    /// One transfer, on its own thread. If it stalls it keeps the lock until it ends, because it may still write.
    fn grow(
        &self,
        client: &Client,
        (file, part): (&str, &Path),
        size: u64,
        lock: &Arc<Lock>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        let (client, path, part, lock) = (client.clone(), file.to_owned(), part.to_owned(), Arc::clone(lock));
        thread::spawn(move || {
            let from = self::size(&part);
            let bytes = client.bytes(&path, from);
            let result = bytes.and_then(|(from, body)| append(body, &part, from, size, &sender));
            drop(lock);
            // Nobody listens any more if the pull was given up.
            let _ = sender.send(Sign::End(result));
        });
        self.listen(file, &receiver, |bytes| progress.advance(bytes))?;
        progress.finish();
        Ok(())
    }

    /// Runs a short request on its own thread, so that a hub that never answers is noticed.
    fn ask<T: Send + 'static>(
        &self,
        what: &str,
        request: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(Sign::End(request())));
        self.listen(what, &receiver, |_| {})
    }

    fn listen<T>(&self, what: &str, signs: &Receiver<Sign<T>>, mut bytes: impl FnMut(u64)) -> Result<T> {
        loop {
            match signs.recv_timeout(self.patience) {
                Ok(Sign::Bytes(count)) => bytes(count),
                Ok(Sign::End(Ok(result))) => return Ok(result),
                Ok(Sign::End(Err(cause))) => return Err(self.explain(what, cause)),
                Err(RecvTimeoutError::Timeout) => {
                    let message = format!("the hub has sent nothing for {} seconds", self.patience.as_secs());
                    return Err(
                        Error::new(ErrorKind::Network, message).hint("run it again: it resumes where it stopped")
                    );
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::new(ErrorKind::Network, "invalid answer from the hub").hint("check HF_ENDPOINT"));
                }
            }
        }
    }

    /// What a trouble means for the person who pulls.
    fn explain(&self, what: &str, cause: Trouble) -> Error {
        let repo = &self.repo.name;
        let error = match &cause {
            Trouble::Status(401 | 403) => Error::new(
                ErrorKind::ModelMissing,
                format!("the hub refuses access to `{repo}`"),
            )
            .hint("check the name; if the model is gated, accept its terms on its page and set HF_TOKEN to your token"),
            Trouble::Status(404) => {
                Error::new(ErrorKind::ModelMissing, format!("the hub has no {what} of `{repo}` at `{}`", self.revision))
                    .hint(
                        "`user/repo:quant` finds a file by its quant; the repository's page on the hub lists the files",
                    )
            }
            Trouble::Status(status) => Error::new(ErrorKind::Network, format!("the hub answered with status {status}"))
                .hint("run it again later: it resumes where it stopped"),
            Trouble::Disk(_) => {
                Error::new(ErrorKind::Io, format!("cannot write to the cache `{}`", self.repo.folder().display()))
                    .hint("free some space, or choose another folder with HF_HUB_CACHE; the partial download is kept")
            }
            Trouble::Refused(_) => Error::new(ErrorKind::Network, "the hub leads elsewhere, where it is not followed")
                .hint("check HF_ENDPOINT; a mirror must serve files itself or from the public hub's hosts"),
            Trouble::TooLong => Error::new(ErrorKind::ModelCorrupt, format!("{what} is not what the hub announced"))
                .hint("check HF_ENDPOINT"),
            Trouble::Answer(_) => {
                Error::new(ErrorKind::Network, "invalid answer from the hub").hint("check HF_ENDPOINT")
            }
            Trouble::Connection(_) => {
                Error::new(ErrorKind::Network, "cannot reach the hub, or the connection was lost")
                    .hint("check the network and run it again: it resumes where it stopped")
            }
        };
        error.about(repo.clone()).because(cause)
    }
}

/// What a thread says.
enum Sign<T> {
    Bytes(u64),
    End(Result<T, Trouble>),
}

/// Writes a body behind what is there of a file, and no more than the file is long.
fn append(mut body: impl Read, part: &Path, from: u64, size: u64, told: &Sender<Sign<()>>) -> Result<(), Trouble> {
    part.parent().map_or(Ok(()), fs::create_dir_all).map_err(Trouble::Disk)?;
    let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(Trouble::Disk)?;
    // A server that ignores ranges begins anew.
    file.set_len(from).map_err(Trouble::Disk)?;
    let (mut left, mut buffer) = (size.saturating_sub(from), vec![0; 128 << 10]);
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(Trouble::Connection(Box::new(cause.into()))),
        };
        if read as u64 > left {
            return Err(Trouble::TooLong);
        }
        file.write_all(&buffer[..read]).map_err(Trouble::Disk)?;
        left -= read as u64;
        // Nobody listens any more if the pull was given up.
        let _ = told.send(Sign::Bytes(read as u64));
    }
}

/// Whether the hub leads where it is not followed, which it will do again.
fn is_refused(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Trouble::Refused(_)))
}

/// A complete partial file needs no more bytes; requesting them would be answered with 416.
fn adopt(part: &Path, whole: &Path) -> Result<()> {
    fs::rename(part, whole)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot rename `{}`", part.display())).because(cause))
}

/// Checks a file against what the hub announced.
fn check(path: &Path, file: &str, announced: &Announced, progress: &mut dyn Progress) -> Result<()> {
    let altered = |what: String| {
        Error::new(ErrorKind::ModelCorrupt, format!("`{file}` is not what the hub announced")).because(what).hint(
            "pull it again; if that does not help, something between this machine and the hub alters files: try without HF_ENDPOINT or a proxy",
        )
    };
    let found = size(path);
    if found != announced.size {
        return Err(altered(format!("it has {found} bytes, expected {}", announced.size)));
    }
    if !checksum::is_sha256(&announced.etag) {
        progress.note(&format!("the hub gives no sha256 for `{file}`; only its size was checked"));
        return Ok(());
    }
    progress.note("checking the sha256");
    let sum = checksum::of_file(path, progress)?;
    if sum == announced.etag {
        Ok(())
    } else {
        Err(altered(format!("its sha256 is {sum}, expected {}", announced.etag)))
    }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
