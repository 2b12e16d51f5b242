//! One place of a schema, together with the schema that its references lead into.
//!
//! It is what visitors carry about: two pointers, and the questions that all of them ask.

use super::Schema;
use super::kind::{Either, Kind, Member, Node, Objects, Others};
use super::types::Types;

/// A node and its schema.
#[derive(Debug, Clone, Copy)]
pub struct View<'s> {
    schema: &'s Schema,
    node: &'s Node,
}

/// Nested alternatives are followed this deep.
const NESTED: usize = 8;

impl<'s> View<'s> {
    /// A place that takes any value.
    pub const ANY: View<'static> = View { schema: &Schema::ANY, node: &Node::ANY };

    /// The whole of a schema.
    #[must_use]
    pub fn of(schema: &'s Schema) -> Self {
        Self::at(schema, &schema.root)
    }

    /// The place of this node in its schema; of what it refers to, where it is a reference.
    #[must_use]
    pub fn at(schema: &'s Schema, node: &'s Node) -> Self {
        Self { schema, node: schema.follow(node) }
    }

    /// Another place of the same schema.
    #[must_use]
    pub fn beside(self, node: &'s Node) -> Self {
        Self::at(self.schema, node)
    }

    /// What a value may be here; never a reference.
    #[must_use]
    pub fn kind(self) -> &'s Kind {
        &self.node.kind
    }

    /// The node.
    #[must_use]
    pub fn node(self) -> &'s Node {
        self.node
    }

    /// The schema.
    #[must_use]
    pub fn schema(self) -> &'s Schema {
        self.schema
    }

    /// The types that a value may be of; none where the schema does not say.
    #[must_use]
    pub fn types(self) -> Types {
        self.types_within(0)
    }

    fn types_within(self, depth: usize) -> Types {
        match self.kind() {
            Kind::Null => Types::NULL,
            Kind::Boolean => Types::BOOLEAN,
            Kind::Number(numbers) if numbers.integer => Types::INTEGER,
            Kind::Number(_) => Types::NUMBER,
            Kind::String(_) => Types::STRING,
            Kind::Array(_) => Types::LIST,
            Kind::Object(_) => Types::OBJECT,
            Kind::Constants(values) => values.iter().map(Types::of).fold(Types::NONE, Types::or),
            Kind::Either(either) if depth < NESTED => {
                let types = either.of.iter().map(|node| self.beside(node).types_within(depth + 1));
                let both = |one: Types, other: Types| {
                    if one.is_said() && other.is_said() { one.or(other) } else { Types::NONE }
                };
                types.reduce(both).unwrap_or(Types::NONE)
            }
            Kind::Any | Kind::Either(_) | Kind::Reference(_) => Types::NONE,
        }
    }

    /// The place itself, or, where it holds alternatives, each of them, those inside others too.
    #[must_use]
    pub fn alternatives(self) -> Vec<Self> {
        let mut leaves = Vec::new();
        self.gather(&mut leaves, 0);
        leaves
    }

    fn gather(self, leaves: &mut Vec<Self>, depth: usize) {
        match self.kind() {
            Kind::Either(either) if depth < NESTED => {
                either.of.iter().for_each(|node| self.beside(node).gather(leaves, depth + 1));
            }
            _ => leaves.push(self),
        }
    }

    /// What is said of objects here: of the whole, or of what stands beside its alternatives.
    #[must_use]
    pub fn object(self) -> Option<&'s Objects> {
        match self.kind() {
            Kind::Object(objects) => Some(objects),
            Kind::Either(Either { beside: Some(beside), .. }) => self.beside(beside).object(),
            _ => None,
        }
    }

    /// The member with this name, as far as an object lists it or says what others are.
    #[must_use]
    pub fn member(self, key: &str) -> Option<Self> {
        let Kind::Object(objects) = self.kind() else { return None };
        match (objects.member(key), &objects.others) {
            (Some(member), _) => Some(self.beside(&member.node)),
            (None, Others::Of(node)) => Some(self.beside(node)),
            _ => None,
        }
    }
}

/// The parameters of a schema whose whole is alternatives: each is required if all of them require it.
pub(super) fn gathered(schema: &Schema) -> Vec<Member> {
    let whole = View::of(schema);
    let Kind::Either(_) = whole.kind() else { return Vec::new() };
    let alternatives = whole.alternatives();
    let objects: Vec<&Objects> = alternatives.iter().filter_map(|view| view.object()).collect();
    let mut members: Vec<Member> = Vec::new();
    for member in objects.iter().flat_map(|objects| &objects.members) {
        match members.iter_mut().find(|known| known.key == member.key) {
            None => {
                let required = |objects: &&Objects| objects.member(&member.key).is_some_and(|member| member.required);
                members.push(Member { required: objects.iter().all(required), ..member.clone() });
            }
            Some(known) => widen(&mut known.node, &member.node),
        }
    }
    members
}

/// Makes one node accept what the other does as well.
fn widen(node: &mut Node, other: &Node) {
    let known = match &node.kind {
        Kind::Either(either) if either.beside.is_none() => either.of.iter().any(|one| one.kind == other.kind),
        kind => *kind == other.kind || *kind == Kind::Any,
    };
    if known || node.kind == other.kind {
        return;
    }
    if other.kind == Kind::Any {
        node.kind = Kind::Any;
        return;
    }
    let place = node.place.clone();
    let own = std::mem::replace(node, Node::ANY);
    let either = match own {
        Node { kind: Kind::Either(mut either), .. } if either.beside.is_none() && !either.exclusive => {
            either.of.push(other.clone());
            either
        }
        own => Either { of: vec![own, other.clone()], exclusive: false, beside: None },
    };
    *node = Node::new(Kind::Either(either), place);
}
