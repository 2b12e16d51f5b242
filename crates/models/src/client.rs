//! HTTP with the hub: one request at a time, and no redirect that the hub's own hosts do not explain.
//!
//! A hub redirects to where the bytes are. It is followed to itself and to the known hosts of the public hub, over https,
//! and only to public addresses; what may be reached is checked on the address that the connection is made to. The token
//! goes to the hub alone, and not in the clear. It knows no cache and no progress.

use std::fmt;
use std::io::{self, Read};

use ureq::http::header::{AUTHORIZATION, CONTENT_RANGE, ETAG, HeaderMap, LOCATION, RANGE};
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use super::address::{is_loopback, is_never, is_private};
use super::{Secret, name};

/// Where the public hub keeps its bytes: these hosts and all below them.
const HOSTS: &[&str] = &["huggingface.co", "hf.co"];

/// How many redirects are followed.
const HOPS: usize = 5;

/// The most bytes of a list of files.
const LIST: u64 = 32 << 20;

/// One repository of a hub at one revision, asked for with or without a token.
#[derive(Debug, Clone)]
pub(super) struct Client {
    endpoint: String,
    home: Home,
    repo: String,
    revision: String,
    token: Option<Secret>,
    agent: Agent,
}

/// The hub's own address, which may be on this machine or in a private network: the user named it.
#[derive(Debug, Clone)]
struct Home(Option<Uri>);

impl Home {
    /// Whether a host is the hub's own. Where the hub is on this machine, all names of this machine are.
    fn has(&self, host: &str) -> bool {
        let own = self.0.as_ref().and_then(Uri::host).unwrap_or_default();
        host.eq_ignore_ascii_case(own) || (is_loopback(host) && is_loopback(own))
    }
}

/// What the hub announces of a file.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) etag: String,
    pub(super) commit: String,
    pub(super) size: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The hub said no.
    Status(u16),
    /// It leads where it must not.
    Refused(String),
    /// It is not an answer of a hub.
    Answer(&'static str),
    /// It sends more than it announced.
    TooLong,
    /// The connection.
    Connection(Box<ureq::Error>),
    /// The disk.
    Disk(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Refused(why) => f.write_str(why),
            Self::Answer(what) => f.write_str(what),
            Self::TooLong => f.write_str("the hub sends more than it announced"),
            Self::Connection(cause) => cause.fmt(f),
            Self::Disk(cause) => cause.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<ureq::Error> for Trouble {
    fn from(cause: ureq::Error) -> Self {
        match cause {
            ureq::Error::StatusCode(status) => Self::Status(status),
            // Our own, from the resolver.
            ureq::Error::Other(other) => match other.downcast::<Self>() {
                Ok(trouble) => *trouble,
                Err(other) => Self::Connection(Box::new(ureq::Error::Other(other))),
            },
            cause => Self::Connection(Box::new(cause)),
        }
    }
}

impl Client {
    /// Speaks to the hub at this address, which begins with http:// or https://.
    pub(super) fn new(endpoint: &str, repo: &str, revision: &str, token: Option<Secret>) -> Self {
        let home = Home(endpoint.parse().ok());
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(true)
            .user_agent(concat!("callwright/", env!("CARGO_PKG_VERSION")))
            .build();
        let reach = Reach { home: home.clone(), inner: DefaultResolver::default() };
        let agent = Agent::with_parts(config, DefaultConnector::default(), reach);
        let [endpoint, repo, revision] = [endpoint, repo, revision].map(str::to_owned);
        Self { endpoint, home, repo, revision, token, agent }
    }

    /// The paths of the repository's files.
    pub(super) fn files(&self) -> Result<Vec<String>, Trouble> {
        #[derive(serde::Deserialize)]
        struct List {
            siblings: Vec<Sibling>,
        }
        #[derive(serde::Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let url = format!("{}/api/models/{}/revision/{}", self.endpoint, self.repo, escaped(&self.revision));
        let mut answer = self.follow(&url, None, |_| false)?;
        let list: List = answer.body_mut().with_config().limit(LIST).read_json()?;
        Ok(list.siblings.into_iter().map(|sibling| sibling.rfilename).filter(|path| name::is_file(path)).collect())
    }

    /// What the hub announces of a file.
    pub(super) fn announced(&self, file: &str) -> Result<Announced, Trouble> {
        let url = self.url(file);
        // The redirect to the bytes says what they are; one to a new name of the repository does not.
        let answer = self.follow(&url, Some("bytes=0-0"), |headers| headers.contains_key("x-repo-commit"))?;
        let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = text("x-linked-etag").or_else(|| text(ETAG.as_str()));
        let etag =
            etag.ok_or(Trouble::Answer("it does not say which file it has"))?.trim_start_matches("W/").replace('"', "");
        let commit = text("x-repo-commit").ok_or(Trouble::Answer("it does not name the commit"))?.to_owned();
        let size = match text("x-linked-size") {
            Some(size) => size.parse().ok(),
            None if answer.status().is_redirection() => {
                total(self.follow(&url, Some("bytes=0-0"), |_| false)?.headers())
            }
            None => total(answer.headers()),
        };
        Ok(Announced { etag, commit, size: size.ok_or(Trouble::Answer("it does not say how large the file is"))? })
    }

    /// The bytes of a file from this one on, and where they begin: at 0 where the server ignores ranges.
    pub(super) fn bytes(&self, file: &str, from: u64) -> Result<(u64, impl Read + use<>), Trouble> {
        let range = format!("bytes={from}-");
        let answer = self.follow(&self.url(file), Some(&range), |_| false)?;
        let from = if answer.status().as_u16() == 206 { from } else { 0 };
        Ok((from, answer.into_body().into_reader()))
    }

    fn url(&self, file: &str) -> String {
        format!("{}/{}/resolve/{}/{file}", self.endpoint, self.repo, escaped(&self.revision))
    }

    /// Asks, and follows redirects until there is an answer, or one that is enough.
    fn follow(
        &self,
        url: &str,
        range: Option<&str>,
        enough: impl Fn(&HeaderMap) -> bool,
    ) -> Result<Response<Body>, Trouble> {
        let mut url = checked(url)?;
        for _ in 0..=HOPS {
            let mut request = self.agent.get(&url);
            if let Some(range) = range {
                request = request.header(RANGE, range);
            }
            if let Some(token) = self.token.as_ref().filter(|_| self.is_home(&url)) {
                request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
            }
            let answer = request.call()?;
            if !answer.status().is_redirection() || enough(answer.headers()) {
                return Ok(answer);
            }
            let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            url = self.next(&url, location.ok_or(Trouble::Answer("it redirects to nowhere"))?)?;
        }
        Err(Trouble::Refused("the hub redirects too often".to_owned()))
    }

    /// Whether a URL is the hub's own, and spoken to so that nobody else hears the token.
    fn is_home(&self, url: &Uri) -> bool {
        let same = self.home.0.as_ref().is_some_and(|home| {
            (home.scheme(), home.host(), home.port_u16()) == (url.scheme(), url.host(), url.port_u16())
        });
        same && (url.scheme_str() == Some("https") || url.host().is_some_and(is_loopback))
    }

    /// Where a redirect leads, if it is to be followed.
    fn next(&self, from: &Uri, location: &str) -> Result<Uri, Trouble> {
        let to = joined(from, location).ok_or(Trouble::Answer("it redirects to what is no URL"))?;
        let host = to.host().unwrap_or_default().to_ascii_lowercase();
        let refuse = |why: &str| Err(Trouble::Refused(format!("the hub redirects to `{host}`: {why}")));
        let is_home = self.home.has(&host);
        if !is_home && !HOSTS.iter().any(|known| is_below(&host, known)) {
            return refuse("not one of the hub's known hosts");
        }
        let plain_hub = self.home.0.as_ref().and_then(Uri::scheme_str) == Some("http");
        let is_safe = to.scheme_str() == Some("https") || (is_home && plain_hub);
        if is_safe { Ok(to) } else { refuse("that is plain http") }
    }
}

/// Resolves names, and returns only addresses that may be contacted.
#[derive(Debug)]
struct Reach {
    home: Home,
    inner: DefaultResolver,
}

impl Resolver for Reach {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let is_proxy = config.proxy().is_some_and(|proxy| proxy.host().eq_ignore_ascii_case(&host));
        let is_home = self.home.has(&host);
        for address in &found {
            let address = address.ip();
            if !is_proxy && (is_never(address) || (is_private(address) && !is_home)) {
                let why = format!("`{host}` is at {address}, which no hub of the world is");
                return Err(ureq::Error::Other(Box::new(Trouble::Refused(why))));
            }
        }
        Ok(found)
    }
}

fn checked(url: &str) -> Result<Uri, Trouble> {
    url.parse().map_err(|_| Trouble::Answer("its address is not a URL"))
}

/// A revision as one part of a path.
fn escaped(revision: &str) -> String {
    revision.replace('/', "%2F")
}

/// A redirect's target: a URL, or a path on the same host.
fn joined(from: &Uri, location: &str) -> Option<Uri> {
    let to: Uri = location.parse().ok()?;
    if to.host().is_some() {
        return to.scheme_str().is_some_and(|scheme| ["http", "https"].contains(&scheme)).then_some(to);
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = to.into_parts().path_and_query;
    Uri::from_parts(parts).ok()
}

/// The length of the whole, of which an answer is a part.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?.parse().ok()
}

fn is_below(host: &str, known: &str) -> bool {
    host.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::{Client, Secret};

    #[test]
    fn redirects_lead_to_the_hubs_own_hosts() {
        let follows = |hub: &str, to: &str| {
            let client = Client::new(hub, "user/repo", "main", None);
            client.next(&format!("{hub}/a").parse().unwrap(), to).map(|uri| uri.to_string()).ok()
        };
        let public = "https://huggingface.co";
        for (hub, to, follow) in [
            (public, "/b/resolve/main/x", true),
            (public, "https://cdn-lfs.hf.co/x", true),
            (public, "https://cas-bridge.xethub.hf.co/x", true),
            (public, "https://huggingface.co/x", true),
            ("https://mirror.example", "https://cdn-lfs.huggingface.co/x", true),
            ("https://mirror.example", "https://mirror.example/x", true),
            ("http://127.0.0.1:8000", "http://localhost:9000/x", true),
            ("http://10.0.0.7", "http://10.0.0.7/x", true),
            (public, "http://huggingface.co/x", false),
            (public, "http://cdn-lfs.hf.co/x", false),
            (public, "https://evilhf.co/x", false),
            (public, "https://hf.co.evil.example/x", false),
            (public, "https://example.com/x", false),
            (public, "http://169.254.169.254/latest/meta-data", false),
            (public, "https://[fe80::1]/x", false),
            (public, "http://127.0.0.1/x", false),
            (public, "https://localhost/x", false),
            (public, "https://10.0.0.1/x", false),
            (public, "ftp://huggingface.co/x", false),
            (public, "file:///etc/passwd", false),
            ("http://10.0.0.7", "http://10.0.0.8/x", false),
            ("http://127.0.0.1:8000", "http://169.254.169.254/x", false),
        ] {
            assert_eq!(follows(hub, to).is_some(), follow, "{hub} to {to}");
        }
    }

    #[test]
    fn the_token_goes_to_the_hub_alone_and_never_in_the_clear() {
        let client = |hub: &str| Client::new(hub, "user/repo", "main", Some(Secret::new("t")));
        let sent = |hub: &str, to: &str| client(hub).is_home(&to.parse().unwrap());
        assert!(sent("https://huggingface.co", "https://huggingface.co/x"));
        assert!(sent("http://127.0.0.1:80", "http://127.0.0.1:80/x"));
        assert!(!sent("https://huggingface.co", "https://cdn-lfs.hf.co/x"));
        assert!(!sent("https://huggingface.co", "https://huggingface.co:444/x"));
        assert!(!sent("http://mirror.example", "http://mirror.example/x"));
        assert!(!sent("http://127.0.0.1:80", "http://127.0.0.1:81/x"));
    }
}
