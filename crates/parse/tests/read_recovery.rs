//! Recovery: when it looks, what it takes for a call, and that it completes nothing (law 8).
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::FixKind;
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use callwright_parse::read::{Parsed, Parser, Recovery};
use callwright_test_support::cut::completed;
use callwright_test_support::reading::{arguments, auto, call, fixture_tools, parse, parse_recovering, tools_of};
use serde_json::json;

fn read(format: &str, recovery: Option<Recovery>, text: &str) -> Parsed {
    let mut parser = Parser::new(Formats::builtin().get(format).unwrap(), fixture_tools());
    if let Some(recovery) = recovery {
        parser = parser.recovery(recovery);
    }
    parser.push(text.as_bytes());
    parser.finish()
}

/// Every beginning of every fixture.
#[test]
fn law_8_beginnings_of_fixtures_are_not_completed() {
    let tools = fixture_tools();
    let mut wrong = Vec::new();
    for path in callwright_test_support::reading::fixtures() {
        let name = path.parent().and_then(|folder| folder.file_name()).unwrap().to_str().unwrap().to_owned();
        let format = Formats::builtin().get(&name).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = parse_recovering(&format, &tools, &text);
        let whole_auto = auto(&tools, &text);
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let part = &text[..at];
            wrong.extend(
                completed(&parse_recovering(&format, &tools, part), &whole).map(|_| (name.clone(), part.to_owned())),
            );
            wrong.extend(completed(&auto(&tools, part), &whole_auto).map(|_| ("auto".to_owned(), part.to_owned())));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// Every beginning of what every format writes.
#[test]
fn law_8_beginnings_of_what_is_written_are_not_completed() {
    let calls = [call("write_file", json!({"path": "/tmp/x", "text": "one (two) {three}", "list": [1, {"a": "b"}]}))];
    let tools: Arc<ToolSet> = tools_of(&calls);
    for format in Formats::builtin().iter() {
        let Ok(text) = format.write(&calls) else { continue };
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for parsed in [
                parse(format, &tools, &text[..at]),
                parse_recovering(format, &tools, &text[..at]),
                auto(&tools, &text[..at]),
            ] {
                for made in &parsed.calls {
                    assert_eq!(arguments(made), arguments(&calls[0]), "{}: {:?}", format.name(), &text[..at]);
                }
            }
        }
    }
}

#[test]
fn a_model_with_a_format_is_recovered_only_where_a_call_fills_its_lines() {
    let fills = [
        "weather_now(city='Oslo')",
        "Let me look that up.\n\n```python\nprint(weather_now(city='Oslo'))\n```\nOne moment.",
        "{\"name\": \"weather_now\", \"arguments\": {\"city\": \"Oslo\"}}",
        "<function_call>{\"name\": \"weather_now\", \"arguments\": {\"city\": \"Oslo\"}}</function_call>",
        "Function call: weather_now(city='Oslo')",
    ];
    for text in fills {
        let parsed = read("hermes", None, text);
        assert_eq!(parsed.calls.len(), 1, "{text}");
        assert!(parsed.calls[0].recovered);
        assert!(read("hermes", Some(Recovery::Off), text).calls.is_empty(), "{text}");
    }
    let prose =
        ["You can call weather_now(city='Oslo') to learn that.", "The tool weather_now {\"city\": \"Oslo\"} would do."];
    for text in prose {
        assert!(read("hermes", None, text).calls.is_empty(), "{text}");
        assert_eq!(read("hermes", Some(Recovery::Anywhere), text).calls.len(), 1, "{text}");
        assert_eq!(read("tool_use", None, text).calls.len(), 1, "{text}");
    }
}

#[test]
fn a_call_that_was_cut_off_is_not_recovered() {
    for text in [
        "weather_now(city='Os",
        "weather_now(city='Oslo'",
        "{\"name\": \"weather_now\", \"arguments\": {\"city\": \"Oslo\"}",
        "lights(on=True, room=weather_now(city='Oslo')",
        "<tool_call>{\"name\": \"weather_now\", \"arguments\": {\"city\": \"Oslo\", \"text\": \"see weather_now(city='Rome') and",
    ] {
        for name in ["hermes", "tool_use", "pythonic"] {
            let parsed = read(name, Some(Recovery::Anywhere), text);
            let made: Vec<_> = parsed.calls.iter().map(arguments).collect();
            let whole = text.starts_with('{') && made == ["{\"city\":\"Oslo\"}"];
            assert!(made.is_empty() || whole, "{name} {text}: {made:?}");
        }
    }
}

#[test]
fn an_announced_call_is_one_only_if_the_model_makes_it_now() {
    let announced = [
        "I'll use the weather_now tool with city=\"Oslo\" and days=3.",
        "The user wants the weather. I will call `weather_now` with the parameters city: 'Oslo', days: 3.",
        "Let me call weather_now using `city`=\"Oslo\" and `days`=3. One moment.",
    ];
    for text in announced {
        let parsed = read("tool_use", None, text);
        assert_eq!(
            parsed.calls.iter().map(arguments).collect::<Vec<_>>(),
            ["{\"city\":\"Oslo\",\"days\":3}"],
            "{text}"
        );
        assert!(parsed.fixes.iter().any(|fix| fix.kind == FixKind::Announced));
        // A model that has a format of its own writes calls in it.
        assert!(read("hermes", None, text).calls.is_empty(), "{text}");
    }
    let none = [
        "If you tell me the day, I'll use the weather_now tool with city=\"Oslo\".",
        "I won't use the weather_now tool with city=\"Oslo\".",
        "I used the weather_now tool with city=\"Oslo\".",
        "I would call weather_now with city=\"Oslo\".",
        "You can use weather_now with city=\"Oslo\".",
        "I'll use the weather_now tool.",
        "I'll use the weather_now tool with city=Oslo.",
        "I'll use the Weather-Now tool with city=\"Oslo\".",
        "I'll use the weather_now tool with days=3.",
        "I'll use the weather_now tool with city=\"Oslo\", unit=\"C\".",
        "I'll use the weather_now tool with city=[1, 2].",
        "Unfortunately I cannot. I'll use the weather_now tool with city=\"Oslo\".",
        "<think>I'll use the weather_now tool with city=\"Oslo\".</think> It rains.",
        "Shall I? I'll explain: weather_now takes a place, for example city=\"Oslo\".",
    ];
    for text in none {
        assert!(read("tool_use", None, text).calls.is_empty(), "{text}");
    }
}

#[test]
fn the_last_part_of_a_dotted_name_is_enough_where_the_arguments_are_just_the_tool_s() {
    let tools = tools_of(&[
        call("net_worth.get", json!({"name": "x"})),
        call("a.find", json!({"id": 1})),
        call("b.find", json!({"id": 1})),
    ]);
    let read = |text: &str| parse_recovering(&Formats::builtin().get("tool_use").unwrap(), &tools, text).calls;
    assert_eq!(read("[get(name='Messi')]")[0].name, "net_worth.get");
    for text in [
        "get('Messi')",
        "requests.get(name='Messi')",
        "get(url='x')",
        "get(name='Messi', url='x')",
        "find(id=1)",
        "get",
    ] {
        assert!(read(text).is_empty(), "{text}");
    }
}
