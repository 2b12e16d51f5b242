//! TLS, which a build may leave out: its cryptography wants a C compiler.
//!
//! Without the feature `tls` only plain http is spoken, to servers on this machine or a trusted network; an https address is
//! refused before anything is sent. It must not know what is said over a connection.

use std::error::Error as StdError;

use callwright_parse::error::{Error, ErrorKind, Result};
use reqwest::Url;

/// Chooses the cryptography for the process, unless another part of the program has chosen already.
pub(super) fn provide() {
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Refuses an address that this build cannot speak to.
///
/// # Errors
///
/// `Config` for https in a build without TLS.
pub(super) fn require(url: &Url) -> Result<()> {
    if cfg!(feature = "tls") || url.scheme() != "https" {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("this build has no https support, which `{url}` needs"))
        .hint("build callwright with the feature `tls`, or use an http address on this machine"))
}

/// Whether an error is one of TLS: it comes wrapped in I/O errors, which hide it from the chain.
pub(super) fn is_error(error: &(dyn StdError + 'static)) -> bool {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    is_own(error) || inner.is_some_and(|inner| is_error(inner))
}

#[cfg(feature = "tls")]
fn is_own(error: &(dyn StdError + 'static)) -> bool {
    error.is::<rustls::Error>()
}

#[cfg(not(feature = "tls"))]
fn is_own(_: &(dyn StdError + 'static)) -> bool {
    false
}
