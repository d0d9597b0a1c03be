use datafusion::execution::context::SessionContext;
use datafusion::sql::parser::Statement;

use crate::{adapted, state, statements};

/// The operators of the analysed plan over `a(k, x)` and `b(k, y)`, from the top; expressions are left out.
async fn operators(sql: &str) -> Vec<String> {
    let context = SessionContext::new();
    for table in ["CREATE TABLE a (k INT, x INT)", "CREATE TABLE b (k INT, y INT)"] {
        let created = context.sql(table).await.expect("a statement");
        created.collect().await.expect("a table");
    }
    let state = state(&context.state());
    let statement = statements(sql).expect("a statement").remove(0);
    let statement = adapted(statement, &[], &crate::Relations::default()).expect("an adapted statement");
    let statement = Statement::Statement(Box::new(statement));
    let plan = state.statement_to_plan(statement).await.expect("a plan");
    let plan = state
        .analyzer()
        .execute_and_check(plan, state.config_options(), |_, _| {})
        .expect("an analysed plan");
    let shown = plan.display_indent().to_string();
    let names = shown.lines().map(|line| {
        let line = line.trim();
        line.split_once(':').map_or(line, |(name, _)| name).to_owned()
    });
    names.collect()
}

#[tokio::test]
async fn equalities_need_no_second_read_of_the_outer_rows() {
    for condition in [
        "EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
        "x IN (SELECT y FROM b WHERE b.k = a.k)",
        "x > ALL (SELECT y FROM b WHERE b.k = a.k)",
        "x = (SELECT max(y) FROM b WHERE b.k = a.k)",
        "0 = (SELECT count(*) FROM b WHERE b.k = a.k)",
        "x = (SELECT y FROM b WHERE b.k = a.k ORDER BY y LIMIT 1)",
    ] {
        let operators = operators(&format!("SELECT x FROM a WHERE {condition}")).await;
        let scans = operators.iter().filter(|name| *name == "TableScan").count();
        assert_eq!(scans, 2, "{condition}: {operators:?}");
        assert!(
            !operators.iter().any(|name| name == "Distinct"),
            "{condition}: {operators:?}"
        );
    }
}

#[tokio::test]
async fn a_question_in_a_filter_is_a_semi_or_an_anti_join() {
    let semi = operators("SELECT x FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.y > a.x)").await;
    assert!(semi.iter().any(|name| name == "LeftSemi Join"), "{semi:?}");
    let anti = operators("SELECT x FROM a WHERE x <> ALL (SELECT y FROM b WHERE b.y > a.k)").await;
    assert!(anti.iter().any(|name| name == "LeftAnti Join"), "{anti:?}");
}

#[tokio::test]
async fn null_is_told_from_false_by_a_second_mark_only_where_it_shows() {
    let marks = |operators: Vec<String>| operators.iter().filter(|name| *name == "LeftMark Join").count();
    let shown = "SELECT x IN (SELECT y FROM b WHERE b.k = a.k) FROM a";
    assert_eq!(marks(operators(shown).await), 2);
    let filtered = "SELECT x FROM a WHERE k = 1 OR x IN (SELECT y FROM b WHERE b.k = a.k)";
    assert_eq!(marks(operators(filtered).await), 1);
}

#[tokio::test]
async fn other_comparisons_than_equalities_are_computed_for_each_outer_value() {
    let operators = operators("SELECT (SELECT count(*) FROM b WHERE b.y < a.x) FROM a").await;
    assert!(operators.iter().any(|name| name == "Distinct"), "{operators:?}");
}
