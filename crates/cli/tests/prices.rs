//! Prices and the ledger: exact sums, unknown is not 0, budgets that many processes share.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use callwright_parse::chat::{Attempt, Cost, Money, Outcome, Reason, Usage};
use callwright_providers::ledger::{Budget, Ledger, Line, Reserved, Spent, TurnSpent, now};
use callwright_providers::price::{Price, Prices, import};
use common::{Home, say};
use tempfile::TempDir;

const MILLION: u64 = 1_000_000;

fn usage(prompt: usize, cached: usize, completion: usize) -> Usage {
    let mut usage = Usage::default();
    (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) = (prompt, cached, completion);
    usage
}

#[test]
fn every_built_in_price_says_where_it_is_from_and_when() {
    let prices = Prices::builtin();
    assert!(prices.len() >= 5);
    for (name, price) in prices.iter() {
        assert!(!price.source.is_empty() && price.checked.len() == 10, "{name}");
        assert!(price.input > 0 && price.output >= price.input, "{name}");
    }
}

#[test]
fn an_unknown_price_is_unknown() {
    let prices = Prices::builtin();
    assert!(prices.of("openai", "gpt-99").is_none() && prices.of("mine", "gpt-6-luna").is_none());
    assert!(prices.of("OpenAI", "gpt-6-luna-2026-09-01").is_some(), "a dated name is the same model");
    assert!(prices.of("openai", "gpt-6-luna-pro").is_none(), "another name is another model");
}

#[test]
fn costs_are_exact_with_caches_and_tiers() {
    let text = r#"["a/b"]
input = 1000000
output = 5000000
cache_read = 100000
cache_write = 1250000
tiers = [{ above = 200000, input = 2000000, output = 10000000 }]"#;
    let prices = Prices::parse(text, "test").unwrap();
    let price = prices.of("a", "b").unwrap();
    // 700 at 1, 200 read at 0.1, 100 written at 1.25, 50 at 5 dollars a million.
    let pico = 700 * MILLION + 200 * 100_000 + 100 * 1_250_000 + 50 * 5 * MILLION;
    assert_eq!(price.cost(usage(1000, 200, 50), 100).picodollars(), pico);
    assert_eq!(price.cost(usage(200_001, 0, 1), 0).picodollars(), 200_001 * 2 * MILLION + 10 * MILLION, "all of it");
    assert_eq!(price.worst(1000, 100).picodollars(), 1000 * 1_250_000 + 100 * 5 * MILLION, "as if all were written");
    for (prompt, cached, written, answer) in [(1000, 0, 1000, 100), (300_000, 10, 5, 7), (5, 5, 5, 0)] {
        let worst = price.worst(prompt, answer);
        assert!(price.cost(usage(prompt, cached, answer), written) <= worst, "{prompt}");
    }
}

#[test]
fn both_lists_are_imported() {
    let litellm = r#"{"sample_spec": {"mode": "chat"},
        "openai/gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 4e-06, "output_cost_per_token": 2e-05,
          "cache_read_input_token_cost": 4e-07, "input_cost_per_token_above_272k_tokens": 8e-06},
        "half": {"litellm_provider": "openai", "input_cost_per_token": 4e-06}}"#;
    let models_dev = r#"{"openai": {"models": {"gpt-x": {"cost": {"input": 4, "output": 20, "cache_read": 0.4,
        "tiers": [{"input": 8, "output": 20, "cache_read": 0.4, "tier": {"type": "context", "size": 272000}}]}},
        "half": {"cost": {"input": 4}}}}}"#;
    let read = |text: &str| import(text, "a list", "2026-11-21").unwrap();
    let (one, other) = (read(litellm), read(models_dev));
    assert_eq!((one.len(), one.of("openai", "gpt-x")), (1, other.of("openai", "gpt-x")));
    let price = one.of("openai", "gpt-x").unwrap();
    assert_eq!((price.input, price.cache_read, price.tiers[0].input), (4 * MILLION, Some(400_000), 8 * MILLION));
    assert_eq!(Prices::parse(&one.to_toml().unwrap(), "again").unwrap(), one);
    assert!(import("{}", "nothing", "").is_err() && import("[]", "no list", "").is_err());
}

fn reserved(turn: &str, dollars_millionth: u64) -> Reserved {
    let picodollars = Some(Money::of_microdollars(dollars_millionth));
    let (provider, model) = ("p".to_owned(), "m".to_owned());
    Reserved { at: now(), turn: turn.to_owned(), provider, model, reason: Reason::Truncated, picodollars }
}

fn turn(id: &str, cost: Cost) -> TurnSpent {
    let mut attempt = Attempt::default();
    (attempt.by, attempt.cost, attempt.outcome) = ("p".to_owned(), cost, Outcome::Served);
    let attempts = vec![Spent::from(&attempt)];
    TurnSpent { at: now(), turn: id.to_owned(), session: "s".to_owned(), left_machine: true, attempts }
}

#[test]
fn what_was_reserved_counts_until_the_turn_says_what_it_cost() {
    let ledger = Ledger::in_memory();
    let budget = Budget { a_day: Some(Money::of_microdollars(100)), ..Budget::default() };
    assert_eq!(ledger.reserve(&reserved("1", 90), budget).unwrap(), Ok(()));
    let refusal = ledger.reserve(&reserved("2", 20), budget).unwrap().unwrap_err();
    assert!(refusal.contains("$0.0001 per day"), "{refusal}");
    ledger.spent(turn("1", Cost::Counted(Money::of_microdollars(10)))).unwrap();
    assert_eq!(ledger.reserve(&reserved("2", 20), budget).unwrap(), Ok(()));
    assert!(ledger.reserve(&Reserved { picodollars: None, ..reserved("3", 0) }, budget).unwrap().is_err(), "unknown");
}

#[test]
fn a_request_and_an_hour_have_their_limits() {
    let ledger = Ledger::in_memory();
    let budget = Budget { a_request: Some(Money::of_microdollars(50)), calls_an_hour: Some(2), ..Budget::default() };
    assert!(ledger.reserve(&reserved("1", 51), budget).unwrap().is_err());
    assert!(ledger.reserve(&reserved("1", 30), budget).unwrap().is_ok());
    assert!(ledger.reserve(&reserved("1", 30), budget).unwrap().is_err(), "both tries of a turn count");
    assert!(ledger.reserve(&Reserved { at: now() - 4000, ..reserved("0", 1) }, budget).unwrap().is_ok());
    assert!(ledger.reserve(&reserved("2", 1), budget).unwrap().is_ok(), "what was long ago does not count");
    assert!(ledger.reserve(&reserved("3", 1), budget).unwrap().unwrap_err().contains("last hour"));
}

#[test]
fn many_writers_keep_whole_lines_and_one_budget() {
    let folder = TempDir::new().unwrap();
    let path = Arc::new(folder.path().join("deep/usage.jsonl"));
    let budget = Budget { a_day: Some(Money::of_microdollars(50)), ..Budget::default() };
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let path = Arc::clone(&path);
            std::thread::spawn(move || {
                let ledger = Ledger::open(path.as_path()).unwrap();
                let mut taken = 0;
                for number in 0..20 {
                    let id = format!("{writer}-{number}");
                    taken += usize::from(ledger.reserve(&reserved(&id, 1), budget).unwrap().is_ok());
                    ledger.spent(turn(&format!("local {id}"), Cost::Nothing)).unwrap();
                }
                taken
            })
        })
        .collect();
    let taken: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert_eq!(taken, 50, "to the cent");
    let lines = Ledger::open(path.as_path()).unwrap().lines().unwrap().lines;
    assert_eq!(lines.iter().filter(|line| matches!(line, Line::Turn(_))).count(), 160);
}

#[test]
fn own_prices_go_over_the_built_in() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("prices.toml");
    std::fs::write(&file, "[\"mine/*\"]\ninput = 1\noutput = 2\n[\"openai/gpt-6-luna\"]\ninput = 3\noutput = 4\n")
        .unwrap();
    let prices = Prices::builtin().clone().with_file(&file).unwrap();
    let input = |provider: &str, model: &str| prices.of(provider, model).map(|price: &Price| price.input);
    assert_eq!((input("mine", "anything"), input("openai", "gpt-6-luna")), (Some(1), Some(3)));
    assert!(prices.of("anthropic", "claude-opus-5-5").is_some());
}

#[test]
fn the_commands_import_prices_and_show_what_was_spent() {
    let home = Home::new();
    let list = home.path().join("list.json");
    let entry =
        r#"{"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05}}"#;
    std::fs::write(&list, entry).unwrap();
    let said = say(home.callwright().args(["prices", "import"]).arg(&list));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let said = say(home.callwright().args(["prices", "gpt-x"]));
    assert!(
        said.out.contains("openai/gpt-x") && said.out.contains("$2.00") && said.out.contains("list.json"),
        "{}",
        said.out
    );
    assert_eq!(say(home.callwright().args(["prices", "no-such-model"])).code, Some(1));

    let ledger = Ledger::open(home.path().join(".local/share/callwright/usage.jsonl")).unwrap();
    ledger.spent(turn("a", Cost::Counted(Money::of_microdollars(1_500)))).unwrap();
    ledger.spent(turn("b", Cost::Unknown)).unwrap();
    for (by, lines) in [("request", 2), ("session", 1), ("day", 1), ("provider", 1)] {
        let said = say(home.callwright().args(["usage", "--by", by, "--json"]));
        let sums: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
        assert_eq!(sums.len(), lines, "{by}");
        let total = |key: &str| sums.iter().filter_map(|sum| sum[key].as_u64()).sum::<u64>();
        assert_eq!((total("requests"), total("unpriced"), total("picodollars")), (2, 1, 1_500_000_000), "{by}");
    }
    assert!(say(home.callwright().arg("usage")).out.contains("$0.0015"));
    // What was refused before it was sent is a request, and no try.
    let mut refused = turn("c", Cost::Nothing);
    refused.attempts.iter_mut().for_each(|spent| spent.outcome = "refused".to_owned());
    ledger.spent(refused).unwrap();
    let said = say(home.callwright().args(["usage", "--json"]));
    let sums: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&sums[0]["requests"], &sums[0]["attempts"]), (&3.into(), &2.into()), "{}", said.out);
}
