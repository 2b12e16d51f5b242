//! What happens in the server, for whoever watches: one line of JSON a turn. No word of a conversation is among it.

use std::sync::Arc;

use callwright::chat::Response;
use serde_json::json;
use tokio::sync::broadcast::{self, Receiver, Sender};

use crate::surface::Turn;

/// How many lines a slow watcher may be behind before it misses some.
const BEHIND: usize = 256;

/// Tells watchers what happens.
#[derive(Debug)]
pub(crate) struct News {
    sender: Sender<Arc<str>>,
}

impl Default for News {
    fn default() -> Self {
        Self { sender: broadcast::channel(BEHIND).0 }
    }
}

impl News {
    /// A turn is over.
    pub(crate) fn tell(&self, turn: &Turn, response: &Response) {
        let line = json!({
            "event": "turn", "id": turn.id, "model": response.model, "served_by": response.served_by,
            "left_machine": response.left_machine, "format": response.format, "finish_reason": response.finish_reason,
            "calls": response.calls.len(), "valid_calls": response.valid_calls().count(),
            "fixes": response.fixes.len(), "faults": response.faults.len(), "attempts": response.attempts.len(),
            "usage": response.usage, "timings": response.timings,
        });
        // Nobody may be watching.
        drop(self.sender.send(line.to_string().into()));
    }

    /// What will happen from now on.
    pub(crate) fn watch(&self) -> Receiver<Arc<str>> {
        self.sender.subscribe()
    }
}
