//! `to_char` of numbers.
//!
//! Owns: digits in the places of a pattern. Does not own: patterns; see `number_template`. Invariant: a number that does not fit the
//! pattern prints as `#`, never as another number. Start at [`of_decimal`].

use std::fmt::Write as _;

use datafusion::common::Result;

use super::moment_template::Ordinal;
use super::moment_text::ordinal_of;
use super::number_digits::{roman, rounded, scientific, scientific_decimal};
use super::number_template::{Anchor, Node, NumberTemplate};
use crate::functions::decimals;
use crate::types::{Kind, out_of_range};

/// A whole number.
pub(super) fn of_integer(value: i64, template: &NumberTemplate) -> Result<String> {
    if template.is_roman {
        return Ok(print(template, &roman(value), false, 0));
    }
    of_decimal(i128::from(value), 0, template)
}

/// An `integer`, whose powers of ten are those of a double.
pub(super) fn of_small_integer(value: i32, template: &NumberTemplate) -> Result<String> {
    if template.is_scientific && !template.is_roman {
        return Ok(scientific(f64::from(value), template.fraction));
    }
    of_integer(i64::from(value), template)
}

/// `value` / 10^`scale`.
pub(super) fn of_decimal(value: i128, scale: i8, template: &NumberTemplate) -> Result<String> {
    if template.is_roman {
        let whole = decimals::rescaled(value, scale, 38, 0)?;
        let whole = i32::try_from(whole).map_err(|_| out_of_range(Kind::Int4))?;
        return Ok(print(template, &roman(i64::from(whole)), false, 0));
    }
    if template.is_scientific {
        return Ok(scientific_decimal(value, scale, template.fraction));
    }
    let places = i8::try_from(template.fraction).unwrap_or(i8::MAX);
    let shift = i8::try_from(template.shift).unwrap_or(i8::MAX);
    // A shift by V moves the point to the right.
    let (value, scale) = (value, scale.saturating_sub(shift));
    let digits = rounded(value, scale, places);
    Ok(fitted(
        template,
        template.whole + template.shift,
        &digits,
        value < 0,
    ))
}

/// The digits in the places of the pattern, or `#` when there are more.
fn fitted(template: &NumberTemplate, places: usize, digits: &str, is_negative: bool) -> String {
    let length = digits.find('.').unwrap_or(digits.len());
    // A number that is rounded to zero has no sign.
    let is_negative = is_negative && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    if length > places {
        let mut overflow = "#".repeat(places);
        overflow.push('.');
        overflow.push_str(&"#".repeat(template.fraction));
        return print(template, &overflow, is_negative, 0);
    }
    print(template, digits, is_negative, places - length)
}

/// A double, with as many digits as it has.
pub(super) fn of_float(value: f64, most_digits: usize, template: &NumberTemplate) -> Result<String> {
    if template.is_roman {
        let whole = value.round_ties_even();
        if !(1.0..4000.0).contains(&whole) {
            return Ok(print(template, &roman(0), false, 0));
        }
        #[allow(clippy::cast_possible_truncation, reason = "checked to be below 4000")]
        return Ok(print(template, &roman(whole as i64), false, 0));
    }
    if template.is_scientific {
        if !value.is_finite() {
            let mut overflow = " ".to_owned();
            overflow.push_str(&"#".repeat(template.whole));
            overflow.push('.');
            overflow.push_str(&"#".repeat(template.fraction + 4));
            return Ok(overflow);
        }
        return Ok(scientific(value, template.fraction));
    }
    let shifted = value * 10_f64.powi(i32::try_from(template.shift).unwrap_or_default());
    let places = template.whole + template.shift;
    if !shifted.is_finite() {
        let text = if shifted.is_nan() { "NaN" } else { "Infinity" };
        if text.len() > places {
            return Ok(fitted(template, places, &"9".repeat(places + 1), shifted < 0.0));
        }
        return Ok(print(template, text, shifted < 0.0, places - text.len()));
    }
    let whole = format!("{:.0}", shifted.abs());
    let fraction = if whole.len() >= most_digits {
        0
    } else {
        template.fraction.min(most_digits - whole.len())
    };
    let digits = format!("{:.fraction$}", shifted.abs());
    let cut = NumberTemplate {
        fraction,
        ..template.clone()
    };
    let length = digits.find('.').unwrap_or(digits.len());
    if length > places {
        return Ok(fitted(&cut, places, &digits, shifted < 0.0));
    }
    Ok(print(
        &cut,
        &digits,
        shifted.is_sign_negative() && shifted != 0.0,
        places - length,
    ))
}

/// What is printed digit by digit.
struct Printer<'a> {
    template: &'a NumberTemplate,
    digits: &'a [u8],
    is_negative: bool,
    /// Places of the pattern before the first digit.
    blanks: usize,
    /// The last digit that says something, under FM.
    relevant: Option<usize>,
    anchor: Option<Anchor>,
    has_brackets: bool,
    has_sign: bool,
    /// The next digit.
    at: usize,
    /// The next place.
    place: usize,
    places: usize,
    is_inside: bool,
    out: String,
}

fn print(template: &NumberTemplate, digits: &str, is_negative: bool, blanks: usize) -> String {
    if template.is_roman {
        return print_roman(template, digits);
    }
    let digits = digits.as_bytes();
    let has_own_sign = template.has_plus || template.has_minus;
    let mut anchor = template.sign;
    let mut has_sign = has_own_sign && (template.has_minus || !template.has_plus);
    if !has_own_sign {
        has_sign = !is_negative && template.is_bare && template.sign.is_none();
        if anchor == Some(Anchor::Before) && template.whole == template.digits_before_sign {
            anchor = Some(Anchor::After);
        }
    }
    let relevant = relevant_digit(template, digits, blanks);
    let mut places = template.fraction + template.whole + template.shift;
    if !has_sign && blanks == 0 {
        places += 1;
    }
    let mut printer = Printer {
        template,
        digits,
        is_negative,
        blanks,
        relevant,
        anchor,
        has_brackets: template.has_brackets && (is_negative || !template.is_bare || has_own_sign),
        has_sign,
        at: 0,
        place: 0,
        places,
        is_inside: false,
        out: String::new(),
    };
    for node in &template.nodes {
        printer.node(*node);
    }
    printer.out
}

fn print_roman(template: &NumberTemplate, numeral: &str) -> String {
    let mut out = String::new();
    for node in &template.nodes {
        match node {
            Node::Roman(is_upper) => {
                let numeral = if *is_upper {
                    numeral.to_owned()
                } else {
                    numeral.to_lowercase()
                };
                let width = if template.is_bare { 0 } else { 15 };
                // Writing to memory can't fail.
                let _ = write!(out, "{numeral:>width$}");
            }
            Node::Letter(letter) => out.push(*letter),
            Node::Comma | Node::Group if !template.is_bare => out.push(' '),
            Node::Currency => out.push(' '),
            Node::Minus | Node::Plus | Node::Sign if !template.is_bare => out.push(' '),
            _ => {}
        }
    }
    out
}

/// Under FM zeros at the end of a fraction are not printed, except in the places of `0`.
fn relevant_digit(template: &NumberTemplate, digits: &[u8], blanks: usize) -> Option<usize> {
    if !template.is_bare || !template.has_point {
        return None;
    }
    let point = digits.iter().position(|digit| *digit == b'.')?;
    let last = digits
        .iter()
        .rposition(|digit| !matches!(digit, b'0' | b'.'))
        .filter(|last| *last > point);
    let mut relevant = last.unwrap_or(point);
    if template.last_zero > blanks {
        let zero = (digits.len() - 1).min(template.last_zero - blanks);
        relevant = relevant.max(zero);
    }
    Some(relevant)
}

impl Printer<'_> {
    fn node(&mut self, node: Node) {
        let is_bare = self.template.is_bare;
        match node {
            Node::Nine | Node::Zero | Node::Point => self.place(node),
            Node::Comma | Node::Group if self.is_inside => self.out.push(','),
            Node::Comma | Node::Group if is_bare => {}
            Node::Comma | Node::Group | Node::Currency => self.out.push(' '),
            Node::Minus if self.is_negative => self.out.push('-'),
            Node::Plus if !self.is_negative => self.out.push('+'),
            Node::Minus | Node::Plus if is_bare => {}
            Node::Minus | Node::Plus => self.out.push(' '),
            Node::Sign => self.out.push(if self.is_negative { '-' } else { '+' }),
            Node::Ordinal(is_upper) => {
                let is_plain =
                    !self.digits.starts_with(b"#") && !self.is_negative && !self.template.has_point;
                if is_plain {
                    let ordinal = if is_upper { Ordinal::Upper } else { Ordinal::Lower };
                    let number = String::from_utf8_lossy(self.digits).into_owned();
                    self.out.push_str(ordinal_of(&number, ordinal));
                }
            }
            Node::Letter(letter) => self.out.push(letter),
            Node::Roman(_) | Node::Anchored => {}
        }
    }

    fn sign(&self) -> char {
        if self.is_negative { '-' } else { '+' }
    }

    /// Whether the next digit is the zero before a point that no `0` asks for.
    fn is_needless_zero(&self) -> bool {
        let is_first = self.at == 0 && self.digits.first() == Some(&b'0');
        !self.template.has_zero && is_first && self.template.fraction != 0
    }

    fn is_at_point(&self, at: Option<usize>) -> bool {
        at.and_then(|at| self.digits.get(at)) == Some(&b'.')
    }

    fn place(&mut self, node: Node) {
        let template = self.template;
        self.is_inside = false;
        let first_zero = template.first_zero.saturating_sub(1);
        let begins = self.place >= self.blanks || (template.has_zero && first_zero == self.place);
        if !self.has_sign && begins && (!self.is_needless_zero() || self.is_at_point(self.relevant)) {
            self.write_sign();
        }
        if self.place < self.blanks && (!template.has_zero || first_zero > self.place) {
            if !template.is_bare {
                self.out.push(' ');
            }
        } else if self.place < self.blanks {
            self.out.push('0');
            self.is_inside = true;
        } else {
            self.write_digit(node);
            if self.at < self.digits.len() {
                self.at += 1;
            }
        }
        let mut end = self.places - 1 + usize::from(self.blanks > 0) + usize::from(template.has_point);
        if self.relevant == Some(self.at) {
            end = self.place;
        }
        if self.place + 1 == end {
            if self.has_sign && self.has_brackets {
                self.out.push(if self.is_negative { '>' } else { ' ' });
            } else if self.anchor == Some(Anchor::After) {
                self.out.push(self.sign());
            }
        }
        self.place += 1;
    }

    fn write_sign(&mut self) {
        if self.anchor == Some(Anchor::After) {
            return;
        }
        if self.anchor == Some(Anchor::Before) {
            self.out.push(self.sign());
        } else if self.has_brackets {
            self.out.push(if self.is_negative { '<' } else { ' ' });
        } else if self.is_negative {
            self.out.push('-');
        } else if !self.template.is_bare {
            self.out.push(' ');
        }
        self.has_sign = true;
    }

    fn write_digit(&mut self, node: Node) {
        let Some(digit) = self.digits.get(self.at).copied() else {
            return;
        };
        if digit == b'.' {
            self.out.push('.');
            return;
        }
        let is_beyond = self.relevant.is_some_and(|relevant| self.at > relevant);
        if is_beyond && node != Node::Zero {
            return;
        }
        if self.is_needless_zero() {
            if !self.template.is_bare {
                self.out.push(' ');
            } else if self.is_at_point(self.relevant) {
                self.out.push('0');
            }
            return;
        }
        self.out.push(char::from(digit));
        self.is_inside = true;
    }
}
