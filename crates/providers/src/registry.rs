//! The providers of one program, by name.
//!
//! The provider behind a name can be replaced while requests are running: a running request keeps the old one, the next
//! one gets the new one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::catalog::Unusable;
use super::raw::RawOnly;
use super::remote::Remote;
use super::{Catalog, Gate, Pool, Provider, ProviderRow};
use callwright_models::Secret;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Every provider that may be named. Names are the same in any case.
///
/// ```
/// use std::sync::Arc;
/// use callwright_providers::{Providers, ReplayProvider};
/// let registry = Providers::default();
/// registry.put("mine", Arc::new(ReplayProvider::new("mine").says("hello")));
/// assert_eq!(registry.get("Mine")?.info().name, "mine");
/// assert!(registry.get("yours").is_err());
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Default)]
pub struct Providers {
    known: RwLock<BTreeMap<String, Arc<dyn Provider>>>,
    /// Why there is none for a row.
    failed: RwLock<BTreeMap<String, Unusable>>,
    constructors: RwLock<BTreeMap<String, Constructor>>,
}

/// Makes a provider out of a row whose dialect it was registered for.
pub type Constructor = Arc<dyn Fn(Parts) -> Result<Arc<dyn Provider>> + Send + Sync>;

/// What a provider is made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Parts {
    /// Its row.
    pub row: Arc<ProviderRow>,
    /// Its key.
    pub key: Option<Secret>,
    /// The egress gate.
    pub gate: Arc<Gate>,
}

impl Parts {
    /// What the provider of this row is made of.
    #[must_use]
    pub fn new(row: Arc<ProviderRow>, key: Option<Secret>, gate: Arc<Gate>) -> Self {
        Self { row, key, gate }
    }
}

impl Providers {
    /// A provider for each row of a catalog. Nothing is contacted. `key_of` returns a row's key: the caller reads the
    /// environment and files. A row that none can be made of is an error for those who ask for it by name.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use callwright_providers::{Catalog, Gate, Providers};
    /// let registry = Providers::open(Catalog::builtin(), &|_row| Ok(None), &Arc::new(Gate::shut()))?;
    /// assert!(!registry.get("openai")?.info().has_key);
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn open(
        catalog: &Catalog,
        key_of: &dyn Fn(&ProviderRow) -> Result<Option<Secret>>,
        gate: &Arc<Gate>,
    ) -> Result<Self> {
        let registry = Self::default();
        registry.add(catalog, key_of, gate)?;
        Ok(registry)
    }

    /// Registers a provider for each row of a catalog under its name. Register constructors before.
    pub fn add(
        &self,
        catalog: &Catalog,
        key_of: &dyn Fn(&ProviderRow) -> Result<Option<Secret>>,
        gate: &Arc<Gate>,
    ) -> Result<()> {
        let (splits, rows): (Vec<_>, Vec<_>) = catalog.iter().partition(|row| !row.split.is_empty());
        for row in rows {
            let parts = Parts::new(Arc::clone(row), key_of(row)?, Arc::clone(gate));
            self.take(row, self.make(parts));
        }
        for row in splits {
            let member = |(name, weight): (&String, &u32)| Ok((self.get(name)?, *weight));
            let members = row.split.iter().map(member).collect::<Result<Vec<_>>>();
            let pool = members.and_then(|members| Pool::weighted(&row.name, members));
            self.take(row, pool.map(|pool| Arc::new(pool) as Arc<dyn Provider>));
        }
        Ok(())
    }

    fn take(&self, row: &ProviderRow, made: Result<Arc<dyn Provider>>) {
        match made {
            Ok(provider) => drop(self.put(&row.name, provider)),
            Err(error) => {
                let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
                failed.insert(row.name.to_lowercase(), Unusable::because(&error));
            }
        }
    }

    /// From now on, rows of this dialect are made by this constructor.
    pub fn register(&self, dialect: &str, constructor: Constructor) {
        self.constructors.write().unwrap_or_else(PoisonError::into_inner).insert(dialect.to_owned(), constructor);
    }

    /// Makes the provider of a row, without putting it under a name.
    pub fn make(&self, parts: Parts) -> Result<Arc<dyn Provider>> {
        if parts.row.raw.is_some() {
            return Ok(Arc::new(RawOnly::new(parts)?));
        }
        let constructors = self.constructors.read().unwrap_or_else(PoisonError::into_inner);
        match constructors.get(&parts.row.dialect) {
            Some(constructor) => constructor(parts),
            None => remote(&parts),
        }
    }

    /// The provider of this name.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Provider>> {
        let providers = self.known.read().unwrap_or_else(PoisonError::into_inner);
        providers.get(&name.to_lowercase()).cloned().ok_or_else(|| {
            let failed = self.failed.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(failed) = failed.get(&name.to_lowercase()) {
                return failed.error();
            }
            Error::new(ErrorKind::Config, format!("unknown provider `{name}`"))
                .hint("`callwright providers` lists known providers")
        })
    }

    /// Registers a provider under a name and returns the previous one. Running requests are not disturbed.
    pub fn put(&self, name: &str, provider: Arc<dyn Provider>) -> Option<Arc<dyn Provider>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_lowercase(), provider)
    }

    /// All names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

/// One provider for each address of a row; several stand behind the row's name together.
fn remote(parts: &Parts) -> Result<Arc<dyn Provider>> {
    let addresses = parts.row.addresses();
    let made = addresses.iter().map(|address| Ok(Arc::new(Remote::new(parts, address)?) as Arc<dyn Provider>));
    let mut remotes = made.collect::<Result<Vec<_>>>()?;
    match remotes.pop() {
        Some(only) if remotes.is_empty() => Ok(only),
        Some(last) => Ok(Arc::new(Pool::least_busy(&parts.row.name, remotes.into_iter().chain([last]).collect())?)),
        None => Err(Error::new(ErrorKind::Config, format!("the provider `{}` has no address", parts.row.name))),
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").field("names", &self.names()).finish_non_exhaustive()
    }
}
