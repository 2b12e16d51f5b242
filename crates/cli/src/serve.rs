//! `callwright serve`: one model behind the dialects that agents and SDKs speak.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_serve::{Script, Serve, Settings};
use tokio::net::TcpListener;

use super::model::ModelArgs;
use super::{Exit, World};

/// How long turns that run may go on once the server is told to end.
const GRACE: Duration = Duration::from_secs(20);

/// Serve a model to agents and SDKs, over the APIs of OpenAI, Anthropic and Ollama
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright serve smollm2:135m
  callwright serve qwen2.5:7b --port 9000 --context-length 32768
  callwright serve --host 0.0.0.0 --api-key \"$(cat key.txt)\" --host-name llm.example.org
  callwright serve --replay answers --format hermes

Point a client at http://127.0.0.1:8080/v1 (OpenAI: /chat/completions, /responses), at http://127.0.0.1:8080 (Anthropic:
/v1/messages; Ollama: /api/chat). GET /health, /metrics and /api/trace/ID say how it is and how a turn was read.

The server answers this machine only. To others it listens only with a key, and only under names that you give.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    #[arg(value_name = "MODEL")]
    name: Option<String>,
    /// The address to listen at; any but this machine's own needs --api-key
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port to listen at; 0 takes a free one
    #[arg(short, long, value_name = "PORT", default_value = "8080")]
    port: u16,
    /// The key that each request must bring
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// A name besides this machine's own that clients may reach the server by (repeatable)
    #[arg(long, value_name = "NAME")]
    host_name: Vec<String>,
    /// An origin whose web pages may ask, such as <https://app.example.org> (repeatable)
    #[arg(long, value_name = "ORIGIN")]
    origin: Vec<String>,
    /// Another name by which clients may ask for the model (repeatable)
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// How many turns are computed at once
    #[arg(long, value_name = "N", default_value = "4")]
    parallel: usize,
    /// How many more requests may wait; others are told to come again
    #[arg(long, value_name = "N", default_value = "64")]
    queue: usize,
    /// Keep no turn to be looked at
    #[arg(long)]
    no_trace: bool,
    /// Play a model named `replay` from this folder of answers, for tests of clients
    #[arg(long, value_name = "DIR", requires = "format", conflicts_with = "name")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let trouble = |cause| Error::new(ErrorKind::Io, "cannot start the runtime").because(cause);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(trouble)?;
    runtime.block_on(serve(args, world))
}

async fn serve(args: &Args, world: &World) -> Result<Exit> {
    let settings = settings(args, world)?;
    let listener = bind(SocketAddr::new(args.host, args.port)).await?;
    let address = listener.local_addr().unwrap_or(SocketAddr::new(args.host, args.port));
    let serve = Serve::new(settings);
    let (end, ends) = tokio::sync::oneshot::channel::<()>();
    let listening = serve.clone().listen(listener, async { drop(ends.await) });
    let mut server = tokio::spawn(listening);

    // It answers that it is loading meanwhile.
    let loaded = async {
        match &args.replay {
            Some(folder) => serve.play(script(folder, args).await?),
            None => serve.open(args.model.engine(args.name.as_deref(), world).await?),
        }
        Ok(())
    };
    tokio::select! {
        loaded = loaded => loaded?,
        () = told_to_end() => return Ok(Exit::Interrupted),
    }
    world.printer.note(&format!("serving {} at http://{address} (Ctrl-C ends it)", serve.name()));

    tokio::select! {
        over = &mut server => return ended(over.map_err(std::io::Error::other)),
        () = told_to_end() => drop(end),
    }
    world.printer.aside("ending: turns that run may finish; Ctrl-C again ends it at once");
    tokio::select! {
        over = tokio::time::timeout(GRACE, &mut server) => over.map_or(Ok(Exit::Done), |over| ended(over.map_err(std::io::Error::other))),
        () = told_to_end() => Ok(Exit::Interrupted),
    }
}

fn ended(over: std::io::Result<std::io::Result<()>>) -> Result<Exit> {
    over.and_then(|over| over)
        .map(|()| Exit::Done)
        .map_err(|cause| Error::new(ErrorKind::Io, "the server ended").because(cause))
}

fn settings(args: &Args, world: &World) -> Result<Settings> {
    if !args.host.is_loopback() && args.api_key.as_ref().is_none_or(String::is_empty) {
        let message = format!("at {} others could use the model without a key", args.host);
        return Err(Error::new(ErrorKind::Input, message).hint("add --api-key KEY, or listen at 127.0.0.1"));
    }
    let mut settings = Settings::default();
    settings.api_key.clone_from(&args.api_key);
    settings.hosts.clone_from(&args.host_name);
    if !args.host.is_unspecified() {
        settings.hosts.push(args.host.to_string());
    }
    settings.origins.clone_from(&args.origin);
    settings.aliases.clone_from(&args.alias);
    settings.parallel = args.parallel.max(1);
    settings.queue = args.queue;
    settings.overflow = world.settings.file.serve.overflow.into();
    if args.no_trace {
        settings.traces = 0;
    }
    Ok(settings)
}

async fn script(folder: &std::path::Path, args: &Args) -> Result<Script> {
    let (format, window) = args.model.played();
    Script::open(folder, format.unwrap_or("hermes"), window.unwrap_or(131_072)).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|cause| {
        let error = Error::new(ErrorKind::Io, format!("cannot listen at {address}")).because(cause);
        error.hint("another program may be using the port: name another one with --port")
    })
}

/// Waits for Ctrl-C or a polite kill.
fn told_to_end() -> impl Future<Output = ()> {
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    #[cfg(unix)]
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    async {
        tokio::select! {
            () = interrupted => {}
            () = terminated => {}
        }
    }
}
