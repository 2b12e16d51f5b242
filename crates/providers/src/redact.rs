//! Redacts keys, and words of the conversation, in texts from outside: error bodies above all.
//!
//! Servers quote what they were sent. Known keys are found by value, others by the shapes that vendors give them; words
//! of the conversation by comparing with it.

use callwright_models::Secret;
use callwright_parse::chat::{Message, Piece, Prompt, Request};

const BLOT: &str = "[..]";

/// How the keys of known vendors begin.
const SHAPES: [&str; 9] = ["sk-", "sk_", "AIza", "hf_", "gsk_", "xai-", "pplx-", "ghp_", "r8_"];

/// The shortest text that is taken for a key by its shape.
const KEY: usize = 16;

/// The shortest run of the conversation that is blotted out where a server quotes it.
const QUOTE: usize = 16;

/// The longest text that an error shows of what a server said.
const SHOWN: usize = 400;

/// The texts of a conversation as servers quote them: each on one line.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Vec<String>);

impl From<&Request> for Said {
    fn from(request: &Request) -> Self {
        Self(request.messages.iter().flat_map(said).collect())
    }
}

impl From<&Prompt> for Said {
    fn from(prompt: &Prompt) -> Self {
        let verbatim = prompt.pieces.iter().filter(|piece| matches!(piece, Piece::Verbatim(_))).map(Piece::as_str);
        Self([prompt.text().as_str()].into_iter().chain(verbatim).map(line).collect())
    }
}

/// Removes known keys from texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    keys: Vec<Secret>,
}

impl Redactor {
    pub(super) fn new(keys: impl IntoIterator<Item = Secret>) -> Self {
        Self { keys: keys.into_iter().filter(|key| !key.expose().is_empty()).collect() }
    }

    /// The text without keys.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for key in &self.keys {
            text = text.replace(key.expose(), BLOT);
        }
        shapes(&text)
    }

    /// What a server said, fit for an error: short, in one line, without keys and without the conversation.
    pub(super) fn quote(&self, text: &str, said: &Said) -> String {
        let line = line(text);
        // Cleaned before it is cut, so that no half of a key is left at the cut.
        let head: String = line.chars().take(SHOWN * 4).collect();
        let cleaned = without(&self.clean(&head), said);
        match cleaned.char_indices().nth(SHOWN) {
            Some((at, _)) => format!("{}..", &cleaned[..at]),
            None => cleaned,
        }
    }
}

/// Redacts words that look like keys.
fn shapes(text: &str) -> String {
    let part_of_key = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_bearer = false;
    while !rest.is_empty() {
        let end = rest.find(|c| !part_of_key(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let shaped = word.len() >= KEY && SHAPES.iter().any(|shape| word.starts_with(shape));
        cleaned.push_str(if shaped || (after_bearer && word.len() >= 8) { BLOT } else { word });
        if !word.is_empty() {
            after_bearer = word.eq_ignore_ascii_case("bearer");
        }
        let gap = behind.chars().next().map_or(0, char::len_utf8);
        cleaned.push_str(&behind[..gap]);
        rest = &behind[gap..];
    }
    cleaned
}

/// Redacts every run of the conversation that is long enough.
fn without(text: &str, said: &Said) -> String {
    let Said(said) = said;
    if said.is_empty() {
        return text.to_owned();
    }
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut quoted = vec![false; starts.len()];
    for (first, window) in starts.windows(QUOTE + 1).enumerate() {
        let run = &text[window[0]..window[QUOTE]];
        if said.iter().any(|said| said.contains(run)) {
            quoted[first..first + QUOTE].fill(true);
        }
    }
    // Shorter messages are quoted whole or not at all.
    let short = said.iter().map(|said| said.trim()).filter(|said| said.len() >= 6 && said.chars().count() < QUOTE);
    let mut cleaned = String::with_capacity(text.len());
    for (index, window) in starts.windows(2).enumerate() {
        if !quoted[index] {
            cleaned.push_str(&text[window[0]..window[1]]);
        } else if index == 0 || !quoted[index - 1] {
            cleaned.push_str(BLOT);
        }
    }
    short.fold(cleaned, |text, said| text.replace(said, BLOT))
}

/// A message's words, and the addresses of its pictures; of one that is its own address, what can be shown of it.
fn said(message: &Message) -> Vec<String> {
    let calls = message.calls.iter().map(|call| serde_json::to_string(&call.arguments).unwrap_or_default());
    let words: Vec<String> = [message.text()].into_iter().chain(message.reasoning.clone()).chain(calls).collect();
    let images = message.images().map(|image| image.url().chars().take(SHOWN * 4).collect());
    [line(&words.join(" "))].into_iter().chain(images).collect()
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use callwright_parse::chat::Image;

    #[test]
    fn keys_and_prompts_are_blotted_out() {
        let redactor = Redactor::new([Secret::new("my-very-own")]);
        let told = "bad key my-very-own, Authorization: Bearer abcdefgh1234, sk-proj-0123456789abcdef; é fine";
        assert_eq!(redactor.clean(told), "bad key [..], Authorization: Bearer [..], [..]; é fine");
        let request = Request::new("the secret plan is to meet at dawn by the old mill");
        let told = "invalid input: 'the secret plan is to meet at dawn' is too long";
        assert_eq!(redactor.quote(told, &Said::from(&request)), "invalid input: '[..]' is too long");
        assert!(redactor.quote(&"x".repeat(9999), &Said::default()).len() < 500);
        let address = "https://example.org/private/picture.png";
        let mut seen = request;
        seen.messages = vec![Message::user("?").image(Image::Url(address.to_owned()))];
        assert_eq!(redactor.quote(&format!("no image at {address}"), &Said::from(&seen)), "no image at [..]");
        let verbatim = Piece::Verbatim("<|im_end|>".to_owned());
        let prompt = Prompt { pieces: vec![Piece::Markup("meet me at the old mill".to_owned()), verbatim], shared: 0 };
        let told = "cannot read 'me at the old mill' and '<|im_end|>'";
        assert_eq!(redactor.quote(told, &Said::from(&prompt)), "cannot read '[..]' and '[..]'");
    }
}
