//! Faults in what a reply says, above all in how calls are numbered, named and filled.

use callwright_parse::error::FailureKind::{ContentFilter, Malformed, TooLarge};
use serde_json::{Value, json};

use super::{Scenario, Want, changed, fails};
use callwright_test_support::wires::{Meant, MeantCall, Sent, events, sample};

/// The fields that number calls, by dialect; the others send calls whole.
fn number(dialect: &str) -> Option<&'static str> {
    match dialect {
        "openai_chat" | "anthropic" | "cohere" => Some("index"),
        "openai_responses" => Some("output_index"),
        _ => None,
    }
}

/// Changes every number of a call.
fn renumbered(dialect: &str, mut events: Vec<Sent>, new: impl Fn(u64) -> Value) -> Option<Vec<Sent>> {
    let key = number(dialect)?;
    for (_, event) in &mut events {
        if dialect == "openai_chat" {
            for call in pointer(event, "/choices/0/delta/tool_calls").into_iter().flatten() {
                call[key] = new(call[key].as_u64().expect("a number"));
            }
        } else if let Some(old) = event.get(key).and_then(Value::as_u64) {
            event[key] = new(old);
        }
    }
    Some(events)
}

fn pointer<'a>(event: &'a mut Value, place: &str) -> Option<&'a mut Vec<Value>> {
    event.pointer_mut(place)?.as_array_mut()
}

/// The calls of a dialect whose arguments are a field, to be changed.
fn each_call(dialect: &str, events: &mut [Sent], change: &dyn Fn(&mut Value)) -> bool {
    let mut found = false;
    for (_, event) in events {
        let calls: Vec<&mut Value> = match dialect {
            "openai_chat" => pointer(event, "/choices/0/delta/tool_calls").into_iter().flatten().collect(),
            "ollama" => pointer(event, "/message/tool_calls").into_iter().flatten().collect(),
            "gemini" => pointer(event, "/candidates/0/content/parts").into_iter().flatten().collect(),
            _ => return false,
        };
        for call in calls {
            change(call);
            found = true;
        }
    }
    found
}

fn chat_only(dialect: &str, events: Vec<Sent>, change: impl Fn(&mut Value)) -> Option<Vec<Sent>> {
    let mut events = events;
    (dialect == "openai_chat" && each_call(dialect, &mut events, &change)).then_some(events)
}

/// One call of `add` whose arguments are put in as they are.
fn with_arguments(dialect: &str, arguments: &Value) -> Option<Vec<Sent>> {
    let meant =
        Meant { calls: vec![MeantCall { cuts: vec![], ..MeantCall::new("c", "add", json!({"x": 1})) }], ..sample() };
    let mut events = events(dialect, &meant);
    let change = |call: &mut Value| match dialect {
        "gemini" if call.get("functionCall").is_some() => call["functionCall"]["args"] = arguments.clone(),
        "gemini" => {}
        _ if call["function"].get("name").is_none() => call["function"]["arguments"] = json!(""),
        _ => call["function"]["arguments"] = arguments.clone(),
    };
    each_call(dialect, &mut events, &change).then_some(events)
}

fn one(arguments: Value) -> Meant {
    Meant { calls: vec![MeantCall::new("c", "add", arguments)], ..sample() }
}

pub(crate) fn scenarios() -> Vec<Scenario> {
    [numbers(), names(), arguments(), ends()].into_iter().flatten().collect()
}

fn whole() -> Want {
    Want::Whole(sample())
}

fn numbers() -> Vec<Scenario> {
    vec![
        changed("numbers with a gap", whole(), |dialect, events| renumbered(dialect, events, |old| json!(old * 3))),
        changed("numbers of two million", whole(), |dialect, events| {
            renumbered(dialect, events, |old| json!(old + 2_000_000))
        }),
        changed("no numbers", whole(), |dialect, events| {
            chat_only(dialect, events, |call| drop(call.as_object_mut().expect("a call").remove("index")))
        }),
        changed("numbers as text", whole(), |dialect, events| {
            chat_only(dialect, events, |call| call["index"] = json!(call["index"].to_string()))
        }),
        changed("all numbers 0", whole(), |dialect, events| {
            chat_only(dialect, events, |call| call["index"] = json!(0))
        }),
        changed("all numbers 0, no ids", whole(), |dialect, events| {
            chat_only(dialect, events, |call| {
                call["index"] = json!(0);
                call.as_object_mut().expect("a call").remove("id");
            })
        }),
        changed("no numbers, no ids", whole(), |dialect, events| {
            chat_only(dialect, events, |call| {
                call.as_object_mut().expect("a call").retain(|key, _| key == "function");
            })
        }),
        changed("each piece in the form of 2023 too", whole(), |dialect, mut events| {
            // As llama-cpp-python's server has it.
            for (_, event) in &mut events {
                let delta = &event["choices"][0]["delta"];
                if let Some(function) = delta.pointer("/tool_calls/0/function").cloned() {
                    event["choices"][0]["delta"]["function_call"] = function;
                }
            }
            (dialect == "openai_chat").then_some(events)
        }),
        changed("two calls interleaved", whole(), |dialect, events| {
            number(dialect)?;
            let is_of = |(_, event): &Sent, wanted: u64| {
                let chat = &event["choices"][0]["delta"]["tool_calls"][0]["index"];
                let deltas = ["content_block_delta", "tool-call-delta", "response.function_call_arguments.delta"];
                let is_delta = event["type"].as_str().is_some_and(|kind| deltas.contains(&kind));
                let own = if is_delta { &event[number(dialect).unwrap_or_default()] } else { &Value::Null };
                chat.as_u64().or(own.as_u64()) == Some(wanted)
            };
            interleave(dialect, events, &is_of)
        }),
    ]
}

/// Moves the pieces of the second call's beginning before the end of the first one's.
fn interleave(dialect: &str, events: Vec<Sent>, is_of: &dyn Fn(&Sent, u64) -> bool) -> Option<Vec<Sent>> {
    let first = match dialect {
        "openai_chat" | "cohere" => 0,
        _ => 2,
    };
    // In Responses an item's own end is its last piece.
    let is_end = |event: &Sent| event.1["type"] == "response.output_item.done" && event.1["output_index"] == first;
    let last = events.iter().rposition(|event| is_of(event, first) || is_end(event))?;
    let begin = |kinds: &[&str]| {
        events.iter().position(|event| {
            let kind = event.1["type"].as_str().unwrap_or_default();
            let index = event.1[number(dialect).unwrap_or_default()].as_u64();
            (kinds.contains(&kind) && index == Some(first + 1)) || (kinds.is_empty() && is_of(event, first + 1))
        })
    };
    let second = match dialect {
        "openai_chat" => begin(&[]),
        "anthropic" => begin(&["content_block_start"]),
        "cohere" => begin(&["tool-call-start"]),
        _ => begin(&["response.output_item.added"]),
    }?;
    let mut events = events;
    let moved = events.remove(last);
    // Removed before it, so the second call's beginning is one place earlier: behind it comes the moved piece.
    events.insert(second, moved);
    Some(events)
}

fn names() -> Vec<Scenario> {
    let first_of = |dialect: &str, events: Vec<Sent>, change: &dyn Fn(&mut Value)| {
        chat_only(dialect, events, |call| {
            if call["id"] == "call_a" {
                change(call);
            }
        })
    };
    vec![
        changed("name said with each piece", whole(), |dialect, events| {
            let mut index = 0;
            let mut events = events;
            for (_, event) in &mut events {
                for call in pointer(event, "/choices/0/delta/tool_calls").into_iter().flatten() {
                    index = if call["id"] == "call_b" { 1 } else { index };
                    call["function"]["name"] = json!(["get_weather", "add"][index]);
                }
            }
            (dialect == "openai_chat").then_some(events)
        }),
        changed("name in two pieces", whole(), move |dialect, events| {
            let at =
                events.iter().position(|(_, event)| event["choices"][0]["delta"]["tool_calls"][0]["id"] == "call_a")?;
            let mut events = first_of(dialect, events, &|call| call["function"]["name"] = json!("get_"))?;
            let mut rest = events[at].clone();
            rest.1["choices"][0]["delta"]["tool_calls"][0] = json!({"index": 0, "function": {"name": "weather"}});
            events.insert(at + 1, rest);
            Some(events)
        }),
        changed("id new with each piece", whole(), |dialect, events| {
            let count = std::cell::Cell::new(0);
            chat_only(dialect, events, move |call| {
                count.set(count.get() + 1);
                call["id"] = json!(format!("chatcmpl-{}", count.get()));
            })
        }),
        changed("ids missing", whole(), |dialect, mut events| {
            each_call(dialect, &mut events, &|call| {
                call.as_object_mut().expect("a call").remove("id");
                if let Some(call) = call.get_mut("functionCall").and_then(Value::as_object_mut) {
                    call.remove("id");
                }
            })
            .then_some(events)
        }),
        changed("ids blank or null", whole(), |dialect, mut events| {
            each_call(dialect, &mut events, &|call| {
                let blank = if call["id"] == "call_a" { json!(" ") } else { json!("null") };
                if call.get("id").is_some() {
                    call["id"] = blank;
                }
            })
            .then_some(events)
        }),
        changed("one id for two calls", Want::Warned(sample()), |dialect, events| {
            let text = serde_json::to_string(&events).expect("JSON").replace("call_b", "call_a");
            let events: Vec<Sent> = serde_json::from_str(&text).expect("JSON");
            // The ids of a response's items are what its last word is compared by.
            (dialect != "openai_responses").then_some(events)
        }),
        changed("a call without a name", fails(Malformed), |dialect, events| {
            let text = serde_json::to_string(&events).expect("JSON").replace("\"name\":\"add\"", "\"name\":\"\"");
            let _ = dialect;
            serde_json::from_str(&text).ok()
        }),
    ]
}

fn arguments() -> Vec<Scenario> {
    let put = |name: &'static str, want: Want, arguments: Value| {
        changed(name, want, move |dialect, _| with_arguments(dialect, &arguments))
    };
    let text = |name: &'static str, want: Want, arguments: &'static str| {
        changed(name, want, move |dialect, _| {
            (dialect == "openai_chat").then(|| with_arguments(dialect, &json!(arguments)))?
        })
    };
    vec![
        put("arguments as an object", Want::Whole(one(json!({"a": 5}))), json!({"a": 5})),
        put("arguments null", Want::Warned(one(json!({}))), Value::Null),
        put("arguments an array", fails(Malformed), json!([1])),
        put("arguments a number", fails(Malformed), json!(7)),
        text("arguments empty text", Want::Warned(one(json!({}))), " "),
        text("arguments in a JSON string", Want::Warned(one(json!({"a": 1}))), "\"{\\\"a\\\": 1}\""),
        text("arguments two values", fails(Malformed), "{\"a\":1}{\"b\":2}"),
        text("arguments cut", fails(Malformed), "{\"a\":1"),
        text("arguments with NaN", fails(Malformed), "{\"a\":NaN}"),
        changed("arguments 10,000 deep", fails(Malformed), |dialect, _| {
            let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
            (dialect == "openai_chat").then(|| with_arguments(dialect, &json!(deep)))?
        }),
        changed("arguments of 2 MB", fails(TooLarge), |dialect, _| {
            let long = json!({"a": "x".repeat(2 << 20)});
            with_arguments(dialect, &if dialect == "openai_chat" { json!(long.to_string()) } else { long })
        }),
        changed("no arguments at all", Want::Whole(one(json!({}))), |dialect, _| {
            // Where arguments are text, none are odd; as an object they are not.
            (!["openai_chat", "cohere"].contains(&dialect)).then(|| events(dialect, &one(json!({}))))
        }),
        changed("130 calls", fails(TooLarge), |dialect, _| {
            let call = |index: usize| MeantCall::new(&format!("c{index}"), "add", json!({"a": index}));
            Some(events(dialect, &Meant { calls: (0..130).map(call).collect(), ..Meant::default() }))
        }),
    ]
}

/// Replaces the word that says why the model stopped.
fn stopped(dialect: &str, mut events: Vec<Sent>, word: &str) -> Option<Vec<Sent>> {
    for (_, event) in &mut events {
        let places = [
            "/choices/0/finish_reason",
            "/delta/stop_reason",
            "/candidates/0/finishReason",
            "/delta/finish_reason",
            "/done_reason",
        ];
        for place in places {
            if let Some(old) = event.pointer_mut(place).filter(|old| !old.is_null()) {
                *old = json!(word);
            }
        }
    }
    (dialect != "openai_responses").then_some(events)
}

fn ends() -> Vec<Scenario> {
    let filter = |dialect: &str| match dialect {
        "openai_chat" => Some("content_filter"),
        "anthropic" => Some("refusal"),
        "gemini" => Some("SAFETY"),
        "cohere" => Some("ERROR_TOXIC"),
        _ => None,
    };
    let length = |dialect: &str| match dialect {
        "openai_chat" | "ollama" => "length",
        "anthropic" => "max_tokens",
        _ => "MAX_TOKENS",
    };
    let told = || Meant { calls: vec![], ..sample() };
    vec![
        changed("stopped for a reason unknown", Want::Warned(sample()), |dialect, events| {
            stopped(dialect, events, "novel")
        }),
        changed("stopped by a filter", fails(ContentFilter), move |dialect, events| {
            stopped(dialect, events, filter(dialect)?)
        }),
        changed("stopped by the length: no calls", Want::Whole(told()), move |dialect, events| {
            stopped(dialect, events, length(dialect))
        }),
        changed("calls announced, none sent", fails(Malformed), move |dialect, _| {
            let word = match dialect {
                "openai_chat" => "tool_calls",
                "anthropic" => "tool_use",
                "cohere" => "TOOL_CALL",
                _ => return None,
            };
            stopped(dialect, events(dialect, &told()), word)
        }),
        changed("no count of tokens", whole(), |_, events| {
            let text = serde_json::to_string(&events).expect("JSON");
            let text = text.replace("\"usage\"", "\"no\"").replace("usageMetadata", "no").replace("eval_count", "no");
            serde_json::from_str(&text).ok()
        }),
        changed("an empty count of tokens", whole(), |dialect, events| {
            let events = events.into_iter().map(|(kind, mut event)| {
                for place in ["/usage", "/message/usage", "/usageMetadata", "/delta/usage", "/response/usage"] {
                    if let Some(usage) = event.pointer_mut(place) {
                        *usage = json!({});
                    }
                }
                (kind, event)
            });
            (dialect != "ollama").then(|| events.collect())
        }),
    ]
}
