//! A third remote system, of another kind than the two that ship: what it takes to add one, and that core and sql don't know which.

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a failed test panics")]

mod shop;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Decimal128Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use causeway_core::conformance::{Lost, Suite};
use causeway_core::{Kind, Ledger, Principal, Source};
use causeway_sql::{Engine, EngineConfig, Error, Policy};
use futures::TryStreamExt as _;
use serde_json::Value;

use shop::{Shop, TOKEN, customers};
use source::ShopSource;

struct World {
    shop: Shop,
    engine: Engine,
}

async fn world() -> World {
    let shop = Shop::start().await;
    let ledger = Ledger::default();
    let source = ShopSource::try_new("shop", &shop.url, TOKEN, ledger.clone()).expect("a source");
    let mut config = EngineConfig::new(ledger);
    config.sources = vec![Arc::new(source)];
    let person = |user: &str, domain: Option<&str>, roles: &[&str]| {
        Arc::new(Principal {
            user: user.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            domain: domain.map(str::to_owned),
            all_domains: domain.is_none(),
            ..Principal::default()
        })
    };
    config.users = vec![
        person("ada", None, &[]),
        person("rolf", Some("red"), &[]),
        person("cleo", None, &["clerk"]),
    ];
    config.policies = vec![Policy {
        table: "shop.customers".to_owned(),
        roles: vec!["clerk".to_owned()],
        rows: Some("active".to_owned()),
        deny_columns: vec!["vat_id".to_owned()],
        mask_columns: BTreeMap::new(),
    }];
    let engine = Engine::try_new(config).expect("an engine");
    World { shop, engine }
}

impl World {
    async fn batches(&self, user: &str, sql: &str) -> Result<Vec<RecordBatch>, Error> {
        let session = self.engine.session(user).await?;
        let answer = session.sql(sql).await?;
        answer.stream().await?.try_collect().await
    }

    /// `value,value|value,value`
    async fn rows(&self, user: &str, sql: &str) -> String {
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        for batch in self
            .batches(user, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        {
            let columns = batch.columns().iter();
            let columns: Vec<_> = columns
                .map(|column| ArrayFormatter::try_new(column, &options).expect("a column"))
                .collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let values = columns.iter().map(|column| column.value(row).to_string());
                values.collect::<Vec<_>>().join(",")
            }));
        }
        rows.join("|")
    }
}

fn count(of: impl Fn(&Value) -> bool) -> usize {
    customers().iter().filter(|customer| of(customer)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_rows_that_sql_keeps() {
    let world = world().await;
    let suite = Suite {
        source: Arc::clone(&world.engine.sources()[0]),
        samples: 5,
        every: 4,
        each_operator: true,
        trees: 60,
        seed: 7,
        naive: None,
    };
    let report = suite
        .check("customers", &mut Lost::default())
        .await
        .expect("a whole scan");
    assert!(report.faults.is_empty(), "{report}");
    assert!(report.exact > 300, "{report}");
}

#[tokio::test]
async fn amounts_are_exact_and_compared_there() {
    let world = world().await;
    let sum = "SELECT sum(balance) FROM shop.customers WHERE balance > 0.1 AND balance <= 0.2000";
    let twos = count(|customer| customer["balance"] == "0.2000");
    assert_eq!(
        world.rows("ada", sum).await,
        format!("{}.{}000", twos / 5, twos * 2 % 10)
    );
    let requests = world.shop.take_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let asked = requests[0]["where"].to_string();
    assert!(asked.contains(r#""is":"more","values":["0.1"]"#), "{asked}");
    assert!(asked.contains(r#""is":"at most","values":["0.2"]"#), "{asked}");

    // A double has no such digits.
    let one = "SELECT balance FROM shop.customers WHERE balance = 9007199254740994.0004 AND number = 2";
    let batches = world.batches("ada", one).await.expect("rows");
    let values: Vec<i128> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Decimal128Type>().iter().flatten())
        .collect();
    assert_eq!(values, [90_071_992_547_409_940_004]);
}

#[tokio::test]
async fn the_empty_text_is_a_value() {
    let world = world().await;
    let empty = count(|customer| customer["note"] == "");
    let missing = count(|customer| customer["note"].is_null());
    for (condition, rows) in [
        ("note = ''", empty),
        ("note IS NULL", missing),
        ("note <> ''", 120 - empty - missing),
    ] {
        let sql = format!("SELECT count(*) FROM shop.customers WHERE {condition}");
        assert_eq!(world.rows("ada", &sql).await, rows.to_string(), "{condition}");
    }
}

#[tokio::test]
async fn a_key_of_two_columns_tells_records_apart() {
    let world = world().await;
    let joined = "SELECT count(*), count(DISTINCT a.\"number\") FROM shop.customers a \
                  JOIN shop.customers b ON a.branch = b.branch AND a.number = b.number";
    assert_eq!(world.rows("ada", joined).await, "120,40");
    // One of the columns alone is no key: the join is not dropped, though nothing is read of it.
    let many = "SELECT count(*) FROM shop.customers a LEFT JOIN shop.customers b ON a.number = b.number";
    assert_eq!(world.rows("ada", many).await, "360");
    let same = "SELECT count(*) FROM shop.customers a LEFT JOIN shop.customers b ON a.branch = b.branch AND a.number = b.number";
    assert_eq!(world.rows("ada", same).await, "120");
    let in_rows = "SELECT count(*) FROM shop.customers WHERE (branch, number) IN (('north', 1), ('a/b', 2), ('north', 99))";
    assert_eq!(world.rows("ada", in_rows).await, "2");
}

#[tokio::test]
async fn names_that_differ_in_case_and_points_in_names_stay_apart() {
    let world = world().await;
    let sql =
        "SELECT name, name_2, address_city, vat_id FROM shop.customers WHERE branch = 'south' AND number = 1";
    assert_eq!(world.rows("ada", sql).await, "Company 1,company 1,Lyon,V1");
    let requests = world.shop.take_requests();
    let fields = requests[0]["fields"].to_string();
    assert!(
        fields.contains(r#""Name","name","address.city","vat.id""#),
        "{fields}"
    );
}

#[tokio::test]
async fn each_person_sees_the_rows_of_their_teams_and_what_policies_leave() {
    let world = world().await;
    let teams = "SELECT team, count(*) FROM shop.customers GROUP BY team ORDER BY team";
    assert_eq!(world.rows("ada", teams).await, "blue,40|global,40|red,40");
    // Nothing is everyone's here, though a team is called as a system with domains might call it.
    assert_eq!(world.rows("rolf", teams).await, "red,40");
    let asked = world.shop.take_requests().pop().expect("a request")["where"].to_string();
    assert!(
        asked.contains(r#""field":"team","is":"among","values":["red"]"#),
        "{asked}"
    );

    let active = count(|customer| customer["active"] == true);
    let clerks = "SELECT count(*) FROM shop.customers";
    assert_eq!(world.rows("cleo", clerks).await, active.to_string());
    let denied = world
        .batches("cleo", "SELECT vat_id FROM shop.customers")
        .await
        .expect_err("a denied column");
    assert_eq!(denied.sqlstate, "42703");
}

#[tokio::test]
async fn a_wrong_token_is_a_sign_in_that_was_refused_and_is_not_shown() {
    let shop = Shop::start().await;
    let source =
        ShopSource::try_new("shop", &shop.url, "not-the-token", Ledger::default()).expect("a source");
    assert!(!format!("{source:?}").contains("not-the-token"));
    let context = Arc::new(causeway_core::QueryContext::default());
    let error = source.sign_in(&context).await.expect_err("a refusal");
    assert_eq!(error.kind, Kind::SignIn);
    assert!(!error.to_string().contains("not-the-token"), "{error}");
}
