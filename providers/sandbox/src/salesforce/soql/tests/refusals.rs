//! Statements that the org refuses.

use super::{org, refusal, size};

#[test]
fn literals_must_fit_the_type_of_the_field() {
    for (object, condition) in [
        ("Opportunity", "CloseDate > 2024-01-01T00:00:00Z"),
        ("Opportunity", "CreatedDate > 2024-01-01"),
        ("Opportunity", "Amount = '5'"),
        ("Opportunity", "IsWon = 'true'"),
        ("Opportunity", "Name = 5"),
        ("Account", "NumberOfEmployees = 1.5"),
    ] {
        let (code, message) = refusal(&format!("SELECT Id FROM {object} WHERE {condition}"));
        assert_eq!(code, "INVALID_FIELD", "{condition}");
        assert!(message.contains("must be of type"), "{message}");
    }
    for condition in [
        "Amount > 1e5",
        "CloseDate = 2024-02-30",
        "CreatedDate > 2024-01-01T00:00:00",
        "CloseDate > 1699-12-31",
        "Amount = 1234567890123456789",
    ] {
        assert_eq!(
            refusal(&format!("SELECT Id FROM Opportunity WHERE {condition}")).0,
            "MALFORMED_QUERY",
            "{condition}"
        );
    }
    let org = org(|_| ());
    let zulu = size(
        &org,
        "SELECT Id FROM Opportunity WHERE CreatedDate <= 2023-12-31T23:59:59Z",
    );
    let zoned = size(
        &org,
        "SELECT Id FROM Opportunity WHERE CreatedDate <= 2024-01-01T00:59:59.000+01:00",
    );
    let before = size(
        &org,
        "SELECT Id FROM Opportunity WHERE CreatedDate < 2023-12-31T23:59:59Z",
    );
    assert_eq!(zulu, zoned);
    assert!(before < zulu);
    assert!(
        size(
            &org,
            "SELECT Id FROM acme__Everything__c WHERE acme__Time__c >= 23:59:59.999Z"
        ) > 0
    );
}

/// Checks code and a part of the message of each statement's refusal.
fn check_refusals(refused: &[(&str, &str, &str)]) {
    for (soql, code, part) in refused {
        let (found, message) = refusal(soql);
        assert_eq!(found, *code, "{soql}: {message}");
        assert!(message.contains(part), "{soql}: {message}");
    }
}

#[test]
fn field_flags_are_enforced() {
    check_refusals(&[
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account WHERE BillingAddress = 'x'",
            "INVALID_FIELD",
            "can not be filtered",
        ),
        (
            "SELECT Id FROM Opportunity WHERE HasOpenActivity = true",
            "INVALID_FIELD",
            "can not be filtered",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "MALFORMED_QUERY",
            "can not be sorted",
        ),
        (
            "SELECT COUNT(Id) FROM Opportunity GROUP BY Amount",
            "MALFORMED_QUERY",
            "can not be grouped",
        ),
        (
            "SELECT SUM(Name) FROM Opportunity",
            "MALFORMED_QUERY",
            "does not support aggregate operator SUM",
        ),
        (
            "SELECT Id FROM Account WHERE Type INCLUDES ('a')",
            "INVALID_QUERY_FILTER_OPERATOR",
            "multipicklist",
        ),
    ]);
}

#[test]
fn names_are_checked() {
    check_refusals(&[
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "MALFORMED_QUERY",
            "must be grouped or aggregated: Name",
        ),
        (
            "SELECT Nmae FROM Account",
            "INVALID_FIELD",
            "No such column 'Nmae' on entity 'Account'",
        ),
        (
            "SELECT Owner.Nmae FROM Account",
            "INVALID_FIELD",
            "No such column 'Nmae' on entity 'User'",
        ),
        (
            "SELECT Boss.Name FROM Account",
            "INVALID_FIELD",
            "Didn't understand relationship 'Boss'",
        ),
        (
            "SELECT Name, name FROM Account",
            "INVALID_FIELD",
            "duplicate field selected",
        ),
        (
            "SELECT Id FROM XYZZY",
            "INVALID_TYPE",
            "sObject type 'XYZZY' is not supported.",
        ),
    ]);
}

#[test]
fn the_grammar_is_enforced() {
    check_refusals(&[
        ("SELECT Id FRM Account", "MALFORMED_QUERY", "unexpected token"),
        (
            "SELECT * FROM Account",
            "MALFORMED_QUERY",
            "unexpected token: '*'",
        ),
        (
            "SELECT Id FROM Account OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "2000",
        ),
        (
            "SELECT COUNT(Id) FROM Account LIMIT 5",
            "MALFORMED_QUERY",
            "LIMIT",
        ),
    ]);
    let message = refusal("select count() from XYZZY").1;
    assert!(
        message.starts_with("\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"),
        "{message}"
    );
}

#[test]
fn long_literals_and_statements_are_refused() {
    let long = "x".repeat(4001);
    assert_eq!(
        refusal(&format!("SELECT Id FROM Account WHERE Name = '{long}'")).0,
        "MALFORMED_QUERY"
    );
    let list = vec!["'abcdefgh'"; 9_500].join(",");
    assert_eq!(
        refusal(&format!("SELECT Id FROM Account WHERE Name IN ({list})")).0,
        "MALFORMED_QUERY"
    );
}

#[test]
fn too_many_groups_are_an_error() {
    assert_eq!(
        refusal("SELECT Name FROM Opportunity GROUP BY Name").0,
        "EXCEEDED_ID_LIMIT"
    );
}
