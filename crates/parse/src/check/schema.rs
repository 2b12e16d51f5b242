//! One tool's schema, ready to check with.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

use super::validate::short;
use crate::error::{Error, ErrorKind, Result};
use crate::schema::{self, Member, Schema, View};

/// A schema, ready to check with.
#[derive(Debug)]
pub(super) struct Compiled {
    /// The tool's name.
    pub(super) name: String,
    schema: Arc<Schema>,
    pub(super) validator: Validator,
}

impl Compiled {
    pub(super) fn new(tool: &str, given: &Value) -> Result<Self> {
        let refused = |why: &str| {
            Error::new(ErrorKind::Schema, format!("the schema of tool `{tool}` cannot be used: {why}"))
                .hint("a schema looks like {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}")
        };
        let schema = Schema::of_tool(given).map_err(|error| refused(&error.to_string()))?;
        let built = schema::matching().build(schema.json());
        let validator = built.map_err(|error| refused(&short(&format!("at `{}`, {error}", error.instance_path()))))?;
        Ok(Self { name: tool.to_owned(), schema: Arc::new(schema), validator })
    }

    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The parameters, in the schema's order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.schema.members().iter().map(|member| member.key.as_str())
    }

    pub(super) fn parameter(&self, name: &str) -> Option<View<'_>> {
        let member = self.schema.members().iter().find(|member| member.key == name)?;
        Some(View::at(&self.schema, &member.node))
    }

    pub(super) fn requires_any(&self) -> bool {
        self.schema.members().iter().any(|member: &Member| member.required)
    }
}
