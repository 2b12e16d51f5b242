//! A backend as a generator: one thread owns it and runs the token loop.
//!
//! Engines keep pointers into their memory and are used from one thread; everyone else talks to that thread over
//! channels. Prompts are tokenized by the caller, so that a prompt that does not fit is refused at once. It must not
//! know which engine it runs.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use futures_core::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::backend::{Backend, Token};
use super::draft_model::DraftModel;
use super::early::Early;
use super::generator::{Chunk, Chunks, Generator, Job, ModelInfo};
use super::prefix::Prefixes;
use super::scheduler::Scheduler;
use super::vocab::Lexicon;
use super::words::Words;
use callwright_parse::chat::Prompt;
use callwright_parse::error::{Error, ErrorKind, Result};

/// A model that runs in this process.
#[derive(Debug)]
pub struct Local {
    model: ModelInfo,
    lexicon: Arc<Lexicon>,
    jobs: Option<mpsc::Sender<Order>>,
    /// Jobs that wait for a sequence.
    backlog: Arc<AtomicUsize>,
    closing: Arc<AtomicBool>,
    owner: Option<JoinHandle<()>>,
    /// Whether the beginnings of prompts are kept.
    keeps: bool,
}

/// What is known before a model is opened.
#[derive(Debug, Clone, Default)]
pub struct Beforehand {
    /// Where prompt prefixes are kept from run to run; nowhere if absent.
    pub prefixes: Option<Prefixes>,
    /// The words of the vocabulary as the model's file spells them, so that enforcing can be prepared while the model is
    /// loaded.
    pub words: Option<Words>,
}

/// The most jobs that may wait.
const BACKLOG: usize = 256;

/// A job on its way to the owner thread.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) job: Job,
    pub(crate) tokens: Vec<Token>,
    /// How many of them other conversations share.
    pub(crate) shared: usize,
    pub(crate) received: Instant,
    pub(crate) outlet: Outlet,
}

/// Where chunks go.
#[derive(Debug)]
pub(crate) struct Outlet {
    chunks: UnboundedSender<Result<Chunk>>,
    closing: Arc<AtomicBool>,
}

impl Outlet {
    /// Sends a chunk. If the caller is gone that is not an error: [`Outlet::is_gone`] tells before the next token.
    pub(crate) fn send(&self, chunk: Result<Chunk>) {
        drop(self.chunks.send(chunk));
    }

    /// Whether the caller is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.chunks.is_closed() || self.closing.load(Ordering::Relaxed)
    }
}

impl Local {
    /// Opens a backend on a thread of its own and waits until it is ready.
    pub fn open<F>(opener: F) -> Result<Self>
    where
        F: FnOnce() -> Result<Box<dyn Backend>> + Send + 'static,
    {
        Self::open_with(Beforehand::default(), || Ok((opener()?, None)))
    }

    /// The same with what is known beforehand, and with a draft model where there is one.
    pub fn open_with<F>(beforehand: Beforehand, opener: F) -> Result<Self>
    where
        F: FnOnce() -> Result<(Box<dyn Backend>, Option<DraftModel>)> + Send + 'static,
    {
        let Beforehand { prefixes, words } = beforehand;
        let keeps = prefixes.is_some();
        let (jobs, orders) = mpsc::channel::<Order>();
        let (ready, outcome) = mpsc::sync_channel(1);
        let backlog = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&backlog);
        let owner = thread::Builder::new().name("callwright-model".to_owned()).spawn(move || {
            let early = words.and_then(Early::begin);
            let (backend, draft_model) = match opener() {
                Ok(both) => both,
                Err(error) => {
                    drop(ready.send(Err(error)));
                    return;
                }
            };
            let lexicon = Arc::new(Lexicon::begun(backend.vocab(), early));
            let scheduler = Scheduler::new((backend, draft_model), Arc::clone(&lexicon), theirs, prefixes);
            if ready.send(Ok((scheduler.model(), lexicon))).is_ok() {
                scheduler.work(&orders);
            }
        });
        let trouble = |error| Error::new(ErrorKind::Backend, "cannot start a thread for the model").because(error);
        let owner = owner.map_err(trouble)?;
        let (model, lexicon) = outcome.recv().map_err(|_| died())??;
        warm(&lexicon);
        Ok(Self { model, lexicon, jobs: Some(jobs), backlog, closing: Arc::default(), owner: Some(owner), keeps })
    }
}

/// Builds what enforcing needs of the vocabulary while the caller prepares its first prompt.
fn warm(lexicon: &Arc<Lexicon>) {
    let lexicon = Arc::clone(lexicon);
    // Where no thread can be had, the first constraint builds it.
    drop(thread::Builder::new().name("callwright-vocab".to_owned()).spawn(move || lexicon.compiler().is_ok()));
}

fn died() -> Error {
    Error::new(ErrorKind::Backend, "the model's thread has ended")
        .hint("load the model again; `--verbose` shows the engine's log")
}

impl Generator for Local {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, prompt: &Prompt) -> Result<usize> {
        Ok(self.lexicon.prompt_tokens(prompt).len())
    }

    fn holds(&self) -> bool {
        true
    }

    fn generate(&self, job: Job) -> Result<Chunks> {
        let received = Instant::now();
        let tokens = self.lexicon.prompt_tokens(&job.prompt);
        let shared = if self.keeps { self.lexicon.shared_tokens(&job.prompt, &tokens) } else { 0 };
        let context = self.model.context_length;
        if tokens.is_empty() {
            return Err(Error::new(ErrorKind::Input, "the prompt is empty"));
        }
        if tokens.len() >= context {
            let message = format!("the prompt has {} tokens, but the context holds only {context}", tokens.len());
            let hint = "shorten the conversation, offer fewer tools, or raise the context length";
            return Err(Error::new(ErrorKind::ContextFull, message).hint(hint).about(&self.model.name));
        }
        if self.backlog.fetch_add(1, Ordering::Relaxed) >= BACKLOG {
            self.backlog.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{BACKLOG} jobs are already waiting for the model");
            return Err(Error::new(ErrorKind::Busy, message).hint("try again in a moment").about(&self.model.name));
        }
        let (chunks, incoming) = unbounded_channel();
        let outlet = Outlet { chunks, closing: Arc::clone(&self.closing) };
        let jobs = self.jobs.as_ref().ok_or_else(died)?;
        jobs.send(Order { job, tokens, shared, received, outlet }).map_err(|_| died())?;
        Ok(Box::pin(Incoming(incoming)))
    }
}

impl Drop for Local {
    /// Ends the job in hand and waits until the engine's memory is freed.
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(owner) = self.owner.take() {
            // A panic over there has nothing left to tell.
            drop(owner.join());
        }
    }
}

/// Chunks as a stream. At most as many as the job's tokens can wait in it, so it needs no other bound.
struct Incoming(UnboundedReceiver<Result<Chunk>>);

impl Stream for Incoming {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
