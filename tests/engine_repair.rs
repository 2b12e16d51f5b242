//! The repair ladder over recorded outputs: what is asked again, what is taken back, what a turn settles on.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use callwright::chat::{
    Event, Fault, FinishReason, FixKind, Message, Outcome, Request, Response, Tool, ToolChoice, WithdrawReason,
};
use callwright::infer::{Played, Replay};
use callwright::repair::{Ladder, Rung};
use callwright::{Delivery, Enforce, Engine};
use serde_json::json;

const FAULTY: &str = "On it.<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
const RIGHT: &str = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 2}}\n</tool_call>";

fn add() -> Tool {
    let number = json!({"type": "integer"});
    Tool::new("add", "", json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}))
}

async fn engine(outputs: &[&str], reasks: usize) -> Engine {
    let replay = Replay::of_texts(outputs.iter().map(|text| text.as_bytes().to_vec()));
    Engine::builder().generator(Box::new(replay)).format("hermes").reasks(reasks).build().await.unwrap()
}

async fn events(engine: &Engine, delivery: Option<Delivery>) -> Vec<Event> {
    let mut stream = engine.stream(Request::new("1 + 2?").tool(add()));
    if let Some(delivery) = delivery {
        stream = stream.delivery(delivery);
    }
    let mut all = Vec::new();
    while let Some(event) = stream.next().await {
        all.push(event.unwrap());
    }
    all
}

#[tokio::test]
async fn a_faulty_answer_is_asked_again_and_the_turn_settles_once() {
    let response = engine(&[FAULTY, RIGHT], 1).await.chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    assert_eq!(response.calls[0].arguments["b"], 2);
    assert!(response.faults.is_empty());
    assert_eq!((response.raw.as_str(), response.served_by.as_str(), response.left_machine), (RIGHT, "local", false));
    let [first, second] = response.attempts.as_slice() else { panic!("{:?}", response.attempts) };
    assert_eq!(first.outcome, Outcome::Withdrawn(WithdrawReason::Reask));
    assert_eq!(first.raw, FAULTY);
    assert_eq!(first.faults, [Fault::MissingArgument { call: 0, name: "b".into() }]);
    assert_eq!((second.number, &second.outcome, second.raw.as_str()), (1, &Outcome::Served, ""));
    assert_eq!(response.usage.completion_tokens, 2, "of both attempts");
}

#[tokio::test]
async fn a_model_that_repeats_its_call_is_stopped() {
    let endless = RIGHT.repeat(200);
    // A token is a byte here, so that nothing is told at once.
    let replay = Replay::new([Played::new(endless.as_bytes().to_vec(), &vec![1; endless.len()])]);
    let engine = Engine::builder().generator(Box::new(replay)).format("hermes").build().await.unwrap();
    let response = engine.chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    assert_eq!((response.calls.len(), response.faults.len()), (1, 0));
    assert!(response.raw.len() < endless.len() / 4, "{} of {}", response.raw.len(), endless.len());
    assert!(response.fixes.iter().any(|fix| fix.kind == FixKind::Repeated));
}

#[tokio::test]
async fn what_is_taken_back_is_not_shown_to_who_cannot_take_it_back() {
    let told = events(&engine(&[FAULTY, RIGHT], 1).await, None).await;
    let deltas = told.iter().filter(|event| matches!(event, Event::Text { .. } | Event::Faulty { .. }));
    assert_eq!(deltas.count(), 0, "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::Arguments { attempt: 1, .. })));
    let withdrawn =
        |event: &Event| matches!(event, Event::AttemptWithdrawn { attempt: 0, reason: WithdrawReason::Reask });
    assert!(told.iter().any(withdrawn));
}

#[tokio::test]
async fn a_live_consumer_sees_all_attempts_and_one_finished_call() {
    let told = events(&engine(&[FAULTY, RIGHT], 1).await, Some(Delivery::Live)).await;
    let place = |wanted: fn(&Event) -> bool| told.iter().position(wanted).unwrap();
    let text = place(|event| matches!(event, Event::Text { attempt: 0, .. }));
    let fault = place(|event| matches!(event, Event::Faulty { attempt: 0, .. }));
    let withdrawn = place(|event| matches!(event, Event::AttemptWithdrawn { .. }));
    let begun = place(|event| matches!(event, Event::CallStarted { attempt: 1, .. }));
    let finished = place(|event| matches!(event, Event::CallFinished { .. }));
    assert!(text < fault && fault < withdrawn && withdrawn < begun && begun < finished, "{told:?}");
    assert_eq!(told.iter().filter(|event| matches!(event, Event::CallFinished { .. })).count(), 1);
}

#[tokio::test]
async fn given_up_it_still_carries_text_raw_and_faults() {
    let engine = engine(&[FAULTY, FAULTY, FAULTY], 2).await;
    let told = events(&engine, None).await;
    assert!(!told.iter().any(|event| matches!(event, Event::CallFinished { .. })));
    let Some(Event::Finished { response }) = told.last() else { panic!("{told:?}") };
    assert_eq!((response.text.as_str(), response.raw.as_str()), ("On it.", FAULTY));
    assert_eq!((response.faults.len(), response.attempts.len()), (1, 3));
}

#[tokio::test]
async fn of_itself_nothing_is_asked_again() {
    let response = engine(&[FAULTY], 0).await.chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    assert_eq!((response.attempts.len(), response.faults.len()), (1, 1));
}

#[tokio::test]
async fn a_turn_that_fails_tells_what_there_was() {
    // The second output is missing, so the re-ask fails.
    let mut stream = engine(&[FAULTY], 1).await.stream(Request::new("1 + 2?").tool(add()));
    let mut failed = false;
    while let Some(event) = stream.next().await {
        assert!(!failed, "an error is the last item");
        failed = event.is_err();
    }
    assert!(failed);
}

/// What was written freely is asked again as it was, held to the grammar; what even that did not mend is told.
#[tokio::test]
async fn the_reask_forces_the_call_and_then_shows_the_fault_and_the_schema() {
    let seen = seen::Seen::new([FAULTY, FAULTY, RIGHT]);
    let builder = Engine::builder().generator(Box::new(seen.clone())).format("hermes").enforce(Enforce::Reask);
    let engine = builder.reasks(2).build().await.unwrap();
    engine.chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    let jobs = seen.jobs();
    assert!(jobs[0].constraint.is_none(), "the model was to write freely at first");
    let (first, second) = (jobs[0].prompt.text(), jobs[1].prompt.text());
    assert!(!second.contains("missing") && second.ends_with(&first[first.find("1 + 2?").unwrap()..]), "{second}");
    let (text, constraint) = (jobs[2].prompt.text(), jobs[2].constraint.as_ref().unwrap());
    assert!(text.contains("in the call of `add`: `b` is missing"), "{text}");
    assert!(text.contains(r#""required":["a","b"]"#) || text.contains(r#""required": ["a", "b"]"#), "{text}");
    for constraint in [jobs[1].constraint.as_ref().unwrap(), constraint] {
        assert!(matches!(constraint.mode(), callwright::constrain::Mode::FromStart(_)));
    }
}

/// Where no grammar holds, nothing else than telling the fault can help.
#[tokio::test]
async fn without_a_grammar_the_first_reask_shows_the_fault() {
    let seen = seen::Seen::new([FAULTY, RIGHT]);
    let builder = Engine::builder().generator(Box::new(seen.clone())).format("hermes").enforce(Enforce::Off);
    let engine = builder.reasks(1).build().await.unwrap();
    engine.chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    assert!(seen.jobs()[1].prompt.text().contains("`b` is missing"));
}

/// The grammar is known to be looser than the schema only once it was compiled, which is after the question was put.
#[tokio::test]
async fn a_fault_that_the_grammar_let_through_is_shown() {
    let twice = FAULTY.replace("{\"a\": 1}", "{\"a\": [1, 1]}");
    let once = twice.replace("[1, 1]", "[1]");
    let seen = seen::Seen::new([&twice, &once]);
    let engine = Engine::builder().generator(Box::new(seen.clone())).format("hermes").reasks(1).build().await.unwrap();
    let numbers = json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true});
    let tool = Tool::new("add", "", json!({"type": "object", "properties": {"a": numbers}, "required": ["a"]}));
    engine.chat(Request::new("1 + 1?").tool(tool)).await.unwrap();
    let (first, second) = (&seen.jobs()[0], &seen.jobs()[1]);
    assert_eq!(first.constraint.as_ref().unwrap().relaxed().len(), 1);
    assert!(second.prompt.text().contains("has non-unique elements"), "{}", second.prompt.text());
}

mod seen {
    //! A replay that remembers what it was asked.
    use std::sync::{Arc, Mutex};

    use callwright::chat::Prompt;
    use callwright::infer::{Chunks, Generator, Job, ModelInfo, Replay};

    #[derive(Debug, Clone)]
    pub(super) struct Seen(Arc<(Replay, Mutex<Vec<Job>>)>);

    impl Seen {
        pub(super) fn new<const N: usize>(outputs: [&str; N]) -> Self {
            Self(Arc::new((Replay::of_texts(outputs.map(str::as_bytes)), Mutex::default())))
        }

        pub(super) fn jobs(&self) -> Vec<Job> {
            self.0.1.lock().unwrap().clone()
        }
    }

    impl Generator for Seen {
        fn model(&self) -> &ModelInfo {
            self.0.0.model()
        }

        fn count(&self, prompt: &Prompt) -> callwright::Result<usize> {
            self.0.0.count(prompt)
        }

        fn generate(&self, job: Job) -> callwright::Result<Chunks> {
            // As a token loop does: only a compiled grammar tells what it does not hold to.
            if let Some(constraint) = &job.constraint {
                constraint.prove()?;
            }
            self.0.1.lock().unwrap().push(job.clone());
            self.0.0.generate(job)
        }
    }
}

/// The decision itself, answer by answer.
#[test]
fn each_answer_gets_its_rung() {
    let call = serde_json::from_value(json!({"name": "add", "arguments": {}})).unwrap();
    let answer = |faults: Vec<Fault>, calls: Vec<callwright::chat::Call>, end: FinishReason| {
        let mut response = Response::default();
        (response.faults, response.calls, response.finish_reason) = (faults, calls, end);
        response
    };
    let cut = Fault::Truncated { span: 0..1, name: None };
    let surplus = Fault::NotAllowed { call: 1 };
    let call: callwright::chat::Call = call;
    let decide = |answer: &Response, choice: ToolChoice| Ladder::reasking(1).decide(answer, &choice, 0);
    let plain = answer(vec![], vec![], FinishReason::Length);
    assert_eq!(decide(&plain, ToolChoice::Auto), Rung::Accept, "text that was cut is text");
    let two = answer(vec![surplus], vec![call.clone(), call.clone()], FinishReason::ToolCalls);
    assert_eq!(decide(&two, ToolChoice::Auto), Rung::Accept, "a surplus call is left out");
    let half = answer(vec![cut.clone()], vec![call], FinishReason::Length);
    assert_eq!(decide(&half, ToolChoice::Auto), Rung::Reask, "half of what was meant is not enough");
    let unwanted = answer(vec![cut], vec![], FinishReason::Stop);
    assert_eq!(decide(&unwanted, ToolChoice::None), Rung::GiveUp, "who wants no call gets none");
    let late = answer(vec![Fault::NoCall], vec![], FinishReason::Cancelled);
    assert_eq!(decide(&late, ToolChoice::Required), Rung::GiveUp, "no time is left");
}

#[tokio::test]
async fn a_call_that_only_the_budget_closed_is_asked_again() {
    let forced = Played::new(RIGHT, &[]).ended(FinishReason::Length).forced(&[RIGHT.find("}}").unwrap() + 1]);
    let replay = Replay::new([forced, Played::new(RIGHT, &[])]);
    let builder = Engine::builder().generator(Box::new(replay)).format("hermes").reasks(1);
    let response = builder.build().await.unwrap().chat(Request::new("1 + 2?").tool(add())).await.unwrap();
    assert!(matches!(response.attempts[0].faults[0], Fault::ForcedClose { call: 0 }));
    assert_eq!(response.valid_calls().count(), 1);
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_shortened_and_that_is_told() {
    let replay = Replay::of_texts([RIGHT]).context_length(300);
    let engine = Engine::builder().generator(Box::new(replay)).format("hermes").build().await.unwrap();
    let mut request = Request::default().tool(add());
    for turn in 0..20 {
        let said = [Message::user(format!("{turn} {}", "word ".repeat(20))), Message::assistant("good", vec![])];
        request.messages.extend(said);
    }
    request.messages.push(Message::user("1 + 2?"));
    let mut events = engine.stream(request.clone());
    let mut told = None;
    while let Some(event) = events.next().await {
        if let Event::Shortened { messages, before, after, .. } = event.unwrap() {
            told = Some((messages, before, after));
        }
    }
    let (messages, before, after) = told.unwrap();
    assert!(messages > 20 && before > 300 && after <= 225, "{messages} {before} {after}");
    assert_eq!(request.messages.len(), 41, "the caller's own copy is as it was");
}
