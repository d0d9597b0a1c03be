use crate::fixture::{rows, world};

#[tokio::test]
async fn explore() {
    let world = world().await;
    let session = world.session("admin").await;
    for sql in [
        "SELECT * FROM views.work_queue WHERE assignee = 'Ana Lopez'",
        "SELECT number, title FROM views.work_queue",
        "SELECT source, kind, count(*) FROM views.work_queue GROUP BY 1, 2",
        "SELECT title FROM views.work_queue WHERE source = 'servicenow' AND kind = 'incident' LIMIT 3",
        "SELECT name, amount FROM views.open_opportunities WHERE account = 'Boxeo'",
        "SELECT name, amount FROM views.open_opportunities",
        "SELECT * FROM views.account_360 WHERE name = 'Boxeo'",
        "SELECT name, open_amount FROM views.account_360 WHERE name = 'Boxeo'",
    ] {
        println!("== {sql}");
        match rows(&session, &format!("EXPLAIN {sql}")).await {
            Ok(rows) => rows.iter().for_each(|row| println!("{}", row.join(" | "))),
            Err(error) => println!(
                "ERROR {} {error} {:?} {:?}",
                error.sqlstate, error.hint, error.cause
            ),
        }
        world.forget_requests();
        match rows(&session, sql).await {
            Ok(rows) => println!("{} rows, first {:?}", rows.len(), rows.first()),
            Err(error) => println!(
                "ERROR {} {error} {:?} {:?}",
                error.sqlstate, error.hint, error.cause
            ),
        }
        println!("{:?} {:#?}", world.calls(), world.remote_queries());
    }
}
