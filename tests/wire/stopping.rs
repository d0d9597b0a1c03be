//! What ends a statement before its time, and that its remote work ends with it.

use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use crate::practice::{Practice, failure};

/// Answers nothing before the last page is in: six pages and more of 300 ms each.
const SLOW: &str = "SELECT max(number), min(short_description) FROM servicenow.incident";

/// Asserts that no further call of the scan reaches ServiceNow, apart from one that was on its way.
///
/// Somebody else's calls, one after the other, measure the time in which a scan that had not ended would have made as many.
async fn assert_work_has_ended(practice: &Practice) {
    const MARK: &str = "INC-OF-ANOTHER";
    let of_the_scan = || {
        let calls = practice.orgs.servicenow.log().data_calls();
        let marked = |query: &Option<String>| query.as_ref().is_some_and(|query| query.contains(MARK));
        calls.iter().filter(|call| !marked(&call.remote_query)).count()
    };
    let admin = practice.connect("admin").await;
    let ask =
        |number: usize| format!("SELECT state FROM servicenow.incident WHERE number = '{MARK}-{number}'");
    // Whatever this person has to learn about the table is learnt before the count.
    admin.simple_query(&ask(0)).await.expect("an answer");
    let calls = of_the_scan();
    for number in 1..=3 {
        admin.simple_query(&ask(number)).await.expect("an answer");
    }
    let more = of_the_scan() - calls;
    assert!(more <= 1, "{more} more calls after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_a_statement_and_its_calls_within_a_second() {
    let practice = Practice::start_slow(300).await;
    let ana = practice.connect("ana").await;
    let cancel = ana.cancel_token();
    let cancelling = async {
        practice.servicenow_reached(4).await;
        let asked = Instant::now();
        cancel.cancel_query(NoTls).await.expect("sent");
        asked
    };
    let (outcome, asked) = tokio::join!(ana.simple_query(SLOW), cancelling);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let message = "canceling statement due to user request".to_owned();
    assert_eq!(
        failure(&outcome.expect_err("cancelled")),
        ("57014".to_owned(), message)
    );
    assert_work_has_ended(&practice).await;
    assert!(ana.simple_query("SELECT 1").await.is_ok(), "the session goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_reaches_rows_that_are_being_sent() {
    let practice = Practice::start_slow(300).await;
    let mut ana = practice.connect("ana").await;
    let cancel = ana.cancel_token();
    let transaction = ana.client.transaction().await.expect("begun");
    let portal = transaction
        .bind("SELECT number FROM servicenow.incident", &[])
        .await
        .expect("bound");
    transaction
        .query_portal(&portal, 10)
        .await
        .expect("the first rows");
    let calls = practice.servicenow_calls();
    let cancelling = async {
        // One page may have been asked for ahead; the one after it is asked for by rows that are being sent.
        practice.servicenow_reached(calls + 2).await;
        cancel.cancel_query(NoTls).await.expect("sent");
    };
    let (outcome, ()) = tokio::join!(transaction.query_portal(&portal, 0), cancelling);
    assert_eq!(failure(&outcome.expect_err("cancelled")).0, "57014");
    assert_work_has_ended(&practice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_with_a_wrong_key_does_nothing() {
    let practice = Practice::start_slow(100).await;
    let (ana, ben) = (practice.connect("ana").await, practice.connect("ben").await);
    let cancel = ben.cancel_token();
    let cancelling = async {
        practice.servicenow_reached(3).await;
        cancel.cancel_query(NoTls).await.expect("sent");
    };
    let (outcome, ()) = tokio::join!(ana.simple_query(SLOW), cancelling);
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_ends_its_calls_before_any_row() {
    let practice = Practice::start_slow(300).await;
    let ana = practice.connect("ana").await;
    {
        let asking = ana.simple_query(SLOW);
        tokio::select! {
            _ = asking => panic!("too fast for this test"),
            () = practice.servicenow_reached(4) => {}
        }
    }
    ana.vanish().await;
    let states = || {
        let queries = practice.engine.queries();
        let states = queries.iter().map(|query| query.state().name());
        states.collect::<Vec<_>>()
    };
    let ended = async {
        while states() == ["running"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), ended)
        .await
        .expect("the server notices");
    assert_eq!(states(), ["cancelled"]);
    assert_work_has_ended(&practice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended() {
    let practice = Practice::start_slow(300).await;
    let ana = practice.connect("ana").await;
    ana.simple_query("SET statement_timeout = '500ms'")
        .await
        .expect("set");
    let asked = Instant::now();
    let error = ana.simple_query(SLOW).await.expect_err("too slow");
    assert!(
        asked.elapsed() < Duration::from_millis(1500),
        "{:?}",
        asked.elapsed()
    );
    let message = "canceling statement due to statement timeout".to_owned();
    assert_eq!(failure(&error), ("57014".to_owned(), message));
    assert_work_has_ended(&practice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_running_statements_and_idle_clients() {
    let mut practice = Practice::start_slow(300).await;
    let (ana, ben) = (practice.connect("ana").await, practice.connect("ben").await);
    let mut asking = Box::pin(ana.simple_query(SLOW));
    tokio::select! {
        _ = &mut asking => panic!("too fast for this test"),
        () = practice.servicenow_reached(4) => {}
    }
    let began = Instant::now();
    let (outcome, ()) = tokio::join!(asking, practice.shut_down());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let message = "canceling statement due to shutdown of the server".to_owned();
    assert_eq!(
        failure(&outcome.expect_err("ended")),
        ("57014".to_owned(), message)
    );
    let error = ben.simple_query("SELECT 1").await.expect_err("disconnected");
    assert!(error.is_closed() || failure(&error).0 == "57P01", "{error:?}");
    assert!(
        practice.config("ana").connect(NoTls).await.is_err(),
        "nobody listens any more"
    );
}
