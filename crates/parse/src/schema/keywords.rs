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

/// Whether a keyword constrains the value at its own place: neither an annotation nor a place for definitions.
pub(super) fn constrains(keyword: &str) -> bool {
    !matches!(keyword, "$defs" | "definitions") && shape(keyword).is_some()
}

/// The schemas inside a schema, each with its way from there.
pub(super) fn inner(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (key, value) in map {
        match (shape(key), value) {
            (Some(Shape::Schema), schema) => found.push((step(key), schema)),
            (Some(Shape::Schemas), Value::Array(schemas)) => {
                let steps =
                    schemas.iter().enumerate().map(|(index, schema)| (format!("{}/{index}", step(key)), schema));
                found.extend(steps);
            }
            (Some(Shape::SchemaMap | Shape::PatternMap), Value::Object(schemas)) => {
                let steps = schemas.iter().map(|(name, schema)| (format!("{}{}", step(key), step(name)), schema));
                found.extend(steps);
            }
            _ => {}
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
