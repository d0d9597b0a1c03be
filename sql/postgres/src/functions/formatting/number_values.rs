//! `to_number`.
//!
//! Owns: digits in the places of a pattern. Does not own: patterns; see `number_template`. Invariant: no more digits are read than the
//! pattern has. Start at [`read`].

use datafusion::common::Result;

use super::number_template::{Anchor, Node, NumberTemplate};
use crate::functions::decimals;
use crate::types::{fault, unsupported};

/// Reads a number by a pattern: its digits and how many of them are after the point.
///
/// # Errors
/// 22P02 for a text without digits, 22003 for more of them than the pattern has.
pub(super) fn read(text: &str, template: &NumberTemplate) -> Result<(i128, i8)> {
    if template.is_scientific {
        return Err(unsupported("\"EEEE\" not supported for input"));
    }
    if template.is_roman {
        return Err(unsupported("\"RN\" not supported for input"));
    }
    let mut reader = Reader {
        template,
        letters: text.chars().collect(),
        at: 0,
        sign: ' ',
        number: String::new(),
        whole: 0,
        fraction: 0,
        has_point: false,
    };
    for node in &template.nodes {
        if reader.peek().is_none() {
            break;
        }
        reader.node(*node);
    }
    let number = reader.number.trim_end_matches('.');
    let signed = format!("{}{number}", reader.sign);
    if number.is_empty() {
        let message = format!("invalid input syntax for type numeric: \"{signed}\"");
        return Err(fault("22P02", message));
    }
    let (value, scale) = decimals::parsed(signed.trim())?;
    let most = template.whole + template.shift;
    if reader.whole > most
        && number
            .trim_start_matches('0')
            .split('.')
            .next()
            .is_some_and(|whole| whole.len() > most)
    {
        return Err(fault("22003", "numeric field overflow"));
    }
    let shift = i8::try_from(template.shift).unwrap_or(i8::MAX);
    Ok((value, scale.saturating_add(shift)))
}

struct Reader<'a> {
    template: &'a NumberTemplate,
    letters: Vec<char>,
    at: usize,
    sign: char,
    number: String,
    whole: usize,
    fraction: usize,
    has_point: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    /// Skips what can be no part of a number.
    fn skip_other(&mut self, count: usize) {
        for _ in 0..count {
            match self.peek() {
                Some(letter) if !letter.is_ascii_digit() && !matches!(letter, '.' | ',' | '+' | '-') => {
                    self.at += 1
                }
                _ => break,
            }
        }
    }

    fn node(&mut self, node: Node) {
        match node {
            Node::Nine | Node::Zero | Node::Point => {
                self.digit(node);
                self.at += 1;
            }
            Node::Comma | Node::Group => {
                let is_inside = self.whole + self.fraction > 0;
                if (is_inside || !self.template.is_bare) && self.peek() == Some(',') {
                    self.at += 1;
                }
            }
            Node::Currency => self.skip_other(1),
            Node::Ordinal(_) if !self.template.has_point && self.sign != '-' => self.skip_other(2),
            Node::Minus | Node::Plus | Node::Sign => {
                let takes = |letter: char| match node {
                    Node::Minus => letter == '-',
                    Node::Plus => letter == '+',
                    _ => matches!(letter, '-' | '+'),
                };
                match self.peek() {
                    Some(letter) if takes(letter) => {
                        self.sign = letter;
                        self.at += 1;
                    }
                    _ => self.skip_other(1),
                }
            }
            Node::Letter(_) => self.at += 1,
            Node::Ordinal(_) | Node::Roman(_) | Node::Anchored => {}
        }
    }

    /// One place: a sign that stands before it, a digit or the point, a sign behind the last one. It ends on the last letter that it took.
    fn digit(&mut self, node: Node) {
        if self.peek() == Some(' ') {
            self.at += 1;
        }
        let Some(mut letter) = self.peek() else {
            return;
        };
        let has_none = self.whole + self.fraction == 0;
        if self.sign == ' ' && node != Node::Point && has_none {
            let is_local = self.template.sign == Some(Anchor::Before);
            let is_negative = letter == '-' || (!is_local && self.template.has_brackets && letter == '<');
            if is_negative || letter == '+' {
                self.sign = if is_negative { '-' } else { '+' };
                self.at += 1;
            }
        }
        match self.peek() {
            Some(next) => letter = next,
            None => return,
        }
        let mut is_read = false;
        if letter.is_ascii_digit() {
            if self.has_point && self.fraction == self.template.fraction {
                return;
            }
            self.number.push(letter);
            if self.has_point {
                self.fraction += 1;
            } else {
                self.whole += 1;
            }
            is_read = true;
        } else if self.template.has_point && !self.has_point && letter == '.' {
            self.number.push('.');
            self.has_point = true;
            is_read = true;
        }
        if self.sign != ' ' || self.whole + self.fraction == 0 {
            return;
        }
        let template = self.template;
        if template.sign.is_some() && is_read {
            let next = self.letters.get(self.at + 1).copied();
            if let Some(sign @ ('-' | '+')) = next {
                self.sign = sign;
                self.at += 1;
            }
        } else if !is_read
            && template.sign.is_none()
            && (template.has_plus || template.has_minus)
            && matches!(letter, '-' | '+')
        {
            self.sign = letter;
        }
    }
}
