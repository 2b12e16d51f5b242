//! How much memory a program may still take on this machine.
//!
//! What the kernel holds to be available, or less where a container has a limit. Only Linux tells it in files; on other
//! systems it is unknown, and nothing is refused for it.

use std::fs;

/// The available memory, in bytes, where the system reports it.
#[must_use]
pub fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| from_meminfo(&text))?;
    let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    let number = |name: &str| read(name).and_then(|text| text.trim().parse::<u64>().ok());
    // `max` is no number, so a group without a limit has none here.
    let group = number("memory.max").map(|limit| limit.saturating_sub(number("memory.current").unwrap_or(0)));
    // Pages of files count as used by the group and are given back when needed.
    let pages = read("memory.stat").and_then(|text| field(&text, "inactive_file ")).unwrap_or(0);
    Some(group.map_or(machine, |group| machine.min(group.saturating_add(pages))))
}

fn from_meminfo(text: &str) -> Option<u64> {
    field(text, "MemAvailable:").and_then(|kib| kib.checked_mul(1024))
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       16384000 kB\nMemFree:  100 kB\nMemAvailable:    8192000 kB\n";
        assert_eq!(from_meminfo(text), Some(8_192_000 * 1024));
        assert_eq!(from_meminfo("MemTotal: 1 kB"), None);
    }
}
