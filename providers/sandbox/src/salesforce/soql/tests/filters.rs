//! WHERE: comparison, null logic, locale.

use super::{column, org, refusal, size};
use crate::salesforce::Semantics;
use crate::world::salesforce_id;

#[test]
fn text_equality_ignores_case_but_not_on_case_sensitive_fields() {
    let org = org(|_| ());
    assert_eq!(size(&org, "SELECT Id FROM Account WHERE Name = 'BoXeO'"), 3);
    assert_eq!(
        size(
            &org,
            "SELECT Id FROM acme__Everything__c WHERE acme__Key__c = 'key-1'"
        ),
        1
    );
    assert_eq!(
        size(
            &org,
            "SELECT Id FROM acme__Everything__c WHERE acme__Key__c IN ('key-1', 'KEY-1')"
        ),
        2
    );
}

#[test]
fn fifteen_and_eighteen_character_ids_find_the_same_record() {
    let org = org(|_| ());
    let id = salesforce_id("001", 40);
    assert_eq!(
        size(&org, &format!("SELECT Id FROM Account WHERE Id = '{id}'")),
        1
    );
    assert_eq!(
        size(
            &org,
            &format!("SELECT Id FROM Account WHERE Id IN ('{}')", &id[..15])
        ),
        1
    );
    assert_eq!(
        refusal("SELECT Id FROM Account WHERE Id = 'nonsense'").0,
        "INVALID_QUERY_FILTER_OPERATOR"
    );
    let wrong_case = id.to_lowercase();
    assert_eq!(
        refusal(&format!("SELECT Id FROM Account WHERE Id = '{wrong_case}'")).0,
        "INVALID_QUERY_FILTER_OPERATOR"
    );
}

#[test]
fn string_escapes_reach_the_awkward_names() {
    let org = org(|_| ());
    for literal in [
        r"O\'Brien & Sons",
        r#"Back\\slash \"Quoted\" Ltd"#,
        "100% Cotton_Wool",
        r"Two\nLines GmbH",
        r"\u005Aażółć 🚀 Rockets",
    ] {
        assert_eq!(
            size(&org, &format!("SELECT Id FROM Account WHERE Name = '{literal}'")),
            1,
            "{literal}"
        );
    }
    for literal in [r"a\xb", r"a\%b", r"\u00g1"] {
        assert_eq!(
            refusal(&format!("SELECT Id FROM Account WHERE Name = '{literal}'")).0,
            "MALFORMED_QUERY",
            "{literal}"
        );
    }
    assert_eq!(
        refusal("SELECT Id FROM Account WHERE Name = 'open").0,
        "MALFORMED_QUERY"
    );
}

#[test]
fn like_takes_wildcards_and_their_escapes() {
    let org = org(|_| ());
    assert_eq!(size(&org, "SELECT Id FROM Account WHERE Name LIKE 'box%'"), 3);
    assert_eq!(
        size(
            &org,
            r"SELECT Id FROM Account WHERE Name LIKE '100\% cotton\_wool'"
        ),
        1
    );
    assert_eq!(
        size(&org, r"SELECT Id FROM Account WHERE Name LIKE '100\% cotton%\_%'"),
        1
    );
    assert_eq!(size(&org, "SELECT Id FROM Account WHERE Name LIKE 'b_xeo'"), 3);
    let not_like = size(
        &org,
        "SELECT Id FROM Account WHERE (NOT Name LIKE 'box%') AND Name != null",
    );
    assert_eq!(not_like, 497);
    assert_eq!(
        refusal("SELECT Id FROM Opportunity WHERE Amount LIKE '1%'").0,
        "INVALID_QUERY_FILTER_OPERATOR"
    );
}

#[test]
fn null_rows_follow_the_switch_under_negation() {
    let kept = org(|_| ());
    let lost = org(|semantics| semantics.nulls_kept = false);
    let nulls = size(&kept, "SELECT Id FROM Account WHERE Industry = null");
    assert!(nulls > 0);
    for condition in [
        "Industry != 'Energy'",
        "Industry NOT IN ('Energy')",
        "(NOT Industry LIKE 'Energy')",
        "(NOT Industry = 'Energy')",
    ] {
        let text = format!("SELECT Id FROM Account WHERE {condition}");
        assert_eq!(size(&kept, &text), size(&lost, &text) + nulls, "{condition}");
        let guarded = format!("SELECT Id FROM Account WHERE ({condition}) AND Industry != null");
        assert_eq!(size(&kept, &guarded), size(&lost, &guarded), "{condition}");
    }
}

#[test]
fn empty_text_is_null_and_checkboxes_never_are() {
    let org = org(|_| ());
    assert_eq!(
        size(&org, "SELECT Id FROM Account WHERE Site = ''"),
        size(&org, "SELECT Id FROM Account WHERE Site = null")
    );
    assert_eq!(
        size(&org, "SELECT Id FROM Opportunity WHERE IsWon = null"),
        size(&org, "SELECT Id FROM Opportunity WHERE IsWon = false")
    );
    let orphans = size(&org, "SELECT Id FROM Opportunity WHERE AccountId = null");
    assert!(orphans > 0);
    assert_eq!(
        size(&org, "SELECT Id FROM Opportunity WHERE Account.Name = null"),
        orphans
    );
    let owned_by_none = size(
        &org,
        "SELECT Id FROM Opportunity WHERE AccountId = null AND Account.IsPartner = false",
    );
    assert_eq!(owned_by_none, orphans);
}

#[test]
fn and_or_and_not_mix_only_in_parentheses() {
    let org = org(|_| ());
    for condition in [
        "Name = 'a' AND Name = 'b' OR Name = 'c'",
        "NOT Name = 'a' AND Name = 'b'",
        "Name = 'a' AND NOT Name = 'b'",
    ] {
        let (code, message) = refusal(&format!("SELECT Id FROM Account WHERE {condition}"));
        assert_eq!(code, "MALFORMED_QUERY");
        assert!(message.contains("ERROR at Row:1:Column:"), "{message}");
        assert!(message.contains("unexpected token"), "{message}");
    }
    let both = size(
        &org,
        "SELECT Id FROM Account WHERE (Name = 'boxeo' AND Name = 'x') OR (NOT Name != 'boxeo')",
    );
    assert_eq!(both, 3);
}

#[test]
fn locale_accents_and_blanks_follow_their_switches() {
    let count = |change: fn(&mut Semantics), text: &str| {
        size(
            &org(change),
            &format!("SELECT Id FROM acme__Everything__c WHERE acme__Text__c = '{text}'"),
        )
    };
    let exact = |texts: &[&str]| {
        let values = column(
            &org(|_| ()),
            "SELECT acme__Text__c FROM acme__Everything__c",
            "acme__Text__c",
        );
        values
            .iter()
            .filter(|value| texts.contains(&value.as_str().unwrap_or_default()))
            .count() as u64
    };
    assert_eq!(
        count(|_| (), "Service"),
        exact(&["Service", "SERVICE", "service"])
    );
    assert_eq!(
        count(|s| s.turkish_locale = true, "Service"),
        exact(&["Service", "service", "SERVİCE"])
    );
    assert_eq!(count(|_| (), "Resume"), exact(&["Resume"]));
    assert_eq!(
        count(|s| s.accents_fold = true, "Resume"),
        exact(&["Resume", "Résumé"])
    );
    assert_eq!(count(|_| (), "trail"), exact(&["trail"]));
    assert_eq!(
        count(|s| s.trailing_blanks_ignored = true, "trail"),
        exact(&["trail", "trail "])
    );
}

#[test]
fn multipicklists_compare_as_sets() {
    let org = org(|_| ());
    let exact = size(
        &org,
        "SELECT Id FROM acme__Everything__c WHERE acme__Multi__c = 'B;A'",
    );
    let both = size(
        &org,
        "SELECT Id FROM acme__Everything__c WHERE acme__Multi__c INCLUDES ('A;B')",
    );
    let either = size(
        &org,
        "SELECT Id FROM acme__Everything__c WHERE acme__Multi__c INCLUDES ('A','B')",
    );
    let neither = size(
        &org,
        "SELECT Id FROM acme__Everything__c WHERE acme__Multi__c EXCLUDES ('A','B')",
    );
    assert!(exact > 0 && exact < both && both < either);
    assert_eq!(either + neither, 300);
}

#[test]
fn semi_joins_obey_their_restrictions() {
    for condition in [
        "Id IN (SELECT AccountId FROM Opportunity) OR Name = 'x'",
        "Id IN (SELECT Name FROM Opportunity)",
        "Id IN (SELECT ParentId FROM Account)",
        "Id IN (SELECT AccountId FROM Opportunity LIMIT 5)",
        "Id IN (SELECT WhatId FROM Task)",
        "Name IN (SELECT AccountId FROM Opportunity)",
    ] {
        assert_eq!(
            refusal(&format!("SELECT Id FROM Account WHERE {condition}")).0,
            "MALFORMED_QUERY",
            "{condition}"
        );
    }
}

#[test]
fn comparison_of_numbers_is_exact_for_long_integers() {
    let org = org(|_| ());
    assert_eq!(
        size(
            &org,
            "SELECT Id FROM acme__Everything__c WHERE acme__Long_Number__c = 9007199254740992"
        ),
        0
    );
    assert_eq!(
        size(
            &org,
            "SELECT Id FROM acme__Everything__c WHERE acme__Long_Number__c = 9007199254740993"
        ),
        50
    );
}
