//! Lossless coercion along the schema: what has one reading is put right, and told.
//!
//! The walk goes down value and schema together, so its work is bounded by the value; where alternatives leave more
//! than one reading it does nothing, and the validation says what is wrong.

use serde_json::{Map, Value};

use super::convert::{converted, float, member};
use super::schema::Compiled;
use super::{Where, names};
use crate::chat::{Fix, FixKind};
use crate::schema::{Arrays, Either, Kind, Node, Objects, Others, Types, View};

/// Alternatives inside alternatives are followed this deep.
const NESTED: usize = 8;
/// And so many at all in one call.
const FOLLOWED: usize = 20_000;

struct Coercion<'a> {
    place: &'a Where,
    fixes: &'a mut Vec<Fix>,
    /// How many more alternatives are followed: recursion through them may double with each level of the value.
    left: usize,
}

/// Puts the arguments right, top level first.
pub(super) fn arguments<'s>(
    tool: &Compiled,
    arguments: &mut Value,
    place: &Where,
    source: &dyn Fn(&str) -> Option<&'s str>,
    fixes: &mut Vec<Fix>,
) {
    let Value::Object(map) = arguments else { return };
    let whole = View::of(tool.schema());
    let mut coercion = Coercion { place, fixes, left: FOLLOWED };
    if let Some(objects) = whole.object() {
        coercion.object(map, whole, objects, source);
        if matches!(whole.kind(), Kind::Object(_)) && !objects.members.is_empty() && objects.lists_all() {
            coercion.tell_unknown(map, objects);
        }
    }
    if let Kind::Either(either) = whole.kind() {
        coercion.alternatives(arguments, whole, either, 0);
    }
}

/// No text is known that a value was read from.
fn no_source<'s>(_: &str) -> Option<&'s str> {
    None
}

impl Coercion<'_> {
    fn tell(&mut self, kind: FixKind, note: impl FnOnce() -> String) {
        self.fixes.push(self.place.fix(kind, Some(note())));
    }

    fn value(&mut self, value: &mut Value, view: View<'_>, source: Option<&str>, nested: usize) {
        let allowed = view.types();
        if let Kind::Constants(members) = view.kind() {
            return self.constant(value, view, members, source);
        }
        if allowed.is_said() && !fits(value, allowed) {
            self.convert(value, view, allowed, source);
        }
        self.left = self.left.saturating_sub(usize::from(nested > 0));
        if nested > NESTED || self.left == 0 {
            return;
        }
        match (view.kind(), &mut *value) {
            (Kind::Either(either), _) => {
                if let Some(beside) = &either.beside {
                    self.value(value, view.beside(beside), None, nested + 1);
                }
                self.alternatives(value, view, either, nested);
            }
            (Kind::Object(objects), Value::Object(map)) => self.object(map, view, objects, &no_source),
            (Kind::Array(arrays), Value::Array(items)) => self.list(items, view, arrays),
            _ => {}
        }
    }

    fn convert(&mut self, value: &mut Value, view: View<'_>, allowed: Types, source: Option<&str>) {
        let source = source.filter(|source| !source.is_empty());
        if let Some(new) = converted(value, allowed, source) {
            let note = format!("{} -> {}", brief(value), brief(&new));
            *value = new;
            return self.tell(FixKind::Coerced, || note);
        }
        if let Some(new) = described(value, allowed) {
            *value = new;
            return self.tell(FixKind::Shape, || "a value in the schema's own shape".to_owned());
        }
        if allowed.has(Types::LIST) && !value.is_null() {
            self.listed(value, view);
        }
    }

    /// One value where a list is wanted: a list of one, if its items may be such a value.
    fn listed(&mut self, value: &mut Value, view: View<'_>) {
        let items = view.alternatives().into_iter().find_map(|view| match view.kind() {
            Kind::Array(arrays) if arrays.first.is_empty() => Some(view.beside(arrays.rest.as_deref()?)),
            _ => None,
        });
        let Some(allowed) = items.map(View::types) else { return };
        // Text with commas may as well be several items.
        let several = value.as_str().is_some_and(|text| text.contains([',', ';', '\n']));
        let fitting = fits(value, allowed) || converted(value, allowed, None).is_some();
        if several || !allowed.is_said() || !fitting {
            return;
        }
        *value = Value::Array(vec![value.take()]);
        self.tell(FixKind::Listed, || "one value -> a list of one".to_owned());
    }

    fn constant(&mut self, value: &mut Value, view: View<'_>, members: &[Value], source: Option<&str>) {
        let is_one = |value: &Value| members.contains(value) || members.iter().any(|member| same(member, value));
        let allowed = view.types();
        if is_one(value) {
            return;
        }
        if allowed.is_said() && !fits(value, allowed) {
            self.convert(value, view, allowed, source);
        }
        let Value::String(text) = &*value else { return };
        if is_one(value) {
            return;
        }
        if let Some(member) = member(text, members) {
            let note = format!("{} -> {member}", brief(value));
            *value = Value::from(member);
            self.tell(FixKind::Coerced, || note);
        }
    }

    /// Goes on with the only alternative that a value of this type and with these constants may be.
    fn alternatives(&mut self, value: &mut Value, view: View<'_>, either: &Either, nested: usize) {
        let taking = |view: &View<'_>| {
            let allowed = view.types();
            !allowed.is_said() || fits(value, allowed)
        };
        let mut taking: Vec<View<'_>> = either.of.iter().map(|node| view.beside(node)).filter(taking).collect();
        if taking.len() > 1 {
            taking.retain(|view| may_be(value, *view));
        }
        if let [only] = taking.as_slice() {
            self.value(value, *only, None, nested + 1);
        }
    }

    fn object<'t>(
        &mut self,
        object: &mut Map<String, Value>,
        view: View<'_>,
        objects: &Objects,
        source: &dyn Fn(&str) -> Option<&'t str>,
    ) {
        self.rename(object, objects);
        for (name, value) in object.iter_mut() {
            let Some(node) = of_name(objects, name) else { continue };
            let view = view.beside(node);
            // The source is looked up only where it may be wanted.
            let allowed = view.types();
            let wanted = allowed.has(Types::STRING) && !value.is_string() && !fits(value, allowed);
            let source = if wanted { source(name) } else { None };
            self.value(value, view, source, 0);
        }
        self.drop_nulls(object, view, objects);
        if objects.others == Others::Forbidden && objects.patterns.is_empty() {
            self.drop_unknown(object, objects);
        }
    }

    fn list(&mut self, items: &mut [Value], view: View<'_>, arrays: &Arrays) {
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(node) = arrays.item(index) {
                let view = view.beside(node);
                self.value(item, view, None, 0);
                if index >= arrays.first.len() {
                    self.write_float(item, view);
                }
            }
        }
    }

    /// Whole numbers in a list of numbers are all written with a fraction: what reads the list may want one kind.
    fn write_float(&mut self, value: &mut Value, view: View<'_>) {
        let (Value::Number(number), Kind::Number(numbers)) = (&*value, view.kind()) else { return };
        if numbers.integer || number.is_f64() {
            return;
        }
        if let Some(new) = float(number) {
            let note = format!("{number} -> {new}");
            *value = new;
            self.tell(FixKind::Coerced, || note);
        }
    }

    /// Names that differ from a listed one only in case, `-_.` or the like.
    fn rename(&mut self, object: &mut Map<String, Value>, objects: &Objects) {
        if objects.members.is_empty() || object.keys().all(|name| objects.member(name).is_some()) {
            return;
        }
        let mut renamed = Map::new();
        for (name, value) in std::mem::take(object) {
            let folded = names::fold(bare(&name, objects));
            let mut alike = objects.members.iter().map(|member| &member.key).filter(|key| names::fold(key) == folded);
            match (alike.next(), alike.next()) {
                (Some(only), None)
                    if objects.member(&name).is_none() && !renamed.contains_key(only) && !folded.is_empty() =>
                {
                    self.tell(FixKind::KeyAlias, || format!("{name} -> {only}"));
                    renamed.insert(only.clone(), value);
                }
                _ => drop(renamed.insert(name, value)),
            }
        }
        *object = renamed;
    }

    /// Nulls for what is optional and may not be null.
    fn drop_nulls(&mut self, object: &mut Map<String, Value>, view: View<'_>, objects: &Objects) {
        let drops = |name: &str, value: &Value| {
            let Some(optional) = objects.member(name).filter(|member| !member.required) else { return false };
            let allowed = view.beside(&optional.node).types();
            let none = value.is_null() || is_null_text(value) && !allowed.has(Types::STRING);
            none && allowed.is_said() && !allowed.has(Types::NULL)
        };
        self.drop_where(object, FixKind::NullDropped, drops);
    }

    fn drop_unknown(&mut self, object: &mut Map<String, Value>, objects: &Objects) {
        self.drop_where(object, FixKind::UnknownArgument, |name, _| objects.member(name).is_none());
    }

    /// Tells what the schema neither lists nor forbids; it is kept, since the model said it.
    fn tell_unknown(&mut self, object: &Map<String, Value>, objects: &Objects) {
        for name in object.keys().filter(|name| objects.member(name).is_none()) {
            self.tell(FixKind::UnknownArgument, || format!("`{name}` kept"));
        }
    }

    fn drop_where(&mut self, object: &mut Map<String, Value>, kind: FixKind, drops: impl Fn(&str, &Value) -> bool) {
        let mut dropped = Vec::new();
        object.retain(|name, value| {
            let keep = !drops(name, value);
            if !keep {
                dropped.push(name.clone());
            }
            keep
        });
        for name in dropped {
            let unknown = kind == FixKind::UnknownArgument;
            self.tell(kind, || if unknown { format!("`{name}` dropped") } else { name });
        }
    }
}

/// What models write before the names of parameters, as a prompt's word for them.
const PREFIXES: [&str; 4] = ["params_", "param_", "parameters.", "params."];

/// The name without such a prefix, unless it is a part of the tool's own names.
fn bare<'n>(name: &'n str, objects: &Objects) -> &'n str {
    let own = |prefix: &&str| objects.members.iter().any(|member| member.key.starts_with(*prefix));
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix) && !own(prefix));
    prefix.and_then(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

fn is_null_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| matches!(text, "None" | "null" | "NULL" | "none"))
}

/// Whether a value is of one of these types: `5` is a number, `5.0` is no integer here, so that it gets written as one.
fn fits(value: &Value, allowed: Types) -> bool {
    allowed.has(Types::of(value))
}

/// What a member of this name is held to, where that is one place.
fn of_name<'s>(objects: &'s Objects, name: &str) -> Option<&'s Node> {
    match (objects.member(name), &objects.others) {
        (Some(member), _) => Some(&member.node),
        (None, Others::Of(node)) if objects.patterns.is_empty() => Some(node),
        _ => None,
    }
}

/// Whether no constant that the object's schema has says otherwise.
fn may_be(value: &Value, view: View<'_>) -> bool {
    let (Value::Object(object), Kind::Object(objects)) = (value, view.kind()) else { return true };
    objects.members.iter().all(|member| match (object.get(&member.key), view.beside(&member.node).kind()) {
        (Some(value), Kind::Constants(members)) => members.contains(value),
        _ => true,
    })
}

/// `1.0` is the constant `1`.
fn same(one: &Value, other: &Value) -> bool {
    one.is_number() && other.is_number() && one.as_f64() == other.as_f64()
}

/// `{"type": "string", "value": "Oslo"}` where a plain value is wanted.
fn described(value: &Value, allowed: Types) -> Option<Value> {
    let map = value.as_object().filter(|_| !allowed.has(Types::OBJECT))?;
    let inner = map.get("value").filter(|inner| fits(inner, allowed))?;
    map.keys().all(|key| matches!(key.as_str(), "type" | "value" | "description")).then(|| inner.clone())
}

/// The start of a value as JSON, for a note.
fn brief(value: &Value) -> String {
    let text = match value {
        Value::Array(_) => return "[..]".to_owned(),
        Value::Object(_) => return "{..}".to_owned(),
        scalar => scalar.to_string(),
    };
    if text.len() <= 40 { text } else { text.chars().take(40).chain(['…']).collect() }
}
