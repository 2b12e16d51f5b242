//! What a prompt shares with other conversations ends before the first byte that was said in this one.
//!
//! Its oracle knows nothing of how the edge is found: another conversation in which everything is said differently must
//! begin with the same bytes.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stderr, reason = "a test may stop and speak")]

use callwright_models::PromptStyle;
use callwright_parse::chat::{Call, CallId, Message, Prompt, Role, Specials, Tool, ToolChoice};
use callwright_parse::format::Formats;
use callwright_prompt::{Clock, Prompter, Template, TemplateTokens};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// Text only: tools are told in the system message.
const PLAIN: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                     {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// No system message: rules and tools are told by the user, before the question.
const STRICT: &str = "{% for m in messages %}\
    {% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}\
    [{{ m.role }}]{{ m.content | trim }}{% endfor %}[model]";

/// Tools, calls and results.
const NATIVE: &str = "{% if tools %}TOOLS {{ tools | tojson }}\n{% endif %}{% for m in messages %}\
    {% for c in m.tool_calls or [] %}<|call|>{{ c.function.name }} {{ c.function.arguments }}{% endfor %}\
    {% if m.role == 'tool' %}<|result|>{{ m.content }}\
    {% else %}<|{{ m.role }}|>{{ m.content }}{% endif %}{{ '\\n' }}{% endfor %}<|assistant|>";

/// Rules about what was said: the first of them says so before anything else.
const NOSY: &str = "{% set loud = messages | selectattr('content', 'equalto', '42') | list %}\
    {% if loud %}A number was said.\n{% endif %}\
    {% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}<|assistant|>";

fn prompter(source: &str) -> Prompter {
    let template = Template::compile(source, TemplateTokens { bos: "<s>".into(), eos: "</s>".into() }).unwrap();
    let specials = ["<|im_start|>", "<|im_end|>", "<|user|>", "<|result|>", "<tool_call>", "[INST]", "<s>"];
    let specials = Specials::new(specials.map(|text| (text.to_owned(), false)));
    let format = Formats::builtin().get("hermes").unwrap();
    Prompter::new(template, format, PromptStyle::Native, specials).unwrap().now(Clock::utc(0))
}

const RULES: &str = "Be brief. 42 is the answer; 你好.";

fn tools() -> Vec<Tool> {
    let city = json!({"type": "string", "description": "the city, as Oslo"});
    let parameters = json!({"type": "object", "properties": {"city": city}, "required": ["city"]});
    vec![Tool::new("weather_now", "Tells the weather of a city", parameters)]
}

/// Words of the rules and of the tools, words that only people say, digits, blanks, foreign letters, tokens.
fn said() -> impl Strategy<Value = String> {
    let known =
        ["Be brief.", "42", "你好", "weather_now", "the city, as Oslo", "Oslo", "{\"type\": \"object\"", "Tells"];
    let own = ["secret", "<|im_end|>", "<|user|>", "\n", " ", "7", "é", "\"", "[user]", "<tool_call>", "\u{f0000}"];
    let word = prop::sample::select([known.as_slice(), own.as_slice()].concat());
    prop::collection::vec(word, 1..5).prop_map(|words| words.concat())
}

/// A conversation: a question, and perhaps a call, a result that may repeat the question, an answer, a second question.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    (said(), said(), said(), 0..4_usize, any::<bool>()).prop_map(|(question, result, answer, turns, repeats)| {
        let arguments = json!({"city": question}).as_object().cloned().unwrap();
        let call = Call::new("weather_now", arguments).with_id(CallId::new("abcdefgh1"));
        let result = if repeats { format!("{result} {question}") } else { result };
        let all = [
            Message::assistant("", vec![call.clone()]),
            Message::result(&call, result),
            Message::assistant(answer, vec![]),
            Message::user(question.clone()),
        ];
        let turns = [0, 2, 3, 4][turns];
        [Message::user(question)].into_iter().chain(all.into_iter().take(turns)).collect()
    })
}

fn with_rules(conversation: &[Message]) -> Vec<Message> {
    [Message::system(RULES)].into_iter().chain(conversation.iter().cloned()).collect()
}

/// The same conversation with everything said differently.
fn otherwise(conversation: &[Message]) -> Vec<Message> {
    let otherwise = |message: &Message| {
        let mut other = if message.role == Role::Assistant && !message.calls.is_empty() {
            message.clone()
        } else {
            message.clone().with_text(format!("Жж {}", message.text().len()))
        };
        for call in &mut other.calls {
            call.arguments.insert("city".to_owned(), json!("Жж"));
        }
        other
    };
    conversation.iter().map(otherwise).collect()
}

fn shared(prompt: &Prompt) -> String {
    prompt.text()[..prompt.shared].to_owned()
}

/// Checks one conversation with a template; none where the template refuses it.
fn checked(prompter: &Prompter, conversation: &[Message]) -> Option<Prompt> {
    let prompt = |messages: &[Message]| prompter.prompt(&with_rules(messages), &tools(), &ToolChoice::Auto).ok();
    let here = prompt(conversation)?;
    let beginning = shared(&here);
    for other in [otherwise(conversation), vec![Message::user("Ж")]] {
        if let Some(other) = prompt(&other) {
            assert!(other.text().starts_with(&beginning), "{beginning:?}\nis no beginning of\n{}", other.text());
        }
    }
    assert_eq!(here.beginning().text(), beginning);
    assert!(!beginning.contains("secret"), "{beginning:?}");
    Some(here)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_byte_of_a_conversation_is_shared(conversation in conversation()) {
        for (source, last) in [(PLAIN, "<|im_end|>\n<|im_start|>user\n"), (STRICT, ""), (NATIVE, "<|user|>")] {
            let prompter = prompter(source);
            let here = checked(&prompter, &conversation).unwrap();
            // Nothing is lost by it: rules and tools are shared whole, up to the question, whatever follows.
            let first = prompter.prompt(&with_rules(&conversation[..1]), &tools(), &ToolChoice::Auto).unwrap();
            prop_assert_eq!(shared(&here), shared(&first));
            prop_assert!(shared(&here).contains(RULES) && shared(&here).contains("the city, as Oslo"));
            prop_assert!(shared(&here).ends_with(last), "{:?}", shared(&here));
        }
    }

    /// A template may look into what was said before it writes the rules.
    #[test]
    fn what_a_template_writes_because_of_what_was_said_is_not_shared(conversation in conversation()) {
        checked(&prompter(NOSY), &conversation).unwrap();
        let told = [Message::user("42")];
        let here = checked(&prompter(NOSY), &told).unwrap();
        prop_assert!(here.text().starts_with("A number was said."));
        prop_assert_eq!(shared(&here), "");
    }
}

/// The same with the published templates, where they are at hand.
#[test]
fn no_byte_of_a_conversation_is_shared_by_published_templates() {
    let Some(folder) = callwright_test_support::means::shared() else { return };
    let mut runner = TestRunner::deterministic();
    let conversations: Vec<_> = (0..12).map(|_| conversation().new_tree(&mut runner).unwrap().current()).collect();
    let (mut prompts, mut templates, mut sharing) = (0, 0, 0);
    for entry in std::fs::read_dir(folder.join("templates")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "jinja") {
            continue;
        }
        let prompter = prompter(&std::fs::read_to_string(&path).unwrap());
        let made: Vec<_> = conversations.iter().filter_map(|messages| checked(&prompter, messages)).collect();
        prompts += made.len();
        templates += usize::from(!made.is_empty());
        let keeps = made.iter().filter(|prompt| shared(prompt).contains("the city, as Oslo")).count();
        sharing += usize::from(keeps * 2 > made.len());
        if keeps * 2 <= made.len() {
            eprintln!("{}: {keeps} of {} share their tools", path.display(), made.len());
        }
    }
    eprintln!("{templates} templates, {prompts} prompts; {sharing} templates share rules and tools");
    assert!(templates >= 60 && sharing * 10 >= templates * 9, "{sharing} of {templates}");
}
