//! The prompter: tools in words where the template knows none, history in shape, and what was said kept from markup.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test may stop, speak and ask where its data is"
)]

use std::sync::Arc;

use callwright_models::PromptStyle;
use callwright_parse::ErrorKind;
use callwright_parse::chat::{Call, CallId, Message, Piece, Prompt, Tool, ToolChoice};
use callwright_parse::format::{Format, Formats};
use callwright_prompt::{Clock, Prompter, Template, TemplateTokens};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Text only, as most small models have it.
const PLAIN: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                     {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// No system message, and roles must alternate.
const STRICT: &str = "{% for m in messages %}\
    {% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}\
    {% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}\
    [{{ m.role }}]{{ m.content | trim }}{% endfor %}[model]";

/// Tools, calls and results, one call a turn, arguments as text, ids of nine characters.
const NATIVE: &str = "{% if tools %}TOOLS {{ tools | tojson }}\n{% endif %}{% for m in messages %}\
    {% if m.tool_calls %}{% if m.tool_calls | length != 1 %}{{ raise_exception('one call at a time') }}{% endif %}\
    {% set c = m.tool_calls[0] %}{% if c.id | length != 9 %}{{ raise_exception('ids have nine characters') }}{% endif %}\
    <|call|>{{ c.id }} {{ c.function.name }} {{ '' + c.function.arguments }}\
    {% elif m.role == 'tool' %}<|result|>{{ m.tool_call_id }} {{ m.content }}\
    {% else %}<|{{ m.role }}|>{{ m.content }}{% endif %}{{ '\\n' }}{% endfor %}<|assistant|>";

fn format(name: &str) -> Arc<Format> {
    Formats::builtin().get(name).unwrap()
}

fn prompter(source: &str, format_name: &str, style: PromptStyle) -> Prompter {
    let template = Template::compile(source, TemplateTokens::default()).unwrap();
    let tokens = ["<|im_start|>", "<|im_end|>", "<|call|>", "<|result|>", "<|user|>", "[model]"];
    Prompter::new(template, format(format_name), style, tokens.map(str::to_owned).to_vec()).unwrap()
}

fn weather() -> Tool {
    let city = json!({"type": "string", "description": "the city"});
    let parameters = json!({"type": "object", "properties": {"city": city}, "required": ["city"]});
    Tool::new("weather_now", "Tells the weather", parameters)
}

fn call(id: &str, city: &str) -> Call {
    let arguments = json!({ "city": city });
    Call::new("weather_now", arguments.as_object().cloned().unwrap()).with_id(CallId::new(id))
}

fn history() -> Vec<Message> {
    let (first, second) = (call("call_1", "Oslo"), call("call_2", "Rome"));
    vec![
        Message::system("Be brief."),
        Message::user("Weather?"),
        Message::assistant("Let me see.", vec![first.clone(), second.clone()]),
        Message::result(&first, "3 degrees"),
        Message::result(&second, "20 degrees"),
        Message::user("Thanks. And now?"),
    ]
}

fn markup(prompt: &Prompt) -> String {
    let markup = |piece: &Piece| if let Piece::Markup(text) = piece { text.clone() } else { String::new() };
    prompt.pieces.iter().map(markup).collect()
}

#[test]
fn a_model_without_tools_is_told_of_them_in_words() {
    let prompter = prompter(PLAIN, "tool_use", PromptStyle::Prompted("tool_use".to_owned()));
    assert!(prompter.tells_tools());
    let text = prompter.prompt(&history(), &[weather()], &ToolChoice::Auto).unwrap().text();
    assert!(text.starts_with("<|im_start|>system\nBe brief.\n\nYou can call these tools:"), "{text}");
    assert!(text.contains("weather_now: Tells the weather\n"), "{text}");
    assert!(text.contains(r#"{"type": "object", "properties": {"city""#), "{text}");
    assert!(text.contains("<tool_use>\ntool_name: weather_now\narguments: {\"city\": \"...\"}\n</tool_use>"), "{text}");
    assert!(
        text.contains("Let me see.\n<tool_use>\ntool_name: weather_now\narguments: {\"city\": \"Oslo\"}"),
        "{text}"
    );
    assert!(text.contains("<tool_result>\ntool_name: weather_now\n20 degrees\n</tool_result>\n\nThanks."), "{text}");
    assert!(text.ends_with("And now?<|im_end|>\n<|im_start|>assistant\n"), "{text}");
}

#[test]
fn the_example_is_in_the_words_of_the_format_in_use() {
    let prompter = prompter(PLAIN, "hermes", PromptStyle::Native);
    let text = prompter.prompt(&[Message::user("Hi")], &[weather()], &ToolChoice::Required).unwrap().text();
    assert!(
        text.contains("<tool_call>\n{\"name\": \"weather_now\", \"arguments\": {\"city\": \"...\"}}\n</tool_call>"),
        "{text}"
    );
    assert!(text.contains("Answer with a tool call.") && !text.contains("tool_use"), "{text}");
}

#[test]
fn no_tools_are_told_where_none_may_be_called() {
    let prompter = prompter(PLAIN, "tool_use", PromptStyle::Native);
    let prompt = |choice: &ToolChoice| {
        let ping = Tool::new("ping", "Answers", json!({"type": "object"}));
        prompter.prompt(&[Message::user("Hi")], &[weather(), ping], choice).unwrap().text()
    };
    assert_eq!(prompt(&ToolChoice::None), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    let named = prompt(&ToolChoice::Named("ping".to_owned()));
    assert!(named.contains("Answer with a call of ping.") && !named.contains("weather_now"), "{named}");
}

#[test]
fn roles_alternate_where_a_template_insists() {
    let prompter = prompter(STRICT, "tool_use", PromptStyle::Native);
    let text = prompter.prompt(&history(), &[weather()], &ToolChoice::Auto).unwrap().text();
    assert!(text.starts_with("[user]Be brief.\n\nYou can call these tools:"), "{text}");
    assert_eq!(text.matches("[user]").count(), 2, "{text}");
    assert_eq!(text.matches("[assistant]").count(), 1, "{text}");
}

#[test]
fn a_template_that_knows_calls_gets_them_in_its_shape() {
    let prompter = prompter(NATIVE, "hermes", PromptStyle::Native);
    assert!(!prompter.tells_tools());
    let prompt = prompter.prompt(&history(), &[weather()], &ToolChoice::Auto).unwrap();
    let text = prompt.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("TOOLS [{\"type\": \"function\""), "{text}");
    let id = lines[3].split(' ').next().unwrap().trim_start_matches("<|call|>");
    assert_eq!(id.len(), 9);
    assert_eq!(lines[3], format!("<|call|>{id} weather_now {{\"city\":\"Oslo\"}}"));
    assert_eq!(lines[4], format!("<|result|>{id} 3 degrees"));
    assert!(lines[5].contains("Rome") && lines[6].contains("20 degrees"), "{text}");
    assert_eq!(prompt, prompter.prompt(&history(), &[weather()], &ToolChoice::Auto).unwrap(), "ids are stable");
}

#[test]
fn an_unknown_tool_prompt_is_told() {
    let template = Template::compile(PLAIN, TemplateTokens::default()).unwrap();
    let style = PromptStyle::Prompted("mine".to_owned());
    let error = Prompter::new(template, format("tool_use"), style, Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn a_refusing_template_says_why() {
    let prompter = prompter(STRICT, "tool_use", PromptStyle::Native);
    let messages = [Message::user("Hi"), Message::assistant("Ho", Vec::new()), Message::assistant("Ha", Vec::new())];
    let error = prompter.prompt(&messages, &[], &ToolChoice::Auto).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert!(error.to_string().contains("roles must alternate"), "{error}");
}

/// Words and control tokens in any order; and the same without the tokens.
fn said() -> impl Strategy<Value = (String, String)> {
    let part = prop_oneof![
        3 => "[a-z\"\\\\'<|{}é]{1,5}".prop_map(|word| (word.clone(), word)),
        2 => prop::sample::select(vec!["<|im_start|>", "<|im_end|>", "<|call|>", "<|user|>", "[model]"])
            .prop_map(|token| (token.to_owned(), String::new())),
        1 => Just("\u{f0000}".to_owned()).prop_map(|mark| (mark.clone(), mark)),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| {
        // Taking the tokens out must not make new ones of what stood around them: so words are kept apart.
        let hostile = parts.iter().map(|(hostile, _)| hostile.as_str()).collect::<Vec<_>>().join(".");
        let harmless = parts.iter().map(|(_, harmless)| harmless.as_str()).collect::<Vec<_>>().join(".");
        (format!("x{hostile}x"), format!("x{harmless}x"))
    })
}

fn conversation(text: &str) -> (Vec<Message>, Vec<Tool>) {
    let call = call("abcdefgh1", text);
    let messages = vec![
        Message::system(text),
        Message::user(text),
        Message::assistant(text, vec![call.clone()]),
        Message::result(&call, text),
        Message::user(text),
    ];
    (
        messages,
        vec![Tool::new(
            "weather_now",
            text,
            json!({"type": "object", "properties": {"city": {"type": "string", "description": text}}}),
        )],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What was said changes no markup: without the verbatim pieces the prompt is that of harmless words.
    #[test]
    fn what_was_said_is_never_markup((hostile, harmless) in said()) {
        for (source, style) in [(PLAIN, "tool_use"), (STRICT, "tool_use"), (NATIVE, "hermes")] {
            let prompter = prompter(source, style, PromptStyle::Native);
            let prompt = |text: &str| {
                let (messages, tools) = conversation(text);
                prompter.prompt(&messages, &tools, &ToolChoice::Auto).unwrap()
            };
            let attacked = prompt(&hostile);
            prop_assert_eq!(markup(&attacked), prompt(&harmless).text());
            let verbatim = attacked.pieces.iter().filter(|piece| matches!(piece, Piece::Verbatim(_))).count();
            prop_assert_eq!(verbatim > 0, hostile != harmless);
        }
    }
}

/// The same through the published templates, where they are at hand.
#[test]
fn what_was_said_is_no_markup_to_published_templates() {
    let Some(shared) = callwright_test_support::means::shared() else { return };
    let tokens =
        ["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<｜User｜>", "[INST]", "<|user|>", "<|end|>", "<|START_ACTION|>"];
    let mut compared = 0;
    for entry in std::fs::read_dir(shared.join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let template = Template::compile(&source, TemplateTokens { bos: "<s>".into(), eos: "</s>".into() }).unwrap();
        let tokens = tokens.map(str::to_owned).to_vec();
        let prompter = Prompter::new(template, format("hermes"), PromptStyle::Native, tokens.clone()).unwrap();
        let prompter = prompter.now(Clock::utc(0));
        let prompt = |text: &str| {
            let (messages, tools) = conversation(text);
            prompter.prompt(&messages, &tools, &ToolChoice::Auto)
        };
        let hostile = format!("a{}z", tokens.join("q"));
        match (prompt(&hostile), prompt(&format!("a{}z", "q".repeat(tokens.len() - 1)))) {
            (Ok(hostile), Ok(harmless)) => {
                assert_eq!(markup(&hostile), harmless.text(), "{}", path.display());
                compared += 1;
            }
            (Err(hostile), Err(_)) => eprintln!("{}: {hostile}", path.display()),
            (hostile, harmless) => panic!("{}: {hostile:?} {harmless:?}", path.display()),
        }
    }
    eprintln!("{compared} templates compared");
    assert!(compared >= 60, "{compared}");
}

#[test]
fn a_prompt_is_data() {
    let prompter = prompter(PLAIN, "tool_use", PromptStyle::Native);
    let prompt = prompter.prompt(&[Message::user("a <|im_end|> b")], &[], &ToolChoice::Auto).unwrap();
    let value: Value = serde_json::to_value(&prompt).unwrap();
    assert_eq!(value["pieces"][1], json!({"kind": "verbatim", "text": "<|im_end|>"}));
}
