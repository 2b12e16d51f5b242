//! The tool lists that servers really send: every tool compiles, and what is told of them is little.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use callwright_parse::check::ToolSet;
use callwright_parse::schema::Kind;
use callwright_test_support::lists::{files, tools};
use serde_json::Value;

#[test]
fn every_list_compiles_whole() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let mut lists = files(&shared.join("mcp"));
    lists.extend(files(&shared.join("cases/schemas")));
    assert!(lists.len() > 50, "{} lists", lists.len());
    let (mut count, mut took, mut told) = (0, Duration::ZERO, BTreeMap::<String, usize>::new());
    let mut any = Vec::new();
    for file in &lists {
        let tools = tools(file);
        let began = Instant::now();
        let set = ToolSet::compile_strict(&tools).unwrap_or_else(|error| unreachable!("{}: {error}", file.display()));
        took += began.elapsed();
        count += set.tools().len();
        for (_, one) in set.told() {
            *told.entry(format!("{:?} {}: {}", one.degree, one.keyword, one.why)).or_default() += 1;
        }
        for tool in set.tools() {
            let schema = set.schema(&tool.name).unwrap();
            let typed = |key: &str| tool.parameters["properties"][key].get("type").is_some_and(Value::is_string);
            let lost = schema.members().iter().filter(|member| member.node.kind == Kind::Any && typed(&member.key));
            any.extend(lost.map(|member| format!("{} {}", tool.name, member.key)));
        }
    }
    println!("{count} tools in {took:?}");
    for (what, count) in &told {
        println!("{count} {what}");
    }
    assert!(count > 1_000, "{count}");
    assert_eq!(any, Vec::<String>::new(), "parameters whose type is lost");
}
