//! Aggregates over conditions, semi-joins and anti-joins beside parent paths, sharing inside and outside.

use serde_json::{Value as Json, json};

use super::{ask, column, org, refusal, refused, size};
use crate::salesforce::HiddenRows;
use crate::salesforce::state::State;
use crate::world::salesforce_id;

fn hidden(object: &str, modulus: usize) -> HiddenRows {
    HiddenRows {
        user: "*".to_owned(),
        object: object.to_owned(),
        modulus,
        remainder: 0,
    }
}

fn ids(state: &State, soql: &str) -> Vec<String> {
    column(state, soql, "Id")
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_aggregate_of_a_group_equals_that_of_its_rows() {
    let org = org(|_| ());
    let answer = ask(
        &org,
        "SELECT AccountId k0, COUNT(Id) a0, COUNT(Amount) a1, COUNT_DISTINCT(Amount) a2, SUM(Amount) a3, MIN(Amount) a4, MAX(CloseDate) a5 \
         FROM Opportunity WHERE StageName != 'Closed Lost' AND CloseDate >= 2023-01-01 GROUP BY AccountId HAVING COUNT(Id) > 5",
    );
    let records = answer["records"].as_array().unwrap();
    assert!(!records.is_empty());
    assert_eq!(answer["totalSize"], json!(records.len()));
    assert_eq!(
        (&answer["done"], answer.get("nextRecordsUrl")),
        (&json!(true), None)
    );
    let rows = everything(
        &org,
        "SELECT AccountId, Amount, CloseDate FROM Opportunity WHERE StageName != 'Closed Lost' AND CloseDate >= 2023-01-01",
    );
    let mut big = 0;
    for record in records {
        assert_eq!(record["attributes"], json!({ "type": "AggregateResult" }));
        let own: Vec<&Json> = rows
            .iter()
            .filter(|row| row["AccountId"] == record["k0"])
            .collect();
        let amounts: Vec<f64> = own.iter().filter_map(|row| row["Amount"].as_f64()).collect();
        let mut distinct = amounts.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        assert_eq!(record["a0"], json!(own.len()));
        assert_eq!(record["a1"], json!(amounts.len()));
        assert_eq!(record["a2"], json!(distinct.len()));
        assert!((record["a3"].as_f64().unwrap() - amounts.iter().sum::<f64>()).abs() < 0.01);
        assert_eq!(record["a4"].as_f64(), distinct.first().copied());
        let last = own.iter().filter_map(|row| row["CloseDate"].as_str()).max();
        assert_eq!(record["a5"].as_str(), last);
        big += usize::from(own.len() > 5);
    }
    assert_eq!(big, records.len());
    let all_big = rows
        .iter()
        .fold(std::collections::HashMap::new(), |mut sizes, row| {
            *sizes.entry(row["AccountId"].to_string()).or_insert(0) += 1;
            sizes
        });
    assert_eq!(all_big.values().filter(|size| **size > 5).count(), records.len());
}

/// All records of a result, page by page.
fn everything(state: &State, soql: &str) -> Vec<Json> {
    let mut rows: Vec<Json> = Vec::new();
    loop {
        let last = rows.last().map_or_else(String::new, |row| {
            format!(" AND Id > '{}'", row["Id"].as_str().unwrap())
        });
        let text = soql.replacen("SELECT ", "SELECT Id, ", 1);
        let page = ask(state, &format!("{text}{last} ORDER BY Id LIMIT 2000"));
        let page = page["records"].as_array().unwrap().clone();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

#[test]
fn having_takes_lists_and_groups() {
    let org = org(|_| ());
    let text = "SELECT StageName s, COUNT(Id) n FROM Opportunity GROUP BY StageName HAVING StageName IN ('Closed Won', 'Closed Lost') AND COUNT(Id) > 1";
    assert_eq!(column(&org, text, "s").len(), 2);
    assert_eq!(
        refusal("SELECT AccountId FROM Opportunity GROUP BY AccountId HAVING AccountId IN (SELECT Id FROM Account)").0,
        "MALFORMED_QUERY"
    );
}

#[test]
fn a_semi_join_and_an_anti_join_stand_beside_a_parent_path() {
    let org = org(|_| ());
    let contacts = "SELECT Id, AccountId, Account.Name, Account.Industry FROM Contact";
    let answer = ask(
        &org,
        &format!(
            "{contacts} WHERE AccountId IN (SELECT Id FROM Account WHERE Industry = 'Energy' AND Id != null)"
        ),
    );
    let joined = answer["records"].as_array().unwrap();
    let all = everything(
        &org,
        "SELECT AccountId, Account.Name, Account.Industry FROM Contact WHERE Id != null",
    );
    let energy = all
        .iter()
        .filter(|row| row["Account"]["Industry"] == "Energy")
        .count();
    assert!(energy > 0);
    assert_eq!(joined.len(), energy);
    assert!(
        joined
            .iter()
            .all(|row| row["Account"]["Industry"] == "Energy" && row["Account"]["Name"].is_string())
    );
    let both = size(
        &org,
        "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Industry = 'Energy') \
         AND AccountId NOT IN (SELECT AccountId FROM Opportunity WHERE AccountId != null)",
    );
    let rich: std::collections::HashSet<String> =
        everything(&org, "SELECT AccountId FROM Opportunity WHERE Id != null")
            .iter()
            .filter_map(|row| row["AccountId"].as_str().map(str::to_owned))
            .collect();
    let expected = joined
        .iter()
        .filter(|row| !rich.contains(row["AccountId"].as_str().unwrap()))
        .count();
    assert!(expected > 0 && expected < energy);
    assert_eq!(both, expected as u64);
}

#[test]
fn a_null_key_inside_an_anti_join_is_a_switch() {
    let strict = org(|semantics| semantics.anti_join_null_drops_all = true);
    let lax = org(|_| ());
    let bare = "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity)";
    let guarded =
        "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE AccountId != null)";
    assert!(size(&lax, bare) > 60);
    assert_eq!(size(&strict, bare), 0);
    assert_eq!(size(&strict, guarded), size(&lax, bare));
    let semi = "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)";
    assert_eq!(size(&strict, semi), size(&lax, semi));
}

#[test]
fn documented_restrictions_of_semi_joins_hold() {
    let inner = "(SELECT AccountId FROM Opportunity)";
    for condition in [
        format!(
            "Id IN {inner} AND Id IN (SELECT AccountId FROM Contact) AND Id NOT IN (SELECT AccountId FROM Asset)"
        ),
        format!("(Id IN {inner} OR Name = 'x')"),
        format!("(NOT Id IN {inner})"),
        format!("Owner.Id IN {inner}"),
        "Id IN (SELECT Account.ParentId FROM Opportunity)".to_owned(),
        "Id IN (SELECT Id FROM Account)".to_owned(),
        "Id IN (SELECT AccountId FROM Opportunity WHERE OwnerId IN (SELECT Id FROM User))".to_owned(),
        "Id IN (SELECT COUNT(AccountId) FROM Opportunity)".to_owned(),
        "Id IN (SELECT COUNT() FROM Opportunity)".to_owned(),
        "Id IN (SELECT AccountId FROM Opportunity ORDER BY Name)".to_owned(),
        "Id IN (SELECT AccountId FROM Opportunity GROUP BY AccountId)".to_owned(),
        "Id IN (SELECT AccountId FROM Opportunity HAVING COUNT(Id) > 1)".to_owned(),
        "Id IN (SELECT AccountId, Name FROM Opportunity)".to_owned(),
        "Id IN (SELECT WhatId FROM Event)".to_owned(),
        "Id IN (SELECT ParentId FROM Attachment)".to_owned(),
    ] {
        let (code, message) = refusal(&format!("SELECT Id FROM Account WHERE {condition}"));
        assert_eq!(code, "MALFORMED_QUERY", "{condition}: {message}");
    }
    let two = format!(
        "SELECT Id FROM Account WHERE Id IN {inner} AND (Name != null AND Id NOT IN (SELECT AccountId FROM Asset WHERE AccountId != null))"
    );
    assert!(size(&org(|_| ()), &two) > 0);
}

#[test]
fn sharing_binds_the_inner_query_too() {
    let text = "SELECT Id FROM Opportunity WHERE AccountId IN (SELECT Id FROM Account WHERE Name != null)";
    let boxeo = salesforce_id("001", 0);
    let of_boxeo = format!("{text} AND AccountId = '{boxeo}'");
    assert_eq!(size(&org(|_| ()), &of_boxeo), 7);
    for readable in [false, true] {
        let sharing = org(|semantics| {
            semantics.hidden_rows = vec![hidden("Account", 2)];
            semantics.hidden_parents_readable = readable;
        });
        assert_eq!(
            size(&sharing, &of_boxeo),
            0,
            "the inner query never sees hidden rows"
        );
        let anti = format!(
            "SELECT Id FROM Opportunity WHERE AccountId NOT IN (SELECT Id FROM Account) AND AccountId = '{boxeo}'"
        );
        assert_eq!(size(&sharing, &anti), 7);
    }
    let inner_hidden = org(|semantics| semantics.hidden_rows = vec![hidden("Opportunity", 1)]);
    assert_eq!(
        size(
            &inner_hidden,
            "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)"
        ),
        0
    );
}

#[test]
fn a_hidden_parent_is_null_or_readable_by_switch() {
    let boxeo = salesforce_id("001", 0);
    let sharing = |readable: bool| {
        org(|semantics| {
            semantics.hidden_rows = vec![hidden("Account", 2)];
            semantics.hidden_parents_readable = readable;
        })
    };
    let text = format!("SELECT Id, AccountId, Account.Name FROM Opportunity WHERE AccountId = '{boxeo}'");
    for (readable, name) in [(false, Json::Null), (true, json!("Boxeo"))] {
        let state = sharing(readable);
        let answer = ask(&state, &text);
        assert_eq!(answer["totalSize"], 7);
        let record = &answer["records"][0];
        assert_eq!(
            (&record["AccountId"], &record["Account"]["Name"]),
            (&json!(boxeo), &name)
        );
        let by_name = "SELECT Id FROM Opportunity WHERE Account.Name = 'Boxeo' AND Account.Id != null";
        let visible = ids(&state, by_name).len();
        // The two case variants of the name belong to accounts 2, hidden, and 3.
        assert_eq!(visible > 6, readable, "{visible}");
        assert_eq!(size(&state, "SELECT Id FROM Account WHERE Name = 'Megacorp'"), 1);
        let groups = format!(
            "SELECT Account.Name n, COUNT(Id) c FROM Opportunity WHERE AccountId = '{boxeo}' GROUP BY Account.Name"
        );
        assert_eq!(ask(&state, &groups)["records"][0]["n"], name);
    }
}

#[test]
fn hidden_fields_do_not_exist_inside_a_semi_join() {
    let state = org(|semantics| {
        semantics.hidden_fields = vec![crate::salesforce::HiddenField {
            user: "*".to_owned(),
            object: "Account".to_owned(),
            field: "Industry".to_owned(),
        }];
    });
    let text = "SELECT Id FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Industry = 'Energy')";
    assert_eq!(refused(&state, text).0, "INVALID_FIELD");
}
