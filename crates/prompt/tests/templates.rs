//! The 70 published chat templates of `../shared/templates`: each compiles and renders, byte for byte as Jinja2 does.
//!
//! Nothing of them is copied here. The tests run where `CALLWRIGHT_SHARED` names the folder; the comparison also needs
//! a python3 that can import jinja2, and says so where there is none.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test may stop, speak and ask where its data is"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use callwright_parse::format::Formats;
use callwright_prompt::{Clock, Conversation, Template, TemplateTokens};
use serde_json::{Map, Value, json};

/// 31 December 2025, shortly before midnight in Greenwich.
const NOW: i64 = 1_767_225_599;

/// Where rendering differs on purpose.
const LENIENT: [(&str, &str); 1] = [(
    "llama-cpp-deepseek-r1.jinja",
    "writes a generator as JSON, which Python refuses and llama.cpp, its home, does not",
)];

fn templates() -> Option<Vec<PathBuf>> {
    let folder = callwright_test_support::means::shared()?.join("templates");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jinja"));
    files.sort();
    assert!(!files.is_empty(), "no template in {}", folder.display());
    Some(files)
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

fn compile(path: &Path) -> Template {
    let source = std::fs::read_to_string(path).unwrap();
    let tokens = TemplateTokens { bos: "<s>".into(), eos: "</s>".into() };
    Template::compile(&source, tokens).unwrap_or_else(|error| panic!("{}: {error}", name(path)))
}

/// A conversation as both renderers get it.
struct Case {
    name: String,
    messages: Value,
    tools: Value,
    variables: Value,
}

fn tools() -> Value {
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| {
        let parameters = json!({"type": "object", "properties": properties, "required": required});
        json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
    };
    let city = json!({"type": "string", "description": "The city's name & <country>"});
    let days = json!({"type": "integer", "description": "How many", "default": 1});
    let unit = json!({"type": "string", "enum": ["C", "F"], "description": "unit"});
    let labels = json!({"type": "array", "items": {"type": "string"}, "description": "tags"});
    let loud =
        json!({"loud": {"type": "boolean", "description": "is it?"}, "volume": {"type": "number", "description": "é"}});
    let options = json!({
        "type": "object", "properties": loud, "required": ["loud"], "additionalProperties": {"type": "string"},
        "description": "how",
    });
    json!([
        tool(
            "weather_now",
            "Tells the weather, e.g. \"now\".",
            json!({"city": city, "days": days, "unit": unit}),
            &["city"]
        ),
        tool(
            "clock_set",
            "Sets the clock",
            json!({"hour": {"type": "integer", "description": "0 to 23"}, "labels": labels, "options": options}),
            &["hour", "labels"],
        ),
        tool("ping", "Takes nothing", json!({}), &[]),
    ])
}

/// Schemas as careless people write them: no descriptions, nothing said of what is inside.
fn bare_tools() -> Value {
    let properties =
        json!({"hour": {"type": "integer"}, "labels": {"type": "array"}, "options": {"type": "object"}, "any": {}});
    let parameters = json!({"type": "object", "properties": properties});
    json!([{"type": "function", "function": {"name": "clock_set", "description": "Sets", "parameters": parameters}}])
}

/// A parameter that may be one thing or another.
fn type_lists() -> Value {
    let zone = json!({"type": ["string", "null"], "description": "one or the other"});
    let level = json!({"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "either"});
    let parameters = json!({"type": "object", "properties": {"zone": zone, "level": level}, "required": ["zone"]});
    json!([{"type": "function", "function": {"name": "clock_set", "description": "Sets", "parameters": parameters}}])
}

fn cases() -> Vec<Case> {
    let system = json!({"role": "system", "content": "Be brief."});
    let user = json!({"role": "user", "content": "Hello <b> & 'you'\nthere"});
    let answer = json!({"role": "assistant", "content": "Hi!"});
    let again = json!({"role": "user", "content": "And now?  "});
    let mut cases = Vec::new();
    let mut case = |name: &str, messages: Value, with_tools: bool, variables: Value| {
        let tools = match name {
            "bare tools" => bare_tools(),
            "type lists" => type_lists(),
            _ if with_tools => tools(),
            _ => Value::Null,
        };
        cases.push(Case { name: name.to_owned(), messages, tools, variables });
    };
    case("plain", json!([user, answer, again]), false, json!({}));
    case("system", json!([system, user, answer, again]), false, json!({}));
    case("no generation prompt", json!([system, user, answer]), false, json!({"add_generation_prompt": false}));
    case("tools", json!([user]), true, json!({}));
    case("system and tools", json!([system, user, answer, again]), true, json!({}));
    case("bare tools", json!([user]), true, json!({}));
    case("type lists", json!([user]), true, json!({}));
    case("thinking on", json!([user]), true, json!({"enable_thinking": true}));
    case("thinking off", json!([user]), true, json!({"enable_thinking": false}));
    case(
        "parts",
        json!([{"role": "user", "content": [{"type": "text", "text": "Hello"}, {"type": "text", "text": "you"}]}]),
        false,
        json!({}),
    );
    case(
        "reasoning",
        json!([user, {"role": "assistant", "content": "Hi!", "reasoning_content": "a bit"}, again]),
        false,
        json!({}),
    );
    case(
        "think tag",
        json!([user, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi!"}, again]),
        false,
        json!({}),
    );
    let first = json!({"city": "Oslo \"é\" </x>", "days": 3});
    let second = json!({"hour": 7, "labels": ["a", "b'c"], "options": {"loud": true, "volume": 0.5, "none": null}});
    for text in [false, true] {
        let shaped = |arguments: &Value| if text { Value::from(arguments.to_string()) } else { arguments.clone() };
        let call = |id: &str, name: &str, arguments: &Value| json!({"id": id, "type": "function", "function": {"name": name, "arguments": shaped(arguments)}});
        let result = |id: &str, name: &str, content: &str| json!({"role": "tool", "tool_call_id": id, "name": name, "content": content});
        let shape = if text { "text" } else { "object" };
        for (kind, content) in [("empty", json!("")), ("null", Value::Null), ("text", json!("Let me see."))] {
            let made = json!({"role": "assistant", "content": content, "tool_calls": [call("call00001", "weather_now", &first)]});
            let told = result("call00001", "weather_now", "{\"temp\": 3}");
            case(&format!("call, {kind}, {shape}"), json!([system, user, made, told, answer, again]), true, json!({}));
        }
        let two = json!([call("call00001", "weather_now", &first), call("call00002", "clock_set", &second)]);
        let made = json!({"role": "assistant", "content": "", "tool_calls": two});
        let told = [result("call00001", "weather_now", "3 degrees"), result("call00002", "clock_set", "ok")];
        case(&format!("two calls, {shape}"), json!([user, made, told[0], told[1]]), true, json!({}));
        let made = json!({"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [call("call00001", "ping", &json!({}))]});
        case(
            &format!("no arguments, {shape}"),
            json!([user, made, result("call00001", "ping", "pong"), again]),
            true,
            json!({}),
        );
    }
    cases
}

fn ours(template: &Template, case: &Case) -> Result<String, String> {
    let mut variables: Map<String, Value> = case.variables.as_object().cloned().unwrap_or_default();
    let add_generation_prompt = variables.remove("add_generation_prompt").is_none_or(|asked| asked == true);
    let messages = case.messages.as_array().cloned().unwrap_or_default();
    let tools = case.tools.as_array().cloned();
    let now = Some(Clock::utc(NOW));
    template
        .render(&Conversation { messages, tools, add_generation_prompt, variables, now })
        .map_err(|error| error.to_string())
}

/// Reads jobs from stdin, a JSON object a line, and answers each with `{"text"}` or `{"error"}`.
const ORACLE: &str = r#"
import datetime, json, sys
from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

class Generation(Extension):
    tags = {"generation"}
    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_called", []), [], [], body).set_lineno(line)
    def _called(self, caller):
        return caller()

def environment(kind, now):
    made = kind(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
    def raise_exception(message):
        raise TemplateError(message)
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = now.strftime
    return made

for line in sys.stdin:
    job = json.loads(line)
    now = datetime.datetime.fromtimestamp(job["now"], datetime.timezone.utc)
    strict = environment(ImmutableSandboxedEnvironment, now)
    # What transformers' sandbox forbids and templates need all the same: growing a list, reading JSON.
    lax = environment(SandboxedEnvironment, now)
    lax.filters["from_json"] = json.loads
    source = open(job["template"], encoding="utf-8", newline="").read()
    for case in job["cases"]:
        answer = None
        for one in (strict, lax):
            try:
                variables = {"add_generation_prompt": True, **case["variables"]}
                text = one.from_string(source).render(
                    messages=case["messages"], tools=case["tools"], documents=None,
                    bos_token="<s>", eos_token="</s>", **variables)
                answer = {"text": text}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
                if "SecurityError" in answer["error"] or "from_json" in answer["error"]:
                    continue
            break
        print(json.dumps(answer))
"#;

fn jinja2(files: &[PathBuf], cases: &[Case]) -> Option<Vec<Result<String, String>>> {
    let importable = Command::new("python3").args(["-c", "import jinja2"]).stderr(Stdio::null()).status();
    if !importable.is_ok_and(|status| status.success()) {
        callwright_test_support::means::skip("python3 cannot import jinja2");
        return None;
    }
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| json!({"messages": case.messages, "tools": case.tools, "variables": case.variables}))
        .collect();
    let mut child =
        Command::new("python3").args(["-c", ORACLE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let jobs: Vec<String> =
        files.iter().map(|file| json!({"template": file, "now": NOW, "cases": cases}).to_string()).collect();
    let writer = std::thread::spawn(move || jobs.iter().try_for_each(|job| writeln!(stdin, "{job}")));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the comparison's Python failed");
    let answers = String::from_utf8(output.stdout).unwrap();
    let answer = |line: &str| {
        let answer: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        text("text").ok_or_else(|| text("error").unwrap_or_default())
    };
    Some(answers.lines().map(answer).collect())
}

#[test]
fn every_template_compiles_and_renders() {
    let Some(files) = templates() else { return };
    let cases = cases();
    for file in &files {
        let template = compile(file);
        for case in cases.iter().filter(|case| ["plain", "tools"].contains(&case.name.as_str())) {
            if let Err(error) = ours(&template, case) {
                // What remains is compared with Jinja2 below; here only that it is the template that says no.
                assert!(error.contains("chat template"), "{} ({}): {error}", name(file), case.name);
            }
        }
    }
}

#[test]
fn templates_render_byte_for_byte_as_jinja2() {
    let Some(files) = templates() else { return };
    let cases = cases();
    let Some(answers) = jinja2(&files, &cases) else { return };
    assert_eq!(answers.len(), files.len() * cases.len());
    let (mut equal, mut failing, mut lenient) = (0, 0, 0);
    for (file, answers) in files.iter().zip(answers.chunks(cases.len())) {
        let template = compile(file);
        for (case, theirs) in cases.iter().zip(answers) {
            let place = format!("{} ({})", name(file), case.name);
            match (ours(&template, case), theirs) {
                (Ok(ours), Ok(theirs)) => {
                    assert_eq!(&ours, theirs, "{place}");
                    equal += 1;
                }
                (Err(_), Err(_)) => failing += 1,
                (Ok(_), Err(_)) if LENIENT.iter().any(|(lenient, _)| *lenient == name(file)) => lenient += 1,
                (Ok(_), Err(theirs)) => panic!("{place}: renders, but Jinja2 says {theirs}"),
                (Err(ours), Ok(_)) => panic!("{place}: {ours}"),
            }
        }
    }
    eprintln!(
        "{} templates, {} conversations each: {equal} equal, {failing} refused by both, {lenient} by Jinja2 only",
        files.len(),
        cases.len()
    );
}

/// What each template can say, found out by rendering; a change here is a change of what models are told.
#[test]
fn abilities_are_found_by_rendering() {
    let Some(files) = templates() else { return };
    let (mut listing, mut calling) = (0, 0);
    for file in &files {
        let abilities = compile(file).abilities();
        eprintln!("{}: {}", name(file), serde_json::to_string(&abilities).unwrap());
        listing += usize::from(abilities.tools.is_some());
        calling += usize::from(abilities.calls.is_some());
    }
    eprintln!("{} templates: {listing} list tools, {calling} show calls", files.len());
    assert!(listing >= 60 && calling >= 60, "{listing} list tools, {calling} show calls");
}

/// Every template that shows calls gets a format that reads all of them back; the others, with the reason.
#[test]
fn every_template_that_shows_calls_finds_its_format() {
    let Some(files) = templates() else { return };
    let mut without = Vec::new();
    for file in &files {
        let template = compile(file);
        let found = template.detect(Formats::builtin(), &[]);
        if found.probes == 0 {
            without.push(format!("{}: {:?}, {}", name(file), found.format, found.reason));
            continue;
        }
        let format = found.format.as_deref().unwrap_or("none");
        assert_eq!(found.failed, Vec::<String>::new(), "{}: {format} {}", name(file), found.reason);
        eprintln!("{}: {format}, {}", name(file), found.reason);
    }
    eprintln!("without calls:\n{}", without.join("\n"));
    assert!(without.len() <= 9, "{without:#?}");
}
