//! callwright beside `tool-parser` and `dynamo-parsers`: one call with one long string argument, read whole and in
//! pieces of four bytes. `cd benches/peers && cargo run --release`.
//!
//! All read the same texts in one run, in turn, and what each read is compared with what was written, so that no time
//! is told for a call that was lost. callwright also checks the call against its tool's schema; the others do not.
//!
//! On two shared cores of a server, November 2026 (`tool-parser` 1.10, `dynamo-parsers` 11). On whole texts
//! `dynamo-parsers` is faster where the body is JSON, `tool-parser` in `mistral`; in pieces both are slower:
//!
//! | format | argument | how | callwright | tool-parser | dynamo-parsers | tool-parser / callwright | dynamo-parsers / callwright |
//! |---|---|---|---|---|---|---|---|
//! | hermes | 2000 B | whole | 10.9µs | 26.0µs | 1.8µs | 2.4 | 0.2 |
//! | hermes | 2000 B | 4 bytes | 83.9µs | 6.8ms | 245.4µs | 80.5 | 2.9 |
//! | hermes | 64000 B | whole | 248.5µs | 2.3ms | 26.0µs | 9.4 | 0.1 |
//! | hermes | 64000 B | 4 bytes | 1.6ms | 3.4s | 6.2ms | 2185.3 | 3.9 |
//! | mistral | 2000 B | whole | 11.4µs | 3.6µs | 3.4µs | 0.3 | 0.3 |
//! | mistral | 2000 B | 4 bytes | 35.6µs | 4.1ms | 128.0µs | 115.5 | 3.6 |
//! | mistral | 64000 B | whole | 232.4µs | 81.2µs | 56.7µs | 0.3 | 0.2 |
//! | mistral | 64000 B | 4 bytes | 1.5ms | 4.0s | 3.8ms | 2580.6 | 2.5 |
//! | pythonic | 2000 B | whole | 20.6µs | 99.3µs | 41.9µs | 4.8 | 2.0 |
//! | pythonic | 2000 B | 4 bytes | 36.8µs | 2.0ms | 2.9ms | 53.9 | 79.5 |
//! | pythonic | 64000 B | whole | 110.2µs | 898.9µs | 438.6µs | 8.2 | 4.0 |
//! | pythonic | 64000 B | 4 bytes | 436.0µs | 461.9ms | 932.2ms | 1059.4 | 2138.1 |

mod readers;

use std::fmt::Write;
use std::time::{Duration, Instant};

use readers::{Callwright, Dynamo, Reader, ToolParser};
use serde_json::{Value, json};

/// How long the argument is, in bytes.
const SIZES: [usize; 4] = [200, 2_000, 20_000, 64_000];

/// How often each is measured; the median is told.
const ROUNDS: usize = 5;

/// Texts are read again and again for so long, and at least once.
const AT_LEAST: Duration = Duration::from_millis(20);

/// A way to write a call.
struct Way {
    name: &'static str,
    write: fn(&Value) -> String,
}

const WAYS: [Way; 3] = [
    Way {
        name: "hermes",
        write: |arguments| {
            format!("<tool_call>\n{}\n</tool_call>", json!({"name": "write_file", "arguments": arguments}))
        },
    },
    Way {
        name: "mistral",
        write: |arguments| format!("[TOOL_CALLS] {}", json!([{"name": "write_file", "arguments": arguments}])),
    },
    Way {
        name: "pythonic",
        write: |arguments| format!("[write_file(path={}, text={})]", arguments["path"], arguments["text"]),
    },
];

fn main() {
    let mut table = String::from("| format | argument | how | ");
    let mut ruled = false;
    for way in &WAYS {
        let mut readers: Vec<Box<dyn Reader>> = vec![
            Box::new(Callwright::new(way.name)),
            Box::new(ToolParser::new(way.name)),
            Box::new(Dynamo::new(way.name)),
        ];
        if !ruled {
            let names: Vec<_> = readers.iter().map(|reader| reader.name()).collect();
            let against = names[1..].iter().map(|name| format!("{name} / {}", names[0]));
            let heads: Vec<String> = names.iter().map(|name| (*name).to_owned()).chain(against).collect();
            let _ = writeln!(table, "{} |\n|---|---|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
            ruled = true;
        }
        for size in SIZES {
            let line = "lorem ipsum dolor sit amet,\n".repeat(size / 28 + 1);
            let arguments = json!({"path": "/tmp/notes.txt", "text": line[..size]});
            let text = (way.write)(&arguments);
            for (how, pieces) in [("whole", vec![text.as_str()]), ("4 bytes", in_fours(&text))] {
                let times = compare(&mut readers, &pieces, &arguments);
                let _ = writeln!(table, "| {} | {size} B | {how} | {} |", way.name, row(&times));
                eprintln!("{} {size} {how}: {}", way.name, row(&times));
            }
        }
    }
    println!("{table}");
}

fn in_fours(text: &str) -> Vec<&str> {
    (0..text.len()).step_by(4).map(|at| &text[at..(at + 4).min(text.len())]).collect()
}

/// The median time of each reader, where it reads what was written.
fn compare(readers: &mut [Box<dyn Reader>], pieces: &[&str], arguments: &Value) -> Vec<Option<Duration>> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); readers.len()];
    let reads: Vec<bool> = readers.iter_mut().map(|reader| reader.read(pieces).as_ref() == Some(arguments)).collect();
    for _ in 0..ROUNDS {
        for ((reader, times), _) in readers.iter_mut().zip(&mut times).zip(&reads).filter(|(_, reads)| **reads) {
            let prepared = reader.prepare(pieces);
            let (mut spent, mut count) = (Duration::ZERO, 0);
            while spent < AT_LEAST {
                let input = prepared.again();
                let start = Instant::now();
                let read = reader.run(input);
                spent += start.elapsed();
                assert!(read, "{} read it before", reader.name());
                count += 1;
            }
            times.push(spent / count);
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times.get(times.len() / 2).copied()
    };
    times.into_iter().map(median).collect()
}

fn row(times: &[Option<Duration>]) -> String {
    let own = times.first().copied().flatten();
    let said = times.iter().map(|time| time.map_or("lost the call".to_owned(), |time| format!("{time:.1?}")));
    let ratios = times[1..].iter().map(|time| match (time, own) {
        (Some(time), Some(own)) => format!("{:.1}", time.as_secs_f64() / own.as_secs_f64()),
        _ => "-".to_owned(),
    });
    said.chain(ratios).collect::<Vec<_>>().join(" | ")
}
