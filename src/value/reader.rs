//! The tolerant reader's cursor.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Json,
    Python,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    Closed,
}
