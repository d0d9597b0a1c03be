//! Reads SOQL back by its grammar, without a look at the code that writes it.
//!
//! Owns: the grammar as the reference gives it, as far as our queries go. Does not own: what should stand in a query.
//! Invariant: whatever the grammar does not allow is an error; no text is skipped. Start at [`read`].
//! Source: SOQL and SOSL Reference, "SOQL SELECT Syntax" and "Quoted String Escape Sequences", read 2026-11.

use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

/// A query, or the one inside a semi-join.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Statement {
    pub(super) selected: Vec<String>,
    pub(super) object: String,
    /// What must hold, each part once.
    pub(super) filter: Vec<Tree>,
    pub(super) groups: Vec<String>,
    pub(super) having: Vec<String>,
    pub(super) order: Vec<String>,
    pub(super) limit: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Is(Test),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Test {
    pub(super) field: String,
    /// `NOT LIKE` is the whole of `(NOT field LIKE …)`.
    pub(super) operator: String,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    /// A text in which `\%` and `\_` are no wildcards.
    Pattern(String),
    Plain(String),
    List(Vec<Value>),
    Query(Box<Statement>),
}

impl Tree {
    /// The tree without an AND inside an AND, an OR inside an OR, or either of a single part.
    pub(super) fn flat(self) -> Self {
        let (is_all, parts) = match self {
            Self::Is(_) => return self,
            Self::All(parts) => (true, parts),
            Self::Any(parts) => (false, parts),
        };
        let mut flat = Vec::new();
        for part in parts {
            match part.flat() {
                Self::All(inner) if is_all => flat.extend(inner),
                Self::Any(inner) if !is_all => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match (flat.len(), is_all) {
            (1, _) => flat.remove(0),
            (_, true) => Self::All(flat),
            (_, false) => Self::Any(flat),
        }
    }

    /// The parts of an AND, each once.
    pub(super) fn conjuncts(self) -> Vec<Self> {
        let parts = match self.flat() {
            Self::All(parts) => parts,
            other => vec![other],
        };
        let mut distinct = Vec::new();
        for part in parts {
            if !distinct.contains(&part) {
                distinct.push(part);
            }
        }
        distinct
    }
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Statement, String> {
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
    };
    let statement = reader.statement()?;
    match reader.tokens.next() {
        None => Ok(statement),
        Some(token) => Err(format!("{token:?} after the end")),
    }
}

/// Whether a name can be one of a field: words joined by dots.
pub(super) fn is_field(text: &str) -> bool {
    let is_word = |word: &str| {
        let mut letters = word.chars();
        !word.is_empty() && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    text.split('.').all(is_word)
}

/// The text of a literal, by the documented escapes.
pub(in crate::query) fn unescape(inner: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => return None,
            control if control.is_control() => return None,
            '\\' => text.push(escaped(characters.next()?, &mut characters)?),
            plain => text.push(plain),
        }
    }
    Some(text)
}

fn escaped(letter: char, rest: &mut Chars<'_>) -> Option<char> {
    Some(match letter {
        'n' | 'N' => '\n',
        'r' | 'R' => '\r',
        't' | 'T' => '\t',
        'b' | 'B' => '\u{8}',
        'f' | 'F' => '\u{c}',
        quoted @ ('"' | '\'' | '\\') => quoted,
        'u' | 'U' => {
            let digits: String = rest.by_ref().take(4).collect();
            char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
        }
        _ => return None,
    })
}

/// The pattern of a LIKE literal: its wildcards may be escaped too, and stay so.
fn unescape_pattern(inner: &str) -> Option<String> {
    let mut pattern = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find(r"\%").into_iter().chain(rest.find(r"\_")).min() {
        let (before, wildcard) = rest.split_at(at);
        // A backslash before this one would make it a text of its own.
        if before.ends_with('\\') {
            return None;
        }
        pattern += &unescape(before)?;
        pattern += &wildcard[..2];
        rest = &wildcard[2..];
    }
    Some(pattern + &unescape(rest)?)
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Sign(&'static str),
    /// What stands between the quotes.
    Literal(String),
}

const SIGNS: [&str; 9] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ","];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_.:-".contains(letter);
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == ' ' {
            rest = &rest[1..];
        } else if first == '\'' {
            let end = literal_end(&rest[1..]).ok_or("a literal without an end")?;
            tokens.push(Token::Literal(rest[1..][..end].to_owned()));
            rest = &rest[end + 2..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("{first:?} stands outside of literals"));
            }
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        }
    }
    Ok(tokens)
}

/// Where the closing quote is.
fn literal_end(rest: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\'' => return Some(at),
            _ => {}
        }
    }
    None
}

struct Reader {
    tokens: Peekable<IntoIter<Token>>,
}

impl Reader {
    fn next_is(&mut self, word: &str) -> bool {
        let is_it = |token: &Token| match token {
            Token::Word(found) => found == word,
            Token::Sign(found) => *found == word,
            Token::Literal(_) => false,
        };
        self.tokens.peek().is_some_and(is_it)
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.next_is(word);
        if is_next {
            self.tokens.next();
        }
        is_next
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        match self.takes(word) {
            true => Ok(()),
            false => Err(format!("{:?} instead of {word}", self.tokens.peek())),
        }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("{other:?} instead of a word")),
        }
    }

    fn field(&mut self) -> Result<String, String> {
        let word = self.word()?;
        is_field(&word)
            .then_some(word)
            .ok_or_else(|| "no name of a field".to_owned())
    }

    fn number(&mut self) -> Result<String, String> {
        let word = self.word()?;
        word.parse::<i64>()
            .map(|_| word)
            .map_err(|error| error.to_string())
    }

    fn list<T>(&mut self, item: fn(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut items = vec![item(self)?];
        while self.takes(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn statement(&mut self) -> Result<Statement, String> {
        self.expect("SELECT")?;
        let mut statement = Statement {
            selected: self.list(Self::selected)?,
            ..Statement::default()
        };
        self.expect("FROM")?;
        statement.object = self.field()?;
        if self.takes("WHERE") {
            statement.filter = self.tree()?.conjuncts();
        }
        if self.takes("GROUP") {
            self.expect("BY")?;
            statement.groups = self.list(Self::field)?;
        }
        if self.takes("HAVING") {
            statement.having.push(self.kept_group()?);
            while self.takes("AND") {
                statement.having.push(self.kept_group()?);
            }
        }
        if self.takes("ORDER") {
            self.expect("BY")?;
            statement.order = self.list(Self::sort)?;
        }
        if self.takes("LIMIT") {
            statement.limit = Some(self.number()?.parse().map_err(|_| "a negative limit")?);
        }
        Ok(statement)
    }

    /// A field or a call, and its alias.
    fn selected(&mut self) -> Result<String, String> {
        let mut item = self.called()?;
        if !self.next_is(",") && !self.next_is("FROM") {
            item = format!("{item} {}", self.field()?);
        }
        Ok(item)
    }

    fn called(&mut self) -> Result<String, String> {
        let name = self.field()?;
        if !self.takes("(") {
            return Ok(name);
        }
        let argument = self.field()?;
        self.expect(")")?;
        Ok(format!("{name}({argument})"))
    }

    fn kept_group(&mut self) -> Result<String, String> {
        Ok(format!(
            "{} {} {}",
            self.called()?,
            self.comparison()?,
            self.number()?
        ))
    }

    fn sort(&mut self) -> Result<String, String> {
        let (field, direction) = (self.field()?, self.word()?);
        self.expect("NULLS")?;
        Ok(format!("{field} {direction} {}", self.word()?))
    }

    fn comparison(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Sign(sign)) if !"(),".contains(sign) => Ok(sign.to_owned()),
            other => Err(format!("{other:?} instead of a comparison")),
        }
    }

    /// Units joined by AND, or by OR; both side by side need parentheses.
    fn tree(&mut self) -> Result<Tree, String> {
        let mut units = vec![self.unit()?];
        let word = if self.next_is("AND") { "AND" } else { "OR" };
        while self.takes(word) {
            units.push(self.unit()?);
        }
        if self.next_is("AND") || self.next_is("OR") {
            return Err("AND beside OR".to_owned());
        }
        Ok(match (units.len(), word) {
            (1, _) => units.remove(0),
            (_, "AND") => Tree::All(units),
            _ => Tree::Any(units),
        })
    }

    fn unit(&mut self) -> Result<Tree, String> {
        if !self.takes("(") {
            return self.test().map(Tree::Is);
        }
        let unit = if self.takes("NOT") {
            let mut test = self.test()?;
            if test.operator != "LIKE" {
                return Err(format!("NOT before {}", test.operator));
            }
            test.operator = "NOT LIKE".to_owned();
            Tree::Is(test)
        } else {
            self.tree()?
        };
        self.expect(")")?;
        Ok(unit)
    }

    fn test(&mut self) -> Result<Test, String> {
        let field = self.field()?;
        let operator = if matches!(self.tokens.peek(), Some(Token::Sign(_))) {
            self.comparison()?
        } else if self.takes("NOT") {
            self.expect("IN")?;
            "NOT IN".to_owned()
        } else {
            self.word()?
        };
        let value = match operator.as_str() {
            "IN" | "NOT IN" | "INCLUDES" => self.several()?,
            "LIKE" => self.pattern()?,
            "=" | "!=" | "<" | "<=" | ">" | ">=" => self.constant()?,
            other => return Err(format!("no operator: {other}")),
        };
        Ok(Test {
            field,
            operator,
            value,
        })
    }

    fn several(&mut self) -> Result<Value, String> {
        self.expect("(")?;
        let value = if self.next_is("SELECT") {
            Value::Query(Box::new(self.statement()?))
        } else {
            Value::List(self.list(Self::constant)?)
        };
        self.expect(")")?;
        Ok(value)
    }

    fn pattern(&mut self) -> Result<Value, String> {
        match self.tokens.next() {
            Some(Token::Literal(inner)) => unescape_pattern(&inner)
                .map(Value::Pattern)
                .ok_or_else(|| "an unknown escape".to_owned()),
            other => Err(format!("{other:?} instead of a pattern")),
        }
    }

    fn constant(&mut self) -> Result<Value, String> {
        match self.tokens.next() {
            Some(Token::Literal(inner)) => unescape(&inner)
                .map(Value::Text)
                .ok_or_else(|| "an unknown escape".to_owned()),
            Some(Token::Word(word)) => Ok(Value::Plain(word)),
            other => Err(format!("{other:?} instead of a constant")),
        }
    }
}
