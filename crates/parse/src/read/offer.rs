//! The tools as the formats see them: names and parameters, no schema to check.

use serde_json::Value;

use super::parser::Parser;
use super::prose;
use crate::chat::Arguments;
use crate::check::{Level, ToolSet};
use crate::format::{Offered, Unknown};
use crate::schema::View;

/// The tools as the formats see them.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnOffer<'a> {
    pub(super) tools: &'a ToolSet,
    pub(super) level: Level,
    /// There are no tools, and any name may be one.
    pub(super) unchecked: bool,
}

impl Parser {
    /// The same parser; where there are no tools it reads calls as they stand, each with the fix `unchecked`, as
    /// [`Parser::auto`] does.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.unchecked = self.tools.is_empty();
        self
    }
}

impl Offered for OnOffer<'_> {
    fn knows(&self, name: &str) -> bool {
        self.unchecked || self.tools.schema(name).is_some()
    }

    fn resolves(&self, name: &str) -> bool {
        self.unchecked || self.tools.index(name, self.level).is_some()
    }

    fn parameter(&self, name: &str, parameter: &str) -> Option<View<'_>> {
        let index = self.tools.index(name, self.level)?;
        self.tools.parameter(&self.tools.tools()[index].name, parameter)
    }

    fn parameters(&self, name: &str) -> Vec<&str> {
        self.tools.parameters(name).collect()
    }

    fn denies(&self, before: &str) -> bool {
        prose::denies(before, true)
    }

    fn positional(&self, name: &str, values: Vec<Value>) -> Arguments {
        if self.unchecked {
            return Unknown.positional(name, values);
        }
        let index = self.tools.index(name, self.level);
        let name = index.map_or(name, |index| &self.tools.tools()[index].name);
        self.tools.positional(name, values)
    }
}
