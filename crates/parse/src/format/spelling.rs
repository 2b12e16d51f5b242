//! How a format spells what a decoding grammar of our own has to know: constants, and the markers inside a call.
//!
//! The shapes write their own values and the scanner knows its markers; here they are handed out, so that what is
//! enforced cannot drift from what is written and read. It knows no tool and no grammar language.

use serde_json::Value;

use super::row::ShapeName;
use super::scan::Role;
use super::shapes::{call_expr, json_text, param_tag};
use super::template::Field;
use super::write::between_tags;
use super::{Body, Format};
use crate::chat::Digits;

/// The longest suffix of tags.
const LONGEST_SUFFIX: usize = 40;

impl Format {
    /// A constant as it stands in a call.
    #[must_use]
    pub fn constant(&self, value: &Value) -> String {
        let (body, digits) = (self.written(), Digits::default());
        match (body.row.shape, &body.param) {
            (ShapeName::TaggedParams, Some(param)) => between_tags(body, param, (value, &digits), self.row().json),
            (ShapeName::CallExpr, _) => {
                let mut text = String::new();
                call_expr::literal(body, value, &digits, &mut text);
                text
            }
            _ => json_text::text(value, &digits, self.row().json),
        }
    }

    /// This format with the suffix that its tags have in this text, if that is not its own.
    pub(crate) fn respelled(&self, text: &str) -> Option<Self> {
        let (row, own) = (self.row(), self.row().suffix.as_str());
        let joint = own.chars().next()?;
        let opens = [&row.section.open, &row.call.open].map(|open| open.split_once(own));
        let word = opens.into_iter().flatten().find_map(|(stem, close)| {
            let (_, behind) = text.split_once(&format!("{stem}{joint}"))?;
            let word = &behind[..behind.find(|letter: char| !letter.is_alphanumeric() && !"-_.".contains(letter))?];
            let known = word.len() > LONGEST_SUFFIX || word.is_empty() || own.strip_prefix(joint) == Some(word);
            (!known && behind[word.len()..].starts_with(close.trim_end())).then_some(word)
        })?;
        let row = serde_json::to_string(row).ok()?.replace(own, &format!("{joint}{word}"));
        serde_json::from_str(&row).ok().map(Self::new)
    }

    /// What closes calls, blanks aside.
    pub(crate) fn closers(&self) -> impl Iterator<Item = &str> {
        let frames = [&self.row().section, &self.row().call].into_iter();
        let closes = frames.flat_map(|frame| std::iter::once(&frame.close).chain(&frame.also_close));
        closes.map(|close| close.trim())
    }

    /// What the reader of a tagged call looks for in a parameter's value.
    #[must_use]
    pub fn endings(&self) -> Endings {
        let body = self.written();
        let tags = &body.tags.value;
        let of = |roles: &dyn Fn(Role) -> bool| -> Vec<String> {
            let mut all: Vec<String> =
                tags.all().filter(|(_, role)| roles(*role)).map(|(text, _)| text.to_owned()).collect();
            all.sort_unstable();
            all
        };
        let is_end = |role: Role| matches!(role, Role::Framing | Role::ChannelOpen | Role::ChannelClose);
        let mut closes = of(&|role| role == Role::ValueClose);
        if let (true, Some(param)) = (closes.is_empty(), &body.param) {
            closes.extend(Some(param.closer(Field::Value).trim().to_owned()).filter(|close| !close.is_empty()));
        }
        let (names, ends) = (of(&|role| role == Role::Inner), of(&is_end));
        let mut own = of(&|role| {
            !is_end(role)
                && !matches!(role, Role::Inner | Role::ValueClose | Role::ReasoningOpen(_) | Role::ReasoningClose(_))
        });
        own.extend(pair(body));
        Endings { own, names, closes, ends }
    }
}

/// The tags between a key and its value, where a parameter is two tags.
fn pair(body: &Body) -> Vec<String> {
    let last = body.param.as_ref().and_then(|param| param.before(Field::Value).last());
    let literal = last.map_or("", |last| last.literal());
    if !param_tag::is_pair(body) {
        return Vec::new();
    }
    literal.split_inclusive('>').map(|tag| tag.trim().to_owned()).filter(|tag| tag.starts_with('<')).collect()
}

/// The markers that mean something inside a tagged call, in all their spellings.
#[derive(Debug, Clone)]
pub struct Endings {
    /// What opens and closes calls and parameters, but for what closes a value.
    pub own: Vec<String>,
    /// Beginnings of tags that may open a parameter, if the tag's name ends there.
    pub names: Vec<String>,
    /// What a value ends with.
    pub closes: Vec<String>,
    /// What ends any message.
    pub ends: Vec<String>,
}
