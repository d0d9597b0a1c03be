//! The fields of a written moment or interval: numbers, times, dates, words, signed numbers.
//!
//! Owns: where a field ends, and which sort it is. Does not own: what the fields mean together; see the parent module.
//! Invariant: letters are in lower case. Start at [`fields`].

/// What a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Digits, perhaps with one point.
    Number,
    /// Digits and separators, or letters with them: a date, or the name of a zone.
    Date,
    /// Digits with colons.
    Time,
    /// Letters.
    Word,
    /// A sign and digits.
    Signed,
    /// A sign and letters.
    SignedWord,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) sort: Sort,
}

const MOST_FIELDS: usize = 25;

/// The fields of a text; `None` for what no date, time or interval is made of.
pub(crate) fn fields(text: &str) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    let mut reader = Reader {
        rest: text,
        taken: String::new(),
    };
    while let Some(next) = reader.peek() {
        let sort = match next {
            _ if next.is_ascii_whitespace() || next == '\x0b' => {
                reader.skip();
                continue;
            }
            '0'..='9' => reader.number(),
            '.' => {
                reader.take();
                reader.take_while(|c| c.is_ascii_digit());
                Sort::Number
            }
            _ if next.is_ascii_alphabetic() => reader.word(),
            '+' | '-' => reader.signed()?,
            _ if next.is_ascii_punctuation() => {
                reader.skip();
                continue;
            }
            _ => return None,
        };
        found.push(Field {
            text: std::mem::take(&mut reader.taken),
            sort,
        });
        if found.len() > MOST_FIELDS {
            return None;
        }
    }
    Some(found)
}

struct Reader<'a> {
    rest: &'a str,
    taken: String,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn is(&self, wanted: impl Fn(char) -> bool) -> bool {
        self.peek().is_some_and(wanted)
    }

    fn skip(&mut self) {
        let mut rest = self.rest.chars();
        rest.next();
        self.rest = rest.as_str();
    }

    fn take(&mut self) {
        if let Some(next) = self.peek() {
            self.taken.push(next.to_ascii_lowercase());
            self.skip();
        }
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.is(&wanted) {
            self.take();
        }
    }

    fn number(&mut self) -> Sort {
        self.take_while(|c| c.is_ascii_digit());
        let Some(separator) = self.peek() else {
            return Sort::Number;
        };
        match separator {
            ':' => {
                self.take_while(|c| c.is_ascii_digit() || matches!(c, ':' | '.'));
                Sort::Time
            }
            '-' | '/' | '.' => {
                self.take();
                if !self.is(|c| c.is_ascii_digit()) {
                    self.take_while(|c| c.is_ascii_alphanumeric() || c == separator);
                    return Sort::Date;
                }
                self.take_while(|c| c.is_ascii_digit());
                if self.is(|c| c == separator) {
                    self.take_while(|c| c.is_ascii_digit() || c == separator);
                    return Sort::Date;
                }
                if separator == '.' {
                    Sort::Number
                } else {
                    Sort::Date
                }
            }
            _ => Sort::Number,
        }
    }

    /// Letters; what stands behind them without a space belongs to a date or to the name of a zone.
    fn word(&mut self) -> Sort {
        self.take_while(|c| c.is_ascii_alphabetic());
        let goes_on = match self.peek() {
            Some('-' | '/' | '.') => true,
            Some(next) if next == '+' || next.is_ascii_digit() => super::words::word(&self.taken).is_none(),
            _ => false,
        };
        if !goes_on {
            return Sort::Word;
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '/' | '_' | '.' | ':'));
        Sort::Date
    }

    fn signed(&mut self) -> Option<Sort> {
        self.take();
        while self.is(|c| c.is_ascii_whitespace()) {
            self.skip();
        }
        match self.peek()? {
            next if next.is_ascii_digit() => {
                self.take_while(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '-'));
                Some(Sort::Signed)
            }
            next if next.is_ascii_alphabetic() => {
                self.take_while(|c| c.is_ascii_alphabetic());
                Some(Sort::SignedWord)
            }
            _ => None,
        }
    }
}
