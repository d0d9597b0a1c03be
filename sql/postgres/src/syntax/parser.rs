//! The parser of SQL text, with PostgreSQL's precedence of IS DISTINCT FROM.
//!
//! sqlparser 0.62 takes everything that follows as the right side, so that `a IS DISTINCT FROM b AND c` would mean
//! `a IS DISTINCT FROM (b AND c)`: such a test is put into parentheses before it is parsed.

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

static DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// Makes a parser that stands before the text.
///
/// # Errors
/// What is not even a sequence of tokens.
pub fn parser(sql: &str) -> Result<Parser<'static>, ParserError> {
    let mut tokens = Tokenizer::new(&DIALECT, sql).tokenize_with_location()?;
    let mut at = 0;
    while let Some(test) = next_test(&tokens, at) {
        at = test.right;
        let after = tokens.get(test.right..).unwrap_or_default();
        if let Some(length) = length_of_right_side(after) {
            let left = start_of_left_side(tokens.get(..test.is).unwrap_or_default());
            insert(&mut tokens, test.right + length, Token::RParen);
            insert(&mut tokens, left, Token::LParen);
            at += 1;
        }
    }
    Ok(Parser::new(&DIALECT).with_tokens_with_locations(tokens))
}

/// Parses one or more statements.
///
/// # Errors
/// What is not SQL.
pub fn statements(sql: &str) -> Result<Vec<Statement>, ParserError> {
    parser(sql)?.parse_statements()
}

/// `IS [NOT] DISTINCT FROM`: the places of its IS and of what follows it.
struct Test {
    is: usize,
    right: usize,
}

fn insert(tokens: &mut Vec<TokenWithSpan>, at: usize, token: Token) {
    // Places in error messages stay those of the text.
    if let Some(span) = tokens.get(at).or(tokens.last()).map(|beside| beside.span) {
        tokens.insert(at, TokenWithSpan { token, span });
    }
}

/// The keyword at a place. After a point stands a name, whatever it is: `t.order`.
fn keyword(tokens: &[TokenWithSpan], at: usize) -> Option<Keyword> {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let is_name = before.is_some_and(|token| token.token == Token::Period);
    match &tokens.get(at)?.token {
        Token::Word(word) if word.quote_style.is_none() && !is_name => Some(word.keyword),
        _ => None,
    }
}

fn next_test(tokens: &[TokenWithSpan], from: usize) -> Option<Test> {
    use Keyword::{DISTINCT, FROM, IS, NOT};
    let words: Vec<(usize, Option<Keyword>)> = tokens
        .iter()
        .enumerate()
        .skip(from)
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(at, _)| (at, keyword(tokens, at)))
        .collect();
    words.windows(4).find_map(|window| match window {
        [(is, Some(IS)), (_, Some(DISTINCT)), (from, Some(FROM)), _]
        | [
            (is, Some(IS)),
            (_, Some(NOT)),
            (_, Some(DISTINCT)),
            (from, Some(FROM)),
        ] => Some(Test {
            is: *is,
            right: from + 1,
        }),
        _ => None,
    })
}

/// How many tokens the right side has, when an AND or OR follows it; otherwise it needs no parentheses.
fn length_of_right_side(tokens: &[TokenWithSpan]) -> Option<usize> {
    let (mut depth, mut cases, mut betweens) = (0_usize, 0_usize, 0_usize);
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.checked_sub(1)?,
            Token::Comma | Token::SemiColon if depth == 0 && cases == 0 => return None,
            _ => {}
        }
        if depth > 0 {
            continue;
        }
        match keyword(tokens, at) {
            Some(Keyword::CASE) => cases += 1,
            Some(Keyword::END) => cases = cases.checked_sub(1)?,
            _ if cases > 0 => {}
            Some(Keyword::BETWEEN) => betweens += 1,
            Some(Keyword::AND) if betweens > 0 => betweens -= 1,
            Some(Keyword::AND | Keyword::OR) => return Some(at),
            Some(Keyword::LEFT | Keyword::RIGHT) if calls(tokens, at) => {}
            Some(word) if ENDS.contains(&word) => return None,
            _ => {}
        }
    }
    None
}

/// What ends an expression: the next clause, or the next branch of a CASE around it.
const ENDS: &[Keyword] = &[
    Keyword::AS,
    Keyword::CROSS,
    Keyword::ELSE,
    Keyword::EXCEPT,
    Keyword::FETCH,
    Keyword::FROM,
    Keyword::FULL,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::INNER,
    Keyword::INTERSECT,
    Keyword::JOIN,
    Keyword::LEFT,
    Keyword::LIMIT,
    Keyword::NATURAL,
    Keyword::OFFSET,
    Keyword::ORDER,
    Keyword::RIGHT,
    Keyword::THEN,
    Keyword::UNION,
    Keyword::WHEN,
    Keyword::WHERE,
    Keyword::WINDOW,
];

/// Whether the word is the name of a function.
fn calls(tokens: &[TokenWithSpan], at: usize) -> bool {
    matches!(tokens.get(at + 1).map(|token| &token.token), Some(Token::LParen))
}

/// Where the left side begins: `tokens` are what stands before the IS.
fn start_of_left_side(tokens: &[TokenWithSpan]) -> usize {
    let (mut depth, mut cases) = (0_usize, 0_usize);
    let mut follower = None;
    // The AND that may be a BETWEEN's, and so not the border.
    let mut border = None;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket if depth == 0 => return border.unwrap_or(at + 1),
            Token::LParen | Token::LBracket => depth -= 1,
            Token::Comma | Token::SemiColon if depth == 0 && cases == 0 => return border.unwrap_or(at + 1),
            _ => {}
        }
        if depth > 0 {
            continue;
        }
        let word = keyword(tokens, at);
        match word {
            Some(Keyword::END) => cases += 1,
            Some(Keyword::CASE) if cases > 0 => cases -= 1,
            _ if cases > 0 => {}
            Some(Keyword::BETWEEN) => border = None,
            Some(Keyword::AND) if border.is_none() => border = Some(at + 1),
            // `x NOT IN (…)`, `x NOT BETWEEN …` and the like.
            Some(Keyword::NOT) if follower.is_some_and(|word| NEGATED.contains(&word)) => {}
            Some(word) if STARTS.contains(&word) => return border.unwrap_or(at + 1),
            _ => {}
        }
        if !matches!(token.token, Token::Whitespace(_)) {
            follower = word;
        }
    }
    border.unwrap_or(0)
}

const NEGATED: &[Keyword] = &[
    Keyword::BETWEEN,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::LIKE,
    Keyword::NULL,
    Keyword::SIMILAR,
];

/// What stands before an expression.
const STARTS: &[Keyword] = &[
    Keyword::ALL,
    Keyword::AND,
    Keyword::BY,
    Keyword::CASE,
    Keyword::DISTINCT,
    Keyword::ELSE,
    Keyword::HAVING,
    Keyword::NOT,
    Keyword::ON,
    Keyword::OR,
    Keyword::SELECT,
    Keyword::THEN,
    Keyword::WHEN,
    Keyword::WHERE,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(select: &str) -> String {
        statements(select).expect(select)[0].to_string()
    }

    #[test]
    fn distinct_from_binds_stronger_than_and_and_or() {
        for (written, meant) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            (
                "p OR a.x IS NOT DISTINCT FROM b + 1 AND c",
                "p OR (a.x IS NOT DISTINCT FROM b + 1) AND c",
            ),
            (
                "NOT a IS DISTINCT FROM 1 AND c",
                "NOT (a IS DISTINCT FROM 1) AND c",
            ),
            (
                "a IS DISTINCT FROM b AND c IS DISTINCT FROM d OR e",
                "(a IS DISTINCT FROM b) AND (c IS DISTINCT FROM d) OR e",
            ),
            (
                "(a IS DISTINCT FROM (b AND c) AND d) AND e",
                "((a IS DISTINCT FROM (b AND c)) AND d) AND e",
            ),
            (
                "p AND x BETWEEN 1 AND 2 IS DISTINCT FROM b BETWEEN 1 AND 2 AND c",
                "p AND (x BETWEEN 1 AND 2 IS DISTINCT FROM b BETWEEN 1 AND 2) AND c",
            ),
            (
                "p AND f(a, (b)) IS DISTINCT FROM CASE WHEN b AND c THEN d END AND e",
                "p AND (f(a, (b)) IS DISTINCT FROM CASE WHEN b AND c THEN d END) AND e",
            ),
            (
                "CASE WHEN p AND a IS DISTINCT FROM b OR c THEN d END",
                "CASE WHEN p AND (a IS DISTINCT FROM b) OR c THEN d END",
            ),
            (
                "x NOT IN (1) IS DISTINCT FROM left(b, 2) AND c",
                "(x NOT IN (1) IS DISTINCT FROM left(b, 2)) AND c",
            ),
            (
                "p AND t.on IS DISTINCT FROM t.order AND c",
                "p AND (t.on IS DISTINCT FROM t.order) AND c",
            ),
        ] {
            assert_eq!(
                parsed(&format!("SELECT 1 FROM t WHERE {written}")),
                format!("SELECT 1 FROM t WHERE {meant}")
            );
        }
        assert_eq!(
            parsed(
                "SELECT DISTINCT a IS DISTINCT FROM b AND c, d FROM t JOIN u ON a IS DISTINCT FROM b AND c"
            ),
            "SELECT DISTINCT (a IS DISTINCT FROM b) AND c, d FROM t JOIN u ON (a IS DISTINCT FROM b) AND c"
        );
    }

    #[test]
    fn what_is_followed_by_no_and_or_or_stays_as_it_is() {
        for select in [
            "SELECT 1 FROM t WHERE a IS DISTINCT FROM b",
            "SELECT 1 FROM t WHERE (a IS DISTINCT FROM b) AND c",
            "SELECT 1 FROM t WHERE a IS DISTINCT FROM b GROUP BY a HAVING c AND d",
            "SELECT CASE WHEN a IS DISTINCT FROM b THEN c AND d END FROM t",
            "SELECT 1 WHERE a IN (SELECT b IS DISTINCT FROM c FROM t WHERE d AND e)",
            "SELECT a IS DISTINCT FROM b FROM t LEFT JOIN u ON c AND d",
            "SELECT DISTINCT a FROM t WHERE b AND c",
        ] {
            assert_eq!(parsed(select), select);
        }
    }

    #[test]
    fn a_later_mistake_is_still_found_where_it_is() {
        let wrong = "SELECT a IS DISTINCT FROM b AND c FROM t WHERE GROUP BY 1";
        let error = statements(wrong).expect_err("no statement").to_string();
        assert!(error.ends_with("Line: 1, Column: 54"), "{error}");
    }
}
