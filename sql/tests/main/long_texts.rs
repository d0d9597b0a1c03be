//! No statement makes a text that the server has no memory for.

use crate::fixture::world;

#[tokio::test]
async fn texts_that_would_take_the_servers_memory_are_refused_before_they_are_made() {
    let world = world().await;
    for expression in [
        "repeat(name, 10000000)",
        "length(repeat(name, 2000000000))",
        "length(lpad(name, 2000000000))",
        "length(rpad(name, 2000000000, 'é'))",
        "lpad(name, 10000000 + length(name))",
        "replace(repeat(name, 100), 'o', repeat('x', 30000))",
        "regexp_replace(repeat(name, 100), '[aeio]', repeat('x', 30000), 'g')",
        "regexp_replace(repeat(name, 100), '(.*)', repeat('\\1', 10000), 'g')",
        "array_to_string(string_to_array(repeat(name, 100), 'o'), repeat('x', 30000))",
        // The same for every row of a batch.
        "repeat('x', 40000)",
        "concat(repeat('x', 20000), repeat('y', 20000))",
        "concat_ws(repeat('-', 20000), 'a', 'b', 'c')",
        "overlay(repeat('x', 20000) PLACING repeat('y', 20000) FROM 1)",
    ] {
        let sql = format!("SELECT {expression} FROM salesforce.account");
        let error = world.error("ana", &sql).await;
        assert_eq!(error.sqlstate, "54000", "{sql}: {}", error.message);
        assert_eq!(error.message, "requested length too large", "{sql}");
        assert!(error.hint.is_some(), "{sql}");
    }
}

#[tokio::test]
async fn long_texts_within_the_bound_are_made() {
    let world = world().await;
    let length = world
        .value("admin", "SELECT sum(length(name)) FROM salesforce.account")
        .await;
    let length: usize = length.parse().expect("a number");
    for (expression, times) in [
        ("repeat(name, 1000)", 1000),
        ("replace(repeat(name, 10), name, repeat(name, 10))", 100),
        (
            "array_to_string(string_to_array(repeat(name || '|', 10), '|'), '')",
            10,
        ),
        ("regexp_replace(name, '^.*$', '\\&\\&')", 2),
        ("concat(name, name, name)", 3),
        ("lpad(name, -length(name))", 0),
        ("rpad(name, 3 * length(name), name)", 3),
    ] {
        let sql = format!("SELECT sum(length({expression})) FROM salesforce.account");
        assert_eq!(
            world.value("admin", &sql).await,
            (times * length).to_string(),
            "{sql}"
        );
    }
    assert_eq!(
        world.value("admin", "SELECT length(repeat('x', 30000))").await,
        "30000"
    );
}
