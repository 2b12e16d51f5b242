//! A tool's JSON Schema, typed: made once, for all who ask what a value may be.
//!
//! Three steps lead here. `mend` makes valid JSON Schema 2020-12 of what people write, `refs` makes every reference a
//! pointer that leads somewhere, and `build` makes the tree of [`Node`]s. What was corrected or left out on the way is
//! told as values, once each. So a visitor meets no odd spelling, no old draft and no loose end, and it walks this tree and
//! no JSON. It must not know values, calls or formats of calls.

mod apart;
mod applied;
mod build;
mod facts;
mod finish;
mod format;
mod keywords;
mod kind;
mod mend;
mod olden;
mod view;
mod refs;
mod told;
mod type_names;
mod types;

use jsonschema::{FancyRegex, PatternOptions, ValidationOptions};
use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
pub(crate) use applied::Applied;
use build::Builder;
use facts::Spot;
pub use format::StringFormat;
pub use keywords::{Holds, holds};
pub use kind::{Apart, Arrays, Bound, Contains, Either, Kind, Member, Node, Numbers, Objects, Others, Strings};
use mend::Mending;
pub use told::{Degree, Told};
pub use types::Types;
pub use view::View;

/// A typed schema.
///
/// ```
/// use callwright_parse::schema::{Kind, Schema};
/// use serde_json::json;
/// let schema = Schema::of_tool(&json!({"properties": {"days": {"type": "int", "minimum": 1}}, "required": ["days"]}))?;
/// let Kind::Object(object) = &schema.root().kind else { unreachable!("a tool's arguments are an object") };
/// let days = &object.members[0];
/// assert!(days.required && matches!(&days.node.kind, Kind::Number(numbers) if numbers.integer));
/// assert_eq!(schema.told()[0].to_string(), "`type` of /properties/days is corrected: `int` read as \"integer\"");
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    root: Node,
    named: Vec<Node>,
    /// The parameters, where alternatives have them.
    gathered: Vec<Member>,
    json: Value,
    told: Vec<Told>,
    applied: Option<Applied>,
}

impl Schema {
    /// A schema for any value.
    pub(crate) const ANY: Self = Self {
        root: Node::ANY,
        named: Vec::new(),
        gathered: Vec::new(),
        json: Value::Bool(true),
        told: Vec::new(),
        applied: None,
    };

    /// The schema of a tool's arguments: always of an object. Only what is no schema of an object at all is refused.
    pub fn of_tool(given: &Value) -> Result<Self> {
        let refused = |why: &str| {
            Error::new(ErrorKind::Schema, why.to_owned())
                .hint("a schema looks like {\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}")
        };
        let mut mending = Mending::default();
        let map = match given {
            Value::Null | Value::Bool(true) => Map::new(),
            Value::Object(map) => map.clone(),
            _ => return Err(refused("a schema must be an object")),
        };
        let mut json = Value::Object(map);
        mending.schema(&mut json, "", "parameters", 0);
        if !as_object(&mut json) {
            return Err(refused("the type of a tool's parameters must be `object`"));
        }
        let made = Self::made(json, mending)?;
        if made.root.is_nothing() || !View::of(&made).types().has(Types::OBJECT) && View::of(&made).types().is_said() {
            return Err(refused("it allows no object, so no call can satisfy it"));
        }
        Ok(made)
    }

    /// The schema of any value.
    pub fn of_value(given: &Value) -> Result<Self> {
        let mut mending = Mending::default();
        let mut json = given.clone();
        mending.schema(&mut json, "", "schema", 0);
        Self::made(json, mending)
    }

    fn made(mut json: Value, mut mending: Mending) -> Result<Self> {
        refs::resolve_all(&mut json, &mut mending).map_err(|refs::TooWide| {
            Error::new(ErrorKind::Schema, "its references expand to more than can be checked")
        })?;
        let mut builder = Builder::new(&json);
        let root = builder.node(&[Spot { place: String::new(), schema: &json }], 0);
        let named = builder.named;
        let applied = Applied::of(&json);
        let mut made = Self { root, named, gathered: Vec::new(), told: mending.told, json, applied };
        made.gathered = view::gathered(&made);
        Ok(made)
    }

    /// The node for the whole value.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The node that [`Kind::Reference`] has this number of.
    #[must_use]
    pub fn named(&self, number: usize) -> &Node {
        const ANY: &Node = &Node::ANY;
        self.named.get(number).unwrap_or(ANY)
    }

    /// How many nodes are referred to.
    #[must_use]
    pub fn names(&self) -> usize {
        self.named.len()
    }

    /// The node itself, or the one that it refers to.
    #[must_use]
    pub fn follow<'s>(&'s self, mut node: &'s Node) -> &'s Node {
        // References that apply to one value never lead in circles.
        while let Kind::Reference(number) = &node.kind {
            node = self.named(*number);
        }
        node
    }

    /// The parameters of a tool, in the schema's order: the members of the whole object, or of its alternatives, where
    /// one of several names has the kinds of all.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        match &self.follow(&self.root).kind {
            Kind::Object(objects) => &objects.members,
            _ => &self.gathered,
        }
    }

    /// Which of its parts a check looks at, where references may make that more than it has parts.
    pub(crate) fn applied(&self) -> Option<&Applied> {
        self.applied.as_ref()
    }

    /// The schema as JSON Schema 2020-12: corrected, and with nothing in it that cannot be checked but annotations.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// What was corrected or is not kept to, once each.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        &self.told
    }
}

/// Makes the schema one of objects, if it may be.
fn as_object(schema: &mut Value) -> bool {
    let Value::Object(map) = schema else { return false };
    let combined = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| map.contains_key(*key));
    match map.get("type") {
        None if combined => {}
        None => drop(map.insert("type".to_owned(), json!("object"))),
        Some(Value::String(name)) if name == "object" => {}
        // Optional as a whole: null is read as no arguments.
        Some(Value::Array(names)) if names.contains(&json!("object")) => {
            drop(map.insert("type".to_owned(), json!("object")));
        }
        Some(_) => return false,
    }
    if !combined && !map.contains_key("properties") {
        map.insert("properties".to_owned(), json!({}));
    }
    true
}

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 1 << 20;

/// Steps back that matching one pattern with lookaround or back references may take. What is regular takes none.
const STEPS_BACK: usize = 100_000;

/// How values are checked.
pub(crate) fn matching() -> ValidationOptions<'static> {
    let patterns: PatternOptions<FancyRegex> =
        PatternOptions::fancy_regex().backtrack_limit(STEPS_BACK).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE);
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
}
