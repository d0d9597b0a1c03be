//! Rows, order, groups, parents and children.

use serde_json::Value as Json;

use super::{ask, column, org, refusal, size};
use crate::salesforce::HiddenRows;
use crate::salesforce::state::State;
use crate::world::salesforce_id;

#[test]
fn the_boxeo_account_has_seven_opportunities_four_of_them_open() {
    let org = org(|_| ());
    let boxeo = salesforce_id("001", 0);
    assert_eq!(
        size(
            &org,
            &format!("SELECT Id FROM Opportunity WHERE AccountId = '{boxeo}'")
        ),
        7
    );
    assert_eq!(
        size(
            &org,
            &format!("SELECT Id FROM Opportunity WHERE AccountId = '{boxeo}' AND IsClosed = false")
        ),
        4
    );
    let megacorp = salesforce_id("001", 1);
    assert_eq!(
        size(
            &org,
            &format!("SELECT Id FROM Opportunity WHERE AccountId = '{megacorp}'")
        ),
        3000
    );
    let accounts_with = size(
        &org,
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity)",
    );
    let accounts_without = size(
        &org,
        "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity)",
    );
    assert_eq!(accounts_with + accounts_without, 500);
    assert!(accounts_without > 60, "{accounts_without}");
}

#[test]
fn parent_paths_nest_and_missing_parents_are_null() {
    let org = org(|_| ());
    let answer = ask(
        &org,
        "SELECT Name, Account.Name, Account.Owner.Name, Account.Owner.Manager.Username FROM Opportunity WHERE Name LIKE 'Boxeo - Ring%'",
    );
    let record = &answer["records"][0];
    assert_eq!(record["Account"]["Name"], "Boxeo");
    assert_eq!(record["Account"]["attributes"]["type"], "Account");
    assert!(record["Account"]["Owner"]["Name"].is_string());
    let lost = ask(
        &org,
        "SELECT acme__Lost__c, acme__Lost__r.Name FROM acme__Everything__c WHERE acme__Lost__c != null LIMIT 1",
    );
    assert!(lost["records"][0]["acme__Lost__c"].is_string());
    assert_eq!(lost["records"][0]["acme__Lost__r"], Json::Null);
    let whats = column(
        &org,
        "SELECT What.Name, What.Type FROM Task WHERE What.Type = 'Account' LIMIT 3",
        "What",
    );
    assert!(
        whats
            .iter()
            .all(|what| what["Type"] == "Account" && what["Name"].is_string()),
        "{whats:?}"
    );
}

#[test]
fn order_follows_nulls_case_and_setup_order() {
    let org = org(|_| ());
    let amounts = column(
        &org,
        "SELECT Amount FROM Opportunity ORDER BY Amount DESC NULLS LAST",
        "Amount",
    );
    let numbers: Vec<f64> = amounts.iter().filter_map(Json::as_f64).collect();
    assert!(numbers.len() > 100 && numbers.windows(2).all(|pair| pair[0] >= pair[1]));
    assert!(
        column(
            &org,
            "SELECT Amount FROM Opportunity ORDER BY Amount DESC LIMIT 1",
            "Amount"
        )[0]
        .is_null()
    );
    let stages = column(
        &org,
        "SELECT StageName FROM Opportunity ORDER BY StageName LIMIT 1",
        "StageName",
    );
    assert_eq!(stages[0], "Prospecting");
    let names = column(
        &org,
        "SELECT Name FROM Account ORDER BY Name, Id DESC LIMIT 60",
        "Name",
    );
    let folded: Vec<String> = names
        .iter()
        .map(|name| name.as_str().unwrap().to_uppercase())
        .collect();
    assert!(folded.windows(2).all(|pair| pair[0] <= pair[1]));
    let first = org_with_nulls_last();
    assert!(
        column(
            &first,
            "SELECT Amount FROM Opportunity ORDER BY Amount DESC LIMIT 1",
            "Amount"
        )[0]
        .is_number()
    );
}

fn org_with_nulls_last() -> State {
    org(|semantics| semantics.nulls_first_default = false)
}

#[test]
fn aggregates_are_named_numbered_and_typed() {
    let org = org(|_| ());
    let answer = ask(
        &org,
        "SELECT COUNT(Id), SUM(Amount) total, AVG(Amount), MIN(CloseDate), MAX(Name), COUNT_DISTINCT(AccountId) FROM Opportunity",
    );
    let record = &answer["records"][0];
    assert_eq!(
        record["attributes"],
        serde_json::json!({ "type": "AggregateResult" })
    );
    assert_eq!(record["expr0"], 6000);
    assert!(record["total"].is_number() && record["expr1"].is_number() && record["expr2"].is_string());
    let groups = ask(
        &org,
        "SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC",
    );
    let counts: Vec<u64> = groups["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["n"].as_u64().unwrap())
        .collect();
    assert_eq!(counts.len(), 7);
    assert_eq!(counts.iter().sum::<u64>(), 6000);
    assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]));
    assert_eq!(size(&org, "SELECT COUNT() FROM Opportunity"), 6000);
    assert_eq!(size(&org, "SELECT COUNT() FROM Opportunity LIMIT 10"), 10);
    assert_eq!(
        size(
            &org,
            "SELECT StageName FROM Opportunity GROUP BY StageName LIMIT 3"
        ),
        3
    );
    let none = ask(
        &org,
        "SELECT SUM(Amount) s, COUNT(Amount) c FROM Opportunity WHERE Name = 'no such name'",
    );
    assert_eq!(
        (&none["records"][0]["s"], &none["records"][0]["c"]),
        (&Json::Null, &Json::from(0))
    );
    let years = ask(
        &org,
        "SELECT CALENDAR_YEAR(CloseDate) y, COUNT(Id) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate) ORDER BY CALENDAR_YEAR(CloseDate)",
    );
    assert_eq!(years["records"][0]["y"], 2023);
}

#[test]
fn grouping_folds_case_only_when_switched_on() {
    let folding = org(|_| ());
    let exact = org(|semantics| semantics.group_by_folds_case = false);
    let text = "SELECT Department, COUNT(Id) FROM Contact GROUP BY Department";
    assert_eq!(size(&exact, text), size(&folding, text) + 1);
    let distinct = |org: &State| {
        column(org, "SELECT COUNT_DISTINCT(Department) d FROM Contact", "d")[0]
            .as_u64()
            .unwrap()
    };
    assert_eq!(distinct(&exact), distinct(&folding) + 1);
}

#[test]
fn multi_currency_adds_the_iso_code() {
    assert_eq!(
        refusal("SELECT CurrencyIsoCode FROM Opportunity").0,
        "INVALID_FIELD"
    );
    let org = org(|semantics| semantics.multi_currency = true);
    let codes = column(
        &org,
        "SELECT CurrencyIsoCode FROM Opportunity LIMIT 5",
        "CurrencyIsoCode",
    );
    assert!(codes.iter().all(Json::is_string));
}

#[test]
fn hidden_rows_vanish_from_rows_counts_and_parents() {
    let hidden = |object: &str| HiddenRows {
        user: "*".to_owned(),
        object: object.to_owned(),
        modulus: 2,
        remainder: 0,
    };
    let org = org(|semantics| semantics.hidden_rows = vec![hidden("Account")]);
    assert_eq!(size(&org, "SELECT COUNT() FROM Account"), 250);
    assert_eq!(
        size(
            &org,
            &format!("SELECT Id FROM Account WHERE Id = '{}'", salesforce_id("001", 0))
        ),
        0
    );
    let parents = column(
        &org,
        "SELECT Account.Name FROM Opportunity WHERE Name LIKE 'Boxeo - Ring%'",
        "Account",
    );
    assert_eq!(parents, [Json::Null]);
}

#[test]
fn child_subqueries_come_nested_or_null() {
    let org = org(|_| ());
    let accounts = ask(
        &org,
        &format!(
            "SELECT Name, (SELECT Id, Name FROM Opportunities ORDER BY Name) FROM Account WHERE Id IN ('{}','{}')",
            salesforce_id("001", 0),
            salesforce_id("001", 3)
        ),
    );
    assert_eq!(accounts["records"][0]["Opportunities"]["totalSize"], 7);
    assert_eq!(accounts["records"][1]["Opportunities"], Json::Null);
    let many = ask(
        &org,
        "SELECT Name, (SELECT Id FROM Opportunities) FROM Account WHERE Name = 'Megacorp'",
    );
    let children = &many["records"][0]["Opportunities"];
    assert_eq!(children["totalSize"], 3000);
    assert_eq!(children["records"].as_array().unwrap().len(), 200);
    assert!(children["nextRecordsUrl"].as_str().unwrap().ends_with("-200"));
}

#[test]
fn every_field_of_every_object_can_be_selected_and_flags_hold() {
    let org = org(|_| ());
    for object in &org.catalog.objects {
        let all: Vec<&str> = object.fields.iter().map(|field| field.name).collect();
        let answer = ask(
            &org,
            &format!("SELECT {} FROM {} LIMIT 50", all.join(","), object.name),
        );
        let record = answer["records"][0].as_object().unwrap();
        assert_eq!(record.len(), all.len() + 1, "{}", object.name);
        for field in object.fields.iter().filter(|field| field.sortable) {
            let _ = ask(
                &org,
                &format!("SELECT Id FROM {} ORDER BY {} LIMIT 1", object.name, field.name),
            );
        }
        for field in object.fields.iter().filter(|field| field.aggregatable) {
            let _ = ask(
                &org,
                &format!("SELECT COUNT({}) FROM {}", field.name, object.name),
            );
        }
    }
}
