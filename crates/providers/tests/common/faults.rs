//! What can go wrong on the wire, as a table: how to make it, and what must come of it.

#![allow(dead_code, clippy::expect_used, reason = "each test uses its own part, and stops where it cannot go on")]

#[path = "faults_of_calls.rs"]
mod of_calls;

use std::time::Duration;

use callwright_parse::error::{FailureKind, Wait};
use serde_json::{Value, json};

use callwright_test_support::fault_server::{Act, answer, chunk, end, head, streamed};
use callwright_test_support::wires::{Meant, Sent, body, content_type, events, framed, sample};

/// One fault.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What the server does; `None` where the dialect has no such thing.
    pub(crate) acts: Making,
    pub(crate) want: Want,
}

/// What the server does, by the dialect.
type Making = Box<dyn Fn(&str) -> Option<Vec<Act>>>;

/// What must come of it.
pub(crate) enum Want {
    Whole(Meant),
    /// The same calls and text, and a warning.
    Warned(Meant),
    Fails(Vec<FailureKind>),
}

use FailureKind::{
    Auth, ContextOverflow, EgressDenied, InvalidRequest, Malformed, NotFound, Overloaded, Permission, Quota, RateLimit,
    Timeout, TooLarge, Truncated,
};

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario> {
    [statuses(), framing(), endings(), frames(), of_calls::scenarios()].into_iter().flatten().collect()
}

pub(crate) fn scenario(name: &'static str, want: Want, acts: impl Fn(&str) -> Option<Vec<Act>> + 'static) -> Scenario {
    Scenario { name, acts: Box::new(acts), want }
}

/// A scenario that changes the events of the sample.
pub(crate) fn changed(
    name: &'static str,
    want: Want,
    change: impl Fn(&str, Vec<Sent>) -> Option<Vec<Sent>> + 'static,
) -> Scenario {
    scenario(name, want, move |dialect| {
        let events = change(dialect, events(dialect, &sample()))?;
        Some(streamed(content_type(dialect), &body(dialect, &events)))
    })
}

/// A scenario that changes the bytes of the sample.
fn rewritten(name: &'static str, want: Want, change: impl Fn(&str, String) -> Option<Vec<u8>> + 'static) -> Scenario {
    scenario(name, want, move |dialect| {
        let text = String::from_utf8(body(dialect, &events(dialect, &sample()))).expect("text");
        Some(streamed(content_type(dialect), &change(dialect, text)?))
    })
}

fn whole() -> Want {
    Want::Whole(sample())
}

pub(crate) fn fails(kind: FailureKind) -> Want {
    Want::Fails(vec![kind])
}

/// An error as a vendor of the dialect wraps it.
fn error(dialect: &str, code: &str, message: &str) -> Value {
    match dialect {
        "anthropic" => json!({"type": "error", "error": {"type": code, "message": message}, "request_id": "req_1"}),
        "gemini" => json!([{"error": {"code": 0, "status": code, "message": message, "details": []}}]),
        "cohere" => json!({"message": message, "code": code}),
        "ollama" => json!({"error": message}),
        _ => json!({"error": {"message": message, "type": code, "param": null, "code": code}}),
    }
}

fn statuses() -> Vec<Scenario> {
    let mut all = Vec::new();
    let plain: [(&'static str, u16, FailureKind); 18] = [
        ("400", 400, InvalidRequest),
        ("401", 401, Auth),
        ("402", 402, Quota),
        ("403", 403, Permission),
        ("404", 404, NotFound),
        ("408", 408, Overloaded),
        ("409", 409, InvalidRequest),
        ("413", 413, ContextOverflow),
        ("422", 422, InvalidRequest),
        ("429", 429, RateLimit),
        ("498", 498, Auth),
        ("499", 499, Overloaded),
        ("500", 500, Overloaded),
        ("501", 501, FailureKind::Unsupported),
        ("503", 503, Overloaded),
        ("504", 504, Overloaded),
        ("529", 529, Overloaded),
        ("302 elsewhere", 302, EgressDenied),
    ];
    for (name, status, kind) in plain {
        // The message quotes the key and the prompt, as servers do.
        let message = format!("no: {} {}", super::asking::KEY, super::asking::PROMPT);
        all.push(scenario(name, fails(kind), move |dialect| {
            let headers = [("content-type", "application/json"), ("location", "http://127.0.0.1:9/")];
            Some(answer(status, &headers, error(dialect, "some_error", &message).to_string().as_bytes()))
        }));
    }
    let coded: [(&'static str, u16, &'static str, &'static str, FailureKind); 7] = [
        ("400 no key of this proxy's", 400, "no_db_connection", "No connected db.", Auth),
        ("429 insufficient quota", 429, "insufficient_quota", "billing", Quota),
        ("429 spend limit", 429, "project_spend_limit_exceeded", "spent", Quota),
        ("429 slow down", 429, "slow_down", "slower", RateLimit),
        ("429 per day", 429, "GenerateRequestsPerDayPerProject", "daily", Quota),
        ("400 context", 400, "context_length_exceeded", "maximum context length is 8", ContextOverflow),
        ("400 content filter", 400, "content_filter", "blocked", FailureKind::ContentFilter),
    ];
    for (name, status, code, message, kind) in coded {
        all.push(scenario(name, fails(kind), move |dialect| {
            // These two have no codes.
            let told = !(dialect == "ollama" && code != "context_length_exceeded");
            told.then(|| answer(status, &[], error(dialect, code, message).to_string().as_bytes()))
        }));
    }
    all.push(scenario("502 web page", fails(Overloaded), |_| {
        Some(answer(502, &[("content-type", "text/html")], b"<html><h1>Bad gateway</h1></html>"))
    }));
    all.push(scenario("200 web page", fails(Malformed), |_| {
        Some(answer(200, &[("content-type", "text/html")], b"<html>please log in</html>"))
    }));
    all.push(scenario("200 with an error body", fails(RateLimit), |dialect| {
        let body = error(dialect, "rate_limit_exceeded", "rate_limit: later").to_string();
        (dialect != "cohere" && dialect != "ollama")
            .then(|| answer(200, &[("content-type", "application/json")], body.as_bytes()))
    }));
    all.push(scenario("compressed unasked", fails(Malformed), |dialect| {
        let body = body(dialect, &events(dialect, &sample()));
        Some(answer(200, &[("content-type", content_type(dialect)), ("content-encoding", "gzip")], &body))
    }));
    all.push(scenario("gzip bytes, not told", Want::Fails(vec![Malformed, Truncated]), |dialect| {
        Some(streamed(content_type(dialect), &[0x1f, 0x8b, 8, 0, 0xff, 0xfe, b'\n', b'\n', 0x80, b'\n']))
    }));
    all
}

fn framing() -> Vec<Scenario> {
    let sse = |dialect: &str| dialect != "ollama";
    vec![
        scenario("as it should be", whole(), |dialect| {
            Some(streamed(content_type(dialect), &body(dialect, &events(dialect, &sample()))))
        }),
        scenario("byte by byte", whole(), |dialect| {
            let body = body(dialect, &events(dialect, &sample()));
            Some(
                [head(content_type(dialect))]
                    .into_iter()
                    .chain(body.iter().map(|byte| chunk(&[*byte])))
                    .chain(end())
                    .collect(),
            )
        }),
        rewritten("byte order mark", whole(), |_, text| Some(["\u{feff}", &text].concat().into_bytes())),
        rewritten("CRLF", whole(), |_, text| Some(text.replace('\n', "\r\n").into_bytes())),
        rewritten("CR", whole(), move |dialect, text| sse(dialect).then(|| text.replace('\n', "\r").into_bytes())),
        rewritten("comments", whole(), move |dialect, text| {
            sse(dialect).then(|| text.replace("\n\n", "\n\n: still here\n\n").into_bytes())
        }),
        rewritten("blank lines", whole(), |_, text| Some(text.replace('\n', "\n\n").into_bytes()).filter(|_| true))
            .only(&["ollama"]),
        rewritten("no space after the colon", whole(), move |dialect, text| {
            sse(dialect).then(|| text.replace("data: ", "data:").into_bytes())
        }),
        rewritten("data over several lines", whole(), move |dialect, text| {
            sse(dialect).then(|| text.replace("data: {", "data: {\ndata:  ").into_bytes())
        }),
        rewritten("not UTF-8", fails(Malformed), |_, text| {
            let at = text.find("Let me").expect("the text");
            Some([&text.as_bytes()[..at], b"\xff\xfe", &text.as_bytes()[at..]].concat())
        }),
        rewritten("NUL in the JSON", fails(Malformed), |_, text| Some(text.replace("Let me", "Let\0me").into_bytes())),
        rewritten("one event of 6 MB", fails(TooLarge), |_, text| {
            Some(text.replace("Let me ", &"x".repeat(6 << 20)).into_bytes())
        }),
    ]
}

impl Scenario {
    /// The same for these dialects only.
    fn only(self, dialects: &'static [&'static str]) -> Self {
        let acts = self.acts;
        Self { acts: Box::new(move |dialect| dialects.contains(&dialect).then(|| acts(dialect))?), ..self }
    }
}

fn endings() -> Vec<Scenario> {
    let terminal = |dialect: &str, mut events: Vec<Sent>| {
        // In OpenAI's chat the finish reason is the end: with it go the count and [DONE].
        let last = if dialect == "openai_chat" { 3 } else { 1 };
        events.truncate(events.len() - last);
        events
    };
    let pause = |dialect: &str, acts: Vec<Act>| {
        let stall = Act::Pause(Duration::from_secs(20));
        Some([head(content_type(dialect))].into_iter().chain(acts).chain([stall]).collect())
    };
    let first = |dialect: &str| chunk(&framed(dialect, &events(dialect, &sample())[0]));
    vec![
        changed("no end, closed in order", fails(Truncated), move |dialect, events| Some(terminal(dialect, events))),
        scenario("no end, reset", fails(Truncated), move |dialect| {
            let body = body(dialect, &terminal(dialect, events(dialect, &sample())));
            Some(vec![head(content_type(dialect)), chunk(&body), Act::Pause(Duration::from_millis(20)), Act::Reset])
        }),
        scenario("nothing at all", fails(Truncated), |dialect| Some(streamed(content_type(dialect), b""))),
        changed("[DONE] and no finish", fails(Truncated), |dialect, mut events| {
            events.retain(|(_, value)| value["choices"][0]["finish_reason"].is_null());
            (dialect == "openai_chat").then_some(events)
        }),
        changed("finish and no [DONE]", whole(), |dialect, mut events| {
            events.pop();
            (dialect == "openai_chat").then_some(events)
        }),
        scenario("reset after the finish", Want::Warned(sample()), |dialect| {
            let events = events(dialect, &sample());
            let body = body(dialect, &events[..events.len() - 2]);
            (dialect == "openai_chat").then(|| {
                vec![head(content_type(dialect)), chunk(&body), Act::Pause(Duration::from_millis(20)), Act::Reset]
            })
        }),
        changed("the end twice", whole(), |_, mut events| {
            events.push(events.last().cloned().expect("an end"));
            Some(events)
        }),
        changed("noise after the end", whole(), |dialect, mut events| {
            events.push((None, json!("{{{ no JSON")));
            (dialect != "gemini").then_some(events)
        }),
        scenario("stall before the head", fails(Timeout(Wait::FirstByte)), |_| {
            Some(vec![Act::Pause(Duration::from_secs(20))])
        }),
        scenario("stall before the first event", fails(Timeout(Wait::FirstByte)), move |dialect| {
            pause(dialect, vec![])
        }),
        scenario("stall in the middle", Want::Fails(vec![Timeout(Wait::Idle)]), move |dialect| {
            pause(dialect, vec![first(dialect), chunk(b"{")])
        }),
        scenario("signs of life and nothing else", Want::Fails(vec![Timeout(Wait::Progress)]), move |dialect| {
            let ping: &[u8] = if dialect == "ollama" { b"\n" } else { b": ping\n\n" };
            let Act::Send(ping) = chunk(ping) else { return None };
            let flood = Act::Flood(ping, Duration::from_millis(100));
            Some(vec![head(content_type(dialect)), flood])
        }),
        scenario("slow and steady", whole(), |dialect| {
            let mut acts = vec![head(content_type(dialect))];
            for event in events(dialect, &sample()) {
                acts.extend([chunk(&framed(dialect, &event)), Act::Pause(Duration::from_millis(60))]);
            }
            Some(acts.into_iter().chain(end()).collect())
        }),
    ]
}

fn frames() -> Vec<Scenario> {
    let insert = |event: Sent| {
        move |_: &str, mut events: Vec<Sent>| {
            events.insert(2, event.clone());
            Some(events)
        }
    };
    let error_event = || {
        (Some("error".to_owned()), json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}))
    };
    let object = json!({"error": {"message": "busy", "type": "server_error", "code": null}});
    let mut all = vec![
        changed("error frame: object", fails(Overloaded), insert((None, object.clone()))),
        changed("error frame: event: error", fails(Overloaded), insert(error_event())),
        changed("error frame: text", fails(Overloaded), insert((None, json!({"error": "it broke"})))),
        changed("error frame: in an array", fails(Overloaded), insert((None, json!([object])))),
        changed(
            "error frame: quota",
            fails(Quota),
            insert((None, json!({"error": {"code": "insufficient_quota", "message": "no"}}))),
        ),
        changed("bad JSON", fails(Malformed), insert((None, json!("{\"choices\": [")))),
        changed("deep JSON", fails(Malformed), insert((None, json!("[".repeat(100_000))))),
        changed(
            "an event of no known type",
            whole(),
            insert((Some("novel".to_owned()), json!({"type": "novel", "x": 1}))),
        ),
        changed("null", whole(), insert((None, json!("null")))),
    ];
    all.push(changed("a failed response", fails(Overloaded), |dialect, mut events| {
        let error = json!({"code": "server_error", "message": "it broke"});
        let failed = json!({"type": "response.failed", "response": {"status": "failed", "error": error}});
        *events.last_mut().expect("an end") = (Some("response.failed".to_owned()), failed);
        (dialect == "openai_responses").then_some(events)
    }));
    all
}
