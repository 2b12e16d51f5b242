//! Reads a recorded stream with no network: the same frames, dialects and contract as a live one.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use tokio::time::Instant;

use super::asking::Asking;
use super::assembler::Assembler;
use super::carried::Carried;
use super::frames::{Broken, ByteCaps, frames};
use super::reading::{Reading, Step};
use super::redact::Redactor;
use super::reply::{Reply, Whole};
use super::{ProviderRow, dialect, told};
use callwright_parse::chat::Request;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Reads the body of an answer that came in these chunks, after a request to this model of this provider. Returns the
/// pieces and the whole, or the error that a live stream would have ended with.
///
/// ```
/// use callwright_parse::chat::Request;
/// use callwright_providers::{Catalog, read_recorded};
/// let body = "{\"message\":{\"content\":\"40\"}}\n{\"done\":true,\"done_reason\":\"stop\"}\n";
/// let row = Catalog::builtin().get("ollama")?;
/// let (pieces, whole) = read_recorded(row, "any", &Request::new("17 + 23?"), [body.as_bytes().to_vec()], false);
/// assert_eq!((pieces.len(), whole?.text.as_str()), (1, "40"));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
pub fn read_recorded(
    row: &ProviderRow,
    model: &str,
    request: &Request,
    chunks: impl IntoIterator<Item = Vec<u8>>,
    broken: bool,
) -> (Vec<Reply>, Result<Whole>) {
    let mut pieces = Vec::new();
    let fail = |trouble| told::error(trouble, row, &Redactor::default(), Some(request));
    let Some(dialect) = dialect::named(row.dialect_of(model)) else {
        return (pieces, Err(Error::new(ErrorKind::Config, "unknown dialect")));
    };
    let asking = match Asking::of(request, model, row, &Carried::default()) {
        Ok(asking) => asking,
        Err(trouble) => return (pieces, Err(fail(trouble))),
    };
    let cut = broken.then(|| Err(Broken::Connection("recorded".to_owned())));
    let items: Vec<_> = chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))).chain(cut).collect();
    let frames = frames(dialect.framing(), Box::pin(stream::iter(items)), ByteCaps::default());
    let assembler = Assembler::new(asking.names, asking.warnings);
    let a_day = Duration::from_hours(24);
    let mut reading = Reading::new(frames, dialect.reader(&row.quirks), assembler, a_day, Instant::now() + a_day);
    loop {
        // All chunks are there, so nothing is ever waited for.
        match reading.next().now_or_never() {
            Some(Ok(Step::Piece(piece))) => pieces.push(piece),
            Some(Ok(Step::End(end))) => return (pieces, Ok(end.whole)),
            Some(Err(trouble)) => return (pieces, Err(fail(trouble))),
            None => return (pieces, Err(Error::new(ErrorKind::Backend, "a recorded stream cannot wait"))),
        }
    }
}
