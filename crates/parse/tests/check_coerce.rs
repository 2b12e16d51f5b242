//! Each coercion and each fault of the check, one line each.

#![expect(clippy::needless_pass_by_value, clippy::unwrap_used, reason = "tables of values, read by helpers")]

use callwright_parse::chat::{Fault, FixKind, FixKind::*, Tool};
use callwright_parse::check::{Checked, Found, Level, ToolSet};
use serde_json::{Value, json};

fn tools(schema: Value) -> ToolSet {
    ToolSet::compile(&[Tool::new("tool", "", schema)]).unwrap()
}

fn check(tools: &ToolSet, arguments: Value, level: Level) -> Checked {
    tools.check("tool", arguments, level, 3..9, 1)
}

fn kinds(checked: &Checked) -> Vec<FixKind> {
    assert!(checked.fixes.iter().all(|fix| fix.span == (3..9) && fix.call == Some(1)));
    checked.fixes.iter().map(|fix| fix.kind).collect()
}

/// Property schema, value in, value out, fixes.
#[track_caller]
fn coerces(schema: Value, before: Value, after: Value, fixes: &[FixKind]) {
    let set = tools(json!({"properties": {"x": schema, "y": {"type": "string"}}, "required": ["x"]}));
    let checked = check(&set, json!({"x": before}), Level::Standard);
    assert_eq!(checked.faults, [], "{schema} {before}");
    assert_eq!(
        (Value::Object(checked.arguments.clone()), kinds(&checked)),
        (json!({"x": after}), fixes.to_vec()),
        "{schema} {before}"
    );
    let strict = check(&set, json!({"x": before}), Level::Strict);
    assert!(strict.fixes.is_empty() && strict.arguments["x"] == before, "strict: {schema} {before}");
}

#[track_caller]
fn stays(schema: Value, value: Value) {
    coerces(schema, value.clone(), value, &[]);
}

#[track_caller]
fn faulty(schema: Value, value: Value) {
    let set = tools(json!({"properties": {"x": schema}, "required": ["x"]}));
    let checked = check(&set, json!({"x": value}), Level::Standard);
    assert!(
        matches!(checked.faults.as_slice(), [Fault::Invalid { call: 1, path, .. }, ..] if path.starts_with("/x")),
        "{checked:?}"
    );
    assert_eq!(checked.arguments["x"], value);
}

#[test]
fn scalars() {
    coerces(json!({"type": "integer"}), json!("5"), json!(5), &[Coerced]);
    coerces(json!({"type": "integer"}), json!(" -5 "), json!(-5), &[Coerced]);
    coerces(json!({"type": "integer"}), json!("007"), json!(7), &[Coerced]);
    coerces(json!({"type": "int"}), json!(5.0), json!(5), &[Coerced]);
    coerces(json!({"type": "integer"}), json!("5.0"), json!(5), &[Coerced]);
    coerces(json!({"type": "float"}), json!("5.5"), json!(5.5), &[Coerced]);
    stays(json!({"type": "number"}), json!(2));
    stays(json!({"type": "number"}), json!(9_007_199_254_740_993_i64));
    coerces(json!({"type": "number"}), json!("9007199254740993"), json!(9_007_199_254_740_993_i64), &[Coerced]);
    coerces(json!({"type": "integer"}), json!("18446744073709551615"), json!(u64::MAX), &[Coerced]);
    faulty(json!({"type": "integer"}), json!("18446744073709551616"));
    coerces(json!({"type": "bool"}), json!("true"), json!(true), &[Coerced]);
    coerces(json!({"type": "boolean"}), json!("False"), json!(false), &[Coerced]);
    coerces(json!({"type": "string"}), json!(5), json!("5"), &[Coerced]);
    coerces(json!({"type": ["integer", "null"]}), json!("null"), json!(null), &[Coerced]);
    coerces(json!({"enum": ["celsius", "fahrenheit"]}), json!("Celsius "), json!("celsius"), &[Coerced]);
    coerces(json!({"type": "integer"}), json!({"type": "integer", "value": 5}), json!(5), &[Shape]);
    stays(json!({"type": "string"}), json!("007"));
    stays(json!({"type": ["string", "integer"]}), json!("5"));
    stays(json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), json!("5"));
    stays(json!({"type": ["number", "string"]}), json!(2));
    stays(json!({"type": "number", "allOf": [{"type": "integer"}]}), json!(1));
    stays(json!({}), json!("5"));
    stays(json!({"type": "any"}), json!({"a": [1]}));
    faulty(json!({"type": "integer"}), json!("five"));
    faulty(json!({"type": "integer"}), json!(5.5));
    faulty(json!({"type": "integer"}), json!("5.5"));
    faulty(json!({"type": "boolean"}), json!(1));
    faulty(json!({"type": "boolean"}), json!("yes"));
    faulty(json!({"type": "string"}), json!(true));
    faulty(json!({"type": "string"}), json!(1.1));
    faulty(json!({"enum": ["a", "b"]}), json!("c"));
    faulty(json!({"type": "integer", "maximum": 3}), json!(4));
    faulty(json!({"type": "string", "pattern": "^a+$"}), json!("b"));
    faulty(json!({"type": "integer"}), json!(null));
}

#[test]
fn lists_and_objects() {
    let ints = json!({"type": "array", "items": {"type": "integer"}});
    let floats = json!({"type": "array", "items": {"type": "float"}});
    coerces(ints.clone(), json!("[1, 2]"), json!([1, 2]), &[Coerced]);
    coerces(ints.clone(), json!(5), json!([5]), &[Listed]);
    coerces(ints.clone(), json!("5"), json!([5]), &[Listed, Coerced]);
    coerces(ints.clone(), json!(["1", 2.0]), json!([1, 2]), &[Coerced, Coerced]);
    coerces(floats, json!([1, 2.5]), json!([1.0, 2.5]), &[Coerced]);
    coerces(json!({"type": "tuple", "items": {"type": "str"}}), json!("a"), json!(["a"]), &[Listed]);
    coerces(
        json!({"type": "dict", "properties": {"a": {"type": "int"}}}),
        json!("{'a': '1'}"),
        json!({"a": 1}),
        &[Coerced, Coerced],
    );
    coerces(
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        json!({"a": "1"}),
        json!({"a": 1}),
        &[Coerced],
    );
    coerces(
        json!({"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),
        json!(["1"]),
        json!([1]),
        &[Coerced],
    );
    coerces(
        json!({"type": "object", "properties": {"Max_Size": {"type": "integer"}, "b": {"type": "integer"}}, "additionalProperties": false}),
        json!({"maxSize": 1, "b": null, "c": 2}),
        json!({"Max_Size": 1}),
        &[KeyAlias, NullDropped, UnknownArgument],
    );
    faulty(ints.clone(), json!("1, 2"));
    faulty(ints, json!({"a": 1}));
    faulty(json!({"type": "array", "items": {"type": "string"}}), json!("a, b"));
    faulty(json!({"type": "object"}), json!("{'a': 1"));
}

#[test]
fn whole_arguments() {
    let set = tools(json!({"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}));
    let table = [
        (json!("{\"a\": 1}"), json!({"a": 1}), vec![DoubleEncoded]),
        (json!("\"{\\\"a\\\": 1}\""), json!({"a": 1}), vec![DoubleEncoded, DoubleEncoded]),
        (json!({"arguments": {"a": 1}}), json!({"a": 1}), vec![Shape]),
        (json!({"type": "object", "properties": {"a": 1}}), json!({"a": 1}), vec![Shape]),
        (json!([{"a": 1}]), json!({"a": 1}), vec![Shape]),
        (json!({"a": 1, "b": null}), json!({"a": 1}), vec![NullDropped]),
        (json!({"a": 1, "c": 2}), json!({"a": 1, "c": 2}), vec![UnknownArgument]),
        (json!({"A": 1}), json!({"a": 1}), vec![KeyAlias]),
    ];
    for (before, after, fixes) in table {
        let checked = check(&set, before.clone(), Level::Standard);
        assert_eq!(
            (Value::Object(checked.arguments.clone()), kinds(&checked), checked.faults.len()),
            (after, fixes, 0),
            "{before}"
        );
    }
    let missing = check(&set, json!({"b": 1}), Level::Standard);
    assert_eq!(missing.faults, [Fault::MissingArgument { call: 1, name: "a".to_owned() }]);
    for bad in [json!("{\"a\": 1"), json!([1, 2]), json!(null), json!(5), json!("")] {
        let checked = check(&set, bad.clone(), Level::Standard);
        assert!(!checked.faults.is_empty() && checked.arguments.is_empty(), "{bad}: {checked:?}");
    }
    let none = tools(json!({}));
    assert_eq!(kinds(&check(&none, json!(null), Level::Standard)), [NoArguments]);
    let one = tools(json!({"properties": {"q": {"type": "string"}}}));
    assert_eq!(check(&one, json!("Oslo"), Level::Standard).arguments["q"], "Oslo");
    let sourced = set.check_with_sources("tool", json!({"a": 1, "b": 1.1}), Level::Standard, 0..1, 0, &|name| {
        (name == "b").then_some("1.10")
    });
    assert_eq!((sourced.arguments["b"].clone(), sourced.faults.len()), (json!("1.10"), 0));
    let mut deep = json!(1);
    (0..200).for_each(|_| deep = json!([deep]));
    assert_eq!(check(&set, json!({"a": deep}), Level::Standard).faults, [Fault::TooDeep { call: 1 }]);
}

#[test]
fn names() {
    let tool = |name: &str| Tool::new(name, "", json!({}));
    let set =
        ToolSet::compile(&[tool("get_weather"), tool("math.gcd"), tool("math_lcm"), tool("a.b"), tool("a_b")]).unwrap();
    let index = |name: &str, level| set.find(name, level);
    assert_eq!(index("get_weather", Level::Strict), Found::Exact(0));
    for name in
        ["get-weather", "GetWeather", "functions.get_weather", "get.weather", "functions.GetWeather", " get_weather"]
    {
        assert_eq!(index(name, Level::Standard), Found::Folded(0), "{name}");
        assert!(index(name, Level::Strict).index().is_none(), "{name}");
    }
    assert_eq!(index("math_gcd", Level::Standard), Found::Folded(1));
    assert_eq!(index("a-b", Level::Standard).index(), None);
    assert_eq!(index("get_wether", Level::Lenient), Found::Near(0));
    assert_eq!(index("gcd", Level::Lenient), Found::Near(1));
    assert_eq!(index("get_wether", Level::Standard), Found::Unknown { suggestions: vec!["get_weather".to_owned()] });
    assert_eq!(index("", Level::Lenient).index(), None);
    assert_eq!(index(&"x".repeat(100_000), Level::Lenient), Found::Unknown { suggestions: vec![] });
    let checked = set.check("get_wether", json!({}), Level::Standard, 0..1, 0);
    assert!(matches!(checked.faults.as_slice(), [Fault::UnknownTool { .. }]));
}

#[test]
fn positional() {
    let set = tools(json!({"properties": {"b": {"type": "integer"}, "a": {"type": "string"}}, "required": ["a"]}));
    assert_eq!(
        Value::Object(set.positional("tool", vec![json!(1), json!("x"), json!(2)])),
        json!({"b": 1, "a": "x", "2": 2})
    );
    assert_eq!(Value::Object(set.positional("tool", vec![json!({"A": "x"})])), json!({"A": "x"}));
    assert_eq!(
        Value::Object(set.positional("tool", vec![json!("b=6"), json!("a='x=y'")])),
        json!({"b": 6, "a": "x=y"})
    );
    assert_eq!(Value::Object(set.positional("tool", vec![json!(1), json!("z=2")])), json!({"b": 1, "a": "z=2"}));
    let takes = tools(json!({"properties": {"o": {"type": "object"}}}));
    assert_eq!(Value::Object(takes.positional("tool", vec![json!({"k": 1})])), json!({"o": {"k": 1}}));
}
