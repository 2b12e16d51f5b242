//! Where does a call begin? Asked token by token while a model writes free text.
//!
//! The decoder enforces a call from its first byte on, so it must know, before any value is complete, that one begins.
//! The scout sees markers and, where a format needs none, the literals of its first body. A call inside reasoning is no
//! call for it. It knows no tool, so a bare body counts only once its first literal is whole.

use super::row::{Channels, Place};
use super::scan::{LINE_MARK, Markers, Role, Sighted};
use super::shapes::channels::{HeaderEnd, LONGEST_HEADER, Route, header_end, route};
use super::{Format, ShapeName};

/// A streaming scan for the beginning of a call.
///
/// ```
/// use callwright_parse::format::{Formats, Scout, Sight};
/// let hermes = Formats::builtin().get("hermes")?;
/// let mut scout = Scout::new(&hermes, "<|im_start|>assistant\n");
/// assert_eq!(scout.push(b"Let me see. <tool"), Sight::Perhaps { from: 12 });
/// assert_eq!(scout.push(b"_call>"), Sight::Call { from: 12 });
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scout {
    markers: Markers,
    /// First literals of bodies that need no marker at the beginning, without blanks.
    skeletons: Vec<Skeleton>,
    channels: Option<Channels>,
    text: Vec<u8>,
    /// Where `text` begins in the output: what no marker can begin in is dropped.
    dropped: usize,
    /// No marker begins before this byte of `text`.
    from: usize,
    state: State,
}

#[derive(Debug, Clone)]
enum Skeleton {
    Literal(Vec<u8>),
    /// `[name(` or `name(`.
    Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte that is no blank.
    Start,
    Text,
    Reasoning(usize),
    /// In a message's header: where the message began, and where the header does, in `text`.
    Header {
        opened: usize,
        from: usize,
    },
    Found(usize),
}

/// What a [`Scout`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// All bytes so far are free text or reasoning.
    Nothing,
    /// A call may begin at this byte of the output.
    Perhaps {
        /// The byte.
        from: usize,
    },
    /// A call begins at this byte of the output, for certain.
    Call {
        /// The byte.
        from: usize,
    },
}

impl Scout {
    /// A scout for outputs that follow a prompt with this end (which may have opened reasoning or a call).
    #[must_use]
    pub fn new(format: &Format, prompt_tail: &str) -> Self {
        let tail = prompt_tail.trim_end();
        let ends = |word: &str| !word.trim().is_empty() && tail.ends_with(word.trim());
        let row = format.row();
        let tag = row.reasoning.iter().position(|tag| ends(&tag.open) || tag.also_open.iter().any(|word| ends(word)));
        let state = match tag {
            Some(tag) => State::Reasoning(tag),
            None if row.channels.as_ref().is_some_and(|channels| channels.open.iter().any(|word| ends(word))) => {
                State::Header { opened: 0, from: 0 }
            }
            None if ends(&row.call.open) || ends(&row.section.open) => State::Found(0),
            None => State::Start,
        };
        let bare = format.bodies().iter().filter(|body| body.row.bare == Place::Start);
        let skeletons = bare.flat_map(|body| {
            let expr = body.row.shape == ShapeName::CallExpr && body.item.lead().trim().is_empty();
            let opener =
                if expr { Vec::new() } else { vec![row.parallel.open.as_str(), row.section.open.as_str(), ""] };
            let literals =
                opener.into_iter().map(|open| Skeleton::Literal(squeeze(&format!("{open}{}", body.item.lead()))));
            literals.chain(expr.then_some(Skeleton::Expr)).collect::<Vec<_>>()
        });
        Self {
            markers: format.markers().clone(),
            skeletons: skeletons.collect(),
            channels: row.channels.clone(),
            text: Vec::new(),
            dropped: 0,
            from: 0,
            state,
        }
    }

    /// Looks at the next bytes of the output.
    pub fn push(&mut self, bytes: &[u8]) -> Sight {
        self.text.extend_from_slice(bytes);
        let sight = self.look();
        self.forget();
        sight
    }

    fn look(&mut self) -> Sight {
        loop {
            let sight = match self.state {
                State::Found(from) => Some(Sight::Call { from }),
                State::Start => self.start(),
                State::Text => self.marker(None),
                State::Reasoning(tag) => self.marker(Some(tag)),
                State::Header { opened, from } => self.header(opened, from),
            };
            if let Some(sight) = sight {
                return sight;
            }
        }
    }

    fn header(&mut self, opened: usize, from: usize) -> Option<Sight> {
        let channels = self.channels.as_ref()?;
        let (end, content) = match header_end(channels, &self.text, from) {
            Some(HeaderEnd::Message { end, content }) => (end, content),
            Some(HeaderEnd::Broken { at }) => {
                (self.state, self.from) = (State::Text, at);
                return None;
            }
            None => {
                if self.text.len() <= from + LONGEST_HEADER {
                    return Some(Sight::Perhaps { from: opened });
                }
                self.state = State::Text;
                return None;
            }
        };
        let said = |range: std::ops::Range<usize>| String::from_utf8_lossy(&self.text[range]);
        self.state = match route(channels, &said(from..end), &said(end..content)) {
            Route::Tool(_) => State::Found(opened),
            // Quoted calls are no calls, as those in reasoning.
            Route::Reasoning | Route::Said => State::Reasoning(self.markers.reasoning.len() - 1),
            Route::Text | Route::Nobody { .. } => State::Text,
        };
        self.from = content;
        None
    }

    /// Before any text: a body with no marker may begin.
    fn start(&mut self) -> Option<Sight> {
        let blanks = self.from + self.text[self.from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.from = blanks;
        if blanks == self.text.len() {
            return Some(Sight::Nothing);
        }
        let from = self.dropped + blanks;
        let begun = self.skeletons.iter().map(|skeleton| skeleton.begins(&self.text[blanks..]));
        match begun.max() {
            Some(Begun::Yes) => {
                self.state = State::Found(from);
                None
            }
            Some(Begun::Perhaps) => Some(Sight::Perhaps { from }),
            _ => {
                self.state = State::Text;
                None
            }
        }
    }

    fn marker(&mut self, reasoning: Option<usize>) -> Option<Sight> {
        let literals = match reasoning {
            Some(tag) => &self.markers.reasoning[tag],
            None => &self.markers.text,
        };
        match literals.find_bytes(&self.text, self.from, false) {
            Sighted::Nothing => {
                self.from = self.text.len();
                Some(Sight::Nothing)
            }
            Sighted::Perhaps { at } => {
                self.from = at;
                Some(if reasoning.is_some() {
                    Sight::Nothing
                } else {
                    Sight::Perhaps { from: self.dropped + self.from }
                })
            }
            Sighted::Marker { at, end, role } => {
                match role {
                    Role::ReasoningOpen(tag) => self.state = State::Reasoning(tag),
                    Role::ReasoningClose(_) => self.state = State::Start,
                    Role::ChannelOpen => {
                        self.state = State::Header { opened: self.dropped + at, from: self.header_from(at, end) };
                        self.from = end;
                        return None;
                    }
                    Role::SectionOpen | Role::CallOpen | Role::Bare(_) if reasoning.is_none() => {
                        self.state = State::Found(self.dropped + at);
                        return None;
                    }
                    _ => {}
                }
                self.from = end;
                None
            }
        }
    }

    /// Where the header begins that this marker opens: one that counts at a line's beginning only is a part of it.
    fn header_from(&self, at: usize, end: usize) -> usize {
        let weak = |channels: &Channels| channels.line_open.iter().any(|word| word.as_bytes() == &self.text[at..end]);
        if self.channels.as_ref().is_some_and(weak) { at } else { end }
    }

    /// Forgets what was looked at, but for the last bytes: a marker may have to stand at a line's beginning.
    fn forget(&mut self) {
        let forget = self.from.saturating_sub(LINE_MARK + 1);
        self.text.drain(..forget);
        self.dropped += forget;
        self.from -= forget;
        if let State::Header { from, .. } = &mut self.state {
            *from -= forget;
        }
    }
}

/// What begins a call with no marker is not spread out further.
const LONGEST_START: usize = 512;

/// Whether a text begins like a skeleton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begun {
    No,
    Perhaps,
    Yes,
}

impl Skeleton {
    fn begins(&self, text: &[u8]) -> Begun {
        let text = &text[..text.len().min(LONGEST_START)];
        match self {
            Self::Literal(wanted) => {
                let squeezed: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                if squeezed.starts_with(wanted) {
                    Begun::Yes
                } else if wanted.starts_with(&squeezed) && text.len() < LONGEST_START {
                    Begun::Perhaps
                } else {
                    Begun::No
                }
            }
            Self::Expr => {
                let name = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
                let letters =
                    name.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
                match name.get(letters) {
                    Some(b'(') if letters > 0 => Begun::Yes,
                    None if letters < 128 => Begun::Perhaps,
                    _ => Begun::No,
                }
            }
        }
    }
}

fn squeeze(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect()
}
