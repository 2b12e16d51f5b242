//! How families of models write tool calls: a file of data each, and one machine that runs them all.
//!
//! From one `grammars/<format>.toml` come three directions: reading (a streaming scan from text to spans and raw calls),
//! writing (calls to text, for history and prompts) and enforcing (the pieces of a decoding grammar). They share the
//! row's markers and templates, so they cannot drift apart; code per format is what this replaces. A body is chosen by
//! the next literal after a marker, which is why some thirty files read some sixty syntaxes.
//!
//! It knows no model, no backend and no schema: names and parameters are asked of an [`Offered`].

mod blocks;
mod builtin;
mod bytes;
mod calm;
mod detect;
mod enforce;
mod envelope;
mod extent;
mod item;
mod keys;
mod mention;
mod opened;
mod reader;
mod region;
mod row;
mod scan;
mod scout;
mod shapes;
mod spelling;
mod template;
mod validate;
mod walk;
mod write;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::value::CallDialect;

pub(crate) use blocks::Blocks;
pub use detect::{Detected, RECOGNISED, Unknown, detect};
pub(crate) use detect::{detect_after, has_opening, has_tag};
pub use enforce::Enforce;
pub(crate) use envelope::{RawCall, Twice, calls_in, holds_arguments, said_twice};
pub(crate) use reader::read_at;
pub use reader::{Reader, Step, Text};
pub(crate) use region::has_one_call;
pub use row::{
    BodyRow, Channels, Direction, Escape, Example, ExampleCall, Frame, Ids, JsonStyle, Literals, Nested, Parallel,
    ParallelKind, Place, Row, ShapeName, Strip,
};
pub use scout::{Scout, Sight};
pub(crate) use shapes::call_expr::{is_prose, raw_call, raw_calls};
pub(crate) use shapes::quotes::{Offers, in_doubt};
pub use spelling::Endings;
pub use template::{Field, Piece, Template};
pub(crate) use walk::{ObjectWalk, Walked};
pub use write::{Unrepresentable, type_of};

use crate::schema::View;
pub(crate) use bytes::ByteSet;
pub(crate) use calm::{Calm, Turns};
use envelope::OwnKeys;
use scan::{Markers, Role, Sighted, Tags, varied};

/// A format's name this much like an unknown one is suggested.
const ALIKE: f64 = 0.8;

/// The tools on offer, as far as reading needs them.
pub trait Offered {
    /// Whether a tool has exactly this name.
    fn knows(&self, name: &str) -> bool;
    /// Whether the name means a tool, also where it is written a little differently.
    fn resolves(&self, name: &str) -> bool {
        self.knows(name)
    }
    /// The schema of one parameter of that tool.
    fn parameter(&self, name: &str, parameter: &str) -> Option<View<'_>>;
    /// The parameters of that tool, as far as they are known.
    fn parameters(&self, _name: &str) -> Vec<&str> {
        Vec::new()
    }
    /// Whether prose that ends so says that the call behind it is none: a refusal, a report, an example.
    fn denies(&self, _before: &str) -> bool {
        false
    }
    /// Arguments by position, named by the tool's schema.
    fn positional(&self, name: &str, values: Vec<Value>) -> crate::chat::Arguments;
}

/// One format, ready to read, write and enforce. Immutable; shared in an `Arc`.
#[derive(Debug)]
pub struct Format {
    row: Row,
    bodies: Vec<Body>,
    markers: Markers,
}

/// A body of a format with its templates taken apart.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) index: usize,
    pub(crate) row: BodyRow,
    pub(crate) item: Template,
    pub(crate) also: Vec<Template>,
    /// How many of these the format knows; the others are read with a fix.
    pub(crate) own_also: usize,
    pub(crate) param: Option<Template>,
    /// All templates of a parameter that are read, the written one first.
    pub(crate) params: Vec<Template>,
    /// How many of them the format knows; the others are read with a fix.
    pub(crate) own_params: usize,
    pub(crate) dialect: CallDialect,
    pub(crate) keys: OwnKeys,
    pub(crate) tags: Tags,
}

impl Format {
    /// Reads a format file. The error names the line and the reason.
    ///
    /// ```
    /// use callwright_parse::format::Format;
    /// let error = Format::parse("name = 'x'\ncolour = 'red'").unwrap_err();
    /// assert!(error.to_string().contains("line 2"), "{error}");
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let row: Row = toml::from_str(text).map_err(|error| validate::located(text, &error))?;
        validate::check(&row)?;
        Ok(Self::new(row))
    }

    /// A format that marks nothing but reasoning: all else is text. For texts in which no format was recognised.
    #[must_use]
    pub fn plain() -> Arc<Self> {
        static PLAIN: LazyLock<Arc<Format>> = LazyLock::new(|| {
            let think = Frame { open: "<think>".into(), close: "</think>".into(), ..Frame::default() };
            let item = r#"{"name": "{name}", "arguments": {arguments}}"#.into();
            let body = BodyRow { item, bare: Place::Inside, ..BodyRow::default() };
            Arc::new(Format::new(Row { body: vec![body], reasoning: vec![think], ..Row::default() }))
        });
        Arc::clone(&PLAIN)
    }

    fn new(row: Row) -> Self {
        let mut bodies: Vec<Body> =
            row.body.iter().enumerate().map(|(index, body)| Body::new(index, body, &row)).collect();
        let markers = Markers::of(&row, &bodies);
        for body in &mut bodies {
            body.tags = Tags::of(body, body.index, &markers.inside);
        }
        Self { row, bodies, markers }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// What it looks like.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.row.description
    }

    /// Texts and tokens that mean "the calls are complete".
    #[must_use]
    pub fn stop(&self) -> &[String] {
        &self.row.stop
    }

    /// The file's content.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// The body that is written: the first one (a validated row has one).
    pub(crate) fn written(&self) -> &Body {
        &self.bodies[0]
    }

    /// Whether a header that begins with a name may go on with this character.
    pub(crate) fn goes_on(&self, next: char) -> bool {
        let templates = self.bodies.iter().flat_map(Body::templates);
        let mut literals = templates.map(|template| template.closer(Field::Name).trim_start());
        literals.any(|literal| literal.starts_with(next))
    }

    /// The literals that a name may follow, `call:`.
    pub(crate) fn leads(&self) -> impl Iterator<Item = &str> {
        let templates = self.bodies.iter().flat_map(Body::templates);
        templates.map(|template| template.lead().trim()).filter(|lead| lead.len() > 2 && lead.ends_with(':'))
    }

    /// Whether what follows a name is the literal that announces its arguments: `[ARGS]`.
    pub(crate) fn announces(&self, rest: &str) -> bool {
        let named = self.bodies.iter().filter(|body| body.row.shape == ShapeName::NamedJson);
        let mut joints = named.flat_map(Body::joints);
        joints.any(|joint| joint.len() > 3 && joint.starts_with(['<', '[']) && rest.starts_with(joint))
    }

    /// Whether a parameter's opener stands in the text.
    pub(crate) fn has_parameter(&self, text: &str) -> bool {
        let params = self.bodies.iter().flat_map(|body| &body.params).map(|param| scan::lead(param.lead()));
        params.filter(|lead| lead.len() > 3).any(|lead| text.contains(lead))
    }

    /// What opens calls, blanks aside.
    pub(crate) fn openers(&self) -> impl Iterator<Item = &str> {
        let frames = [&self.row.section, &self.row.call].into_iter();
        let opens = frames.flat_map(|frame| std::iter::once(&frame.open).chain(&frame.also_open));
        opens.map(|open| open.trim())
    }

    /// What stands behind a tool's name, blanks aside.
    pub(crate) fn joints(&self) -> impl Iterator<Item = &str> {
        // A name in JSON is found together with its object.
        self.bodies.iter().flat_map(Body::joints).filter(|joint| !joint.starts_with('"'))
    }

    /// The blocks between openers in these bytes and the closers behind them, up to `end`.
    pub(crate) fn blocks(&self, text: &str, within: Range<usize>, end: usize) -> Vec<Range<usize>> {
        let (mut blocks, mut from) = (Vec::new(), within.start);
        let text = &text[..text.floor_char_boundary(end)];
        let markers = &self.markers;
        while let Sighted::Marker { at, end, role } = markers.text.find(text, from, true) {
            from = end;
            if at >= within.end {
                break;
            }
            if !matches!(role, Role::CallOpen | Role::SectionOpen) || text[at..].starts_with('`') {
                continue;
            }
            let Some(to) = self.closed(text, end) else { break };
            blocks.push(at..to);
            from = to;
        }
        blocks
    }

    /// Where the closers end that come next.
    fn closed(&self, text: &str, from: usize) -> Option<usize> {
        let is_close = |role: Role| matches!(role, Role::CallClose | Role::SectionClose);
        let (mut at, mut closed) = (from, None);
        while let Sighted::Marker { at: begin, end, role } = self.markers.between.find(text, at, true) {
            if closed.is_some_and(|closed| !text[closed..begin].trim().is_empty())
                || closed.is_some() && !is_close(role)
            {
                break;
            }
            at = end;
            closed = if is_close(role) { Some(end) } else { closed };
        }
        closed
    }

    pub(crate) fn bodies(&self) -> &[Body] {
        &self.bodies
    }

    pub(crate) fn markers(&self) -> &Markers {
        &self.markers
    }
}

impl Body {
    fn new(index: usize, row: &BodyRow, whole: &Row) -> Self {
        let params = row.param.iter().flat_map(|text| varied(text, &whole.variants)).map(|text| Template::new(&text));
        let mut params: Vec<Template> = params.collect();
        params.extend(params.iter().filter_map(Template::without_attribute).collect::<Vec<_>>());
        let own_params = params.len();
        let also = row.also_param.iter().flat_map(|text| varied(text, &whole.variants));
        params.extend(also.map(|text| Template::new(&text)));
        let variants = varied(&row.item, &whole.variants).into_iter().skip(1);
        let also: Vec<String> =
            row.also.iter().flat_map(|text| varied(text, &whole.variants)).chain(variants).collect();
        let own_also = also.len();
        let also: Vec<String> =
            also.into_iter().chain(row.also_item.iter().flat_map(|text| varied(text, &whole.variants))).collect();
        let dialect = match (row.item.contains("({params})"), &row.quote) {
            (true, _) => CallDialect::Parens,
            (false, quote) => CallDialect::Braces { quote: quote.clone() },
        };
        Self {
            index,
            row: row.clone(),
            item: Template::new(&row.item),
            own_also,
            also: also.iter().map(|text| Template::new(text)).collect(),
            param: params.first().cloned(),
            params,
            own_params,
            dialect,
            keys: OwnKeys::of(&row.item, &whole.parallel.open),
            tags: Tags::default(),
        }
    }

    /// The literal that ends a call after its arguments.
    pub(crate) fn tail(&self) -> &str {
        let field = if self.item.has(Field::Params) { Field::Params } else { Field::Arguments };
        self.item.closer(field).trim()
    }

    /// Whether a tagged call begins with nothing but the tool's name.
    pub(crate) fn begins_with_name(&self) -> bool {
        self.param.is_some() && self.row.shape == ShapeName::TaggedParams && self.item.lead().trim().is_empty()
    }

    /// Whether a template is one that models write by mistake.
    pub(crate) fn is_foreign(&self, template: &Template) -> bool {
        self.also[self.own_also..].iter().any(|foreign| std::ptr::eq(foreign, template))
    }

    /// What stands behind a tool's name, blanks aside.
    fn joints(&self) -> impl Iterator<Item = &str> {
        self.templates().map(|template| template.closer(Field::Name).trim())
    }

    /// All templates that are read, the written one first.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.item).chain(&self.also)
    }
}

/// The formats there are, by name.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    by_name: BTreeMap<String, Arc<Format>>,
}

impl Formats {
    /// The formats that come with the crate.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Formats> = LazyLock::new(builtin::formats);
        &BUILTIN
    }

    /// The built-in formats and those in a folder's `*.toml` files, which win where names are equal.
    pub fn with_files(folder: &Path) -> Result<Self> {
        let mut formats = Self::builtin().clone();
        let trouble = |error| Error::new(ErrorKind::Io, format!("cannot read `{}`", folder.display())).because(error);
        for entry in std::fs::read_dir(folder).map_err(trouble)? {
            let path = entry.map_err(trouble)?.path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(|error| {
                Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display())).because(error)
            })?;
            let format = Format::parse(&text).map_err(|error| {
                Error::new(ErrorKind::Format, format!("`{}`: {error}", path.display()))
                    .hint("see `grammars/hermes.toml` for a format file")
            })?;
            formats.by_name.insert(format.name().to_owned(), Arc::new(format));
        }
        Ok(formats)
    }

    /// The format with this name; an error suggests the one whose name is close.
    ///
    /// ```
    /// use callwright_parse::format::Formats;
    /// assert_eq!(Formats::builtin().get("hermes")?.name(), "hermes");
    /// assert!(Formats::builtin().get("klingon").is_err());
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Result<Arc<Format>> {
        self.by_name.get(name).cloned().ok_or_else(|| {
            let likeness = |known: &&String| strsim::jaro_winkler(known, name);
            let nearest = self.by_name.keys().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
            let hint = match nearest.filter(|known| likeness(known) >= ALIKE) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!(
                    "there are {}, such as `hermes` and `llama3`; `callwright list --formats` lists them",
                    self.by_name.len()
                ),
            };
            Error::new(ErrorKind::Format, format!("unknown format `{name}`")).hint(hint)
        })
    }

    /// All formats, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Format>> {
        self.by_name.values()
    }
}
