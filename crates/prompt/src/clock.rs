//! The moment at which a prompt is rendered, and `strftime` over it.
//!
//! Some templates tell the model today's date. The clock is handed in, so that the same conversation gives the same
//! prompt in a test, and a cached prefix stays valid for a day and not for a second.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};

/// A moment on the clock in Greenwich.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock(Timestamp);

impl Clock {
    /// So many seconds after the first of January 1970.
    ///
    /// ```
    /// use callwright_prompt::Clock;
    /// assert_eq!(Clock::utc(1_767_225_599).format("%d %b %Y, %H:%M"), "31 Dec 2025, 23:59");
    /// ```
    #[must_use]
    pub fn utc(unix: i64) -> Self {
        let bound = if unix < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Self(Timestamp::from_second(unix).unwrap_or(bound))
    }

    /// This moment, told in UTC.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::utc(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// The moment as C's `strftime` writes it; what is unknown stays as it is.
    #[must_use]
    pub fn format(&self, format: &str) -> String {
        // What jiff knows and C does not (`%q`) stays as it is; Python's `%f` has six digits.
        let known = |part: &str| part.replace("%q", "%%q").replace("%f", "%6f");
        let known = format.split("%%").map(known).collect::<Vec<_>>().join("%%");
        let config = Config::new().custom(PosixCustom::new()).lenient(true);
        let moment = BrokenDownTime::from(self.0);
        moment.to_string_with_config(&config, known).unwrap_or_else(|_| format.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (unix, text) in [
            (0, "1970-01-01 Thu 001"),
            (951_782_400, "2000-02-29 Tue 060"),
            (978_220_800, "2000-12-31 Sun 366"),
            (1_735_689_600, "2025-01-01 Wed 001"),
            (-86_400, "1969-12-31 Wed 365"),
        ] {
            assert_eq!(Clock::utc(unix).format("%Y-%m-%d %a %j"), text);
        }
        assert_eq!(Clock::utc(-3600).format("%H:%M %p %z %-d %q%"), "23:00 PM +0000 31 %q%");
    }
}
