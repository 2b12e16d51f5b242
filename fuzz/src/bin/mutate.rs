//! A fuzzer for machines without a nightly toolchain: changes seeds at random and runs a target on them.
//!
//! It sees no coverage, so it finds less than libFuzzer, and finds it later. What breaks a law is made smaller and
//! written to `fuzz/artifacts/<target>/`. `mutate TARGET SECONDS [SEED]`; `mutate TARGET FILE` runs one file.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use callwright_fuzz::targets::{ALL, LONGEST, seeds};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some((name, target)), Some(what)) =
        (arguments.first().and_then(|name| ALL.into_iter().find(|(known, _)| known == name)), arguments.get(1))
    else {
        eprintln!(
            "mutate TARGET SECONDS [SEED] | mutate TARGET FILE; targets: {}",
            ALL.map(|(name, _)| name).join(" ")
        );
        return ExitCode::from(2);
    };
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(seconds) = what.parse() else {
        return match fs::read(what) {
            Ok(bytes) => {
                target(&bytes);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{what}: {error}");
                ExitCode::from(2)
            }
        };
    };
    let mut pool = seeds::of(name, &own.join(".."));
    let mut dice = Dice(arguments.get(2).and_then(|seed| seed.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15) | 1);
    let (start, mut runs) = (Instant::now(), 0_u64);
    let breaks = |bytes: &[u8]| catch_unwind(|| target(bytes)).is_err();
    for seed in &pool {
        runs += 1;
        if breaks(seed) {
            return report(own, name, seed, &breaks);
        }
    }
    while start.elapsed() < Duration::from_secs(seconds) {
        let bytes = dice.mutate(&pool);
        runs += 1;
        if breaks(&bytes) {
            return report(own, name, &bytes, &breaks);
        }
        // Some go back into the pool, so that changes add up.
        if dice.throw(50) == 0 && pool.len() < 20_000 {
            pool.push(bytes);
        }
    }
    println!("{name}: {runs} runs in {:.0} s, no law broken", start.elapsed().as_secs_f64());
    ExitCode::SUCCESS
}

/// Makes the input smaller as long as it breaks the law, and writes it.
fn report(own: &Path, name: &str, bytes: &[u8], breaks: &dyn Fn(&[u8]) -> bool) -> ExitCode {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut least, mut size) = (bytes.to_vec(), bytes.len() / 2);
    let stop = Instant::now() + Duration::from_secs(60);
    while size > 0 && Instant::now() < stop {
        let mut at = 0;
        while at < least.len() && Instant::now() < stop {
            let mut less = least.clone();
            less.drain(at..(at + size).min(least.len()));
            if breaks(&less) { least = less } else { at += size }
        }
        size /= 2;
    }
    let folder = own.join("artifacts").join(name);
    let file = folder.join(format!("crash-{}", least.len()));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, &least));
    println!("{name}: a law is broken by {:?}", String::from_utf8_lossy(&least));
    println!("{}: {written:?}", file.display());
    ExitCode::FAILURE
}

/// Random numbers, and changes by them.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap_or_default()
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.throw(bytes.len() + 1);
        let longest = if self.throw(4) == 0 { bytes.len() } else { 24 };
        start..(start + self.throw(longest + 1)).min(bytes.len())
    }

    fn mutate(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = pool[self.throw(pool.len())].clone();
        for _ in 0..=self.throw(6) {
            let range = self.range(&bytes);
            match self.throw(8) {
                0 => drop(bytes.drain(range)),
                1 => {
                    let copy = bytes[range].to_vec();
                    let at = self.throw(bytes.len() + 1);
                    drop(bytes.splice(at..at, copy));
                }
                2 => {
                    let copy = bytes[range.clone()].repeat(2 + self.throw(40));
                    drop(bytes.splice(range, copy));
                }
                3 | 4 => {
                    let other = &pool[self.throw(pool.len())];
                    let part = self.range(other);
                    drop(bytes.splice(range, other[part].to_vec()));
                }
                5 => {
                    let odd = b"\"'\\{}[](),:=<>|`\n \0\xff\xc3\xe2\xf01-.eE$#/*_;&";
                    let byte = odd[self.throw(odd.len())];
                    bytes.insert(range.start, byte);
                }
                6 => bytes.truncate(range.start.max(4)),
                _ => {
                    if let Some(byte) = bytes.get_mut(range.start) {
                        *byte = u8::try_from(self.throw(256)).unwrap_or_default();
                    }
                }
            }
        }
        bytes.truncate(LONGEST);
        bytes
    }
}
