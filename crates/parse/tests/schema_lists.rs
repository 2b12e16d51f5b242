//! The tool lists that servers really send: every tool compiles, and what is told of them is little.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callwright_parse::chat::Tool;
use callwright_parse::check::ToolSet;
use callwright_parse::schema::Kind;
use serde_json::Value;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn tools(file: &Path) -> Vec<Tool> {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for key in ["result", "tools"] {
        if let Some(inner) = value.get_mut(key) {
            value = inner.take();
        }
    }
    serde_json::from_value(value).unwrap()
}

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
