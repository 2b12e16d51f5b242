//! When a limit that was used up is whole again, as headers tell it beside or in place of `retry-after`.
//!
//! Vendors name these `x-ratelimit-reset-tokens` or `anthropic-ratelimit-tokens-reset`, each with a `remaining` of the
//! same name, and write durations (`6m0s`, `1.5`), moments (`2026-11-21T12:00:00Z`) or seconds and milliseconds since
//! 1970. All are read alike, so that no vendor's name stands here. Only what is used up says how long to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::{Span, SpanRelativeTo, Timestamp};
use reqwest::header::{HeaderMap, HeaderName};

/// How long until what is used up is whole again; none where nothing is.
pub(super) fn reset_after(headers: &HeaderMap) -> Option<Duration> {
    let now = SystemTime::now();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let (mut spent, mut unsaid) = (None, None);
    let resets = headers.keys().map(HeaderName::as_str).filter(|name| name.contains("ratelimit"));
    for name in resets.filter(|name| name.split('-').any(|word| word == "reset")) {
        let Some(wait) = text(name).and_then(|told| wait(told, now)) else { continue };
        match text(&name.replace("reset", "remaining")).map(str::parse::<f64>) {
            Some(Ok(left)) if left <= 0.0 => spent = spent.max(Some(wait)),
            // Which of these is used up is not known. Who waits for the shortest in vain is told again.
            None => unsaid = Some(unsaid.map_or(wait, |shortest: Duration| shortest.min(wait))),
            Some(_) => {}
        }
    }
    spent.or(unsaid)
}

/// Numbers from here on are moments in seconds, and from there on in milliseconds.
const SECONDS: f64 = 1e9;
const MILLISECONDS: f64 = 1e11;

fn wait(told: &str, now: SystemTime) -> Option<Duration> {
    let since = |moment: f64| {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Duration::try_from_secs_f64((moment - now).max(0.0)).ok()
    };
    match told.parse::<f64>() {
        Ok(number) if number >= MILLISECONDS => since(number / 1000.0),
        Ok(number) if number >= SECONDS => since(number),
        Ok(number) => Duration::try_from_secs_f64(number).ok(),
        Err(_) => span(told).or_else(|| since(moment(told)?)),
    }
}

/// `1h2m3.5s`, `120ms`.
fn span(told: &str) -> Option<Duration> {
    let span: Span = told.parse().ok()?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
}

/// `2026-11-21T12:00:00Z`, perhaps with a fraction or another zone, in seconds since 1970.
fn moment(told: &str) -> Option<f64> {
    Some(told.parse::<Timestamp>().ok()?.as_duration().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use callwright_prompt::Clock;

    fn after(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        reset_after(&pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect())
    }

    #[test]
    fn every_form_is_read() {
        let now = UNIX_EPOCH + Duration::from_hours(498_684);
        for (told, seconds) in [
            ("6m0s", 360.0),
            ("2m59.56s", 179.56),
            ("120ms", 0.12),
            ("1h2m3s", 3723.0),
            ("7.5", 7.5),
            ("0", 0.0),
            ("1795262430", 30.0),
            ("1795262430500", 30.5),
            ("1", 1.0),
            ("2026-11-21T12:00:20Z", 20.0),
            ("2026-11-21T14:00:20.25+02:00", 20.25),
            ("2020-01-01T00:00:00Z", 0.0),
        ] {
            let wait = wait(told, now).unwrap_or_else(|| panic!("{told}"));
            assert!((wait.as_secs_f64() - seconds).abs() < 0.001, "{told}: {wait:?}");
        }
        for none in ["", "soon", "5x", "-3", "2026-13-01T00:00:00Z", "m", "NaN", "9223372036854775807-01-01T00:00:00Z"]
        {
            assert_eq!(wait(none, now), None, "{none}");
        }
        for years in [0, 4, 30, 56, 130] {
            let at = UNIX_EPOCH + Duration::from_secs(years * 31_556_952);
            let told = Clock::of(at).format("%Y-%m-%dT%H:%M:%SZ");
            let seconds = moment(&told).expect("a moment");
            assert!((seconds - Duration::from_secs(years * 31_556_952).as_secs_f64()).abs() < 1.0, "{told}");
        }
    }

    #[test]
    fn only_what_is_used_up_counts() {
        let requests = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1s")];
        let tokens = [("x-ratelimit-remaining-tokens", "10"), ("x-ratelimit-reset-tokens", "6m0s")];
        assert_eq!(after(&[requests, tokens].concat()), Some(Duration::from_secs(1)));
        assert_eq!(after(&tokens), None);
        let anthropic = [("anthropic-ratelimit-tokens-remaining", "0"), ("anthropic-ratelimit-tokens-reset", "9s")];
        assert_eq!(after(&[requests, anthropic].concat()), Some(Duration::from_secs(9)));
        assert_eq!(after(&[("ratelimit-reset", "4")]), Some(Duration::from_secs(4)));
        let two = [("x-ratelimit-reset-tokens", "6m0s"), ("x-ratelimit-reset-requests", "2s")];
        assert_eq!(after(&two), Some(Duration::from_secs(2)));
        assert_eq!(after(&[("x-reset", "4")]), None);
    }
}
