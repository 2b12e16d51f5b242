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
    let Some(browser) = browser() else { return };
    let home = Home::new();
    let (rows, page) = (home.path().join("hostile.jsonl"), home.path().join("page.html"));
    std::fs::write(&rows, HOSTILE.replace('\n', "")).unwrap();
    let bench = ["bench", "parse", "fixtures/recordings/own.jsonl", rows.to_str().unwrap(), "--html"];
    assert!(home.callwright().args(bench).arg(&page).output().unwrap().status.success());
    let drawn = drawn(browser, &home, &page);
    assert!(drawn.contains("<title>callwright bench parse</title>"), "{drawn}");
    assert!(drawn.contains("8 of 15</output>"), "all failures come first: {drawn}");
    assert_eq!(drawn.matches("<details>").count(), 8);
    assert!(drawn.contains("wrong value") && !drawn.contains(">wrong_value<"), "labels, not identifiers: {drawn}");
    assert!(!drawn.contains("<img"), "{drawn}");
}

/// Opened wide and on a phone: nothing falls outside, and each case says what was asked, offered and due.
#[test]
fn the_page_fits_its_window() {
    let Some(browser) = browser() else { return };
    let home = Home::new();
    let (rows, page) = (home.path().join("long.jsonl"), home.path().join("page.html"));
    let long = "x".repeat(3000);
    let row = serde_json::json!({"id": "long", "model": "a-model-with-a-rather-long-name-2.5-instruct:q4_k_m", "category": "single",
        "question": "What is 17 * 23?", "tools": [{"name": "calculate", "parameters": {"type": "object"}}],
        "output": format!("{long} calculate({long})"), "expected": [{"name": "calculate", "arguments": {"expression": long}}]});
    std::fs::write(&rows, row.to_string()).unwrap();
    let bench = ["bench", "parse", "fixtures/recordings/own.jsonl", rows.to_str().unwrap(), "--html"];
    assert!(home.callwright().args(bench).arg(&page).output().unwrap().status.success());
    let text = std::fs::read_to_string(&page).unwrap();
    // The page forbids all scripts but its own; this copy opens every case and is looked at from outside.
    let policy = text.split_inclusive("/>").find(|tag| tag.contains("Content-Security-Policy")).unwrap();
    let text = text.replace(policy, "");
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    for width in [390, 1000, 1400] {
        let frame = home.path().join("frame.html");
        let look = "const page = document.querySelector('iframe');
            page.onload = () => {
              const inside = page.contentDocument;
              inside.querySelectorAll('#cases > details').forEach((one) => { one.open = true; });
              page.contentWindow.setTimeout(() => {
                document.title = 'width ' + inside.documentElement.scrollWidth;
                document.body.append([...inside.querySelectorAll('#cases h3')].map((one) => one.textContent).join(' '));
                const tables = [...inside.querySelectorAll('table')].filter((one) => one.scrollWidth > one.clientWidth + 1);
                document.body.append(' scrolled ' + tables.length);
                document.body.append(' folded ' + inside.querySelectorAll('.folded').length);
                document.body.append(' marks ' + [...inside.querySelectorAll('mark')].map((one) => one.textContent).join('|'));
              }, 300);
            };";
        let html = format!(
            "<!DOCTYPE html><body><iframe style=\"border:0;width:{width}px;height:900px\" srcdoc=\"{text}\"></iframe>\
             <script>{look}</script></body>"
        );
        std::fs::write(&frame, html).unwrap();
        let drawn = drawn(browser, &home, &frame);
        let found = drawn.split_once("<title>width ").and_then(|(_, rest)| rest.split_once('<'));
        let found: u32 =
            found.unwrap_or_else(|| panic!("{}", &drawn[drawn.len().saturating_sub(2000)..])).0.parse().unwrap();
        let said = drawn.rsplit_once("</script>").unwrap().1;
        assert!(found <= width, "{found} of {width}: {said}");
        assert!(said.contains("scrolled 0"), "{width}: {said}");
        for part in ["Question", "Tools", "Output", "Expected calls", "Calls found"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let folded: u32 = said.split("folded ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(folded >= 2, "{said}");
        let marks = said.split("marks ").nth(1).unwrap();
        assert!(
            marks.split('|').all(|mark| !mark.is_empty()) && marks.split('|').any(|mark| mark.len() > 3),
            "{marks}"
        );
    }
}

/// The browser of this machine; where there is none the test is skipped.
fn browser() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        callwright_test_support::means::skip(&format!("none of {} is installed", names.join(", ")));
    }
    found
}

/// A page as the browser has it once its scripts have run.
fn drawn(browser: &str, home: &Home, page: &std::path::Path) -> String {
    let drawn = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"])
        .arg("--window-size=1600,1000")
        .arg(format!("--user-data-dir={}", home.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&drawn.stdout).into_owned()
}
