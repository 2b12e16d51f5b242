//! What a client asks for, in no dialect.

use callwright::chat::Request;

/// A request as every surface reads it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The model's name, as the client has it; empty where it named none.
    pub(crate) model: String,
    /// What to ask the model. `usize::MAX` tokens where the client set no limit.
    pub(crate) request: Request,
    /// Whether the answer is streamed.
    pub(crate) stream: bool,
    /// Tools that a local model cannot serve, by type or name; a header tells of them.
    pub(crate) skipped: Vec<String>,
}

/// One turn, as frames name it.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// Letters and digits, random; surfaces put their own prefix before it. Also names the trace.
    pub(crate) id: String,
    /// When it began, in seconds since 1970.
    pub(crate) created: u64,
    /// The model's name in answers: as the client has it, or the served one's.
    pub(crate) model: String,
}
