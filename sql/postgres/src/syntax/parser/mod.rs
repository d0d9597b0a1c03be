//! The parser of SQL text.
//!
//! Owns: which dialect text is parsed by, and its tokens (`tokens`). Does not own: precedence; see [`super::dialect`].
//! Invariant: whatever parses here means to PostgreSQL what its syntax tree says. Start at [`statements`].

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::dialect::PostgresDialect;

pub(crate) mod tokens;

/// Makes a parser that stands before the text.
///
/// # Errors
/// What is not even a sequence of tokens.
pub fn parser(sql: &str) -> Result<Parser<'static>, ParserError> {
    Ok(Parser::new(&PostgresDialect).with_tokens_with_locations(tokens::of(&PostgresDialect, sql)?))
}

/// Parses one or more statements.
///
/// # Errors
/// What is not SQL.
pub fn statements(sql: &str) -> Result<Vec<Statement>, ParserError> {
    parser(sql)?.parse_statements()
}

#[cfg(test)]
mod tests;
