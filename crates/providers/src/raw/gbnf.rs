//! Our decoding grammar for other engines: GBNF, which llama-server, vLLM and SGLang all read.
//!
//! Our grammars are Lark as llguidance has it. Literals, rules and repetition are the same; a JSON Schema becomes
//! rules of its own, and so does a text up to its marker. What cannot be said that way has no translation, and that is
//! an answer too: nothing is ever sent that would hold the model to something else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::expression;
use super::schema::Rules;

/// A grammar in GBNF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gbnf {
    pub(super) text: String,
    /// Schema keywords that it does not enforce.
    pub(super) told: BTreeSet<String>,
}

/// The grammar in GBNF; `None` where it says what GBNF cannot.
pub(super) fn gbnf(lark: &str) -> Option<Gbnf> {
    let mut out = String::new();
    let (mut rules, mut texts) = (Rules::default(), Texts::default());
    for rule in rules_of(lark) {
        let (name, body) = rule.split_once(": ")?;
        if let Some(schema) = body.strip_prefix("%json ") {
            let mut schema: Value = serde_json::from_str(schema).ok()?;
            let style = schema.as_object_mut().and_then(|schema| schema.remove("x-guidance"));
            rules.style(style.as_ref());
            let body = rules.value(&schema, &schema, 0)?;
            writeln!(out, "{} ::= {body}", named(name)?).ok()?;
        } else if let Some(name) = name.strip_suffix("[lazy]") {
            out.push_str(&expression::rules(&named(name)?, body, true)?);
        } else {
            writeln!(out, "{} ::= {}", named(name)?, alternatives(body, &mut texts)?).ok()?;
        }
    }
    out.push_str(&rules.text());
    out.push_str(&texts.rules);
    Some(Gbnf { text: out, told: rules.told })
}

/// Rules, each on one line: a line that begins with a bar continues the one before.
fn rules_of(lark: &str) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for line in lark.lines().filter(|line| !line.trim().is_empty()) {
        match (line.trim_start().strip_prefix("| "), rules.last_mut()) {
            (Some(alternative), Some(rule)) => {
                rule.push_str("\u{0} ");
                rule.push_str(alternative);
            }
            _ => rules.push(line.to_owned()),
        }
    }
    rules
}

/// A rule's name. Attributes and parameters have no translation.
fn named(name: &str) -> Option<String> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then(|| if name == "start" { "root".to_owned() } else { name.replace('_', "-") })
}

/// Rules for the regular expressions in other rules.
#[derive(Debug, Default)]
struct Texts {
    rules: String,
    names: BTreeMap<String, String>,
}

impl Texts {
    /// The rule of this expression.
    fn rule(&mut self, regex: &str) -> Option<String> {
        if let Some(name) = self.names.get(regex) {
            return Some(name.clone());
        }
        let name = format!("regex-{}", self.names.len());
        self.rules.push_str(&expression::rules(&name, regex, false)?);
        self.names.insert(regex.to_owned(), name.clone());
        Some(name)
    }
}

fn alternatives(body: &str, texts: &mut Texts) -> Option<String> {
    let parts = body.split('\u{0}').map(|part| sequence(part.trim(), texts)).collect::<Option<Vec<_>>>()?;
    Some(parts.join(" | "))
}

/// A sequence of literals, rules, groups and regular expressions, each perhaps repeated.
fn sequence(text: &str, texts: &mut Texts) -> Option<String> {
    let mut out = String::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '"' => {
                let end = closed(rest, '"')?;
                out += &literal(&serde_json::from_str::<String>(&rest[..end]).ok()?);
                end
            }
            '/' => {
                let end = closed(rest, '/')?;
                match class(&rest[1..end - 1]) {
                    Some(class) => out += class,
                    None => out += &texts.rule(&rest[..end])?,
                }
                end
            }
            // The same in both languages: groups, and how often what stands before may come.
            '(' | ')' | '|' | '*' | '+' | '?' => {
                out.push(first);
                1
            }
            '{' => {
                let end = rest.find('}')? + 1;
                out += rest[..end].strip_prefix("{0,}").map_or(&rest[..end], |_| "*");
                end
            }
            _ => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                out += &named(rest.get(..end).filter(|name| !name.is_empty())?)?;
                end
            }
        };
        let behind = rest[taken..].trim_start();
        if behind.len() < rest.len() - taken {
            out.push(' ');
        }
        rest = behind;
    }
    Some(out)
}

/// A regular expression that is one class of characters, perhaps repeated: GBNF writes it the same way.
fn class(regex: &str) -> Option<&str> {
    let (class, often) = regex.strip_prefix('[')?.split_once(']')?;
    let plain = class.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c));
    let counted = often.is_empty()
        || often
            .strip_prefix('{')
            .and_then(|often| often.strip_suffix('}'))
            .is_some_and(|often| often.chars().all(|c| c.is_ascii_digit() || c == ','));
    (plain && counted).then_some(regex)
}

/// Where what begins with this mark ends.
pub(super) fn closed(text: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A text as GBNF writes it.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_rules_and_schemas_go_over() {
        let lark = "start: call more*\njson_1: %json {\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\
                    \"b\":{\"enum\":[\"x\",1]}},\"required\":[\"a\"],\"additionalProperties\":false}\n\
                    call: \"<c>\\n\" json_1 \"}\"\nmore: \"\\n\" call\n  | \"\"\n";
        let gbnf = gbnf(lark).expect("a translation").text;
        assert!(gbnf.starts_with("root ::= call more*\n"), "{gbnf}");
        assert!(gbnf.contains("call ::= \"<c>\\n\" json-1 \"}\"\n"), "{gbnf}");
        assert!(gbnf.contains("more ::= \"\\n\" call | \"\"\n"), "{gbnf}");
        assert!(gbnf.contains("json-1 ::= \"{\" \"\\\"a\\\": \" integer"), "{gbnf}");
        assert!(gbnf.contains("(\"\\\"x\\\"\" | \"1\")"), "{gbnf}");
    }

    #[test]
    fn texts_and_regular_expressions_become_rules() {
        let lazy = gbnf("start: text_1\ntext_1[lazy]: /x/ \"<end>\"\n").expect("a translation").text;
        assert!(lazy.starts_with("root ::= text-1\ntext-1 ::= [x] text-1-1\n"), "{lazy}");
        let regex = gbnf("start: /ab?/ \"c\" /ab?/\n").expect("a translation").text;
        assert!(regex.starts_with("root ::= regex-0 \"c\" regex-0\n"), "{regex}");
    }

    #[test]
    fn what_is_left_to_the_check_is_told() {
        let lark = "start: json_1\njson_1: %json {\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\
                    \"title\":\"A\",\"minimum\":1},\"b\":{\"type\":\"string\",\"pattern\":\"x\"}}}\n";
        let told = gbnf(lark).expect("a translation").told;
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ["minimum", "pattern"]);
    }

    #[test]
    fn what_has_no_translation_is_not_guessed() {
        assert_eq!(gbnf("start: text_1\ntext_1[stop=\"x\"]: /x/\n"), None);
        assert_eq!(gbnf("start: a<[7]>\n"), None);
        assert_eq!(
            gbnf("start: /[a-z]{9}/ (\", \" x){0,}\n").map(|gbnf| gbnf.text).as_deref(),
            Some("root ::= [a-z]{9} (\", \" x)*\n")
        );
    }
}
