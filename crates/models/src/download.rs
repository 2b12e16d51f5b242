//! Files from the hub, by `hf-hub`, checked before they count.
//!
//! `hf-hub` knows the hub's protocol and resumes a part file. It does not check what came, puts it into the cache all the
//! same, and has no time limit. So it is given a staging folder as its cache; what it brings is held against the size and
//! the SHA-256 that the hub announced, and only then moved into the shared cache. It runs on a thread of its own, whose
//! silence is noticed. Its own retries are off: after a failed connection they would append to the part file from byte 0.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, RepoType};

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

/// What the hub announces of a file.
struct Announced {
    etag: String,
    commit: String,
    size: u64,
}

impl Hub {
    pub(super) fn open(places: &Places, repo: &str, revision: Option<&str>) -> Result<Self> {
        if places.offline {
            return Err(Error::new(ErrorKind::Offline, "the network is switched off"));
        }
        let endpoint = &places.endpoint;
        let address = ["http://", "https://"].iter().find_map(|scheme| endpoint.strip_prefix(scheme));
        // hf-hub builds addresses from it and panics on what is none.
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

    /// hf-hub with this folder as its cache, and the answer to a first question.
    ///
    /// The token is only sent to a hub that refused to answer without it: most models are public, and hf-hub also sends the
    /// token to wherever the hub redirects.
    fn introduced<T>(&self, cache: &Path, ask: impl Fn(&Api) -> Result<T>) -> Result<(Api, T)> {
        let anonymous = build(&self.endpoint, cache, None)?;
        match ask(&anonymous) {
            Err(refusal) if refusal.kind() == ErrorKind::ModelMissing && self.token.is_some() => {
                let api = build(&self.endpoint, cache, self.token.as_ref())?;
                let answer = ask(&api)?;
                Ok((api, answer))
            }
            answer => answer.map(|answer| (anonymous, answer)),
        }
    }

    /// The paths of all files of the repository, except those that cannot be a path in the cache.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let question = |api: &Api| {
            let repo = self.remote(api);
            self.ask(FILES, move || repo.info())
        };
        let (_, info) = self.introduced(self.repo.folder(), question)?;
        let paths = info.siblings.into_iter().map(|sibling| sibling.rfilename);
        Ok(paths.filter(|path| name::is_file(path)).collect())
    }

    /// Downloads a file into the shared cache. A file that is there already is left alone; a partial one is resumed.
    pub(super) fn fetch(&self, file: &str, sha256: Option<&str>, progress: &mut dyn Progress) -> Result<PathBuf> {
        let waiting = || progress.note(&format!("another process is pulling `{file}`; waiting for it"));
        let lock = Arc::new(Lock::hold(&self.repo.lock(file), waiting)?);
        if let Some(path) = self.repo.find(file, Some(&self.revision)) {
            return Ok(path);
        }
        let (api, announced) = self.introduced(&self.repo.staging(file), |api| self.announced(api, file))?;
        if let Some(expected) = sha256.filter(|expected| *expected != announced.etag) {
            let message = format!("the hub's `{file}` is not the file this version of callwright expects");
            return Err(Error::new(ErrorKind::ModelCorrupt, message)
                .because(format!("the hub announces {}, the registry expects {expected}", announced.etag))
                .hint(format!("to use it anyway, name it by its repository: `{}`", self.repo.name)));
        }
        let blob = self.repo.blob(&announced.etag);
        // The bytes may be here already: from another tool, or from a pull that ended just before it could show them.
        let known = blob.is_file() && check(&blob, file, &announced, progress).is_ok();
        let checked = if known { blob } else { self.transfer(&api, file, &announced, &lock, progress)? };
        let path = self.repo.take_in(&checked, &announced.etag, file, &self.revision, &announced.commit)?;
        self.repo.clear_staging(file);
        Ok(path)
    }

    fn announced(&self, api: &Api, file: &str) -> Result<Announced> {
        let address = self.remote(api).url(file);
        let api = api.clone();
        let metadata = self.ask(&format!("`{file}`"), move || api.metadata(&address))?;
        let (etag, commit) = (metadata.etag().to_owned(), metadata.commit_hash().to_owned());
        // Both become names of files.
        let plain = |text: &str| name::is_file(text) && !text.contains('/');
        if !plain(&etag) || !plain(&commit) {
            return Err(Error::new(ErrorKind::Network, "invalid answer from the hub")
                .because(format!("it names the file `{etag}` and the commit `{commit}`"))
                .hint("check HF_ENDPOINT"));
        }
        Ok(Announced { etag, commit, size: metadata.size() as u64 })
    }

    /// Downloads the rest of the file and checks it. A bad partial file is started over once.
    fn transfer(
        &self,
        api: &Api,
        file: &str,
        announced: &Announced,
        lock: &Arc<Lock>,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf> {
        // hf-hub's own names for the file that grows and the one that is whole.
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
                progress.start(announced.size, already.min(announced.size));
                self.grow(api, file, lock, progress)
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
                ErrorKind::Network if fruitless + 1 < ATTEMPTS => {
                    thread::sleep(Duration::from_secs(1 << fruitless));
                    fruitless += 1;
                }
                _ => return Err(error),
            }
        }
    }

    /// One run of hf-hub, on its own thread. If it stalls it keeps the lock until it ends, because it may still write.
    fn grow(&self, api: &Api, file: &str, lock: &Arc<Lock>, progress: &mut dyn Progress) -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        let repo = self.remote(api);
        let (name, lock) = (file.to_owned(), Arc::clone(lock));
        thread::spawn(move || {
            let result = repo.download_with_progress(&name, Meter { sender: sender.clone(), offset_comes: false });
            drop(lock);
            // Nobody listens any more if the pull was given up.
            let _ = sender.send(Sign::End(result.map(drop)));
        });
        self.listen(file, &receiver, |bytes| progress.advance(bytes))?;
        progress.finish();
        Ok(())
    }

    /// Runs a short request on its own thread, so that a hub that never answers is noticed.
    fn ask<T: Send + 'static>(
        &self,
        what: &str,
        request: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
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

    fn remote(&self, api: &Api) -> ApiRepo {
        let (repo, revision) = (self.repo.name.clone(), self.revision.clone());
        api.repo(hf_hub::Repo::with_revision(repo, RepoType::Model, revision))
    }

    /// What an error of hf-hub means for the person who pulls.
    fn explain(&self, what: &str, cause: ApiError) -> Error {
        let repo = &self.repo.name;
        let status = match &cause {
            ApiError::RequestError(error) => match **error {
                ureq::Error::StatusCode(status) => Some(status),
                _ => None,
            },
            _ => None,
        };
        let error = match (status, &cause) {
            (Some(401 | 403), _) => Error::new(ErrorKind::ModelMissing, format!("the hub refuses access to `{repo}`"))
                .hint("check the name; if the model is gated, accept its terms on its page and set HF_TOKEN to your token"),
            (Some(404), _) => {
                Error::new(ErrorKind::ModelMissing, format!("the hub has no {what} of `{repo}` at `{}`", self.revision))
                    .hint(
                        "`user/repo:quant` finds a file by its quant; the repository's page on the hub lists the files",
                    )
            }
            (Some(status), _) => Error::new(ErrorKind::Network, format!("the hub answered with status {status}"))
                .hint("run it again later: it resumes where it stopped"),
            (None, ApiError::IoError(cause)) if is_local(cause) => {
                Error::new(ErrorKind::Io, format!("cannot write to the cache `{}`", self.repo.folder().display()))
                    .hint("free some space, or choose another folder with HF_HUB_CACHE; the partial download is kept")
            }
            (None, _) => Error::new(ErrorKind::Network, "cannot reach the hub, or the connection was lost")
                .hint("check the network and run it again: it resumes where it stopped"),
        };
        error.about(repo.clone()).because(cause)
    }
}

fn build(endpoint: &str, cache: &Path, token: Option<&Secret>) -> Result<Api> {
    ApiBuilder::from_cache(Cache::new(cache.to_owned()))
        .with_endpoint(endpoint.to_owned())
        .with_token(token.map(|token| token.expose().to_owned()))
        .with_user_agent("callwright", env!("CARGO_PKG_VERSION"))
        .with_progress(false)
        .build()
        .map_err(|cause| Error::new(ErrorKind::Network, "cannot set up the connection to the hub").because(cause))
}

/// What a thread says.
enum Sign<T> {
    Bytes(u64),
    End(Result<T, ApiError>),
}

/// Reports hf-hub's progress to the waiting thread. The first update after `init` is where a resumed file stands.
struct Meter<T> {
    sender: Sender<Sign<T>>,
    offset_comes: bool,
}

impl<T> hf_hub::api::Progress for Meter<T> {
    fn init(&mut self, _size: usize, _filename: &str) {
        self.offset_comes = true;
    }

    fn update(&mut self, size: usize) {
        if !std::mem::take(&mut self.offset_comes) {
            let _ = self.sender.send(Sign::Bytes(size as u64));
        }
    }

    fn finish(&mut self) {}
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

/// Whether a failure was the disk's, not the connection's.
fn is_local(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind as Kind;
    matches!(
        cause.kind(),
        Kind::StorageFull | Kind::PermissionDenied | Kind::ReadOnlyFilesystem | Kind::NotFound | Kind::QuotaExceeded
    )
}
