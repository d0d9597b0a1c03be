//! The order of `jsonb` values (`compareJsonbContainers`), as bytes that are ordered alike.
//!
//! Owns: the key of a value. Does not own: comparisons; they compare keys. Invariant: values are equal when their keys are.
//! Start at [`key`].

use recursive::recursive;

use super::Json;

/// The bytes of a value, ordered as the values are: null, texts, numbers, booleans, arrays, objects; the longer array or object after the
/// shorter one. An empty array that is no part of another value stands before everything else, as PostgreSQL has it.
pub(crate) fn key(value: &Json) -> Vec<u8> {
    if matches!(value, Json::Array(items) if items.is_empty()) {
        return vec![0];
    }
    let mut out = Vec::new();
    append(value, &mut out);
    out
}

#[recursive]
fn append(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.push(1),
        Json::Text(text) => {
            out.push(2);
            texts(text, out);
        }
        Json::Number(digits) => {
            out.push(3);
            number(digits, out);
        }
        Json::Boolean(value) => out.extend([4, u8::from(*value)]),
        Json::Array(items) => {
            out.push(5);
            count(items.len(), out);
            items.iter().for_each(|item| append(item, out));
        }
        Json::Object(members) => {
            out.push(6);
            count(members.len(), out);
            for (key, value) in members {
                // Keys are kept by their length first.
                count(key.len(), out);
                out.extend(key.as_bytes());
                append(value, out);
            }
        }
    }
}

fn count(length: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// The bytes of a text, which has no character zero, and an end before all of them.
fn texts(text: &str, out: &mut Vec<u8>) {
    out.extend(text.as_bytes());
    out.push(0);
}

/// Sign, exponent and digits; all inverted for a negative number.
fn number(digits: &str, out: &mut Vec<u8>) {
    let (is_negative, size) = match digits.strip_prefix('-') {
        Some(size) => (true, size),
        None => (false, digits),
    };
    let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
    let whole = whole.trim_start_matches('0');
    let zeros = fraction.len() - fraction.trim_start_matches('0').len();
    let exponent = match whole.len() {
        0 => -i64::try_from(zeros).unwrap_or(i64::MAX),
        length => i64::try_from(length).unwrap_or(i64::MAX),
    };
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        out.push(1);
        return;
    }
    let mut bytes = Vec::with_capacity(significant.len() + 9);
    bytes.extend((exponent.wrapping_sub(i64::MIN)).to_be_bytes());
    bytes.extend(significant.bytes().map(|digit| digit - b'0' + 1));
    bytes.push(0);
    if is_negative {
        out.push(0);
        out.extend(bytes.into_iter().map(|byte| !byte));
    } else {
        out.push(2);
        out.extend(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_the_values_are() {
        let ordered = [
            "[]",
            "null",
            "\"\"",
            "\"a\"",
            "\"ab\"",
            "\"b\"",
            "-100",
            "-2",
            "-1.5",
            "-1",
            "-0.01",
            "0",
            "0.001",
            "0.01",
            "1",
            "1.25",
            "2",
            "10",
            "11",
            "100.5",
            "false",
            "true",
            "[null]",
            "[1]",
            "[2]",
            "[1, 1]",
            "{}",
            "{\"a\": 1}",
            "{\"a\": 2}",
            "{\"b\": 1}",
            "{\"aa\": 0}",
            "{\"a\": 1, \"b\": 1}",
        ];
        let keys: Vec<Vec<u8>> = ordered
            .iter()
            .map(|text| key(&Json::read(text).expect("JSON")))
            .collect();
        for (at, pair) in keys.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{} before {}", ordered[at], ordered[at + 1]);
        }
        let same = |left: &str, right: &str| {
            key(&Json::read(left).expect("JSON")) == key(&Json::read(right).expect("JSON"))
        };
        assert!(same("1.0", "1") && same("[0.50]", "[0.5]") && same("-0", "0.0"));
    }
}
