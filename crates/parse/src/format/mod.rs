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
use std::path::Path;
use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::value::CallDialect;

pub(crate) use blocks::Blocks;
pub use detect::{Detected, RECOGNISED, Unknown, detect};
pub use enforce::Enforce;
pub(crate) use envelope::{RawCall, Twice, calls_in, holds_arguments, said_twice};
pub use reader::{Reader, Step, Text};
pub use row::{
    BodyRow, Channels, Direction, Escape, Example, ExampleCall, Frame, Ids, JsonStyle, Literals, Nested, Parallel,
    ParallelKind, Place, Row, ShapeName, Strip,
};
pub use scout::{Scout, Sight};
pub(crate) use shapes::call_expr::{is_prose, raw_call, raw_calls};
pub(crate) use shapes::quotes::{Offers, has_doubtful_quotes, in_doubt};
pub use spelling::Endings;
pub use template::{Field, Piece, Template};
pub(crate) use walk::{ObjectWalk, Walked};
pub use write::{Unrepresentable, type_of};

pub(crate) use bytes::ByteSet;
pub(crate) use calm::{Calm, Turns};
use envelope::OwnKeys;
use scan::{Markers, Tags, varied};

/// The tools on offer, as far as reading needs them.
pub trait Offered {
    /// Whether a tool has exactly this name.
    fn knows(&self, name: &str) -> bool;
    /// Whether the name means a tool, also where it is written a little differently.
    fn resolves(&self, name: &str) -> bool {
        self.knows(name)
    }
    /// The schema of one parameter of that tool.
    fn parameter(&self, name: &str, parameter: &str) -> Option<&Value>;
    /// The parameters of that tool, as far as they are known.
    fn parameters(&self, _name: &str) -> Vec<&str> {
        Vec::new()
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
    pub(crate) param: Option<Template>,
    /// All templates of a parameter that are read, the written one first.
    pub(crate) params: Vec<Template>,
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
    pub fn plain() -> Self {
        let think = Frame { open: "<think>".into(), close: "</think>".into(), ..Frame::default() };
        let item = r#"{"name": "{name}", "arguments": {arguments}}"#.into();
        let body = BodyRow { item, bare: Place::Inside, ..BodyRow::default() };
        Self::new(Row { body: vec![body], reasoning: vec![think], ..Row::default() })
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
        let variants = varied(&row.item, &whole.variants).into_iter().skip(1);
        let also: Vec<String> =
            row.also.iter().flat_map(|text| varied(text, &whole.variants)).chain(variants).collect();
        let dialect = match (row.item.contains("({params})"), &row.quote) {
            (true, _) => CallDialect::Parens,
            (false, quote) => CallDialect::Braces { quote: quote.clone() },
        };
        Self {
            index,
            row: row.clone(),
            item: Template::new(&row.item),
            also: also.iter().map(|text| Template::new(text)).collect(),
            param: params.first().cloned(),
            params,
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

    /// The format with this name.
    ///
    /// ```
    /// use callwright_parse::format::Formats;
    /// assert_eq!(Formats::builtin().get("hermes")?.name(), "hermes");
    /// assert!(Formats::builtin().get("klingon").is_err());
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn get(&self, name: &str) -> Result<Arc<Format>> {
        self.by_name.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            Error::new(ErrorKind::Format, format!("unknown format `{name}`"))
                .hint(format!("there are: {}", names.join(", ")))
        })
    }

    /// All formats, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Format>> {
        self.by_name.values()
    }
}
