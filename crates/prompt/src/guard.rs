//! What people and tools said is never read as markup.
//!
//! A user who types `<|im_end|>` must not end a turn. Before rendering, each control token inside what was said is
//! replaced by one character of a private plane that nobody used; after rendering the text is cut there, and those
//! pieces are verbatim. Refusing such messages was the alternative; it would forbid talking about templates.

use serde_json::{Map, Value};

use callwright_parse::chat::{Piece, Prompt};

/// The private planes: characters without a meaning of their own.
const PRIVATE: std::ops::Range<u32> = 0xf_0000..0x11_0000;

/// Stands between what was said and a template.
#[derive(Debug, Clone)]
pub(super) struct Guard<'t> {
    tokens: &'t Tokens,
    /// The character of the first token; the others follow.
    base: u32,
}

/// The texts of a model's control tokens, longest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Tokens {
    texts: Vec<String>,
    /// The bytes that one of them begins with.
    first: Vec<u8>,
}

impl Tokens {
    pub(super) fn new(mut texts: Vec<String>) -> Self {
        texts.retain(|text| !text.trim().is_empty());
        texts.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        texts.dedup();
        let mut first: Vec<u8> = texts.iter().filter_map(|text| text.bytes().next()).collect();
        first.sort_unstable();
        first.dedup();
        Self { texts, first }
    }

    /// Those that occur in a text.
    pub(super) fn within(&self, text: &str) -> Vec<String> {
        self.texts.iter().filter(|token| text.contains(token.as_str())).cloned().collect()
    }

    fn begins(&self, byte: u8) -> bool {
        self.first.contains(&byte)
    }

    fn at(&self, rest: &str) -> Option<(usize, &str)> {
        let found = self.texts.iter().enumerate().find(|(_, text)| rest.starts_with(text.as_str()));
        found.map(|(index, text)| (index, text.as_str()))
    }
}

impl<'t> Guard<'t> {
    /// A guard whose characters occur nowhere in these values. None if there is no room left for them.
    pub(super) fn new<'v>(tokens: &'t Tokens, values: impl IntoIterator<Item = &'v Value>) -> Option<Self> {
        let count = u32::try_from(tokens.texts.len()).ok()?;
        let mut used = Vec::new();
        values.into_iter().for_each(|value| private_characters(value, &mut used));
        used.sort_unstable();
        used.dedup();
        let mut base = PRIVATE.start;
        for character in used {
            if character >= base + count {
                break;
            }
            base = base.max(character + 1);
        }
        (base + count <= PRIVATE.end).then_some(Self { tokens, base })
    }

    /// The value with every control token in its texts replaced.
    pub(super) fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(pairs) => Value::Object(self.map(pairs)),
            other => other.clone(),
        }
    }

    pub(super) fn map(&self, pairs: &Map<String, Value>) -> Map<String, Value> {
        pairs.iter().map(|(key, item)| (self.text(key), self.value(item))).collect()
    }

    /// The text with every control token replaced.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        let mut from = 0;
        while let Some(at) = text.as_bytes()[from..].iter().position(|byte| self.tokens.begins(*byte)) {
            let at = from + at;
            from = at + 1;
            let token = text.get(at..).and_then(|rest| self.tokens.at(rest));
            if let Some((character, length)) =
                token.and_then(|(index, token)| Some((self.character(index)?, token.len())))
            {
                out.push_str(&text[copied..at]);
                out.push(character);
                from = at + length;
                copied = from;
            }
        }
        out.push_str(&text[copied..]);
        out
    }

    fn character(&self, index: usize) -> Option<char> {
        char::from_u32(self.base + u32::try_from(index).ok()?)
    }

    fn token(&self, character: char) -> Option<&'t str> {
        let index = u32::from(character).checked_sub(self.base)?;
        self.tokens.texts.get(index as usize).map(String::as_str)
    }

    /// Cuts a rendered text where a character stands for a token.
    pub(super) fn split(&self, rendered: &str) -> Prompt {
        let mut prompt = Prompt::default();
        let mut from = 0;
        let mut at = 0;
        while let Some(first) = rendered[at..].chars().next() {
            // A template may have written the text as JSON in ASCII: then the character is a pair of escapes.
            let found = match first {
                '\\' => escaped_pair(&rendered[at..]).and_then(|character| Some((self.token(character)?, 12))),
                character => self.token(character).map(|token| (token, character.len_utf8())),
            };
            let Some((token, length)) = found else {
                at += first.len_utf8();
                continue;
            };
            if from < at {
                prompt.pieces.push(Piece::Markup(rendered[from..at].to_owned()));
            }
            match prompt.pieces.last_mut() {
                Some(Piece::Verbatim(text)) => text.push_str(token),
                _ => prompt.pieces.push(Piece::Verbatim(token.to_owned())),
            }
            at += length;
            from = at;
        }
        if from < rendered.len() {
            prompt.pieces.push(Piece::Markup(rendered[from..].to_owned()));
        }
        prompt
    }
}

/// The character that `\udb80\udc00` and its like stand for.
fn escaped_pair(text: &str) -> Option<char> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let pair = [unit(0)?, unit(6)?];
    let mut characters = char::decode_utf16(pair);
    match (characters.next(), characters.next()) {
        (Some(Ok(character)), None) => Some(character),
        _ => None,
    }
}

fn private_characters(value: &Value, used: &mut Vec<u32>) {
    let mut of_text = |text: &str| {
        used.extend(text.chars().map(u32::from).filter(|character| PRIVATE.contains(character)));
        let escapes = text.match_indices("\\ud").filter_map(|(at, _)| escaped_pair(&text[at..]));
        used.extend(escapes.map(u32::from).filter(|character| PRIVATE.contains(character)));
    };
    match value {
        Value::String(text) => of_text(text),
        Value::Array(items) => items.iter().for_each(|item| private_characters(item, used)),
        Value::Object(pairs) => {
            pairs.keys().for_each(|key| of_text(key));
            pairs.values().for_each(|item| private_characters(item, used));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_in_what_was_said_become_verbatim_pieces() {
        let tokens = Tokens::new(vec!["<|end|>".into(), "<|end|>x".into(), "[A]".into()]);
        let said = json!({"a": "1<|end|>2<|end|>x[A]3", "[A]": ["\u{f0000}"]});
        let guard = Guard::new(&tokens, [&said]).unwrap();
        let value = guard.value(&said);
        assert!(!value.to_string().contains("<|end|>") && !value.to_string().contains("[A]"));
        let prompt = guard.split(&format!("<|end|>{}", value["a"].as_str().unwrap()));
        let verbatim = |text: &str| Piece::Verbatim(text.to_owned());
        let markup = |text: &str| Piece::Markup(text.to_owned());
        assert_eq!(
            prompt.pieces,
            [markup("<|end|>1"), verbatim("<|end|>"), markup("2"), verbatim("<|end|>x[A]"), markup("3")]
        );
    }

    #[test]
    fn private_characters_of_the_input_stay_what_they_are() {
        let tokens = Tokens::new(vec!["<s>".into()]);
        let said = json!("\u{f0000}\\udb80\\udc01<s>");
        let guard = Guard::new(&tokens, [&said]).unwrap();
        let prompt = guard.split(&guard.text(said.as_str().unwrap()));
        assert_eq!(prompt.text(), said.as_str().unwrap());
        assert_eq!(prompt.pieces.len(), 2);
    }

    #[test]
    fn an_escaped_character_is_found() {
        let tokens = Tokens::new(vec!["<s>".into()]);
        let guard = Guard::new(&tokens, []).unwrap();
        assert_eq!(guard.split("a\\udb80\\udc00b\\n").text(), "a<s>b\\n");
    }
}
