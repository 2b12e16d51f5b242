//! How alternatives are told apart.
//!
//! `oneOf` is rarely more than `anyOf` in words: the alternatives differ by type, by a constant, or by what they require.
//! Where that can be seen, holding a value to one of them is holding it to one only.

use serde_json::Value;

use super::facts::same;
use super::kind::{Apart, Either, Kind, Node, Objects};
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
        let objects: Option<Vec<&Objects>> = nodes
            .iter()
            .map(|node| match &node.kind {
                Kind::Object(objects) => Some(objects),
                _ => None,
            })
            .collect();
        let Some(objects) = objects else { return Apart::Unclear };
        if let Some(tag) =
            objects.first().and_then(|first| first.members.iter().find(|member| self.is_tag(&member.key, &objects)))
        {
            return Apart::Tag(tag.key.clone());
        }
        let own_key = |one: &&Objects| {
            let mut required = one.members.iter().filter(|member| member.required);
            required.any(|member| {
                objects
                    .iter()
                    .filter(|other| !std::ptr::eq(**other, *one))
                    .all(|other| other.member(&member.key).is_none())
            })
        };
        if objects.iter().all(own_key) { Apart::Keys } else { Apart::Unclear }
    }

    /// Whether all of these require this member, with constants that differ.
    fn is_tag(&self, key: &str, objects: &[&Objects]) -> bool {
        let values: Option<Vec<&Vec<Value>>> = objects
            .iter()
            .map(|object| match &self.follow(&object.member(key).filter(|member| member.required)?.node).kind {
                Kind::Constants(values) => Some(values),
                _ => None,
            })
            .collect();
        values.is_some_and(|values| each_pair(&values, |one, other| !have_one_in_common(one, other)))
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

fn have_one_in_common(one: &[Value], other: &[Value]) -> bool {
    one.iter().any(|value| other.iter().any(|other| same(value, other)))
}

fn each_pair<T>(items: &[T], holds: impl Fn(&T, &T) -> bool) -> bool {
    items.iter().enumerate().all(|(index, one)| items[..index].iter().all(|other| holds(one, other)))
}
