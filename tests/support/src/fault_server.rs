//! A server on loopback that answers with exactly the bytes it is told, and can stop, stall or reset after any of them.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::format_push_string,
    reason = "each test uses its own part, and stops where it cannot go on"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// One thing that the server does with a connection.
#[derive(Debug, Clone)]
pub enum Act {
    Send(Vec<u8>),
    Pause(Duration),
    /// Closes as if all was well, as far as TCP can tell.
    Close,
    /// Closes with a reset.
    Reset,
    /// Sends these bytes again and again until the client goes away.
    Flood(Vec<u8>, Duration),
}

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub struct Came {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// When the client was seen to be gone while the server was still at it.
    pub left: Option<Instant>,
}

impl Came {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a request of JSON")
    }
}

type Script = dyn Fn(usize, &Came) -> Vec<Act> + Send + Sync;

/// The server. Dropping it leaves the thread to the process's end.
pub struct Server {
    pub address: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Server {
    /// A server that acts by the number of the request, counted from 0, and what it says.
    pub fn start(script: impl Fn(usize, &Came) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let came = Arc::new(Mutex::new(Vec::new()));
        let (shared, script): (_, Arc<Script>) = (Arc::clone(&came), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, script) = (Arc::clone(&shared), Arc::clone(&script));
                // A client that went away is no failure of the server.
                thread::spawn(move || drop(serve(stream, &shared, &*script)));
            }
        });
        Self { address, came }
    }

    /// A server that always does the same.
    pub fn always(acts: Vec<Act>) -> Self {
        Self::start(move |_, _| acts.clone())
    }

    pub fn came(&self) -> Vec<Came> {
        self.came.lock().expect("not poisoned").clone()
    }
}

/// An answer of this status, closed by its end.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<Act> {
    let mut head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let bytes = [head.as_bytes(), b"\r\n", body].concat();
    vec![Act::Send(bytes), Act::Close]
}

/// The head of a streamed answer, in chunks.
pub fn head(content_type: &str) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n");
    let head = head + "connection: close\r\n\r\n";
    Act::Send(head.into_bytes())
}

/// One chunk.
pub fn chunk(bytes: &[u8]) -> Act {
    Act::Send([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

/// The end of all chunks.
pub fn end() -> Vec<Act> {
    vec![Act::Send(b"0\r\n\r\n".to_vec()), Act::Close]
}

/// A whole streamed answer.
pub fn streamed(content_type: &str, body: &[u8]) -> Vec<Act> {
    let content = if body.is_empty() { None } else { Some(chunk(body)) };
    [head(content_type)].into_iter().chain(content).chain(end()).collect()
}

fn serve(stream: TcpStream, came: &Mutex<Vec<Came>>, script: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = Came::default();
    reader.read_line(&mut request.line)?;
    if request.line.is_empty() {
        return Ok(());
    }
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or((&header, ""));
        request.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    let number = {
        let mut all = came.lock().expect("not poisoned");
        all.push(request.clone());
        all.len() - 1
    };
    let acted = act(stream, &script(number, &request));
    if acted.is_err() {
        came.lock().expect("not poisoned")[number].left = Some(Instant::now());
    }
    acted
}

fn act(mut stream: TcpStream, acts: &[Act]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    for act in acts {
        match act {
            Act::Send(bytes) => stream.write_all(bytes)?,
            Act::Pause(pause) => wait(&stream, *pause)?,
            Act::Close => {
                stream.shutdown(std::net::Shutdown::Write)?;
                // What the client still sends is read, so that the close is no reset.
                stream.set_read_timeout(Some(Duration::from_millis(200)))?;
                let _ = stream.read(&mut [0; 1024]);
            }
            Act::Reset => reset(&stream),
            Act::Flood(bytes, pause) => loop {
                stream.write_all(bytes)?;
                wait(&stream, *pause)?;
            },
        }
    }
    Ok(())
}

/// Waits, and notices a client that goes away meanwhile.
fn wait(stream: &TcpStream, pause: Duration) -> std::io::Result<()> {
    if pause.is_zero() {
        return Ok(());
    }
    stream.set_read_timeout(Some(pause))?;
    match (&*stream).read(&mut [0; 1]) {
        Ok(0) => Err(std::io::ErrorKind::ConnectionReset.into()),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// A close with unread input is a reset; the standard library has no way to set linger.
fn reset(stream: &TcpStream) {
    let _ = socket_linger(stream);
}

fn socket_linger(stream: &TcpStream) -> std::io::Result<()> {
    let socket = tokio_socket(stream)?;
    socket.set_zero_linger()
}

fn tokio_socket(stream: &TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    let clone = stream.try_clone()?;
    clone.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _entered = runtime.enter();
    tokio::net::TcpStream::from_std(clone)
}
