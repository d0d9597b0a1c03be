//! Probes: what plain DataFusion and sqlparser still do wrong. Each has an entry in `docs/upstream.md`.
//!
//! A probe that fails is good news: upstream is mended, and the workaround that it names can go.
//!
//! Owns: one test for each fault. Does not own: the workarounds, each of which names its entry.
//! Invariant: a probe uses nothing of this crate, so that only upstream can change its outcome. Start at `docs/upstream.md`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type, IntervalUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::config::Dialect;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::logical_expr::{LogicalPlanBuilder, Operator};
use datafusion::physical_expr::expressions::{Column, binary, lit};
use datafusion::physical_optimizer::PhysicalOptimizerRule as _;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

fn plain() -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.dialect = Dialect::PostgreSQL;
    SessionContext::new_with_config(config)
}

/// What DataFusion answers without us: `value,value|value,value`, or `error`.
async fn answer(sql: &str) -> String {
    rows(sql)
        .await
        .unwrap_or_else(|error| format!("error: {}", error.strip_backtrace()))
}

async fn rows(sql: &str) -> Result<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = Vec::new();
    for batch in plain().sql(sql).await?.collect().await? {
        let columns: Vec<ArrayFormatter> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<std::result::Result<_, _>>()?;
        rows.extend((0..batch.num_rows()).map(|row| {
            let values: Vec<String> = columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect();
            values.join(",")
        }));
    }
    Ok(rows.join("|"))
}

/// Asserts that the answer is not PostgreSQL's `right` one.
async fn still_wrong(entry: &str, workaround: &str, sql: &str, right: &str) {
    let answer = answer(sql).await;
    assert_ne!(
        answer, right,
        "DataFusion is right about `{sql}` now: {workaround} can go (docs/upstream.md, {entry})"
    );
}

#[test]
fn sqlparser_still_takes_and_into_is_distinct_from() {
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .try_with_sql("a IS DISTINCT FROM b AND c")
        .expect("tokens");
    let is_right = matches!(
        parser.parse_expr().expect("an expression"),
        Expr::BinaryOp {
            op: BinaryOperator::And,
            ..
        }
    );
    assert!(
        !is_right,
        "sqlparser has the precedence now: syntax/dialect.rs can go (docs/upstream.md, is-distinct-from)"
    );
}

#[tokio::test]
async fn datafusion_still_forgets_null_in_merged_lists() {
    let sql = "SELECT i IN (1) AND i IN (2) FROM (VALUES (CAST(NULL AS INT)), (7)) AS t(i)";
    still_wrong("merged-lists", "typing/lists.rs", sql, "NULL|false").await;
}

#[tokio::test]
async fn datafusion_still_forgets_null_in_in_subquery() {
    let sql = "SELECT x FROM (VALUES (1)) AS a(x) \
               WHERE (x NOT IN (SELECT y FROM (VALUES (2), (NULL)) AS b(y))) IS NULL";
    still_wrong("in-subquery", "subqueries/quantified.rs", sql, "1").await;
}

#[tokio::test]
async fn datafusion_still_mistakes_any_over_the_same_table() {
    let sql = "WITH e(id, s) AS (VALUES (1, 10), (2, 20), (3, 30)) \
               SELECT count(*) FROM e WHERE s > ANY (SELECT s FROM e WHERE id <= 2)";
    still_wrong("any-all", "subqueries/quantified.rs", sql, "2").await;
}

#[tokio::test]
async fn datafusion_still_compares_rows_as_structs() {
    let sql = "SELECT (a, b) = (a, b) FROM (VALUES (1, CAST(NULL AS INT))) AS t(a, b)";
    still_wrong("row-comparison", "functions/rows.rs", sql, "NULL").await;
}

#[tokio::test]
async fn datafusion_still_finds_no_null_in_arrays() {
    let sql = "SELECT x = ANY (a) FROM (VALUES (3, ARRAY[1, NULL])) AS t(x, a)";
    still_wrong("any-array", "syntax/array_parameters.rs", sql, "NULL").await;
}

#[tokio::test]
async fn datafusion_still_merges_columns_of_outer_joins_wrongly() {
    let sql = "SELECT k FROM (VALUES (1)) AS a(k) RIGHT JOIN (VALUES (4)) AS b(k) USING (k)";
    still_wrong(
        "merged-columns",
        "refuse_merged_columns in syntax/mod.rs",
        sql,
        "4",
    )
    .await;
}

#[tokio::test]
async fn datafusion_still_decorrelates_equalities_only() {
    let sql =
        "SELECT (SELECT count(*) FROM (VALUES (1), (2)) AS b(y) WHERE b.y < a.x) FROM (VALUES (2)) AS a(x)";
    still_wrong("decorrelation", "subqueries/unnest.rs", sql, "1").await;
}

#[tokio::test]
async fn datafusion_still_wants_an_aggregate_in_correlated_values() {
    let sql = "SELECT (SELECT b.z FROM (VALUES (2, 5), (3, 6)) AS b(y, z) WHERE b.y = a.x) FROM (VALUES (2)) AS a(x)";
    still_wrong("scalar-subquery", "subqueries/single_row.rs", sql, "5").await;
}

#[tokio::test]
async fn datafusion_still_cuts_the_rows_of_all_outer_rows_together() {
    let sql = "SELECT a.x, l.z FROM (VALUES (1), (2)) AS a(x), \
               LATERAL (SELECT b.z FROM (VALUES (1, 10), (2, 20)) AS b(y, z) WHERE b.y = a.x ORDER BY b.z LIMIT 1) AS l \
               ORDER BY a.x";
    still_wrong(
        "lateral-limit",
        "first_rows in subqueries/unnest.rs",
        sql,
        "1,10|2,20",
    )
    .await;
}

#[tokio::test]
async fn datafusion_still_adds_keys_to_joins_of_equal_nulls() {
    let sql = "SELECT count(*) FROM (SELECT a.x, b.y FROM (VALUES (1, CAST(NULL AS INT))) AS a(k, x) \
               JOIN (VALUES (1, CAST(NULL AS INT))) AS b(k, y) ON a.k IS NOT DISTINCT FROM b.k) AS t WHERE t.x = t.y";
    still_wrong("null-equal-keys", "null_equal_keys.rs", sql, "0").await;
}

#[tokio::test]
async fn datafusion_still_calls_a_cast_as_its_column() {
    let sql = "SELECT CAST(x AS text) FROM (VALUES (1)) AS t(x) ORDER BY x";
    still_wrong("duplicate-names", "syntax/duplicate_names.rs", sql, "1").await;
}

#[tokio::test]
async fn datafusion_still_looks_for_names_in_order_by_among_outputs() {
    let sql = "SELECT -x AS x FROM (VALUES (1), (2)) AS t(x) ORDER BY x + 0";
    still_wrong(
        "order-by-names",
        "the refusal in syntax/order_by.rs",
        sql,
        "-1|-2",
    )
    .await;
}

#[test]
fn datafusion_still_fails_over_a_repeated_sort_key_of_distinct_on() {
    let sql = "SELECT DISTINCT ON (x) x FROM (VALUES (1), (1)) AS t(x) ORDER BY x, x";
    // It panics, or returns an error where assertions are off.
    let answered = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(answer(sql))
    });
    assert_ne!(
        answered.join().ok().as_deref(),
        Some("1"),
        "DataFusion is right about `{sql}` now: the dropped keys in syntax/mod.rs can go (docs/upstream.md, distinct-on)"
    );
}

#[tokio::test]
async fn datafusion_still_wraps_integers() {
    let sql = "SELECT x + 1 FROM (VALUES (9223372036854775807)) AS t(x)";
    let answer = answer(sql).await;
    assert!(
        !answer.starts_with("error"),
        "DataFusion checks overflow now: see whether functions/arithmetic.rs can go (docs/upstream.md, integer-overflow): {answer}"
    );
}

#[tokio::test]
async fn datafusion_still_takes_a_parameters_type_from_its_neighbour() {
    let plan = plain()
        .sql("SELECT 1 FROM (VALUES (DATE '2024-01-01')) AS t(d) WHERE d <= $1 + interval '3 days'")
        .await
        .expect("a plan")
        .into_unoptimized_plan();
    let types = plan.get_parameter_types().expect("types");
    assert_eq!(
        types.get("$1"),
        Some(&Some(DataType::Interval(IntervalUnit::MonthDayNano))),
        "DataFusion infers another type now: see whether syntax/parameters.rs can go (docs/upstream.md, parameter-types)"
    );
}

#[test]
fn datafusion_still_takes_scans_of_one_name_for_equal() {
    let scan = |value: i64| {
        let column = Arc::new(Int64Array::from(vec![value])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("x", column)]).expect("a batch");
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("a table");
        LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(table)), None)
            .and_then(LogicalPlanBuilder::build)
            .expect("a plan")
    };
    assert_eq!(
        scan(1),
        scan(2),
        "DataFusion compares sources now: unique scan names in sql/src/optimizer can go (docs/upstream.md, equal-scans)"
    );
}

/// Behind two joins, a filter on `b.id` arrives as one on `a.id`.
#[tokio::test]
async fn datafusion_still_finds_the_columns_of_a_filter_by_name() {
    let side = |rows: &str| format!("(SELECT * FROM (VALUES {rows}) AS t(k, id) WHERE id > 0)");
    let sql = format!(
        "SELECT a.id, b.id, c.z FROM {} AS a JOIN {} AS b ON a.k = b.k JOIN (VALUES (1, 0), (2, 0)) AS c(k, z) ON c.k = a.k",
        side("(1, 5), (2, 6)"),
        side("(1, 6), (2, 5)"),
    );
    let context = plain();
    let joined = context.sql(&sql).await.expect("a plan");
    let joined = joined.create_physical_plan().await.expect("a physical plan");
    let wanted = binary(
        Arc::new(Column::new("id", 1)),
        Operator::Eq,
        lit(5_i64),
        &joined.schema(),
    );
    let filtered = FilterExec::try_new(wanted.expect("a condition"), joined).expect("a filter");
    let plan: Arc<dyn ExecutionPlan> = Arc::new(filtered);
    let pushed = FilterPushdown::new().optimize(Arc::clone(&plan), context.state().config_options());
    let ids = async |plan: Arc<dyn ExecutionPlan>| {
        let batches = collect(plan, context.task_ctx()).await.expect("rows");
        let of_batch = |batch: &RecordBatch| batch.column(1).as_primitive::<Int64Type>().values().to_vec();
        batches.iter().flat_map(of_batch).collect::<Vec<_>>()
    };
    assert_eq!(ids(plan).await, [5]);
    assert_ne!(
        ids(pushed.expect("a plan")).await,
        [5],
        "DataFusion follows positions now: FilterPushdown may stay in sql/src/optimizer/mod.rs (docs/upstream.md, filters-by-name)"
    );
}

#[test]
fn datafusion_still_takes_negative_lengths_for_large_ones() {
    let padded = |length: &'static str| {
        // It panics over a capacity that no buffer has.
        let answered = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let sql = format!("SELECT lpad('a', n) FROM (VALUES ({length})) AS t(n)");
            runtime.expect("a runtime").block_on(answer(&sql))
        });
        answered.join().ok()
    };
    assert_eq!(padded("2").as_deref(), Some(" a"));
    assert_ne!(
        padded("-1").as_deref(),
        Some(""),
        "DataFusion pads to negative lengths now: without_negatives in functions/text_budget.rs can go (docs/upstream.md, negative-lengths)"
    );
}

#[tokio::test]
async fn datafusion_still_does_not_yield_in_nested_loops() {
    let sql = "SELECT * FROM (VALUES (1), (2)) AS a(x) JOIN (VALUES (1), (2)) AS b(y) ON a.x < b.y";
    let plan = plain()
        .sql(sql)
        .await
        .expect("a plan")
        .create_physical_plan()
        .await
        .expect("a physical plan");
    let join = nested_loop(&plan).expect("a nested loop join");
    assert!(
        matches!(join.properties().scheduling_type, SchedulingType::NonCooperative),
        "joins yield now: sql/src/optimizer/physical/ensure_cooperative.rs can go (docs/upstream.md, cooperative-joins)"
    );
}

fn nested_loop(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    if plan.is::<NestedLoopJoinExec>() {
        return Some(Arc::clone(plan));
    }
    plan.children().into_iter().find_map(nested_loop)
}

#[test]
fn sqlparser_still_wants_from_in_fetch() {
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, "FETCH 2 c");
    assert!(
        parsed.is_err(),
        "sqlparser reads it now: see whether syntax/fetch.rs can go (docs/upstream.md, fetch)"
    );
}

#[tokio::test]
async fn datafusion_still_forgets_named_windows() {
    let sql = "SELECT sum(a) OVER (w) FROM (VALUES (3), (1)) t(a) WINDOW w AS (ORDER BY a)";
    still_wrong("window-names", "syntax/windows.rs", sql, "1|4").await;
}

#[tokio::test]
async fn datafusion_still_counts_rows_that_are_not_there() {
    let sql = "SELECT count(u.*) FROM (VALUES (1), (2)) t(a) LEFT JOIN (VALUES (1)) u(a) ON t.a = u.a";
    still_wrong("whole-row-count", "syntax/whole_rows.rs", sql, "1").await;
}

#[tokio::test]
async fn datafusion_still_counts_no_rows_of_except_all() {
    let sql = "SELECT a FROM (VALUES (1), (1)) t(a) EXCEPT ALL SELECT 1";
    still_wrong("multisets", "syntax/multisets.rs", sql, "1").await;
}
