//! How alternatives are told apart.
//!
//! `oneOf` is rarely more than `anyOf` in words: the alternatives differ by type, by a constant, or by what they require.
//! Where that can be seen, holding a value to one of them is holding it to one only.

use serde_json::Value;

use super::facts::same;
use super::kind::{Apart, Either, Kind, Member, Node, Objects};
use super::types::Types;
use super::{Schema, View};

impl Schema {
    /// How the alternatives are told apart.
    #[must_use]
    pub fn apart(&self, either: &Either) -> Apart {
        let nodes: Vec<&Node> = either.of.iter().map(|node| self.follow(node)).collect();
        if each_pair(&nodes, |one, other| self.no_value_is_of_both(one, other)) {
            return Apart::Values;
        }
        let all: Option<Vec<&Objects>> = nodes.iter().map(|node| objects(node)).collect();
        let tag = all.as_ref().and_then(|objects| {
            objects.first()?.members.iter().find(|member| self.is_tag(&member.key, objects)).map(|tag| tag.key.clone())
        });
        if let Some(tag) = tag {
            return Apart::Tag(tag);
        }
        let told = |one: &&Node, other: &&Node| {
            let both = || Some((objects(one)?, objects(other)?));
            self.no_value_is_of_both(one, other) || both().is_some_and(|(one, other)| self.differ(one, other))
        };
        if each_pair(&nodes, told) { Apart::Keys } else { Apart::Unclear }
    }

    /// Whether all of these require this member, with constants that differ.
    fn is_tag(&self, key: &str, objects: &[&Objects]) -> bool {
        let values: Option<Vec<&Vec<Value>>> =
            objects.iter().map(|object| self.constants(object.member(key).filter(|member| member.required)?)).collect();
        values.is_some_and(|values| each_pair(&values, |one, other| !have_one_in_common(one, other)))
    }

    fn constants<'s>(&'s self, member: &'s Member) -> Option<&'s Vec<Value>> {
        match &self.follow(&member.node).kind {
            Kind::Constants(values) => Some(values),
            _ => None,
        }
    }

    /// Whether no object with listed members alone is of both.
    fn differ(&self, one: &Objects, other: &Objects) -> bool {
        let own = |one: &Objects, other: &Objects| {
            let unlisted = |member: &&Member| member.required && other.member(&member.key).is_none();
            other.lists_all() && one.members.iter().any(|member| unlisted(&member))
        };
        let tagged = |member: &Member| {
            let both = other.member(&member.key).filter(|other| other.required && member.required);
            both.is_some_and(|other| self.no_value_is_of_both(self.follow(&member.node), self.follow(&other.node)))
        };
        own(one, other) && own(other, one) || one.members.iter().any(tagged)
    }

    fn no_value_is_of_both(&self, one: &Node, other: &Node) -> bool {
        if let (Kind::Constants(one), Kind::Constants(other)) = (&one.kind, &other.kind) {
            return !have_one_in_common(one, other);
        }
        let (one, other) = (View::at(self, one).types(), View::at(self, other).types());
        let numbers = |types: Types| types.and(Types::NUMBER).is_said();
        // `5.0` is an integer, too.
        let common = one.and(other).is_said() || numbers(one) && numbers(other);
        one.is_said() && other.is_said() && !common
    }
}

fn objects(node: &Node) -> Option<&Objects> {
    match &node.kind {
        Kind::Object(objects) => Some(objects),
        _ => None,
    }
}

fn have_one_in_common(one: &[Value], other: &[Value]) -> bool {
    one.iter().any(|value| other.iter().any(|other| same(value, other)))
}

fn each_pair<T>(items: &[T], holds: impl Fn(&T, &T) -> bool) -> bool {
    items.iter().enumerate().all(|(index, one)| items[..index].iter().all(|other| holds(one, other)))
}
