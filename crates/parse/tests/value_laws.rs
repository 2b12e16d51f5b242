//! The laws of DESIGN.md section 3 that concern values, as tests that bear their names.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::LazyLock;
use std::time::Duration;

use callwright_parse::schema::{Schema, View};
use callwright_parse::value::{self, CallDialect, Canonical, Unread};
use callwright_test_support::cost::cost;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Text that is rich in what the readers look at.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,8}",
        any::<String>(),
        prop::collection::vec(
            prop::sample::select(vec![
                "\"",
                "'",
                "\\",
                "{",
                "}",
                "[",
                "]",
                "(",
                ")",
                ",",
                ":",
                "=",
                " ",
                "\n",
                "a",
                "True",
                "1/2",
                "\u{1f600}",
                "\u{1}",
                "//",
                "#",
                "'''",
                "b'",
                "é",
                "\\u12",
                "$5",
                "<|\"|>",
                "/*",
                "_",
                ";",
                "-",
                "1",
                ".",
                "e",
            ]),
            0..40
        )
        .prop_map(|parts| parts.concat()),
    ]
}

static SCHEMAS: LazyLock<[Schema; 2]> = LazyLock::new(|| {
    let schema = |given: Value| Schema::of_value(&given).unwrap();
    [schema(json!({"type": ["integer", "array"], "enum": [1, "a"]})), schema(json!({"type": "object"}))]
});

fn every_reader(text: &str, at: usize) {
    let _ = value::json(text, at);
    let _ = value::json_closed(text, at);
    let _ = value::python(text, at);
    let _ = value::any(text, at);
    let _ = value::any_closed(text, at);
    let _ = value::name(text, at);
    let _ = value::quoted(text, at);
    let braces = CallDialect::Braces { quote: Some("<|\"|>".to_owned()) };
    for dialect in [&CallDialect::Parens, &braces] {
        let _ = value::call_expr(text, at, dialect);
        let _ = value::call_expr_closed(text, at, dialect);
    }
    let [integers, objects] = &*SCHEMAS;
    let _ = value::typed(text, View::of(integers));
    let _ = value::typed(text, View::of(objects));
    let _ = Canonical::new().push(text.as_bytes(), &mut String::new());
}

proptest! {
    #[test]
    fn law_7_strict_json_is_untouched(value in any_value(), pretty in any::<bool>(), tail in "[ ,}\\]\n]?") {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let whole = format!("{text}{tail}");
        for read in [value::json(&whole, 0), value::any(&whole, 0)] {
            let read = read.unwrap();
            prop_assert_eq!(&read.value, &expected);
            prop_assert_eq!((read.end, read.fixes.len()), (text.len(), 0));
        }
        let (mut canonical, mut out) = (Canonical::new(), String::new());
        let scalar = !text.starts_with(['{', '[', '"']);
        if !scalar || !tail.is_empty() {
            prop_assert!(canonical.push(whole.as_bytes(), &mut out) && canonical.is_done());
            prop_assert_eq!(out, expected.to_string());
        }
    }

    /// What the tolerant reader makes of valid JSON agrees with `serde_json`, too: a deviation elsewhere changes nothing.
    #[test]
    fn law_7_a_deviation_elsewhere_changes_nothing(value in any_value()) {
        let text = format!("[{value}, 'x']");
        let expected: Value = serde_json::from_str(&text.replace("'x'", "\"x\"")).unwrap_or(Value::Null);
        prop_assume!(expected != Value::Null);
        prop_assert_eq!(value::json(&text, 0).map(|read| read.value), Ok(expected));
    }

    #[test]
    fn law_8_a_cut_value_is_never_completed(value in any_value(), cut in any::<prop::sample::Index>()) {
        let text = Value::Array(vec![value]).to_string();
        let mut cut = cut.index(text.len());
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let part = &text[..cut];
        for read in [value::json(part, 0), value::any(part, 0), value::python(part, 0)] {
            prop_assert!(matches!(read, Err(Unread::Incomplete { .. })), "{} {:?}", part, read);
        }
        let call = format!("f(a={part}");
        prop_assert!(matches!(value::call_expr(&call, 0, &CallDialect::Parens), Err(Unread::Incomplete { .. })), "{}", call);
    }

    #[test]
    fn law_5_never_panics(text in any_text(), at in 0..12_usize, open in "[\\[{(\"'f]{0,3}") {
        every_reader(&text, at);
        every_reader(&format!("{open}{text}"), 0);
    }

    #[test]
    fn law_2_any_cuts_give_the_same(text in any_text(), value in any_value(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        for text in [format!("{{\"a\": {text}}}"), Value::Array(vec![value.clone()]).to_string(), text.clone()] {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (mut canonical, mut out) = (Canonical::new(), String::new());
            let mut strict = true;
            for pair in cuts.windows(2) {
                strict = canonical.push(&bytes[pair[0]..pair[1]], &mut out);
            }
            let mut expected = String::new();
            prop_assert_eq!(strict, Canonical::new().push(bytes, &mut expected));
            prop_assert_eq!(out, expected);
        }
    }
}

#[test]
fn law_5_depth_of_200_000() {
    for piece in
        ["[", "{\"a\":", "(", "{", "f(", "[{'a':(", "f(a=", "{a:f(", "1+(", "-", "**", "'a' ", "\"\\\"", "/*", "\\["]
    {
        let text = piece.repeat(200_000);
        every_reader(&text, 0);
        every_reader(&format!("f({text}"), 0);
        every_reader(&format!("[{text}"), 0);
    }
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(value::json(&deep(value::MAX_DEPTH), 0).is_ok());
    assert!(matches!(value::json(&deep(value::MAX_DEPTH + 1), 0), Err(Unread::TooDeep { .. })));
    assert!(matches!(value::json(&deep(200_000), 0), Err(Unread::TooDeep { .. })));
}

/// Whether a reader reads this text.
type Reads = fn(&str) -> bool;

#[test]
fn law_4_steps_grow_with_the_text() {
    let pieces = [
        "'a' ",
        "\"\\n\" ",
        "a, ",
        "'x' aaaa ",
        "1 + ",
        ",",
        " ",
        "\"b\" x: ",
        "'s ",
        "(1)",
        "{\"a\": 'b', ",
        "b: c, ",
        "\n",
        "f(x), ",
        "\\_",
        "k=v ",
        "é",
        "'''",
        "\"\"\"",
        "/* */",
        "-1-",
        "“a” ",
    ];
    let readers: [(&str, Reads); 3] = [
        ("json", |text| value::json(text, 0).is_ok()),
        ("python", |text| value::python(text, 0).is_ok()),
        ("call", |text| value::call_expr(text, 0, &CallDialect::Parens).is_ok()),
    ];
    for (name, read) in readers {
        for piece in pieces {
            for open in ["[", "{'a': ", "f(x=", "f(", "['"] {
                let text = |size: usize| open.to_owned() + &piece.repeat(size / piece.len());
                let (small, large) = (text(20_000), text(320_000));
                // Sixteen times the text; quadratic work would take 256 times as long. Other work on the machine may
                // slow one attempt, not each.
                let fine = (0..6).any(|_| {
                    let (small, large) = (cost(|| read(&small)), cost(|| read(&large)));
                    large < Duration::from_millis(40) || large < small * 64
                });
                assert!(fine, "{name} {open}{piece:?}");
            }
        }
    }
}
