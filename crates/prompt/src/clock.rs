//! The moment at which a prompt is rendered, and `strftime` over it.
//!
//! Some templates tell the model today's date. The clock is handed in, so that the same conversation gives the same
//! prompt in a test, and a cached prefix stays valid for a day and not for a second.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment on someone's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    unix: i64,
    offset: i32,
}

/// A date and time of day.
struct Civil {
    year: i64,
    month: usize,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    /// Days since Sunday.
    weekday: usize,
    /// Days since the first of January.
    yearday: u32,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Clock {
    /// So many seconds after the first of January 1970, in Greenwich.
    ///
    /// ```
    /// use callwright_prompt::Clock;
    /// assert_eq!(Clock::utc(1_767_225_599).format("%d %b %Y, %H:%M"), "31 Dec 2025, 23:59");
    /// ```
    #[must_use]
    pub fn utc(unix: i64) -> Self {
        Self { unix, offset: 0 }
    }

    /// This moment, told in UTC.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::utc(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// The same moment, told where clocks are so many seconds ahead of Greenwich.
    #[must_use]
    pub fn ahead_by(mut self, seconds: i32) -> Self {
        self.offset = seconds;
        self
    }

    /// The moment as C's `strftime` writes it; what is unknown stays as it is.
    #[must_use]
    pub fn format(&self, format: &str) -> String {
        let civil = self.civil();
        let mut out = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let Some(mut code) = rest.next() else {
                out.push('%');
                break;
            };
            let unpadded = code == '-';
            if unpadded {
                code = rest.next().unwrap_or('%');
            }
            match (self.field(&civil, code), unpadded) {
                (Some(field), false) => out.push_str(&field),
                (Some(field), true) => {
                    let field = field.trim_start_matches('0');
                    out.push_str(if field.is_empty() { "0" } else { field });
                }
                (None, _) => out.extend(['%', code]),
            }
        }
        out
    }

    fn field(&self, civil: &Civil, code: char) -> Option<String> {
        let Civil { year, month, day, hour, minute, second, weekday, yearday } = *civil;
        let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
        let (hours, minutes) = (self.offset.abs() / 3600, self.offset.abs() / 60 % 60);
        Some(match code {
            'Y' => year.to_string(),
            'y' => format!("{:02}", year.rem_euclid(100)),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'e' => format!("{day:2}"),
            'H' => format!("{hour:02}"),
            'I' => format!("{twelve:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'f' => "000000".to_owned(),
            'p' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            'B' => MONTHS[month - 1].to_owned(),
            'b' | 'h' => MONTHS[month - 1][..3].to_owned(),
            'A' => DAYS[weekday].to_owned(),
            'a' => DAYS[weekday][..3].to_owned(),
            'j' => format!("{:03}", yearday + 1),
            'w' => weekday.to_string(),
            'u' => if weekday == 0 { 7 } else { weekday }.to_string(),
            'F' => format!("{year}-{month:02}-{day:02}"),
            'T' | 'X' => format!("{hour:02}:{minute:02}:{second:02}"),
            'R' => format!("{hour:02}:{minute:02}"),
            'D' | 'x' => format!("{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
            'c' => format!(
                "{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}",
                &DAYS[weekday][..3],
                &MONTHS[month - 1][..3]
            ),
            'z' | 'Z' if self.offset == 0 => if code == 'z' { "+0000" } else { "UTC" }.to_owned(),
            'z' | 'Z' => format!("{}{hours:02}{minutes:02}", if self.offset < 0 { '-' } else { '+' }),
            's' => self.unix.to_string(),
            'n' => "\n".to_owned(),
            't' => "\t".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }

    /// The Gregorian calendar by counting from March, so that the leap day comes last.
    fn civil(&self) -> Civil {
        let local = self.unix.saturating_add(i64::from(self.offset));
        let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let yearday = if month <= 2 { day_of_year - 306 } else { day_of_year + 59 + i64::from(leap) };
        // All of these are small by construction; a conversion that fails is a bug that shows as zero.
        let small = |number: i64| u32::try_from(number).unwrap_or_default();
        Civil {
            year,
            month: small(month).clamp(1, 12) as usize,
            day: small(day_of_year - (153 * from_march + 2) / 5 + 1),
            hour: small(seconds / 3600),
            minute: small(seconds / 60 % 60),
            second: small(seconds % 60),
            weekday: small((days + 4).rem_euclid(7)) as usize,
            yearday: small(yearday),
        }
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
        assert_eq!(Clock::utc(0).ahead_by(-3600).format("%H:%M %p %z %-d %q%"), "23:00 PM -0100 31 %q%");
    }
}
