//! Time zones in POSIX' form without summer time: `EST5`, `<-03>+3`, `UTC+3:30`.
//!
//! Owns: their grammar. Does not own: forms with summer time, which are found by name or refused.
//! Invariant: POSIX counts west of UTC, what is returned counts east. Start at [`fixed`].

/// Seconds east of UTC, and what the offset is called.
pub(super) fn fixed(text: &str) -> Option<(i32, String)> {
    let (name, rest) = name(text)?;
    let (west, rest) = offset(rest)?;
    rest.is_empty().then(|| (-west, name.to_owned()))
}

/// Whether it is a zone with a name of its own for summer time.
pub(super) fn has_summer_time(text: &str) -> bool {
    let after_offset = name(text)
        .and_then(|(_, rest)| offset(rest))
        .map(|(_, rest)| rest);
    after_offset.and_then(name).is_some()
}

/// Letters, or anything between angle brackets.
fn name(text: &str) -> Option<(&str, &str)> {
    if let Some(quoted) = text.strip_prefix('<') {
        let (name, rest) = quoted.split_once('>')?;
        return (name.len() >= 3).then_some((name, rest));
    }
    let end = text.find(|c: char| c.is_ascii_digit() || matches!(c, ',' | '-' | '+'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_name = name.len() >= 3 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name.then_some((name, rest))
}

/// Seconds, from hours and perhaps minutes and seconds.
fn offset(text: &str) -> Option<(i32, &str)> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut seconds = 0;
    for (unit, most) in [(3600, 167), (60, 59), (1, 59)] {
        if unit < 3600 {
            match rest.strip_prefix(':') {
                Some(after) => rest = after,
                None => break,
            }
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        let number: i32 = digits.parse().ok().filter(|number| *number <= most)?;
        seconds += number * unit;
        rest = after;
    }
    Some((sign * seconds, rest))
}
