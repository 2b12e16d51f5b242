//! Asking someone else: for which reasons, in which order, within which budget, and what of it leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use callwright::chat::{
    Call, Cost, Event, Image, Message, Money, Outcome, Reason, Request, Response, Tool, ToolChoice, WithdrawReason,
};
use callwright::error::FailureKind;
use callwright::fallback::{Complex, Fallback, Link, Policy, Share};
use callwright::infer::{Played, Replay as Recorded};
use callwright::providers::ledger::{Ledger, Line};
use callwright::providers::price::Prices;
use callwright::providers::{Providers, ReplayProvider, Reply, Tokens, Whole};
use callwright::{Builder, Engine};
use callwright::{Error, ErrorKind};
use serde_json::json;

const FAULTY: &str = "Hm.<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
const PRICES: &str = "[\"cloud/replay\"]\ninput = 1000000\noutput = 10000000\n";

fn add() -> Tool {
    let number = json!({"type": "integer"});
    Tool::new("add", "", json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}))
}

fn call(b: i64) -> Call {
    Call::new("add", json!({"a": 1, "b": b}).as_object().cloned().unwrap())
}

fn question() -> Request {
    Request::new("1 + 2?").tool(add())
}

/// An engine of these local outputs, and these providers to fall back to, in order.
fn builder(local: &[&str], providers: &[&Arc<ReplayProvider>], policy: Policy) -> Builder {
    let registry = Providers::default();
    let mut chain = Vec::new();
    for provider in providers {
        let name = callwright::providers::Provider::info(provider.as_ref()).name.clone();
        registry.put(&name, Arc::clone(provider) as _);
        chain.push(name.parse::<Link>().unwrap());
    }
    let fallback = Fallback::new(Arc::new(registry), chain, policy).prices(Prices::parse(PRICES, "test").unwrap());
    let recorded = Recorded::of_texts(local.iter().map(|text| text.as_bytes().to_vec()));
    Engine::builder().generator(Box::new(recorded)).format("hermes").fallback(fallback)
}

async fn ask(builder: Builder, request: Request) -> callwright::Result<Response> {
    builder.build().await.unwrap().chat(request).await
}

fn cloud() -> ReplayProvider {
    ReplayProvider::new("cloud")
}

fn answers() -> Arc<ReplayProvider> {
    let (mut whole, mut tokens) = (Whole::default(), Tokens::default());
    (tokens.input, tokens.output) = (100, 10);
    (whole.calls, whole.tokens) = (vec![call(2)], Some(tokens));
    Arc::new(cloud().replies(whole))
}

fn policy() -> Policy {
    Policy::when([Reason::NoValidCall])
}

#[tokio::test]
async fn what_the_local_model_cannot_do_another_does_and_it_is_told() {
    let provider = answers();
    let response = ask(builder(&[FAULTY], &[&provider], policy()), question()).await.unwrap();
    assert_eq!(response.calls[0].arguments["b"], 2);
    assert_eq!(
        (response.served_by.as_str(), response.left_machine, response.model.as_str()),
        ("cloud", true, "replay")
    );
    assert!(response.timings.first_token_ms > 0.0);
    let [home, away] = response.attempts.as_slice() else { panic!("{:?}", response.attempts) };
    assert_eq!((home.number, &home.outcome), (0, &Outcome::Withdrawn(WithdrawReason::Fallback)));
    assert_eq!((home.raw.as_str(), home.cost), (FAULTY, Cost::Nothing));
    assert_eq!((away.number, away.reason, &away.outcome), (1, Some(Reason::NoValidCall), &Outcome::Served));
    assert_eq!(away.cost, Cost::Counted(Money::of_microdollars(100 + 100)), "100 at 1, 10 at 10 dollars a million");
    assert_eq!(provider.asked()[0].reason, Reason::NoValidCall);
    assert!(!provider.asked()[0].request.messages.iter().any(|message| message.text().contains("tool_call")));
}

#[tokio::test]
async fn of_itself_nobody_is_asked() {
    let recorded = Recorded::of_texts([FAULTY]);
    let response = ask(Engine::builder().generator(Box::new(recorded)).format("hermes"), question()).await.unwrap();
    assert_eq!((response.served_by.as_str(), response.left_machine, response.faults.len()), ("local", false, 1));
}

#[tokio::test]
async fn only_for_the_reasons_that_were_named() {
    let provider = answers();
    let response =
        ask(builder(&[FAULTY], &[&provider], Policy::when([Reason::UnknownTool])), question()).await.unwrap();
    assert_eq!((response.served_by.as_str(), provider.asked().len()), ("local", 0));
    let unknown = FAULTY.replace("add", "subtract");
    let response =
        ask(builder(&[&unknown], &[&provider], Policy::when([Reason::UnknownTool])), question()).await.unwrap();
    assert_eq!(response.served_by, "cloud");
}

#[tokio::test]
async fn the_local_model_is_asked_again_first() {
    let provider = answers();
    let response = ask(builder(&[FAULTY, FAULTY], &[&provider], policy()).reasks(1), question()).await.unwrap();
    let outcomes: Vec<_> = response.attempts.iter().map(|attempt| attempt.outcome.clone()).collect();
    let withdrawn = |reason| Outcome::Withdrawn(reason);
    let wanted = [withdrawn(WithdrawReason::Reask), withdrawn(WithdrawReason::Fallback), Outcome::Served];
    assert_eq!(outcomes, wanted);
}

#[tokio::test]
async fn the_next_is_asked_while_nothing_was_delivered() {
    let (busy, good) = (Arc::new(ReplayProvider::new("busy").fails(FailureKind::Overloaded)), answers());
    let response = ask(builder(&[FAULTY], &[&busy, &good], policy()), question()).await.unwrap();
    assert_eq!(response.served_by, "cloud");
    assert!(matches!(&response.attempts[1].outcome, Outcome::Failed(why) if why.contains("overloaded")));
    let numbers: Vec<_> = response.attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [0, 1, 2]);
}

#[tokio::test]
async fn never_once_something_was_delivered() {
    let cut = Error::provider(callwright::error::Failure::new(FailureKind::Truncated, "cut"), "the answer was cut off");
    let half = vec![Ok(Reply::CallStarted { index: 0, name: "add".into() }), Err(cut)];
    let (cut, good) = (Arc::new(ReplayProvider::new("cut").turn(half)), answers());
    let engine = builder(&[FAULTY], &[&cut, &good], policy()).build().await.unwrap();
    let mut events = engine.stream(question());
    let mut last = None;
    while let Some(event) = events.next().await {
        assert!(!matches!(event, Ok(Event::CallFinished { .. })), "a cut stream never yields a call");
        last = Some(event);
    }
    assert!(last.unwrap().is_err());
    assert!(good.asked().is_empty());
}

#[tokio::test]
async fn where_nobody_can_the_local_answer_stands_with_its_faults() {
    let providers = [
        Arc::new(ReplayProvider::new("one").fails(FailureKind::Quota)),
        Arc::new(ReplayProvider::new("two").fails(FailureKind::Network)),
    ];
    let engine = builder(&[FAULTY], &[&providers[0], &providers[1]], policy()).build().await.unwrap();
    let mut events = engine.stream(question());
    while let Some(event) = events.next().await {
        match event.unwrap() {
            Event::AttemptWithdrawn { .. } => panic!("nothing was taken back"),
            Event::Finished { response } => {
                assert_eq!((response.served_by.as_str(), response.raw.as_str()), ("local", FAULTY));
                assert_eq!((response.attempts.len(), response.faults.len()), (3, 1));
                assert!(response.left_machine, "it was sent, though nobody answered");
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_refused_request_is_not_carried_from_door_to_door() {
    let (strict, good) = (Arc::new(ReplayProvider::new("strict").fails(FailureKind::ContentFilter)), answers());
    let response = ask(builder(&[FAULTY], &[&strict, &good], policy()), question()).await.unwrap();
    assert_eq!((response.served_by.as_str(), good.asked().len()), ("local", 0));
}

#[tokio::test]
async fn budgets_are_looked_at_before_anything_is_sent() {
    for (most, sent) in [(1_000, 0), (50_000, 1)] {
        let provider = answers();
        let mut policy = policy();
        policy.budget.a_request = Some(Money::of_microdollars(most));
        let response = ask(builder(&[FAULTY], &[&provider], policy), question()).await.unwrap();
        assert_eq!(provider.asked().len(), sent, "{:?}", response.attempts);
        assert_eq!(response.left_machine, sent > 0);
    }
    // A model without a known price is not asked while there is a budget.
    let unknown = Arc::new(ReplayProvider::new("unpriced").says("x"));
    let mut policy = policy();
    policy.budget.a_day = Some(Money::of_microdollars(u64::from(u32::MAX)));
    let response = ask(builder(&[FAULTY], &[&unknown], policy), question()).await.unwrap();
    assert!(
        matches!(&response.attempts[1].outcome, Outcome::Refused(why) if why.contains("is unknown, and a budget is set"))
    );
}

#[tokio::test]
async fn without_a_price_the_cost_is_unknown_and_not_0() {
    let unknown = Arc::new(ReplayProvider::new("unpriced").calls(vec![call(2)]));
    let response = ask(builder(&[FAULTY], &[&unknown], policy()), question()).await.unwrap();
    assert_eq!(response.attempts[1].cost, Cost::Unknown);
}

#[tokio::test]
async fn the_ledger_keeps_what_each_attempt_took() {
    let ledger = Ledger::in_memory();
    let provider = answers();
    ask(builder(&[FAULTY], &[&provider], policy()).ledger(ledger.clone()).session("s1"), question()).await.unwrap();
    let lines = ledger.lines().unwrap().lines;
    let [Line::Reserved(reserved), Line::Turn(turn)] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!((&reserved.turn, turn.session.as_str(), turn.left_machine), (&turn.turn, "s1", true));
    assert_eq!(turn.attempts.iter().map(|spent| spent.outcome.as_str()).collect::<Vec<_>>(), ["withdrawn", "served"]);
    assert!(turn.attempts[1].cost.money() <= reserved.picodollars, "the worst case was the worst");
}

#[tokio::test]
async fn what_is_not_for_the_local_model_is_not_put_to_it() {
    let provider = Arc::new(cloud().says("one").says("two"));
    let mut policy = Policy::when([Reason::Accuracy, Reason::Complex]);
    policy.complex.tools = Some(1);
    let engine = builder(&["local"], &[&provider], policy).build().await.unwrap();
    let mut accurate = question();
    accurate.accuracy = true;
    assert_eq!(engine.chat(accurate).await.unwrap().text, "one");
    let complex = question().tool(Tool::new("other", "", json!({"type": "object"})));
    let response = engine.chat(complex).await.unwrap();
    assert_eq!((response.text.as_str(), response.attempts[0].reason), ("two", Some(Reason::Complex)));
    assert_eq!(engine.chat(question()).await.unwrap().served_by, "local");
}

#[tokio::test]
async fn a_missing_model_and_a_full_context_are_reasons() {
    let provider = Arc::new(cloud().says("one").says("two"));
    let missing = || Error::new(ErrorKind::ModelMissing, "no such model");
    let away = Policy::when([Reason::ModelMissing, Reason::ContextOverflow]);
    let response = ask(builder(&[], &[&provider], away.clone()).absent(missing()), question()).await.unwrap();
    assert_eq!((response.text.as_str(), response.served_by.as_str()), ("one", "cloud"));
    let small = Box::new(Recorded::of_texts(["local"]).context_length(100));
    let long = (0..40).fold(Request::default(), |request, _| {
        request.message(Message::user("a question of some words")).message(Message::assistant("yes", vec![]))
    });
    let long = long.message(Message::user("and now?"));
    let response = ask(builder(&[], &[&provider], away.clone()).generator(small), long.clone()).await.unwrap();
    assert_eq!((response.text.as_str(), provider.asked()[1].request.messages.len()), ("two", 81), "whole");
    // Nobody can be asked: then the local model gets what fits.
    let small = Box::new(Recorded::of_texts(["local"]).context_length(100));
    let response = ask(builder(&[], &[&provider], away.clone()).generator(small), long).await.unwrap();
    assert_eq!((response.text.as_str(), response.served_by.as_str()), ("local", "local"));
    let error = ask(builder(&[], &[&provider], away).absent(missing()), question()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::ModelMissing && error.hint_text().unwrap().contains("cloud: "), "{error:?}");
}

#[tokio::test]
async fn a_local_model_that_is_too_slow_is_one_too() {
    let slow = Recorded::new([Played::new("so", &[]).ended(callwright::chat::FinishReason::Cancelled)]);
    let provider = Arc::new(cloud().says("fast"));
    let builder = builder(&[], &[&provider], Policy::when([Reason::Timeout])).generator(Box::new(slow));
    assert_eq!(ask(builder, question()).await.unwrap().text, "fast");
}

#[tokio::test]
async fn a_providers_calls_are_checked_like_our_own() {
    let bad = Call::new("add", json!({"a": "1"}).as_object().cloned().unwrap());
    let provider = Arc::new(cloud().calls(vec![bad]));
    let response = ask(builder(&[FAULTY], &[&provider], policy()), question()).await.unwrap();
    assert_eq!((response.valid_calls().count(), response.faults.len(), response.fixes.len()), (0, 1, 1));
}

/// What of a conversation is seen by a provider under a policy.
async fn seen(policy: Policy, request: Request) -> (Response, Option<String>) {
    let provider = Arc::new(cloud().says("ok"));
    let response = ask(builder(&[FAULTY], &[&provider], policy), request).await.unwrap();
    let asked = provider.asked();
    (response, asked.first().map(|ask| serde_json::to_string(ask.request.as_ref()).unwrap()))
}

fn history() -> Request {
    let look = Call::new("diary", json!({"page": "SECRET-1"}).as_object().cloned().unwrap())
        .with_id(callwright::chat::CallId::new("c1"));
    Request::new("old SECRET-2 question")
        .system("the rules")
        .message(Message::assistant("", vec![look.clone()]))
        .message(Message::result(&look, "dear diary SECRET-3"))
        .message(Message::assistant("old answer", vec![]))
        .message(Message::user("new SECRET-4 question"))
        .tool(add())
        .tool(Tool::new("diary", "reads SECRET-5", json!({"type": "object"})))
}

#[tokio::test]
async fn only_what_may_leave_leaves() {
    let (_, all) = seen(policy(), history()).await;
    let all = all.unwrap();
    for number in 1..=5 {
        assert!(all.contains(&format!("SECRET-{number}")), "{all}");
    }
    let mut last = policy();
    last.share = Share::LastTurn;
    let (_, sent) = seen(last, history()).await;
    let sent = sent.unwrap();
    assert!(sent.contains("the rules") && sent.contains("SECRET-4") && !sent.contains("SECRET-2"), "{sent}");
    assert!(!sent.contains("SECRET-3"), "{sent}");
    let (_, sent) = seen(policy().redacting(r"SECRET-\d").unwrap(), history()).await;
    let sent = sent.unwrap();
    assert!(
        !sent.contains("SECRET") && sent.contains("[redacted]") && sent.contains("old [redacted] question"),
        "{sent}"
    );
    let mut kept = policy();
    kept.keep_tools.insert("diary".to_owned());
    let (_, sent) = seen(kept.clone(), history()).await;
    let sent = sent.unwrap();
    assert!(!sent.contains("diary") && sent.contains("SECRET-2") && !sent.contains("SECRET-3"), "{sent}");
    let (response, sent) = seen(kept, history().tool_choice(ToolChoice::Named("diary".into()))).await;
    assert!(sent.is_none() && !response.left_machine, "{:?}", response.attempts);
}

#[test]
fn complexity_is_what_the_user_says_it_is() {
    let nested = json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "integer"}}}}}});
    let deep = Request::new("?").tool(Tool::new("deep", "", nested));
    let mut rule = Complex::default();
    assert!(!rule.covers(&deep), "no rule, not complex");
    for (most, covers) in [(2, true), (3, false)] {
        rule.schema_depth = Some(most);
        assert_eq!(rule.covers(&deep), covers, "{most}");
    }
    let mut rule = Complex::default();
    rule.parallel_calls = Some(1);
    assert!(rule.covers(&Request::new("?").message(Message::assistant("", vec![call(1), call(2)]))));
}

#[tokio::test]
async fn a_picture_leaves_whole_or_not_at_all() {
    let picture = || Image::of_bytes(&[b"GIF89a".as_slice(), &vec![0; 100_000]].concat()).unwrap();
    let pictured = || Request::default().message(Message::user("What is it?").image(picture())).tool(add());
    // A local model is prompted with text only, and says so.
    let error = ask(builder(&[FAULTY], &[], policy()), pictured()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("image"), "{error}");
    // It is counted as some tokens, and not by its letters: those would come to more than this budget.
    let mut always = Policy::when([Reason::User]);
    always.budget.a_request = Some(Money::of_microdollars(30_000));
    let provider = answers();
    let response = ask(builder(&[], &[&provider], always.clone()), pictured()).await.unwrap();
    assert_eq!(response.served_by, "cloud");
    assert_eq!(provider.asked()[0].request.messages[0].images().count(), 1);
    // No pattern can look into it.
    let redacting = always.redacting("secret").unwrap();
    let error = ask(builder(&[], &[&provider], redacting), pictured()).await.unwrap_err();
    assert!(error.hint_text().is_some_and(|hint| hint.contains("image")), "{error} {:?}", error.hint_text());
    assert_eq!(provider.asked().len(), 1);
}
