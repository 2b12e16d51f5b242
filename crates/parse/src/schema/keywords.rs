//! The keywords of JSON Schema, and what the value of each has to be.
//!
//! One table for all drafts, after old spellings were rewritten. A name that is neither here nor among the annotations
//! says nothing to anyone, by the standard's own rule. It must not know what keywords mean.

use serde_json::{Map, Value};

/// What the value of a keyword has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One schema.
    Schema,
    /// A list of schemas, not empty.
    Schemas,
    /// Schemas by name.
    SchemaMap,
    /// Schemas by regular expression.
    PatternMap,
    /// A whole number, not negative.
    Count,
    /// A number.
    Number,
    /// A number above 0.
    Step,
    /// A regular expression.
    Pattern,
    /// Text.
    Text,
    /// A boolean.
    Flag,
    /// Names, each once.
    Names,
    /// Lists of names, by name.
    NameLists,
    /// A list of values, not empty.
    Values,
    /// A type's name, or several.
    Type,
    /// Anything.
    Any,
}

/// What the keyword's value must be, or `None` if the keyword does not constrain values.
pub(super) fn shape(keyword: &str) -> Option<Shape> {
    Some(match keyword {
        "items"
        | "additionalProperties"
        | "contains"
        | "not"
        | "if"
        | "then"
        | "else"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Shape::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Shape::Schemas,
        "properties" | "$defs" | "definitions" | "dependentSchemas" => Shape::SchemaMap,
        "patternProperties" => Shape::PatternMap,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains"
        | "maxContains" => Shape::Count,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => Shape::Number,
        "multipleOf" => Shape::Step,
        "pattern" => Shape::Pattern,
        "format" | "$ref" => Shape::Text,
        "uniqueItems" => Shape::Flag,
        "required" => Shape::Names,
        "dependentRequired" => Shape::NameLists,
        "enum" => Shape::Values,
        "type" => Shape::Type,
        "const" => Shape::Any,
        _ => return None,
    })
}

/// Names that describe and do not constrain: the standard's, those of `OpenAPI`, and what tools for forms, generators and
/// editors add.
const ANNOTATIONS: [&str; 59] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$comment",
    "$vocabulary",
    "id",
    "title",
    "description",
    "default",
    "defaults",
    "example",
    "examples",
    "deprecated",
    "deprecationMessage",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "discriminator",
    "externalDocs",
    "xml",
    "strict",
    "name",
    "names",
    "label",
    "labels",
    "hint",
    "help",
    "placeholder",
    "order",
    "propertyOrder",
    "propertyOrdering",
    "group",
    "unit",
    "units",
    "version",
    "icon",
    "tags",
    "meta",
    "metadata",
    "annotations",
    "comment",
    "comments",
    "note",
    "notes",
    "enumNames",
    "enumDescriptions",
    "enumItemLabels",
    "markdownDescription",
    "markdownEnumDescriptions",
    "defaultSnippets",
    "doNotSuggest",
    "tsType",
    "scope",
    "optional",
    "sensitive",
];

/// Whether the keyword is known to describe and not to constrain.
pub(super) fn is_annotation(keyword: &str) -> bool {
    let own = ["x-", "x_", "ui:", "@", "_"].iter().any(|prefix| keyword.starts_with(prefix));
    own || ANNOTATIONS.contains(&keyword)
}

/// What stands in a keyword's value, for who reads a schema as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holds {
    /// A schema, or several in a list.
    Schemas,
    /// Schemas by names, which are the author's own.
    SchemasByName,
    /// Names of types.
    Types,
    /// Anything else.
    Data,
}

/// What stands in the value of a keyword, constraint or annotation, of whatever draft; `None` if it is no keyword known
/// here.
///
/// ```
/// use callwright_parse::schema::{Holds, holds};
/// assert_eq!((holds("items"), holds("properties")), (Some(Holds::Schemas), Some(Holds::SchemasByName)));
/// assert_eq!((holds("title"), holds("city")), (Some(Holds::Data), None));
/// ```
#[must_use]
pub fn holds(keyword: &str) -> Option<Holds> {
    match shape(keyword) {
        Some(Shape::Schema | Shape::Schemas) => Some(Holds::Schemas),
        Some(Shape::SchemaMap | Shape::PatternMap) => Some(Holds::SchemasByName),
        Some(Shape::Type) => Some(Holds::Types),
        Some(_) => Some(Holds::Data),
        None if OLDEN.contains(&keyword) || ANNOTATIONS.contains(&keyword) => Some(Holds::Data),
        None => None,
    }
}

/// Constraints of older drafts and of `OpenAPI` whose values are no schemas.
const OLDEN: [&str; 3] = ["nullable", "$dynamicRef", "$recursiveRef"];

/// Whether a keyword constrains the value at its own place: neither an annotation nor a place for definitions.
pub(super) fn constrains(keyword: &str) -> bool {
    !matches!(keyword, "$defs" | "definitions") && shape(keyword).is_some()
}

/// What the schemas of a keyword apply to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The value itself.
    Value,
    /// The member with the schema's name.
    Named,
    /// Members, whatever their names.
    Members,
    /// The item at the schema's place.
    FirstItems,
    /// Items, wherever they stand.
    Items,
}

/// What the keyword's schemas apply to; `None` where it has none, or where they apply to no part of a value.
pub(super) fn reach(keyword: &str) -> Option<Reach> {
    Some(match keyword {
        "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" => Reach::Value,
        "properties" => Reach::Named,
        "additionalProperties" | "patternProperties" | "unevaluatedProperties" => Reach::Members,
        "prefixItems" => Reach::FirstItems,
        "items" | "contains" | "unevaluatedItems" => Reach::Items,
        _ => return None,
    })
}

/// The schemas in a keyword's value, with their names where they have any.
pub(super) fn inner_of<'s>(keyword: &str, value: &'s Value) -> Vec<(Option<&'s str>, &'s Value)> {
    match (shape(keyword), value) {
        (Some(Shape::Schema), schema) => vec![(None, schema)],
        (Some(Shape::Schemas), Value::Array(schemas)) => schemas.iter().map(|schema| (None, schema)).collect(),
        (Some(Shape::SchemaMap | Shape::PatternMap), Value::Object(schemas)) => {
            schemas.iter().map(|(name, schema)| (Some(name.as_str()), schema)).collect()
        }
        _ => Vec::new(),
    }
}

/// The schemas inside a schema, each with its way from there.
pub(super) fn inner(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (key, value) in map {
        let listed = matches!(shape(key), Some(Shape::Schemas));
        for (index, (name, schema)) in inner_of(key, value).into_iter().enumerate() {
            let way = match name {
                Some(name) => format!("{}{}", step(key), step(name)),
                None if listed => format!("{}/{index}", step(key)),
                None => step(key),
            };
            found.push((way, schema));
        }
    }
    found
}

/// One step of a JSON pointer.
pub(super) fn step(name: &str) -> String {
    if name.contains(['~', '/']) {
        format!("/{}", name.replace('~', "~0").replace('/', "~1"))
    } else {
        format!("/{name}")
    }
}
