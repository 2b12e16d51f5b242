//! In which format does a model write its calls, if nobody said so?
//!
//! Calls with nasty values are rendered through the model's own template, and every format reads them back. What comes
//! back whole counts; the best format wins, and the probes that it failed are told. Searching the template's source for
//! markers was the alternative: it says nothing about how a value is escaped, and nobody finds out until a call is lost.

use serde::Serialize;
use serde_json::{Value, json};

use super::clock::Clock;
use super::probe::{Abilities, offer};
use super::template::{Conversation, Template};
use callwright_parse::chat::{Arguments, Call, CallId, Message, Tool};
use callwright_parse::format::{Format, Formats, Offered, Reader, Step, Text};
use callwright_parse::schema::{Schema, View};

/// Which format a template writes calls in, and why we think so.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Detection {
    /// The format's name, if one was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// How much of what the template rendered was read back whole, from 0 to 1.
    pub score: f64,
    /// Why, in one sentence.
    pub reason: String,
    /// How many conversations the template rendered.
    pub probes: usize,
    /// Those that the format did not read back.
    pub failed: Vec<String>,
    /// What the other formats that read anything scored, the best first.
    pub others: Vec<(String, f64)>,
}

/// How many characters of a prompt's end tell what its answer begins inside of.
const TAIL: usize = 160;

/// What was rendered for one probe.
struct Rendered {
    name: &'static str,
    calls: Vec<Call>,
    /// The end of the prompt.
    prompt: String,
    /// What a model that writes as the template does would have written.
    output: String,
}

/// How one format did.
struct Score<'f> {
    format: &'f Format,
    read: usize,
    /// How often the format writes the very text that the template rendered.
    written: usize,
    failed: Vec<String>,
}

impl Template {
    /// Finds the format in which this template writes calls. Where it shows none, a control token of the model that is
    /// a format's marker gives it away.
    ///
    /// ```
    /// use callwright_parse::format::Formats;
    /// use callwright_prompt::{Template, TemplateTokens};
    /// let source = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for call in m.tool_calls or [] %}\
    ///     <tool_call>\n{{ call.function | tojson }}\n</tool_call>{% endfor %}{% endfor %}";
    /// let found = Template::compile(source, TemplateTokens::default())?.detect(Formats::builtin(), &[]);
    /// assert_eq!(found.format.as_deref(), Some("hermes"));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn detect(&self, formats: &Formats, control_tokens: &[String]) -> Detection {
        let abilities = self.abilities();
        let probes = self.rendered_probes(&abilities);
        if probes.is_empty() {
            return self.by_marker(&abilities, formats, control_tokens);
        }
        let mut scores: Vec<Score<'_>> = formats.iter().map(|format| score(format, &probes)).collect();
        // Of formats that read equally well, the one that also writes what the template writes.
        scores.sort_by(|a, b| {
            (b.read, b.written).cmp(&(a.read, a.written)).then_with(|| a.format.name().cmp(b.format.name()))
        });
        let share = |score: &Score<'_>| fraction(score.read, probes.len());
        let others = scores.iter().skip(1).filter(|score| score.read > 0);
        let others = others.map(|score| (score.format.name().to_owned(), share(score))).collect();
        let Some(best) = scores.first().filter(|best| best.read > 0) else {
            let reason = "no format reads what the template writes".to_owned();
            return Detection { reason, probes: probes.len(), ..Detection::default() };
        };
        Detection {
            format: Some(best.format.name().to_owned()),
            score: share(best),
            reason: format!("reads back {} of {} calls that the template wrote", best.read, probes.len()),
            probes: probes.len(),
            failed: best.failed.clone(),
            others,
        }
    }

    fn rendered_probes(&self, abilities: &Abilities) -> Vec<Rendered> {
        if abilities.calls.is_none() {
            return Vec::new();
        }
        let probes = probes();
        let tools = tools(&probes);
        let render = |turn: Option<&Message>, result: Option<&Message>| {
            let user = Message::user("zqquestion");
            let messages = std::iter::once(&user).chain(turn).chain(result).map(|message| abilities.message(message));
            let mut conversation = Conversation {
                messages: messages.collect(),
                add_generation_prompt: turn.is_none(),
                now: Some(Clock::utc(0)),
                ..Conversation::default()
            };
            if let Some(variable) = abilities.tools {
                offer(&mut conversation, variable, &tools);
            }
            self.render_somehow(conversation).ok()
        };
        let prompt = render(None, None).unwrap_or_default();
        let text = render(Some(&Message::assistant("zqtext", Vec::new())), None).unwrap_or_default();
        let rendered = probes.into_iter().filter_map(|(name, said, calls)| {
            let turn = Message::assistant(said, calls.clone());
            let full = render(Some(&turn), None).or_else(|| {
                let result = Message::result(&calls[0], "zqresult");
                let full = render(Some(&turn), Some(&result))?;
                full.rfind("zqresult").map(|at| full[..at].to_owned())
            })?;
            let (prompt, output) = cut(&full, &prompt, &text);
            // Templates leave out what they cannot say: a second call, a call after text.
            let said = calls.iter().all(|call| output.contains(&call.name));
            said.then_some(Rendered { name, calls, prompt, output })
        });
        rendered.collect()
    }

    /// For templates that show no calls: does what they tell the model show a format's marker?
    fn by_marker(&self, abilities: &Abilities, formats: &Formats, control_tokens: &[String]) -> Detection {
        let nothing = |reason: &str| Detection { reason: reason.to_owned(), ..Detection::default() };
        let Some(variable) = abilities.tools else {
            return nothing("the template shows neither tools nor calls");
        };
        let mut conversation = Conversation {
            messages: vec![json!({"role": "user", "content": "zqquestion"})],
            add_generation_prompt: true,
            now: Some(Clock::utc(0)),
            ..Conversation::default()
        };
        offer(&mut conversation, variable, &tools(&probes()));
        let prompt = match self.render_somehow(conversation) {
            Ok(prompt) => prompt,
            Err(error) => return nothing(&format!("the template lists no tools: {error}")),
        };
        let shown = formats.iter().filter_map(|format| {
            let marker = marker(format);
            let shown = prompt.contains(&marker) || control_tokens.contains(&marker);
            let close = format!("{}{}", format.enforce().call_close, format.enforce().close);
            let close = close.trim_start_matches([']', '}']).trim();
            let whole = close.is_empty() || prompt.contains(close) || control_tokens.iter().any(|token| token == close);
            (marker.len() >= 5 && shown).then(|| (whole, marker.len(), format.name().to_owned(), marker))
        });
        match shown.max() {
            Some((_, _, format, marker)) => {
                let reason = format!("the template shows no calls, but the model knows `{marker}`");
                Detection { format: Some(format), reason, ..Detection::default() }
            }
            None => nothing("the template lists tools but shows no calls, and no format's marker is in its words"),
        }
    }
}

/// The tag or token that a format's calls begin with.
fn marker(format: &Format) -> String {
    let enforce = format.enforce();
    let text = format!("{}{}", enforce.open, enforce.call_open);
    let text = text.trim_start();
    let end = text.char_indices().find(|(at, c)| *at > 0 && (c.is_whitespace() || matches!(c, '{' | '<')));
    let tag = end.map_or(text, |(at, _)| &text[..at]);
    tag.trim_end_matches(['[', '{', ' ', '\n']).to_owned()
}

fn fraction(part: usize, whole: usize) -> f64 {
    let number = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    number(part) / number(whole.max(1))
}

fn score<'f>(format: &'f Format, probes: &[Rendered]) -> Score<'f> {
    let mut score = Score { format, read: 0, written: 0, failed: Vec::new() };
    for probe in probes {
        let read = read(format, probe);
        let same = |(wanted, got): (&Call, &Call)| wanted.name == got.name && wanted.arguments == got.arguments;
        if read.len() == probe.calls.len() && probe.calls.iter().zip(&read).all(same) {
            score.read += 1;
            let written = format.write(&probe.calls).unwrap_or_default();
            score.written += usize::from(!written.is_empty() && probe.output.contains(&written));
        } else {
            score.failed.push(probe.name.to_owned());
        }
    }
    score
}

/// The calls that a format reads. Only the format's own reading: recovery would find calls in almost anything.
fn read(format: &Format, probe: &Rendered) -> Vec<Call> {
    let offered = ProbeTools::of(&probe.calls);
    let mut steps = Vec::new();
    let text = Text { so_far: &probe.output, at_end: true };
    Reader::new(format, &probe.prompt).read(format, text, &offered, &mut steps);
    let calls = steps.into_iter().filter_map(|step| match step {
        Step::Call(raw) => Some(Call::new(raw.name, raw.arguments.as_object().cloned().unwrap_or_default())),
        _ => None,
    });
    calls.collect()
}

/// The prompt's end and the model's turn in a rendered conversation.
///
/// Usually the conversation goes on from the prompt. Where it does not (the prompt opens reasoning, the history leaves
/// it out), the turn begins where a turn of plain text begins.
fn cut(full: &str, prompt: &str, text: &str) -> (String, String) {
    let begin = if full.starts_with(prompt) {
        prompt.len()
    } else {
        tag_begin(full, common_prefix(full, prompt).max(common_prefix(full, text)))
    };
    let ending = text.rfind("zqtext").map_or("", |at| &text[at + "zqtext".len()..]);
    let end = full.len() - common_suffix(&full[begin..], ending);
    let end = tag_end(full, end).max(begin);
    // What opens reasoning or a call stands at the very end of a prompt.
    let tail = prompt.char_indices().rev().take(TAIL).last().map_or("", |(at, _)| &prompt[at..]);
    let tail = if full.starts_with(prompt) { tail } else { "" };
    (tail.to_owned(), full[begin..end].to_owned())
}

fn common_prefix(one: &str, other: &str) -> usize {
    let length = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    debug_assert!(one.is_char_boundary(length));
    length
}

fn common_suffix(one: &str, other: &str) -> usize {
    one.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

/// Back to where a tag begins, if a place lies inside one.
fn tag_begin(text: &str, at: usize) -> usize {
    let before = &text[..at];
    let open = before.rfind(['<', '[']).filter(|&open| !before[open..].contains(['>', ']', '\n']));
    open.unwrap_or(at)
}

/// On to where a tag ends, if a place lies inside one.
fn tag_end(text: &str, at: usize) -> usize {
    if tag_begin(text, at) == at {
        return at;
    }
    text[at..].find(['>', ']']).map_or(at, |end| at + end + 1)
}

/// The tools of one probe: every parameter has the type of its value.
struct ProbeTools {
    tools: Vec<(String, Option<Schema>)>,
}

impl ProbeTools {
    fn of(calls: &[Call]) -> Self {
        let schema = |call: &Call| {
            let properties: Arguments =
                call.arguments.iter().map(|(key, value)| (key.clone(), schema_of(value))).collect();
            Schema::of_tool(&json!({"properties": properties})).ok()
        };
        Self { tools: calls.iter().map(|call| (call.name.clone(), schema(call))).collect() }
    }

    fn schema(&self, name: &str) -> Option<&Schema> {
        self.tools.iter().find(|(tool, _)| tool == name)?.1.as_ref()
    }
}

impl Offered for ProbeTools {
    fn knows(&self, name: &str) -> bool {
        self.tools.iter().any(|(tool, _)| tool == name)
    }

    fn parameter(&self, name: &str, parameter: &str) -> Option<View<'_>> {
        let schema = self.schema(name)?;
        Some(View::at(schema, &schema.members().iter().find(|member| member.key == parameter)?.node))
    }

    fn positional(&self, name: &str, values: Vec<Value>) -> Arguments {
        let members = self.schema(name).map(Schema::members).unwrap_or_default();
        members.iter().map(|member| member.key.clone()).zip(values).collect()
    }
}

/// The schema of a value's type. Some templates spell out what is inside, and fail where nothing is said of it.
fn schema_of(value: &Value) -> Value {
    match value {
        Value::Null => json!({"type": "null"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => json!({"type": "array", "items": items.first().map_or_else(|| json!({}), schema_of)}),
        Value::Object(pairs) => {
            let properties: Arguments = pairs.iter().map(|(key, item)| (key.clone(), described(key, item))).collect();
            json!({"type": "object", "properties": properties, "additionalProperties": {"type": "string"}})
        }
    }
}

fn described(name: &str, value: &Value) -> Value {
    let mut schema = schema_of(value);
    schema["description"] = Value::from(name);
    schema
}

/// Calls that formats stumble over: name, text before the calls, calls.
fn probes() -> Vec<(&'static str, &'static str, Vec<Call>)> {
    let call = |name: &str, arguments: Value| Call::new(name, arguments.as_object().cloned().unwrap_or_default());
    let one = |name, value: Value| (name, "", vec![call("zqtool", value)]);
    let mut probes = vec![
        one("a word", json!({"city": "Oslo"})),
        one("no arguments", json!({})),
        one("two words and a number", json!({"city": "New York", "days": 3})),
        one("quotes and backslashes", json!({"text": "say \"yes\" or 'no' \\ `maybe`"})),
        one("lines", json!({"text": "first\n  second\n\nthird"})),
        one("brackets", json!({"text": "a } b ] c ) d { e [ f ("})),
        one("a tag that closes", json!({"text": "a </tool_call> b </parameter> c </arg_value> d"})),
        one("other scripts", json!({"text": "Ærøskøbing, 東京 🌧️"})),
        one("text like numbers", json!({"code": "007", "flag": "true", "none": "null"})),
        one("numbers and flags", json!({"count": -5, "share": 0.25, "loud": true})),
        one("lists", json!({"labels": ["a", "b c"], "sizes": [1, 2]})),
        one("nesting", json!({"options": {"loud": true, "levels": [{"name": "x", "value": 1}]}})),
        one("the empty text", json!({"text": "", "city": "Oslo"})),
        one("commas and colons", json!({"text": "a, b: c; d = e"})),
        ("text before the call", "Let me see.", vec![call("zqtool", json!({"city": "Oslo"}))]),
        ("two calls", "", vec![call("zqtool", json!({"city": "Oslo"})), call("zqother", json!({"hour": 7}))]),
    ];
    for (_, _, calls) in &mut probes {
        for (index, call) in calls.iter_mut().enumerate() {
            call.id = CallId::new(format!("abcdefgh{}", index + 1));
        }
    }
    probes
}

/// The tools of all probes, as a template lists them.
fn tools(probes: &[(&'static str, &'static str, Vec<Call>)]) -> Vec<Value> {
    let mut tools: Vec<Tool> = Vec::new();
    for call in probes.iter().flat_map(|(_, _, calls)| calls) {
        if tools.iter().all(|tool| tool.name != call.name) {
            let parameters = json!({"type": "object", "properties": {}, "required": []});
            tools.push(Tool::new(call.name.clone(), "does it", parameters));
        }
        let tool = tools.iter_mut().find(|tool| tool.name == call.name);
        if let Some(properties) = tool.and_then(|tool| tool.parameters["properties"].as_object_mut()) {
            for (name, value) in &call.arguments {
                properties.insert(name.clone(), described(name, value));
            }
        }
    }
    tools.iter().map(|tool| json!(tool)).collect()
}
