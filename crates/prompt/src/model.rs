//! The prompter of a model file: its template and tokens from the header, its format from the row or found out.

use super::detect::Detection;
use super::prompter::Prompter;
use super::template::{Template, TemplateTokens};
use callwright_models::gguf::{Header, Special, SpecialKind};
use callwright_models::{ModelRow, PromptStyle};
use callwright_parse::chat::Specials;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::Formats;

/// A format found for a template counts from this score on; below, calls are asked for in words.
const GOOD: f64 = 0.75;

impl Prompter {
    /// The prompter for a model file with this header. The format is the one that is named, else the row's, else the
    /// one that reads what the model's template writes, else `tool_use`, told in words.
    pub fn of_model(header: &Header, row: Option<&ModelRow>, formats: &Formats, named: Option<&str>) -> Result<Self> {
        let source = header.chat_template.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Template, "the model's file carries no chat template")
                .hint("use a file of an instruct or chat model")
        })?;
        let template = Template::compile(source, tokens(header))?;
        let specials = specials(header);
        let Some(row) = row else {
            let texts: Vec<String> = specials.texts().map(str::to_owned).collect();
            return Ok(Self::found(template, formats, named, &texts)?.specials(specials));
        };
        let format = formats.get(named.unwrap_or(&row.format))?;
        Self::new(template, format, row.prompt.clone(), specials)
    }

    /// The prompter for a template alone.
    pub fn of_template(template: Template, formats: &Formats, named: Option<&str>) -> Result<Self> {
        Self::found(template, formats, named, &[])
    }

    fn found(template: Template, formats: &Formats, named: Option<&str>, tokens: &[String]) -> Result<Self> {
        let name = match named {
            Some(name) => Some(name.to_owned()),
            None => found(&template.detect(formats, tokens)),
        };
        let style = match name {
            Some(_) => PromptStyle::Native,
            None => PromptStyle::Prompted("tool_use".to_owned()),
        };
        Self::new(template, formats.get(name.as_deref().unwrap_or("tool_use"))?, style, Specials::default())
    }
}

/// The format of a detection that is good enough to be used.
fn found(detection: &Detection) -> Option<String> {
    let by_marker = detection.probes == 0;
    detection.format.clone().filter(|_| by_marker || detection.score >= GOOD)
}

fn tokens(header: &Header) -> TemplateTokens {
    let text = |special: &Option<Special>| special.as_ref().map(|special| special.text.clone()).unwrap_or_default();
    TemplateTokens { bos: text(&header.vocab.bos), eos: text(&header.vocab.eos) }
}

/// What the file says that its tokenizer reads as one token. Whoever runs the model asks its own vocabulary.
fn specials(header: &Header) -> Specials {
    let vocab = &header.vocab;
    let listed = vocab.specials.iter().chain(&vocab.unknown).chain(&vocab.eos).chain(&vocab.eot).chain(&vocab.eom);
    Specials::new(listed.map(|special| (special.text.clone(), special.kind == SpecialKind::UserDefined)))
}
