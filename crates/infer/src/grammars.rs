//! Compiled grammars, and those being compiled while a prompt is read.
//!
//! Compiling one takes milliseconds, callers keep to a few tool sets, and several of them may ask for the same one at
//! once: it is compiled once. It must not know tokens.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::vocab::Lexicon;
use callwright_constrain::{Constraint, Matcher};
use callwright_parse::error::{Error, ErrorKind, Result};

/// Grammars that are kept ready.
const READY: usize = 16;

/// Compiled grammars, by constraint.
#[derive(Debug, Default)]
pub(super) struct Grammars {
    /// The last one used stands last.
    ready: Vec<(Constraint, Matcher)>,
    compiling: Vec<(Constraint, JoinHandle<Result<Matcher>>)>,
}

impl Grammars {
    /// Begins to compile a grammar that is not there yet.
    pub(super) fn prepare(&mut self, constraint: &Constraint, lexicon: &Arc<Lexicon>) -> Result<()> {
        let same = |other: &Constraint| other.is_like(constraint);
        if self.ready.iter().any(|(other, _)| same(other)) || self.compiling.iter().any(|(other, _)| same(other)) {
            return Ok(());
        }
        let (wanted, lexicon) = (constraint.clone(), Arc::clone(lexicon));
        let compile = move || lexicon.matcher(&wanted);
        let started = thread::Builder::new().name("callwright-grammar".to_owned()).spawn(compile).map_err(|error| {
            Error::new(ErrorKind::Grammar, "cannot start a thread to compile the grammar").because(error)
        })?;
        self.compiling.push((constraint.clone(), started));
        Ok(())
    }

    /// A copy of a grammar, at its beginning; none while it is being compiled, unless `wait` says to wait for it.
    pub(super) fn take(
        &mut self,
        constraint: &Constraint,
        lexicon: &Arc<Lexicon>,
        wait: bool,
    ) -> Result<Option<Matcher>> {
        let same = |other: &Constraint| other.is_like(constraint);
        if let Some(at) = self.ready.iter().position(|(other, _)| same(other)) {
            let grammar = self.ready.remove(at);
            constraint.adopt(&grammar.0);
            let matcher = grammar.1.fork();
            self.ready.push(grammar);
            return Ok(Some(matcher));
        }
        // Where another caller's attempt failed, this one sees the failure by its own.
        self.prepare(constraint, lexicon)?;
        let compiling = self.compiling.iter().position(|(other, thread)| same(other) && (wait || thread.is_finished()));
        let Some(at) = compiling else { return Ok(None) };
        let (wanted, thread) = self.compiling.remove(at);
        let compiled = thread
            .join()
            .map_err(|_| Error::new(ErrorKind::Grammar, "the thread that compiled the grammar panicked"))??;
        constraint.adopt(&wanted);
        if self.ready.len() == READY {
            self.ready.remove(0);
        }
        let matcher = compiled.fork();
        self.ready.push((wanted, compiled));
        Ok(Some(matcher))
    }
}
