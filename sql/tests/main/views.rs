//! Shipped and configured views: what they show to whom, and the calls that they make.

use std::collections::BTreeSet;
use std::sync::Arc;

use causeway_sql::{Engine, EngineConfig, Policy, View};

use crate::fixture::{
    World, opportunity_policy, rows, salesforce_source, world, world_of_engine, world_with,
};

const SOQL: &str = "/services/data/v62.0/query";

/// Texts that reached a path since the requests were forgotten, each once.
fn asked(world: &World, path: &str) -> BTreeSet<String> {
    let mut queries = world.remote_queries();
    queries.remove(path).unwrap_or_default().into_iter().collect()
}

fn texts(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Runs a statement twice: what is found out about an instance by the way is known the second time.
async fn warm(world: &World, sql: &str) -> Vec<Vec<String>> {
    world.rows("admin", sql).await;
    world.forget_requests();
    world.rows("admin", sql).await
}

pub(crate) fn with_views(
    views: &'static [(&'static str, &'static str)],
) -> impl FnOnce(&mut EngineConfig, &causeway_sandbox::salesforce::Org) {
    |config, _| {
        config.views = views
            .iter()
            .map(|(name, query)| View {
                name: (*name).to_owned(),
                query: (*query).to_owned(),
            })
            .collect();
    }
}

#[tokio::test]
async fn the_work_of_one_person_is_asked_for_by_their_id() {
    let world = world().await;
    let found = warm(
        &world,
        "SELECT source, kind, title FROM views.work_queue WHERE assignee = 'Ana Lopez'",
    )
    .await;
    assert!(found.iter().any(|row| row[0] == "servicenow") && found.iter().any(|row| row[0] == "salesforce"));
    let ana = world
        .value("admin", "SELECT id FROM salesforce.user WHERE name = 'Ana Lopez'")
        .await;
    world.forget_requests();
    world
        .rows(
            "admin",
            "SELECT source, kind, title FROM views.work_queue WHERE assignee = 'Ana Lopez'",
        )
        .await;
    assert_eq!(
        asked(&world, SOQL),
        texts(&[
            "SELECT Id, Name FROM User WHERE Name = 'Ana Lopez'",
            &format!("SELECT Subject, OwnerId FROM Task WHERE IsClosed = FALSE AND OwnerId = '{ana}'"),
            &format!("SELECT Subject, OwnerId FROM Case WHERE IsClosed = FALSE AND OwnerId = '{ana}'"),
        ])
    );
    // The person, then the tasks, incidents and cases of that person.
    assert_eq!(world.calls(), (3, 4), "{:#?}", world.remote_queries());
    for table in ["task", "incident", "sn_customerservice_case"] {
        let texts = asked(&world, &format!("/api/now/v2/table/{table}"));
        assert!(
            texts.iter().all(|text| text.contains("^assigned_toIN")),
            "{table}: {texts:?}"
        );
    }
}

#[tokio::test]
async fn the_work_queue_holds_what_its_tables_hold() {
    let world = world().await;
    for user in ["admin", "ana", "ben"] {
        let queue = world
            .rows(user, "SELECT source, kind, count(*), count(assignee), max(updated) FROM views.work_queue GROUP BY 1, 2 ORDER BY 1, 2")
            .await;
        let by_hand = "\
            SELECT 'salesforce', 'case', count(*), count(u.id), max(c.lastmodifieddate) \
            FROM salesforce.\"case\" c LEFT JOIN salesforce.user u ON u.id = c.ownerid WHERE NOT c.isclosed \
            UNION ALL SELECT 'salesforce', 'task', count(*), count(u.id), max(t.lastmodifieddate) \
            FROM salesforce.task t LEFT JOIN salesforce.user u ON u.id = t.ownerid WHERE NOT t.isclosed \
            UNION ALL SELECT 'servicenow', 'case', count(*), count(u.sys_id), max(w.sys_updated_on) \
            FROM servicenow.sn_customerservice_case w LEFT JOIN servicenow.sys_user u ON u.sys_id = w.assigned_to WHERE w.active \
            UNION ALL SELECT 'servicenow', 'incident', count(*), count(u.sys_id), max(w.sys_updated_on) \
            FROM servicenow.incident w LEFT JOIN servicenow.sys_user u ON u.sys_id = w.assigned_to WHERE w.active \
            UNION ALL SELECT 'servicenow', 'task', count(*), count(u.sys_id), max(w.sys_updated_on) \
            FROM servicenow.task w LEFT JOIN servicenow.sys_user u ON u.sys_id = w.assigned_to WHERE w.active AND w.sys_class_name = 'task' ORDER BY 1, 2";
        assert_eq!(queue, world.rows(user, by_hand).await, "{user}");
    }
    let count = "SELECT count(*) FROM views.work_queue";
    assert_ne!(world.value("ana", count).await, world.value("ben", count).await);
}

#[tokio::test]
async fn parts_that_a_filter_rules_out_are_not_asked() {
    let world = world().await;
    let sql = "SELECT title FROM views.work_queue WHERE source = 'servicenow' AND kind = 'incident' LIMIT 3";
    assert_eq!(warm(&world, sql).await.len(), 3);
    assert_eq!(world.calls(), (0, 1), "{:#?}", world.remote_queries());
    let incidents = asked(&world, "/api/now/v2/table/incident");
    assert_eq!(incidents, texts(&["active=true^ORDERBYsys_id"]));
}

#[tokio::test]
async fn an_account_seen_from_all_sides_costs_a_call_for_each_table() {
    let world = world().await;
    let sql = "SELECT * FROM views.account_360 WHERE name = 'Boxeo'";
    let found = warm(&world, sql).await;
    let ids = world
        .rows(
            "admin",
            "SELECT sys_id, u_salesforce_account_id FROM servicenow.customer_account WHERE name = 'Boxeo'",
        )
        .await;
    let (sys_id, id) = (&ids[0][0], &ids[0][1]);
    let mut wanted = vec![
        "servicenow".to_owned(),
        "salesforce".to_owned(),
        sys_id.clone(),
        "Boxeo".to_owned(),
        id.clone(),
    ];
    for count in [
        format!("SELECT count(*) FROM salesforce.contact WHERE accountid = '{id}'"),
        format!("SELECT count(*) FROM salesforce.opportunity WHERE accountid = '{id}' AND NOT isclosed"),
        format!("SELECT sum(amount) FROM salesforce.opportunity WHERE accountid = '{id}' AND NOT isclosed"),
        format!("SELECT count(*) FROM salesforce.\"case\" WHERE accountid = '{id}' AND NOT isclosed"),
        format!(
            "SELECT count(*) FROM servicenow.sn_customerservice_case WHERE account = '{sys_id}' AND active"
        ),
        format!("SELECT count(*) FROM servicenow.incident WHERE company = '{sys_id}' AND active"),
    ] {
        wanted.push(world.value("admin", &count).await);
    }
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][..wanted.len()], wanted);

    world.forget_requests();
    world.rows("admin", sql).await;
    assert_eq!(world.calls(), (3, 3), "{:#?}", world.remote_queries());
    let instance = |table: &str| asked(&world, &format!("/api/now/v2/table/{table}"));
    assert_eq!(instance("customer_account"), texts(&["name=Boxeo^ORDERBYsys_id"]));
    assert_eq!(
        instance("incident"),
        texts(&[&format!("active=true^company={sys_id}^ORDERBYsys_id")])
    );
    assert_eq!(
        instance("sn_customerservice_case"),
        texts(&[&format!("active=true^account={sys_id}^ORDERBYsys_id")])
    );
    let opportunities =
        format!("SELECT AccountId, Amount FROM Opportunity WHERE IsClosed = FALSE AND AccountId = '{id}'");
    assert!(
        asked(&world, SOQL).contains(&opportunities),
        "{:?}",
        asked(&world, SOQL)
    );
}

#[tokio::test]
async fn what_a_query_does_not_read_of_a_view_is_not_fetched() {
    let world = world().await;
    warm(
        &world,
        "SELECT name, open_cases FROM views.account_360 WHERE name = 'Boxeo'",
    )
    .await;
    assert_eq!(world.calls(), (0, 2), "{:#?}", world.remote_queries());
    warm(
        &world,
        "SELECT name, amount FROM views.open_opportunities WHERE amount > 240000",
    )
    .await;
    assert_eq!(
        asked(&world, SOQL),
        texts(&["SELECT Name, Amount FROM Opportunity WHERE IsClosed = FALSE AND Amount > 240000"])
    );
    assert_eq!(world.calls(), (1, 0));
    let named = warm(
        &world,
        "SELECT name FROM views.open_opportunities WHERE account = 'Boxeo'",
    )
    .await;
    assert_eq!(named.len(), 4);
    assert_eq!(world.calls(), (1, 0), "{:#?}", world.remote_queries());
}

#[tokio::test]
async fn keys_and_counts_pass_through_a_view() {
    let world = world().await;
    let sql = "SELECT a.name, o.name FROM servicenow.customer_account a \
               JOIN views.open_opportunities o ON o.account_id = a.u_salesforce_account_id WHERE a.name = 'Boxeo'";
    assert_eq!(warm(&world, sql).await.len(), 4);
    assert_eq!(world.calls(), (1, 1), "{:#?}", world.remote_queries());
    let soql = asked(&world, SOQL);
    assert!(
        soql.iter().all(|text| text.contains("AND AccountId = '001")),
        "{soql:?}"
    );
    warm(&world, "SELECT count(*) FROM views.open_opportunities").await;
    let soql = asked(&world, SOQL);
    assert!(soql.iter().all(|text| text.contains("COUNT(")), "{soql:?}");
}

#[tokio::test]
async fn a_view_shows_each_person_what_its_tables_show() {
    let world = world().await;
    let (mut view, mut table) = (Vec::new(), Vec::new());
    for user in ["admin", "ana", "ben", "nobody"] {
        view.push(
            world
                .value(user, "SELECT count(*) FROM views.open_opportunities")
                .await,
        );
        table.push(
            world
                .value(
                    user,
                    "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed",
                )
                .await,
        );
        let accounts = world.value(user, "SELECT count(*) FROM views.account_360").await;
        assert_eq!(
            accounts,
            world
                .value(user, "SELECT count(*) FROM servicenow.customer_account")
                .await,
            "{user}"
        );
        let sums = "SELECT sum(open_opportunities), sum(open_incidents) FROM views.account_360";
        let by_hand = "SELECT (SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed AND accountid IN \
                       (SELECT u_salesforce_account_id FROM servicenow.customer_account)) AS deals, \
                       (SELECT count(*) FROM servicenow.incident WHERE active AND company IN (SELECT sys_id FROM servicenow.customer_account)) AS incidents";
        assert_eq!(
            world.rows(user, sums).await,
            world.rows(user, by_hand).await,
            "{user}"
        );
    }
    assert_eq!(view, table);
    assert_eq!(view.iter().collect::<BTreeSet<_>>().len(), 4, "{view:?}");
}

#[tokio::test]
async fn a_view_over_a_denied_column_is_not_there() {
    let deny = Policy {
        table: "salesforce.opportunity".to_owned(),
        roles: vec!["analyst".to_owned()],
        deny_columns: vec!["amount".to_owned()],
        ..Policy::default()
    };
    let world = world_with(vec![opportunity_policy(), deny]).await;
    let listed = "SELECT relname FROM pg_catalog.pg_class WHERE relkind = 'v' ORDER BY 1";
    for view in ["open_opportunities", "account_360"] {
        let error = world.error("ana", &format!("SELECT * FROM views.{view}")).await;
        assert_eq!((error.sqlstate, error.hint), ("42P01", None), "{}", error.message);
    }
    // Nothing of the opportunities is known yet in this session of another world, and afterwards it is.
    let fresh = world_with(vec![Policy {
        table: "salesforce.opportunity".to_owned(),
        deny_columns: vec!["amount".to_owned()],
        ..Policy::default()
    }])
    .await;
    assert_eq!(fresh.rows("ana", listed).await, [["work_queue"]]);
    assert_eq!(world.rows("ana", listed).await, [["work_queue"]]);
    let all = [["account_360"], ["open_opportunities"], ["work_queue"]];
    assert_eq!(world.rows("admin", listed).await, all);
    let error = fresh.error("admin", "SELECT * FROM views.account_360").await;
    assert!(
        error.sqlstate == "42P01" && error.hint.as_deref().is_some_and(|hint| hint.contains("amount")),
        "{error:?}"
    );
}

#[tokio::test]
async fn listing_views_costs_what_listing_tables_costs() {
    let world = world().await;
    let session = world.session("ana").await;
    let requests =
        |world: &World| world.salesforce.log().entries().len() + world.servicenow.log().entries().len();
    let tables = "SELECT relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                  WHERE relkind IN ('r', 'p') AND n.nspname = 'salesforce'";
    rows(&session, tables).await.expect("tables");
    let opened = requests(&world);
    let views = "SELECT n.nspname, relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE relkind = 'v' ORDER BY 2";
    let found = rows(&session, views).await.expect("views");
    let named: Vec<_> = found.iter().map(|row| row.join(".")).collect();
    assert_eq!(
        named,
        [
            "views.account_360",
            "views.open_opportunities",
            "views.work_queue"
        ]
    );
    let with_views = requests(&world);
    // Names of the instance's tables: listing its tables asks for them too.
    let other = world.session("ben").await;
    rows(&other, &tables.replace("'salesforce'", "'servicenow'"))
        .await
        .expect("tables");
    assert!(
        with_views - opened <= requests(&world) - with_views + 2,
        "{opened} {with_views}"
    );
    rows(&session, views).await.expect("views");
    let columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'views' \
                   AND table_name = 'open_opportunities' ORDER BY ordinal_position";
    let columns = rows(&session, columns).await.expect("columns");
    assert_eq!(columns.len(), 12, "{columns:?}");
    assert_eq!(
        (columns[0][0].as_str(), columns[6][0].as_str()),
        ("source", "amount")
    );
}

#[tokio::test]
async fn sources_of_one_kind_are_united() {
    let world = world_of_engine(|config, org| {
        let second = salesforce_source("crm_eu", org, &config.ledger.clone(), |_| {});
        config.sources.push(Arc::new(second));
    })
    .await;
    let by_source = "SELECT source, count(*) FROM views.work_queue GROUP BY 1 ORDER BY 1";
    let queue = world.rows("admin", by_source).await;
    assert_eq!(
        queue.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
        ["crm_eu", "salesforce", "servicenow"]
    );
    assert_eq!(queue[0][1], queue[1][1]);
    let pairs =
        "SELECT source, crm, open_opportunities FROM views.account_360 WHERE name = 'Boxeo' ORDER BY crm";
    assert_eq!(
        world.rows("admin", pairs).await,
        [["servicenow", "crm_eu", "4"], ["servicenow", "salesforce", "4"]]
    );
    let large = "SELECT name FROM views.open_opportunities WHERE source = 'crm_eu' AND amount > 240000";
    warm(&world, large).await;
    assert_eq!(world.calls(), (1, 0), "{:#?}", world.remote_queries());
}

#[tokio::test]
async fn a_part_without_its_tables_is_left_out() {
    let world = crate::fixture::world_of_instance(|config| {
        config.tables = vec!["incident".to_owned(), "sys_user".to_owned()];
    })
    .await;
    let kinds = "SELECT DISTINCT source, kind FROM views.work_queue ORDER BY 1, 2";
    assert_eq!(
        world.rows("admin", kinds).await,
        [
            ["salesforce", "case"],
            ["salesforce", "task"],
            ["servicenow", "incident"]
        ]
    );
    assert_eq!(
        world
            .error("ana", "SELECT * FROM views.account_360")
            .await
            .sqlstate,
        "42P01"
    );
}

#[tokio::test]
async fn configured_views_may_use_and_replace_others() {
    let world = world_of_engine(with_views(&[
        (
            "big",
            "SELECT name, amount FROM views.open_opportunities WHERE amount > 240000",
        ),
        ("biggest", "SELECT max(amount), count(*) FROM views.big"),
        (
            "work_queue",
            "SELECT number FROM servicenow.incident WHERE active",
        ),
        ("broken", "SELECT nope FROM salesforce.account"),
    ]))
    .await;
    let by_hand =
        "SELECT max(amount), count(*) FROM salesforce.opportunity WHERE amount > 240000 AND NOT isclosed";
    for user in ["admin", "ana", "ben"] {
        assert_eq!(
            world.rows(user, "SELECT max, count FROM views.biggest").await,
            world.rows(user, by_hand).await,
            "{user}"
        );
    }
    assert_eq!(
        world
            .rows("admin", "SELECT * FROM views.work_queue LIMIT 1")
            .await[0]
            .len(),
        1
    );
    let error = world.error("ana", "SELECT * FROM views.broken").await;
    assert_eq!(
        (error.sqlstate, error.message.as_str()),
        ("42P01", "view \"views.broken\" does not exist")
    );
    assert_eq!(
        world.error("ana", "SELECT * FROM views.no_such").await.sqlstate,
        "42P01"
    );
}

#[tokio::test]
async fn views_that_lead_in_a_circle_or_too_deep_are_errors() {
    let view = |name: &str, query: String| View {
        name: name.to_owned(),
        query,
    };
    let mut config = EngineConfig::new(causeway_core::Ledger::default());
    config.views = vec![
        view("one", "SELECT * FROM views.two".to_owned()),
        view("two", "SELECT * FROM views.one".to_owned()),
    ];
    let error = Engine::try_new(config).expect_err("a circle");
    assert_eq!(error.sqlstate, "42P17", "{}", error.message);
    let world = world_of_engine(move |config, _| {
        config.views = vec![
            view("deep_0", "SELECT 1 AS n".to_owned()),
            view("wide_0", "SELECT 1 AS n".to_owned()),
        ];
        for depth in 1..20 {
            let below = depth - 1;
            config.views.push(view(
                &format!("deep_{depth}"),
                format!("SELECT n FROM views.deep_{below}"),
            ));
            let twice =
                format!("SELECT n FROM views.wide_{below} UNION ALL SELECT n FROM views.wide_{below}");
            config.views.push(view(&format!("wide_{depth}"), twice));
        }
    })
    .await;
    assert_eq!(world.value("ana", "SELECT n FROM views.deep_15").await, "1");
    assert_eq!(
        world.error("ana", "SELECT n FROM views.deep_16").await.sqlstate,
        "54001"
    );
    assert_eq!(
        world.value("ana", "SELECT count(*) FROM views.wide_6").await,
        "64"
    );
    assert_eq!(
        world.error("ana", "SELECT n FROM views.wide_14").await.sqlstate,
        "54001"
    );
}

#[tokio::test]
async fn a_policy_may_use_a_view_and_is_not_led_back_by_one() {
    let through = |view: &str| Policy {
        rows: Some(format!("accountid IN (SELECT id FROM views.{view})")),
        ..opportunity_policy()
    };
    let world = |policy: Policy| {
        world_of_engine(move |config, org| {
            with_views(&[
                (
                    "theirs",
                    "SELECT u_salesforce_account_id AS id FROM servicenow.customer_account",
                ),
                ("back", "SELECT accountid AS id FROM salesforce.opportunity"),
            ])(config, org);
            config.policies = vec![policy];
        })
    };
    let count = "SELECT count(*) FROM salesforce.opportunity";
    let plain = world(opportunity_policy()).await;
    let by_view = world(through("theirs")).await;
    for user in ["ana", "ben"] {
        assert_eq!(
            by_view.value(user, count).await,
            plain.value(user, count).await,
            "{user}"
        );
    }
    let error = world(through("back")).await.error("ana", count).await;
    assert_eq!(error.sqlstate, "42P17", "{}", error.message);
}

#[tokio::test]
async fn a_join_on_a_masked_id_is_not_dropped() {
    let masked = Policy {
        table: "salesforce.account".to_owned(),
        rows: None,
        mask_columns: [("id".to_owned(), "'***'".to_owned())].into(),
        ..opportunity_policy()
    };
    let world = world_with(vec![masked]).await;
    let sql = "SELECT count(*) FROM (VALUES ('***')) v(k) LEFT JOIN salesforce.account a ON a.id = v.k";
    let all = world
        .value("ana", "SELECT count(*) FROM salesforce.account")
        .await;
    assert_ne!(all, "1");
    assert_eq!(world.value("ana", sql).await, all);
}
