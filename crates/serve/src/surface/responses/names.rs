//! What the tools of a request are to the client: members of a namespace have one name for the model, and two for it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The longest name that every model's format takes.
const LONGEST: usize = 64;

/// The tools that the client calls otherwise than the model does, by the model's name.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: BTreeMap<String, Said>,
}

/// What a tool is to the client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Said {
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// Whether its input is text rather than an object.
    pub(super) custom: bool,
}

/// The argument that holds a custom tool's text.
pub(super) const INPUT: &str = "input";

impl Names {
    /// Adds a member of a namespace, and says the name that the model has for it.
    pub(super) fn member(&mut self, namespace: &str, name: &str) -> String {
        let flat = flat(namespace, name);
        let said = Said { namespace: Some(namespace.to_owned()), name: name.to_owned(), custom: false };
        self.known.insert(flat.clone(), said);
        flat
    }

    /// Adds a tool whose input is text.
    pub(super) fn custom(&mut self, name: &str) {
        self.known.insert(name.to_owned(), Said { namespace: None, name: name.to_owned(), custom: true });
    }

    /// What the model's name is to the client.
    pub(super) fn said(&self, name: &str) -> Said {
        self.known.get(name).cloned().unwrap_or_else(|| Said { name: name.to_owned(), ..Said::default() })
    }
}

/// The one name of a namespace's member. What is too long ends in a number made of the whole, the same in each turn.
pub(super) fn flat(namespace: &str, name: &str) -> String {
    let flat = format!("{namespace}__{name}");
    if flat.len() <= LONGEST {
        return flat;
    }
    let mut hasher = DefaultHasher::new();
    flat.hash(&mut hasher);
    let tail = format!("_{:08x}", hasher.finish() & 0xffff_ffff);
    format!("{}{tail}", &flat[..flat.floor_char_boundary(LONGEST - tail.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_taken_apart_again() {
        let mut names = Names::default();
        let long = "a".repeat(80);
        for (namespace, name) in [("mcp", "read"), ("mcp", long.as_str()), ("ä".repeat(40).as_str(), "read")] {
            let flat = names.member(namespace, name);
            assert!(flat.len() <= LONGEST, "{flat}");
            let said = Said { namespace: Some(namespace.to_owned()), name: name.to_owned(), custom: false };
            assert_eq!(names.said(&flat), said);
        }
        assert_eq!(names.said("plain"), Said { name: "plain".to_owned(), ..Said::default() });
    }
}
