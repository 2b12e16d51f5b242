//! The text of an answer as it is shown while it comes.
//!
//! A terminal takes nothing back. Where tools are on offer, text that looks like the inside of a call waits until the
//! answer is settled and it is known whether it is text at all. It must not know how calls are read.

/// What stands between the parts of a call, and in prose hardly ever.
const CALL_LIKE: [&str; 9] = ["\", \"", "\",\"", "\": ", "\":{", "\":\"", "{\"", "</", "<|", "[{"];

/// Text on its way to the terminal.
#[derive(Debug, Default)]
pub(super) struct Flow {
    text: String,
    /// So many bytes were shown.
    shown: usize,
    /// Whether what looks like a call waits.
    watches: bool,
    /// Whether it does: from here on nothing is shown before the end.
    waits: bool,
}

impl Flow {
    /// The text of an answer that may hold calls, or may not.
    pub(super) fn new(watches: bool) -> Self {
        Self { watches, ..Self::default() }
    }

    /// Takes the next piece, and gives what may be shown.
    pub(super) fn push(&mut self, piece: &str) -> &str {
        self.text.push_str(piece);
        let from = self.shown;
        let rest = &self.text[from..];
        let call = CALL_LIKE.iter().filter_map(|mark| rest.find(mark)).min();
        let end = match call {
            _ if self.waits => 0,
            _ if !self.watches => rest.len(),
            Some(at) => {
                self.waits = true;
                at
            }
            // The end may be the beginning of such a mark.
            None => rest.len() - begun(rest),
        };
        self.shown += end;
        &self.text[from..self.shown]
    }

    /// What is left to show of the answer, now that its text is known.
    pub(super) fn settle<'t>(&mut self, text: &'t str) -> &'t str {
        let rest = text.strip_prefix(&self.text[..self.shown]).unwrap_or_default();
        self.shown = self.text.len();
        rest
    }

    /// The text so far.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Forgets an answer that was withdrawn.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.watches);
    }
}

/// The bytes at the end of a text that a mark may begin with.
fn begun(text: &str) -> usize {
    let begins = |length: &usize| {
        let end = text.get(text.len() - length..);
        end.is_some_and(|end| CALL_LIKE.iter().any(|mark| mark.len() > *length && mark.starts_with(end)))
    };
    (1..=3.min(text.len())).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Flow;

    /// What is shown piece by piece, and at the end.
    fn shown(pieces: &[&str], settled: &str, watches: bool) -> (String, String) {
        let mut flow = Flow::new(watches);
        let live = pieces.iter().fold(String::new(), |all, piece| all + flow.push(piece));
        (live, flow.settle(settled).to_owned())
    }

    /// However the text is cut, what looks like a call is not shown before it is known to be text.
    #[test]
    fn the_inside_of_a_call_waits() {
        let text = "The result is ok\", \"arguments\": {\"minutes\": 5}}\n</tool_call>";
        let letters: Vec<String> = text.chars().map(String::from).collect();
        for size in 1..12 {
            let pieces: Vec<String> = letters.chunks(size).map(<[String]>::concat).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            assert_eq!(shown(&pieces, "The result is ok", true), ("The result is ok".to_owned(), String::new()));
            assert_eq!(shown(&pieces, text, true).1, text["The result is ok".len()..]);
            assert_eq!(shown(&pieces, text, false), (text.to_owned(), String::new()));
        }
    }

    #[test]
    fn prose_is_shown_at_once() {
        assert_eq!(shown(&["It is \"7", "\" de", "grees. "], "It is \"7\" degrees. ", true).0, "It is \"7\" degrees. ");
    }
}
