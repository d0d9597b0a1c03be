//! Exact decimal numbers, as text and as a whole number of their last digit.
//!
//! Owns: reading and writing them without a double in between. Does not own: arithmetic. Invariant: no digit is lost; a number that does not
//! fit is none. Start at [`Decimal::parse`].

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// `value / 10^scale`, without zeros at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decimal {
    value: i128,
    scale: i8,
}

/// The largest number of 38 digits.
const LARGEST: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

impl Decimal {
    /// The number of this many units of its last digit, which stands `scale` digits behind the point, or before it where that is negative.
    /// `None` when it has more than 38 digits.
    #[must_use]
    pub fn new(value: i128, scale: i8) -> Option<Self> {
        Self::of(value, i32::from(scale))
    }

    fn of(mut value: i128, mut scale: i32) -> Option<Self> {
        if value == 0 {
            return Some(Self { value, scale: 0 });
        }
        while value % 10 == 0 && scale > 0 {
            value /= 10;
            scale -= 1;
        }
        if scale < 0 {
            let by = u32::try_from(scale.checked_neg()?).ok()?;
            value = value.checked_mul(10_i128.checked_pow(by)?)?;
            scale = 0;
        }
        let scale = i8::try_from(scale).ok().filter(|scale| *scale <= 38)?;
        (value.unsigned_abs() <= LARGEST.unsigned_abs()).then_some(Self { value, scale })
    }

    /// Reads a number as JSON and most systems write it: `-12.50`, `1.5e3`. `None` when it is none, or has more than 38 digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (is_negative, whole) = match whole.strip_prefix('-') {
            Some(whole) => (true, whole),
            None => (false, whole.strip_prefix('+').unwrap_or(whole)),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut value: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Self::of(if is_negative { -value } else { value }, scale)
    }

    /// As units of the digit at `scale`; `None` where digits would be lost or 38 digits don't hold it.
    #[must_use]
    pub fn at_scale(self, scale: i8) -> Option<i128> {
        let by = u32::try_from(i32::from(scale) - i32::from(self.scale)).ok()?;
        let value = self.value.checked_mul(10_i128.checked_pow(by)?)?;
        (value.unsigned_abs() <= LARGEST.unsigned_abs()).then_some(value)
    }

    /// The units of the last digit, and how many digits stand behind the point.
    #[must_use]
    pub fn parts(self) -> (i128, i8) {
        (self.value, self.scale)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.value < 0 { "-" } else { "" };
        let digits = self.value.unsigned_abs().to_string();
        let scale = usize::try_from(self.scale).unwrap_or(0);
        if scale == 0 {
            return write!(formatter, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(formatter, "{sign}{whole}.{fraction}")
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        match (self.at_scale(scale), other.at_scale(scale)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // Only a number too large for the other's digits has no such form.
            (None, _) => self.value.signum().cmp(&0).then(Ordering::Greater),
            (_, None) => 0.cmp(&other.value.signum()).then(Ordering::Less),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Decimal::parse(text).map(|number| number.to_string())
    }

    #[test]
    fn no_digit_is_lost() {
        for (text, number) in [
            ("0.1", "0.1"),
            ("-12.50", "-12.5"),
            ("100", "100"),
            ("1.5e3", "1500"),
            ("1E-3", "0.001"),
            ("-0.0", "0"),
            (
                "12345678901234567890123456789.123456789",
                "12345678901234567890123456789.123456789",
            ),
            ("+7", "7"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_38_digits_is_none() {
        for text in [
            "",
            ".",
            "1.2.3",
            "1e",
            "NaN",
            "abc",
            "1e40",
            "123456789012345678901234567890123456789",
            "--1",
            "1-",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value_whatever_their_digits() {
        let mut numbers: Vec<Decimal> = [
            "10",
            "-1.5",
            "9.99",
            "1e37",
            "-1e37",
            "0",
            "0.00000000000000000000000000000000000001",
        ]
        .into_iter()
        .filter_map(Decimal::parse)
        .collect();
        numbers.sort();
        let shown: Vec<String> = numbers.iter().map(Decimal::to_string).collect();
        assert_eq!(
            shown,
            [
                "-10000000000000000000000000000000000000",
                "-1.5",
                "0",
                "0.00000000000000000000000000000000000001",
                "9.99",
                "10",
                "10000000000000000000000000000000000000"
            ]
        );
    }

    #[test]
    fn a_number_has_one_form() {
        let forms = [(100, 0), (1000, 1), (10, -1), (1, -2)].map(|(value, scale)| Decimal::new(value, scale));
        assert!(
            forms
                .iter()
                .all(|form| *form == Decimal::parse("1e2") && form.is_some())
        );
        assert_eq!(Decimal::new(1, -38), None);
    }

    #[test]
    fn a_scale_that_is_too_small_has_no_form() {
        let number = Decimal::parse("1.25").expect("a number");
        assert_eq!(number.at_scale(2), Some(125));
        assert_eq!(number.at_scale(4), Some(12_500));
        assert_eq!(number.at_scale(1), None);
    }
}
