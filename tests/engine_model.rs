//! A model without a row is prompted and read as its own template writes calls.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use callwright::Engine;
use callwright::format::Formats;
use callwright::models::gguf::Header;
use callwright::prompt::Prompter;

const MODEL: &str = "fixtures/models/random_llama.gguf";

fn with_template(template: &str) -> Prompter {
    let mut header = Header::read(MODEL.as_ref()).expect("a header");
    header.chat_template = Some(template.to_owned());
    Prompter::of_model(&header, None, Formats::builtin(), None).expect("a prompter")
}

#[test]
fn the_format_is_the_one_that_the_template_writes() {
    let hermes = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}<|im_start|>{{ m.role }}\n\
        {{ m.content or '' }}{% for call in m.tool_calls or [] %}<tool_call>\n{\"name\": \"{{ call.function.name }}\", \
        \"arguments\": {{ call.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endfor %}";
    assert_eq!(with_template(hermes).format().name(), "hermes");
    let mistral = "{% for t in tools or [] %}{{ t | tojson }}{% endfor %}{% for m in messages %}{{ m.content or '' }}\
        {% for call in m.tool_calls or [] %}[TOOL_CALLS]{{ call.function.name }}[ARGS]{{ call.function.arguments | tojson }}\
        {% endfor %}</s>{% endfor %}";
    assert_eq!(with_template(mistral).format().name(), "mistral_v13");
}

#[test]
fn a_template_without_calls_is_told_the_tools_in_words() {
    let plain = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";
    assert_eq!(with_template(plain).format().name(), "tool_use");
}

#[tokio::test]
async fn an_engine_of_a_file_takes_its_prompter() {
    let engine = Engine::builder().model(MODEL).build().await.expect("the model opens");
    let header = Header::read(MODEL.as_ref()).expect("a header");
    let prompter = Prompter::of_model(&header, None, Formats::builtin(), None).expect("a prompter");
    assert_eq!(engine.format().name(), prompter.format().name());
    let named = Engine::builder().model(MODEL).format("hermes").build().await.expect("the model opens");
    assert_eq!(named.format().name(), "hermes");
}
