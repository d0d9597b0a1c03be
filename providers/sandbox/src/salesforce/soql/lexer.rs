//! Cuts a SOQL statement into tokens.
//!
//! Owns: string escapes, number, date and time literals and the limits on their length.
//! Invariant: a backslash that isn't one of the documented escapes is an error, never kept as it stands.

use std::str::CharIndices;

use super::super::error::ApiError;
use super::super::switches::Semantics;
use super::super::value::days;
use super::tree::{Literal, Text};

/// Longest statement, in characters.
const STATEMENT_LIMIT: usize = 100_000;
/// Longest string literal, in characters.
const LITERAL_LIMIT: usize = 4000;
/// Most digits of a number literal.
const DIGIT_LIMIT: usize = 18;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A keyword, name or dotted path.
    Word(String),
    Literal(Literal),
    /// `( ) , = != <> < <= > >=`.
    Symbol(&'static str),
}

/// A token and its byte offset.
pub(crate) type Located = (Token, usize);

/// What the grammar allows where the documentation is silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar {
    exponents: bool,
    fractional_seconds: bool,
    pub(crate) limit_zero: bool,
}

impl Grammar {
    /// Takes the grammar from the switches.
    pub(crate) fn new(semantics: &Semantics) -> Self {
        Self {
            exponents: semantics.exponents_accepted,
            fractional_seconds: semantics.fractional_seconds_accepted,
            limit_zero: semantics.limit_zero_accepted,
        }
    }
}

/// Cuts `query` into tokens.
pub(crate) fn tokens(query: &str, grammar: Grammar) -> Result<Vec<Located>, ApiError> {
    if query.chars().count() > STATEMENT_LIMIT {
        return Err(ApiError::bad(
            "MALFORMED_QUERY",
            "SOQL statements cannot be longer than 100000 characters.",
        ));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = query.get(at..).and_then(|rest| rest.chars().next()) {
        let (token, end) = match next {
            _ if next.is_whitespace() => {
                at += next.len_utf8();
                continue;
            }
            '\'' => string(query, at)?,
            '0'..='9' | '-' | '+' | '.' => number(query, at, grammar)?,
            _ if next.is_alphabetic() || next == '_' => word(query, at),
            _ => symbol(query, at, next)?,
        };
        found.push((token, at));
        at = end;
    }
    Ok(found)
}

fn word(query: &str, at: usize) -> (Token, usize) {
    let rest = query.get(at..).unwrap_or_default();
    let length = rest
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(rest.len());
    let text = rest.get(..length).unwrap_or_default();
    let token = match text.to_ascii_lowercase().as_str() {
        "null" => Token::Literal(Literal::Null),
        "true" => Token::Literal(Literal::Boolean(true)),
        "false" => Token::Literal(Literal::Boolean(false)),
        _ => Token::Word(text.to_owned()),
    };
    (token, at + length)
}

fn symbol(query: &str, at: usize, next: char) -> Result<(Token, usize), ApiError> {
    const SYMBOLS: [&str; 10] = ["!=", "<>", "<=", ">=", "(", ")", ",", "=", "<", ">"];
    let rest = query.get(at..).unwrap_or_default();
    match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
        Some(symbol) => Ok((Token::Symbol(symbol), at + symbol.len())),
        None => Err(ApiError::at(
            "MALFORMED_QUERY",
            query,
            at,
            &format!("unexpected token: '{next}'"),
        )),
    }
}

fn string(query: &str, at: usize) -> Result<(Token, usize), ApiError> {
    let illegal = |position: usize| {
        ApiError::at(
            "MALFORMED_QUERY",
            query,
            position,
            "invalid string literal: Illegal character sequence in string literal",
        )
    };
    let mut characters = Vec::new();
    let mut rest = query.get(at + 1..).unwrap_or_default().char_indices();
    while let Some((offset, c)) = rest.next() {
        let position = at + 1 + offset;
        match c {
            '\'' => {
                if characters.len() > LITERAL_LIMIT {
                    return Err(ApiError::at(
                        "MALFORMED_QUERY",
                        query,
                        at,
                        "string literal is longer than 4000 characters",
                    ));
                }
                return Ok((Token::Literal(Literal::Text(Text { characters })), position + 1));
            }
            '\\' => {
                let escaped = escaped(&mut rest).ok_or_else(|| illegal(position))?;
                characters.push(escaped);
            }
            '\n' | '\r' => {
                return Err(ApiError::at(
                    "MALFORMED_QUERY",
                    query,
                    position,
                    "line breaks not allowed in string literals",
                ));
            }
            _ => characters.push((c, false)),
        }
    }
    Err(ApiError::at(
        "MALFORMED_QUERY",
        query,
        at,
        "unexpected token: unterminated string literal",
    ))
}

/// The character that an escape stands for, and whether it would be a wildcard without the escape.
fn escaped(rest: &mut CharIndices<'_>) -> Option<(char, bool)> {
    let (_, letter) = rest.next()?;
    let plain = match letter.to_ascii_lowercase() {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '"' | '\'' | '\\' => letter,
        '%' | '_' => return Some((letter, true)),
        'u' => {
            let digits: String = rest.by_ref().take(4).map(|(_, digit)| digit).collect();
            let code = u32::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 4)?;
            char::from_u32(code)?
        }
        _ => return None,
    };
    Some((plain, false))
}

fn number(query: &str, at: usize, grammar: Grammar) -> Result<(Token, usize), ApiError> {
    let rest = query.get(at..).unwrap_or_default();
    let length = rest
        .char_indices()
        .find(|(offset, c)| *offset > 0 && !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '+')))
        .map_or(rest.len(), |(offset, _)| offset);
    let text = rest.get(..length).unwrap_or_default();
    let literal = plain_number(text)
        .or_else(|| scientific(text).filter(|_| grammar.exponents))
        .or_else(|| date_time(text, grammar))
        .or_else(|| time(text).map(Literal::Time))
        .ok_or_else(|| {
            ApiError::at(
                "MALFORMED_QUERY",
                query,
                at,
                &format!("unexpected token: '{text}'"),
            )
        })?;
    Ok((Token::Literal(literal), at + length))
}

fn plain_number(text: &str) -> Option<Literal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let count = digits.bytes().filter(u8::is_ascii_digit).count();
    let good = all_digits(whole)
        && all_digits(fraction)
        && !fraction.is_empty()
        && (1..=DIGIT_LIMIT).contains(&count);
    good.then(|| Literal::Number(text.to_owned()))
}

/// Reads a number with an exponent, such as `1.5e-3`.
fn scientific(text: &str) -> Option<Literal> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    plain_number(mantissa)?;
    let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let good = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    good.then(|| Literal::Number(text.to_owned()))
}

/// Reads digits of exactly this many characters.
fn digits(text: &str, length: usize) -> Option<i64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    let result = days(year, month, day);
    let exists = super::super::value::civil(result) == (year, month, day);
    (parts.next().is_none() && exists && (1700..=4000).contains(&year)).then_some(result)
}

/// Reads `hh:mm:ss[.fff]` and returns milliseconds.
fn clock(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = whole.split(':');
    let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let second = digits(parts.next()?, 2).filter(|second| *second < 60)?;
    if parts.next().is_some() || fraction.is_empty() || fraction.len() > 3 {
        return None;
    }
    let milliseconds = digits(&format!("{fraction:0<3}"), 3)?;
    Some(((hour * 60 + minute) * 60 + second) * 1000 + milliseconds)
}

fn time(text: &str) -> Option<u32> {
    u32::try_from(clock(text.strip_suffix('Z')?)?).ok()
}

fn date_time(text: &str, grammar: Grammar) -> Option<Literal> {
    let Some((day, rest)) = text.split_once('T') else {
        return date(text).map(Literal::Date);
    };
    let day = date(day)?;
    let (wall, offset_minutes) = match rest.strip_suffix('Z') {
        Some(wall) => (wall, 0),
        None => {
            let at = rest.rfind(['+', '-'])?;
            let (wall, zone) = rest.split_at_checked(at)?;
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let minutes = digits(hours, 2)? * 60 + digits(minutes, 2)?;
            (wall, if zone.starts_with('-') { -minutes } else { minutes })
        }
    };
    if wall.contains('.') && !grammar.fractional_seconds {
        return None;
    }
    let milliseconds = clock(wall)?;
    Some(Literal::DateTime(
        (day * 1440 - offset_minutes) * 60_000 + milliseconds,
    ))
}
