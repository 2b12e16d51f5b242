//! The last turns, to be looked at: how a text became calls, and why.
//!
//! They are kept in memory, at most so many, and hold what the model wrote; with `traces: 0` nothing is kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use callwright::chat::Response;
use serde_json::{Value, json};

use crate::surface::Turn;

/// The last turns.
#[derive(Debug)]
pub(crate) struct Traces {
    most: usize,
    kept: Mutex<VecDeque<(String, Arc<Value>)>>,
}

impl Traces {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    /// Whether turns are kept.
    pub(crate) fn keeps(&self) -> bool {
        self.most > 0
    }

    /// Keeps a turn; the oldest one goes.
    pub(crate) fn keep(&self, turn: &Turn, response: &Response) {
        if !self.keeps() {
            return;
        }
        let trace = json!({"id": turn.id, "created": turn.created, "asked_for": turn.model, "response": response});
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back((turn.id.clone(), Arc::new(trace)));
    }

    /// The turn of this id, while it is kept.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Value>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == id).map(|(_, trace)| Arc::clone(trace))
    }
}
