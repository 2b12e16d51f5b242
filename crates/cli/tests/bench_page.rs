//! The page of `bench parse --html` in a real browser, where there is one: it draws, and nothing recorded runs.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::process::Command;

use common::Home;

/// A recording that would change the page's title if any of it were taken for markup.
const HOSTILE: &str = r#"{"id": "</script><script>document.title='taken'</script>", "model": "<img src=x onerror=\"document.title='taken'\">",
"tools": [{"name": "f", "parameters": {}}], "output": "<img src=x onerror=\"document.title='taken'\">f()", "accepted": []}"#;

#[test]
fn the_page_draws_in_a_browser_and_runs_nothing_recorded() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let Some(browser) = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok()) else {
        callwright_test_support::means::skip(&format!("none of {} is installed", names.join(", ")));
        return;
    };
    let home = Home::new();
    let (rows, page) = (home.path().join("hostile.jsonl"), home.path().join("page.html"));
    std::fs::write(&rows, HOSTILE.replace('\n', "")).unwrap();
    let bench = ["bench", "parse", "fixtures/recordings/own.jsonl", rows.to_str().unwrap(), "--html"];
    assert!(home.callwright().args(bench).arg(&page).output().unwrap().status.success());
    let drawn = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", home.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let drawn = String::from_utf8_lossy(&drawn.stdout);
    assert!(drawn.contains("<title>callwright bench parse</title>"), "{drawn}");
    assert!(drawn.contains("2 of 15</output>"), "the wrong ones come first: {drawn}");
    assert_eq!(drawn.matches("<details>").count(), 2);
    assert!(!drawn.contains("<img"), "{drawn}");
}
