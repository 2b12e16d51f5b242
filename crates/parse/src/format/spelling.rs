//! How a format spells what a decoding grammar of our own has to know: constants, and the markers inside a call.
//!
//! The shapes write their own values and the scanner knows its markers; here they are handed out, so that what is
//! enforced cannot drift from what is written and read. It knows no tool and no grammar language.

use serde_json::Value;

use super::Format;
use super::row::ShapeName;
use super::scan::{lead, varied};
use super::shapes::follows::tagged_leads;
use super::shapes::{call_expr, json_text};
use super::template::Field;
use super::write::between_tags;

impl Format {
    /// A constant as it stands in a call.
    #[must_use]
    pub fn constant(&self, value: &Value) -> String {
        let body = self.written();
        match (body.row.shape, &body.param) {
            (ShapeName::TaggedParams, Some(param)) => between_tags(body, param, value, self.row().json),
            (ShapeName::CallExpr, _) => {
                let mut text = String::new();
                call_expr::literal(body, value, &mut text);
                text
            }
            _ => json_text::text(value, self.row().json),
        }
    }

    /// What the reader of a tagged call looks for in a parameter's value.
    pub fn endings(&self) -> Endings {
        let (row, body) = (self.row(), self.written());
        let all = |texts: &[&str]| -> Vec<String> {
            let mut all: Vec<String> = texts.iter().flat_map(|text| varied(text.trim(), &row.variants)).collect();
            all.retain(|text| !text.is_empty());
            all.sort_unstable();
            all.dedup();
            all
        };
        let frames = [&row.section, &row.call];
        let mut endings: Vec<&str> = frames.iter().flat_map(|frame| [frame.open.as_str(), &frame.close]).collect();
        endings.extend(
            frames.iter().flat_map(|frame| frame.also_open.iter().chain(&frame.also_close)).map(String::as_str),
        );
        endings.extend(row.framing.iter().chain(&row.stop).map(String::as_str));
        endings.extend(row.channels.iter().flat_map(|own| own.open.iter().chain(&own.close)).map(String::as_str));
        let param = body.param.as_ref();
        let tails: Vec<&str> = body.templates().map(|template| template.closer(Field::Params)).collect();
        let begin: Vec<&str> = tagged_leads(self).collect();
        let own_line = |text: &str| text.ends_with('\n');
        let on_lines = own_line(&body.row.param.clone().unwrap_or_default())
            && body.item.before(Field::Params).last().is_some_and(|piece| own_line(piece.literal()));
        Endings {
            on_lines,
            calls: all(&begin),
            leads: all(&[param.map_or("", |param| lead(param.lead()))]),
            closes: all(&[param.map_or("", |param| param.closer(Field::Value))]),
            tails: all(&tails),
            markers: all(&endings),
        }
    }
}

/// The markers that mean something inside a tagged call, in all their spellings.
#[derive(Debug, Clone)]
pub struct Endings {
    /// What a parameter begins with.
    pub leads: Vec<String>,
    /// What a value ends with.
    pub closes: Vec<String>,
    /// What the call ends with.
    pub tails: Vec<String>,
    /// What ends any call.
    pub markers: Vec<String>,
    /// What another call begins with.
    pub calls: Vec<String>,
    /// Each parameter stands on a line of its own, and only such a one counts inside a value.
    pub on_lines: bool,
}
