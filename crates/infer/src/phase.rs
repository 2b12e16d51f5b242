//! What the output is in, and what a token means there.
//!
//! Free text, text watched for a call, reasoning, or a call held by a grammar: each phase takes the logits after the
//! last token, chooses, and says what the output is in next. It must not know backends, nor what calls look like.

use super::held::{Held, Taken};
use super::turn::ActiveJob;
use callwright_constrain::{Constraint, Matcher, Mode, Thinking, Watch};
use callwright_parse::chat::FinishReason;
use callwright_parse::error::Result;

/// What the output is in.
pub(super) enum Phase {
    /// Free text.
    Free,
    /// Text watched for the beginning of a call.
    Watched(Watch),
    /// Reasoning may begin.
    Opening,
    /// Reasoning, until this text.
    Thinking(String),
    /// A call.
    Held(Box<Held>),
}

/// What a step leads to.
pub(super) enum Next {
    Go(Phase),
    End(FinishReason),
}

impl ActiveJob {
    pub(super) fn first_phase(&mut self) -> Result<Phase> {
        let (Some(_), Some(constraint)) = (&self.grammar, &self.job.constraint) else { return Ok(Phase::Free) };
        let Mode::FromStart(thinking) = constraint.mode() else {
            return Ok(Phase::Watched(constraint.watch(0)));
        };
        if let Some(opened) = thinking.iter().find(|thinking| thinking.opened) {
            return Ok(Phase::Thinking(opened.close.clone()));
        }
        if thinking.iter().any(|thinking| self.knows(thinking)) {
            return Ok(Phase::Opening);
        }
        self.hold()
    }

    /// Holds the output to the grammar from here on.
    fn hold(&mut self) -> Result<Phase> {
        let (Some(grammar), Some(constraint)) = (&self.grammar, self.job.constraint.clone()) else {
            return Ok(Phase::Free);
        };
        let matcher = grammar.fork();
        Ok(Phase::Held(Box::new(Held::begin(self, matcher, &constraint)?)))
    }

    /// Models that reason have a token for the tag; others are not asked whether they would.
    fn knows(&self, thinking: &Thinking) -> bool {
        self.lexicon.vocab().tokenize(thinking.open.as_bytes(), true).len() == 1
    }

    /// Free text: anything goes, and stop texts end it.
    pub(super) fn free(&mut self, logits: &[f32]) -> Result<Next> {
        let token = self.choose(logits, None, &[])?;
        if self.ends_answer(token) {
            return Ok(Next::End(FinishReason::Stop));
        }
        self.append(token);
        Ok(self.after_free(None))
    }

    fn after_free(&mut self, hold_from: Option<usize>) -> Next {
        if let Some(at) = self.outbox.find_stop() {
            self.outbox.cut(at);
            return Next::End(FinishReason::Stop);
        }
        self.send(hold_from.unwrap_or(usize::MAX));
        Next::Go(Phase::Free)
    }

    pub(super) fn watched(&mut self, mut watch: Watch, logits: &[f32]) -> Result<Next> {
        let token = self.choose(logits, None, &[])?;
        if self.ends_answer(token) {
            return Ok(Next::End(FinishReason::Stop));
        }
        let before = self.outbox.text().len();
        self.append(token);
        let seen = watch.push(&self.outbox.text()[before..]);
        let grammar = self.grammar.as_ref().map(Matcher::fork).zip(seen.call_from);
        match (self.after_free(seen.held_from), grammar, self.job.constraint.clone()) {
            (Next::End(reason), ..) => Ok(Next::End(reason)),
            (_, Some((matcher, at)), Some(constraint)) => {
                let call = Held::from_text(self, &matcher, &constraint, at)?;
                self.send(usize::MAX);
                Ok(Next::Go(Phase::Held(Box::new(call))))
            }
            _ => Ok(Next::Go(Phase::Watched(watch))),
        }
    }

    /// Before a required call: the model may reason first, which its first tokens show.
    pub(super) fn opening(&mut self, logits: &[f32]) -> Result<Next> {
        let token = self.choose(logits, None, &[])?;
        let mut text = self.outbox.text().to_vec();
        text.extend(self.lexicon.vocab().piece(token));
        let opened = self.thinking_kinds().iter().find(|thinking| text.starts_with(thinking.open.as_bytes()));
        let close = opened.map(|thinking| thinking.close.clone());
        let may_open = self.thinking_kinds().iter().any(|thinking| thinking.open.as_bytes().starts_with(&text));
        if self.ends_answer(token) || self.is_short() || (close.is_none() && !may_open) {
            self.cut(0);
            return Ok(Next::Go(self.hold()?));
        }
        self.append(token);
        let Some(close) = close else { return Ok(Next::Go(Phase::Opening)) };
        self.send(usize::MAX);
        Ok(Next::Go(Phase::Thinking(close)))
    }

    fn thinking_kinds(&self) -> &[Thinking] {
        match self.job.constraint.as_ref().map(Constraint::mode) {
            Some(Mode::FromStart(thinking)) => thinking,
            _ => &[],
        }
    }

    /// Reasoning before a required call. It is ended where there would be no room for the call: then no logits are needed.
    pub(super) fn thinking(&mut self, close: String, logits: Option<&[f32]>) -> Result<Next> {
        let token = match logits {
            Some(logits) => Some(self.choose(logits, None, &[])?),
            None => None,
        };
        match token.filter(|token| !self.ends_answer(*token)) {
            Some(token) => self.append(token),
            None => self.append_text(&format!("\n{close}")),
        }
        self.outbox.skip_stops();
        self.send(usize::MAX);
        let text = self.outbox.text();
        let tail = &text[text.len().saturating_sub(close.len() + 32)..];
        let Some(at) = memchr::memmem::find(tail, close.as_bytes()) else {
            return Ok(Next::Go(Phase::Thinking(close)));
        };
        if at + close.len() == tail.len() {
            self.append_text("\n\n");
        }
        Ok(Next::Go(self.hold()?))
    }

    /// Whether what is left should be kept for the call.
    pub(super) fn is_short(&self) -> bool {
        self.left() <= (self.job.limits.max_tokens / 3).clamp(64, 512)
    }

    pub(super) fn held(&mut self, mut held: Box<Held>, logits: Option<&[f32]>) -> Result<Next> {
        let taken = match logits {
            Some(logits) => held.step(self, logits)?,
            None => Taken::Complete,
        };
        self.outbox.skip_stops();
        self.send(usize::MAX);
        match (taken, &self.job.constraint) {
            (Taken::Goes, _) => Ok(Next::Go(Phase::Held(held))),
            (Taken::Complete, Some(constraint)) if *constraint.mode() == Mode::Watch && constraint.parallel() => {
                Ok(Next::Go(Phase::Watched(constraint.watch(self.outbox.text().len()))))
            }
            (Taken::Complete | Taken::Ended, _) => Ok(Next::End(FinishReason::Stop)),
        }
    }
}
