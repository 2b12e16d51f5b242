//! Tool names and call ids, to the wire and back.
//!
//! A name that the wire does not allow is mapped to one that it does, and mapped back in the reply. Ids of calls are made unique in a conversation, since a local model counts from 1 in each of its turns.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::CallIdRule;
use callwright_parse::chat::CallId;

/// The longest name that every provider takes.
const NAME: usize = 64;

/// The longest id that every provider takes.
const ID: usize = 40;

/// Tool names, ours and the wire's.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    wire: BTreeMap<String, String>,
    ours: BTreeMap<String, String>,
}

impl Names {
    /// A map for these names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let all: BTreeSet<&str> = names.collect();
        let mut map = Self::default();
        // Names that fit keep themselves, so that no other is turned into one of them.
        let (fit, rest): (Vec<&str>, Vec<&str>) = all.into_iter().partition(|name| fits(name));
        for name in fit {
            map.add(name, name.to_owned());
        }
        for name in rest {
            let tame = tamed(name);
            let free = if map.ours.contains_key(&tame) { format!("{tame}_{}", digest(name, 8)) } else { tame };
            map.add(name, free);
        }
        map
    }

    fn add(&mut self, ours: &str, wire: String) {
        self.ours.insert(wire.clone(), ours.to_owned());
        self.wire.insert(ours.to_owned(), wire);
    }

    /// The name on the wire.
    pub(super) fn wire(&self, ours: &str) -> String {
        self.wire.get(ours).cloned().unwrap_or_else(|| ours.to_owned())
    }

    /// The name that was offered.
    pub(super) fn ours(&self, wire: &str) -> String {
        self.ours.get(wire).cloned().unwrap_or_else(|| wire.to_owned())
    }

    /// Whether this is the wire's name of a tool.
    pub(super) fn knows(&self, wire: &str) -> bool {
        self.ours.contains_key(wire)
    }

    /// Whether the name of a tool begins so.
    pub(super) fn begins(&self, beginning: &str) -> bool {
        let mut from = self.ours.range(beginning.to_owned()..);
        from.next().is_some_and(|(name, _)| name.starts_with(beginning))
    }
}

fn fits(name: &str) -> bool {
    let start = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    start && name.len() <= NAME && name.bytes().all(is_safe)
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// A name in safe characters, with room for a suffix.
fn tamed(name: &str) -> String {
    let safe: String =
        name.chars().map(|c| if c.is_ascii() && is_safe(c as u8) { c } else { '_' }).take(NAME - 9).collect();
    if safe.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        safe
    } else {
        format!("_{}", &safe[..safe.len().min(NAME - 10)])
    }
}

/// A digest of a text, of this many letters and digits.
fn digest(text: &str, length: usize) -> String {
    let hash = format!("{:x}", Sha256::digest(text.as_bytes()));
    hash[..length].to_owned()
}

/// Ids of calls, in the order of the conversation.
#[derive(Debug)]
pub(super) struct Ids {
    shape: CallIdRule,
    used: BTreeSet<String>,
    latest: BTreeMap<String, String>,
}

impl Ids {
    pub(super) fn new(shape: CallIdRule) -> Self {
        Self { shape, used: BTreeSet::new(), latest: BTreeMap::new() }
    }

    /// The wire's id of the next call of the conversation.
    pub(super) fn call(&mut self, id: &CallId) -> String {
        let ours = id.as_str();
        let mut wire = match self.shape {
            CallIdRule::Safe if !ours.is_empty() && ours.len() <= ID && ours.bytes().all(is_safe) => ours.to_owned(),
            CallIdRule::Nine if ours.len() == 9 && ours.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                ours.to_owned()
            }
            CallIdRule::Safe => format!("call_{}", digest(ours, 16)),
            CallIdRule::Nine => digest(ours, 9),
        };
        while self.used.contains(&wire) {
            let seed = format!("{wire}#{}", self.used.len());
            wire = match self.shape {
                CallIdRule::Safe => format!("call_{}", digest(&seed, 16)),
                CallIdRule::Nine => digest(&seed, 9),
            };
        }
        self.used.insert(wire.clone());
        self.latest.insert(ours.to_owned(), wire.clone());
        wire
    }

    /// The wire's id of the call that a result answers.
    pub(super) fn result(&self, id: &CallId) -> Option<String> {
        self.latest.get(id.as_str()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_there_and_back() {
        let long = "x".repeat(90);
        let all = ["add", "my.tool", "my_tool", "my tool", "9lives", "größe", &long, ""];
        let names = Names::of(all.into_iter());
        let wire: BTreeSet<_> = all.iter().map(|name| names.wire(name)).collect();
        assert_eq!(wire.len(), all.len(), "{wire:?}");
        for name in all {
            assert!(fits(&names.wire(name)), "{name}");
            assert_eq!(names.ours(&names.wire(name)), name);
        }
        assert!(names.begins("my_") && names.begins("add") && !names.begins("b"));
    }

    #[test]
    fn ids_are_unique_and_of_the_wanted_shape() {
        for (shape, length) in [(CallIdRule::Nine, Some(9)), (CallIdRule::Safe, None)] {
            let mut ids = Ids::new(shape);
            let first = ids.call(&CallId::of_index(0));
            let second = ids.call(&CallId::of_index(0));
            assert_ne!(first, second);
            assert_eq!(ids.result(&CallId::of_index(0)), Some(second.clone()));
            assert!(length.is_none_or(|length| first.len() == length && second.len() == length), "{first} {second}");
        }
        assert_eq!(Ids::new(CallIdRule::Safe).call(&CallId::new("toolu_01A")), "toolu_01A");
    }
}
