//! Call expressions: `name(k=v, ..)` as Python writes them, and `name{k:v}` as Gemma does.
//!
//! The dialect is data of a format file. What a call is inside of (a list, a fence, quotes, prose) is the caller's.

use std::ops::Range;

use serde_json::Value;

use super::nest::Next;
use super::reader::{Ending, Home, Place, Read, Reader};
use super::settle::Quotes;
use super::{Unread, literal};
use crate::chat::{Fix, FixKind};

/// How a call expression is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallDialect {
    /// `name(k=v)`.
    #[default]
    Parens,
    /// `name{k:v}`, strings between quote tokens such as `<|"|>`; other quotes are read too.
    Braces {
        /// The token that opens and closes a string.
        quote: Option<String>,
    },
}

/// A call expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CallExpr {
    /// The name, dots and all, Markdown escapes taken out.
    pub name: String,
    /// Where the name is.
    pub name_span: Range<usize>,
    /// Arguments without a name, in order. One object here means the arguments as a dict.
    pub positional: Vec<Value>,
    /// Arguments with a name, in order.
    pub keyword: Vec<(String, Value)>,
    /// Where each value is in the text: the positional ones, then the keyword ones.
    pub sources: Vec<Range<usize>>,
    /// Byte offset just after the closing bracket.
    pub end: usize,
    /// What was tolerated, with spans in the text, and no call.
    pub fixes: Vec<Fix>,
    /// Where its strings end was told by what follows them: only if each key is a parameter was it told rightly.
    pub doubtful: bool,
}

/// Reads a call expression at byte `at`: dotted and quoted names, named and positional arguments in any order, Python
/// or JSON values, unquoted text up to the next delimiter, nested calls kept as text.
///
/// ```
/// use callwright_parse::value::{CallDialect, call_expr};
/// let call = call_expr("math.gcd(12, b=[18], to='it's')", 0, &CallDialect::Parens).unwrap();
/// assert_eq!((call.name.as_str(), call.positional.len()), ("math.gcd", 1));
/// assert_eq!(call.keyword[1], ("to".to_owned(), "it's".into()));
/// ```
pub fn call_expr(text: &str, at: usize, dialect: &CallDialect) -> Result<CallExpr, Unread> {
    read(text, at, dialect, Ending::Open, None)
}

/// As [`call_expr`], for a text that will not go on: closing brackets missing at its very end are put there where each
/// value is complete.
pub fn call_expr_closed(text: &str, at: usize, dialect: &CallDialect) -> Result<CallExpr, Unread> {
    read(text, at, dialect, Ending::Closed, None)
}

/// As [`call_expr`] in Python's dialect, where it is known where each string ends.
pub(crate) fn call_expr_settled(text: &str, at: usize, quotes: &Quotes) -> Result<CallExpr, Unread> {
    read(text, at, &CallDialect::Parens, Ending::Closed, Some(quotes))
}

fn read(
    text: &str,
    at: usize,
    dialect: &CallDialect,
    ending: Ending,
    settled: Option<&Quotes>,
) -> Result<CallExpr, Unread> {
    let (home, open, close) = match dialect {
        CallDialect::Parens => (Home::Python, b'(', b')'),
        CallDialect::Braces { .. } => (Home::Braces, b'{', b'}'),
    };
    let mut reader = Reader::new(text, at, home, ending);
    reader.settled = settled;
    if let CallDialect::Braces { quote } = dialect {
        reader.quote_token = quote.as_deref().filter(|quote| !quote.is_empty());
    }
    let (name, name_span) = reader.call_name()?;
    while matches!(reader.peek(), Some(b' ' | b'\t')) {
        reader.at += 1;
    }
    match reader.peek() {
        Some(byte) if byte == open => {}
        None => return Err(reader.incomplete()),
        Some(_) => return Err(reader.bad("an opening bracket")),
    }
    reader.enter(close)?;
    let mut given = Given::default();
    let mut next = reader.first()?;
    while next == Next::Item {
        next = reader.argument(&mut given)?;
    }
    let Given { positional, keyword, mut sources, keyword_sources } = given;
    sources.extend(keyword_sources);
    let (end, doubtful, fixes) = (reader.at, reader.doubtful, reader.fixes.done());
    Ok(CallExpr { name, name_span, positional, keyword, sources, end, fixes, doubtful })
}

/// The arguments so far.
#[derive(Debug, Default)]
struct Given {
    positional: Vec<Value>,
    keyword: Vec<(String, Value)>,
    sources: Vec<Range<usize>>,
    keyword_sources: Vec<Range<usize>>,
}

impl Reader<'_> {
    fn call_name(&mut self) -> Read<(String, Range<usize>)> {
        if !self.text.is_char_boundary(self.at) {
            return Err(self.bad("a name"));
        }
        let quote = usize::from(matches!(self.peek(), Some(b'"' | b'\'' | b'`')));
        let start = self.at + quote;
        let Some(span) = literal::name(self.text, start) else {
            return Err(if start >= self.text.len() { self.incomplete() } else { self.bad("a name") });
        };
        let written = &self.text[span.clone()];
        if written.contains('\\') {
            self.fix(FixKind::Escape, span.clone());
        }
        if quote == 1 {
            match self.byte(span.end) {
                closing if closing == self.peek() => self.fix(FixKind::Quotes, self.at..span.end + 1),
                None => return Err(self.incomplete()),
                Some(_) => return Err(self.bad("a quoted name")),
            }
        }
        self.at = span.end + quote;
        Ok((literal::unescaped(written).into_owned(), span))
    }

    /// One argument and what comes after it.
    fn argument(&mut self, given: &mut Given) -> Read<Next> {
        let start = self.at;
        if self.rest().starts_with("**") {
            self.at += 2;
            self.space()?;
            let Value::Object(map) = self.value(Place::Positional)? else { return Err(self.bad("a dict")) };
            self.fix(FixKind::Shape, start..self.at);
            given.keyword_sources.extend(map.iter().map(|_| start..self.at));
            given.keyword.extend(map);
            return self.next(Place::Positional);
        }
        let Some(name) = self.argument_name()? else {
            // Behind a named argument, a string without a name is more likely a part of the one before.
            if !given.keyword.is_empty() && matches!(self.peek(), Some(b'"' | b'\'')) {
                return Err(self.bad("a named argument"));
            }
            given.positional.push(self.value(Place::Positional)?);
            given.sources.push(start..self.at);
            return self.next(Place::Positional);
        };
        self.space()?;
        let start = self.at;
        given.keyword.push((name, self.value(Place::Keyword)?));
        given.keyword_sources.push(start..self.at);
        self.next(Place::Keyword)
    }

    /// Python's `dict(a=1, b='x')`.
    pub(super) fn dict(&mut self, place: Place) -> Read<Value> {
        let mark = self.mark();
        self.at += "dict".len();
        self.enter(b')')?;
        let mut given = Given::default();
        let mut next = self.first()?;
        while next == Next::Item {
            next = self.argument(&mut given)?;
        }
        match given.positional.pop() {
            None => Ok(Value::Object(given.keyword.into_iter().collect())),
            Some(Value::Object(only)) if given.positional.is_empty() && given.keyword.is_empty() => {
                Ok(Value::Object(only))
            }
            Some(_) => {
                self.back_to(mark);
                self.bare(place)
            }
        }
    }

    /// The argument's name with its `=` or `:`; the cursor stays where it is if there is none.
    fn argument_name(&mut self) -> Read<Option<String>> {
        let mark = self.mark();
        let start = self.at;
        let name = if let Some(name) = self.string(Place::Key)? {
            // Quotes that are at home around a value are not around a name.
            if !self.fixes.ends_with(FixKind::Quotes, start..self.at) {
                self.fix(FixKind::Quotes, start..self.at);
            }
            name
        } else {
            let Some(name) = self.key_word(self.rest()) else { return Ok(None) };
            self.at += name.len();
            literal::unescaped(name).into_owned()
        };
        self.space()?;
        let native = if self.home == Home::Braces { b':' } else { b'=' };
        match (self.peek(), self.byte(self.at + 1)) {
            (Some(b'='), next) if next != Some(b'=') => {}
            (Some(b':'), next) if next != Some(b':') => {}
            _ => {
                self.back_to(mark);
                return Ok(None);
            }
        }
        if self.peek() != Some(native) {
            self.fix(FixKind::Separator, self.at..self.at + 1);
        }
        self.at += 1;
        Ok(Some(name))
    }
}
