//! What kind of place an address is: this machine, a private network, or one that nobody is ever sent to.
//!
//! Providers and the hub ask the same questions and have rules of their own about the answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a host is, where it is no name.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether a host is this machine by name or address.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    literal(host)
        .map_or(name == "localhost" || name.ends_with(".localhost"), |address| address.to_canonical().is_loopback())
}

/// Whether no server of ours can be there: link-local, metadata and multicast addresses.
#[must_use]
pub fn is_never(address: IpAddr) -> bool {
    // Metadata services that are not link-local: Alibaba's, and AWS's on IPv6.
    const METADATA: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];
    let address = address.to_canonical();
    let link_local = match address {
        IpAddr::V4(four) => four.is_link_local() || four.is_broadcast() || four.octets()[0] == 0,
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    link_local || address.is_unspecified() || address.is_multicast() || METADATA.contains(&address)
}

/// Whether an address is this machine's or a private network's.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        // 100.64.0.0/10 is shared address space: a carrier's or a tunnel's own network.
        IpAddr::V4(four) => {
            four.is_loopback() || four.is_private() || (four.octets()[0] == 100 && four.octets()[1] & 0xc0 == 64)
        }
        // 64:ff9b::/96 leads to any IPv4 address, private ones among them.
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unique_local() || six.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0]
        }
    }
}
