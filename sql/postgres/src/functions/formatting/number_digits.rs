//! The digits of numbers: rounded, with an exponent, as Roman numerals.
//!
//! Owns: digits. Does not own: where a pattern puts them; see `number_text`. Invariant: halves are rounded away from zero.
//! Start at [`rounded`].

/// The digits of a size, rounded to so many places, halves away from zero.
pub(super) fn rounded(value: i128, scale: i8, places: i8) -> String {
    let digits = value.unsigned_abs().to_string();
    let scale = i32::from(scale);
    let kept = i32::from(places);
    let (mut whole_digits, point) = if scale < 0 {
        let zeros = usize::try_from(-scale).unwrap_or_default();
        (
            format!("{digits}{}", "0".repeat(if value == 0 { 0 } else { zeros })),
            0,
        )
    } else {
        (digits, usize::try_from(scale).unwrap_or_default())
    };
    let kept = usize::try_from(kept).unwrap_or_default();
    if whole_digits.len() <= point {
        whole_digits = format!("{whole_digits:0>width$}", width = point + 1);
    }
    let mut number: Vec<u8> = whole_digits.into_bytes();
    let mut point = point;
    if point > kept {
        let cut = number.len() - (point - kept);
        let is_up = number.get(cut).is_some_and(|digit| *digit >= b'5');
        number.truncate(cut);
        point = kept;
        if is_up {
            let mut carries = true;
            for digit in number.iter_mut().rev() {
                if *digit == b'9' {
                    *digit = b'0';
                } else {
                    *digit += 1;
                    carries = false;
                    break;
                }
            }
            if carries {
                number.insert(0, b'1');
            }
        }
    }
    number.extend(std::iter::repeat_n(b'0', kept - point));
    let text = String::from_utf8(number).unwrap_or_default();
    if kept == 0 {
        return text;
    }
    let (whole, fraction) = text.split_at(text.len() - kept);
    format!("{whole}.{fraction}")
}

/// A double as `1.23e+05`.
pub(super) fn scientific(value: f64, places: usize) -> String {
    let text = format!("{:.places$e}", value.abs());
    exponent_of_two_digits(&text, value < 0.0)
}

fn exponent_of_two_digits(text: &str, is_negative: bool) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if is_negative { '-' } else { ' ' };
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{mantissa}e{mark}{:02}", exponent.abs())
}

/// A numeric as `1.23e+05`.
pub(super) fn scientific_decimal(value: i128, scale: i8, places: usize) -> String {
    let digits = value.unsigned_abs().to_string();
    let exponent = if value == 0 {
        0
    } else {
        i32::try_from(digits.len()).unwrap_or_default() - 1 - i32::from(scale)
    };
    // One digit before the point, rounded as numerics are.
    let of_one = i8::try_from(digits.len() - 1).unwrap_or_default();
    // PostgreSQL keeps the exponent when the digits round up to 10.
    let mantissa = rounded(value, of_one, i8::try_from(places).unwrap_or(i8::MAX));
    exponent_of_two_digits(&format!("{mantissa}e{exponent}"), value < 0)
}

/// Roman numerals up to 3999, `#` beyond.
pub(super) fn roman(value: i64) -> String {
    const LETTERS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if !(1..4000).contains(&value) {
        return "#".repeat(15);
    }
    let mut rest = value;
    let mut text = String::new();
    for (size, letters) in LETTERS {
        while rest >= size {
            text.push_str(letters);
            rest -= size;
        }
    }
    text
}
