//! Which parts of a schema a check looks at for one value, and for what is inside it.
//!
//! The typed tree merges what applies to one value, so it cannot say how often the validator, which merges nothing, looks.
//! Recursion through alternatives doubles that with each level of a value. This is what is needed to count it, made only
//! where there are references: without them no part applies more often than it stands there. It must not know values.

use std::collections::HashMap;

use serde_json::Value;

use super::keywords::{Reach, inner_of, reach};
use super::refs::resolve;

/// The parts of a schema, by number; the first one is the whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Applied {
    parts: Vec<Part>,
}

/// What one part says of a value, by the numbers of other parts.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Part {
    /// Parts for the same value.
    same: Vec<usize>,
    /// Parts for members, by their names.
    named: HashMap<String, usize>,
    /// Parts for members whatever their names.
    members: Vec<usize>,
    /// Parts for the first items, in their order.
    first: Vec<usize>,
    /// Parts for all items.
    items: Vec<usize>,
}

impl Applied {
    /// The parts of a resolved schema; none where it has no references.
    pub(super) fn of<'s>(root: &'s Value) -> Option<Self> {
        // The document is not changed meanwhile, so that an address tells one of its parts.
        let mut numbers: HashMap<*const Value, usize> = HashMap::from([(std::ptr::from_ref(root), 0)]);
        let (mut open, mut refers) = (vec![root], false);
        let mut parts: Vec<Part> = Vec::new();
        while let Some(schema) = open.get(parts.len()).copied() {
            let mut number = |schema: &'s Value| -> usize {
                let next = open.len();
                let number = *numbers.entry(std::ptr::from_ref(schema)).or_insert(next);
                if number == next {
                    open.push(schema);
                }
                number
            };
            let mut part = Part::default();
            let map = schema.as_object();
            if let Some(target) = map.and_then(|map| map.get("$ref")).and_then(Value::as_str) {
                refers = true;
                part.same.extend(resolve(target, root).map(&mut number));
            }
            for (keyword, value) in map.into_iter().flatten() {
                let Some(reach) = reach(keyword) else { continue };
                for (name, inner) in inner_of(keyword, value) {
                    let inner = number(inner);
                    match (reach, name) {
                        (Reach::Value, _) => part.same.push(inner),
                        (Reach::Named, Some(name)) => drop(part.named.insert(name.to_owned(), inner)),
                        (Reach::Named, None) => {}
                        (Reach::Members, _) => part.members.push(inner),
                        (Reach::FirstItems, _) => part.first.push(inner),
                        (Reach::Items, _) => part.items.push(inner),
                    }
                }
            }
            parts.push(part);
        }
        refers.then_some(Self { parts })
    }

    /// The part with this number.
    pub(crate) fn part(&self, number: usize) -> Option<&Part> {
        self.parts.get(number)
    }
}

impl Part {
    /// Parts for the same value.
    pub(crate) fn same(&self) -> &[usize] {
        &self.same
    }

    /// Parts for the member with this name.
    pub(crate) fn of_member(&self, name: &str) -> impl Iterator<Item = usize> {
        self.named.get(name).into_iter().chain(&self.members).copied()
    }

    /// Parts for the item at this index.
    pub(crate) fn of_item(&self, index: usize) -> impl Iterator<Item = usize> {
        self.first.get(index).into_iter().chain(&self.items).copied()
    }
}
