//! The ids of a turn's calls: the model's own, and no two alike, or a result could not be told to whom it belongs.

use std::collections::HashSet;
use std::ops::Range;

use crate::chat::CallId;

/// The ids that are taken.
#[derive(Debug, Default)]
pub(super) struct Ids {
    taken: HashSet<CallId>,
}

impl Ids {
    /// The id of the call with this index, and its place if another call has the id that the model wrote.
    pub(super) fn own(
        &mut self,
        said: Option<String>,
        index: usize,
        span: &Range<usize>,
    ) -> (CallId, Option<Range<usize>>) {
        let said = said.filter(|id| !id.is_empty()).map(CallId::new);
        let taken = match said {
            Some(id) if self.taken.insert(id.clone()) => return (id, None),
            other => other.map(|_| span.clone()),
        };
        let free = (index..=index + self.taken.len()).map(CallId::of_index).find(|id| !self.taken.contains(id));
        let id = free.unwrap_or_else(|| CallId::of_index(index));
        self.taken.insert(id.clone());
        (id, taken)
    }
}
