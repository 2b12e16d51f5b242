//! Lists, objects, tuples and sets, and what comes between and after their items.
//!
//! A closer that does not match is read over only where it is clear which bracket it is for; a closer that is missing
//! at the end of a text only where the caller says that the text is whole and the last item cannot have been cut.

use serde_json::{Map, Value};

use super::literal;
use super::number;
use super::reader::{Ending, Home, Place, Read, Reader};
use crate::chat::FixKind;

/// What comes after an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another item.
    Item,
    /// Nothing: the bracket is closed. True after a comma.
    End(bool),
}

impl Reader<'_> {
    pub(super) fn list(&mut self) -> Read<Value> {
        self.enter(b']')?;
        Ok(Value::Array(self.items(Place::List)?.0))
    }

    /// A tuple, or one value in parentheses.
    pub(super) fn parenthesis(&mut self) -> Read<Value> {
        let open = self.at;
        self.enter(b')')?;
        let (mut items, comma) = self.items(Place::List)?;
        if self.home != Home::Python && self.home != Home::Any {
            self.fix(FixKind::Tuple, open..self.at);
        }
        match items.pop() {
            Some(only) if items.is_empty() && !comma => Ok(only),
            Some(last) => {
                items.push(last);
                Ok(Value::Array(items))
            }
            None => Ok(Value::Array(items)),
        }
    }

    /// A set, or an object in doubled braces, as a prompt's template may teach them.
    fn set(&mut self) -> Read<Value> {
        let open = self.at;
        let bare = self.bare_count;
        self.enter(b'}')?;
        let (mut items, comma) = self.items(Place::List)?;
        if let ([Value::Object(_)], false) = (items.as_slice(), comma) {
            self.fix(FixKind::Opener, open..open + 1);
            return Ok(items.swap_remove(0));
        }
        // Unquoted text in braces is prose, code or a template's placeholder.
        if self.home == Home::Json || self.bare_count > bare {
            // Said where it ends: who pays for what was read in vain must pay for all of it.
            self.at -= 1;
            return Err(self.bad("an object has keys and values"));
        }
        self.fix(FixKind::Tuple, open..self.at);
        Ok(Value::Array(items))
    }

    /// The items up to the closer, and whether a comma stands before it.
    fn items(&mut self, place: Place) -> Read<(Vec<Value>, bool)> {
        let mut items = Vec::new();
        if let Next::End(comma) = self.first()? {
            return Ok((items, comma));
        }
        loop {
            items.push(self.value(place)?);
            if let Next::End(comma) = self.next(place)? {
                return Ok((items, comma));
            }
        }
    }

    pub(super) fn object(&mut self) -> Read<Value> {
        let mark = self.mark();
        self.enter(b'}')?;
        let mut map = Map::new();
        if let Next::End(_) = self.first()? {
            return Ok(Value::Object(map));
        }
        loop {
            let at = self.at;
            let Some(key) = self.key()? else {
                if map.is_empty() && (self.home != Home::Json || self.peek() == Some(b'{')) {
                    self.back_to(mark);
                    self.owed.pop();
                    return self.set();
                }
                return Err(self.bad("a key, quoted, and a colon"));
            };
            self.space()?;
            let start = self.at;
            let value = self.value(Place::Object)?;
            if let (Some(sources), 1) = (&mut self.sources, self.owed.len()) {
                sources.push((key.clone(), start..self.at));
            }
            if map.insert(key, value).is_some() {
                self.fix(FixKind::Duplicate, at..self.at);
            }
            if let Next::End(_) = self.next(Place::Object)? {
                return Ok(Value::Object(map));
            }
        }
    }

    /// A key with its colon; the cursor stays where it is if there is none.
    pub(super) fn key(&mut self) -> Read<Option<String>> {
        let mark = self.mark();
        let start = self.at;
        let key = if let Some(key) = self.string(Place::Key)? {
            key
        } else {
            let rest = self.rest();
            let Some(word) = self.key_word(rest).or_else(|| number::token(rest)) else { return Ok(None) };
            self.at += word.len();
            if self.home != Home::Braces {
                self.fix(FixKind::Unquoted, start..self.at);
            }
            literal::unescaped(word).into_owned()
        };
        self.space()?;
        let sign = self.at;
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(b'=') => {
                self.at += if self.byte(sign + 1) == Some(b'>') { 2 } else { 1 };
                self.fix(FixKind::Separator, sign..self.at);
            }
            None => return Err(self.incomplete()),
            Some(_) => {
                self.back_to(mark);
                return Ok(None);
            }
        }
        Ok(Some(key))
    }

    /// After the opening bracket.
    pub(super) fn first(&mut self) -> Read<Next> {
        self.space()?;
        let comma = self.commas()?;
        match self.peek() {
            // An opening bracket alone says nothing of what it holds.
            None => Err(self.incomplete()),
            Some(b']' | b'}' | b')') => self.close(comma),
            Some(_) => {
                if comma {
                    self.fix(FixKind::TrailingComma, self.at - 1..self.at);
                }
                Ok(Next::Item)
            }
        }
    }

    /// After an item.
    pub(super) fn next(&mut self, place: Place) -> Read<Next> {
        let end = self.at;
        self.space()?;
        let at = self.at;
        match self.peek() {
            None if self.ending == Ending::Open || self.loose_end == self.text.len() => Err(self.incomplete()),
            None | Some(b']' | b'}' | b')') => self.close(false),
            Some(b',') => {
                self.at += 1;
                self.space()?;
                if self.commas()? {
                    self.fix(FixKind::TrailingComma, at..self.at);
                }
                match self.peek() {
                    Some(b']' | b'}' | b')') => {
                        if matches!(self.home, Home::Json | Home::Braces) {
                            self.fix(FixKind::TrailingComma, at..at + 1);
                        }
                        self.close(true)
                    }
                    // What the comma announced is cut off.
                    None => Err(self.incomplete()),
                    Some(_) => Ok(Next::Item),
                }
            }
            Some(b';') => {
                self.at += 1;
                self.fix(FixKind::Separator, at..at + 1);
                self.space()?;
                if matches!(self.peek(), Some(b']' | b'}' | b')')) { self.close(true) } else { Ok(Next::Item) }
            }
            // `["War"]')`: the quote closes what nobody opened.
            Some(b'"' | b'\'') if at == end && matches!(self.after_blanks(at + 1).1, Some(b']' | b'}' | b')')) => {
                self.at += 1;
                self.fix(FixKind::Surplus, at..at + 1);
                self.space()?;
                self.close(false)
            }
            // A string of which only the closing token was written, or one closed twice.
            Some(_) if self.stray_token() => {
                self.space()?;
                match self.peek() {
                    Some(b',' | b']' | b'}') => self.next(place),
                    None => Err(self.incomplete()),
                    Some(_) => Err(self.bad("a comma or a closing bracket")),
                }
            }
            Some(byte) if self.starts_item(byte, end, place) => {
                self.fix(FixKind::Separator, end..at);
                Ok(Next::Item)
            }
            Some(_) => Err(self.bad("a comma or a closing bracket")),
        }
    }

    /// Passes a quote token that closes what none opened.
    fn stray_token(&mut self) -> bool {
        let Some(token) = self.quote_token.filter(|token| self.rest().starts_with(token)) else { return false };
        self.fix(FixKind::Quotes, self.at..self.at + token.len());
        self.at += token.len();
        self.doubtful = true;
        true
    }

    /// Whether an item starts at the cursor though no comma came.
    fn starts_item(&self, byte: u8, end: usize, place: Place) -> bool {
        let apart = self.at > end;
        match byte {
            b'"' | b'\'' => true,
            b'{' | b'[' => place == Place::List,
            _ => place.wants_key() && apart && self.key_follows(self.rest()),
        }
    }

    /// Skips commas; whether there was one.
    fn commas(&mut self) -> Read<bool> {
        let mut any = false;
        while self.peek() == Some(b',') {
            any = true;
            self.at += 1;
            self.space()?;
        }
        Ok(any)
    }

    /// Closes the innermost bracket with what stands at the cursor.
    fn close(&mut self, comma: bool) -> Read<Next> {
        let Some(closer) = self.owed.pop() else { return Err(self.bad("a value")) };
        match self.peek() {
            Some(byte) if byte == closer => self.at += 1,
            Some(byte) => {
                // Another bracket's closer: this one's is missing. Nobody's closer: it was meant for this one.
                let nobody = !self.owed.contains(&byte) && !self.owed.is_empty();
                let start = self.at;
                self.at += usize::from(nobody);
                self.fix(FixKind::MissingClose, start..self.at);
            }
            None => self.fix(FixKind::MissingClose, self.at..self.at),
        }
        Ok(Next::End(comma))
    }
}
