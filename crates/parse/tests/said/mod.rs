//! A typed schema in a few words, for tables of tests.

use callwright_parse::schema::{Bound, Kind, Node, Others};
use serde_json::Value;

/// A kind in a few words, with all that it says.
pub(crate) fn said(node: &Node) -> String {
    let inner = |node: &Node| said(node);
    let list = |nodes: &[Node]| nodes.iter().map(inner).collect::<Vec<_>>();
    let kind = match &node.kind {
        Kind::Any => "any".to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Number(numbers) => {
            let bound = |bound: &Option<Bound>| {
                let shown = |value: &Bound| format!("{}{}", value.value, if value.excluded { "!" } else { "" });
                bound.as_ref().map(shown).unwrap_or_default()
            };
            let name = if numbers.integer { "integer" } else { "number" };
            let steps: Vec<String> = numbers.multiple_of.iter().map(ToString::to_string).collect();
            format!("{name} {}..{} {}", bound(&numbers.least), bound(&numbers.most), steps.join(","))
                .trim_end()
                .to_owned()
        }
        Kind::String(strings) => {
            let formats: Vec<&str> = strings.formats.iter().map(|format| format.as_str()).collect();
            let most = strings.most.map(|most| most.to_string()).unwrap_or_default();
            let more = [strings.patterns.join(" & "), formats.join(",")].join(" ");
            format!("string {}..{most} {}", strings.least, more.trim()).trim_end().to_owned()
        }
        Kind::Array(arrays) => {
            let rest = arrays.rest.as_deref().map_or("nothing".to_owned(), inner);
            let most = arrays.most.map(|most| most.to_string()).unwrap_or_default();
            let unique = if arrays.unique { " unique" } else { "" };
            let contains: Vec<String> =
                arrays.contains.iter().map(|one| format!(" with {}", inner(&one.item))).collect();
            format!(
                "array {}..{most} [{}; {rest}]{unique}{}",
                arrays.least,
                list(&arrays.first).join(", "),
                contains.concat()
            )
        }
        Kind::Object(objects) => {
            let mut members: Vec<String> = objects
                .members
                .iter()
                .map(|member| {
                    format!("{}{}: {}", member.key, if member.required { "!" } else { "" }, inner(&member.node))
                })
                .collect();
            members.extend(objects.patterns.iter().map(|(pattern, node)| format!("/{pattern}/: {}", inner(node))));
            match &objects.others {
                Others::Unsaid => {}
                Others::Forbidden => members.push("closed".to_owned()),
                Others::Of(node) => members.push(format!("others: {}", inner(node))),
            }
            format!("{{{}}}", members.join(", "))
        }
        Kind::Constants(values) => Value::from(values.clone()).to_string(),
        Kind::Either(either) => {
            let beside = either.beside.as_deref().map(|node| format!(" beside {}", inner(node))).unwrap_or_default();
            let word = if either.exclusive { " xor " } else { " or " };
            format!("({}{beside})", list(&either.of).join(word))
        }
        Kind::Reference(number) => format!("@{number}"),
    };
    if node.beyond.is_empty() { kind } else { format!("{kind} beyond {}", node.beyond.join(",")) }
}
