//! What a conversation loses when it is too long, and what it never loses.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test stops at the first surprise")]

use callwright_parse::chat::{Call, CallId, Message, Role};
use callwright_prompt::window::{Fitted, trim};
use proptest::prelude::*;

/// A word is a token.
fn words(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.text().split_whitespace().count() + message.calls.len()).sum()
}

fn fitted(messages: &[Message], tokens: usize) -> Fitted {
    trim(messages, tokens, &mut |messages| Ok(words(messages))).unwrap()
}

fn call(id: usize) -> Call {
    Call::new("look", serde_json::Map::new()).with_id(CallId::new(format!("c{id}")))
}

/// A turn in which the model looks something up: question, call, result of so many words, answer.
fn turn(id: usize, words: usize) -> Vec<Message> {
    let result = vec!["word"; words].join(" ");
    let call = call(id);
    vec![
        Message::user(format!("question {id}")),
        Message::assistant("", vec![call.clone()]),
        Message::result(&call, result),
        Message::assistant(format!("answer {id}"), vec![]),
    ]
}

fn talk(turns: usize, result: usize) -> Vec<Message> {
    let rules = [Message::system("the rules")];
    rules.into_iter().chain((0..turns).flat_map(|id| turn(id, result))).chain([Message::user("and now?")]).collect()
}

#[test]
fn what_fits_stays_as_it_is() {
    let talk = talk(3, 50);
    let same = fitted(&talk, 10_000);
    assert_eq!((same.messages, same.dropped, same.shortened), (talk, 0, 0));
}

#[test]
fn the_oldest_results_are_shortened_first() {
    let talk = talk(3, 500);
    let fitted = fitted(&talk, words(&talk) - 300);
    assert_eq!((fitted.shortened, fitted.dropped), (1, 0));
    assert!(fitted.messages[3].text().contains("characters left out"), "the oldest");
    assert_eq!(fitted.messages[7], talk[7], "the next one is whole");
    assert!(fitted.messages[3].text().starts_with("word word") && fitted.messages[3].text().ends_with("word"));
}

#[test]
fn then_the_oldest_turns_go_whole() {
    let talk = talk(4, 20);
    let fitted = fitted(&talk, words(&talk) - 30);
    assert_eq!((fitted.shortened, fitted.dropped), (0, 8));
    assert_eq!(fitted.messages[0], talk[0], "the rules stay");
    assert_eq!(fitted.messages[1..], talk[9..]);
}

#[test]
fn of_the_turn_at_hand_the_oldest_rounds_go() {
    let mut talk = vec![Message::user("find it")];
    for id in 0..5 {
        talk.extend([Message::assistant("", vec![call(id)]), Message::result(&call(id), "a b c d e f g h")]);
    }
    let fitted = fitted(&talk, 25);
    assert_eq!(fitted.messages[0].text(), "find it");
    assert_eq!(fitted.messages[1..], talk[7..]);
}

#[test]
fn what_cannot_be_done_without_stays_though_it_is_too_much() {
    let talk = talk(2, 10);
    let fitted = fitted(&talk, 1);
    assert_eq!(fitted.messages, [talk[0].clone(), talk[9].clone()]);
    assert!(fitted.after > 1);
}

/// Any messages in any order, ids used twice and results before their calls included.
fn any_talk() -> impl Strategy<Value = Vec<Message>> {
    let text = "[a-z ]{0,900}";
    let message = prop_oneof![
        text.prop_map(Message::system),
        text.prop_map(Message::user),
        (text, prop::collection::vec(0..6usize, 0..3))
            .prop_map(|(text, ids)| Message::assistant(text, ids.into_iter().map(call).collect())),
        (0..6usize, text).prop_map(|(id, text)| Message::result(&call(id), text)),
    ];
    prop::collection::vec(message, 0..20)
}

proptest! {
    /// Rules and the last question stay; a result is never left without the call that it had; the order is kept.
    #[test]
    fn no_call_loses_its_result(talk in any_talk(), tokens in 0..400usize) {
        let left = fitted(&talk, tokens);
        let rules = |all: &[Message]| all.iter().filter(|message| message.role == Role::System).count();
        prop_assert_eq!(rules(&left.messages), rules(&talk));
        let question = |all: &[Message]| all.iter().rev().find(|message| message.role == Role::User).cloned();
        prop_assert_eq!(question(&left.messages), question(&talk));
        prop_assert_eq!(left.dropped, talk.len() - left.messages.len());
        let answered = |all: &[Message]| {
            let mut called = std::collections::BTreeSet::new();
            let mut orphans = 0;
            for message in all {
                called.extend(message.calls.iter().map(|call| call.id.clone()));
                orphans += usize::from(message.tool_call_id.as_ref().is_some_and(|id| !called.contains(id)));
            }
            orphans
        };
        prop_assert!(answered(&left.messages) <= answered(&talk), "a result lost its call");
        // What was kept of the calls kept its results, too.
        for (at, message) in talk.iter().enumerate().filter(|(_, message)| !message.calls.is_empty()) {
            let results = talk[at + 1..].iter().take_while(|next| next.role == Role::Tool);
            if left.messages.contains(message) && talk.iter().filter(|other| *other == message).count() == 1 {
                let place = left.messages.iter().position(|kept| kept == message).unwrap();
                for result in results {
                    if message.calls.iter().any(|call| result.tool_call_id.as_ref() == Some(&call.id)) {
                        let mut later = left.messages[place..].iter();
                        prop_assert!(later.any(|kept| kept.tool_call_id == result.tool_call_id), "a call lost its result");
                    }
                }
            }
        }
    }
}
