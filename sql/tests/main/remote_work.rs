//! Aggregates and joins inside one source: what is asked, and that the answers are those of whole scans.

use causeway_sandbox::salesforce::{Flag, HiddenRows, LyingFlag};

use crate::fixture::{World, rows, world, world_of};

/// The remote queries that `sql` sends to the practice Salesforce org, after its tables are known.
async fn sent(world: &World, sql: &str) -> Vec<String> {
    let session = world.session("admin").await;
    rows(&session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    world.salesforce.log().clear();
    rows(&session, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let calls = world.salesforce.log().data_calls();
    calls.into_iter().filter_map(|call| call.remote_query).collect()
}

async fn with_and_without(world: &World, sql: &str) -> [Vec<Vec<String>>; 2] {
    let session = world.session("admin").await;
    let mut answers = Vec::new();
    for pushdown in ["on", "off"] {
        session.set("causeway.pushdown", pushdown).expect("a setting");
        let mut answer = rows(&session, sql)
            .await
            .unwrap_or_else(|error| panic!("{pushdown}: {sql}: {error}"));
        answer.sort();
        answers.push(answer);
    }
    answers.try_into().expect("two answers")
}

/// Each with the one query that a careful person would send.
const GROUPED: &[(&str, &str)] = &[
    (
        "SELECT count(*) FROM salesforce.opportunity",
        "SELECT COUNT(Id) a0 FROM Opportunity",
    ),
    (
        "SELECT count(*) FROM salesforce.opportunity WHERE NOT isclosed AND amount > 1000",
        "SELECT COUNT(Id) a0 FROM Opportunity WHERE IsClosed = FALSE AND Amount > 1000",
    ),
    (
        "SELECT count(id), count(amount), count(DISTINCT accountid), min(closedate), max(createddate), max(amount) FROM salesforce.opportunity",
        "SELECT COUNT(Id) a0, COUNT(Amount) a1, COUNT_DISTINCT(AccountId) a2, MIN(CloseDate) a3, MAX(CreatedDate) a4, MAX(Amount) a5 FROM Opportunity",
    ),
    (
        "SELECT count(DISTINCT accountid) FROM salesforce.opportunity",
        "SELECT COUNT_DISTINCT(AccountId) a0 FROM Opportunity",
    ),
    (
        "SELECT isclosed, iswon, count(*) FROM salesforce.opportunity GROUP BY isclosed, iswon HAVING count(*) > 10",
        "SELECT IsClosed k0, IsWon k1, COUNT(Id) a0 FROM Opportunity GROUP BY IsClosed, IsWon HAVING COUNT(Id) > 10",
    ),
    (
        "SELECT accountid, max(amount) FROM salesforce.opportunity GROUP BY accountid HAVING count(*) BETWEEN 3 AND 6 AND max(amount) > 1000",
        "SELECT AccountId k0, MAX(Amount) a0, COUNT(Id) a1 FROM Opportunity GROUP BY AccountId HAVING COUNT(Id) >= 3 AND COUNT(Id) <= 6",
    ),
    (
        "SELECT DISTINCT ownerid FROM salesforce.opportunity",
        "SELECT OwnerId k0 FROM Opportunity GROUP BY OwnerId",
    ),
    (
        "SELECT sum(numberofemployees), min(numberofemployees) FROM salesforce.account WHERE createddate >= '2020-01-01'",
        "SELECT SUM(NumberOfEmployees) a0, COUNT(NumberOfEmployees) a1, MIN(NumberOfEmployees) a2 FROM Account WHERE CreatedDate >= 2020-01-01T00:00:00Z",
    ),
    (
        "SELECT sum(numberofemployees) FROM salesforce.account WHERE createddate >= '2200-01-01'",
        "SELECT SUM(NumberOfEmployees) a0, COUNT(NumberOfEmployees) a1 FROM Account WHERE CreatedDate >= 2200-01-01T00:00:00Z",
    ),
];

#[tokio::test]
async fn what_the_org_computes_alike_is_asked_of_it_in_one_call() {
    let world = world().await;
    for (sql, soql) in GROUPED {
        assert_eq!(sent(&world, sql).await, [*soql], "{sql}");
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
    }
}

#[tokio::test]
async fn what_the_org_may_compute_otherwise_is_computed_here() {
    let world = world().await;
    for sql in [
        "SELECT stagename, count(*) FROM salesforce.opportunity GROUP BY stagename",
        "SELECT count(*) FROM salesforce.account WHERE name = 'Boxeo'",
        "SELECT sum(amount), avg(amount) FROM salesforce.opportunity",
        "SELECT count(DISTINCT name) FROM salesforce.account",
        "SELECT max(name) FROM salesforce.account",
        "SELECT count(*) FILTER (WHERE iswon) FROM salesforce.opportunity",
        "SELECT count(*) FROM (SELECT id FROM salesforce.opportunity LIMIT 7) t",
        "SELECT id, count(*) FROM salesforce.opportunity GROUP BY id HAVING count(*) > 1",
    ] {
        let queries = sent(&world, sql).await;
        assert!(
            queries
                .iter()
                .all(|soql| !soql.contains("COUNT") && !soql.contains("GROUP")),
            "{sql}: {queries:?}"
        );
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
    }
}

#[tokio::test]
async fn too_many_groups_are_counted_here_and_not_asked_for_again() {
    let world = world().await;
    world
        .salesforce
        .semantics()
        .change_semantics(|semantics| semantics.group_by_folds_case = false);
    let sql =
        "SELECT closedate, accountid, count(*) FROM salesforce.opportunity GROUP BY closedate, accountid";
    let [on, off] = with_and_without(&world, sql).await;
    assert_eq!(on, off);
    assert!(on.len() > 2000, "{} groups", on.len());
    let queries = sent(&world, sql).await;
    assert!(
        queries.iter().all(|soql| !soql.contains("GROUP BY")),
        "{queries:?}"
    );
}

/// Shapes in which a pushed operator meets others.
#[tokio::test]
async fn pushed_operators_live_beside_all_others() {
    let world = world().await;
    for sql in [
        "SELECT id FROM salesforce.account WHERE numberofemployees > 900 UNION SELECT a.id FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id",
        "SELECT ownerid, count(*) FROM (SELECT ownerid FROM salesforce.account UNION ALL SELECT a.ownerid FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id) t GROUP BY ownerid",
        "SELECT DISTINCT ownerid, ownerid AS owner FROM salesforce.opportunity",
        "SELECT ownerid, count(*) AS n, count(*) + 1 FROM salesforce.opportunity GROUP BY ownerid, ownerid",
        "SELECT a.id, count(*) FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id GROUP BY a.id",
        "SELECT s.name, o.name FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id JOIN servicenow.customer_account s ON s.u_salesforce_account_id = a.id WHERE s.name = 'Boxeo'",
        "SELECT id FROM salesforce.account WHERE id IN (SELECT ownerid FROM salesforce.opportunity)",
        "SELECT o.id FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id WHERE a.name = ''",
        "SELECT a.id FROM salesforce.account a WHERE NOT EXISTS (SELECT 1 FROM salesforce.opportunity o WHERE o.accountid = a.id AND o.name = '')",
        "SELECT o.name FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id WHERE a.name LIKE 'B%' ORDER BY o.amount DESC NULLS LAST, o.id LIMIT 3",
        "WITH t AS (SELECT accountid, count(*) AS n FROM salesforce.opportunity GROUP BY accountid) SELECT a.name, t.n FROM t JOIN salesforce.account a ON a.id = t.accountid WHERE t.n > 6",
    ] {
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
    }
    assert_eq!(
        sent(&world, "SELECT o.name FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id WHERE a.name = ''").await,
        Vec::<String>::new()
    );
    let through_two = sent(
        &world,
        "SELECT s.name, o.name FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id JOIN servicenow.customer_account s ON s.u_salesforce_account_id = a.id WHERE s.name = 'Boxeo'",
    )
    .await;
    assert!(
        matches!(through_two.as_slice(), [only] if only.contains("AccountId = ")),
        "{through_two:?}"
    );
}

/// Joins along a reference, and the one query for each.
const JOINED: &[(&str, &str)] = &[
    (
        "SELECT c.lastname, a.name FROM salesforce.contact c JOIN salesforce.account a ON a.id = c.accountid WHERE a.numberofemployees > 500",
        "SELECT LastName, Account.Name FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE NumberOfEmployees > 500)",
    ),
    (
        "SELECT o.name, a.name FROM salesforce.account a JOIN salesforce.opportunity o ON o.accountid = a.id WHERE a.name = 'Boxeo' AND NOT o.isclosed",
        "SELECT Name, Account.Name FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'Boxeo') AND IsClosed = FALSE",
    ),
    (
        "SELECT o.id FROM salesforce.opportunity o WHERE o.accountid IN (SELECT id FROM salesforce.account WHERE numberofemployees > 500)",
        "SELECT Id FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account WHERE NumberOfEmployees > 500)",
    ),
    (
        "SELECT a.id FROM salesforce.account a WHERE EXISTS (SELECT 1 FROM salesforce.opportunity o WHERE o.accountid = a.id AND o.amount > 300000)",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE Amount > 300000)",
    ),
    (
        "SELECT a.id FROM salesforce.account a WHERE NOT EXISTS (SELECT 1 FROM salesforce.opportunity o WHERE o.accountid = a.id)",
        "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE AccountId != null)",
    ),
    (
        "SELECT o.name, a.name, u.name FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id JOIN salesforce.user u ON o.ownerid = u.id WHERE o.amount > 300000",
        "SELECT Name, Account.Name, Owner.Name FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account) AND OwnerId IN (SELECT Id FROM User) AND Amount > 300000",
    ),
    (
        "SELECT count(*) FROM salesforce.opportunity o JOIN salesforce.account a ON o.accountid = a.id WHERE a.numberofemployees > 500",
        "SELECT COUNT(Id) a0 FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account WHERE NumberOfEmployees > 500)",
    ),
];

#[tokio::test]
async fn joins_along_a_reference_are_one_call() {
    let world = world().await;
    for (sql, soql) in JOINED {
        assert_eq!(sent(&world, sql).await, [*soql], "{sql}");
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
        assert!(!on.is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn a_hidden_parent_joins_under_neither_reading() {
    for readable in [true, false] {
        let world = world().await;
        world.salesforce.semantics().change_semantics(|semantics| {
            semantics.hidden_parents_readable = readable;
            semantics.hidden_rows = vec![HiddenRows {
                user: "*".to_owned(),
                object: "Account".to_owned(),
                modulus: 3,
                remainder: 1,
            }];
        });
        for (sql, _) in JOINED {
            let [on, off] = with_and_without(&world, sql).await;
            assert_eq!(on, off, "readable {readable}: {sql}");
        }
        for sql in [
            "SELECT c.id, a.name FROM salesforce.contact c LEFT JOIN salesforce.account a ON a.id = c.accountid",
            "SELECT a.id, p.name FROM salesforce.account a JOIN salesforce.account p ON a.parentid = p.id",
            "SELECT a.id FROM salesforce.account a WHERE a.parentid NOT IN (SELECT id FROM salesforce.account)",
            "SELECT id FROM salesforce.account WHERE id NOT IN (SELECT accountid FROM salesforce.opportunity)",
        ] {
            let [on, off] = with_and_without(&world, sql).await;
            assert_eq!(on, off, "readable {readable}: {sql}");
        }
    }
}

#[tokio::test]
async fn a_short_id_stands_for_the_long_one_whatever_is_pushed() {
    let world = world().await;
    let session = world.session("admin").await;
    let ids = rows(
        &session,
        "SELECT id, ownerid FROM salesforce.account WHERE name = 'Boxeo' ORDER BY id LIMIT 1",
    )
    .await;
    let ids = ids.expect("an account").remove(0);
    let (id, owner) = (&ids[0], &ids[1]);
    let (short, short_owner) = (&id[..15], &owner[..15]);
    for sql in [
        format!("SELECT id FROM salesforce.account WHERE id = '{short}'"),
        format!(
            "SELECT id FROM salesforce.account WHERE '{short}' = id AND ownerid IN ('{short_owner}', 'x')"
        ),
        format!(
            "SELECT id FROM (SELECT id, name FROM salesforce.account ORDER BY id) t WHERE t.id IN ('{short}')"
        ),
        format!(
            "SELECT a.id FROM salesforce.account a JOIN salesforce.opportunity o ON o.accountid = a.id AND o.accountid = '{short}' GROUP BY a.id"
        ),
        format!("SELECT id FROM salesforce.account WHERE name = 'Boxeo' AND (id = '{short}') = true"),
        format!("SELECT max(CASE WHEN id = '{short}' THEN id END) FROM salesforce.account"),
        format!("SELECT max(id) FILTER (WHERE id = '{short}') AS n FROM salesforce.account"),
        format!(
            "SELECT max(id) FROM salesforce.account GROUP BY id = '{short}' ORDER BY id = '{short}' DESC LIMIT 1"
        ),
    ] {
        let [on, off] = with_and_without(&world, &sql).await;
        assert_eq!(on, off, "{sql}");
        assert_eq!(on, [[id.clone()]], "{sql}");
    }
    let others = format!("SELECT count(*) FROM salesforce.account WHERE id <> '{short}'");
    let all = rows(&session, "SELECT count(*) - 1 FROM salesforce.account")
        .await
        .expect("a count");
    assert_eq!(with_and_without(&world, &others).await, [all.clone(), all]);
    assert_eq!(
        sent(
            &world,
            &format!("SELECT name FROM salesforce.account WHERE id = '{short}'")
        )
        .await,
        [format!("SELECT Name FROM Account WHERE Id = '{id}'")]
    );
}

/// With and without a parent, a filter on either side, and a parent of the own kind.
const OUTER: &[(&str, &str)] = &[
    (
        "SELECT c.lastname, a.name, a.isdeleted FROM salesforce.contact c LEFT JOIN salesforce.account a ON a.id = c.accountid",
        "SELECT LastName, Account.Name, Account.IsDeleted FROM Contact",
    ),
    (
        "SELECT a.name, o.name FROM salesforce.account a RIGHT JOIN salesforce.opportunity o ON a.id = o.accountid WHERE o.amount > 300000",
        "SELECT Name, Account.Name FROM Opportunity WHERE Amount > 300000",
    ),
    (
        "SELECT a.name, p.name FROM salesforce.account a JOIN salesforce.account p ON p.id = a.parentid WHERE p.numberofemployees > 10",
        "SELECT Name, Parent.Name, Parent.Id, Parent.NumberOfEmployees FROM Account WHERE ParentId != null",
    ),
];

#[tokio::test]
async fn outer_joins_are_one_call_where_every_parent_is_surely_visible() {
    let certain = world_of(|salesforce| salesforce.assume_full_read_access = Some(true)).await;
    let unsure = world().await;
    for (sql, soql) in OUTER {
        assert_eq!(sent(&certain, sql).await, [*soql], "{sql}");
        let [on, off] = with_and_without(&certain, sql).await;
        assert_eq!(on, off, "{sql}");
        assert!(sent(&unsure, sql).await.len() > 1, "{sql}");
    }
    for sql in [
        "SELECT c.id, a.name FROM salesforce.contact c LEFT JOIN salesforce.account a ON a.id = c.accountid WHERE c.accountid IS NOT NULL",
        "SELECT c.id, a.id FROM salesforce.contact c LEFT JOIN salesforce.account a ON a.id = c.accountid WHERE a.name IS NULL",
    ] {
        let [on, off] = with_and_without(&certain, sql).await;
        assert_eq!(on, off, "{sql}");
    }
    // A condition on the parent in ON takes the parent away, not the row.
    let sql = "SELECT c.id, a.name FROM salesforce.contact c LEFT JOIN salesforce.account a ON a.id = c.accountid AND a.numberofemployees > 100";
    let [on, off] = with_and_without(&certain, sql).await;
    assert_eq!(on, off);
}

/// Statements that trip over the lie, each refused at most once.
const LIED_TO: &[(&str, &str, Flag)] = &[
    (
        "SELECT id FROM salesforce.opportunity WHERE amount > 200000 AND NOT isclosed",
        "Amount",
        Flag::Filterable,
    ),
    (
        "SELECT count(*) FROM salesforce.opportunity WHERE amount > 200000",
        "Amount",
        Flag::Filterable,
    ),
    (
        "SELECT closedate FROM salesforce.opportunity ORDER BY closedate DESC NULLS LAST LIMIT 5",
        "CloseDate",
        Flag::Sortable,
    ),
    (
        "SELECT ownerid, count(*) FROM salesforce.opportunity WHERE NOT isclosed GROUP BY ownerid",
        "OwnerId",
        Flag::Groupable,
    ),
    (
        "SELECT max(amount) FROM salesforce.opportunity",
        "Amount",
        Flag::Aggregatable,
    ),
];

#[tokio::test]
async fn a_flag_that_lied_costs_one_refusal_and_no_row() {
    for (sql, field, flag) in LIED_TO {
        let world = world().await;
        world.salesforce.semantics().change_semantics(|semantics| {
            semantics.lying_flags = vec![LyingFlag {
                object: "Opportunity".to_owned(),
                field: (*field).to_owned(),
                flag: *flag,
            }];
        });
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
        let refused = |world: &World| {
            let calls = world.salesforce.log().data_calls();
            calls.iter().filter(|call| call.status == 400).count()
        };
        assert!((1..=2).contains(&refused(&world)), "{sql}: {}", refused(&world));
        world.salesforce.log().clear();
        let [again, _] = with_and_without(&world, sql).await;
        assert_eq!((again, refused(&world)), (on, 0), "{sql}");
    }
}

#[tokio::test]
async fn groups_beyond_the_limit_of_the_org_are_made_here() {
    let world = world().await;
    world.salesforce.semantics().change_semantics(|semantics| {
        semantics.group_limit = 3;
        semantics.group_limit_follows_batch_size = true;
    });
    for sql in [
        "SELECT DISTINCT ownerid FROM salesforce.opportunity",
        "SELECT ownerid, sum(totalopportunityquantity) FROM salesforce.opportunity GROUP BY ownerid ORDER BY ownerid LIMIT 2",
    ] {
        let [on, off] = with_and_without(&world, sql).await;
        assert_eq!(on, off, "{sql}");
    }
}
