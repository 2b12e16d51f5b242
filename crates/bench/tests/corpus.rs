//! The laws of reading over the shared corpus of recorded outputs: nothing is lost, no cut matters, nothing is completed.
//! The scores are held by `tests/bench_corpus.rs`.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats, RECOGNISED};
use callwright_parse::read::Parsed;
use callwright_record::Records;
use callwright_test_support::cut::completed;
use callwright_test_support::reading::{auto, merge, parse_recovering, tiling};

/// A recorded output and the tools that were offered.
struct Output {
    name: String,
    text: String,
    tools: Arc<ToolSet>,
}

fn outputs() -> Option<Vec<Output>> {
    let shared = callwright_test_support::shared()?;
    let records = Records::read(&[shared.join("corpus/dev.jsonl.gz")]).unwrap();
    let mut known: HashMap<String, Arc<ToolSet>> = HashMap::new();
    let outputs = records.rows.into_iter().map(|row| {
        let recording = row.recording;
        let key = serde_json::to_string(&recording.tools).unwrap();
        let tools = known.entry(key).or_insert_with(|| Arc::new(ToolSet::compile(&recording.tools).unwrap()));
        Output { name: recording.id, text: recording.output, tools: Arc::clone(tools) }
    });
    Some(outputs.collect())
}

/// Runs a check on all outputs, on all cores; what it says is wrong is collected.
fn on_all(outputs: &[Output], check: impl Fn(usize, &Output) -> Option<String> + Sync) {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, output)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, outputs.get(index)?)))
                {
                    if let Some(said) = check(index, output) {
                        wrong.lock().unwrap().push(format!("{}: {said}\n{}", output.name, output.text));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} wrong, the first:\n{}", wrong.len(), wrong[0]);
}

/// The format that fits, and one that most likely does not: the laws hold for both.
fn formats(index: usize, output: &Output) -> [Arc<Format>; 2] {
    let detected = auto(&output.tools, &output.text).detected.unwrap();
    let name = if detected.score >= RECOGNISED { detected.format } else { "tool_use".to_owned() };
    let any = Formats::builtin().iter().nth(index % Formats::builtin().iter().count()).unwrap();
    [Formats::builtin().get(&name).unwrap(), Arc::clone(any)]
}

fn cut(format: &Arc<Format>, output: &Output, chunks: &mut dyn Iterator<Item = &[u8]>) -> Parsed {
    let mut parser = callwright_parse::read::Parser::new(Arc::clone(format), Arc::clone(&output.tools)).recovering();
    let mut events: Vec<_> = chunks.flat_map(|chunk| parser.push(chunk)).collect();
    let mut parsed = parser.finish();
    events.append(&mut parsed.events);
    parsed.events = merge(events);
    parsed
}

#[test]
fn laws_1_and_2_hold_over_the_corpus() {
    let Some(outputs) = outputs() else { return };
    on_all(&outputs, |index, output| {
        let [fitting, any] = formats(index, output);
        let bytes = output.text.as_bytes();
        for format in [&fitting, &any] {
            let whole = parse_recovering(format, &output.tools, &output.text);
            if let Some(said) = tiling(&whole).or_else(|| (whole.raw != output.text).then(|| "other text".to_owned())) {
                return Some(format!("{}: {said}", format.name()));
            }
            // Cuts of many sizes, another sequence for each output.
            let mut rest = bytes;
            let mut chunks = std::iter::from_fn({
                let mut state = index as u64 * 2 + 1;
                move || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let size = usize::try_from(state >> 33).unwrap() % 13 + 1;
                    let (chunk, left) = rest.split_at(size.min(rest.len()));
                    rest = left;
                    (!chunk.is_empty()).then_some(chunk)
                }
            });
            if cut(format, output, &mut chunks) != whole {
                return Some(format!("{}: cut at random", format.name()));
            }
        }
        if bytes.len() < 400 {
            let whole = parse_recovering(&fitting, &output.tools, &output.text);
            for at in 0..=bytes.len() {
                let (left, right) = bytes.split_at(at);
                if cut(&fitting, output, &mut [left, right].into_iter()) != whole {
                    return Some(format!("{}: cut at {at}", fitting.name()));
                }
            }
        }
        None
    });
}

#[test]
fn law_8_holds_for_every_beginning_of_500_outputs() {
    let Some(mut outputs) = outputs() else { return };
    let every = outputs.len() / 500;
    outputs = outputs.into_iter().step_by(every).take(500).collect();
    on_all(&outputs, |_, output| {
        let [fitting, _] = formats(0, output);
        let (whole, decided) =
            (parse_recovering(&fitting, &output.tools, &output.text), auto(&output.tools, &output.text));
        let beginnings = (1..output.text.len().min(600)).filter(|at| output.text.is_char_boundary(*at));
        beginnings.map(|at| &output.text[..at]).find_map(|part| {
            let read = parse_recovering(&fitting, &output.tools, part);
            let mut said = completed(&read, &whole).map(|call| format!("{part:?} gives {call:?}"));
            // What decides by the text costs more, so it is asked now and then.
            if part.len() % 16 == 0 {
                let read = auto(&output.tools, part);
                said = said.or_else(|| completed(&read, &decided).map(|call| format!("auto: {part:?} gives {call:?}")));
            }
            said
        })
    });
}
