//! What of a conversation fits into what the model attends to.
//!
//! A conversation that is too long loses the oldest of what it can do without: first the length of old results, then
//! old turns whole, so that no call ever stands without its result. Rules, tools and the question at hand stay. It is
//! done here, before anything is sent, because engines that do it themselves cut blindly and say nothing. How long a
//! text is it does not know: it is told.

use std::collections::BTreeSet;
use std::ops::Range;

use callwright_parse::chat::{CallId, Message, Role};
use callwright_parse::error::{Error, ErrorKind, Result};

/// The least room for an answer: a call of a tool without arguments.
const ANSWER: usize = 16;

/// How many tokens are left for the answer.
///
/// ```
/// assert_eq!(callwright_prompt::window::room(3000, 4096), 1096);
/// ```
#[must_use]
pub fn room(prompt_tokens: usize, context_length: usize) -> usize {
    context_length.saturating_sub(prompt_tokens)
}

/// How many tokens are kept free for the answer before anything of the conversation is left out: what it may take, but
/// no more than a quarter of the context.
#[must_use]
pub fn wanted(max_tokens: usize, context_length: usize) -> usize {
    max_tokens.min(context_length / 4).max(ANSWER)
}

/// Refuses a prompt that leaves no room for an answer.
///
/// ```
/// use callwright_parse::ErrorKind;
/// use callwright_prompt::window;
/// assert!(window::fits(100, 2048).is_ok());
/// assert_eq!(window::fits(2048, 2048).unwrap_err().kind(), ErrorKind::ContextFull);
/// ```
pub fn fits(prompt_tokens: usize, context_length: usize) -> Result<()> {
    if room(prompt_tokens, context_length) >= ANSWER {
        return Ok(());
    }
    let message = format!(
        "the prompt has {prompt_tokens} tokens, and with the answer only {context_length} fit into the context"
    );
    Err(Error::new(ErrorKind::ContextFull, message)
        .hint("send fewer messages or tools, or ask for a longer context (`--context-length`) if the model has one"))
}

/// What is left of a shortened result: its first and its last characters, so many each.
const KEPT: usize = 200;

/// A conversation that fits, and what it lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// What is left.
    pub messages: Vec<Message>,
    /// Results that were shortened.
    pub shortened: usize,
    /// Messages that were dropped.
    pub dropped: usize,
    /// Tokens before.
    pub before: usize,
    /// Tokens now.
    pub after: usize,
}

/// Makes a conversation fit into so many tokens, as well as it can: what cannot be done without stays, even where that
/// is still too much ([`Fitted::after`] says so). `count` tells the tokens of the whole prompt that messages come to.
///
/// ```
/// use callwright_parse::chat::Message;
/// use callwright_prompt::window;
/// let say = |text: &str| [Message::user(text), Message::assistant(text, vec![])];
/// let talk: Vec<_> = ["one", "two"].into_iter().flat_map(say).chain([Message::user("three")]).collect();
/// let fitted = window::trim(&talk, 3, &mut |messages| Ok(messages.len()))?;
/// assert_eq!(fitted.messages, talk[2..]);
/// assert_eq!((fitted.dropped, fitted.before, fitted.after), (2, 5, 3));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
pub fn trim(messages: &[Message], tokens: usize, count: &mut dyn FnMut(&[Message]) -> Result<usize>) -> Result<Fitted> {
    let before = count(messages)?;
    let whole = Fitted { messages: messages.to_vec(), shortened: 0, dropped: 0, before, after: before };
    if before <= tokens {
        return Ok(whole);
    }
    let cuts = cuts(messages);
    // The fewest cuts that do: each makes it shorter, so halving finds them without rendering it once for each.
    let (mut too_few, mut enough) = (0, cuts.len());
    let mut best = counted(messages, &cuts, before, count)?;
    while too_few + 1 < enough {
        let middle = usize::midpoint(too_few, enough);
        let tried = counted(messages, &cuts[..middle], before, count)?;
        if tried.after <= tokens {
            (enough, best) = (middle, tried);
        } else {
            too_few = middle;
        }
    }
    Ok(best)
}

/// One thing that a conversation can do without.
#[derive(Debug)]
enum Cut {
    /// All of a result but its ends.
    Shorten(usize),
    /// Messages that belong together.
    Drop(Range<usize>),
}

fn counted(
    messages: &[Message],
    cuts: &[Cut],
    before: usize,
    count: &mut dyn FnMut(&[Message]) -> Result<usize>,
) -> Result<Fitted> {
    let mut fitted = cut(messages, cuts);
    fitted.before = before;
    fitted.after = count(&fitted.messages)?;
    Ok(fitted)
}

/// All cuts, the first to be made first: results from the oldest on, then turns, then the rounds of the last turn.
fn cuts(messages: &[Message]) -> Vec<Cut> {
    let long = |message: &Message| message.role == Role::Tool && message.text().chars().nth(3 * KEPT).is_some();
    let results = (0..messages.len()).filter(|index| long(&messages[*index])).map(Cut::Shorten);
    let asked = |index: &usize| messages[*index].role == Role::User;
    let turns: Vec<usize> = (0..messages.len()).filter(asked).collect();
    let last = turns.last().copied().unwrap_or(0);
    let old = turns.windows(2).map(|pair| pair[0]..pair[1]);
    // What stands before the first question is an old turn of its own; the rules in it stay.
    let lead = turns.first().filter(|first| **first > 0).map(|first| 0..*first);
    // Of the last turn, each call with its results is a round; the newest is what the model is to go on from.
    let spoke = |index: &usize| messages[*index].role == Role::Assistant;
    let rounds: Vec<usize> = (last..messages.len()).filter(spoke).collect();
    let rounds = rounds.windows(2).map(|pair| pair[0]..pair[1]);
    results.chain(lead.into_iter().chain(old).chain(rounds).map(Cut::Drop)).collect()
}

fn cut(messages: &[Message], cuts: &[Cut]) -> Fitted {
    let mut short = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for cut in cuts {
        match cut {
            Cut::Shorten(index) => drop(short.insert(*index)),
            Cut::Drop(range) => gone.extend(range.clone().filter(|index| messages[*index].role != Role::System)),
        }
    }
    let calls = |message: &'_ Message| message.calls.iter().map(|call| call.id.clone()).collect::<Vec<CallId>>();
    let lost: BTreeSet<CallId> = gone.iter().flat_map(|index| calls(&messages[*index])).collect();
    let (mut kept, mut left, mut shortened) = (BTreeSet::new(), Vec::new(), 0);
    for (index, message) in messages.iter().enumerate().filter(|(index, _)| !gone.contains(index)) {
        kept.extend(calls(message));
        // A result may stand in a later turn than its call.
        if message.tool_call_id.as_ref().is_some_and(|id| lost.contains(id) && !kept.contains(id)) {
            continue;
        }
        let is_short = short.contains(&index);
        shortened += usize::from(is_short);
        left.push(if is_short { shorten(message) } else { message.clone() });
    }
    Fitted { shortened, dropped: messages.len() - left.len(), messages: left, before: 0, after: 0 }
}

fn shorten(message: &Message) -> Message {
    let text = message.text();
    let characters = text.chars().count();
    let end = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (&text[..end(KEPT)], &text[end(characters.saturating_sub(KEPT))..]);
    let left_out = characters.saturating_sub(2 * KEPT);
    let text = format!("{head}\n[{left_out} characters left out to fit the context]\n{tail}");
    message.clone().with_text(text)
}
