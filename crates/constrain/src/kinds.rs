//! From a tool's typed schema to the kinds of values that a grammar can hold it to.
//!
//! A visitor of [`Schema`], which has merged, resolved and normalised all there is. What a grammar cannot hold values to is
//! left out where it stands, and told with its place and the reason; the tool stays. It must not know how values are
//! written, nor JSON.

use std::sync::Arc;

use callwright_parse::schema::{self, Apart, Either, Node, Objects, Others, Schema};

use super::kind::{Kind, Member, Object};

/// The kinds of one tool's schema.
#[derive(Debug)]
pub(super) struct Kinds<'s> {
    schema: &'s Schema,
    /// Kinds that are referred to, by number; none where nothing has referred to them yet.
    named: Vec<Option<Kind>>,
    made: usize,
    /// Keywords that are left out, by place, because no grammar could be made with them.
    without: &'s [(String, String)],
    /// Keywords that are held to and might be left out.
    pub(super) held: Vec<(String, String)>,
    /// What is checked but not enforced.
    pub(super) told: Vec<String>,
}

/// Nested schemas are followed this deep.
const DEPTH: usize = 64;
/// The most kinds made of one schema: nested alternatives multiply.
const MADE: usize = 20_000;

impl<'s> Kinds<'s> {
    pub(super) fn new(schema: &'s Schema, without: &'s [(String, String)]) -> Self {
        let named = vec![None; schema.names()];
        Self { schema, named, made: 0, without, held: Vec::new(), told: Vec::new() }
    }

    /// The kind with this number.
    pub(super) fn named(&self, number: usize) -> &Kind {
        self.named.get(number).and_then(Option::as_ref).unwrap_or(&Kind::Any)
    }

    /// All kinds that are referred to, by number.
    pub(super) fn all_named(&self) -> Arc<[Kind]> {
        (0..self.named.len()).map(|number| self.named(number).clone()).collect()
    }

    /// The kind of all arguments together: an object, whatever the schema says.
    pub(super) fn whole(&mut self) -> Kind {
        if self.without.iter().any(|(place, keyword)| place.is_empty() && keyword == "type") {
            self.tell("", "type", "no grammar can be made of it");
            return Kind::object();
        }
        match self.of(self.schema.root(), 0) {
            Kind::Any => Kind::object(),
            kind if kind.is_never() => {
                self.tell("", "type", "no arguments satisfy it");
                Kind::object()
            }
            // A tool that names no parameters has none.
            Kind::Object(object) if object.is_open() && self.names_none() => Kind::Object(Object::default()),
            kind => kind,
        }
    }

    fn names_none(&self) -> bool {
        let root = self.schema.follow(self.schema.root());
        matches!(&root.kind, schema::Kind::Object(objects) if objects.others == Others::Unsaid && objects.least == 0)
    }

    /// The members of all arguments; each alternative has its own.
    pub(super) fn members(&mut self) -> Vec<Vec<Member>> {
        let kind = self.whole();
        let mut alternatives = Vec::new();
        self.gather(kind, &mut alternatives, 0);
        if alternatives.is_empty() { vec![Vec::new()] } else { alternatives }
    }

    fn gather(&self, kind: Kind, alternatives: &mut Vec<Vec<Member>>, depth: usize) {
        match kind {
            Kind::Object(object) => alternatives.push(object.members),
            Kind::Either(kinds) => kinds.into_iter().for_each(|kind| self.gather(kind, alternatives, depth + 1)),
            Kind::Named(number) if depth < 8 => self.gather(self.named(number).clone(), alternatives, depth + 1),
            _ => {}
        }
    }

    /// Tells that this keyword is only checked.
    pub(super) fn tell(&mut self, place: &str, keyword: &str, why: &str) {
        let place = if place.is_empty() { "the whole schema" } else { place };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let told = format!("`{keyword}` of {place} is checked but not enforced{why}");
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }

    /// Whether this keyword, which is said, is held to: it may have been left out.
    pub(super) fn holds(&mut self, place: &str, keyword: &str) -> bool {
        if self.without.iter().any(|(at, left_out)| at == place && left_out == keyword) {
            self.tell(place, keyword, "no grammar can be made with it");
            return false;
        }
        let known = self.held.iter().rev().take(8).any(|(at, known)| at == place && known == keyword);
        if !known {
            self.held.push((place.to_owned(), keyword.to_owned()));
        }
        true
    }

    /// What a value may be at this node.
    pub(super) fn of(&mut self, node: &Node, depth: usize) -> Kind {
        self.made += 1;
        if depth > DEPTH || self.made > MADE {
            self.tell(&node.place, "type", "the schema is too large");
            return Kind::Any;
        }
        for keyword in &node.beyond {
            self.tell(&node.place, keyword, "");
        }
        match &node.kind {
            schema::Kind::Any => Kind::Any,
            schema::Kind::Null => Kind::Null,
            schema::Kind::Boolean => Kind::Boolean,
            schema::Kind::Number(numbers) => self.number(numbers, &node.place),
            schema::Kind::String(strings) => self.text(strings, &node.place),
            schema::Kind::Array(arrays) => self.list(arrays, &node.place, depth),
            schema::Kind::Object(objects) => self.object(objects, &node.place, depth),
            schema::Kind::Constants(values) => Kind::Constants(values.clone()),
            schema::Kind::Either(either) => self.alternatives(either, &node.place, depth),
            schema::Kind::Reference(number) => self.reference(*number, depth),
        }
    }

    fn alternatives(&mut self, either: &Either, place: &str, depth: usize) -> Kind {
        if either.exclusive && self.schema.apart(either) == Apart::Unclear {
            self.tell(place, "oneOf", "its alternatives cannot be told apart");
        }
        Kind::either(either.of.iter().map(|node| self.of(node, depth + 1)).collect())
    }

    fn reference(&mut self, number: usize, depth: usize) -> Kind {
        if self.named.get(number).is_some_and(Option::is_none) {
            // Where it refers to itself, its number is enough.
            self.named[number] = Some(Kind::Any);
            let kind = self.of(self.schema.named(number), depth + 1);
            // A name that is only another one for itself says nothing.
            self.named[number] = Some(if kind == Kind::Named(number) { Kind::Any } else { kind });
        }
        if self.named(number).is_never() { Kind::NEVER } else { Kind::Named(number) }
    }

    /// What members may be that are not named. Where any are named, no others are: a model that is free to add others does.
    pub(super) fn others(&mut self, objects: &Objects, depth: usize) -> Option<Box<Kind>> {
        let kind = match &objects.others {
            Others::Forbidden => return None,
            Others::Unsaid if !objects.members.is_empty() || !objects.patterns.is_empty() => return None,
            Others::Unsaid => Kind::Any,
            Others::Of(node) => self.of(node, depth + 1),
        };
        Some(Box::new(kind)).filter(|kind| !kind.is_never())
    }
}

impl Object {
    /// Whether it names no members.
    fn is_open(&self) -> bool {
        self.members.is_empty() && self.matching.is_empty()
    }
}
