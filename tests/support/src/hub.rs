//! A hub on loopback that speaks as the real one does: redirects to a "CDN", ranges, `x-linked-*` headers. It can break
//! off, lie, refuse and count, so that downloads are tested through the real client and no network.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the hub is to do; changed between requests.
#[derive(Default)]
pub struct Script {
    /// `user/repo` and path to bytes.
    pub files: BTreeMap<(String, String), Vec<u8>>,
    /// For the next transfers: how many body bytes are sent before the connection breaks.
    pub cuts: VecDeque<usize>,
    /// For the next transfers: the body is sent whole from byte 0, with status 200, whatever range was asked for.
    pub ranges_ignored: bool,
    /// Every request for a file or list is answered with this status.
    pub refusal: Option<u16>,
    /// Whether requests without a token are refused.
    pub gated: bool,
    /// The sha256 that is announced in place of the true one.
    pub announced: Option<String>,
    /// Bytes that a transfer sends behind the file's.
    pub extra: usize,
    /// Where files are redirected to, in place of this hub's own bytes.
    pub location: Option<String>,
    /// How long a transfer waits in the middle.
    pub pause: Duration,
    /// Body bytes sent by transfers.
    pub sent: usize,
    /// The ranges that transfers asked for.
    pub ranges: Vec<String>,
    /// The `authorization` headers that came.
    pub tokens: Vec<String>,
    /// All requests.
    pub requests: usize,
}

pub struct Hub {
    pub endpoint: String,
    pub script: Arc<Mutex<Script>>,
}

impl Hub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let script = Arc::new(Mutex::new(Script::default()));
        let (shared, base) = (Arc::clone(&script), endpoint.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, base) = (Arc::clone(&shared), base.clone());
                // A client that went away is no failure of the hub.
                thread::spawn(move || drop(serve(stream, &shared, &base)));
            }
        });
        Self { endpoint, script }
    }

    pub fn put(&self, repo: &str, path: &str, bytes: &[u8]) {
        self.set(|script| drop(script.files.insert((repo.to_owned(), path.to_owned()), bytes.to_vec())));
    }

    pub fn set<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().expect("not poisoned"))
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn serve(mut stream: TcpStream, script: &Mutex<Script>, base: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let target = line.split_whitespace().nth(1).unwrap_or("/").to_owned();
    let mut range = None;
    let mut anonymous = true;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.trim().to_owned()),
            "authorization" => {
                anonymous = false;
                script.lock().expect("lock").tokens.push(value.trim().to_owned());
            }
            _ => {}
        }
    }
    script.lock().expect("lock").requests += 1;
    if let Some(sum) = target.strip_prefix("/cdn/") {
        return transfer(&mut stream, script, sum, range.as_deref());
    }
    let (refusal, gated) = {
        let script = script.lock().expect("lock");
        (script.refusal, script.gated)
    };
    if let Some(status) = refusal.or((gated && anonymous).then_some(401)) {
        return head(&mut stream, status, &[("x-error-message", "no".to_owned())], b"");
    }
    if let Some(rest) = target.strip_prefix("/api/models/") {
        let repo = rest.split("/revision/").next().unwrap_or_default();
        return list(&mut stream, script, repo);
    }
    resolve(&mut stream, script, base, target.trim_start_matches('/'))
}

fn list(stream: &mut TcpStream, script: &Mutex<Script>, repo: &str) -> std::io::Result<()> {
    let script = script.lock().expect("lock");
    let names = script.files.keys().filter(|(known, _)| known == repo).map(|(_, path)| path);
    let siblings: Vec<_> = names.map(|path| format!(r#"{{"rfilename": "{path}"}}"#)).collect();
    let body = format!(r#"{{"sha": "{COMMIT}", "siblings": [{}]}}"#, siblings.join(", "));
    let status = if siblings.is_empty() { 404 } else { 200 };
    head(stream, status, &[("content-type", "application/json".to_owned())], body.as_bytes())
}

fn resolve(stream: &mut TcpStream, script: &Mutex<Script>, base: &str, target: &str) -> std::io::Result<()> {
    let script = script.lock().expect("lock");
    let Some((repo, rest)) = target.split_once("/resolve/") else { return head(stream, 404, &[], b"") };
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let Some(bytes) = script.files.get(&(repo.to_owned(), path.to_owned())) else {
        return head(stream, 404, &[("x-error-code", "EntryNotFound".to_owned())], b"");
    };
    let sum = sha256(bytes);
    let announced = script.announced.clone().unwrap_or_else(|| sum.clone());
    let headers = [
        ("location", script.location.clone().unwrap_or_else(|| format!("{base}/cdn/{sum}"))),
        ("x-repo-commit", COMMIT.to_owned()),
        ("x-linked-size", bytes.len().to_string()),
        ("x-linked-etag", format!("\"{announced}\"")),
        ("etag", "\"redirect\"".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
    ];
    head(stream, 302, &headers, b"")
}

fn transfer(stream: &mut TcpStream, script: &Mutex<Script>, sum: &str, range: Option<&str>) -> std::io::Result<()> {
    let (bytes, cut, pause, whole, extra) = {
        let mut script = script.lock().expect("lock");
        let bytes = script.files.values().find(|bytes| sha256(bytes) == sum).cloned().unwrap_or_default();
        // A question for the size is no transfer.
        let probe = range == Some("bytes=0-0");
        let cut = if probe { None } else { script.cuts.pop_front() };
        if !probe {
            script.ranges.push(range.unwrap_or_default().to_owned());
        }
        (bytes, cut, script.pause, script.ranges_ignored && !probe, if probe { 0 } else { script.extra })
    };
    let (start, end) = match range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
        Some((start, end)) if !whole => {
            (start.parse().unwrap_or(0), end.parse::<usize>().map_or(bytes.len(), |end| (end + 1).min(bytes.len())))
        }
        _ => (0, bytes.len()),
    };
    if start >= bytes.len() {
        return head(stream, 416, &[("content-range", format!("bytes */{}", bytes.len()))], b"");
    }
    let headers = [("content-range", format!("bytes {start}-{}/{}", end - 1, bytes.len()))];
    let mut body = bytes[start..end].to_vec();
    body.resize(body.len() + extra, 0);
    let announced = body.len();
    body.truncate(cut.unwrap_or(announced));
    let status = if whole { 200 } else { 206 };
    write!(stream, "HTTP/1.1 {status} OK\r\ncontent-length: {announced}\r\nconnection: close\r\n")?;
    if !whole {
        write!(stream, "{}: {}\r\n", headers[0].0, headers[0].1)?;
    }
    stream.write_all(b"\r\n")?;
    let (first, second) = body.split_at(body.len() / 2);
    stream.write_all(first)?;
    stream.flush()?;
    thread::sleep(pause);
    stream.write_all(second)?;
    if range != Some("bytes=0-0") {
        script.lock().expect("lock").sent += body.len();
    }
    stream.flush()
}

fn head(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n", body.len())?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(body)?;
    stream.flush()
}
