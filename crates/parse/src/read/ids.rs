//! The ids of a turn's calls: the model's own, and no two alike, or a result could not be told to whom it belongs.
//!
//! An id is no part of what the model asks for, so another one in its place is no fix.

use std::collections::HashSet;

use crate::chat::CallId;

/// The ids that are taken.
#[derive(Debug, Default)]
pub(super) struct Ids {
    taken: HashSet<CallId>,
}

impl Ids {
    /// The id of the call with this index: what the model wrote, if no other call has it.
    pub(super) fn own(&mut self, said: Option<String>, index: usize) -> CallId {
        let said = said.filter(|id| !id.is_empty()).map(CallId::new);
        if let Some(id) = said.filter(|id| self.taken.insert(id.clone())) {
            return id;
        }
        let free = (index..=index + self.taken.len()).map(CallId::of_index).find(|id| !self.taken.contains(id));
        let id = free.unwrap_or_else(|| CallId::of_index(index));
        self.taken.insert(id.clone());
        id
    }
}
