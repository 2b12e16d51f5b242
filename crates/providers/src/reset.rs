//! When a limit that was used up is whole again, as headers tell it beside or in place of `retry-after`.
//!
//! Vendors name these `x-ratelimit-reset-tokens` or `anthropic-ratelimit-tokens-reset`, each with a `remaining` of the
//! same name, and write durations (`6m0s`, `1.5`), moments (`2026-11-21T12:00:00Z`) or seconds and milliseconds since
//! 1970. All are read alike, so that no vendor's name stands here. Only what is used up says how long to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    let mut rest = told;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|end| *end > 0)?;
        let unit = rest[number..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| number + end);
        let scale = match &rest[number..unit] {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += rest[..number].parse::<f64>().ok()? * scale;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok().filter(|_| !told.is_empty())
}

/// `2026-11-21T12:00:00Z`, perhaps with a fraction or another zone, in seconds since 1970.
fn moment(told: &str) -> Option<f64> {
    let (date, time) = told.split_once(['T', 't', ' '])?;
    let end = time.find(['Z', 'z', '+', '-'])?;
    let zone = match time.as_bytes()[end] {
        b'Z' | b'z' => 0.0,
        sign => {
            let (hours, minutes) = time[end + 1..].split_once(':')?;
            let ahead = hours.parse::<f64>().ok()? * 3600.0 + minutes.parse::<f64>().ok()? * 60.0;
            if sign == b'+' { ahead } else { -ahead }
        }
    };
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut clock = time[..end].split(':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let sensible = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !sensible {
        return None;
    }
    // Years begin in March, so that a leap day is the last one.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    #[expect(clippy::cast_precision_loss, reason = "days of ten thousand years")]
    let days = days as f64;
    Some(days * 86_400.0 + hour * 3600.0 + minute * 60.0 + second - zone)
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
