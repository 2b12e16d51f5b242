//! How a call begins that no brace opens: with a literal, or with a name.

use super::super::item::{Item, Scene};
use super::super::row::ShapeName;
use super::super::scan::lead;
use super::super::shapes::named_json::HeadItem;
use super::super::shapes::named_text::TextItem;
use super::super::shapes::plain_text::PlainItem;
use super::{Ended, Region};
use crate::value;

impl Region {
    /// A call that begins with a literal or a name.
    pub(super) fn begin(&mut self, scene: &Scene<'_>) -> Option<Ended> {
        if let Some(named) = self.named.take() {
            self.item = Some(Item::Plain(PlainItem::new(self.at, named)));
            return None;
        }
        let rest = &scene.text[self.at..];
        for body in scene.format.bodies() {
            if body.row.shape == ShapeName::NamedText {
                self.item = Some(Item::Text(TextItem::new(self.at, body.index)));
                return None;
            }
            for template in body.templates() {
                let word = lead(template.lead());
                if word.is_empty() {
                    continue;
                }
                if rest.starts_with(word) {
                    self.item = Some(Item::Head(HeadItem::new(self.at, word.len())));
                    return None;
                }
                if !scene.at_end && word.starts_with(rest) {
                    return Some(Ended::Not);
                }
            }
        }
        if let Some(begun) = self.torn(scene) {
            return begun;
        }
        let named = scene.format.bodies().iter().any(|body| {
            body.row.shape != ShapeName::JsonCalls && body.templates().any(|template| lead(template.lead()).is_empty())
        });
        if named && value::name(scene.text, self.at).is_some() {
            self.item = Some(Item::Head(HeadItem::new(self.at, 0)));
            return None;
        }
        if named && rest.starts_with('`') {
            self.item = Some(Item::Head(HeadItem::quoted(self.at)));
            return None;
        }
        match self.broken(scene, self.at) {
            Some(true) => None,
            None => Some(Ended::Not),
            Some(false) => Some(if self.committed { self.over(self.at) } else { Ended::Text }),
        }
    }
}
