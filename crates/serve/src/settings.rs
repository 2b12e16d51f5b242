//! How a server is set up: who may ask, and how much.

use std::time::Duration;

use callwright::chat::Overflow;

/// Settings of a server. The defaults are those of a server for this machine alone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The key that every request must bring, as `Authorization: Bearer` or `x-api-key`; none is asked for by default.
    pub api_key: Option<String>,
    /// Names besides those of this machine that the `Host` header may have, such as `llm.example.org`.
    pub hosts: Vec<String>,
    /// Origins whose pages may ask, such as `https://app.example.org`; by default only the server's own.
    pub origins: Vec<String>,
    /// Names by which the model may be asked for besides its own.
    pub aliases: Vec<String>,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// The most tools of one request.
    pub max_tools: usize,
    /// The most messages of one request.
    pub max_messages: usize,
    /// The most connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// How many turns are computed at once.
    pub parallel: usize,
    /// How many more may wait; beyond that requests are told to come again.
    pub queue: usize,
    /// The longest that a stream is silent.
    pub beat: Duration,
    /// What becomes of a conversation that does not fit.
    pub overflow: Overflow,
    /// How many turns are kept to be looked at; 0 keeps none.
    pub traces: usize,
    /// How many responses are kept for `previous_response_id`.
    pub stored: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_key: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            aliases: Vec::new(),
            max_body: 32 << 20,
            max_tools: 4096,
            max_messages: 100_000,
            max_connections: 512,
            parallel: 4,
            queue: 64,
            beat: Duration::from_secs(5),
            overflow: Overflow::Refuse,
            traces: 256,
            stored: 256,
        }
    }
}
