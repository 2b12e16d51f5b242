//! Quotes in doubt: a call whose strings hold quotes that nobody escaped is read anew, on all of what holds it.
//!
//! Where such a call ends cannot be told from its brackets. So it waits for what ends the calls, or for the text's end,
//! and is a call only if the whole reads in one way.

use crate::chat::{Fix, FixKind};
use crate::format::Offered;
use crate::format::envelope::RawCall;
use crate::format::item::{Advance, Scene, Why};
use crate::format::keys::{Keys, is};
use crate::format::scan::Sighted;
use crate::value::settle::{Holds, Quotes, Settled, Vouch, settle};

/// What a call with quotes in doubt waits for.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// Where it seems to end.
    pub(crate) end: usize,
    /// Why it is no call if nothing better is found; without a reason it is one up to `end`.
    pub(crate) unread: Option<(usize, Why)>,
    /// What was looked at for a marker.
    looked: usize,
    /// A marker inside one of its strings, which may end it too.
    inside: Option<usize>,
}

/// Why a call is unreadable whose strings cannot be told apart.
pub(crate) const UNMATCHED: Why = Why::Doubtful("the quotes of its strings do not match");

/// Why one is unreadable that reads in several ways.
const AMBIGUOUS: Why = Why::Doubtful("the quotes of its strings can be read in more than one way");

/// What came of the doubt.
pub(crate) enum Resolved {
    /// The text so far does not hold the end.
    Wait,
    /// One reading, up to this byte.
    Once(Quotes, usize),
    /// None: the call is what it seemed to be.
    Not,
    /// None, or more than one, and the call is not to be trusted.
    Unreadable { end: usize, why: Why },
}

impl Doubt {
    /// A doubt about a call that seems to end here.
    pub(crate) fn new(read: &Advance, (hard, end): (bool, usize), inside: Option<usize>) -> Self {
        let unread = match read {
            Advance::Unreadable { end, why } => Some((*end, *why)),
            _ => hard.then_some((end, UNMATCHED)),
        };
        Self { end, unread, looked: end, inside: inside.filter(|marker| *marker < end) }
    }

    /// Where what holds the call ends: at a marker, at the literal that ends this call, or with the text.
    fn frame_end(&mut self, scene: &Scene<'_>, tail: Option<&str>) -> Option<usize> {
        let tail = tail.and_then(|tail| {
            let from = scene.text.floor_char_boundary(self.end.max(self.looked.saturating_sub(tail.len())));
            Some(from + scene.text[from..].find(tail)?)
        });
        let upto = tail.unwrap_or(scene.text.len());
        match scene.format.markers().inside.find(scene.text, self.looked, scene.at_end) {
            Sighted::Marker { at, .. } => Some(at.min(upto)),
            _ if tail.is_some() => tail,
            Sighted::Nothing if scene.at_end => Some(scene.text.len()),
            Sighted::Nothing => {
                self.looked = scene.text.len();
                None
            }
            Sighted::Perhaps { at } => {
                self.looked = at;
                None
            }
        }
    }

    /// Goes on to what ends the calls, and reads the call that begins at `from`, whose bracket opens at
    /// `bracket`.
    pub(crate) fn resolve(
        &mut self,
        scene: &Scene<'_>,
        (from, bracket): (usize, usize),
        holds: Holds,
        tool: &str,
        tail: Option<&str>,
    ) -> Resolved {
        let Some(end) = self.frame_end(scene, tail) else { return Resolved::Wait };
        let before = scene.text[..from].trim_end();
        let strip = |name: &str| scene.strip(name).to_owned();
        let vouch = Offers { offered: scene.offered, strip: &strip, tool, listed: before.ends_with(['[', ',']) };
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
        let end = self.inside.unwrap_or(end);
        match self.unread {
            _ if ambiguous => Resolved::Unreadable { end, why: AMBIGUOUS },
            Some((_, UNMATCHED)) => Resolved::Unreadable { end, why: UNMATCHED },
            Some((end, why)) => Resolved::Unreadable { end, why },
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

/// Closing brackets and blanks behind a call that are looked past.
const MOST_CLOSERS: usize = 64;

/// Whether what follows a call that ends here may follow a call; behind a `strict` one, that is all but a quote. Nothing
/// where the text so far does not say.
pub(crate) fn ends_well(scene: &Scene<'_>, end: usize, strict: bool) -> Option<bool> {
    let closes = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b']' | b'}' | b')');
    let passed = scene.text.as_bytes()[end..].iter().take(MOST_CLOSERS).take_while(|byte| closes(byte)).count();
    let next = end + passed;
    let Some(byte) = scene.text.as_bytes().get(next) else { return scene.at_end.then_some(true) };
    if matches!(byte, b'"' | b'\'') {
        return Some(false);
    }
    if strict || scene.text[end..next].contains([']', '}', ')', '\n']) || matches!(byte, b',' | b';' | b'`') {
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

/// Whether nothing that was tolerated in a call has to do with where its strings end.
pub(crate) fn has_sure_quotes(call: &RawCall, text: &str) -> bool {
    let escapes_quotes = || text[call.span.clone()].contains(r#"\""#) || text[call.span.clone()].contains(r"\'");
    call.fixes.iter().all(|fix| match fix.kind {
        FixKind::KeyAlias => true,
        FixKind::Escape => !escapes_quotes(),
        _ => false,
    })
}

/// What the offered tools say of keys and names.
pub(crate) struct Offers<'s> {
    pub(crate) offered: &'s dyn Offered,
    /// Takes off what the format puts around a name.
    pub(crate) strip: &'s dyn Fn(&str) -> String,
    /// Whose call it is.
    pub(crate) tool: &'s str,
    /// Whether it stands in a list.
    pub(crate) listed: bool,
}

impl Vouch for Offers<'_> {
    fn key(&self, holds: Holds, key: &str) -> bool {
        let words = Keys::table();
        let offered = self.offered;
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
        if is(&words.arguments, key) || self.offered.resolves(key) {
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
        self.offered.resolves(&(self.strip)(name))
    }

    fn listed(&self) -> bool {
        self.listed
    }
}
