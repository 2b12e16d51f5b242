//! Which part of the output may be sent already.
//!
//! Bytes are held back while they may still turn out to be something else: the beginning of a stop text, the beginning
//! of a call, or half a character. It must not know tokens.

/// The output so far, and how much of it was sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    text: Vec<u8>,
    sent: usize,
    stops: Vec<Vec<u8>>,
    /// From here on the stops are looked for: what comes before was free of them, or was a call.
    searched: usize,
}

impl Outbox {
    /// An empty output that these texts end.
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.as_bytes().to_vec()).collect();
        Self { stops, ..Self::default() }
    }

    /// All of the output.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    /// Takes bytes back. What was sent stays sent: callers cut only what they held.
    pub(crate) fn cut(&mut self, len: usize) {
        self.text.truncate(len.max(self.sent));
        self.searched = self.searched.min(self.text.len());
    }

    /// Where the first stop text begins, if one is complete.
    pub(crate) fn find_stop(&mut self) -> Option<usize> {
        let from = self.searched;
        let found = self.stops.iter().filter_map(|stop| find(&self.text[from..], stop)).min().map(|at| from + at);
        let longest = self.stops.iter().map(Vec::len).max().unwrap_or(0);
        self.searched = from.max((self.text.len() + 1).saturating_sub(longest));
        found
    }

    /// Declares all bytes so far to be free of stops.
    pub(crate) fn skip_stops(&mut self) {
        self.searched = self.text.len();
    }

    /// The bytes before `limit` that may go out now and have not yet.
    pub(crate) fn take(&mut self, limit: usize) -> Option<Vec<u8>> {
        let limit = limit.min(self.text.len());
        let limit = limit.min(self.text.len() - self.begun_stop());
        let end = whole_characters(&self.text[..limit]);
        if end <= self.sent {
            return None;
        }
        let bytes = self.text[self.sent..end].to_vec();
        self.sent = end;
        Some(bytes)
    }

    /// Everything that has not gone out: the output is complete.
    pub(crate) fn take_rest(&mut self) -> Option<Vec<u8>> {
        let bytes = self.text[self.sent..].to_vec();
        self.sent = self.text.len();
        Some(bytes).filter(|bytes| !bytes.is_empty())
    }

    /// Bytes at the end that may be the beginning of a stop text.
    fn begun_stop(&self) -> usize {
        let tail = &self.text[self.searched.min(self.text.len())..];
        let begun = |stop: &Vec<u8>| (1..stop.len()).rev().find(|len| tail.ends_with(&stop[..*len])).unwrap_or(0);
        self.stops.iter().map(begun).max().unwrap_or(0)
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// The length without an incomplete character at the end. Bytes that are no UTF-8 at all are not held.
fn whole_characters(bytes: &[u8]) -> usize {
    let start = bytes.len().saturating_sub(3);
    let lead = bytes[start..].iter().rposition(|byte| *byte & 0b1100_0000 == 0b1100_0000);
    let Some(lead) = lead.map(|at| start + at) else { return bytes.len() };
    let width = match bytes[lead] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    // A lead byte followed by something else does not begin a character.
    let goes_on = bytes[lead + 1..].iter().all(|byte| *byte & 0b1100_0000 == 0b1000_0000);
    if goes_on && bytes.len() - lead < width { lead } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::Outbox;

    #[test]
    fn a_stop_is_found_across_pushes() {
        let mut outbox = Outbox::new(&["END".to_owned(), "\n\n".to_owned()]);
        outbox.push(b"one EN");
        assert_eq!(outbox.find_stop(), None);
        assert_eq!(outbox.take(usize::MAX).as_deref(), Some(&b"one "[..]));
        outbox.push(b"D two");
        assert_eq!(outbox.find_stop(), Some(4));
    }

    #[test]
    fn what_was_no_stop_goes_out() {
        let mut outbox = Outbox::new(&["END".to_owned()]);
        outbox.push(b"EN");
        assert_eq!(outbox.take(usize::MAX), None);
        outbox.push(b"EN");
        assert_eq!(outbox.find_stop(), None);
        assert_eq!(outbox.take(usize::MAX).as_deref(), Some(&b"EN"[..]));
        assert_eq!(outbox.take_rest().as_deref(), Some(&b"EN"[..]));
    }

    #[test]
    fn characters_stay_whole() {
        let mut outbox = Outbox::new(&[]);
        for byte in "aä€😀".as_bytes() {
            outbox.push(&[*byte]);
            if let Some(bytes) = outbox.take(usize::MAX) {
                assert!(std::str::from_utf8(&bytes).is_ok(), "{bytes:?}");
            }
        }
        assert_eq!(outbox.take_rest(), None);
    }

    #[test]
    fn broken_bytes_are_not_held_for_ever() {
        let mut outbox = Outbox::new(&[]);
        outbox.push(&[0xff, 0xc0, b'a', 0xe2]);
        assert_eq!(outbox.take(usize::MAX).as_deref(), Some(&[0xff, 0xc0, b'a'][..]));
        outbox.push(b"b");
        assert_eq!(outbox.take(usize::MAX).as_deref(), Some(&[0xe2, b'b'][..]));
    }
}
