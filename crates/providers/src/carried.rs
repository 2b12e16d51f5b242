//! What a provider wants back verbatim: signed thoughts, encrypted reasoning, signatures of calls.
//!
//! Such things are bound to the provider and model that made them and mean nothing to anyone else, so they are no part of
//! a conversation: they are kept here, by the call that they came with, and given back only to where they came from. The
//! oldest are forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::audit::Line;
use callwright_parse::chat::Call;

/// The most calls whose belongings are kept.
const KEPT: usize = 1024;

/// What was given with calls, by provider's model and call.
#[derive(Debug, Default)]
pub(super) struct Carried {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_call: BTreeMap<String, Value>,
    order: VecDeque<String>,
}

impl Carried {
    /// Keeps what came with a call.
    pub(super) fn keep(&self, model: &str, call: &Call, value: Value) {
        let key = key(model, call);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_call.insert(key.clone(), value).is_none() {
            kept.order.push_back(key);
        }
        while kept.order.len() > KEPT {
            if let Some(oldest) = kept.order.pop_front() {
                kept.by_call.remove(&oldest);
            }
        }
    }

    /// What came with this call.
    pub(super) fn of(&self, model: &str, call: &Call) -> Option<Value> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).by_call.get(&key(model, call)).cloned()
    }
}

/// Ids alone are not unique where a provider gives none, so the call's whole content names it.
fn key(model: &str, call: &Call) -> String {
    let said = serde_json::json!([model, call.id, call.name, call.arguments]);
    Line::hash(said.to_string().as_bytes())
}
