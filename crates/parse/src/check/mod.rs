//! Values against the tools' schemas: names, lossless coercion, validation.
//!
//! Schemas are normalised and compiled once, in [`ToolSet::compile`]; a check then costs microseconds. What can be read
//! in only one way is put right and told as a [`Fix`]; everything else is a [`Fault`]. To guess instead, as some peers
//! do, would execute what nobody said. No network, no files: a remote `$ref` is refused when the tools are compiled.
//! It knows no format and no model.

mod coerce;
mod convert;
mod cost;
mod names;
mod schema;
mod unwrap;
mod validate;

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::chat::{Arguments, Fault, Fix, FixKind, Tool};
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{Schema, Told, View};

pub use names::Found;
use names::Names;
pub(crate) use names::fold;
use schema::Compiled;

/// How much is put right before it counts as a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Nothing: names to the letter, values as they are.
    Strict,
    /// What has one reading.
    #[default]
    Standard,
    /// Also the one offered tool whose name is near.
    Lenient,
}

/// The tools of a request with their schemas, normalised and compiled.
///
/// ```
/// use callwright_parse::chat::Tool;
/// use callwright_parse::check::{Level, ToolSet};
/// use serde_json::json;
/// let schema = json!({"properties": {"city": {"type": "str"}, "days": {"type": "int"}}, "required": ["city"]});
/// let tools = ToolSet::compile(&[Tool::new("get_weather", "", schema)])?;
/// let checked = tools.check("get-weather", json!({"city": "Oslo", "days": "3"}), Level::Standard, 0..50, 0);
/// assert_eq!((checked.name.as_str(), &checked.arguments["days"]), ("get_weather", &json!(3)));
/// assert_eq!((checked.fixes.len(), checked.faults.len()), (2, 0));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ToolSet {
    tools: Vec<Tool>,
    compiled: Vec<Compiled>,
    refused: Vec<Refused>,
    names: Names,
}

/// A tool that is not offered because its schema is not valid.
#[derive(Debug)]
pub struct Refused {
    /// Its name.
    pub tool: String,
    /// Why.
    pub error: Error,
}

/// A call after the check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The tool's name as the tool list has it, or as the model wrote it if there is none.
    pub name: String,
    /// The arguments, put right where that was possible.
    pub arguments: Arguments,
    /// What was put right.
    pub fixes: Vec<Fix>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Where a call is, for its fixes and faults.
#[derive(Debug, Clone)]
struct Where {
    at: Range<usize>,
    call: usize,
}

impl Where {
    fn fix(&self, kind: FixKind, note: Option<String>) -> Fix {
        Fix { kind, span: self.at.clone(), call: Some(self.call), note }
    }
}

impl ToolSet {
    /// Compiles the tools' schemas. A tool whose schema is not valid is left out and listed in [`refused`](Self::refused). It
    /// is an error if no tool is left, or if two have the same name.
    pub fn compile(tools: &[Tool]) -> Result<Self> {
        let mut set = Self::default();
        for tool in tools {
            if let Err(error) = set.add(tool)? {
                set.refused.push(Refused { tool: tool.name.clone(), error });
            }
        }
        if set.tools.is_empty() && !set.refused.is_empty() {
            return Err(set.refused.swap_remove(0).error);
        }
        Ok(set)
    }

    /// Like [`compile`](Self::compile), but any schema that is not valid is an error.
    pub fn compile_strict(tools: &[Tool]) -> Result<Self> {
        let mut set = Self::default();
        for tool in tools {
            set.add(tool)??;
        }
        Ok(set)
    }

    /// Adds one tool. The inner error is of its schema alone.
    fn add(&mut self, tool: &Tool) -> Result<Result<()>> {
        if tool.name.is_empty() {
            let number = self.tools.len() + self.refused.len() + 1;
            return Err(Error::new(ErrorKind::Input, format!("tool {number} has no name")));
        }
        if self.names.exact(&tool.name).is_some() {
            let message = format!("two tools have the name `{}`", tool.name);
            return Err(Error::new(ErrorKind::Input, message).hint("tool names must be unique"));
        }
        let compiled = match Compiled::new(&tool.name, &tool.parameters) {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(error)),
        };
        self.names.add(&tool.name, self.tools.len());
        self.tools.push(tool.clone());
        self.compiled.push(compiled);
        Ok(Ok(()))
    }

    /// The tools as they were given, but for those refused.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Whether there is no tool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The schema of the tool with exactly this name.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&Arc<Schema>> {
        Some(self.compiled(name)?.schema())
    }

    /// The place of one parameter in that tool's schema.
    #[must_use]
    pub fn parameter(&self, name: &str, parameter: &str) -> Option<View<'_>> {
        self.compiled(name)?.parameter(parameter)
    }

    /// What was corrected in the tools' schemas or is not kept to, with the tool's name.
    pub fn told(&self) -> impl Iterator<Item = (&str, &Told)> {
        self.compiled
            .iter()
            .flat_map(|compiled| compiled.schema().told().iter().map(|told| (compiled.name.as_str(), told)))
    }

    /// The tools that were left out because their schemas are not valid, each with the reason.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The parameters of the tool with exactly this name, in the schema's order.
    pub fn parameters(&self, name: &str) -> impl Iterator<Item = &str> {
        self.compiled(name).into_iter().flat_map(Compiled::parameters)
    }

    fn compiled(&self, name: &str) -> Option<&Compiled> {
        self.names.exact(name).and_then(|index| self.compiled.get(index))
    }

    /// Which tool a name means.
    #[must_use]
    pub fn find(&self, name: &str, level: Level) -> Found {
        self.names.find(name, level)
    }

    /// The index of the tool that a name means.
    #[must_use]
    pub fn index(&self, name: &str, level: Level) -> Option<usize> {
        self.names.index(name, level)
    }

    /// Checks one call: name, coercion, schema. `at` is the call's place in the raw text, `call` its index.
    #[must_use]
    pub fn check(&self, name: &str, arguments: Value, level: Level, at: Range<usize>, call: usize) -> Checked {
        self.check_from(name, arguments, level, &Where { at, call }, &|_| None)
    }

    /// As [`check`](Self::check), with the text that each top-level argument was read from: where the schema wants a
    /// string, a value of another type is that text to the letter (`1.10`, `02134`, `foo()`).
    #[must_use]
    pub fn check_with_sources<'s>(
        &self,
        name: &str,
        arguments: Value,
        level: Level,
        at: Range<usize>,
        call: usize,
        source: &dyn Fn(&str) -> Option<&'s str>,
    ) -> Checked {
        self.check_from(name, arguments, level, &Where { at, call }, source)
    }

    fn check_from<'s>(
        &self,
        name: &str,
        arguments: Value,
        level: Level,
        place: &Where,
        source: &dyn Fn(&str) -> Option<&'s str>,
    ) -> Checked {
        let mut fixes = Vec::new();
        let found = self.find(name, level);
        let tool = found.index().and_then(|index| Some((self.tools.get(index)?, self.compiled.get(index)?)));
        let Some((tool, compiled)) = tool else {
            let suggestions = if let Found::Unknown { suggestions } = found { suggestions } else { Vec::new() };
            let fault = Fault::UnknownTool { call: place.call, name: name.to_owned(), suggestions };
            let arguments = unwrap::object_or_empty(arguments);
            return Checked { name: name.to_owned(), arguments, fixes, faults: vec![fault] };
        };
        match found {
            Found::Folded(_) => fixes.push(place.fix(FixKind::Name, Some(format!("{name} -> {}", tool.name)))),
            Found::Near(_) => fixes.push(place.fix(FixKind::NearName, Some(format!("{name} -> {}", tool.name)))),
            Found::Exact(_) | Found::Unknown { .. } => {}
        }
        let (arguments, faults) = compiled.check(arguments, level, place, source, &mut fixes);
        Checked { name: tool.name.clone(), arguments, fixes, faults }
    }

    /// Arguments by position, named by the order of the tool's properties; one object whose keys are the tool's
    /// parameters is the arguments themselves. Surplus values get their position as a name (`"2"`), which no schema
    /// knows, so that the check reports them.
    #[must_use]
    pub fn positional(&self, name: &str, values: Vec<Value>) -> Arguments {
        let compiled = self.index(name, Level::Standard).and_then(|index| self.compiled.get(index));
        unwrap::by_position(compiled, values)
    }
}
