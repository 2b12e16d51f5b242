//! What counts as right: BFCL's rules for accepted values, JSON's for the very calls, and the classes of failure.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use callwright_bench::{Case, CaseOutcome, Class, Hooks, How, run};
use callwright_parse::format::Formats;
use callwright_record::Records;
use serde_json::{Value, json};

/// What becomes of one recording.
fn case(recording: &Value) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.jsonl");
    std::fs::write(&file, recording.to_string()).unwrap();
    let bench = run(Records::read(&[file]).unwrap(), &How::new(Formats::builtin().clone()), Hooks::default()).unwrap();
    assert!(bench.bad.is_empty(), "{:?}", bench.bad);
    bench.cases.into_iter().next().unwrap()
}

fn written(name: &str, arguments: &Value) -> String {
    format!("<tool_call>\n{}\n</tool_call>", json!({"name": name, "arguments": arguments}))
}

/// What becomes of one argument of this schema, given these accepted values.
fn argument(schema: &Value, value: &Value, accepted: &Value, language: &str) -> Option<Class> {
    let tool = json!({"name": "f", "parameters": {"properties": {"x": schema}}});
    let accepted = json!([{"name": "f", "args": {"x": accepted}}]);
    let output = written("f", &json!({"x": value}));
    case(&json!({"id": "1", "format": "hermes", "lang": language, "tools": [tool], "output": output, "accepted": accepted})).class
}

#[test]
fn accepted_values_are_compared_as_the_leaderboard_does() {
    let (right, value, kind) = (None, Some(Class::WrongValue), Some(Class::WrongType));
    let number = json!({"type": "number"});
    let text = json!({"type": "string"});
    let list = |of: &str| json!({"type": "array", "items": {"type": of}});
    let object = json!({"type": "object"});
    for (schema, given, accepted, expected) in [
        (&number, json!(2), json!([2.0]), right),
        (&number, json!(2.5), json!([2.0]), value),
        (&json!({"type": "integer"}), json!(7), json!(["", 7]), right),
        (&json!({"type": "boolean"}), json!(true), json!([false]), value),
        (&text, json!("New-York, N.Y."), json!(["new york ny"]), right),
        (&text, json!("it's"), json!(["IT\"S"]), right),
        (&text, json!("Rome"), json!(["Roma"]), value),
        (&list("string"), json!(["A b", "c"]), json!([["ab", "C"]]), right),
        (&list("string"), json!(["a", "b"]), json!([["b", "a"]]), value),
        (&list("string"), json!([]), json!([["a"], ""]), right),
        (&list("number"), json!([1.0, 2.5]), json!([[1.0, 2.5]]), right),
        (&object, json!({"a": 1, "b": "X"}), json!([{"b": ["x"], "a": [1, 2]}]), right),
        (&object, json!({"a": 1}), json!([{"a": [1], "b": [2]}]), value),
        (&object, json!({"a": {"b": 3}}), json!([{"a": {"b": [3]}}]), right),
        (&list("object"), json!([{"a": 1}, {"a": 2}]), json!([[{"a": [1]}, {"a": [2]}]]), right),
        (&list("object"), json!([{"a": 2}, {"a": 1}]), json!([[{"a": [1]}, {"a": [2]}]]), value),
        // The leaderboard takes no integer for a number inside a list, and a variable's name only to the letter.
        (&list("integer"), json!([1, 2]), json!([[1.5, 2.5]]), value),
        (&list("integer"), json!([1.5]), json!([[1, 2]]), kind),
        (&json!({}), json!("total"), json!(["total"]), right),
    ] {
        assert_eq!(argument(schema, &given, &accepted, "python"), expected, "{schema} {given} {accepted}");
    }
}

#[test]
fn source_text_is_read_as_its_language_has_it() {
    let (right, value, kind) = (None, Some(Class::WrongValue), Some(Class::WrongType));
    let typed = |name: &str, of: &str| json!({"type": "string", "x-bfcl-type": name, "x-bfcl-items": of});
    for (language, name, of, source, accepted, expected) in [
        ("java", "integer", "", "42", json!([42]), right),
        ("java", "integer", "", "42L", json!([42]), kind),
        ("java", "long", "", "42L", json!([42]), right),
        ("java", "long", "", "42", json!([42]), kind),
        ("java", "double", "", "-2.5e3", json!([-2500.0]), right),
        ("java", "float", "", "1.5f", json!([1.5]), right),
        ("java", "boolean", "", "true", json!([true]), right),
        ("java", "boolean", "", "True", json!([true]), kind),
        ("java", "any", "", "new Point(1, 2)", json!(["new Point(1,2)"]), right),
        ("java", "Array", "integer", "new int[]{1, 2}", json!([[1, 2]]), right),
        ("java", "Array", "integer", "[1, 2]", json!([[1, 2]]), kind),
        (
            "java",
            "ArrayList",
            "String",
            "new ArrayList<>(Arrays.asList(\"a\", \"b, c\"))",
            json!([["a", "b, c"]]),
            right,
        ),
        ("java", "ArrayList", "integer", "new ArrayList<Integer>() {{ add(1); add(2); }}", json!([[1, 2]]), right),
        ("java", "ArrayList", "String", "new ArrayList<>()", json!([[]]), right),
        (
            "java",
            "HashMap",
            "",
            "new HashMap<>() {{ put(\"a\", 1); put(\"b\", \"x\"); }}",
            json!([{"a": [1], "b": ["x"]}]),
            right,
        ),
        ("javascript", "float", "", "2.5", json!([2.5]), right),
        ("javascript", "Bigint", "", "12n", json!([12]), right),
        ("javascript", "Boolean", "", "false", json!([false]), right),
        ("javascript", "String", "", "'quoted'", json!(["quoted"]), right),
        ("javascript", "array", "String", "['a', \"b\"]", json!([["a", "b"]]), right),
        ("javascript", "array", "integer", "new Array(1, 2)", json!([[1, 2]]), right),
        ("javascript", "array", "float", "[1.5, x]", json!([[1.5, 2.5]]), kind),
        (
            "javascript",
            "dict",
            "",
            "{a: 1, 'b': \"x\", c: [1, 2]}",
            json!([{"a": [1], "b": ["x"], "c": [[1, 2]]}]),
            right,
        ),
        ("javascript", "dict", "", "{a: 1}", json!([{"a": [2]}]), value),
    ] {
        assert_eq!(
            argument(&typed(name, of), &json!(source), &accepted, language),
            expected,
            "{language} {name} {source}"
        );
    }
    let number = argument(&typed("integer", ""), &json!({"a": 1}), &json!([1]), "java");
    assert_eq!(number, kind, "a value where source text was due");
}

/// Two tools and what is done with them.
fn of_calls(output: &str, due: &Value) -> Case {
    let tool =
        |name: &str| json!({"name": name, "parameters": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}});
    case(
        &json!({"id": "1", "format": "hermes", "tools": [tool("up"), tool("down")], "output": output, "expected": due}),
    )
}

fn due(calls: &[(&str, Value)]) -> Value {
    calls.iter().map(|(name, arguments)| json!({"name": name, "arguments": arguments})).collect()
}

#[test]
fn every_class_of_failure_has_its_case() {
    let one = |n: i64| written("up", &json!({"n": n}));
    let two = format!("{}\n{}", one(1), written("down", &json!({"n": 2})));
    let both = due(&[("down", json!({"n": 2})), ("up", json!({"n": 1}))]);
    let up = due(&[("up", json!({"n": 1}))]);
    for (output, due, outcome, class) in [
        (one(1), &up, CaseOutcome::Strict, None),
        (two.clone(), &both, CaseOutcome::Strict, None),
        (written("up", &json!({"n": "1"})), &up, CaseOutcome::Repaired, None),
        ("Hello.".to_owned(), &json!([]), CaseOutcome::Strict, None),
        ("Hello.".to_owned(), &up, CaseOutcome::Missed, Some(Class::NoCallMissed)),
        (one(1), &json!([]), CaseOutcome::Phantom, Some(Class::PhantomCall)),
        (one(1), &both, CaseOutcome::Wrong, Some(Class::WrongCount)),
        (one(2), &up, CaseOutcome::Wrong, Some(Class::WrongValue)),
        (written("down", &json!({"n": 1})), &up, CaseOutcome::Wrong, Some(Class::WrongTool)),
        (written("up", &json!({})), &up, CaseOutcome::Faulty, Some(Class::MissingArgument)),
        (written("up", &json!({"n": "many"})), &up, CaseOutcome::Faulty, Some(Class::WrongType)),
        (written("sideways", &json!({"n": 1})), &up, CaseOutcome::Missed, Some(Class::UnknownTool)),
        ("<tool_call>\n{\"name\": \"up\", \"argum".to_owned(), &up, CaseOutcome::Missed, Some(Class::Truncated)),
        (
            "<tool_call>\n{\"name\": \"up\", \"arguments\": ]}\n</tool_call>".to_owned(),
            &up,
            CaseOutcome::Missed,
            Some(Class::BadSyntax),
        ),
    ] {
        let case = of_calls(&output, due);
        assert_eq!((case.outcome, case.class), (outcome, class), "{output} {:?}", case.message);
    }
}

#[test]
fn text_that_should_remain_counts() {
    let output = format!("Let me look.\n{}", written("up", &json!({"n": 1})));
    let tool = json!({"name": "up", "parameters": {"properties": {"n": {"type": "integer"}}}});
    let recording = |text: &str| {
        case(&json!({"id": "1", "format": "hermes", "tools": [tool], "output": output,
            "expected": [{"name": "up", "arguments": {"n": 1}}], "expected_text": text}))
    };
    assert_eq!(recording("Let me look.").outcome, CaseOutcome::Strict);
    assert_eq!((recording("").outcome, recording("").class), (CaseOutcome::Faulty, Some(Class::WrongSpan)));
}

#[test]
fn what_says_nothing_of_right_and_wrong_is_not_judged() {
    let case = case(&json!({"id": "1", "format": "hermes", "output": "Hi."}));
    assert_eq!((case.outcome, case.due, case.class), (CaseOutcome::Unjudged, None, None));
}
