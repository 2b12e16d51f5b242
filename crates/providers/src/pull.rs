//! Makes a server pull a model, with progress.
//!
//! A pull has come through only when the server says so: it tells errors in a line of an answer whose status is 200.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::frames::{ByteCaps, Frames, frames};
use super::remote::Wire;
use super::send::answer_or_trouble;
use super::trouble::Trouble;
use super::{dialect, told};
use callwright_parse::error::{Error, FailureKind, Result};

/// How far a pull has come. The last item says `done`, or is an error.
pub type Pulls = Pin<Box<dyn Stream<Item = Result<Pull>> + Send>>;

/// One step of a pull.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pull {
    /// What the server does, in its words.
    pub status: String,
    /// Bytes of the layer that are there.
    pub completed: u64,
    /// Bytes of the layer.
    pub total: u64,
    /// Whether the model is there.
    pub done: bool,
}

enum State {
    Asked(String),
    Reading(Frames),
    Over,
}

/// Has the server fetch a model.
pub(super) fn pull(wire: Arc<Wire>, model: &str) -> Pulls {
    Box::pin(stream::unfold(State::Asked(model.to_owned()), move |state| {
        let wire = Arc::clone(&wire);
        async move {
            let frames = match state {
                State::Over => return None,
                State::Reading(frames) => Ok(frames),
                State::Asked(model) => begin(&wire, &model).await,
            };
            let stepped = match frames {
                Ok(mut frames) => step(&wire, &mut frames).await.map(|pull| (pull, frames)),
                Err(error) => Err(error),
            };
            Some(match stepped {
                Ok((pull, _)) if pull.done => (Ok(pull), State::Over),
                Ok((pull, frames)) => (Ok(pull), State::Reading(frames)),
                Err(error) => (Err(error), State::Over),
            })
        }
    }))
}

fn fail(wire: &Wire, trouble: Trouble) -> Error {
    told::error(trouble, &wire.row, wire.redactor(), None)
}

async fn begin(wire: &Wire, model: &str) -> Result<Frames> {
    let lacks = || Trouble::new(FailureKind::Unsupported, "it does not pull models");
    let dialect = dialect::named(&wire.row.dialect).ok_or_else(|| fail(wire, lacks()))?;
    let path = dialect.pull_path().ok_or_else(|| fail(wire, lacks()))?;
    let response = wire.sender.fetch(dialect, path, Some(json!({"model": model, "stream": true}))).await?;
    let until = Instant::now() + wire.clocks.first_byte;
    let answered = answer_or_trouble(response, dialect.framing(), until).await;
    let (response, _) = answered.map_err(|trouble| fail(wire, trouble))?;
    Ok(frames(dialect.framing(), wire.clocks.watch(response.bytes_stream(), until), ByteCaps::default()))
}

async fn step(wire: &Wire, frames: &mut Frames) -> Result<Pull> {
    let cut = || Trouble::truncated("the pull ended before the server reported success");
    let frame = match frames.next().await {
        Some(Ok(frame)) => frame,
        Some(Err(broken)) => return Err(fail(wire, Trouble::new(broken.kind(), broken.to_string()))),
        None => return Err(fail(wire, cut())),
    };
    let line: Value =
        serde_json::from_str(&frame.data).map_err(|_| fail(wire, Trouble::malformed("a line is not JSON")))?;
    if let Some(trouble) = Trouble::in_frame(None, &line) {
        return Err(fail(wire, trouble));
    }
    let count = |key: &str| line[key].as_u64().unwrap_or(0);
    let status = line["status"].as_str().unwrap_or_default().to_owned();
    Ok(Pull { done: status == "success", status, completed: count("completed"), total: count("total") })
}
