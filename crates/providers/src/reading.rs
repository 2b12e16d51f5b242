//! One reply while it is read: frames in, pieces out, the whole or an error last.
//!
//! The timeout for progress is here, because only here it is known what counts as progress; the timeouts for bytes are in
//! `clocks`. Once the provider has said that the reply is complete, nothing that happens to the
//! connection can take that back: what is missing then is only its count of tokens.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::assembler::{Assembled, Assembler};
use super::dialect::Reader;
use super::frames::{Broken, Frame, Frames};
use super::reply::Reply;
use super::trouble::Trouble;
use callwright_parse::error::{FailureKind, Wait};

/// How long a finished reply is still read for the provider's count of tokens.
const GRACE: Duration = Duration::from_secs(3);

/// Reads one reply.
pub(super) struct Reading {
    frames: Frames,
    reader: Box<dyn Reader>,
    assembler: Assembler,
    progress: Duration,
    /// When the last piece of the answer came.
    moved: Instant,
    deadline: Instant,
}

/// What comes out of a reply.
pub(super) enum Step {
    Piece(Reply),
    End(Box<Assembled>),
}

impl Reading {
    pub(super) fn new(
        frames: Frames,
        reader: Box<dyn Reader>,
        assembler: Assembler,
        progress: Duration,
        deadline: Instant,
    ) -> Self {
        Self { frames, reader, assembler, progress, moved: Instant::now(), deadline }
    }

    /// The next piece, or the end. After an end or an error there is nothing more.
    pub(super) async fn next(&mut self) -> Result<Step, Trouble> {
        loop {
            if let Some(piece) = self.assembler.next() {
                self.moved = Instant::now();
                return Ok(Step::Piece(piece));
            }
            if self.assembler.is_done() {
                return self.end(None);
            }
            let (until, wait) = self.until();
            // What has come already needs no timer; a server that only shows signs of life has its time all the same.
            let frame = match self.frames.next().now_or_never() {
                Some(frame) if Instant::now() < until => Ok(frame),
                Some(_) => return self.end(Some(Broken::Late(wait))),
                None => timeout_at(until, self.frames.next()).await,
            };
            match frame {
                Ok(Some(Ok(frame))) => self.take(&frame)?,
                Ok(Some(Err(broken))) => return self.end(Some(broken)),
                Ok(None) => return self.end(None),
                Err(_) => return self.end(Some(Broken::Late(wait))),
            }
        }
    }

    /// When the timeout ends, and which one it is.
    fn until(&self) -> (Instant, Wait) {
        let patience = if self.assembler.is_complete() { GRACE.min(self.progress) } else { self.progress };
        let progress = self.moved + patience;
        if progress < self.deadline { (progress, Wait::Progress) } else { (self.deadline, Wait::Total) }
    }

    fn take(&mut self, frame: &Frame) -> Result<(), Trouble> {
        let data = frame.data.trim();
        if data.is_empty() {
            return Ok(());
        }
        let was_complete = self.assembler.is_complete();
        self.read(frame, data)?;
        if !was_complete && self.assembler.is_complete() {
            // The wait for the count of tokens begins now, however long ago the last piece came.
            self.moved = Instant::now();
        }
        Ok(())
    }

    fn read(&mut self, frame: &Frame, data: &str) -> Result<(), Trouble> {
        if data == "[DONE]" {
            self.assembler.done();
            return Ok(());
        }
        let value: Value = serde_json::from_str(data).map_err(|cause| unreadable(frame, &cause))?;
        if let Some(trouble) = Trouble::in_frame(frame.event.as_deref(), &value) {
            return Err(trouble);
        }
        self.reader.read(&value, &mut self.assembler)
    }

    fn end(&mut self, broken: Option<Broken>) -> Result<Step, Trouble> {
        self.reader.end(&mut self.assembler);
        match broken {
            // More than is read is a failure at any time: what came before is no longer to be trusted either.
            Some(broken) if !self.assembler.is_complete() || broken.kind() == FailureKind::TooLarge => {
                Err(Trouble::new(broken.kind(), broken.to_string()))
            }
            broken => {
                if let Some(broken) = broken {
                    self.assembler.warn(format!("after the complete answer: {broken}"));
                }
                let assembled = std::mem::take(&mut self.assembler).settle()?;
                Ok(Step::End(Box::new(assembled)))
            }
        }
    }
}

fn unreadable(frame: &Frame, cause: &serde_json::Error) -> Trouble {
    if frame.event.as_deref() == Some("error") {
        return Trouble::new(FailureKind::Overloaded, frame.data.clone());
    }
    // Where in the frame, and never what it says.
    let what = if cause.is_eof() { "ends too early" } else { "is not JSON" };
    Trouble::malformed(format!("a chunk of the answer {what} (line {}, column {})", cause.line(), cause.column()))
}
