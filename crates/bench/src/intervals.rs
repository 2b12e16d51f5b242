//! How sure a share is: Wilson's interval, which stays within 0 and 1 and is honest about few cases.

use serde::{Deserialize, Serialize};

/// A share of cases with the interval that holds the true share 95 times in 100.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// The share as counted.
    pub share: f64,
    /// The interval's lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The normal distribution's point for 95 %.
const Z: f64 = 1.959_963_984_540_054;

impl Interval {
    /// The interval for so many of so many.
    ///
    /// ```
    /// use callwright_bench::Interval;
    /// let all_of_ten = Interval::wilson(10, 10);
    /// assert!((all_of_ten.low - 0.722).abs() < 0.001 && all_of_ten.high > 0.999);
    /// assert_eq!(Interval::wilson(0, 0), Interval { share: 0.0, low: 0.0, high: 1.0 });
    /// ```
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody benches on 2^52 cases")]
    pub fn wilson(of_these: usize, all: usize) -> Self {
        if all == 0 {
            return Self { share: 0.0, low: 0.0, high: 1.0 };
        }
        let (n, share) = (all as f64, of_these as f64 / all as f64);
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        let end = |value: f64| (value / scale).clamp(0.0, 1.0);
        Self { share, low: end(middle - spread), high: end(middle + spread) }
    }
}
