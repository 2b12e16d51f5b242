//! The providers of one program, by name.
//!
//! A name can be given another provider while requests are under way: whoever has one keeps it, and the next to ask
//! gets the new one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Provider;
use crate::error::{Error, ErrorKind, Result};

/// Every provider that may be named. Names are the same in any case.
///
/// ```
/// use std::sync::Arc;
/// use callwright::provider::{Registry, Replay};
/// let registry = Registry::default();
/// registry.put("mine", Arc::new(Replay::new("mine").says("hello")));
/// assert_eq!(registry.get("Mine")?.info().name, "mine");
/// assert!(registry.get("yours").is_err());
/// # Ok::<(), callwright::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Registry {
    providers: RwLock<BTreeMap<String, Arc<dyn Provider>>>,
}

impl Registry {
    /// The provider of this name.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Provider>> {
        let providers = self.providers.read().unwrap_or_else(PoisonError::into_inner);
        providers.get(&name.to_lowercase()).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("no provider is called `{name}`"))
                .hint("`callwright providers` lists those that are known")
        })
    }

    /// Puts a provider under a name and gives the one that had it. Requests under way are not disturbed.
    pub fn put(&self, name: &str, provider: Arc<dyn Provider>) -> Option<Arc<dyn Provider>> {
        self.providers.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_lowercase(), provider)
    }

    /// All names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.providers.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}
