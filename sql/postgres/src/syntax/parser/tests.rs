use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::*;

/// The condition with a pair of brackets around each operation, so that precedence shows.
fn grouped(condition: &str) -> String {
    let mut parser = parser(condition).expect(condition);
    let expr = parser.parse_expr().expect(condition);
    let rest = parser.peek_token_ref().to_string();
    assert_eq!(rest, "EOF", "{condition}");
    bracketed(&expr)
}

fn bracketed(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => bracketed(inner),
        Expr::IsDistinctFrom(left, right) => format!("[{} <> {}]", bracketed(left), bracketed(right)),
        Expr::IsNotDistinctFrom(left, right) => format!("[{} == {}]", bracketed(left), bracketed(right)),
        Expr::IsNull(inner) => format!("[{} IS NULL]", bracketed(inner)),
        Expr::BinaryOp { left, op, right } => format!("[{} {op} {}]", bracketed(left), bracketed(right)),
        Expr::UnaryOp { op, expr } => format!("[{op} {}]", bracketed(expr)),
        Expr::Between {
            expr,
            negated,
            low,
            high,
        } => {
            let not = if *negated { "NOT " } else { "" };
            format!(
                "[{} {not}BETWEEN {} AND {}]",
                bracketed(expr),
                bracketed(low),
                bracketed(high)
            )
        }
        Expr::Like { .. } | Expr::InList { .. } => format!("[{expr}]"),
        Expr::Case {
            conditions,
            else_result,
            ..
        } => {
            let whens = conditions
                .iter()
                .map(|when| format!("{}: {}", bracketed(&when.condition), bracketed(&when.result)));
            let ends = else_result.iter().map(|other| bracketed(other));
            format!("{{{}}}", whens.chain(ends).collect::<Vec<_>>().join("; "))
        }
        other => other.to_string(),
    }
}

/// Conditions, and how PostgreSQL groups them.
///
/// Source: `pg_get_viewdef` of PostgreSQL 15 over views with these conditions, and gram.y's `%nonassoc IS`.
const PRECEDENCE: &[(&str, &str)] = &[
    // Connectives end the right side.
    ("a IS DISTINCT FROM b AND c", "[[a <> b] AND c]"),
    ("a IS DISTINCT FROM b OR c", "[[a <> b] OR c]"),
    ("p OR a IS NOT DISTINCT FROM b OR q", "[[p OR [a == b]] OR q]"),
    (
        "p OR a.x IS NOT DISTINCT FROM b + 1 AND c",
        "[p OR [[a.x == [b + 1]] AND c]]",
    ),
    (
        "a IS DISTINCT FROM b AND c IS DISTINCT FROM d OR e",
        "[[[a <> b] AND [c <> d]] OR e]",
    ),
    // NOT is weaker on the left and part of the right side.
    ("NOT a IS DISTINCT FROM 1 AND c", "[[NOT [a <> 1]] AND c]"),
    ("p IS DISTINCT FROM NOT q AND r", "[[p <> [NOT q]] AND r]"),
    // Comparisons, patterns and lists are stronger.
    ("p IS DISTINCT FROM b = c", "[p <> [b = c]]"),
    ("a = b IS DISTINCT FROM p", "[[a = b] <> p]"),
    ("a < b IS NOT DISTINCT FROM c >= d", "[[a < b] == [c >= d]]"),
    ("p IS DISTINCT FROM s LIKE u AND q", "[[p <> [s LIKE u]] AND q]"),
    (
        "p IS DISTINCT FROM a IN (1, 2) AND q",
        "[[p <> [a IN (1, 2)]] AND q]",
    ),
    (
        "x NOT IN (1) IS DISTINCT FROM left(b, 2) AND c",
        "[[[x NOT IN (1)] <> left(b, 2)] AND c]",
    ),
    // So are arithmetic, concatenation, casts and signs.
    ("s IS DISTINCT FROM u || 'x' AND p", "[[s <> [u || 'x']] AND p]"),
    ("s || 'x' IS NOT DISTINCT FROM u OR p", "[[[s || 'x'] == u] OR p]"),
    (
        "a IS DISTINCT FROM -b + c * d AND q",
        "[[a <> [[- b] + [c * d]]] AND q]",
    ),
    (
        "a IS DISTINCT FROM b::text::int AND q",
        "[[a <> b::TEXT::INT] AND q]",
    ),
    // The AND of BETWEEN is no connective.
    (
        "p IS DISTINCT FROM a BETWEEN 1 AND 2 AND q",
        "[[p <> [a BETWEEN 1 AND 2]] AND q]",
    ),
    (
        "a BETWEEN 1 AND 2 IS DISTINCT FROM p AND q",
        "[[[a BETWEEN 1 AND 2] <> p] AND q]",
    ),
    (
        "a NOT BETWEEN 1 AND b IS DISTINCT FROM p",
        "[[a NOT BETWEEN 1 AND b] <> p]",
    ),
    (
        "a BETWEEN 1 AND 2 AND a IS DISTINCT FROM b",
        "[[a BETWEEN 1 AND 2] AND [a <> b]]",
    ),
    (
        "p AND x BETWEEN 1 AND 2 IS DISTINCT FROM b BETWEEN 1 AND 2 AND c",
        "[[p AND [[x BETWEEN 1 AND 2] <> [b BETWEEN 1 AND 2]]] AND c]",
    ),
    // CASE and calls keep theirs to themselves.
    (
        "p AND f(a, (b)) IS DISTINCT FROM CASE WHEN b AND c THEN d END AND e",
        "[[p AND [f(a, (b)) <> {[b AND c]: d}]] AND e]",
    ),
    (
        "CASE WHEN p AND a IS DISTINCT FROM b OR c THEN d ELSE a IS DISTINCT FROM b AND c END",
        "{[[p AND [a <> b]] OR c]: d; [[a <> b] AND c]}",
    ),
    // Nested in parentheses, and after tests that take no right side.
    (
        "(a IS DISTINCT FROM (b AND c) AND d) AND e",
        "[[[a <> [b AND c]] AND d] AND e]",
    ),
    ("p IS DISTINCT FROM (q IS DISTINCT FROM r)", "[p <> [q <> r]]"),
    ("(p IS DISTINCT FROM q) IS DISTINCT FROM r", "[[p <> q] <> r]"),
    ("p IS NULL IS NOT DISTINCT FROM q", "[[p IS NULL] == q]"),
    // Names that are keywords elsewhere.
    (
        "p AND t.on IS DISTINCT FROM t.order AND c",
        "[[p AND [t.on <> t.order]] AND c]",
    ),
];

#[test]
fn distinct_from_binds_as_in_postgresql() {
    for (written, meant) in PRECEDENCE {
        assert_eq!(grouped(written), *meant, "{written}");
    }
}

#[test]
fn a_test_after_distinct_from_needs_parentheses() {
    for (chain, column) in [
        ("SELECT p IS DISTINCT FROM q IS DISTINCT FROM r", 29),
        ("SELECT p IS NOT DISTINCT FROM q IS NULL", 33),
        ("SELECT p IS DISTINCT FROM q IS TRUE", 29),
        ("SELECT p IS DISTINCT FROM q NOTNULL", 29),
    ] {
        let error = statements(chain).expect_err(chain).to_string();
        assert!(error.ends_with(&format!("Line: 1, Column: {column}")), "{error}");
    }
}

#[test]
fn clauses_end_the_right_side() {
    for select in [
        "SELECT 1 FROM t WHERE a IS DISTINCT FROM b GROUP BY a HAVING c AND d",
        "SELECT CASE WHEN a IS DISTINCT FROM b THEN c AND d END FROM t",
        "SELECT 1 WHERE a IN (SELECT b IS DISTINCT FROM c FROM t WHERE d AND e)",
        "SELECT a IS DISTINCT FROM b FROM t LEFT JOIN u ON c AND d",
        "SELECT DISTINCT a IS DISTINCT FROM b AND c, d FROM t JOIN u ON a IS DISTINCT FROM b AND c",
        "SELECT DISTINCT a FROM t WHERE b AND c",
    ] {
        assert_eq!(statements(select).expect(select)[0].to_string(), select);
    }
}

#[test]
fn a_later_mistake_is_still_found_where_it_is() {
    for (wrong, place) in [
        (
            "SELECT a IS DISTINCT FROM b AND c FROM t WHERE GROUP BY 1",
            "Line: 1, Column: 54",
        ),
        ("SELECT a IS DISTINCT\nFROM b AND ) FROM t", "Line: 2, Column: 12"),
        ("SELECT a IS DISTINCT FROM", "EOF"),
    ] {
        let error = statements(wrong).expect_err(wrong).to_string();
        assert!(error.ends_with(place), "{wrong}: {error}");
    }
}

/// One statement for each answer in which the base differs from a dialect without features.
#[test]
fn everything_else_is_parsed_as_by_the_base() {
    for sql in [
        "SELECT \"a\" FROM t",
        "SELECT été, _x, a$1 FROM t",
        "SELECT U&'\\0041', E'a\\nb'",
        "SELECT interval FROM t",
        "SELECT interval '1' day, interval '1 second'",
        "SELECT a @@ b, a !~* b FROM t",
        "SELECT a[1], x || y || z, 2 ^ 3 ^ 4, a AT TIME ZONE 'UTC'::text FROM t",
        "SELECT count(*) FILTER (WHERE a) FROM t",
        "SELECT a FROM t GROUP BY GROUPING SETS ((a), ()), ROLLUP (b)",
        "SELECT extract('year' FROM d), extract(epoch FROM d) FROM t",
        "CREATE INDEX i ON t (a) WITH (fillfactor = 70)",
        "EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) SELECT 1",
        "LISTEN a",
        "LOAD 'a'",
        "SELECT 5!",
        "SELECT 1 << 2, 8 >> 1",
        "COMMENT ON TABLE t IS 'a'",
        "SELECT json_object('a': 'b')",
        "SELECT FROM t",
        "SELECT /* a /* b */ c */ 1",
        "SELECT '{}'::int[]",
        "SELECT '(1,2)'::point",
        "SET NAMES 'utf8'",
        "ALTER TABLE t ALTER COLUMN a TYPE int USING a::int",
        "SELECT a NOTNULL FROM t",
        "INSERT INTO t AS x (a) VALUES (1)",
        "CREATE TABLE t (LIKE u)",
        "SELECT trim(' a', ' ') FROM t",
        "SELECT xmlparse(a) FROM t",
        "SELECT DISTINCT ON (a) a FROM t FOR UPDATE",
        "SELECT a FROM t WHERE a = ANY (ARRAY[1, 2]) AND NOT EXISTS (SELECT 1) OFFSET 1 LIMIT 2",
    ] {
        let base = Parser::parse_sql(&PostgreSqlDialect {}, sql);
        assert!(base.is_ok(), "{sql}: {base:?}");
        assert_eq!(statements(sql), base, "{sql}");
    }
}
