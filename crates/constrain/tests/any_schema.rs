//! Law 6 for schemas of any kind: whatever is written through the masks is valid, or what it violates was told; and every
//! call comes to its end within its budget.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise, and tells figures")]

#[path = "common/walks.rs"]
mod walks;

use std::collections::BTreeMap;
use std::sync::Arc;

use callwright_constrain::{Compiler, Constraint};
use callwright_parse::chat::{Tool, ToolChoice};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::Parser;
use callwright_test_support::any_schema::tool;
use callwright_test_support::dice::Dice;
use serde_json::Value;
use walks::{compiler, is_told, violated, walk};

/// Formats of different shapes: JSON, literals, tags, tags with types, elements, quotes that are tokens.
const SHAPES: [&str; 6] = ["hermes", "pythonic", "qwen3_coder", "dsml", "minimax_m3", "gemma4"];

/// How a walk ended.
enum Walk {
    /// It wrote a call.
    Wrote,
    /// The format cannot say what the schema asks for.
    Refused,
}

fn check(
    format: &Arc<Format>,
    schema: &Value,
    dice: &mut Dice,
    made: &(Compiler, Vec<Vec<u8>>),
) -> Result<Walk, String> {
    let Ok(tools) = ToolSet::compile(&[Tool::new("t", "", schema.clone())]) else { return Ok(Walk::Refused) };
    let tools = Arc::new(tools);
    let choice = ToolChoice::Named("t".to_owned());
    let constraint = match Constraint::compile(format, &tools, &choice, false, "") {
        Ok(constraint) => constraint.unwrap(),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return if cause.contains("cannot represent") {
                Ok(Walk::Refused)
            } else {
                Err(format!("{error}: {cause}"))
            };
        }
    };
    let output = walk(&constraint, &made.0, &made.1, dice)?;
    let mut told: Vec<String> = constraint.relaxed().iter().map(|told| told.cause.clone()).collect();
    told.extend(tools.told().map(|(_, told)| told.to_string()));
    let text = String::from_utf8_lossy(&output).into_owned();
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
    parser.push(&output);
    let parsed = parser.finish();
    let [call] = parsed.calls.as_slice() else { return Err(format!("no call: {text:?} {:?}", parsed.faults)) };
    if !parsed.fixes.is_empty() {
        return Err(format!("fixed: {text:?} {:?}", parsed.fixes));
    }
    let arguments = Value::Object(call.arguments.clone().into_iter().collect());
    let untold: Vec<String> = violated(tools.schema("t").unwrap().json(), &arguments)
        .unwrap()
        .into_iter()
        .filter(|way| !is_told(way, &told))
        .map(|way| way.join("/"))
        .collect();
    if untold.is_empty() { Ok(Walk::Wrote) } else { Err(format!("{untold:?} of {text:?}, told {told:?}")) }
}

#[test]
fn law_6_whatever_the_schema() {
    let made = compiler();
    let (mut wrote, mut refused, mut wrong) = (BTreeMap::<&str, usize>::new(), 0, Vec::new());
    for seed in 0..100 {
        let schema = tool(&mut Dice::new(seed), 4);
        for name in SHAPES {
            let format = Formats::builtin().get(name).unwrap();
            match check(&format, &schema, &mut Dice::new(seed ^ 0xA5A5), &made) {
                Ok(Walk::Wrote) => *wrote.entry(name).or_default() += 1,
                Ok(Walk::Refused) => refused += 1,
                Err(why) => wrong.push(format!("{name} {seed}: {why}\n  {schema}")),
            }
        }
    }
    println!("{wrote:?}, {refused} refused");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(SHAPES.iter().all(|name| wrote[name] > 60), "{wrote:?}");
}
