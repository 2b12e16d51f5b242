//! Over the shared corpus: our verdict is the leaderboard's for every single row, and the bars of the issue are met.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::HashMap;
use std::process::Command;

use common::Home;
use serde_json::Value;

/// Prints, for each row of a corpus in Python's languages, whether the corpus's own checker passes its prediction.
const CHECK: &str = r#"
import gzip, json, sys
sys.path.insert(0, sys.argv[1])
from check import score_row
predicted = {}
for line in open(sys.argv[3]):
    row = json.loads(line)
    predicted[row["model"], row["category"], row["id"]] = row["calls"]
for line in gzip.open(sys.argv[2], "rt"):
    row = json.loads(line)
    if row["category"] not in ("java", "javascript"):
        key = [row["model"], row["category"], row["id"]]
        print(json.dumps([key, bool(score_row(row, predicted[tuple(key)])[0])]))
"#;

#[test]
fn every_verdict_is_the_leaderboard_s() {
    let Some(shared) = common::shared() else { return };
    let corpus = shared.join("corpus/dev.jsonl.gz");
    let home = Home::new();
    let predictions = home.path().join("predictions.jsonl");
    let bench = home
        .callwright()
        .args(["bench", "parse", "--json", "--predictions"])
        .args([&predictions, &corpus])
        .output()
        .unwrap();
    assert!(bench.status.success(), "{}", String::from_utf8_lossy(&bench.stderr));
    let report: Value = serde_json::from_slice(&bench.stdout).unwrap();
    let verdicts: HashMap<String, bool> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| {
            let key = serde_json::json!([case["model"], case["category"], case["id"]]);
            let right = case["outcome"] == "strict" || case["outcome"] == "repaired";
            (key.to_string(), right)
        })
        .collect();
    assert_eq!(verdicts.len(), 18_070);

    let script = home.path().join("verdicts.py");
    std::fs::write(&script, CHECK).unwrap();
    let theirs =
        Command::new("python3").arg(script).args([&shared.join("corpus"), &corpus, &predictions]).output().unwrap();
    assert!(theirs.status.success(), "{}", String::from_utf8_lossy(&theirs.stderr));
    let theirs = String::from_utf8(theirs.stdout).unwrap();
    let other: Vec<_> = theirs
        .lines()
        .map(|line| serde_json::from_str::<(Value, bool)>(line).unwrap())
        .filter(|(key, right)| verdicts[&key.to_string()] != *right)
        .collect();
    assert_eq!(theirs.lines().count(), 16_120);
    assert!(other.is_empty(), "{} differ, the first: {:?}", other.len(), &other[..other.len().min(5)]);

    // The judge of the issue's bars.
    let score = Command::new("python3")
        .arg(shared.join("corpus/score.py"))
        .args([&corpus, &predictions])
        .args(["10580", "1955"])
        .output()
        .unwrap();
    assert!(score.status.success(), "{}", String::from_utf8_lossy(&score.stdout));
    let streams = report["classes"].get("stream_mismatch");
    assert_eq!(streams, None, "law 2 over the corpus");
}
