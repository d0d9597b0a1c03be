//! What queries share: calls under way, and the quota of the org.

use causeway_core::{Answered, Kind};
use tokio::task::JoinSet;

use super::*;

/// An org whose gate is closed, a source that has described accounts, and the source's ledger.
struct Stage {
    org: Org,
    source: Arc<Salesforce>,
    ledger: Ledger,
    accounts: Arc<Table>,
}

type Scans = JoinSet<Result<Vec<RecordBatch>, Error>>;

impl Stage {
    async fn set() -> Self {
        let org = Org::start(Options::default(), Semantics::default())
            .await
            .expect("a practice org");
        let ledger = Ledger::default();
        let source = Arc::new(source_with(&org.url(), json!({}), &ledger));
        let accounts = table(&source, "account").await;
        org.log().clear();
        org.gate().close();
        Self {
            org,
            source,
            ledger,
            accounts,
        }
    }

    /// Begins a scan of the ids of all accounts.
    fn scan(&self, scans: &mut Scans, context: &Arc<QueryContext>) -> tokio::task::AbortHandle {
        let source: Arc<dyn Source> = Arc::<Salesforce>::clone(&self.source);
        let (id, _) = self.accounts.column("id").expect("accounts have ids");
        let query = RemoteQuery::new(Arc::clone(&self.accounts), vec![id]);
        let context = Arc::clone(context);
        scans.spawn(async move { scan(source, context, query).try_collect().await })
    }

    /// Waits until so many calls have reached the org and so many reads wait for the answer to another's.
    async fn until(&self, calls: usize, sharing: usize) {
        while (self.calls(), self.source.state().load.sharing) != (calls, sharing) {
            tokio::task::yield_now().await;
        }
    }

    fn calls(&self) -> usize {
        self.org.log().data_calls().len()
    }

    /// Who answered the reads of accounts, with status and bytes, in the order in which they ended or began.
    fn answered(&self) -> Vec<(Answered, u32, bool)> {
        let exchanges = self.ledger.exchanges().into_iter();
        let accounts = exchanges.filter(|one| one.record.resource == "account");
        accounts
            .map(|one| (one.record.answered, one.status(), one.bytes() > 0))
            .collect()
    }
}

fn source_with(url: &str, more: Value, ledger: &Ledger) -> Salesforce {
    let mut config = serde_json::Map::from_iter([("url".to_owned(), url.into()), ("auth".to_owned(), jwt())]);
    config.extend(more.as_object().cloned().into_iter().flatten());
    let config: Config = serde_json::from_value(config.into()).expect("a configuration");
    Salesforce::try_new("sf", config, ledger.clone()).expect("a source")
}

fn query_of(id: u64, user: &str, max_api_calls: u32) -> Arc<QueryContext> {
    let principal = Principal {
        user: user.to_owned(),
        ..Principal::default()
    };
    Arc::new(QueryContext::new(id, Arc::new(principal), max_api_calls, true))
}

async fn rows_of_all(mut scans: Scans) -> Vec<usize> {
    let mut counts = Vec::new();
    while let Some(scan) = scans.join_next().await {
        counts.push(count(&scan.expect("a scan that ends").expect("rows")));
    }
    counts
}

#[tokio::test]
async fn identical_scans_of_one_person_are_one_call_and_the_others_spend_none() {
    let stage = Stage::set().await;
    let mut scans = Scans::new();
    let queries: Vec<_> = (1..=5).map(|id| query_of(id, "ana", 1)).collect();
    for query in &queries {
        stage.scan(&mut scans, query);
    }
    stage.until(1, 4).await;
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500; 5]);
    assert_eq!(stage.calls(), 1);
    let mut spent: Vec<u32> = queries.iter().map(|query| query.calls()).collect();
    spent.sort_unstable();
    assert_eq!(spent, [0, 0, 0, 0, 1]);
    let paid = queries.iter().filter(|query| query.bytes() > 0).count();
    assert_eq!(paid, 1, "one body was transferred");
    assert!(queries.iter().all(|query| query.rows() == 500));
    let mut wanted = vec![(Answered::Remote, 200, true)];
    wanted.extend([(Answered::Shared, 200, false); 4]);
    assert_eq!(stage.answered(), wanted);
    assert!(
        stage
            .ledger
            .exchanges()
            .iter()
            .skip(2)
            .all(|one| one.rows() == 500)
    );
}

#[tokio::test]
async fn two_people_are_two_calls() {
    let stage = Stage::set().await;
    let mut scans = Scans::new();
    for user in ["ana", "ben"] {
        stage.scan(&mut scans, &query_of(1, user, 0));
    }
    stage.until(2, 0).await;
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500; 2]);
}

#[tokio::test]
async fn what_is_asked_after_the_answer_is_a_call_of_its_own() {
    let stage = Stage::set().await;
    stage.org.gate().open();
    for calls in 1..=2 {
        let mut scans = Scans::new();
        stage.scan(&mut scans, &query_of(1, "ana", 0));
        assert_eq!(rows_of_all(scans).await, [500]);
        assert_eq!(stage.calls(), calls);
    }
}

#[tokio::test]
async fn a_query_that_is_cancelled_leaves_its_call_to_one_that_waits() {
    let stage = Stage::set().await;
    let mut scans = Scans::new();
    let leader = stage.scan(&mut scans, &query_of(1, "ana", 0));
    stage.until(1, 0).await;
    for id in 2..=3 {
        stage.scan(&mut scans, &query_of(id, "ana", 0));
    }
    stage.until(1, 2).await;
    leader.abort();
    assert!(
        scans
            .join_next()
            .await
            .is_some_and(|ended| ended.is_err_and(|error| error.is_cancelled()))
    );
    stage.until(2, 1).await;
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500; 2]);
    assert_eq!(stage.calls(), 2);
    assert_eq!(
        stage.answered(),
        [
            (Answered::Remote, 0, false),
            (Answered::Remote, 200, true),
            (Answered::Shared, 200, false)
        ]
    );
}

#[tokio::test]
async fn a_query_that_has_spent_its_calls_fails_alone() {
    let stage = Stage::set().await;
    stage.org.semantics().change_faults(|faults| {
        faults.throttled = 1;
        faults.retry_after_seconds = Some(0);
    });
    let mut scans = Scans::new();
    stage.scan(&mut scans, &query_of(1, "ana", 1));
    stage.until(1, 0).await;
    stage.scan(&mut scans, &query_of(2, "ana", 1));
    stage.until(1, 1).await;
    // The first is throttled and may not call again; the second makes the call itself.
    stage.org.gate().let_out(1);
    let first = scans
        .join_next()
        .await
        .expect("a scan")
        .expect("a scan that ends");
    assert_eq!(first.expect_err("no call is left").kind, Kind::Budget);
    stage.until(2, 0).await;
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500]);
}

#[tokio::test]
async fn a_failure_is_shared_like_an_answer() {
    let stage = Stage::set().await;
    stage
        .org
        .semantics()
        .change_faults(|faults| faults.request_limit_exceeded = 1);
    let mut scans = Scans::new();
    for id in 1..=3 {
        stage.scan(&mut scans, &query_of(id, "ana", 0));
    }
    stage.until(1, 2).await;
    stage.org.gate().open();
    while let Some(scan) = scans.join_next().await {
        let error = scan.expect("a scan that ends").expect_err("the quota is used up");
        assert_eq!(error.kind, Kind::QuotaExhausted);
    }
    assert_eq!(stage.calls(), 1);
    let shared = (Answered::Shared, 403, false);
    assert_eq!(stage.answered(), [(Answered::Remote, 403, true), shared, shared]);
}

#[tokio::test]
async fn a_damaged_page_that_was_shared_is_fetched_anew() {
    let stage = Stage::set().await;
    stage.org.semantics().change_faults(|faults| faults.not_json = 1);
    let mut scans = Scans::new();
    for id in 1..=2 {
        stage.scan(&mut scans, &query_of(id, "ana", 0));
    }
    stage.until(1, 1).await;
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500; 2]);
    // Both ask again: together or one after the other.
    assert!((2..=3).contains(&stage.calls()), "{} calls", stage.calls());
}

#[tokio::test]
async fn calls_that_run_and_wait_are_counted_and_measured() {
    let org = Org::start(Options::default(), Semantics::default())
        .await
        .expect("a practice org");
    let source = Arc::new(source_with(
        &org.url(),
        json!({"concurrent_calls": 1}),
        &Ledger::default(),
    ));
    assert_eq!(source.state().load.latency, None);
    let accounts = table(&source, "account").await;
    let measured = source.state().load.latency.expect("a call was made");
    assert!(measured.p50 > std::time::Duration::ZERO && measured.p50 == measured.p99);
    let stage = Stage {
        org,
        source,
        ledger: Ledger::default(),
        accounts,
    };
    stage.org.gate().close();
    let mut scans = Scans::new();
    for user in ["ana", "ben", "cleo"] {
        stage.scan(&mut scans, &query_of(1, user, 0));
    }
    let load = || {
        let load = stage.source.state().load;
        (load.running, load.waiting)
    };
    while load() != (1, 2) {
        tokio::task::yield_now().await;
    }
    stage.org.gate().open();
    assert_eq!(rows_of_all(scans).await, [500; 3]);
    assert_eq!(load(), (0, 0));
}

#[tokio::test]
async fn calls_that_would_go_into_the_reserve_are_not_made() {
    let semantics = Semantics {
        daily_api_requests: 10,
        ..Semantics::default()
    };
    let org = Org::start(Options::default(), semantics)
        .await
        .expect("a practice org");
    let source = Arc::new(source_with(
        &org.url(),
        json!({"reserve": "45%"}),
        &Ledger::default(),
    ));
    let accounts = table(&source, "account").await;
    let query = || RemoteQuery::new(Arc::clone(&accounts), vec![0]);
    for _ in 2..=5 {
        assert_eq!(count(&rows(&source, query()).await.expect("rows")), 500);
    }
    let error = rows(&source, query()).await.expect_err("the reserve");
    assert_eq!(error.kind, Kind::Budget);
    assert!(
        error
            .message
            .starts_with("5 of the 10 api calls of a day are used, and 45% (5 calls) are kept in reserve"),
        "{error}"
    );
    let error = source
        .table(&context(), "contact")
        .await
        .expect_err("a description is a call too");
    assert_eq!(error.kind, Kind::Budget);
    assert_eq!(org.log().data_calls().len(), 5);
    assert_eq!(
        (source.state().calls_used, source.state().calls_left),
        (Some(5), Some(5))
    );
}
