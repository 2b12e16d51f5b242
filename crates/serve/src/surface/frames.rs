//! The frames of a stream: server-sent events, or JSON lines.

use bytes::Bytes;
use serde_json::Value;

/// How a stream is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// One JSON object a line.
    Lines,
}

impl Framing {
    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }
}

/// Frames that are due.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    text: String,
}

impl Frames {
    /// An event without a name.
    pub(crate) fn data(&mut self, data: &Value) {
        self.raw("data: ");
        self.line(data);
        self.raw("\n");
    }

    /// An event with a name.
    pub(crate) fn event(&mut self, name: &str, data: &Value) {
        self.raw("event: ");
        self.raw(name);
        self.raw("\n");
        self.data(data);
    }

    /// A JSON line.
    pub(crate) fn line(&mut self, data: &Value) {
        self.raw(&data.to_string());
        self.raw("\n");
    }

    /// Anything else, as it is.
    pub(crate) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// What is due, if anything is.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.text.is_empty()).then(|| std::mem::take(&mut self.text).into())
    }
}
