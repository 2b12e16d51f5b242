//! Which addresses may be contacted, by rules that hold for every provider.
//!
//! A name is resolved here and the connection is made to the very address that was checked, so that a name cannot mean
//! one thing to the check and another to the socket. Link-local addresses, among them every cloud's metadata service,
//! are refused always.

use std::net::{IpAddr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Kind;
use callwright_models::address::{is_loopback, is_never, is_private, literal};

/// Which addresses a provider may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine, private networks and the world.
    Near,
    /// Public addresses only: a cloud's host name that resolves into the private network is an attack.
    Far,
}

impl From<Kind> for Reach {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Cloud => Self::Far,
            Kind::Local | Kind::Hybrid => Self::Near,
        }
    }
}

/// A host name cannot be resolved.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("cannot resolve its host name")]
pub(super) struct Unknown;

/// Why an address is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

impl Reach {
    /// Refuses what is not a valid address for a provider: a scheme that is not HTTP, plain HTTP beyond this machine
    /// unless the settings allow it, a user in the address, a literal address out of reach.
    pub(super) fn check(self, url: &Url, plain_http: bool) -> Result<(), Refused> {
        let refuse = |why: &str| Err(Refused(format!("invalid provider address: {why}")));
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return refuse("it has no host") };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it contains a user name or password");
        }
        match url.scheme() {
            "https" => {}
            "http" if plain_http || is_loopback(host) => {}
            "http" => return refuse("plain http is allowed only to this machine, unless you set `allow_http = true`"),
            scheme => return refuse(&format!("`{scheme}` is not http or https")),
        }
        match literal(host) {
            Some(address) => self.admit(address),
            None if self == Self::Far && is_loopback(host) => {
                refuse("a provider with `kind = \"cloud\"` cannot be on this machine")
            }
            None => Ok(()),
        }
    }

    /// Refuses addresses out of reach.
    pub(super) fn admit(self, address: IpAddr) -> Result<(), Refused> {
        let address = address.to_canonical();
        let refuse = |why: &str| Err(Refused(format!("address {address} is not allowed: {why}")));
        if is_never(address) {
            return refuse("link-local, metadata and multicast addresses are never providers");
        }
        if self == Self::Far && is_private(address) {
            return refuse(
                "the host of a cloud provider resolves to a private network; `kind = \"local\"` allows that",
            );
        }
        Ok(())
    }
}

/// Resolves names and returns only addresses that may be contacted.
impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Unknown)?;
            let (mut admitted, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                match reach.admit(address.ip()) {
                    Ok(()) => admitted.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if admitted.is_empty() => Err(why.into()),
                _ => Ok(Box::new(admitted.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_contacted() {
        let check = |reach: Reach, url: &str, plain| reach.check(&url.parse().unwrap(), plain).is_ok();
        for url in ["https://api.example.com/v1", "https://8.8.8.8", "https://[2606:4700::1]/"] {
            assert!(check(Reach::Far, url, false), "{url}");
        }
        for url in [
            "http://api.example.com",
            "https://127.0.0.1",
            "https://localhost",
            "https://10.0.0.1",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://100.64.1.1",
            "https://169.254.169.254/latest",
            "https://user:word@api.example.com",
            "ftp://api.example.com",
            "https://2130706433/",
            "https://[64:ff9b::7f00:1]",
        ] {
            assert!(!check(Reach::Far, url, false), "{url}");
        }
        for url in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", "https://10.0.0.1"] {
            assert!(check(Reach::Near, url, false), "{url}");
        }
        for url in ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://0.0.0.0:80", "http://[fe80::1]"] {
            assert!(!check(Reach::Near, url, true), "{url}");
        }
        assert!(!check(Reach::Near, "http://10.0.0.1", false) && check(Reach::Near, "http://10.0.0.1", true));
    }
}
