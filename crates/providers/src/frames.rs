//! Bytes to frames: server-sent events and lines of JSON, with a cap on everything.
//!
//! Decoding of events is `sse-stream`'s, which is linear and takes every legal line end; it has no limit of its own, so
//! the bytes that go into one event are counted on their way in. Lines are split on bytes, never on decoded chunks, so a
//! character may be cut anywhere.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt as _, future, stream};
use sse_stream::SseByteStream;

use callwright_parse::error::{FailureKind, Wait};

/// How a body is cut into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
}

/// One event or line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// The event's type, where it has one.
    pub(super) event: Option<String>,
    /// The data.
    pub(super) data: String,
}

/// Why a body ended before its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// The connection.
    #[error("the connection was lost: {0}")]
    Connection(String),
    /// One of the clocks.
    #[error("it took too long")]
    Late(Wait),
    /// A cap.
    #[error("{0}")]
    TooLarge(&'static str),
    /// Bytes that are no text.
    #[error("the answer is not UTF-8")]
    NotText,
}

impl Broken {
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Connection(_) => FailureKind::Truncated,
            Self::Late(wait) => FailureKind::Timeout(*wait),
            Self::TooLarge(_) => FailureKind::TooLarge,
            Self::NotText => FailureKind::Malformed,
        }
    }
}

/// The most bytes that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteCaps {
    /// Of one event or line.
    pub(super) frame: usize,
    /// Of a whole streamed body.
    pub(super) body: usize,
}

impl Default for ByteCaps {
    fn default() -> Self {
        Self { frame: 4 << 20, body: 128 << 20 }
    }
}

pub(super) type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<Frame, Broken>> + Send>>;

/// Cuts a body into frames. The last item is an error where there is one.
pub(super) fn frames(framing: Framing, chunks: Chunks, caps: ByteCaps) -> Frames {
    let mut total = 0_usize;
    let capped = chunks.map(move |chunk| {
        let chunk = chunk?;
        total = total.saturating_add(chunk.len());
        if total > caps.body { Err(Broken::TooLarge("the answer exceeds the size limit")) } else { Ok(chunk) }
    });
    match framing {
        Framing::Events => events(Box::pin(capped), caps.frame),
        Framing::Lines => lines(Box::pin(capped), caps.frame),
    }
}

fn events(chunks: Chunks, cap: usize) -> Frames {
    let since_event = Arc::new(AtomicUsize::new(0));
    let fed = Arc::clone(&since_event);
    let counted = chunks.map(move |chunk| {
        let chunk = chunk?;
        // The chunk that ends an event may hold more than it, so the event before is what is measured.
        let before = fed.fetch_add(chunk.len(), Ordering::Relaxed);
        if before > cap { Err(Broken::TooLarge("an event exceeds the size limit")) } else { Ok(chunk) }
    });
    let decoded = SseByteStream::new(counted).filter_map(move |event| {
        since_event.store(0, Ordering::Relaxed);
        let frame = match event {
            Ok(event) => event.data.map(|data| Ok(Frame { event: event.event, data })),
            Err(sse_stream::Error::Body(cause)) => Some(Err(match cause.downcast::<Broken>() {
                Ok(broken) => *broken,
                Err(cause) => Broken::Connection(cause.to_string()),
            })),
            Err(_) => Some(Err(Broken::NotText)),
        };
        future::ready(frame)
    });
    Box::pin(decoded)
}

/// What is left of a body of lines.
struct Splitter {
    chunks: Chunks,
    held: BytesMut,
    /// Up to here there is no line end in what is held.
    searched: usize,
    over: bool,
    cap: usize,
}

fn lines(chunks: Chunks, cap: usize) -> Frames {
    let splitter = Splitter { chunks, held: BytesMut::new(), searched: 0, over: false, cap };
    Box::pin(stream::unfold(splitter, |mut splitter| async move {
        let frame = splitter.next().await?;
        splitter.over |= frame.is_err();
        Some((frame, splitter))
    }))
}

impl Splitter {
    async fn next(&mut self) -> Option<Result<Frame, Broken>> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.held[self.searched..]) {
                let line = self.held.split_to(self.searched + at + 1);
                self.searched = 0;
                if let Some(frame) = frame(&line) {
                    return Some(frame);
                }
                continue;
            }
            self.searched = self.held.len();
            if self.searched > self.cap {
                self.held.clear();
                return (!std::mem::replace(&mut self.over, true))
                    .then_some(Err(Broken::TooLarge("a line exceeds the size limit")));
            }
            if self.over {
                return None;
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.held.extend_from_slice(&chunk),
                Some(Err(broken)) => return Some(Err(broken)),
                None => {
                    // The last line may lack its end; whether it is whole is for JSON to say.
                    self.over = true;
                    self.searched = 0;
                    return frame(&self.held.split());
                }
            }
        }
    }
}

fn frame(line: &[u8]) -> Option<Result<Frame, Broken>> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(line).map_err(|_| Broken::NotText);
    Some(text.map(|data| Frame { event: None, data: data.to_owned() }))
}
