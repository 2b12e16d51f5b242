//! A name among literals, then the arguments: `weather_now[ARGS]{..}`, `tool_name: weather_now\narguments: {..}`.
//!
//! A header is short, so it is collected up to what ends it (a brace, a parameter, a closing marker) and then matched
//! against the templates of all bodies; what ended it says which shape goes on.

mod parts;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};

use super::call_expr::ExprItem;
use super::json_calls::{JsonItem, Named};
use super::plain_args;
use super::tagged_params::TaggedItem;
use crate::chat::{Fix, FixKind};
use crate::format::Body;
use crate::format::envelope::RawCall;
use crate::format::extent::{Starts, starts};
use crate::format::item::{Advance, Item, Scene, Why, fix};
use crate::format::row::{Ids, ShapeName};
use crate::format::scan::{self, Role, Sighted};
use crate::format::template::{Field, Header, Piece, Template, match_beginning, match_header};
use crate::value::{self, CallDialect};
use parts::{Stop, head_pieces, id_text, meant_name, name_at, without_fence};

/// No header is longer.
const LONGEST: usize = 600;

/// Nor one that begins with a literal and goes on with arguments that are no JSON.
const LONGEST_LED: usize = 20_000;

/// A header that is being collected.
#[derive(Debug)]
pub(crate) struct HeadItem {
    from: usize,
    /// Where the name stands, if nothing but what its result is called stands before: `result = `.
    name_at: usize,
    at: usize,
    /// It begins with a literal.
    led: bool,
    /// Where that literal ends.
    lead_end: usize,
}

/// A name begins at most so far behind the literal before it.
const NEAR_NAME: usize = 64;

/// A header that fits a template.
struct Matched<'s> {
    header: Header,
    body: &'s Body,
    template: &'s Template,
}

impl HeadItem {
    /// A header from this byte on, which begins with a literal of this length.
    pub(crate) fn new(from: usize, lead: usize) -> Self {
        Self { from, name_at: from, at: from + lead, led: lead > 0, lead_end: from + lead }
    }

    /// A header whose name stands between quotes of code: `` `weather_now` ``.
    pub(crate) fn quoted(from: usize) -> Self {
        Self { name_at: from + 1, ..Self::new(from, 0) }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>) -> Advance {
        if self.wait_for_name(scene) {
            return Advance::More;
        }
        if self.is_prose(scene) {
            return Advance::Not;
        }
        match self.goes_on_with_name(scene) {
            Some(true) => {}
            Some(false) => return Advance::Not,
            None => return Advance::More,
        }
        let longest = if self.led { LONGEST_LED } else { LONGEST };
        let bytes = scene.text.as_bytes();
        while self.at < bytes.len() {
            if self.at - self.from > longest {
                return Advance::Not;
            }
            match bytes[self.at] {
                b'{' => match self.stopped(scene, Stop::Brace(self.at)) {
                    // A brace in the text of an argument that a literal announces.
                    Advance::Not if self.led && self.announced(scene, self.at).is_some() => {}
                    advance => return advance,
                },
                b'(' if self.whole_name(scene, self.at) => {
                    return Advance::Becomes(Item::Expr(Box::new(ExprItem::new(
                        self.from,
                        self.name_at,
                        self.at,
                        CallDialect::Parens,
                    ))));
                }
                _ => match self.next_lead(scene) {
                    Starts::Yes => return Advance::Not,
                    Starts::Perhaps => return Advance::More,
                    Starts::No => {}
                },
            }
            match scene.format.markers().head.here(scene.text, self.at, scene.at_end) {
                Sighted::Perhaps { .. } => return Advance::More,
                Sighted::Marker { at, role: Role::ParamOpen(body), .. } => {
                    return self.stopped(scene, Stop::Param { at, body });
                }
                Sighted::Marker { at, end, role } if at > self.from => {
                    let end = if role == Role::Tail { end } else { at };
                    return self.stopped(scene, Stop::Closed { at, end });
                }
                _ => self.at += 1,
            }
        }
        if !scene.at_end {
            return Advance::More;
        }
        self.over(scene)
    }

    /// The text is over. A name alone at its very end may have been cut; only a closing marker makes it a call, or
    /// arguments that are seen to be whole.
    fn over(&self, scene: &Scene<'_>) -> Advance {
        let end = scene.text.len();
        let row = scene.format.row();
        let closes = !row.call.close.is_empty() || !row.section.close.is_empty();
        let Some((name, rest)) = self.announced(scene, end) else { return Advance::Truncated { name: None } };
        if closes || !plain_args::is_whole(&scene.text[rest..], &name, scene.offered) {
            return Advance::Truncated { name: Some(name) };
        }
        self.plain(scene, name, rest..end)
    }

    /// Whether a name may follow the literal that the header begins with. None while the text does not say.
    fn goes_on_with_name(&self, scene: &Scene<'_>) -> Option<bool> {
        if !self.led {
            return Some(true);
        }
        let lead = &scene.text[self.from..self.lead_end];
        let templates = scene.format.bodies().iter().flat_map(Body::templates);
        let mut own = templates.filter(|template| scan::lead(template.lead()) == lead);
        if !own.all(|template| template.before(Field::Name).len() == 1) {
            return Some(true);
        }
        let near = &scene.text.as_bytes()[self.lead_end..scene.text.len().min(self.lead_end + NEAR_NAME)];
        let mut next = near.iter().skip_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`'));
        match next.next() {
            Some(byte) => Some(byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'_' | b'$' | b'\\')),
            None if scene.at_end || near.len() == NEAR_NAME => Some(false),
            None => None,
        }
    }

    /// Whether the literal that this header began with stands here again: nothing ended this one.
    fn next_lead(&self, scene: &Scene<'_>) -> Starts {
        if !self.led || self.at == self.lead_end {
            return Starts::No;
        }
        starts(&scene.text.as_bytes()[self.at..], &scene.text[self.from..self.lead_end], scene.at_end)
    }

    /// Passes what the call's result is called, `result = `, where Python's calls are read; true to wait for more.
    fn wait_for_name(&mut self, scene: &Scene<'_>) -> bool {
        let python = |body: &Body| body.row.shape == ShapeName::CallExpr && body.dialect == CallDialect::Parens;
        if self.led || self.name_at > self.from || !scene.format.bodies().iter().any(python) {
            return false;
        }
        let near = self.near(scene);
        let Some(target) = value::name(near, 0) else { return false };
        let Some(rest) = near[target.end..].trim_start_matches([' ', '\t']).strip_prefix('=') else { return false };
        let source = rest.trim_start_matches([' ', '\t']);
        if source.is_empty() {
            return !scene.at_end;
        }
        if value::name(source, 0).is_some() {
            self.name_at = self.from + near.len() - source.len();
            self.at = self.name_at;
        }
        false
    }

    /// Whether a word that no header goes on with stands after the name.
    fn is_prose(&self, scene: &Scene<'_>) -> bool {
        let near = self.near(scene).get(self.name_at - self.from..).unwrap_or_default();
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

    fn stopped(&self, scene: &Scene<'_>, stop: Stop) -> Advance {
        let at = stop.at();
        let text = &scene.text[self.from..at];
        let (body, template, header) = match self.matched(scene, stop) {
            Some(Matched { header, body, template }) => (Some(body), Some(template), header),
            None if self.whole_name(scene, at) => {
                (None, None, Header { name: scene.text[self.name_at..at].trim().to_owned(), ..Header::default() })
            }
            None => match self.spoiled(scene, stop) {
                Some(item) => return Advance::Becomes(Item::Tagged(Box::new(item))),
                None => return self.unmatched(scene, stop),
            },
        };
        let (name, mended) = meant_name(scene, &header.name);
        let slipped = matches!(self.header(scene, at), Cow::Owned(_));
        if name.is_empty() || name.len() > 200 || name.contains(char::is_whitespace) && !scene.offered.knows(&name) {
            return Advance::Not;
        }
        let mut fixes: Vec<Fix> = mended.map(|kind| fix(kind, self.from..at)).into_iter().collect();
        if body.zip(template).is_some_and(|(body, template)| body.is_foreign(template)) {
            fixes.push(fix(FixKind::Opener, self.from..at));
        }
        // A name alone is a call only if there is such a tool; a mention in prose is none.
        let alone =
            text.trim_matches([' ', '\n', '\r', '\t', '`']) == header.name && matches!(stop, Stop::Closed { .. });
        if alone && !scene.offered.resolves(&name) {
            return Advance::Not;
        }
        let field = |body: &Body| if body.item.has(Field::Params) { Field::Params } else { Field::Arguments };
        let tail = body.zip(template).map(|(body, template)| template.closer(field(body)).trim().to_owned());
        let tail = tail.filter(|tail| !tail.is_empty());
        let whole = scene.format.row().ids == Ids::Header && body.is_some();
        let id = header.id.or_else(|| whole.then(|| id_text(text)));
        if slipped {
            fixes.push(fix(FixKind::Surplus, self.from..at));
        }
        let mut named = Named { name, id, fixes, tail };
        match stop {
            Stop::Brace(brace) => {
                if let Some(body) =
                    body.filter(|body| body.row.shape == ShapeName::CallExpr && body.dialect != CallDialect::Parens)
                {
                    let name_at = self.from + text.rfind(&header.name).unwrap_or_default();
                    let other = template.is_some_and(|template| template.lead() != body.item.lead());
                    let opener = other.then(|| fix(FixKind::Opener, self.from..name_at));
                    let expr = ExprItem::new(name_at, name_at, brace, body.dialect.clone()).opened_by(opener);
                    return Advance::Becomes(Item::Expr(Box::new(expr)));
                }
                if body.is_none_or(|body| body.row.shape != ShapeName::NamedJson) {
                    named.fixes.push(fix(FixKind::Shape, self.from..brace));
                }
                Advance::Becomes(Item::Json(Box::new(JsonItem::named(self.from, brace, named))))
            }
            Stop::Param { at, body } => {
                Advance::Becomes(Item::Tagged(Box::new(TaggedItem::new(self.from, at, body, named))))
            }
            Stop::Closed { at, end } => {
                let tail = named.tail.filter(|tail| scene.text[at..].starts_with(tail.as_str()));
                let end = end.max(at + tail.map_or(0, |tail| tail.len()));
                let own = body.is_some_and(|body| body.row.shape == ShapeName::TaggedParams);
                if !own {
                    named.fixes.push(fix(FixKind::NoArguments, self.from..at));
                }
                let arguments = Value::Object(Map::new());
                let (name, id, fixes, span) = (named.name, named.id, named.fixes, self.from..end);
                let call = RawCall { name, arguments, id, span, fixes, sources: Vec::new(), object: None };
                Advance::Done { end, calls: vec![call] }
            }
        }
    }

    /// The header without the words that end a message's header: one of them slips into a name now and then.
    fn header<'s>(&self, scene: &Scene<'s>, at: usize) -> Cow<'s, str> {
        let text = &scene.text[self.from..at];
        let words = scene.format.row().channels.iter().flat_map(|channels| &channels.message);
        let mut said = words.filter(|word| text.contains(word.as_str()));
        said.next().map_or(Cow::Borrowed(text), |word| Cow::Owned(text.replace(word.as_str(), "")))
    }

    fn whole_name(&self, scene: &Scene<'_>, at: usize) -> bool {
        let near = self.near(scene);
        let name = value::name(near, self.name_at - self.from).map_or(0, |name| self.from + name.end);
        (self.from + 1..=at).contains(&name) && scene.text[name..at].trim_matches('`').trim().is_empty()
    }

    /// The template that the header fits, all of it before one of which only the name fits.
    fn matched<'s>(&self, scene: &Scene<'s>, stop: Stop) -> Option<Matched<'s>> {
        let fit = |loosely: bool| {
            let mut bodies = scene.format.bodies().iter();
            bodies.find_map(|body| self.fits(scene, body, stop, loosely))
        };
        // Closed before the arguments, the literals after the name may be missing too.
        fit(false).or_else(|| if matches!(stop, Stop::Closed { .. }) { fit(true) } else { None })
    }

    /// Matches the header against a body's templates; loosely, up to the name only.
    fn fits<'s>(&self, scene: &Scene<'s>, body: &'s Body, stop: Stop, loosely: bool) -> Option<Matched<'s>> {
        let field = match (body.row.shape, stop) {
            (ShapeName::NamedJson, Stop::Brace(_) | Stop::Closed { .. }) => Field::Arguments,
            (ShapeName::TaggedParams, Stop::Param { body: index, .. }) if index != body.index => return None,
            (ShapeName::TaggedParams, _) | (ShapeName::CallExpr, Stop::Brace(_)) => Field::Params,
            _ => return None,
        };
        let header = self.header(scene, stop.at());
        let text = without_fence(&header);
        body.templates().find_map(|template| {
            let pieces = head_pieces(template, field);
            let header = if loosely {
                let header = match_header(&pieces[..=name_at(&pieces)?], text)?;
                // What follows the name belongs to no name.
                let name = value::name(&header.name, 0)?;
                (name.end == header.name.len()).then_some(header)
            } else {
                match_header(&pieces, text)
            };
            let plain = |name: &str| !name.contains(char::is_whitespace) || scene.offered.knows(name);
            let header = header.filter(|header| plain(&header.name));
            header.map(|header| Matched { header, body, template })
        })
    }

    /// The name and where its arguments begin, where a literal announces them.
    fn announced(&self, scene: &Scene<'_>, end: usize) -> Option<(String, usize)> {
        let text = &scene.text[self.from..end];
        let named = scene.format.bodies().iter().filter(|body| body.row.shape == ShapeName::NamedJson);
        let mut templates = named.flat_map(Body::templates);
        templates.find_map(|template| {
            let pieces = head_pieces(template, Field::Arguments);
            let announces = matches!(pieces.last(), Some(Piece::Literal(last)) if !last.trim().is_empty());
            let (header, rest) = match_beginning(&pieces, text).filter(|_| announces)?;
            let name = scene.strip(&header.name);
            scene.offered.resolves(name).then(|| (name.to_owned(), self.from + rest))
        })
    }

    /// A header that goes on with arguments that are no JSON.
    fn unmatched(&self, scene: &Scene<'_>, stop: Stop) -> Advance {
        let Stop::Closed { at, .. } = stop else { return Advance::Not };
        let Some((name, rest)) = self.announced(scene, at) else { return Advance::Not };
        self.plain(scene, name, rest..at)
    }

    /// The call of an offered tool that goes on with what is no parameter, or has a broken name: it is read to its end and
    /// is none, so that a call in one of its values is not taken for one.
    fn spoiled(&self, scene: &Scene<'_>, stop: Stop) -> Option<TaggedItem> {
        let (text, at) = (&scene.text[self.from..stop.at()], stop.at());
        let mut tagged = scene.format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams);
        let offered = |name: &str| scene.offered.resolves(scene.strip(name));
        if let Stop::Param { body, .. } = stop {
            let near = &text[..text.floor_char_boundary(LONGEST)];
            let mut words = near.split(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | '.'));
            let named = words.any(|word| scene.offered.knows(word));
            let body = &scene.format.bodies()[body];
            return named.then(|| TaggedItem::spoiled(self.from, at, body));
        }
        tagged.find_map(|body| {
            let mut templates = body.templates().filter(|_| self.led);
            templates.find_map(|template| {
                let (header, end) = match_beginning(template.before(Field::Params), text)?;
                offered(&header.name).then(|| TaggedItem::spoiled(self.from, self.from + end, body))
            })
        })
    }

    /// The call with the arguments that stand there and are no JSON.
    fn plain(&self, scene: &Scene<'_>, name: String, place: Range<usize>) -> Advance {
        let end = place.end;
        let Some((arguments, kind)) = plain_args::read(&scene.text[place.clone()], &name, scene.offered) else {
            return Advance::Unreadable { end, why: Why::Broken("expected the arguments as a JSON object") };
        };
        let fixes = vec![fix(kind, place)];
        let (arguments, span) = (Value::Object(arguments), self.from..end);
        let call = RawCall { name, arguments, id: None, span, fixes, sources: Vec::new(), object: None };
        Advance::Done { end, calls: vec![call] }
    }
}
