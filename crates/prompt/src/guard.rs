//! What people and tools said is never read as markup.
//!
//! A user who types `<|im_end|>` must not end a turn, whether in one string or in parts that a template puts together.
//! So a prompt is rendered twice: as it is, and with the letters of what was said replaced by private characters, one
//! for each. The second rendering tells of every letter who wrote it: the template, the owner (rules and tools), or the
//! conversation, which no other run shares. Both say the same, unless the template looks into
//! what it is given (`'</think>' in content`); then [`Prompter`](super::Prompter) decides. Refusing such messages was
//! the alternative; it would forbid talking about templates.

use serde_json::{Map, Value};

use callwright_parse::chat::{Piece, Prompt, Specials};
use callwright_parse::schema::{self, Holds, Types};

/// The private planes: characters without a meaning of their own.
const PRIVATE: std::ops::Range<u32> = 0xf_0000..0x11_0000;

/// Stands between what was said and a template.
#[derive(Debug, Clone)]
pub(super) struct Guard<'s> {
    /// The character of ASCII's first letter; the others follow. Behind them all stand once more, for the conversation.
    base: u32,
    /// Which of the two are put in: 0, or how many there are of one.
    shift: u32,
    /// Letters of special tokens beyond ASCII.
    letters: Vec<char>,
    /// Only letters that these may be spelled with are replaced.
    only: Option<&'s Specials>,
}

impl<'s> Guard<'s> {
    /// A guard whose characters occur nowhere in these values. None if there is no room left for them.
    pub(super) fn new<'v>(specials: &'s Specials, values: impl IntoIterator<Item = &'v Value>) -> Option<Self> {
        let beyond =
            specials.texts().flat_map(str::chars).filter(|letter| !letter.is_ascii() && !letter.is_whitespace());
        let mut letters: Vec<char> = beyond.collect();
        letters.sort_unstable();
        letters.dedup();
        let count = 128 + u32::try_from(letters.len()).ok()?;
        let mut used = Vec::new();
        values.into_iter().for_each(|value| private_characters(value, &mut used));
        used.sort_unstable();
        used.dedup();
        let mut base = PRIVATE.start;
        for character in used {
            if character >= base + 2 * count {
                break;
            }
            base = base.max(character + 1);
        }
        (base + 2 * count <= PRIVATE.end).then_some(Self { base, shift: 0, letters, only: None })
    }

    /// How many characters one set of letters takes.
    fn count(&self) -> u32 {
        128 + u32::try_from(self.letters.len()).unwrap_or(0)
    }

    /// The same for what users, the model and tools said in the conversation.
    pub(super) fn of_conversation(&self) -> Self {
        Self { shift: self.count(), ..self.clone() }
    }

    /// A text that stands nowhere in the values.
    pub(super) fn stand_in(&self) -> String {
        char::from_u32(self.base).map(String::from).unwrap_or_default()
    }

    /// The same that replaces only what a special token may be spelled with: one inside a text, and at its ends what one
    /// may begin or go on with. A template that looks into a text finds the rest as it is.
    pub(super) fn sparing(mut self, specials: &'s Specials) -> Self {
        self.only = Some(specials);
        self
    }

    /// The value with its texts and keys replaced.
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

    /// A tool as templates read it: its own keys and a schema's keywords stay.
    pub(super) fn tool(&self, tool: &Value) -> Value {
        let mut out = tool.clone();
        if let Some(function) = out.get_mut("function").and_then(Value::as_object_mut) {
            for (key, value) in function.iter_mut() {
                *value = if key == "parameters" { self.schema(value) } else { self.value(value) };
            }
        }
        out
    }

    fn schema(&self, schema: &Value) -> Value {
        match schema {
            Value::Array(items) => Value::Array(items.iter().map(|item| self.schema(item)).collect()),
            Value::Object(pairs) => Value::Object(pairs.iter().map(|(key, value)| self.keyword(key, value)).collect()),
            other => self.value(other),
        }
    }

    fn keyword(&self, key: &str, value: &Value) -> (String, Value) {
        // A keyword is the template's to ask for; all other keys are said.
        let holds = schema::holds(key);
        let is_type = |name: &str| Types::named(name).is_said();
        let members = |map: &Map<String, Value>| {
            let pairs = map.iter().map(|(name, schema)| (self.text(name), self.schema(schema)));
            Value::Object(pairs.collect())
        };
        let value = match (holds, value) {
            (Some(Holds::SchemasByName), Value::Object(map)) => members(map),
            (Some(Holds::Types), Value::String(name)) if is_type(name) => value.clone(),
            (Some(Holds::Types), Value::Array(names))
                if names.iter().all(|name| name.as_str().is_some_and(is_type)) =>
            {
                value.clone()
            }
            (Some(Holds::Schemas | Holds::SchemasByName), _) => self.schema(value),
            _ => self.value(value),
        };
        (if holds.is_some() { key.to_owned() } else { self.text(key) }, value)
    }

    /// The text with its letters replaced. Blanks, quotes, backslashes and digits stay, because what prints a value looks
    /// at them; no special token is made of them alone.
    pub(super) fn text(&self, text: &str) -> String {
        match self.only {
            None => text.chars().map(|letter| self.private(letter).unwrap_or(letter)).collect(),
            Some(specials) => {
                let spans = specials.parts_in(text);
                let mut next = 0;
                let letters = text.char_indices().map(|(at, letter)| {
                    while spans.get(next).is_some_and(|span| span.end <= at) {
                        next += 1;
                    }
                    let inside = spans.get(next).is_some_and(|span| span.start <= at);
                    self.private(letter).filter(|_| inside).unwrap_or(letter)
                });
                letters.collect()
            }
        }
    }

    /// The private character of a letter.
    fn private(&self, letter: char) -> Option<char> {
        let offset = match letter {
            '"' | '\'' | '\\' | '0'..='9' => return None,
            letter if letter.is_ascii_graphic() => u32::from(letter),
            letter => 128 + u32::try_from(self.letters.binary_search(&letter).ok()?).ok()?,
        };
        char::from_u32(self.base + self.shift + offset)
    }

    /// The letter of a private character, and whether it was said in the conversation.
    fn letter(&self, character: char) -> Option<(char, bool)> {
        let offset = u32::from(character).checked_sub(self.base)?;
        let (offset, in_conversation) = match offset.checked_sub(self.count()) {
            Some(offset) => (offset, true),
            None => (offset, false),
        };
        let letter = match offset.checked_sub(128) {
            None => char::from_u32(offset),
            Some(index) => self.letters.get(index as usize).copied(),
        };
        Some((letter?, in_conversation))
    }

    /// The rendered text with its letters back, in pieces by who wrote them. What it shares with other conversations ends
    /// before the first letter that is known to have been said in this one.
    pub(super) fn restore(&self, rendered: &str) -> Prompt {
        let mut prompt = Prompt::default();
        let mut at = 0;
        let (mut length, mut edge) = (0, None);
        while let Some(first) = rendered[at..].chars().next() {
            // A template may have written a text as JSON in ASCII, or as Python does.
            let found = match first {
                '\\' => escaped(&rendered[at..]).and_then(|(character, width)| Some((self.letter(character)?, width))),
                character => self.letter(character).map(|letter| (letter, character.len_utf8())),
            };
            let (letter, width, said) = match found {
                Some(((letter, in_conversation), width)) => {
                    edge = edge.or(in_conversation.then_some(length));
                    (letter, width, true)
                }
                None => (first, first.len_utf8(), false),
            };
            length += letter.len_utf8();
            match prompt.pieces.last_mut() {
                Some(Piece::Verbatim(text)) if said => text.push(letter),
                Some(Piece::Markup(text)) if !said => text.push(letter),
                _ if said => prompt.pieces.push(Piece::Verbatim(letter.into())),
                _ => prompt.pieces.push(Piece::Markup(letter.into())),
            }
            at += width;
        }
        prompt.shared = edge.unwrap_or(length);
        prompt
    }
}

/// The character that `\udb80\udc00`, `\U000f0000` and their like stand for, and how long that is.
fn escaped(text: &str) -> Option<(char, usize)> {
    if let Some(digits) = text.strip_prefix("\\U").and_then(|rest| rest.get(..8)) {
        return Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 10));
    }
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let mut characters = char::decode_utf16([unit(0)?, unit(6)?]);
    match (characters.next(), characters.next()) {
        (Some(Ok(character)), None) => Some((character, 12)),
        _ => None,
    }
}

fn private_characters(value: &Value, used: &mut Vec<u32>) {
    let mut of_text = |text: &str| {
        used.extend(text.chars().map(u32::from).filter(|character| PRIVATE.contains(character)));
        let escapes = text.match_indices('\\').filter_map(|(at, _)| escaped(&text[at..]));
        used.extend(escapes.map(|(character, _)| u32::from(character)).filter(|character| PRIVATE.contains(character)));
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

    fn specials(texts: &[&str]) -> Specials {
        Specials::new(texts.iter().map(|text| ((*text).to_owned(), false)))
    }

    #[test]
    fn every_letter_is_told_by_who_wrote_it() {
        let tokens = specials(&["<|end|>", "[Å]"]);
        let said = json!({"a": "1 <|end|>\"[Å]", "b<": ["\u{f0000}"]});
        let guard = Guard::new(&tokens, [&said]).unwrap();
        let value = guard.value(&said);
        assert!(!value.to_string().contains("<|end|>") && !value.to_string().contains("[Å]"));
        let prompt = guard.restore(&format!("<|end|>{}", value["\u{f0063}\u{f003d}"][0].as_str().unwrap_or("")));
        assert_eq!(prompt.text(), "<|end|>\u{f0000}");
        let prompt = guard.restore(&format!("<|{}", guard.text("end|> x")));
        let pieces = [Piece::Markup("<|".into()), Piece::Verbatim("end|>".into())];
        assert_eq!(prompt.pieces[..2], pieces);
    }

    #[test]
    fn what_is_shared_ends_where_the_conversation_begins() {
        let tokens = specials(&["<|end|>", "[Å]"]);
        let guard = Guard::new(&tokens, []).unwrap();
        let (rules, said) = (guard.text("Be brief. [Å]"), guard.of_conversation().text("Å 1 and Be brief."));
        let prompt = guard.restore(&format!("<s>{rules}<u>{said}<e>"));
        assert_eq!(prompt.text(), "<s>Be brief. [Å]<u>Å 1 and Be brief.<e>");
        assert_eq!(&prompt.text()[..prompt.shared], "<s>Be brief. [Å]<u>");
        assert_eq!(guard.restore(&rules).shared, "Be brief. [Å]".len());
        assert!(!guard.stand_in().is_empty());
    }

    #[test]
    fn a_sparing_guard_leaves_what_no_token_is_spelled_with() {
        let tokens = specials(&["<|end|>"]);
        let guard = Guard::new(&tokens, []).unwrap().sparing(&tokens);
        assert_eq!(guard.text("a friend of mine"), "a friend of mine");
        assert_eq!(guard.restore(&guard.text("a <|end|> b <|en")).text(), "a <|end|> b <|en");
        assert!(guard.text("a <|end|> b <|en").starts_with("a \u{f003c}"));
        assert!(!guard.text("a <|end|> b <|en ").contains("<|en"), "what stands before a blank may be trimmed");
    }

    #[test]
    fn escaped_characters_are_found() {
        let tokens = specials(&["<s>"]);
        let guard = Guard::new(&tokens, []).unwrap();
        assert_eq!(guard.restore("a\\udb80\\udc41b\\U000f0042\\n").text(), "aAbB\\n");
    }

    #[test]
    fn what_templates_ask_of_a_schema_stays() {
        let guard_tokens = specials(&["<s>"]);
        let guard = Guard::new(&guard_tokens, []).unwrap();
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": {
            "type": "object", "required": ["type"], "|im_end|": 1, "properties": {"type": {"type": "string", "enum": ["a"]}}}}});
        let told = guard.tool(&tool);
        let parameters = &told["function"]["parameters"];
        assert_eq!((told["type"].as_str(), parameters["type"].as_str()), (Some("function"), Some("object")));
        assert!(parameters.get("|im_end|").is_none() && parameters["properties"].get("type").is_none());
        assert_eq!(parameters["properties"][guard.text("type")]["type"], "string");
        assert_eq!(guard.restore(&told.to_string()).text(), tool.to_string());
    }
}
