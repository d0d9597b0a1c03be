//! Expressions as a person would write them, for EXPLAIN only: nothing that is sent is made from this text.

use datafusion::logical_expr::Expr;
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;
use datafusion::sql::unparser::Unparser;
use datafusion::sql::unparser::dialect::Dialect;

/// Quotes the names that need it. DataFusion's default compiles a pattern for each name.
struct PlainNames;

impl Dialect for PlainNames {
    fn identifier_quote_style(&self, name: &str) -> Option<char> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
        let is_word = name.bytes().all(is_plain) && !name.starts_with(|first: char| first.is_ascii_digit());
        // A key word to somebody, but not in PostgreSQL.
        let is_keyword = || name != "id" && ALL_KEYWORDS.binary_search(&name.to_uppercase().as_str()).is_ok();
        (name.is_empty() || !is_word || is_keyword()).then_some('"')
    }
}

/// The expression as a person would write it.
pub(crate) fn sql_text(expr: &Expr) -> String {
    use datafusion::sql::sqlparser::ast::Expr as SqlExpr;
    match Unparser::new(&PlainNames).expr_to_sql(expr) {
        Ok(SqlExpr::Nested(inner)) => inner.to_string(),
        Ok(sql) => sql.to_string(),
        Err(_) => expr.to_string(),
    }
}
