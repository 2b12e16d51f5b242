//! callwright over HTTP: one local engine behind the dialects that agents and SDKs speak.
//!
//! ```text
//! body ──► surface::read ──► Running ──► Events ──► Parts ──► surface::part ──► frames
//!          (one dialect)     (a seat)    (engine)   (certain)  (one dialect)
//! ```
//!
//! A surface is one file of pure translation; no surface knows another. Policy (what is enforced, who is asked) is the
//! engine's. It reads no environment and no settings file, and prints nothing.
//!
//! # Nesting it in an app
//!
//! ```
//! use callwright_serve::{Serve, Settings};
//!
//! let serve = Serve::new(Settings::default());
//! let app: axum::Router = axum::Router::new().nest("/llm", serve.router());
//! // Once an engine is loaded: serve.open(engine);
//! ```

mod doorway;
mod guard;
mod http;
mod ids;
mod listed;
mod metrics;
mod model;
mod news;
mod operations;
mod parts;
mod running;
mod script;
mod server;
mod settings;
mod surface;
mod trace;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use callwright::Engine;
use tokio::net::TcpListener;

use doorway::Doorway;
use model::Model;
pub use script::Script;
use server::Server;
pub use settings::Settings;
use surface::Surface;
use surface::chat::Chat;
use surface::messages::{self, Messages};
use surface::ollama::{self, Ollama};
use surface::responses::{self, Responses};

/// A server. Cloning it shares it.
#[derive(Debug, Clone)]
pub struct Serve {
    server: Arc<Server>,
}

impl Serve {
    /// A server that answers 503 until a model is put into it.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { server: Arc::new(Server::new(settings)) }
    }

    /// Puts the loaded model in its place; the first one stays.
    pub fn open(&self, engine: Engine) {
        self.server.open(Model::Engine(engine));
    }

    /// Answers from files in the place of a model.
    pub fn play(&self, script: Script) {
        self.server.open(Model::Script(script));
    }

    /// The name of the model that is served; empty while none is loaded.
    #[must_use]
    pub fn name(&self) -> &str {
        self.server.model().map_or("", Model::name)
    }

    /// All addresses, for an app to nest.
    pub fn router(&self) -> Router {
        let server = &self.server;
        let openai = Router::new()
            .route("/v1/chat/completions", post(http::answer::<Chat>))
            .route("/chat/completions", post(http::answer::<Chat>));
        guarded::<Chat>(server, openai)
            .merge(guarded::<Chat>(server, operations::routes()))
            .merge(guarded::<Chat>(server, listed::openai()))
            .merge(guarded::<Responses>(server, responses::routes()))
            .merge(guarded::<Messages>(server, messages::routes()))
            .merge(guarded::<Ollama<ollama::Chat>>(server, ollama::routes()))
            .fallback(operations::unknown)
            .with_state(Arc::clone(server))
    }

    /// Serves until `shutdown` is over: then no request is taken any more, and turns that run may end.
    pub async fn listen(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let server = Arc::clone(&self.server);
        let shutdown = async move {
            shutdown.await;
            server.end();
        };
        let listener = Doorway::new(listener, self.server.settings.max_connections);
        axum::serve(listener, self.router()).with_graceful_shutdown(shutdown).await
    }
}

/// Routes of a surface, with its guard before them.
fn guarded<S: Surface>(server: &Arc<Server>, routes: Router<Arc<Server>>) -> Router<Arc<Server>> {
    routes
        .method_not_allowed_fallback(operations::method::<S>)
        .layer(from_fn_with_state(Arc::clone(server), guard::guard::<S>))
}
