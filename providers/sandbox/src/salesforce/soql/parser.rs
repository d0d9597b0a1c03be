//! Reads a SOQL statement into its syntax tree.
//!
//! Owns: the grammar, with its rule that AND, OR and NOT mix only inside parentheses.
//! Does not own: names and types; see `bind`.

use super::super::error::ApiError;
use super::lexer::{Grammar, Located, Token, tokens};
use super::tree::{At, Condition, Function, Literal, Operator, Order, Query, Select, Term};

/// Parses a statement.
pub(crate) fn parse(text: &str, grammar: Grammar) -> Result<Query, ApiError> {
    let mut parser = Parser {
        text,
        grammar,
        tokens: tokens(text, grammar)?,
        next: 0,
    };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        Some(_) => Err(parser.unexpected()),
    }
}

/// Words that end a FROM clause, so that they aren't taken for an alias.
const CLAUSES: &[&str] = &[
    "USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "AS",
];

struct Parser<'a> {
    text: &'a str,
    grammar: Grammar,
    tokens: Vec<Located>,
    next: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(_, at)| *at)
    }

    fn unexpected(&self) -> ApiError {
        let message = match self.peek() {
            None => "unexpected token: '<EOF>'".to_owned(),
            Some(Token::Word(word)) => format!("unexpected token: '{word}'"),
            Some(Token::Symbol(symbol)) => format!("unexpected token: '{symbol}'"),
            Some(Token::Literal(_)) => "unexpected token: a literal".to_owned(),
        };
        ApiError::at("MALFORMED_QUERY", self.text, self.position(), &message)
    }

    fn is_word(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    fn accept_word(&mut self, keyword: &str) -> bool {
        let found = self.is_word(keyword);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, keyword: &str) -> Result<(), ApiError> {
        if self.accept_word(keyword) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), ApiError> {
        if self.accept(symbol) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self) -> Result<String, ApiError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.next += 1;
                Ok(word)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn query(&mut self) -> Result<Query, ApiError> {
        self.expect_word("SELECT")?;
        let select = self.separated(Self::select)?;
        self.expect_word("FROM")?;
        let from_at = self.position();
        let from = self.word()?;
        let _ = self.accept_word("AS");
        let alias = match self.peek() {
            Some(Token::Word(word)) if !CLAUSES.iter().any(|clause| word.eq_ignore_ascii_case(clause)) => {
                Some(self.word()?)
            }
            _ => None,
        };
        let filter = if self.accept_word("WHERE") {
            Some(self.condition()?)
        } else {
            None
        };
        let group = if self.accept_word("GROUP") {
            self.expect_word("BY")?;
            self.separated(Self::term)?
        } else {
            Vec::new()
        };
        let having = if self.accept_word("HAVING") {
            Some(self.condition()?)
        } else {
            None
        };
        let order = if self.accept_word("ORDER") {
            self.expect_word("BY")?;
            self.separated(Self::order)?
        } else {
            Vec::new()
        };
        let limit = if self.accept_word("LIMIT") {
            Some(self.limit()?)
        } else {
            None
        };
        let offset = if self.accept_word("OFFSET") {
            Some(self.count()?)
        } else {
            None
        };
        Ok(Query {
            select,
            from,
            from_at,
            alias,
            filter,
            group,
            having,
            order,
            limit,
            offset,
        })
    }

    fn separated<T>(&mut self, item: fn(&mut Self) -> Result<T, ApiError>) -> Result<Vec<T>, ApiError> {
        let mut items = vec![item(self)?];
        while self.accept(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn limit(&mut self) -> Result<usize, ApiError> {
        let at = self.position();
        let limit = self.count()?;
        if limit == 0 && !self.grammar.limit_zero {
            let message = "LIMIT must be a whole number above zero";
            return Err(ApiError::at("MALFORMED_QUERY", self.text, at, message));
        }
        Ok(limit)
    }

    fn select(&mut self) -> Result<Select, ApiError> {
        if self.accept("(") {
            let query = self.query()?;
            self.expect(")")?;
            return Ok(Select::Children(Box::new(query)));
        }
        let at = self.position();
        let name = self.word()?;
        if self.accept("(") {
            if self.accept(")") {
                return match Function::named(&name) {
                    Some(Function::Count) => Ok(Select::CountAll),
                    _ => Err(self.unexpected()),
                };
            }
            self.next -= 2;
        } else {
            self.next -= 1;
        }
        let term = self.term()?;
        debug_assert_eq!(term.at, at, "a select item starts with its term");
        let alias = match self.peek() {
            Some(Token::Word(word)) if !word.eq_ignore_ascii_case("FROM") => Some(self.word()?),
            _ => None,
        };
        Ok(Select::Term(term, alias))
    }

    fn term(&mut self) -> Result<Term, ApiError> {
        let at = self.position();
        let name = self.word()?;
        if !self.accept("(") {
            return Ok(Term {
                function: None,
                path: name,
                at,
            });
        }
        let Some(function) = Function::named(&name) else {
            return Err(ApiError::at(
                "MALFORMED_QUERY",
                self.text,
                at,
                &format!("unknown function: {name}"),
            ));
        };
        let path = self.word()?;
        self.expect(")")?;
        Ok(Term {
            function: Some(function),
            path,
            at,
        })
    }

    fn order(&mut self) -> Result<Order, ApiError> {
        let term = self.term()?;
        let descending = self.accept_word("DESC");
        if !descending {
            let _ = self.accept_word("ASC");
        }
        let mut nulls_first = None;
        if self.accept_word("NULLS") {
            nulls_first = Some(self.accept_word("FIRST"));
            if nulls_first == Some(false) {
                self.expect_word("LAST")?;
            }
        }
        Ok(Order {
            term,
            descending,
            nulls_first,
        })
    }

    fn count(&mut self) -> Result<usize, ApiError> {
        if let Some(Token::Literal(Literal::Number(text))) = self.peek()
            && let Ok(count) = text.parse()
        {
            self.next += 1;
            return Ok(count);
        }
        Err(self.unexpected())
    }

    /// `conditionExpression`: all AND, all OR, one NOT, or a simple expression.
    fn condition(&mut self) -> Result<Condition, ApiError> {
        if self.accept_word("NOT") {
            return Ok(Condition::Not(Box::new(self.simple()?)));
        }
        let first = self.simple()?;
        for (keyword, make) in [
            ("AND", Condition::And as fn(_) -> _),
            ("OR", Condition::Or as fn(_) -> _),
        ] {
            if self.is_word(keyword) {
                let mut parts = vec![first];
                while self.accept_word(keyword) {
                    parts.push(self.simple()?);
                }
                return Ok(make(parts));
            }
        }
        Ok(first)
    }

    fn simple(&mut self) -> Result<Condition, ApiError> {
        if self.accept("(") {
            let condition = self.condition()?;
            self.expect(")")?;
            return Ok(condition);
        }
        if self.is_word("NOT") {
            return Err(self.unexpected());
        }
        let term = self.term()?;
        if let Some(Token::Word(word)) = self.peek() {
            let word = word.to_ascii_uppercase();
            let at = self.next;
            self.next += 1;
            match word.as_str() {
                "LIKE" => return Ok(Condition::Compare(term, Operator::Like, self.literal()?)),
                "IN" => return self.membership(term, false),
                "NOT" if self.accept_word("IN") => return self.membership(term, true),
                "INCLUDES" | "EXCLUDES" => {
                    let sets = self.list()?;
                    return Ok(Condition::Includes {
                        term,
                        negated: word == "EXCLUDES",
                        sets,
                    });
                }
                _ => self.next = at,
            }
        }
        let operator = match self.peek() {
            Some(Token::Symbol("=")) => Operator::Equal,
            Some(Token::Symbol("!=" | "<>")) => Operator::NotEqual,
            Some(Token::Symbol("<")) => Operator::Less,
            Some(Token::Symbol("<=")) => Operator::LessOrEqual,
            Some(Token::Symbol(">")) => Operator::Greater,
            Some(Token::Symbol(">=")) => Operator::GreaterOrEqual,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Condition::Compare(term, operator, self.literal()?))
    }

    fn membership(&mut self, term: Term, negated: bool) -> Result<Condition, ApiError> {
        let start = self.next;
        self.expect("(")?;
        if self.is_word("SELECT") {
            let query = Box::new(self.query()?);
            self.expect(")")?;
            return Ok(Condition::Join { term, negated, query });
        }
        self.next = start;
        let list = self.list()?;
        Ok(Condition::In { term, negated, list })
    }

    fn list(&mut self) -> Result<Vec<At>, ApiError> {
        self.expect("(")?;
        let mut list = vec![self.literal()?];
        while self.accept(",") {
            list.push(self.literal()?);
        }
        self.expect(")")?;
        Ok(list)
    }

    fn literal(&mut self) -> Result<At, ApiError> {
        let at = self.position();
        match self.peek() {
            Some(Token::Literal(literal)) => {
                let literal = literal.clone();
                self.next += 1;
                Ok(At { literal, at })
            }
            _ => Err(self.unexpected()),
        }
    }
}
