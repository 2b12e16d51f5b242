//! What a keyword says is what is checked: formats, patterns with lookaround, references, tuples, odd spellings.

#![expect(clippy::needless_pass_by_value, clippy::unwrap_used, reason = "tables of values, read by helpers")]

use std::time::{Duration, Instant};

use callwright_parse::chat::{Fault, FixKind, Tool};
use callwright_parse::check::{Checked, Level, ToolSet};
use serde_json::{Value, json};

fn compile(schema: Value) -> ToolSet {
    ToolSet::compile(&[Tool::new("tool", "", schema)]).unwrap()
}

fn check(schema: &Value, value: &Value) -> Checked {
    let set = compile(json!({"properties": {"x": schema}, "required": ["x"]}));
    set.check("tool", json!({"x": value}), Level::Standard, 0..1, 0)
}

/// Which values pass as they are, with no fix, and which are faults.
#[track_caller]
fn holds(schema: Value, right: &[Value], wrong: &[Value]) {
    for value in right {
        let checked = check(&schema, value);
        assert_eq!((checked.faults, checked.fixes), (vec![], vec![]), "{schema} {value}");
        assert_eq!(checked.arguments["x"], *value, "{schema}");
    }
    for value in wrong {
        assert!(!check(&schema, value).faults.is_empty(), "{schema} {value}");
    }
}

#[test]
fn formats_are_checked() {
    let table: [(&str, &[&str], &[&str]); 10] = [
        (
            "date-time",
            &["2024-02-29T12:30:00Z", "1999-12-31T23:59:59.25+02:00"],
            &["2023-02-29T12:30:00Z", "2024-02-29", "noon"],
        ),
        ("date", &["2024-02-29"], &["2023-02-29", "29.2.2024", "2024-2-9"]),
        ("time", &["12:30:00Z", "23:59:59.5-08:00"], &["12:30", "25:00:00Z"]),
        ("duration", &["P3D", "PT1H30M", "P2W"], &["P", "3 days", "PT"]),
        ("email", &["ann@example.org", "a.b+c@d.example"], &["ann", "ann@", "@example.org"]),
        ("hostname", &["example.org", "a-b.c1"], &["-a.example", "a b", ""]),
        ("ipv4", &["10.0.0.255"], &["10.0.0.256", "10.0.0", "1.2.3.4.5"]),
        ("ipv6", &["::1", "2001:db8::ff"], &["1::2::3", "g::1", "10.0.0.1"]),
        ("uri", &["https://example.org/a?b=c#d", "urn:x:y"], &["/a/b", "example.org", "http://a b"]),
        (
            "uuid",
            &["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
            &[".", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638"],
        ),
    ];
    let values = |texts: &[&str]| texts.iter().map(|text| json!(text)).collect::<Vec<_>>();
    for (format, right, wrong) in table {
        holds(json!({"type": "string", "format": format}), &values(right), &values(wrong));
    }
    holds(json!({"type": "string", "format": "isbn"}), &[json!("anything"), json!("")], &[json!([])]);
    // A format speaks of strings alone.
    holds(json!({"type": ["integer", "string"], "format": "date"}), &[json!(5), json!("2024-02-29")], &[json!("x")]);
}

#[test]
fn patterns_are_ecma_s() {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    holds(text(r"^(?!\.)[a-z.]+@[a-z.]+$"), &[json!("a.b@c.d")], &[json!(".a@c.d"), json!("a@")]);
    holds(text(r"^(?=.*\d)(?=.*[a-z]).{4,}$"), &[json!("abc1")], &[json!("abcd"), json!("a1")]);
    holds(text(r"(?<!\w)foo(?!\w)"), &[json!("a foo b")], &[json!("food")]);
    holds(text(r"^(a|b)\1$"), &[json!("aa"), json!("bb")], &[json!("ab")]);
    holds(text(r"\bfoo\b"), &[json!("a foo!")], &[json!("afoo")]);
    holds(text(r"^\cA$"), &[json!("\u{1}")], &[json!("A")]);
    holds(text(r"^\d{3}$"), &[json!("123")], &[json!("١٢٣"), json!("12")]);
    holds(text(r"^[\w.]+\/[\w]+$"), &[json!("a.b/c")], &[json!("a.b")]);
    holds(text("b"), &[json!("abc")], &[json!("ac")]);
}

/// A pattern that steps back has a limit: beyond it there is a fault that says so, soon.
#[test]
fn patterns_that_step_back_end() {
    let set = compile(json!({"properties": {"x": {"type": "string", "pattern": r"^(?=(a+)+$)(\w+\s?)+$"}}}));
    let began = Instant::now();
    let checked = set.check("tool", json!({"x": "a".repeat(5000) + "!"}), Level::Standard, 0..1, 0);
    assert_eq!(checked.faults.len(), 1);
    let set = compile(json!({"properties": {"x": {"type": "string", "pattern": r"^(?:(?=a)a|(?=a)aa)+$"}}}));
    let checked = set.check("tool", json!({"x": "a".repeat(500) + "!"}), Level::Standard, 0..1, 0);
    assert!(
        matches!(checked.faults.as_slice(), [Fault::Invalid { message, .. }] if message.contains("too many steps")),
        "{checked:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

/// Such a pattern refuses neither its tool nor the list.
#[test]
fn one_odd_keyword_costs_nothing_else() {
    let odd = [
        json!({"type": "string", "pattern": "^(?!x)y"}),
        json!({"type": "string", "pattern": "([a-z"}),
        json!({"type": "file"}),
        json!({"type": "object", "properties": []}),
        json!({"type": "object", "properties": {"a": {}}, "required": ["a", "a"]}),
        json!({"$ref": "https://example.com/a.json"}),
        json!({"$ref": "#/nowhere"}),
        json!({"type": "string", "minLength": "many"}),
        json!(7),
    ];
    for odd in odd {
        let tools = [
            Tool::new(
                "odd",
                "",
                json!({"properties": {"x": odd, "n": {"type": "integer", "minimum": 1}}, "required": ["n"]}),
            ),
            Tool::new("plain", "", json!({"properties": {"y": {"type": "integer"}}, "required": ["y"]})),
        ];
        let set = ToolSet::compile_strict(&tools).unwrap();
        let faults = |name: &str, arguments: Value| set.check(name, arguments, Level::Standard, 0..1, 0).faults.len();
        assert_eq!(
            (faults("odd", json!({"n": 1})), faults("odd", json!({"n": 0})), faults("odd", json!({}))),
            (0, 1, 1),
            "{odd}"
        );
        assert_eq!((faults("plain", json!({"y": 1})), faults("plain", json!({}))), (0, 1), "{odd}");
    }
}

#[test]
fn keywords_in_odd_spellings_are_checked() {
    holds(json!({"type": "string", "minLength": 2.0}), &[json!("ab")], &[json!("a")]);
    holds(json!({"type": "integer", "minimum": "3"}), &[json!(3)], &[json!(2)]);
    holds(json!({"type": "string", "nullable": true}), &[json!("a"), json!(null)], &[json!([])]);
    holds(json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}), &[json!(1)], &[json!(0)]);
    let tuple = [json!(["a", 1])];
    let none = [json!(["a", 1, 2]), json!([[], 1])];
    holds(
        json!({"type": "array", "items": [{"type": "string"}, {"type": "number"}], "additionalItems": false}),
        &tuple,
        &none,
    );
    holds(
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": false}),
        &tuple,
        &none,
    );
    holds(
        json!({"type": "object", "dependencies": {"a": ["b"]}}),
        &[json!({"a": 1, "b": 2}), json!({"c": 1})],
        &[json!({"a": 1})],
    );
}

/// A name that `required` has and `properties` does not is a parameter like any other.
#[test]
fn what_is_required_may_be_unlisted() {
    for closed in [json!({}), json!({"additionalProperties": false})] {
        let mut schema =
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "ghost", "a"]});
        schema.as_object_mut().unwrap().extend(closed.as_object().unwrap().clone());
        let set = compile(schema.clone());
        assert_eq!(set.parameters("tool").collect::<Vec<_>>(), ["a", "ghost"]);
        let checked = set.check("tool", json!({"a": "x", "ghost": [1]}), Level::Standard, 0..1, 0);
        assert_eq!((checked.faults, checked.fixes), (vec![], vec![]), "{schema}");
        assert_eq!(checked.arguments["ghost"], json!([1]));
        let missing = set.check("tool", json!({"a": "x"}), Level::Standard, 0..1, 0);
        assert_eq!(missing.faults, [Fault::MissingArgument { call: 0, name: "ghost".to_owned() }], "{schema}");
    }
}

#[test]
fn references_are_followed() {
    let set = compile(json!({
        "type": "object",
        "properties": {
            "flag": {"$ref": "#/$defs/a~1b%20c"},
            "pair": {"type": "object", "properties": {"left": {"type": "integer"}, "right": {"$ref": "#/properties/pair/properties/left"}}},
        },
        "$defs": {"a/b c": {"type": "boolean"}},
    }));
    let checked =
        set.check("tool", json!({"flag": "true", "pair": {"left": 1, "right": "2"}}), Level::Standard, 0..1, 0);
    assert_eq!((checked.faults.len(), checked.fixes.len()), (0, 2));
    assert_eq!(Value::Object(checked.arguments), json!({"flag": true, "pair": {"left": 1, "right": 2}}));
    let faulty = set.check("tool", json!({"flag": 3, "pair": {"right": []}}), Level::Standard, 0..1, 0);
    assert_eq!(faulty.faults.len(), 2);
}

/// Values are put right along `allOf`, along the only alternative that a constant leaves, and nowhere else.
#[test]
fn what_is_merged_is_put_right() {
    let fixed = |schema: Value, before: Value| {
        let checked = check(&schema, &before);
        assert_eq!(checked.faults, [], "{schema} {before}");
        (checked.arguments["x"].clone(), checked.fixes.iter().map(|fix| fix.kind).collect::<Vec<_>>())
    };
    let base =
        json!({"allOf": [{"properties": {"n": {"type": "integer"}}}, {"properties": {"t": {"type": "string"}}}]});
    assert_eq!(fixed(base, json!({"n": "1", "t": 2})), (json!({"n": 1, "t": "2"}), vec![FixKind::Coerced; 2]));
    let object = |kind: &str, value: Value| json!({"type": "object", "properties": {"kind": {"const": kind}, "v": value}, "required": ["kind"]});
    let tagged = json!({"oneOf": [object("a", json!({"type": "integer"})), object("b", json!({"type": "string"}))]});
    assert_eq!(
        fixed(tagged.clone(), json!({"kind": "a", "v": "1"})),
        (json!({"kind": "a", "v": 1}), vec![FixKind::Coerced])
    );
    assert_eq!(fixed(tagged, json!({"kind": "b", "v": "1"})), (json!({"kind": "b", "v": "1"}), vec![]));
    let literals = json!({"anyOf": [{"const": "Left"}, {"const": "Right"}]});
    assert_eq!(fixed(literals, json!("left")), (json!("Left"), vec![FixKind::Coerced]));
}

/// A number keeps its kind where numbers are allowed; in lists of them all have one kind, and a fix says so.
#[test]
fn a_valid_number_is_left_as_it_is() {
    let number = json!({"type": "number"});
    holds(number.clone(), &[json!(5), json!(5.0), json!(-1), json!(1e3)], &[json!("five")]);
    holds(json!({"type": "object", "additionalProperties": number}), &[json!({"a": 1})], &[]);
    holds(json!({"type": "number", "enum": [1, 2.5]}), &[json!(1), json!(1.0), json!(2.5)], &[json!(2)]);
    holds(json!({"anyOf": [number, {"type": "null"}]}), &[json!(5)], &[json!({})]);
}
