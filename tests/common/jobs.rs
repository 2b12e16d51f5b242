//! What several tests share: a model file, and a job run to its end.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use callwright::BackendName;
use callwright::Result;
use callwright::infer::{Backend, Chunk, Chunks, End, Generator, Job, Local};
#[cfg(feature = "candle")]
use callwright_candle::CandleSettings;
use futures_core::Stream;

/// The model that tests run on: CALLWRIGHT_TEST_MODEL, else the random one of the repository.
pub fn model_file() -> PathBuf {
    std::env::var_os("CALLWRIGHT_TEST_MODEL").map_or_else(|| "fixtures/models/random_llama.gguf".into(), PathBuf::from)
}

/// That model on each engine that is built in, on one thread: threads of tests that run side by side would wait for
/// each other.
pub fn models() -> Vec<Box<dyn Generator>> {
    let file = model_file();
    BackendName::built_in().iter().map(|backend| model(*backend, &file)).collect()
}

/// A model on an engine.
pub fn model(engine: BackendName, file: &Path) -> Box<dyn Generator> {
    let file = file.to_owned();
    Box::new(Local::open(move || Ok(backend(engine, &file))).expect("the model opens"))
}

/// A model on an engine, without the token loop.
#[cfg_attr(not(any(feature = "llama", feature = "candle")), expect(unused_variables, reason = "there is no engine"))]
pub fn backend(backend: BackendName, file: &Path) -> Box<dyn Backend> {
    let opened: Result<Box<dyn Backend>> = match backend {
        #[cfg(feature = "llama")]
        BackendName::Llama => callwright_llama::backend(file, &on_one_thread()),
        #[cfg(feature = "candle")]
        BackendName::Candle => callwright_candle::backend(file, &CandleSettings::default()),
        #[cfg(not(all(feature = "llama", feature = "candle")))]
        _ => Err(callwright::Error::new(callwright::ErrorKind::Backend, "it is not built in")),
    };
    opened.expect("the model opens")
}

#[cfg(feature = "llama")]
fn on_one_thread() -> callwright_llama::LlamaSettings {
    let mut settings = callwright_llama::LlamaSettings::default();
    settings.threads = Some(1);
    settings
}

/// The next chunk, waited for.
pub fn next(chunks: &mut Chunks) -> Option<Result<Chunk>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(poll_fn(|context| Pin::new(&mut *chunks).poll_next(context)))
}

/// All of a job's output, and its end.
pub fn collect(generator: &dyn Generator, job: Job) -> Result<(Vec<u8>, End)> {
    rest(&mut generator.generate(job)?)
}

/// What is still to come of a job, and its end.
pub fn rest(chunks: &mut Chunks) -> Result<(Vec<u8>, End)> {
    let mut text = Vec::new();
    loop {
        match next(chunks).expect("an end comes before the stream's end")? {
            Chunk::Text(bytes) => text.extend(bytes),
            Chunk::End(end) => return Ok((text, end)),
            Chunk::Prefill { .. } => {}
        }
    }
}
