//! Quotes in doubt: a call whose strings hold quotes that nobody escaped is read anew, on all of what holds it.
//!
//! Where such a call ends cannot be told from its brackets. So it waits for what ends the calls, or for the text's end,
//! and is a call only if the whole reads in one way.

use crate::chat::{Fix, FixKind};
use crate::format::item::{Advance, Scene};
use crate::format::keys::{Keys, is};
use crate::format::scan::Sighted;
use crate::value::settle::{Holds, Quotes, Settled, Vouch, settle};

/// What a call with quotes in doubt waits for.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// Where it seems to end.
    pub(crate) end: usize,
    /// Why it is no call if nothing better is found; without a reason it is one up to `end`.
    pub(crate) unread: Option<(usize, &'static str)>,
    /// What was looked at for a marker.
    looked: usize,
    /// A marker inside one of its strings, which may end it too.
    inside: Option<usize>,
}

/// Why a call is unreadable whose strings cannot be told apart.
pub(crate) const UNMATCHED: &str = "the quotes of its strings do not match";

/// What came of the doubt.
pub(crate) enum Resolved {
    /// The text so far does not hold the end.
    Wait,
    /// One reading, up to this byte.
    Once(Quotes, usize),
    /// None, or more than one: the call up to where it seemed to end, or none at all.
    Not,
    Unreadable {
        end: usize,
        message: &'static str,
    },
}

impl Doubt {
    /// A doubt about a call that seems to end here.
    pub(crate) fn new(read: &Advance, (hard, end): (bool, usize), inside: Option<usize>) -> Self {
        let unread = match read {
            Advance::Unreadable { end, message } => Some((*end, *message)),
            _ => hard.then_some((end, UNMATCHED)),
        };
        Self { end, unread, looked: end, inside: inside.filter(|marker| *marker < end) }
    }

    /// Goes on to what ends the calls, and reads the call that begins at `from`, whose bracket opens at
    /// `bracket`.
    pub(crate) fn resolve(
        &mut self,
        scene: &Scene<'_>,
        (from, bracket): (usize, usize),
        holds: Holds,
        tool: &str,
    ) -> Resolved {
        let end = match scene.format.markers().inside.find(scene.text, self.looked, scene.at_end) {
            Sighted::Marker { at, .. } => at,
            Sighted::Nothing if scene.at_end => scene.text.len(),
            Sighted::Nothing => {
                self.looked = scene.text.len();
                return Resolved::Wait;
            }
            Sighted::Perhaps { at } => {
                self.looked = at;
                return Resolved::Wait;
            }
        };
        let before = scene.text[..from].trim_end();
        let vouch = Offers { scene, tool, listed: before.ends_with(['[', ',']) };
        let mut ambiguous = false;
        for end in self.inside.into_iter().chain([end]) {
            if scene.is_tired() {
                break;
            }
            scene.cut(end);
            match settle(&scene.text[..end], bracket, holds, &vouch) {
                Settled::Once(quotes, end) => return Resolved::Once(quotes, end),
                Settled::Ambiguous => ambiguous = true,
                Settled::Never => {}
            }
        }
        match self.unread {
            Some((_, message)) if ambiguous || message == UNMATCHED => {
                let many = "the quotes of its strings can be read in more than one way";
                Resolved::Unreadable {
                    end: self.inside.unwrap_or(end),
                    message: if ambiguous { many } else { message },
                }
            }
            Some((end, message)) => Resolved::Unreadable { end, message },
            None => Resolved::Not,
        }
    }
}

/// Where the reading of a bracketed call stands.
#[derive(Debug, Default)]
pub(crate) enum Phase {
    /// Its end is not there.
    #[default]
    Open,
    /// It ended here, as this; what follows decides whether it did.
    Ended(usize, Advance),
    /// Its quotes are in doubt; without doubt it would be this.
    Doubted(Doubt, Advance),
}

impl Phase {
    pub(crate) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}

/// Whether what follows a call that ends here may follow a call; behind a `strict` one, that is all but a quote. Nothing
/// where the text so far does not say.
pub(crate) fn ends_well(scene: &Scene<'_>, end: usize, strict: bool) -> Option<bool> {
    let next = scene.skip_blanks(end);
    if scene.text[end..next].contains('\n') {
        return Some(true);
    }
    let Some(byte) = scene.text.as_bytes().get(next) else { return scene.at_end.then_some(true) };
    if strict {
        return Some(!matches!(byte, b'"' | b'\''));
    }
    if matches!(byte, b',' | b';' | b']' | b'}' | b')' | b'`') {
        return Some(true);
    }
    match scene.format.markers().inside.here(scene.text, next, scene.at_end) {
        Sighted::Marker { .. } => Some(true),
        Sighted::Perhaps { .. } => None,
        Sighted::Nothing => Some(false),
    }
}

/// Whether these fixes leave doubt about where a string ended.
pub(crate) fn in_doubt(fixes: &[Fix], text: &str) -> bool {
    fixes.iter().any(|fix| match fix.kind {
        FixKind::UnescapedQuote => true,
        FixKind::Surplus => text[fix.span.clone()].contains(['"', '\'']),
        // A comma is missing before a string.
        FixKind::Separator => text[fix.span.end..].starts_with(['"', '\'']),
        _ => false,
    })
}

/// What the offered tools say of keys and names.
struct Offers<'s, 'a> {
    scene: &'s Scene<'a>,
    tool: &'s str,
    listed: bool,
}

impl Vouch for Offers<'_, '_> {
    fn key(&self, holds: Holds, key: &str) -> bool {
        let words = Keys::table();
        let offered = self.scene.offered;
        let own = offered.parameter(self.tool, key).is_some();
        match holds {
            Holds::Value | Holds::Name => true,
            Holds::Arguments => own || offered.knows(self.tool) && offered.parameters(self.tool).is_empty(),
            Holds::Call => {
                let lists = [&words.name, &words.arguments, &words.id, &words.envelope, &words.aside];
                own || lists.iter().any(|list| is(list, key)) || offered.resolves(key)
            }
        }
    }

    fn under(&self, key: &str) -> Holds {
        let words = Keys::table();
        if is(&words.arguments, key) || self.scene.offered.resolves(key) {
            Holds::Arguments
        } else if is(&words.name, key) && !is(&words.envelope, key) {
            Holds::Name
        } else if is(&words.envelope, key) {
            Holds::Call
        } else {
            Holds::Value
        }
    }

    fn call(&self, name: &str) -> bool {
        self.scene.offered.resolves(self.scene.strip(name))
    }

    fn listed(&self) -> bool {
        self.listed
    }
}
