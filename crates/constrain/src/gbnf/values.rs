//! Values in JSON as rules of GBNF.
//!
//! Members come in the schema's order, the optional ones left out or not, as in process. What an engine cannot be held to
//! (bounds of numbers, long texts) is told, and left to the check that every call goes through. It must not know schemas.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use callwright_parse::format::JsonStyle;
use callwright_parse::schema::Numbers;
use serde_json::Value;

use super::{Rules, literal};
use crate::expression::{Expression, letters};
use crate::grammar::Valued;
use crate::kind::{Kind, List, Object, Text};
use crate::lark::times;
use crate::pattern::Pattern;

/// Letters and items that are counted: engines refuse longer repetitions.
const COUNTED: u64 = 2000;
/// Letters that stand for themselves in JSON's quotes.
const PLAIN: &str = r#"[^"\\\x00-\x1f\x7f]*"#;

/// The rules that values of all tools share.
#[derive(Debug, Default)]
pub(super) struct Values {
    used: HashSet<String>,
    /// Rules of kinds that are referred to, by the table that they are in and their place there.
    named: HashMap<(usize, usize), String>,
    /// The tables, so that none is taken for another.
    tables: Vec<Arc<[Kind]>>,
    /// Keywords that are left to the check.
    pub(super) told: BTreeSet<&'static str>,
}

/// Shared rules, with those that each needs.
const SHARED: [(&str, &str, &[&str]); 5] = [
    ("integer", "\"-\"? (\"0\" | [1-9] [0-9]{0,17})", &[]),
    ("number", "integer (\".\" [0-9]{1,17})? ([eE] [-+]? [0-9]{1,2})?", &["integer"]),
    ("boolean", "\"true\" | \"false\"", &[]),
    ("string", "\"\\\"\" char* \"\\\"\"", &["char"]),
    (
        "char",
        "[^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" ([0-9abcefABCEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))",
        &[],
    ),
];

impl Values {
    /// What this value is; `None` where nothing is.
    pub(super) fn value(&mut self, value: &Valued, rules: &mut Rules) -> Option<String> {
        let table = self.tables.iter().position(|table| Arc::ptr_eq(table, &value.named)).unwrap_or_else(|| {
            self.tables.push(Arc::clone(&value.named));
            self.tables.len() - 1
        });
        Writer { values: self, rules, table, style: value.style }.of(&value.kind)
    }
}

/// Writes values of one table in one style.
struct Writer<'w> {
    values: &'w mut Values,
    rules: &'w mut Rules,
    table: usize,
    style: JsonStyle,
}

impl Writer<'_> {
    /// The name of a shared rule, which is there from now on.
    fn shared(&mut self, name: &str) -> String {
        if self.values.used.insert(name.to_owned())
            && let Some((_, body, needs)) = SHARED.iter().find(|(known, ..)| *known == name)
        {
            self.rules.add(name, body);
            for need in *needs {
                self.shared(need);
            }
        }
        name.to_owned()
    }

    fn of(&mut self, kind: &Kind) -> Option<String> {
        Some(match kind {
            Kind::Any => self.any(),
            Kind::Null => literal("null"),
            Kind::Boolean => self.shared("boolean"),
            Kind::Number(numbers) => self.number(numbers),
            Kind::Text(text) => self.text(text),
            Kind::List(list) => self.list(list)?,
            Kind::Object(object) => self.object(object)?,
            Kind::Constants(values) if values.is_empty() => return None,
            Kind::Constants(values) => {
                let values: Vec<String> = values.iter().map(|value| literal(&value.to_string())).collect();
                self.rules.of(values.join(" | "))
            }
            Kind::Either(kinds) => {
                let ways: Option<Vec<String>> = kinds.iter().map(|kind| self.of(kind)).collect();
                let ways = ways?.join(" | ");
                self.rules.of(ways)
            }
            Kind::Named(number) => self.named(*number)?,
        })
    }

    fn named(&mut self, number: usize) -> Option<String> {
        let key = (self.table, number);
        if let Some(name) = self.values.named.get(&key) {
            return Some(name.clone());
        }
        let name = format!("ref-{}", self.values.named.len());
        self.values.named.insert(key, name.clone());
        let kind = self.values.tables.get(self.table)?.get(number)?.clone();
        let body = self.of(&kind)?;
        self.rules.add(&name, &body);
        Some(name)
    }

    /// Any value: one set of rules for each way to write objects.
    fn any(&mut self) -> String {
        let (comma, colon) = self.separators();
        let suffix = match self.style {
            JsonStyle::Spaced => "",
            JsonStyle::Compact => "-compact",
            JsonStyle::Python => "-python",
        };
        let name = format!("any{suffix}");
        if self.values.used.insert(name.clone()) {
            let (string, number, boolean) = (self.shared("string"), self.shared("number"), self.shared("boolean"));
            let pair = self.rules.of(format!("{string} {colon} {name}"));
            let object = self.rules.of(format!("\"{{\" ({pair} ({comma} {pair})*)? \"}}\""));
            let list = self.rules.of(format!("\"[\" ({name} ({comma} {name})*)? \"]\""));
            self.rules.add(&name, &format!("{string} | {number} | {boolean} | \"null\" | {object} | {list}"));
        }
        name
    }

    fn separators(&self) -> (String, String) {
        (literal(self.style.item_separator()), literal(self.style.key_separator()))
    }

    fn number(&mut self, numbers: &Numbers) -> String {
        let multiple = (!numbers.multiple_of.is_empty()).then_some("multipleOf");
        self.values.told.extend(numbers.bounds().map(|(keyword, _)| keyword).chain(multiple));
        self.shared(if numbers.integer { "integer" } else { "number" })
    }

    fn text(&mut self, text: &Text) -> String {
        let Text { least, most, patterns } = text;
        let too_many = [("minLength", Some(*least)), ("maxLength", *most)];
        let too_many = too_many.into_iter().filter(|(_, count)| count.is_some_and(|count| count > COUNTED));
        self.values.told.extend(too_many.map(|(keyword, _)| keyword));
        let (least, most) = (if *least > COUNTED { 0 } else { *least }, most.filter(|most| *most <= COUNTED));
        let plain = || Expression::regex(PLAIN);
        if !patterns.is_empty() {
            let length = (least > 0 || most.is_some()).then(|| Expression::Regex(letters(least, most)));
            let all = patterns.iter().map(|pattern| Expression::Regex(pattern.written()));
            if let Some(inside) = self.rules.matching(plain().and(all).and(length)) {
                return format!("\"\\\"\" {inside} \"\\\"\"");
            }
            self.values.told.extend(patterns.iter().map(Pattern::keyword));
        }
        if least == 0 && most.is_none() {
            return self.shared("string");
        }
        format!("\"\\\"\" {}{} \"\\\"\"", self.shared("char"), times(least, most))
    }

    fn list(&mut self, list: &List) -> Option<String> {
        let List { first, rest, least, most } = list;
        let (comma, _) = self.separators();
        let counted = u64::try_from(first.len()).unwrap_or(u64::MAX);
        let mut inside = String::new();
        if let Some(rest) = rest.as_ref().filter(|_| most.is_none_or(|most| most > counted)) {
            let item = self.of(rest)?;
            let (least, most) = (least.saturating_sub(counted), most.map(|most| most - counted));
            inside = if first.is_empty() {
                let more = times(least.saturating_sub(1), most.map(|most| most - 1));
                let some = format!("{item} ({comma} {item}){more}");
                if least == 0 { format!("({some})?") } else { some }
            } else {
                format!("({comma} {item}){}", times(least, most))
            };
        }
        for (index, kind) in (0_u64..).zip(first).collect::<Vec<_>>().into_iter().rev() {
            let item = self.of(kind)?;
            let comma = if index > 0 { format!("{comma} ") } else { String::new() };
            let some = format!("{comma}{item} {inside}");
            inside = if index >= *least { format!("({})?", some.trim_end()) } else { some.trim_end().to_owned() };
        }
        let inside = if inside.is_empty() { inside } else { format!("{inside} ") };
        Some(self.rules.of(format!("\"[\" {inside}\"]\"")))
    }

    fn object(&mut self, object: &Object) -> Option<String> {
        let (comma, colon) = self.separators();
        let Object { members, matching, others, least, most } = object;
        let inside = if members.is_empty() {
            let mut pairs = Vec::new();
            for (pattern, kind) in matching.iter().filter(|(_, kind)| !kind.is_never()) {
                let key = Expression::Regex(pattern.written());
                pairs.push(format!("{} {colon} {}", self.key(key), self.of(kind)?));
            }
            if let Some(others) = others {
                let not = matching.iter().map(|(pattern, _)| Expression::not(pattern.written()));
                let not: Vec<Expression> = not.collect();
                let key = if not.is_empty() { self.shared("string") } else { self.key(Expression::And(not)) };
                pairs.push(format!("{key} {colon} {}", self.of(others)?));
            }
            if pairs.is_empty() || *most == Some(0) {
                String::new()
            } else {
                let pair = self.rules.of(pairs.join(" | "));
                let more = times(least.saturating_sub(1), most.map(|most| most - 1));
                let some = format!("{pair} ({comma} {pair}){more} ");
                if *least == 0 { format!("({})? ", some.trim_end()) } else { some }
            }
        } else {
            // Each step knows whether something stands before it, and so whether a comma must.
            let (mut alone, mut behind) = (String::from("\"\""), String::from("\"\""));
            for member in members.iter().rev() {
                let key = literal(&format!("{}{}", Value::from(member.key.as_str()), self.style.key_separator()));
                let value = self.of(&member.kind)?;
                let pair = self.rules.of(format!("{key} {value}"));
                let other = |way: &str| if member.required { String::new() } else { format!(" | {way}") };
                let first = format!("{pair} {behind}{}", other(&alone));
                let later = format!("{comma} {pair} {behind}{}", other(&behind));
                (alone, behind) = (self.rules.of(first), self.rules.of(later));
            }
            format!("{alone} ")
        };
        Some(self.rules.of(format!("\"{{\" {inside}\"}}\"")))
    }

    /// A name that matches this, in quotes; any, and told, where that cannot be said.
    fn key(&mut self, expression: Expression) -> String {
        if let Some(inside) = self.rules.matching(Expression::regex(PLAIN).and([expression])) {
            return format!("\"\\\"\" {inside} \"\\\"\"");
        }
        self.values.told.insert("patternProperties");
        self.shared("string")
    }
}
