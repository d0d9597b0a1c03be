//! SQL text to statements.
//!
//! Owns: parsing, and positions of syntax errors. Does not own: how a statement is planned. Invariant: what can't be parsed as PostgreSQL's
//! language is an error with a place. Start at [`parse`].

use causeway_postgres::column_names::folded;
use causeway_postgres::moves;
use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::Error;
use crate::error::syntax_error;

/// One parsed statement.
#[derive(Debug, Clone)]
pub struct Statement {
    text: String,
    pub(crate) ast: ast::Statement,
}

impl Statement {
    /// The statement inside an EXPLAIN.
    pub(crate) fn of_explained(ast: ast::Statement) -> Self {
        Self {
            text: ast.to_string(),
            ast,
        }
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Numbers of the parameters that stand for row counts, in LIMIT and OFFSET.
    pub(crate) fn row_count_parameters(&self) -> Vec<usize> {
        let ast::Statement::Query(query) = &self.ast else {
            return Vec::new();
        };
        let Some(ast::LimitClause::LimitOffset { limit, offset, .. }) = &query.limit_clause else {
            return Vec::new();
        };
        let counts = limit.iter().chain(offset.iter().map(|offset| &offset.value));
        let number = |count: &ast::Expr| count.to_string().strip_prefix('$')?.parse().ok();
        counts.filter_map(number).collect()
    }

    /// The name of the prepared statement that it forgets, as PostgreSQL folds it.
    #[must_use]
    pub fn deallocated(&self) -> Option<String> {
        match &self.ast {
            ast::Statement::Deallocate { name, .. } => Some(folded(name)),
            _ => None,
        }
    }

    /// Its command tag, for example `SELECT`, `SET` or `BEGIN`.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        use ast::Statement as S;
        match &self.ast {
            S::Query(_) => "SELECT",
            S::Explain { .. } | S::ExplainTable { .. } => "EXPLAIN",
            S::Set(_) => "SET",
            S::ShowVariable { .. } | S::ShowVariables { .. } => "SHOW",
            S::StartTransaction { .. } => "BEGIN",
            S::Commit { .. } => "COMMIT",
            S::Rollback { .. } => "ROLLBACK",
            S::Savepoint { .. } => "SAVEPOINT",
            S::ReleaseSavepoint { .. } => "RELEASE",
            S::Reset(_) => "RESET",
            S::Discard { object_type } => match object_type {
                ast::DiscardObject::ALL => "DISCARD ALL",
                ast::DiscardObject::PLANS => "DISCARD PLANS",
                ast::DiscardObject::SEQUENCES => "DISCARD SEQUENCES",
                ast::DiscardObject::TEMP => "DISCARD TEMP",
            },
            S::CreateView(_) => "CREATE VIEW",
            S::Drop { .. } => "DROP VIEW",
            S::Copy { .. } => "COPY",
            S::Declare { .. } => "DECLARE CURSOR",
            S::Fetch { into, .. } if moves(into.as_ref()) => "MOVE",
            S::Fetch { .. } => "FETCH",
            S::Close {
                cursor: ast::CloseCursor::All,
            } => "CLOSE CURSOR ALL",
            S::Close { .. } => "CLOSE CURSOR",
            S::Prepare { .. } => "PREPARE",
            S::Execute { .. } => "SELECT",
            S::Deallocate { name, .. } if folded(name) == "all" => "DEALLOCATE ALL",
            S::Deallocate { .. } => "DEALLOCATE",
            S::Insert(_) => "INSERT",
            S::Update { .. } => "UPDATE",
            S::Delete(_) => "DELETE",
            _ => "COMMAND",
        }
    }
}

/// Parses one or more statements.
///
/// # Errors
/// 42601 with the position.
pub(crate) fn parse(sql: &str) -> Result<Vec<Statement>, Error> {
    refuse_long_chains(sql)?;
    let parsed = match causeway_postgres::statements(sql) {
        Ok(parsed) => parsed,
        Err(_) if is_abort(sql) => {
            causeway_postgres::statements("ROLLBACK").map_err(|error| located(sql, &error))?
        }
        Err(error) => return Err(located(sql, &error)),
    };
    let several = parsed.len() > 1;
    let statements = parsed.into_iter().map(|ast| Statement {
        text: if several {
            ast.to_string()
        } else {
            sql.trim().trim_end_matches(';').to_owned()
        },
        ast,
    });
    Ok(statements.collect())
}

/// PostgreSQL's other word for ROLLBACK.
fn is_abort(sql: &str) -> bool {
    let words = sql.trim().trim_end_matches(';').split_whitespace();
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["abort"] | ["abort", "work" | "transaction"])
}

/// Most operators in one statement. Planning takes stack and time that grow with the depth of a chain of operators; lists such as
/// `IN (…)` are flat and don't count.
const MOST_OPERATORS: usize = 1000;

fn refuse_long_chains(sql: &str) -> Result<(), Error> {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
        return Ok(());
    };
    let is_operator = |token: &&Token| match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT
        ),
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::DoubleColon => true,
        _ => false,
    };
    let operators = tokens.iter().filter(is_operator).count();
    if operators <= MOST_OPERATORS {
        return Ok(());
    }
    let message = format!("the statement has {operators} operators; at most {MOST_OPERATORS} are supported");
    Err(Error::new("54001", message)
        .with_hint("use IN (…) or a join with VALUES instead of a long chain of conditions"))
}

/// Takes the position out of a parser's message and turns it into a character of the statement.
fn located(sql: &str, error: &ParserError) -> Error {
    let mut mapped = syntax_error(error);
    if let Some((message, place)) = mapped.message.clone().rsplit_once(" at Line: ") {
        let mut numbers = place
            .split(", Column: ")
            .map(|number| number.trim().parse::<usize>());
        if let (Some(Ok(line)), Some(Ok(column))) = (numbers.next(), numbers.next()) {
            let before: usize = sql
                .split('\n')
                .take(line.saturating_sub(1))
                .map(|line| line.chars().count() + 1)
                .sum();
            mapped.position = Some((before + column).min(sql.chars().count() + 1));
            message.clone_into(&mut mapped.message);
        }
    }
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_says_where() {
        let error = parse("SELECT 1;\nSELECT * FORM t").expect_err("no statement");
        assert_eq!(
            (error.sqlstate, error.position),
            ("42601", Some(25)),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_chain_that_would_exhaust_the_stack_is_refused() {
        let chain = format!("SELECT 1{}", "+1".repeat(5000));
        assert_eq!(parse(&chain).expect_err("too long").sqlstate, "54001");
        let list = format!("SELECT 1 WHERE 1 IN ({}1)", "1,".repeat(20_000));
        assert_eq!(parse(&list).expect("a flat list").len(), 1);
    }

    #[test]
    fn a_scalar_subquery_over_data_gets_no_limit() {
        let statements = parse("SELECT (SELECT name FROM salesforce.account) AS n").expect("valid");
        assert_eq!(statements.len(), 1);
        assert!(
            !statements[0].ast.to_string().contains("LIMIT"),
            "{}",
            statements[0].ast
        );
    }
}
