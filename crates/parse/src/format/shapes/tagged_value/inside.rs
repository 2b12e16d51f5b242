//! The tags that are open inside a value: an example call in it ends none of its own.

use super::super::tagged_close::Closers;

/// What a tag inside the value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Frame,
    Call,
    Param,
}

/// A tag that is open inside the value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    pub(super) kind: Kind,
    pub(super) from: usize,
    pub(super) end: usize,
    /// It may be the next parameter's.
    pub(super) next: bool,
}

/// The tags that are open inside, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Inside {
    open: Vec<Inner>,
    count: [usize; 3],
}

impl Inside {
    pub(super) fn push(&mut self, inner: Inner) {
        self.count[inner.kind as usize] += 1;
        self.open.push(inner);
    }

    /// Closes the innermost one of this kind and all in it.
    pub(super) fn pop(&mut self, kind: Kind) -> Option<Inner> {
        if self.count[kind as usize] == 0 {
            return None;
        }
        while let Some(inner) = self.open.pop() {
            self.count[inner.kind as usize] -= 1;
            if inner.kind == kind {
                return Some(inner);
            }
        }
        None
    }

    /// The only one, which may be the next parameter's.
    pub(super) fn next_param(&self) -> Option<usize> {
        match self.open.as_slice() {
            [only] if only.next => Some(only.from),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A closing tag in the value, and what is looked for behind it.
#[derive(Debug)]
pub(super) struct Looking {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) closers: Closers,
    /// It ends the call, the value's own tag is missing.
    pub(super) ends_call: bool,
    /// It closes this one, if that is one.
    pub(super) popped: Option<Inner>,
}

/// A closing tag that words followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    pub(super) at: usize,
    /// Where the call would have ended.
    pub(super) call_end: Option<usize>,
    /// More tags of the call came later.
    pub(super) later: bool,
}
