//! A surface: one dialect of HTTP as pure translation, a request in and frames out.
//!
//! A surface reads a body into an [`Asked`] and writes [`Part`]s as the dialect's frames. It opens no socket, waits for
//! nothing and must not know another surface; what all of them need lies here.

mod answer;
mod asked;
mod content;
pub(crate) mod fields;
mod frames;
pub(crate) mod openai;
mod part;
mod refusal;

pub(crate) mod chat;
pub(crate) mod messages;
pub(crate) mod ollama;
pub(crate) mod responses;

use serde_json::Value;

use crate::server::Server;

pub(crate) use answer::{Answer, Block};
pub(crate) use asked::{Asked, Turn};
pub(crate) use frames::{Frames, Framing};
pub(crate) use part::{Finish, Part};
pub(crate) use refusal::{Refusal, Why};

/// One dialect. A value of it is one request's writer.
pub(crate) trait Surface: Sized + Send + Unpin + 'static {
    /// How its stream is framed.
    const FRAMING: Framing;

    /// Reads a request: what to ask the model, and who writes the answer.
    fn read(body: Value, server: &Server) -> Result<(Asked, Self), Refusal>;

    /// What a stream begins with.
    fn begin(&mut self, turn: &Turn, out: &mut Frames);

    /// What a part of the answer is in a stream. Parts come in order: a call's are not mixed with another's.
    fn part(&mut self, turn: &Turn, part: &Part, out: &mut Frames);

    /// A sign of life that clients count as an event, where there is nothing to tell.
    fn alive(&mut self, turn: &Turn, out: &mut Frames);

    /// What a stream ends with.
    fn end(&mut self, turn: &Turn, answer: &Answer, out: &mut Frames);

    /// How a stream that has begun ends in an error.
    fn failed(&mut self, turn: &Turn, refusal: &Refusal, out: &mut Frames);

    /// The whole answer, where none was streamed.
    fn whole(&mut self, turn: &Turn, answer: &Answer) -> Value;

    /// An error's body.
    fn refused(refusal: &Refusal) -> Value;

    /// Keeps what a later request may refer to.
    fn keep(&mut self, _turn: &Turn, _answer: &Answer, _server: &Server) {}
}
