//! Grammars that were written in this process.
//!
//! A conversation asks with the same tools turn after turn, and writing the grammar of hundreds takes a while: the last
//! ones are kept, and found again by what they were made of. It must not know vocabularies.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use callwright_parse::error::Result;
use callwright_parse::format::Format;

use super::compile::{Callable, Compiled, Plan, calls};
use super::constraint::Relaxation;
use super::gbnf::Gbnf;
use super::grammar::Grammar;

/// A grammar, and its texts as far as they were asked for.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) grammar: Grammar,
    /// What the grammar does not hold to.
    pub(super) told: Vec<Relaxation>,
    plain: OnceLock<String>,
    gbnf: OnceLock<Option<Gbnf>>,
}

/// What a grammar was made of.
struct Known {
    format: Arc<Format>,
    tools: Vec<Callable>,
    several: bool,
    following: bool,
    written: usize,
    answer: Option<Callable>,
    made: Arc<Written>,
}

/// Grammars that are kept.
const KEPT: usize = 16;

/// The last one used stands last.
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

impl Written {
    /// The grammar of these tools in this format, written if it is not known.
    pub(super) fn of(format: &Arc<Format>, plan: Plan<'_>, tools: &[Callable]) -> Result<Arc<Self>> {
        let Plan { several, following, written, answer, .. } = plan;
        let is = |known: &Known| {
            let same = (known.several, known.following, known.written) == (several, following, written);
            let alike = match (&known.answer, answer) {
                (Some(one), Some(other)) => one.is_like(other),
                (one, other) => one.is_none() && other.is_none(),
            };
            same && alike
                && Arc::ptr_eq(&known.format, format)
                && known.tools.len() == tools.len()
                && known.tools.iter().zip(tools).all(|(one, other)| one.is_like(other))
        };
        {
            // A thread that panicked while holding the lock left complete entries.
            let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = all.iter().position(is) {
                let known = all.remove(at);
                let made = Arc::clone(&known.made);
                all.push(known);
                return Ok(made);
            }
        }
        let Compiled { grammar, relaxed: told, .. } = calls(plan, tools)?;
        let made = Arc::new(Self { grammar, told, plain: OnceLock::new(), gbnf: OnceLock::new() });
        let (format, tools) = (Arc::clone(format), tools.to_vec());
        let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() == KEPT {
            all.remove(0);
        }
        all.push(Known {
            format,
            tools,
            several,
            following,
            written,
            answer: answer.cloned(),
            made: Arc::clone(&made),
        });
        Ok(made)
    }

    /// The grammar's text for a vocabulary without control tokens: what people are shown, and the key of caches.
    pub(super) fn plain(&self) -> &str {
        self.plain.get_or_init(|| self.grammar.plain())
    }

    /// The grammar for other engines, where there is one.
    pub(super) fn gbnf(&self) -> Option<&Gbnf> {
        self.gbnf.get_or_init(|| self.grammar.gbnf()).as_ref()
    }
}
