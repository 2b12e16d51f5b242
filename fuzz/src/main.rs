//! `drive TARGET SECONDS [SEED]`: runs a target over mutated seeds with a stable compiler. It is no match for
//! libFuzzer, which sees coverage, but needs nothing but this package. A crash leaves its input beside it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// No run may take longer: the work is linear.
const TOO_LONG: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(seconds)) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok())) else {
        eprintln!("drive TARGET SECONDS [SEED], the targets being parser, values, schema and gguf");
        return ExitCode::from(2);
    };
    let Some(target) = callwright_fuzz::target(&name) else {
        eprintln!("no target is called `{name}`");
        return ExitCode::from(2);
    };
    let mut chance = Chance(arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1) * 2 + 1);
    let seeds = seeds(&name);
    let (started, mut runs, mut slowest) = (Instant::now(), 0_u64, Duration::ZERO);
    let last = PathBuf::from(format!("target/drive-{name}.last"));
    while started.elapsed() < Duration::from_secs(seconds) {
        let input = mutate(&seeds, &mut chance);
        let run = Instant::now();
        if std::panic::catch_unwind(|| target(&input)).is_err() || run.elapsed() > TOO_LONG {
            let _ = std::fs::write(&last, &input);
            eprintln!("{name}: run {runs} went wrong after {:?}; its input is in {}", run.elapsed(), last.display());
            return ExitCode::FAILURE;
        }
        (runs, slowest) = (runs + 1, slowest.max(run.elapsed()));
    }
    println!(
        "{name}: {runs} runs of {} seeds in {seconds} s, none went wrong, the slowest took {slowest:?}",
        seeds.len()
    );
    ExitCode::SUCCESS
}

/// What the inputs are made of: the fixtures, and what belongs to the target.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    let folders = if name == "gguf" { vec!["fixtures/models"] } else { vec!["fixtures", "grammars"] };
    folders.into_iter().for_each(|folder| gather(&root.join(folder), &mut files));
    let mut seeds: Vec<Vec<u8>> = files.iter().filter_map(|file| std::fs::read(file).ok()).collect();
    seeds.retain(|seed| seed.len() < 200_000);
    if name == "schema" {
        seeds = SCHEMAS.iter().map(|text| text.replace('|', "\0").into_bytes()).collect();
    }
    if name == "gguf" {
        seeds.push(
            b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0name\x08\0\0\0\x01\0\0\0\0\0\0\0x"
                .to_vec(),
        );
    }
    seeds
}

const SCHEMAS: [&str; 6] = [
    r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"array","items":{"type":"string"}}},"required":["a"]}|{"a":"5","b":"x"}"#,
    r##"{"$defs":{"t":{"properties":{"next":{"$ref":"#/$defs/t"}}}},"properties":{"a":{"$ref":"#/$defs/t"}}}|{"a":{"next":{"next":null}}}"##,
    r#"{"properties":{"a":{"anyOf":[{"type":"number"},{"type":"null"},{"enum":["x","y"]}]},"b":{"type":"tuple"}}}|{"a":"1.50","b":"(1, 2)"}"#,
    r#"{"type":"dict","properties":{"a":{"type":"float","nullable":true},"b":{"type":"any"}},"additionalProperties":false}|{"A":1,"c":2}"#,
    r#"{"properties":{"a":{"type":"string","pattern":"^[a-z]+(b|c)*$","minLength":1},"b":{"const":1}}}|{"a":"abc","b":1}"#,
    r#"{"allOf":[{"properties":{"a":{"type":["integer","string"]}}},{"required":["a"]}]}|{"arguments":{"a":"007"}}"#,
];

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { gather(&path, files) } else { files.push(path) }
    }
}

/// Parts of seeds, with bytes changed, repeated and left out.
fn mutate(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input: Vec<u8> = (0..3).map(|_| chance.byte()).collect();
    for _ in 0..=chance.below(3) {
        let seed = &seeds[chance.below(seeds.len())];
        let from = if chance.below(2) == 0 { 0 } else { chance.below(seed.len().max(1)) };
        let to = if chance.below(2) == 0 { seed.len() } else { from + chance.below(seed.len() - from + 1) };
        input.extend(&seed[from..to]);
    }
    if chance.below(3) > 0 {
        // The first bytes choose the format; a header begins with its own.
        input.drain(..3);
    }
    for _ in 0..chance.below(8) {
        let at = chance.below(input.len().max(1));
        match chance.below(5) {
            0 if at < input.len() => input[at] = chance.byte(),
            1 if at < input.len() => drop(input.remove(at)),
            2 => {
                const MARKS: &[u8] = b"\"'{}[]()<>,:;=\\`\n /|#*\0\xff";
                input.insert(at.min(input.len()), MARKS[chance.below(MARKS.len())]);
            }
            3 => {
                let to = (at + 1 + chance.below(16)).min(input.len());
                let piece = input[at.min(to)..to].repeat(chance.below(40));
                let at = at.min(input.len());
                input.splice(at..at, piece);
            }
            _ => input.truncate(input.len() - chance.below(input.len() / 4 + 1)),
        }
    }
    input
}

/// Xorshift: the same seed gives the same inputs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}
