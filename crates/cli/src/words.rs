//! The words of a command line that asks something: which is the model and which the question, and what comes with it on
//! stdin.
//!
//! People write them in the order that other programs taught them, with or without quotes; what cannot be told apart is
//! refused with the line that was meant. It must not know what is done with the question.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use callwright_models::ModelName;
use callwright_parse::error::{Error, ErrorKind, Result};

use super::World;

/// What the words say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Words<'a> {
    /// Nothing was said.
    Nothing,
    /// Only a model was named.
    Model(&'a str),
    /// A question, for this model where one was named.
    Question(Option<&'a str>, &'a str),
}

impl<'a> Words<'a> {
    /// Tells model and question apart. `named`: the model is named elsewhere, so that a lone word is the question.
    pub(super) fn of(words: &'a [String], named: bool, command: &str, world: &World) -> Result<Self> {
        match words {
            [] => Ok(Self::Nothing),
            [only] if !named && is_model(only, world)? => Ok(Self::Model(only)),
            [question] => Ok(Self::Question(None, question)),
            [model, question] => {
                if is_plain(model) && world.settings.model(model).is_err() {
                    return Err(unquoted(words, command, world));
                }
                Ok(Self::Question(Some(model), question))
            }
            _ => Err(unquoted(words, command, world)),
        }
    }
}

/// Whether a lone word names a model rather than asks something.
fn is_model(text: &str, world: &World) -> Result<bool> {
    if text.contains(char::is_whitespace) {
        return Ok(false);
    }
    let gguf = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    match world.settings.model(text) {
        Ok(ModelName::Path(path)) if !gguf(&path) && path.is_file() => {
            Err(Error::new(ErrorKind::Input, format!("`{text}` is a file, and neither a model nor a question"))
                .hint(format!("to ask about it: callwright run 'Summarize this text.' < {text}")))
        }
        Ok(ModelName::Path(path)) => Ok(gguf(&path)),
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}

/// A word as it stands in sentences: no model's name has only letters, but for `embedded`.
fn is_plain(word: &str) -> bool {
    let word = word.trim_end_matches(['?', '!', ',', '.', '\'']);
    !word.is_empty() && word.chars().all(|c| c.is_alphabetic() || c == '\'')
}

/// A question whose words came one by one.
fn unquoted(words: &[String], command: &str, world: &World) -> Error {
    let (model, rest) = match words {
        [first, rest @ ..] if world.settings.model(first).is_ok() => (format!("{first} "), rest),
        _ => (String::new(), words),
    };
    let quote = |text: &str| text.replace('\'', r"'\''");
    Error::new(ErrorKind::Input, "a question of several words needs quotes")
        .hint(format!("callwright {command} {model}'{}'", quote(&rest.join(" "))))
}

/// The question with what was piped into the program: a single line continues it, a text stands below it.
pub(super) fn with_stdin(question: &str) -> Result<String> {
    if question == "-" {
        return piped().map(Option::unwrap_or_default);
    }
    Ok(match piped()?.filter(|text| !text.trim().is_empty()) {
        None => question.to_owned(),
        Some(text) if question.trim().is_empty() => text,
        Some(line) if !line.contains('\n') => format!("{question} {line}"),
        Some(text) => format!("{question}\n\n{text}"),
    })
}

/// What stdin holds; none where it is a terminal.
pub(super) fn piped() -> Result<Option<String>> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|cause| Error::new(ErrorKind::Input, "cannot read the question from stdin").because(cause))?;
    Ok(Some(text.trim_end().to_owned()))
}
