//! Responses that later requests refer to, in memory and at most so many.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callwright::chat::Message;
use serde_json::Value;

/// The last responses.
#[derive(Debug)]
pub(crate) struct Store {
    most: usize,
    kept: Mutex<VecDeque<Arc<Kept>>>,
}

/// A response that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    id: String,
    /// The conversation up to it, its own answer included.
    pub(super) messages: Vec<Message>,
    /// As it went out.
    pub(super) response: Value,
}

impl Store {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    pub(super) fn keep(&self, id: String, messages: Vec<Message>, response: Value) {
        if self.most == 0 {
            return;
        }
        let mut kept = self.lock();
        while kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back(Arc::new(Kept { id, messages, response }));
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Kept>> {
        self.lock().iter().find(|kept| kept.id == id).cloned()
    }

    pub(super) fn forget(&self, id: &str) -> bool {
        let mut kept = self.lock();
        let before = kept.len();
        kept.retain(|one| one.id != id);
        kept.len() < before
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
