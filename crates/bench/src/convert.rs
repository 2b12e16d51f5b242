//! Java and JavaScript values as the leaderboard reads them: source text in a string to the value that it means.
//!
//! Its questions in these languages take every argument as a string of source, and its checker turns the source into a
//! value by the parameter's type before it compares. A text that is not such source stays the text, and then differs
//! by its type. Lists and maps are cut at commas outside quotes and brackets, where the leaderboard cuts at any comma.

use serde_json::{Map, Value};

use super::scan::{between, calls, float, integer, split, unquoted};
use callwright_record::Language;

/// The value that a text means for a parameter of this type, whose items have that type.
pub(super) fn value(source: &str, language: Language, name: &str, items: Option<&str>) -> Value {
    let read = match language {
        Language::Java => java(source, name, items),
        Language::JavaScript => javascript(source, name, items),
        Language::Json => None,
    };
    read.unwrap_or_else(|| Value::from(source))
}

/// None: it is not source code of that type.
fn java(source: &str, name: &str, items: Option<&str>) -> Option<Value> {
    match name {
        "byte" | "short" | "integer" => integer(source, &[]).map(Value::from),
        "long" => integer(source, &['l', 'L']).map(Value::from),
        "float" => float(source, &['f', 'F']).map(Value::from),
        "double" => float(source, &[]).map(Value::from),
        "boolean" => truth(source),
        "Array" | "ArrayList" => {
            java_list(source).map(|found| found.into_iter().map(|item| java_item(item, items)).collect())
        }
        "HashMap" => java_map(source),
        _ => None,
    }
}

fn truth(source: &str) -> Option<Value> {
    source.parse::<bool>().ok().map(Value::from)
}

/// `new T[]{a, b}`, `new ArrayList<>(Arrays.asList(a, b))`, `new ArrayList<>() {{ add(a); add(b); }}`.
fn java_list(source: &str) -> Option<Vec<&str>> {
    let (_, made) = source.split_once("new ")?;
    if let Some((_, listed)) = made.split_once("asList") {
        return Some(split(between(listed, '(', ')')?.trim_end_matches(')'), ','));
    }
    let (head, body) = made.split_once('{').unwrap_or((made, ""));
    if head.contains("[]") {
        return Some(split(body.rsplit_once('}').map_or(body, |(inside, _)| inside), ','));
    }
    head.trim_start().starts_with("ArrayList<").then(|| calls(body, "add"))
}

fn java_item(item: &str, of: Option<&str>) -> Value {
    match of {
        Some("String" | "char") => Value::from(unquoted(item).unwrap_or(item)),
        Some(of) => java(item, of, None).unwrap_or_else(|| Value::from(item)),
        None => java_value(item),
    }
}

/// `new HashMap<>() {{ put("a", 1); }}`.
fn java_map(source: &str) -> Option<Value> {
    let (_, made) = source.split_once("new ")?;
    made.trim_start().strip_prefix("HashMap<")?;
    let (_, body) = made.split_once('{').unwrap_or((made, ""));
    let mut members = Map::new();
    for put in calls(body, "put") {
        if let [key, value] = split(put, ',')[..] {
            members.insert(unquoted(key).unwrap_or(key).to_owned(), java_value(value));
        }
    }
    Some(Value::Object(members))
}

/// A value of unknown type.
fn java_value(source: &str) -> Value {
    let number =
        || integer(source, &['l', 'L']).map(Value::from).or_else(|| float(source, &['f', 'F']).map(Value::from));
    truth(source)
        .or_else(|| source.starts_with('"').then(|| unquoted(source)).flatten().map(Value::from))
        .or_else(number)
        .or_else(|| plain_number(source))
        .unwrap_or_else(|| Value::from(source))
}

fn plain_number(source: &str) -> Option<Value> {
    integer(source, &[]).map(Value::from).or_else(|| float(source, &[]).map(Value::from))
}

fn javascript(source: &str, name: &str, items: Option<&str>) -> Option<Value> {
    let source = if matches!(name, "array" | "dict") { source.trim() } else { source };
    match name {
        "String" => unquoted(source).map(Value::from),
        "integer" => integer(source, &[]).map(Value::from),
        "Bigint" => integer(source, &['n']).map(Value::from),
        "float" => float(source, &[]).map(Value::from),
        "Boolean" => truth(source),
        "array" => {
            let item = |item: &str| match items {
                Some(of) if !item.starts_with('[') => javascript(item, of, None).unwrap_or_else(|| Value::from(item)),
                _ => script_value(item),
            };
            script_list(source).map(|found| found.into_iter().map(item).collect())
        }
        "dict" => script_object(source),
        _ => None,
    }
}

/// `[a, b]`, `new Array(a, b)`.
fn script_list(source: &str) -> Option<Vec<&str>> {
    let inside = if source.starts_with('[') {
        between(source, '[', ']')?
    } else {
        between(source.strip_prefix("new ")?.trim_start().strip_prefix("Array")?, '(', ')')?
    };
    Some(split(inside, ','))
}

fn script_object(source: &str) -> Option<Value> {
    if !source.starts_with('{') {
        return None;
    }
    let mut members = Map::new();
    for member in split(between(source, '{', '}')?, ',') {
        let (key, value) = match split(member, ':')[..] {
            [key, value] => (key, value),
            [key, ..] => (key, member.get(key.len()..)?.trim_start_matches([':', ' '])),
            [] => continue,
        };
        let value = if value.starts_with(['[', '{']) { script_value(value) } else { loose_value(value) };
        members.insert(unquoted(key).unwrap_or(key).to_owned(), value);
    }
    Some(Value::Object(members))
}

/// A member's value: the leaderboard takes its quotes off before it looks.
fn loose_value(source: &str) -> Value {
    script_value(source.trim_matches(['"', '\'']))
}

/// A value of unknown type.
fn script_value(source: &str) -> Value {
    truth(source)
        .or_else(|| unquoted(source).map(Value::from))
        .or_else(|| script_list(source).map(|items| items.into_iter().map(script_value).collect()))
        .or_else(|| script_object(source))
        .or_else(|| plain_number(source))
        .unwrap_or_else(|| Value::from(source))
}
