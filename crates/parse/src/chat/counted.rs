//! A number with its noun, for sentences that people read: "1 call", "3 calls".

/// So many of something.
///
/// ```
/// use callwright_parse::chat::counted;
/// assert_eq!([counted(0, "call"), counted(1, "call"), counted(2, "call")], ["0 calls", "1 call", "2 calls"]);
/// ```
#[must_use]
pub fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
