//! FETCH and MOVE, with every direction that PostgreSQL has.
//!
//! sqlparser wants FROM or IN before the cursor's name and knows no MOVE (docs/upstream.md, fetch). Invariant: a MOVE is a FETCH into nothing,
//! see [`moves`]. Start at [`parse`].

use datafusion::sql::sqlparser::ast::{
    FetchDirection, FetchPosition, ObjectName, Statement, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The statement, if the next one is one of the two.
pub(crate) fn parse(parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
    let is_move = match &parser.peek_token_ref().token {
        Token::Word(word) if word.quote_style.is_some() => return None,
        Token::Word(word) if word.value.eq_ignore_ascii_case("move") => true,
        Token::Word(word) if word.keyword == Keyword::FETCH => false,
        _ => return None,
    };
    parser.next_token();
    Some(rest(parser, is_move))
}

/// Whether a FETCH only moves.
#[must_use]
pub fn moves(into: Option<&ObjectName>) -> bool {
    into.is_some_and(|into| into.0.is_empty())
}

fn rest(parser: &mut Parser, is_move: bool) -> Result<Statement, ParserError> {
    let direction = direction(parser)?;
    let position = match parser.parse_one_of_keywords(&[Keyword::FROM, Keyword::IN]) {
        Some(Keyword::IN) => FetchPosition::In,
        _ => FetchPosition::From,
    };
    let name = parser.parse_identifier()?;
    Ok(Statement::Fetch {
        name,
        direction,
        position,
        into: is_move.then(|| ObjectName(Vec::new())),
    })
}

fn direction(parser: &mut Parser) -> Result<FetchDirection, ParserError> {
    use Keyword::{ABSOLUTE, ALL, BACKWARD, FIRST, FORWARD, LAST, NEXT, PRIOR, RELATIVE};
    let words = [
        NEXT, PRIOR, FIRST, LAST, ABSOLUTE, RELATIVE, ALL, FORWARD, BACKWARD,
    ];
    Ok(match parser.parse_one_of_keywords(&words) {
        Some(PRIOR) => FetchDirection::Prior,
        Some(FIRST) => FetchDirection::First,
        Some(LAST) => FetchDirection::Last,
        Some(ALL) => FetchDirection::All,
        Some(ABSOLUTE) => FetchDirection::Absolute {
            limit: expected(parser)?,
        },
        Some(RELATIVE) => FetchDirection::Relative {
            limit: expected(parser)?,
        },
        Some(FORWARD) if parser.parse_keyword(ALL) => FetchDirection::ForwardAll,
        Some(FORWARD) => FetchDirection::Forward {
            limit: number(parser)?,
        },
        Some(BACKWARD) if parser.parse_keyword(ALL) => FetchDirection::BackwardAll,
        Some(BACKWARD) => FetchDirection::Backward {
            limit: number(parser)?,
        },
        Some(_) => FetchDirection::Next,
        None => match number(parser)? {
            Some(limit) => FetchDirection::Count { limit },
            None => FetchDirection::Next,
        },
    })
}

fn expected(parser: &mut Parser) -> Result<ValueWithSpan, ParserError> {
    match number(parser)? {
        Some(number) => Ok(number),
        None => parser.expected_ref("a number of rows", parser.peek_token_ref()),
    }
}

/// A number with its sign, if one is next.
fn number(parser: &mut Parser) -> Result<Option<ValueWithSpan>, ParserError> {
    let is_negative = parser.consume_token(&Token::Minus);
    if !is_negative && !parser.consume_token(&Token::Plus) && !is_number(parser) {
        return Ok(None);
    }
    let mut number = parser.parse_number_value()?;
    if let (true, Value::Number(digits, _)) = (is_negative, &mut number.value) {
        digits.insert(0, '-');
    }
    Ok(Some(number))
}

fn is_number(parser: &Parser) -> bool {
    matches!(parser.peek_token_ref().token, Token::Number(..))
}
