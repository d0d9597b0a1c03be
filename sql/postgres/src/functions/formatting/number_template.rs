//! Patterns of numbers: `999,999.99`, `FM0000`, `S9.9EEEE`.
//!
//! Owns: the grammar of patterns, and which of their parts go together. Does not own: what they print; see `number_text`.
//! Invariant: a pattern that PostgreSQL refuses is refused, with 42601. Start at [`NumberTemplate::compiled`].

use datafusion::common::{DataFusionError, Result};

use crate::types::fault;

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Nine,
    Zero,
    /// A decimal point.
    Point,
    Comma,
    Group,
    Currency,
    Minus,
    Plus,
    Sign,
    /// In upper case if so.
    Roman(bool),
    Ordinal(bool),
    Letter(char),
    /// What is written together with the digits, or not at all.
    Anchored,
}

/// Where the sign of `S` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Before,
    After,
}

/// A compiled pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct NumberTemplate {
    pub(super) nodes: Vec<Node>,
    /// Digits before the point.
    pub(super) whole: usize,
    /// Digits after it.
    pub(super) fraction: usize,
    /// The place of the first `0` before the point, from 1; 0 when there is none.
    pub(super) first_zero: usize,
    pub(super) last_zero: usize,
    pub(super) sign: Option<Anchor>,
    /// Digits before the `S`.
    pub(super) digits_before_sign: usize,
    /// Digits that `V` shifts by.
    pub(super) shift: usize,
    pub(super) is_bare: bool,
    pub(super) has_zero: bool,
    pub(super) has_point: bool,
    pub(super) has_shift: bool,
    pub(super) has_minus: bool,
    pub(super) has_plus: bool,
    pub(super) has_brackets: bool,
    pub(super) has_blank: bool,
    pub(super) is_roman: bool,
    pub(super) is_scientific: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Comma,
    Point,
    Zero,
    Nine,
    Blank,
    Currency,
    LocalPoint,
    Scientific,
    Bare,
    Group,
    Minus,
    Plus,
    Brackets,
    Roman(bool),
    BothSigns,
    Spelled,
    Sign,
    Ordinal(bool),
    Shift,
    /// Known and without effect.
    Nothing,
}

const KEYS: &[(&str, Key)] = &[
    (",", Key::Comma),
    (".", Key::Point),
    ("0", Key::Zero),
    ("9", Key::Nine),
    ("B", Key::Blank),
    ("C", Key::Nothing),
    ("D", Key::LocalPoint),
    ("EEEE", Key::Scientific),
    ("FM", Key::Bare),
    ("G", Key::Group),
    ("L", Key::Currency),
    ("MI", Key::Minus),
    ("PL", Key::Plus),
    ("PR", Key::Brackets),
    ("RN", Key::Roman(true)),
    ("SG", Key::BothSigns),
    ("SP", Key::Spelled),
    ("S", Key::Sign),
    ("TH", Key::Ordinal(true)),
    ("V", Key::Shift),
    ("b", Key::Blank),
    ("c", Key::Nothing),
    ("d", Key::LocalPoint),
    ("eeee", Key::Scientific),
    ("fm", Key::Bare),
    ("g", Key::Group),
    ("l", Key::Currency),
    ("mi", Key::Minus),
    ("pl", Key::Plus),
    ("pr", Key::Brackets),
    ("rn", Key::Roman(false)),
    ("sg", Key::BothSigns),
    ("sp", Key::Spelled),
    ("s", Key::Sign),
    ("th", Key::Ordinal(false)),
    ("v", Key::Shift),
];

fn wrong(message: &str) -> DataFusionError {
    fault("42601", message)
}

impl NumberTemplate {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// 42601 for parts that don't go together.
    pub(super) fn compiled(pattern: &str) -> Result<Self> {
        let mut template = Self::default();
        let mut rest = pattern;
        while !rest.is_empty() {
            if let Some((name, key)) = KEYS.iter().find(|(name, _)| rest.starts_with(name)) {
                rest = rest.get(name.len()..).unwrap_or_default();
                let node = template.add(*key)?;
                template.nodes.push(node);
                continue;
            }
            if let Some(quoted) = rest.strip_prefix('"') {
                let mut letters = quoted.chars();
                while let Some(letter) = letters.next() {
                    match letter {
                        '"' => break,
                        '\\' => template.nodes.extend(letters.next().map(Node::Letter)),
                        _ => template.nodes.push(Node::Letter(letter)),
                    }
                }
                rest = letters.as_str();
                continue;
            }
            if rest.starts_with("\\\"") {
                rest = rest.get(1..).unwrap_or_default();
            }
            let mut letters = rest.chars();
            template.nodes.extend(letters.next().map(Node::Letter));
            rest = letters.as_str();
        }
        Ok(template)
    }

    fn add(&mut self, key: Key) -> Result<Node> {
        if self.is_scientific && key != Key::Scientific {
            return Err(wrong("\"EEEE\" must be the last pattern used"));
        }
        Ok(match key {
            Key::Nine => self.nine()?,
            Key::Zero => self.zero()?,
            Key::Point | Key::LocalPoint => self.point()?,
            Key::Sign => self.sign()?,
            Key::Minus | Key::Plus | Key::BothSigns => self.separate_sign(key)?,
            Key::Brackets => self.brackets()?,
            Key::Shift => self.shift()?,
            Key::Scientific => self.scientific()?,
            Key::Blank => {
                self.has_blank |= self.whole == 0 && self.fraction == 0 && !self.has_zero;
                Node::Anchored
            }
            Key::Bare => {
                self.is_bare = true;
                Node::Anchored
            }
            Key::Roman(is_upper) => {
                self.is_roman = true;
                Node::Roman(is_upper)
            }
            Key::Comma => Node::Comma,
            Key::Group => Node::Group,
            Key::Currency => Node::Currency,
            Key::Ordinal(is_upper) => Node::Ordinal(is_upper),
            Key::Spelled | Key::Nothing => Node::Anchored,
        })
    }

    fn nine(&mut self) -> Result<Node> {
        if self.has_brackets {
            return Err(wrong("\"9\" must be ahead of \"PR\""));
        }
        if self.has_shift {
            self.shift += 1;
        } else if self.has_point {
            self.fraction += 1;
        } else {
            self.whole += 1;
        }
        Ok(Node::Nine)
    }

    fn zero(&mut self) -> Result<Node> {
        if self.has_brackets {
            return Err(wrong("\"0\" must be ahead of \"PR\""));
        }
        if !self.has_zero && !self.has_point {
            self.has_zero = true;
            self.first_zero = self.whole + 1;
        }
        if self.has_point {
            self.fraction += 1;
        } else {
            self.whole += 1;
        }
        self.last_zero = self.whole + self.fraction;
        Ok(Node::Zero)
    }

    fn point(&mut self) -> Result<Node> {
        if self.has_point {
            return Err(wrong("multiple decimal points"));
        }
        if self.has_shift {
            return Err(wrong("cannot use \"V\" and decimal point together"));
        }
        self.has_point = true;
        Ok(Node::Point)
    }

    fn sign(&mut self) -> Result<Node> {
        if self.sign.is_some() {
            return Err(wrong("cannot use \"S\" twice"));
        }
        if self.has_separate_sign() {
            return Err(wrong("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
        }
        if self.has_point {
            self.sign = Some(Anchor::After);
        } else {
            self.sign = Some(Anchor::Before);
            self.digits_before_sign = self.whole;
        }
        Ok(Node::Anchored)
    }

    /// `MI`, `PL` or `SG`.
    fn separate_sign(&mut self, key: Key) -> Result<Node> {
        let (name, node) = match key {
            Key::Minus => ("MI", Node::Minus),
            Key::Plus => ("PL", Node::Plus),
            _ => ("SG", Node::Sign),
        };
        if self.sign.is_some() {
            return Err(wrong(&format!("cannot use \"S\" and \"{name}\" together")));
        }
        self.has_minus |= key != Key::Plus;
        self.has_plus |= key != Key::Minus;
        Ok(node)
    }

    fn brackets(&mut self) -> Result<Node> {
        if self.sign.is_some() || self.has_plus || self.has_minus {
            return Err(wrong("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
        }
        self.has_brackets = true;
        Ok(Node::Anchored)
    }

    fn shift(&mut self) -> Result<Node> {
        if self.has_point {
            return Err(wrong("cannot use \"V\" and decimal point together"));
        }
        self.has_shift = true;
        Ok(Node::Anchored)
    }

    fn scientific(&mut self) -> Result<Node> {
        if self.is_scientific {
            return Err(wrong("cannot use \"EEEE\" twice"));
        }
        let has_sign = self.sign.is_some() || self.has_separate_sign();
        if self.has_blank || self.is_bare || has_sign || self.is_roman || self.has_shift {
            return Err(wrong("\"EEEE\" is incompatible with other formats"));
        }
        self.is_scientific = true;
        Ok(Node::Anchored)
    }

    fn has_separate_sign(&self) -> bool {
        self.has_plus || self.has_minus || self.has_brackets
    }
}
