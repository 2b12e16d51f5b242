//! What the tolerant readers make of what models write, one line each.

#![expect(clippy::unwrap_used, reason = "a table, read by a helper")]

use callwright_parse::chat::FixKind::{self, *};
use callwright_parse::value::{self, CallDialect, Reading, Unread};
use serde_json::{Value, json};

#[track_caller]
fn reads(read: Result<Reading, Unread>, value: &Value, fixes: &[FixKind]) {
    let read = read.unwrap();
    let mut kinds: Vec<FixKind> = read.fixes.iter().map(|fix| fix.kind).collect();
    kinds.dedup();
    assert_eq!((&read.value, kinds.as_slice()), (value, fixes));
}

#[test]
fn json_as_models_write_it() {
    let table: &[(&str, Value, &[FixKind])] = &[
        ("{'a': 'b'}", json!({"a": "b"}), &[Quotes]),
        ("{“a”: ‘b’}", json!({"a": "b"}), &[Quotes]),
        ("[\"\"\"a \"b\"\n\"\"\"]", json!(["a \"b\"\n"]), &[Quotes]),
        ("[True, None]", json!([true, null]), &[Literal]),
        ("[1, 2,]", json!([1, 2]), &[TrailingComma]),
        ("{\"a\": 1,}", json!({"a": 1}), &[TrailingComma]),
        ("{\"a\": 1,, \"b\": 2}", json!({"a": 1, "b": 2}), &[TrailingComma]),
        ("{\"a\": 1 \"b\": 2}", json!({"a": 1, "b": 2}), &[Separator]),
        ("{\"a\": \"x\"\n\"b\": \"y\"}", json!({"a": "x", "b": "y"}), &[Separator]),
        ("[\"a\" \"b\"]", json!(["a", "b"]), &[Separator]),
        ("{\"a\" = 1; b => 2}", json!({"a": 1, "b": 2}), &[Separator, Unquoted, Separator]),
        ("[\"a\nb\tc\"]", json!(["a\nb\tc"]), &[RawControl]),
        ("{a: 1, b-c: 2}", json!({"a": 1, "b-c": 2}), &[Unquoted]),
        ("{city: New York, days: 3}", json!({"city": "New York", "days": 3}), &[Unquoted]),
        ("{city: Paris, France, days: 3}", json!({"city": "Paris, France", "days": 3}), &[Unquoted]),
        ("[1, // one\n2, # two\n/* three */ 3]", json!([1, 2, 3]), &[Comment]),
        ("[0x1F, 1_000, +2, .5, 5.]", json!([31, 1000, 2, 0.5, 5.0]), &[Number]),
        ("[007, NaN, -Infinity]", json!(["007", "NaN", "-Infinity"]), &[Number]),
        (r#"["a\_b \d \x41"]"#, json!(["a_b \\d A"]), &[Escape]),
        (r#"["\ud83d\ude00 \ud83d"]"#, json!(["\u{1f600} \u{fffd}"]), &[Escape]),
        ("{\"a\": \"say \"hi\" there\"}", json!({"a": "say \"hi\" there"}), &[UnescapedQuote]),
        ("{\"a\": \"say \"hi\", then go\", \"b\": 1}", json!({"a": "say \"hi\", then go", "b": 1}), &[UnescapedQuote]),
        ("{'a': 'Let's meet at 10 AM'}", json!({"a": "Let's meet at 10 AM"}), &[Quotes, UnescapedQuote, Quotes]),
        ("{\"a\": [1, 2}", json!({"a": [1, 2]}), &[MissingClose]),
        ("{\"a\": {\"b\": 1], \"c\": 2}", json!({"a": {"b": 1}, "c": 2}), &[MissingClose]),
        ("{{\"a\": 1}}", json!({"a": 1}), &[Opener]),
        ("(1, 'a')", json!([1, "a"]), &[Quotes, Tuple]),
        ("[1/2, 2024-10-15]", json!([0.5, "2024-10-15"]), &[Arithmetic, Number]),
        ("{\"a\": $5000, \"b\": 5 km}", json!({"a": 5000, "b": "5 km"}), &[Number]),
        (r#"{\"a\": \"b\"}"#, json!({"a": "b"}), &[Quotes]),
        (r"\['a\_b'\]", json!(["a_b"]), &[Escape, Quotes, Escape]),
        ("{\"a\": f(x, y)}", json!({"a": "f(x, y)"}), &[Unquoted]),
        ("[`ls -l`]", json!(["ls -l"]), &[Quotes]),
        ("[undefined, nil]", json!([null, null]), &[Literal]),
        ("[1e999]", json!(["1e999"]), &[Number]),
        ("[01:30, 3rd]", json!(["01:30", "3rd"]), &[Number]),
    ];
    for (text, value, fixes) in table {
        println!("{text}");
        reads(value::json(text, 0), value, fixes);
    }
}

#[test]
fn python_is_at_home() {
    let table: &[(&str, Value)] = &[
        ("{'a': True, 'b': None, 'c': (1, 2), }", json!({"a": true, "b": null, "c": [1, 2]})),
        ("['it\\'s', \"x\", r'\\d+', b'y', f'{z}', u'w']", json!(["it's", "x", "\\d+", "y", "{z}", "w"])),
        ("('a' 'b'\n \"c\")", json!("abc")),
        ("'''a\n'b' '''", json!("a\n'b' ")),
        ("[1_000, 1e3, -5, 0xff, .5, 007]", json!([1000, 1e3, -5, 255, 0.5, "007"])),
        ("(1,)", json!([1])),
        ("()", json!([])),
        ("(1)", json!(1)),
        ("'\\x41\\u00e9\\101\\\nz'", json!("AéAz")),
        ("[true, null]", json!([true, null])),
    ];
    for (text, value) in table {
        println!("{text}");
        let read = value::python(text, 0).unwrap();
        assert_eq!(read.value, *value);
        assert!(read.fixes.iter().all(|fix| text.contains("007") && fix.kind == Number), "{:?}", read.fixes);
    }
    reads(value::python("{1, 2}", 0), &json!([1, 2]), &[Tuple]);
    reads(
        value::python("[1/4, 2**3, -2 + 5 * 2, (1 + 2) * 3, 7 // 2, 7 % 4]", 0),
        &json!([0.25, 8, 8, 9, 3, 3]),
        &[Arithmetic],
    );
    reads(
        value::python("[2*pi, 10^2, math.pi, pi]", 0).map(|read| Reading { fixes: vec![], ..read }),
        &json!([std::f64::consts::TAU, 100, std::f64::consts::PI, "pi"]),
        &[],
    );
    reads(value::python("[dict(a=1, b='x'), 1 // one\n]", 0), &json!([{"a": 1, "b": "x"}, 1]), &[Comment]);
    reads(
        value::python("[2**64, 1/0, 9223372036854775807 + 1]", 0),
        &json!(["2**64", "1/0", "9223372036854775807 + 1"]),
        &[Number],
    );
}

#[test]
fn nothing_is_invented() {
    for text in [
        "",
        "{",
        "[1, 2",
        "{\"a\"",
        "{\"a\":",
        "{\"a\": \"b",
        "{\"a\": 12",
        "{\"a\": tru",
        "'abc",
        "[f(",
        "[\"a\\",
        "[\"\\u12",
        "1.",
        "1e-",
        "0x",
        "tru",
        "[tru",
        "-",
    ] {
        assert!(matches!(value::json(text, 0), Err(Unread::Incomplete { .. })), "{text}");
        assert!(value::json_closed(text, 0).is_err() || text == "[\"a\"", "{text}");
    }
    for text in [
        "hello world",
        "{\"a\": }",
        "{\"a\": , \"b\": 1}",
        "{this is prose}",
        "{prose, too}",
        "...",
        "[1, ...]",
        "}",
        ",",
        "1.2.3",
        "007",
    ] {
        assert!(matches!(value::json(text, 0), Err(Unread::Bad { .. })), "{text}: {:?}", value::json(text, 0));
    }
    reads(value::json_closed("{\"a\": [\"b\"", 0), &json!({"a": ["b"]}), &[MissingClose]);
    reads(value::json_closed("[{\"a\": true", 0), &json!([{"a": true}]), &[MissingClose]);
    assert!(value::json_closed("[\"a\",", 0).is_err());
}

#[test]
fn ends_are_told() {
    assert_eq!(value::json("  {\"a\": 1}} tail", 0).unwrap().end, 10);
    assert_eq!(value::json("x = {'a': 1}}", 4).unwrap().end, 12);
    assert_eq!(value::json("[1, 2} tail", 0).unwrap().end, 5);
    assert_eq!(value::any("'a' and 'b'", 0).unwrap().end, 3);
    assert_eq!(value::json("12 km", 0).unwrap().end, 2);
}

#[track_caller]
fn call(text: &str, name: &str, positional: Value, keyword: Value, fixes: &[FixKind]) {
    let dialect = CallDialect::Braces { quote: Some("<|\"|>".to_owned()) };
    let dialect = if text.contains('(') { &CallDialect::Parens } else { &dialect };
    let call = value::call_expr(text, 0, dialect).unwrap_or_else(|unread| panic!("{text}: {unread:?}"));
    let named: serde_json::Map<String, Value> = call.keyword.iter().cloned().collect();
    let mut kinds: Vec<FixKind> = call.fixes.iter().map(|fix| fix.kind).collect();
    kinds.dedup();
    assert_eq!(call.sources.len(), call.positional.len() + call.keyword.len());
    assert_eq!(
        (call.name.as_str(), Value::from(call.positional), Value::Object(named), kinds.as_slice()),
        (name, positional, keyword, fixes),
        "{text}"
    );
}

#[test]
fn call_expressions() {
    call("f()", "f", json!([]), json!({}), &[]);
    call("math.gcd(num1=12, num2=18)", "math.gcd", json!([]), json!({"num1": 12, "num2": 18}), &[]);
    call("f('Brazil', 2, x=None,)", "f", json!(["Brazil", 2]), json!({"x": null}), &[]);
    call("f({'a': 1})", "f", json!([{"a": 1}]), json!({}), &[]);
    call("f(**{'a': 1})", "f", json!([]), json!({"a": 1}), &[Shape]);
    call("f(city: \"Oslo\", days: 3)", "f", json!([]), json!({"city": "Oslo", "days": 3}), &[Separator]);
    call("f('city': 'Oslo')", "f", json!([]), json!({"city": "Oslo"}), &[Quotes, Separator]);
    call("f(a=1; b=2)", "f", json!([]), json!({"a": 1, "b": 2}), &[Separator]);
    call("f(a='x' b='y')", "f", json!([]), json!({"a": "x", "b": "y"}), &[Separator]);
    call(
        "f(p=$5000, c=New York, d=my_data)",
        "f",
        json!([]),
        json!({"p": 5000, "c": "New York", "d": "my_data"}),
        &[Number, Unquoted],
    );
    call("f(p=$5,000, q=1,250.5)", "f", json!([]), json!({"p": 5000, "q": 1250.5}), &[Number]);
    call("f(c=San Jose, CA, u='x')", "f", json!([]), json!({"c": "San Jose, CA", "u": "x"}), &[Unquoted]);
    call(
        "f(body='Let's meet, at 10', x=1)",
        "f",
        json!([]),
        json!({"body": "Let's meet, at 10", "x": 1}),
        &[UnescapedQuote],
    );
    call("f(t='a) b', u=\"x, y=z\")", "f", json!([]), json!({"t": "a) b", "u": "x, y=z"}), &[]);
    call("f(a=g(x=1, y='q)'), b=2)", "f", json!([]), json!({"a": "g(x=1, y='q)')", "b": 2}), &[Unquoted]);
    call("sort\\_list(a\\_b=['Sam'])", "sort_list", json!([]), json!({"a_b": ["Sam"]}), &[Escape]);
    call("'math.factorial'(number=5)", "math.factorial", json!([]), json!({"number": 5}), &[Quotes]);
    call("get-weather(city='Oslo')", "get-weather", json!([]), json!({"city": "Oslo"}), &[]);
    call("f(1/6, r=0.025/4)", "f", json!([1.0 / 6.0]), json!({"r": 0.00625}), &[Arithmetic]);
    call("f(a=[\"War\"]')", "f", json!([]), json!({"a": ["War"]}), &[Surplus]);
    call("f(a=[1, 2)", "f", json!([]), json!({"a": [1, 2]}), &[MissingClose]);
    call(
        "w{city:<|\"|>Oslo, \"N\" }<|\"|>,days:3,o:{k:[<|\"|>a<|\"|>,true]}}",
        "w",
        json!([]),
        json!({"city": "Oslo, \"N\" }", "days": 3, "o": {"k": ["a", true]}}),
        &[],
    );
    call(
        "w{city:\"Oslo\",x:bare text}",
        "w",
        json!([]),
        json!({"city": "Oslo", "x": "bare text"}),
        &[Quotes, Unquoted],
    );
    for text in ["f(", "f(a", "f(a=", "f(a=1", "f(a='x", "f(a='x'", "f(g(1)", "f", "na"] {
        assert!(matches!(value::call_expr(text, 0, &CallDialect::Parens), Err(Unread::Incomplete { .. })), "{text}");
    }
    assert!(value::call_expr_closed("f(a='x'", 0, &CallDialect::Parens).is_ok());
    assert!(value::call_expr_closed("f(a=1", 0, &CallDialect::Parens).is_err());
}
