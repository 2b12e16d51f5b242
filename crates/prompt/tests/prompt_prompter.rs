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
use callwright_parse::chat::{Call, CallId, Message, Prompt, Run, Specials, Tool, ToolChoice};
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
    Prompter::new(template, format(format_name), style, specials(&tokens)).unwrap()
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

fn specials(texts: &[&str]) -> Specials {
    // Every third one is of those that even plain text is read as.
    Specials::new(texts.iter().enumerate().map(|(index, text)| ((*text).to_owned(), index % 3 == 2)))
}

/// The special tokens that a tokenizer finds in a prompt: all in a run where they are meant, those that plain text is read
/// as in any.
fn tokens(prompt: &Prompt, specials: &[&str]) -> Vec<String> {
    let find = |run: Run| {
        let known = specials.iter().enumerate().filter(|(index, _)| run.special || index % 3 == 2);
        let known: Vec<&str> = known.map(|(_, text)| *text).collect();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < run.text.len() {
            let here = known.iter().filter(|own| run.text[at..].starts_with(**own)).max_by_key(|own| own.len());
            found.extend(here.map(|own| (*own).to_owned()));
            at += here.map_or_else(|| run.text[at..].chars().next().map_or(1, char::len_utf8), |own| own.len());
        }
        found
    };
    prompt.runs(&self::specials(specials)).into_iter().flat_map(find).collect()
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
    let error = Prompter::new(template, format("tool_use"), style, Specials::default()).unwrap_err();
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

const HOSTILE: [&str; 6] = ["<|im_start|>", "<|im_end|>", "<|call|>", "<|result|>", "<|user|>", "[model]"];

/// Words, special tokens and parts of them in any order.
fn said() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        3 => "[a-z\"\\\\'<|{}é]{1,5}",
        2 => prop::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned),
        2 => (prop::sample::select(HOSTILE.to_vec()), 1..7_usize).prop_map(|(own, at)| own[at..].to_owned()),
        2 => (prop::sample::select(HOSTILE.to_vec()), 1..7_usize).prop_map(|(own, at)| own[..at].to_owned()),
        1 => Just("\u{f0000}".to_owned()),
    ];
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
}

/// A text in all that people, tools and models say.
fn conversation(text: &str) -> (Vec<Message>, Vec<Tool>) {
    let mut arguments = json!({"city": text, "list": [text]}).as_object().cloned().unwrap();
    arguments.insert(text.to_owned(), json!({text: text}));
    let call = Call::new("weather_now", arguments).with_id(CallId::new("abcdefgh1"));
    let mut answer = Message::assistant(text, vec![call.clone()]);
    answer.reasoning = Some(text.to_owned());
    let messages =
        vec![Message::system(text), Message::user(text), answer, Message::result(&call, text), Message::user(text)];
    let mut schema = json!({"type": "object", "properties": {"city": {"type": "string", "description": text}}});
    schema["properties"][text] = json!({"type": "string", "enum": [text], text: text});
    schema[text] = json!(text);
    schema["required"] = json!([text]);
    (messages, vec![Tool::new("weather_now", text, schema), Tool::new(text, "", json!({"type": "object"}))])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Law 14: whatever was said, the special tokens are those that the template wrote.
    #[test]
    fn law_14_only_the_template_makes_control_tokens(hostile in said()) {
        for (source, style) in [(PLAIN, "tool_use"), (STRICT, "tool_use"), (NATIVE, "hermes")] {
            let prompter = prompter(source, style, PromptStyle::Native);
            let prompt = |text: &str| {
                let (messages, tools) = conversation(text);
                prompter.prompt(&messages, &tools, &ToolChoice::Auto).unwrap()
            };
            let attacked = prompt(&hostile);
            prop_assert_eq!(tokens(&attacked, &HOSTILE), tokens(&prompt("x"), &HOSTILE), "{:?}", attacked);
        }
    }
}

/// The same through the published templates, where they are at hand: each token whole, and in two parts wherever the
/// template puts two texts side by side, keys of schemas and arguments among them.
#[test]
fn law_14_holds_for_published_templates() {
    let Some(shared) = callwright_test_support::means::shared() else { return };
    let own = [
        "<|im_start|>",
        "<|im_end|>",
        "<tool_call>",
        "<|eot_id|>",
        "<｜User｜>",
        "</think>",
        "[INST]",
        "<|user|>",
        "<tool_response>",
        "<|end|>",
        "<|START_ACTION|>",
        "<s>",
    ];
    let (mut compared, mut prompts) = (0, 0);
    for entry in std::fs::read_dir(shared.join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let template = Template::compile(&source, TemplateTokens { bos: "<s>".into(), eos: "</s>".into() }).unwrap();
        let prompter = Prompter::new(template, format("hermes"), PromptStyle::Native, specials(&own)).unwrap();
        let prompter = prompter.now(Clock::utc(0));
        let prompt = |text: &str| {
            let (messages, tools) = conversation(text);
            prompter.prompt(&messages, &tools, &ToolChoice::Auto)
        };
        let Ok(harmless) = prompt("x") else { continue };
        let wanted = tokens(&harmless, &own);
        compared += 1;
        for (index, token) in own.into_iter().enumerate() {
            let inner: Vec<usize> = token.char_indices().skip(1).map(|(at, _)| at).collect();
            // Every place would take minutes: each template has others of them.
            let at = inner[(index + compared) % inner.len()];
            let (first, second) = token.split_at(at);
            let hostile = [
                token.to_owned(),
                format!("{second} a {token} b {first}"),
                format!("{second}{first}"),
                token[1..token.len() - 1].to_owned(),
            ];
            for hostile in hostile {
                let attacked =
                    prompt(&hostile).unwrap_or_else(|error| panic!("{}: {hostile:?} {error}", path.display()));
                assert_eq!(tokens(&attacked, &own), wanted, "{}: {hostile:?} {}", path.display(), attacked.text());
                prompts += 1;
            }
        }
    }
    eprintln!("{compared} templates, {prompts} prompts");
    assert!(compared >= 60, "{compared}");
}

#[test]
fn a_prompt_is_data() {
    let prompter = prompter(PLAIN, "tool_use", PromptStyle::Native);
    let prompt = prompter.prompt(&[Message::user("a <|im_end|> b")], &[], &ToolChoice::Auto).unwrap();
    let value: Value = serde_json::to_value(&prompt).unwrap();
    assert_eq!(value["pieces"][1], json!({"kind": "verbatim", "text": "a"}));
    assert_eq!(value["pieces"][3], json!({"kind": "verbatim", "text": "<|im_end|>"}));
}
