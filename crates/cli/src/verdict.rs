//! What a finished answer amounts to: the exit status, and a sentence where the answer is not whole.
//!
//! A script must be able to tell an answer from the beginning of one. It must not know how the answer is shown.

use std::time::Duration;

use callwright_parse::chat::{Fault, FinishReason, Response, counted};

use super::Exit;

/// What was asked for, as far as it can end an answer early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) max_tokens: usize,
    pub(super) time: Option<Duration>,
}

/// The exit status of an answer, and what there is to say about it.
pub(super) fn of(response: &Response, bounds: Bounds) -> (Exit, Option<String>) {
    let came = !response.text.trim().is_empty() || !response.calls.is_empty();
    match response.finish_reason {
        FinishReason::Cancelled => {
            let limit = bounds.time.map_or_else(|| "the time limit".to_owned(), seconds);
            return if came || !response.reasoning.trim().is_empty() {
                (Exit::No, Some(format!("stopped after {limit} (--timeout): the answer is incomplete")))
            } else {
                (Exit::Failed, Some(format!("no answer within {limit} (--timeout)")))
            };
        }
        FinishReason::Length => {
            let used = response.usage.completion_tokens;
            let limit = if used < bounds.max_tokens {
                "because the context is full".to_owned()
            } else {
                format!("after {} (--max-tokens)", counted(bounds.max_tokens, "token"))
            };
            return (Exit::No, Some(format!("the answer was cut off {limit}")));
        }
        _ => {}
    }
    let any = |is: fn(&Fault) -> bool| response.faults.iter().any(is);
    if any(|fault| matches!(fault, Fault::NoCall | Fault::Truncated { .. })) {
        return (Exit::No, None);
    }
    // What looks like a call in prose is prose.
    if any(|fault| !matches!(fault, Fault::InProse { .. })) && response.valid_calls().next().is_none() {
        return (Exit::No, None);
    }
    if came { (Exit::Done, None) } else { (Exit::No, Some("the model gave an empty answer".to_owned())) }
}

/// A time limit as it was given.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Bounds, of};
    use crate::Exit;
    use callwright_parse::chat::{Call, Fault, FinishReason, Response};

    /// Every way in which an answer can be less than whole, and what becomes of it.
    #[test]
    fn an_answer_that_is_not_whole_is_no_success() {
        let bounds = Bounds { max_tokens: 5, time: Some(std::time::Duration::from_secs(1)) };
        let call = || vec![Call::new("ping", serde_json::Map::new())];
        let said = |text: &str| Response { text: text.to_owned(), ..Response::default() };
        let mut cut = Response { finish_reason: FinishReason::Length, ..said("The weath") };
        cut.usage.completion_tokens = 5;
        let mut full = cut.clone();
        full.usage.completion_tokens = 3;
        let late = |text: &str| Response { finish_reason: FinishReason::Cancelled, ..said(text) };
        let faulty = |calls, fault| Response { calls, faults: vec![fault], ..Response::default() };
        let prose = Fault::InProse { span: 0..1, message: "quoted".to_owned() };
        let unreadable = Fault::Unreadable { span: 0..1, message: "torn".to_owned() };
        for (response, exit, words) in [
            (said("Hello."), Exit::Done, ""),
            (Response { calls: call(), ..Response::default() }, Exit::Done, ""),
            (said("  "), Exit::No, "empty answer"),
            (cut, Exit::No, "after 5 tokens (--max-tokens)"),
            (full, Exit::No, "the context is full"),
            (late("The weath"), Exit::No, "stopped after 1 s (--timeout)"),
            (late(""), Exit::Failed, "no answer within 1 s (--timeout)"),
            (faulty(Vec::new(), Fault::NoCall), Exit::No, ""),
            (faulty(Vec::new(), Fault::Truncated { span: 0..1, name: None }), Exit::No, ""),
            (faulty(call(), Fault::Truncated { span: 0..1, name: None }), Exit::No, ""),
            (faulty(call(), Fault::TooDeep { call: 0 }), Exit::No, ""),
            (faulty(Vec::new(), unreadable), Exit::No, ""),
            (Response { faults: vec![prose], ..said("For example `ping()`.") }, Exit::Done, ""),
        ] {
            let (found, sentence) = of(&response, bounds);
            assert_eq!(found, exit, "{response:?}");
            assert!(sentence.unwrap_or_default().contains(words), "{words}");
        }
    }
}
