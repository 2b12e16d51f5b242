//! References inside one schema: each is made a pointer into the schema itself, or left out.
//!
//! Afterwards `$ref` is `#` and a JSON pointer to a schema that is there, and no circle of references applies to one
//! value: the validator would hang in it. Bases (`$id`) are gone, so that a pointer means the same everywhere. What
//! leads elsewhere is left out there and told; nothing is fetched.

use serde_json::Value;

use super::keywords::{self, Reach};
use super::mend::{Mending, short};

/// The most schemas that may apply to one value.
const WIDEST: usize = 10_000;

/// The most references in a row without a step into the value.
const LONGEST: usize = 32;

/// The references multiply beyond what can be checked.
#[derive(Debug)]
pub(super) struct TooWide;

/// Where a reference leads: the pointer to it, or why nowhere.
type Target = Result<String, String>;

/// Names that references may use: bases and anchors, each with the pointer to its schema.
#[derive(Default)]
struct Names {
    bases: Vec<(String, String)>,
    anchors: Vec<(String, String)>,
}

/// Makes all references pointers that lead somewhere.
pub(super) fn resolve_all(root: &mut Value, mending: &mut Mending) -> Result<(), TooWide> {
    let mut names = Names::default();
    let mut references = Vec::new();
    gather(root, String::new(), "", &mut names, &mut references);
    for (place, base, target) in references {
        let found = names.find(&target, &base, root).and_then(|pointer| {
            // A schema under no known keyword was not mended with the rest.
            let schema = root.pointer(&pointer).ok_or("it leads nowhere")?;
            Ok((pointer, !schema.is_object() && !schema.is_boolean()))
        });
        let found = found
            .and_then(|(pointer, odd)| if odd { Err("it does not lead to a schema".to_owned()) } else { Ok(pointer) });
        let Some(map) = root.pointer_mut(&place).and_then(Value::as_object_mut) else { continue };
        match found {
            Ok(pointer) => drop(map.insert("$ref".to_owned(), Value::from(format!("#{}", encoded(&pointer))))),
            Err(why) => {
                map.shift_remove("$ref");
                mending.ignored(&place, "$ref", why);
            }
        }
    }
    mend_targets(root, mending);
    forget_bases(root);
    break_circles(root, mending)
}

fn gather(
    schema: &Value,
    place: String,
    base: &str,
    names: &mut Names,
    references: &mut Vec<(String, String, String)>,
) {
    let mut open = vec![(schema, place, base.to_owned())];
    while let Some((schema, place, mut base)) = open.pop() {
        let Some(map) = schema.as_object() else { continue };
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        if let Some(id) = text("$id") {
            base.clone_from(&place);
            names.bases.push((id.trim_end_matches('#').to_owned(), place.clone()));
        }
        for key in ["$anchor", "$dynamicAnchor"] {
            names.anchors.extend(text(key).map(|name| (name.to_owned(), place.clone())));
        }
        references.extend(text("$ref").map(|target| (place.clone(), base.clone(), target.to_owned())));
        open.extend(
            keywords::inner(map).into_iter().map(|(way, inner)| (inner, format!("{place}{way}"), base.clone())),
        );
    }
}

impl Names {
    fn find(&self, target: &str, base: &str, root: &Value) -> Target {
        let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
        let base = if document.is_empty() {
            base
        } else {
            let is = |id: &str| id == document || id.ends_with(&format!("/{document}"));
            let found = self.bases.iter().find(|(id, _)| is(id));
            let elsewhere = || format!("it leads to another document, `{}`", short(document));
            found.map(|(_, pointer)| pointer.as_str()).ok_or_else(elsewhere)?
        };
        let fragment = decoded(fragment);
        if fragment.is_empty() {
            return Ok(base.to_owned());
        }
        if !fragment.starts_with('/') {
            let found = self.anchors.iter().find(|(name, _)| *name == fragment);
            return found.map(|(_, pointer)| pointer.clone()).ok_or_else(|| "it leads nowhere".to_owned());
        }
        let inside = format!("{base}{fragment}");
        let way = [inside, fragment].into_iter().find(|pointer| root.pointer(pointer).is_some());
        way.ok_or_else(|| "it leads nowhere".to_owned())
    }
}

/// Schemas that only references lead to, under keywords of the author's own, are mended as the others were.
fn mend_targets(root: &mut Value, mending: &mut Mending) {
    let mut known = Vec::new();
    let mut open = vec![(&*root, String::new())];
    let mut targets = Vec::new();
    while let Some((schema, place)) = open.pop() {
        let Some(map) = schema.as_object() else { continue };
        targets.extend(map.get("$ref").and_then(Value::as_str).map(pointer));
        open.extend(keywords::inner(map).into_iter().map(|(way, inner)| (inner, format!("{place}{way}"))));
        known.push(place);
    }
    known.sort_unstable();
    targets.sort_unstable();
    targets.dedup();
    for target in targets.iter().filter(|target| known.binary_search(target).is_err()) {
        let Some(schema) = root.pointer_mut(target).filter(|schema| schema.is_object()) else { continue };
        mending.schema(schema, target, "$ref", 0);
        // A reference from there would be one more to resolve: such a place holds none.
        without_references(schema, target, mending);
    }
}

fn without_references(schema: &mut Value, place: &str, mending: &mut Mending) {
    let Value::Object(map) = schema else { return };
    if map.get("$ref").and_then(Value::as_str).is_some_and(|target| !target.starts_with("#/")) {
        map.shift_remove("$ref");
        mending.ignored(place, "$ref", "it leads nowhere");
    }
    let ways: Vec<String> = keywords::inner(map).into_iter().map(|(way, _)| way).collect();
    for way in ways {
        if let Some(inner) = schema.pointer_mut(&way) {
            without_references(inner, &format!("{place}{way}"), mending);
        }
    }
}

/// Takes out what would give a pointer another base.
fn forget_bases(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    for key in ["$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary"] {
        map.shift_remove(key);
    }
    let ways: Vec<String> = keywords::inner(map).into_iter().map(|(way, _)| way).collect();
    for way in ways {
        schema.pointer_mut(&way).into_iter().for_each(forget_bases);
    }
}

/// Leaves references out that lead in circles while they apply to one value. Recursion through members and items is
/// fine: each step eats a piece of the value.
fn break_circles(root: &mut Value, mending: &mut Mending) -> Result<(), TooWide> {
    let mut places = Vec::new();
    let mut open = vec![(&*root, String::new())];
    while let Some((schema, place)) = open.pop() {
        let Some(map) = schema.as_object() else { continue };
        open.extend(keywords::inner(map).into_iter().map(|(way, inner)| (inner, format!("{place}{way}"))));
        if map.contains_key("$ref") {
            places.push(place);
        }
    }
    for place in places {
        let circle = match root.pointer(&place) {
            Some(from) => Walk { root, from, path: Vec::new(), seen: 0 }.returns(from)?,
            None => false,
        };
        if let Some(map) = root.pointer_mut(&place).and_then(Value::as_object_mut).filter(|_| circle) {
            map.shift_remove("$ref");
            mending.ignored(&place, "$ref", "it leads in a circle to itself");
        }
    }
    Ok(())
}

/// A walk from one schema over all that applies to the same value.
struct Walk<'s> {
    root: &'s Value,
    from: &'s Value,
    /// The references on the way.
    path: Vec<&'s str>,
    seen: usize,
}

impl<'s> Walk<'s> {
    /// Whether the walk comes back to where it began.
    fn returns(&mut self, schema: &'s Value) -> Result<bool, TooWide> {
        self.seen += 1;
        if self.seen > WIDEST || self.path.len() > LONGEST {
            return Err(TooWide);
        }
        let Value::Object(map) = schema else { return Ok(false) };
        if let Some(target) = map.get("$ref").and_then(Value::as_str) {
            // A circle that does not pass the beginning is broken from its own places.
            let next = resolve(target, self.root).filter(|_| !self.path.contains(&target));
            if let Some(next) = next {
                self.path.push(target);
                if std::ptr::eq(next, self.from) || self.returns(next)? {
                    return Ok(true);
                }
                self.path.pop();
            }
        }
        for (key, value) in map.iter().filter(|(key, _)| keywords::reach(key) == Some(Reach::Value)) {
            for (_, part) in keywords::inner_of(key, value) {
                if std::ptr::eq(part, self.from) || self.returns(part)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

/// What a resolved reference leads to.
pub(super) fn resolve<'s>(target: &str, root: &'s Value) -> Option<&'s Value> {
    root.pointer(&pointer(target))
}

/// The JSON pointer of a resolved reference.
pub(super) fn pointer(target: &str) -> String {
    decoded(target.trim_start_matches('#'))
}

/// Percent signs decoded, as fragments may be written.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%');
        at += if code.is_some() { 3 } else { 1 };
        out.push(code.unwrap_or(byte));
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A pointer as a fragment of a URI.
fn encoded(pointer: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/~-._!$&'()*+,;=:@?".contains(&byte);
    let code = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    pointer.bytes().map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::super::keywords::step;
    use super::{decoded, encoded};

    #[test]
    fn fragments_are_read_as_they_are_written() {
        let pointer = format!("/$defs{}", step("a/b c%~é"));
        assert_eq!(encoded(&pointer), "/$defs/a~1b%20c%25~0%C3%A9");
        assert_eq!(decoded(&encoded(&pointer)), pointer);
        assert_eq!(decoded("/100%/%2"), "/100%/%2");
    }
}
