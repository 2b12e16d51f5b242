//! A name among literals, then the arguments: `weather_now[ARGS]{..}`, `tool_name: weather_now\narguments: {..}`.
//!
//! A header is short, so it is collected up to what ends it (a brace, a parameter, a closing marker) and then matched
//! against the templates of all bodies; what ended it says which shape goes on.

use super::call_expr::ExprItem;
use super::json_calls::{JsonItem, Named};
use super::tagged_params::TaggedItem;
use crate::chat::FixKind;
use crate::format::Body;
use crate::format::envelope::RawCall;
use crate::format::item::{Advance, Item, Scene, fix};
use crate::format::row::{Ids, ShapeName};
use crate::format::scan::{Role, Sighted};
use crate::format::template::{Field, Header, Piece, match_header};
use crate::value::{self, CallDialect};

/// No header is longer.
const LONGEST: usize = 600;

/// A header that is being collected.
#[derive(Debug)]
pub(crate) struct HeadItem {
    from: usize,
    at: usize,
    /// It begins with a literal.
    led: bool,
}

/// What ended a header.
enum Stop {
    Brace(usize),
    Param { at: usize, body: usize },
    Closed(usize),
}

impl HeadItem {
    /// A header from this byte on, which begins with a literal of this length.
    pub(crate) fn new(from: usize, lead: usize) -> Self {
        Self { from, at: from + lead, led: lead > 0 }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>) -> Advance {
        if self.is_prose(scene) {
            return Advance::Not;
        }
        let bytes = scene.text.as_bytes();
        while self.at < bytes.len() {
            if self.at - self.from > LONGEST {
                return Advance::Not;
            }
            match bytes[self.at] {
                b'{' => return self.stopped(scene, &Stop::Brace(self.at)),
                b'(' if self.whole_name(scene, self.at) => {
                    return Advance::Becomes(Item::Expr(Box::new(ExprItem::new(
                        self.from,
                        self.at,
                        CallDialect::Parens,
                    ))));
                }
                _ => {}
            }
            match scene.format.markers().head.here(scene.text, self.at, scene.at_end) {
                Sighted::Perhaps { .. } => return Advance::More,
                Sighted::Marker { at, role: Role::ParamOpen(body), .. } => {
                    return self.stopped(scene, &Stop::Param { at, body });
                }
                Sighted::Marker { at, .. } if at > self.from => return self.stopped(scene, &Stop::Closed(at)),
                _ => self.at += 1,
            }
        }
        if !scene.at_end {
            return Advance::More;
        }
        // A name alone at the very end may have been cut; only a closing marker makes it a call.
        Advance::Truncated { name: None }
    }

    /// Whether a word that no header goes on with stands after the name.
    fn is_prose(&self, scene: &Scene<'_>) -> bool {
        let near = self.near(scene);
        let Some(name) = value::name(near, 0).filter(|_| !self.led) else { return false };
        let rest = &near[name.end..];
        // These may yet belong to the name.
        if rest.trim_start_matches(['.', '-', ':', '/', '\\']).is_empty() {
            return false;
        }
        let Some(next) = rest.trim_start().chars().next() else { return false };
        !matches!(next, '{' | '(' | '<' | '[' | '`' | '"') && !scene.format.goes_on(next)
    }

    /// The text from the header's beginning, as far as a header may go.
    fn near<'s>(&self, scene: &Scene<'s>) -> &'s str {
        let text = &scene.text[self.from..];
        &text[..text.floor_char_boundary(LONGEST)]
    }

    fn stopped(&self, scene: &Scene<'_>, stop: &Stop) -> Advance {
        let (Stop::Brace(at) | Stop::Param { at, .. } | Stop::Closed(at)) = *stop;
        let text = &scene.text[self.from..at];
        let bodies = scene.format.bodies();
        let matched = bodies.iter().find_map(|body| Some((body, self.matches(scene, body, stop, at)?)));
        let (body, header) = match matched {
            Some((body, header)) => (Some(body), header),
            None if self.whole_name(scene, at) => (None, Header { name: text.trim().to_owned(), ..Header::default() }),
            None => return Advance::Not,
        };
        let name = scene.strip(&header.name).to_owned();
        if name.is_empty() || name.len() > 200 || name.contains(char::is_whitespace) {
            return Advance::Not;
        }
        // A name alone, or before a parameter, is a call only if there is such a tool; a mention in prose is none.
        let alone = text.trim() == header.name && !matches!(stop, Stop::Brace(_));
        if alone && !scene.offered.resolves(&name) {
            return Advance::Not;
        }
        let tail = body.map(|body| body.tail().to_owned()).filter(|tail| !tail.is_empty());
        let whole = scene.format.row().ids == Ids::Header && body.is_some();
        let id = header.id.or_else(|| whole.then(|| id_text(text)));
        let mut named = Named { name, id, fixes: Vec::new(), tail };
        match *stop {
            Stop::Brace(brace) => {
                if let Some(body) =
                    body.filter(|body| body.row.shape == ShapeName::CallExpr && body.dialect != CallDialect::Parens)
                {
                    let name_at = self.from + text.rfind(&header.name).unwrap_or_default();
                    return Advance::Becomes(Item::Expr(Box::new(ExprItem::new(name_at, brace, body.dialect.clone()))));
                }
                if body.is_none_or(|body| body.row.shape != ShapeName::NamedJson) {
                    named.fixes.push(fix(FixKind::Shape, self.from..brace));
                }
                Advance::Becomes(Item::Json(Box::new(JsonItem::named(self.from, brace, named))))
            }
            Stop::Param { at, body } => {
                Advance::Becomes(Item::Tagged(Box::new(TaggedItem::new(self.from, at, body, named))))
            }
            Stop::Closed(at) => {
                let tail = named.tail.filter(|tail| scene.text[at..].starts_with(tail.as_str()));
                let end = at + tail.map_or(0, |tail| tail.len());
                let own = body.is_some_and(|body| body.row.shape == ShapeName::TaggedParams);
                let fixes = if own { Vec::new() } else { vec![fix(FixKind::NoArguments, self.from..at)] };
                let arguments = serde_json::Value::Object(serde_json::Map::new());
                let (name, id, span) = (named.name, named.id, self.from..end);
                let call = RawCall { name, arguments, id, span, fixes, sources: Vec::new(), object: None };
                Advance::Done { end, calls: vec![call] }
            }
        }
    }

    fn whole_name(&self, scene: &Scene<'_>, at: usize) -> bool {
        let name = value::name(self.near(scene), 0).map_or(0, |name| self.from + name.end);
        (self.from + 1..=at).contains(&name) && scene.text[name..at].trim().is_empty()
    }

    /// Matches the header against a body's templates.
    fn matches(&self, scene: &Scene<'_>, body: &Body, stop: &Stop, at: usize) -> Option<Header> {
        let field = match (body.row.shape, stop) {
            (ShapeName::NamedJson, Stop::Brace(_) | Stop::Closed(_)) => Field::Arguments,
            (ShapeName::TaggedParams, Stop::Param { body: index, .. }) if *index != body.index => return None,
            (ShapeName::TaggedParams, _) | (ShapeName::CallExpr, Stop::Brace(_)) => Field::Params,
            _ => return None,
        };
        let text = without_fence(&scene.text[self.from..at]);
        body.templates().find_map(|template| {
            let mut pieces = template.before(field).to_vec();
            if let Some(Piece::Literal(last)) = pieces.last_mut() {
                let plain = without_fence(last).trim_end_matches('{');
                *last = plain.to_owned();
            }
            // Closed before the arguments, the literals after the name may be missing too.
            let closed = matches!(stop, Stop::Closed(_));
            match_header(&pieces, text)
                .or_else(|| if closed { match_header(&pieces[..=name_at(&pieces)?], text) } else { None })
        })
    }
}

/// The header up to where the arguments are announced.
fn id_text(text: &str) -> String {
    let end = text.find(['<', '[']).unwrap_or(text.len());
    text[..end].trim().to_owned()
}

fn name_at(pieces: &[Piece]) -> Option<usize> {
    pieces.iter().position(|piece| *piece == Piece::Field(Field::Name))
}

/// The text without a fence at its end.
fn without_fence(text: &str) -> &str {
    match text.rfind("```") {
        Some(at) if text[at + 3..].trim().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') => {
            &text[..at]
        }
        _ => text,
    }
}
