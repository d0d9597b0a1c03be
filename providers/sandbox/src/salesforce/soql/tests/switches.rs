//! Both positions of each switch that decides how a statement is read or how groups are made.

use serde_json::Value as Json;

use super::{BASE, ask, column, org, refused, size};
use crate::salesforce::credentials::USERNAME;
use crate::salesforce::reply::Call;
use crate::salesforce::state::State;
use crate::salesforce::{Flag, LyingFlag, describe, query};
use crate::world::salesforce_id;

const EVERYTHING: &str = "SELECT Id FROM acme__Everything__c WHERE";

fn one(state: &State, soql: &str, name: &str) -> Json {
    column(state, soql, name)[0].clone()
}

#[test]
fn exponents_are_a_switch() {
    let text = "SELECT Id FROM Opportunity WHERE Amount >";
    assert_eq!(refused(&org(|_| ()), &format!("{text} 1e3")).0, "MALFORMED_QUERY");
    let accepting = org(|semantics| semantics.exponents_accepted = true);
    let plain = size(&accepting, &format!("{text} 1000"));
    assert!(plain > 0);
    for literal in ["1e3", "1.0E+3", "100000E-2"] {
        assert_eq!(size(&accepting, &format!("{text} {literal}")), plain, "{literal}");
    }
    for literal in ["1e", "e3", "1e3.5"] {
        assert_eq!(
            refused(&accepting, &format!("{text} {literal}")).0,
            "MALFORMED_QUERY",
            "{literal}"
        );
    }
}

#[test]
fn fractions_of_a_second_are_a_switch() {
    let strict = org(|semantics| semantics.fractional_seconds_accepted = false);
    let text = "SELECT Id FROM Opportunity WHERE CreatedDate <= 2024-01-01T00:00:00";
    assert_eq!(refused(&strict, &format!("{text}.000Z")).0, "MALFORMED_QUERY");
    assert_eq!(
        size(&strict, &format!("{text}Z")),
        size(&org(|_| ()), &format!("{text}.000Z"))
    );
    // The milliseconds of a time literal are documented.
    assert!(size(&strict, &format!("{EVERYTHING} acme__Time__c >= 23:59:59.999Z")) > 0);
}

#[test]
fn limit_zero_is_a_switch() {
    let text = "SELECT Id FROM Account LIMIT 0";
    assert_eq!(size(&org(|_| ()), text), 0);
    let strict = org(|semantics| semantics.limit_zero_accepted = false);
    assert_eq!(refused(&strict, text).0, "MALFORMED_QUERY");
    assert_eq!(size(&strict, "SELECT Id FROM Account LIMIT 1"), 1);
}

#[test]
fn the_order_in_a_multipicklist_literal_is_a_switch() {
    let strict = org(|semantics| semantics.multipicklist_order_matters = true);
    let count =
        |state: &State, literal: &str| size(state, &format!("{EVERYTHING} acme__Multi__c = '{literal}'"));
    let stored = count(&strict, "a;b");
    assert!(stored > 0);
    assert_eq!(count(&strict, "B;A"), 0);
    assert_eq!(count(&org(|_| ()), "B;A"), stored);
    for condition in ["INCLUDES ('B;A')", "EXCLUDES ('B;A')"] {
        let text = format!("{EVERYTHING} acme__Multi__c {condition}");
        assert_eq!(size(&strict, &text), size(&org(|_| ()), &text), "{condition}");
    }
}

#[test]
fn null_rows_under_excludes_are_a_switch_of_their_own() {
    let text = format!("{EVERYTHING} acme__Multi__c EXCLUDES ('A')");
    let lost = org(|semantics| semantics.excludes_keeps_nulls = false);
    let nulls = size(&lost, &format!("{EVERYTHING} acme__Multi__c = null"));
    assert!(nulls > 0);
    assert_eq!(size(&org(|_| ()), &text), size(&lost, &text) + nulls);
    let others_lost = org(|semantics| semantics.nulls_kept = false);
    assert_eq!(size(&others_lost, &text), size(&org(|_| ()), &text));
    let guarded = format!("{text} AND acme__Multi__c != null");
    assert_eq!(size(&lost, &guarded), size(&org(|_| ()), &guarded));
}

#[test]
fn a_null_in_a_list_and_an_inequality_with_null_are_switches() {
    let other = org(|semantics| {
        semantics.null_in_list_matches = false;
        semantics.null_inequality_keeps_all = false;
    });
    let nulls = size(&other, "SELECT Id FROM Account WHERE Industry = null");
    let text = "SELECT Id FROM Account WHERE Industry IN ('Energy', null)";
    assert_eq!(size(&org(|_| ()), text), size(&other, text) + nulls);
    let text = "SELECT Id FROM Account WHERE AnnualRevenue > null";
    assert_eq!((size(&org(|_| ()), text), size(&other, text)), (500, 0));
}

#[test]
fn what_empty_text_equals_is_a_switch() {
    let other = org(|semantics| semantics.empty_text_is_null = false);
    for (object, field) in [
        ("Account", "Site"),
        ("Opportunity", "AccountId"),
        ("acme__Everything__c", "acme__Multi__c"),
    ] {
        let nulls = size(&other, &format!("SELECT Id FROM {object} WHERE {field} = null"));
        assert!(nulls > 0, "{field}");
        let text = format!("SELECT Id FROM {object} WHERE {field} = ''");
        assert_eq!(
            (size(&org(|_| ()), &text), size(&other, &text)),
            (nulls, 0),
            "{field}"
        );
    }
    let all = size(&other, "SELECT Id FROM Account");
    assert_eq!(size(&other, "SELECT Id FROM Account WHERE Site != ''"), all);
}

#[test]
fn id_literals_of_the_wrong_shape_are_switches() {
    let id = salesforce_id("001", 40);
    let short = format!("SELECT Id FROM Account WHERE Id IN ('{}')", &id[..15]);
    let strict = org(|semantics| semantics.short_ids_match = false);
    assert_eq!((size(&org(|_| ()), &short), size(&strict, &short)), (1, 0));
    assert_eq!(
        size(
            &strict,
            &format!("SELECT Id FROM Account WHERE Id != '{}'", &id[..15])
        ),
        500
    );
    let malformed = "SELECT Id FROM Account WHERE Id = 'nonsense'";
    assert_eq!(
        refused(&org(|_| ()), malformed).0,
        "INVALID_QUERY_FILTER_OPERATOR"
    );
    let lax = org(|semantics| semantics.malformed_ids_refused = false);
    assert_eq!(size(&lax, malformed), 0);
}

#[test]
fn leading_blanks_are_a_switch() {
    let lax = org(|semantics| semantics.leading_blanks_ignored = true);
    let text = "SELECT Id FROM Account WHERE Name = '  Megacorp'";
    assert_eq!((size(&org(|_| ()), text), size(&lax, text)), (0, 1));
}

#[test]
fn nulls_last_may_be_ignored_for_references_and_parents() {
    let strict = org(|semantics| semantics.reference_nulls_last_ignored = false);
    let text = "SELECT AccountId FROM Opportunity ORDER BY AccountId NULLS LAST LIMIT 1";
    assert!(one(&org(|_| ()), text, "AccountId").is_null());
    assert!(one(&strict, text, "AccountId").is_string());
    let text = "SELECT AccountId FROM Opportunity ORDER BY Account.CreatedDate NULLS LAST LIMIT 1";
    let parents = org(|semantics| semantics.parent_nulls_last_ignored = true);
    assert!(one(&org(|_| ()), text, "AccountId").is_string());
    assert!(one(&parents, text, "AccountId").is_null());
}

#[test]
fn sums_and_averages_may_be_rounded_to_the_scale() {
    let rounding = org(|semantics| semantics.aggregates_round_to_scale = true);
    let text = "SELECT SUM(Amount) s, AVG(Amount) a FROM Opportunity WHERE StageName = 'Closed Lost' AND Amount < 1000000";
    let values: Vec<f64> = column(
        &rounding,
        "SELECT Amount FROM Opportunity WHERE StageName = 'Closed Lost' AND Amount < 1000000",
        "Amount",
    )
    .iter()
    .filter_map(Json::as_f64)
    .collect();
    let average = values.iter().sum::<f64>() / values.len() as f64;
    let cents = |value: f64| (value * 100.0).round() / 100.0;
    assert_ne!(average, cents(average));
    let exact = one(&org(|_| ()), text, "a").as_f64().unwrap();
    assert!((exact - average).abs() < 1e-6, "{exact}");
    assert_eq!(one(&rounding, text, "a").as_f64(), Some(cents(average)));
    let sum = one(&rounding, text, "s").as_f64().unwrap();
    assert_eq!(sum, cents(sum));
}

#[test]
fn the_sum_of_nothing_is_a_switch() {
    let text =
        "SELECT SUM(Amount) s, MIN(Amount) m, AVG(Amount) a FROM Opportunity WHERE Name = 'no such name'";
    let zero = org(|semantics| semantics.empty_sum_is_zero = true);
    assert_eq!(one(&org(|_| ()), text, "s"), Json::Null);
    assert_eq!(one(&zero, text, "s"), Json::from(0));
    for name in ["m", "a"] {
        assert_eq!(one(&zero, text, name), Json::Null, "{name}");
    }
}

#[test]
fn picklist_groups_fold_apart_from_text() {
    let text = "SELECT acme__Pick__c p, COUNT(Id) n FROM acme__Everything__c GROUP BY acme__Pick__c";
    let folding = org(|semantics| semantics.picklist_case_variants = true);
    let exact = org(|semantics| {
        semantics.picklist_case_variants = true;
        semantics.group_by_folds_picklists = false;
    });
    assert_eq!(size(&folding, text), 2);
    assert_eq!(size(&exact, text), 4);
    let departments = "SELECT Department FROM Contact GROUP BY Department";
    assert_eq!(size(&folding, departments), size(&exact, departments));
    assert!(
        column(
            &org(|_| ()),
            "SELECT acme__Pick__c FROM acme__Everything__c",
            "acme__Pick__c"
        )
        .iter()
        .all(|value| value != "HIGH")
    );
}

#[test]
fn extremes_of_a_picklist_follow_its_setup_order() {
    let org = org(|_| ());
    let text = "SELECT MIN(acme__Pick__c) low, MAX(acme__Pick__c) high FROM acme__Everything__c WHERE acme__Pick__c IN ('Low', 'Medium', 'High')";
    assert_eq!(one(&org, text, "low"), "Low");
    assert_eq!(one(&org, text, "high"), "High");
}

#[test]
fn sums_of_long_whole_numbers_are_exact() {
    let org = org(|_| ());
    let values = column(
        &org,
        "SELECT acme__Long_Number__c FROM acme__Everything__c",
        "acme__Long_Number__c",
    );
    let sum: i64 = values.iter().filter_map(Json::as_i64).sum();
    assert!(sum > 1 << 53);
    assert_eq!(
        one(
            &org,
            "SELECT SUM(acme__Long_Number__c) s FROM acme__Everything__c",
            "s"
        ),
        Json::from(sum)
    );
}

#[test]
fn the_group_limit_can_be_lowered_and_may_follow_the_batch_size() {
    let low = org(|semantics| semantics.group_limit = 3);
    let stages = "SELECT StageName FROM Opportunity GROUP BY StageName";
    assert_eq!(refused(&low, stages).0, "EXCEEDED_ID_LIMIT");
    assert_eq!(size(&low, &format!("{stages} LIMIT 3")), 3);
    let names = "SELECT Name FROM Account GROUP BY Name";
    let asked = |state: &State| {
        let mut call = Call::default();
        call.parameters.push(("q".to_owned(), names.to_owned()));
        call.headers
            .push(("sforce-query-options".to_owned(), "batchSize=200".to_owned()));
        query::run(state, &call, BASE, USERNAME, false).map_err(|error| error.code)
    };
    assert!(asked(&org(|_| ())).unwrap().rows > 200);
    let following = org(|semantics| semantics.group_limit_follows_batch_size = true);
    assert_eq!(asked(&following).unwrap_err(), "EXCEEDED_ID_LIMIT");
    assert!(
        size(&following, names) > 200,
        "without the header a batch holds 2,000"
    );
}

/// What is described and refused all the same: field, flag, statement, code.
const LIES: [(&str, &str, &str, &str); 5] = [
    (
        "StageName",
        "groupable",
        "SELECT StageName FROM Opportunity GROUP BY StageName",
        "MALFORMED_QUERY",
    ),
    (
        "Amount",
        "aggregatable",
        "SELECT SUM(Amount) s FROM Opportunity",
        "MALFORMED_QUERY",
    ),
    (
        "CloseDate",
        "sortable",
        "SELECT Id FROM Opportunity ORDER BY CloseDate",
        "MALFORMED_QUERY",
    ),
    (
        "Name",
        "filterable",
        "SELECT Id FROM Opportunity WHERE Name = 'x'",
        "INVALID_FIELD",
    ),
    (
        "HasOpenActivity",
        "filterable",
        "SELECT Id FROM Opportunity WHERE HasOpenActivity = true",
        "INVALID_FIELD",
    ),
];

#[test]
fn a_flag_can_lie() {
    let lie = |field: &str, flag: Flag| LyingFlag {
        object: "opportunity".to_owned(),
        field: field.to_owned(),
        flag,
    };
    let lying = org(|semantics| {
        semantics.lying_flags = vec![
            lie("StageName", Flag::Groupable),
            lie("amount", Flag::Aggregatable),
            lie("CloseDate", Flag::Sortable),
            lie("Name", Flag::Filterable),
            lie("HasOpenActivity", Flag::Filterable),
        ];
    });
    let told = describe::object(
        &lying.catalog,
        lying.catalog.object("Opportunity").unwrap(),
        &lying.switches.semantics(),
        USERNAME,
        BASE,
    );
    for (field, flag, soql, code) in LIES {
        let fields = told["fields"].as_array().unwrap();
        let described = fields
            .iter()
            .find(|described| described["name"] == field)
            .unwrap();
        assert_eq!(described[flag], true, "{field}");
        assert_eq!(refused(&lying, soql).0, code, "{soql}");
    }
    assert_eq!(
        size(
            &org(|_| ()),
            "SELECT StageName FROM Opportunity GROUP BY StageName"
        ),
        7
    );
    assert_eq!(
        size(
            &lying,
            "SELECT StageName, CloseDate FROM Opportunity WHERE Amount = null LIMIT 1"
        ),
        1
    );
}

#[test]
fn only_statements_that_no_correct_client_sends_are_violations() {
    let state = org(|semantics| {
        semantics.lying_flags = vec![LyingFlag {
            object: "Opportunity".to_owned(),
            field: "StageName".to_owned(),
            flag: Flag::Groupable,
        }];
    });
    let found = |soql: &str| query::violation(&state, soql, USERNAME);
    for fine in [
        "SELECT Id FROM Account WHERE Name = 'it\\'s'",
        "SELECT Nope FROM Account",
        "SELECT StageName FROM Opportunity GROUP BY StageName",
        "SELECT Name FROM Opportunity GROUP BY Name",
    ] {
        assert_eq!(found(fine), None, "{fine}");
    }
    for (soql, start) in [
        (
            "SELECT Id FROM Account WHERE Name = 'it's'",
            "statement does not parse: ",
        ),
        (
            "SELECT Id FROM Account WHERE Amount > 1e5",
            "statement does not parse: ",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "statement breaks a rule: ",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 'x' OR Id IN (SELECT AccountId FROM Contact)",
            "statement breaks a rule: ",
        ),
    ] {
        let message = found(soql).expect(soql);
        assert!(message.starts_with(start), "{message}");
    }
    assert!(ask(&state, "SELECT COUNT() FROM Account")["totalSize"].is_number());
}
