//! The meaning of conditions, checked against the rows themselves.

use std::collections::BTreeSet;

use super::super::cell::{Cell, SysId};
use super::bench::Bench;
use crate::world::World;

#[test]
fn numbers_compare_as_numbers() {
    let bench = Bench::new();
    let number = |text: &str| text.parse::<i64>().ok();
    bench.assert_is("incident", "reassignment_count<10", "reassignment_count", |raw| {
        number(raw).is_some_and(|n| n < 10)
    });
    bench.assert_is(
        "incident",
        "reassignment_count>=10",
        "reassignment_count",
        |raw| number(raw).is_some_and(|n| n >= 10),
    );
    bench.assert_is(
        "incident",
        "reassignment_count=3.0",
        "reassignment_count",
        |raw| raw == "3",
    );
    bench.assert_is(
        "incident",
        "reassignment_countIN1,2,x",
        "reassignment_count",
        |raw| raw == "1" || raw == "2",
    );
    bench.assert_is(
        "incident",
        "reassignment_countBETWEEN4@6",
        "reassignment_count",
        |raw| number(raw).is_some_and(|n| (4..=6).contains(&n)),
    );
    bench.assert_is("u_everything", "u_long>9007199254740992", "u_long", |raw| {
        number(raw).is_some_and(|n| n > 9_007_199_254_740_992)
    });
    bench.assert_is("u_everything", "u_decimal<=-0.99", "u_decimal", |raw| {
        raw == "-0.99"
    });
    assert!(bench.set("incident", "state=NOT_A_NUMBER").is_empty());
    assert!(bench.set("incident", "state==1").is_empty());
}

#[test]
fn not_equal_leaves_out_nulls_unless_switched() {
    let bench = Bench::new();
    bench.assert_is("incident", "category!=software", "category", |raw| {
        !raw.is_empty() && raw != "software"
    });
    bench.assert_is(
        "incident",
        "reassignment_countNOT IN1,2",
        "reassignment_count",
        |raw| !["", "1", "2"].contains(&raw),
    );
    bench.assert_is("incident", "categoryNOT LIKEware", "category", |raw| {
        !raw.is_empty() && !raw.contains("ware")
    });
    let with_nulls = Bench::with(|semantics| semantics.not_equal_returns_nulls = true);
    with_nulls.assert_is("incident", "category!=software", "category", |raw| {
        raw != "software"
    });
    with_nulls.assert_is("incident", "categoryNOT INsoftware,hardware", "category", |raw| {
        raw != "software" && raw != "hardware"
    });
}

#[test]
fn booleans_have_their_documented_oddities() {
    let bench = Bench::new();
    bench.assert_is("incident", "made_sla=true", "made_sla", |raw| raw == "true");
    bench.assert_is("incident", "made_sla=false", "made_sla", |raw| raw == "false");
    bench.assert_is("incident", "made_sla!=true", "made_sla", |raw| raw != "true");
    bench.assert_is("incident", "made_sla=1", "made_sla", |raw| raw == "true");
    bench.assert_is("incident", "made_slaISEMPTY", "made_sla", str::is_empty);
    assert!(bench.set("incident", "made_sla=maybe").is_empty());
}

#[test]
fn text_ignores_case_accents_and_trailing_blanks_by_switch() {
    let lower = |raw: &str| raw.to_lowercase();
    let bench = Bench::new();
    let names = |bench: &Bench, text: &str| bench.texts("customer_account", text, "name");
    assert_eq!(names(&bench, "name=BOXEO").len(), 3);
    assert_eq!(names(&bench, "name=resume cafe").len(), 2);
    assert_eq!(names(&bench, "name=trailing blank").len(), 1);
    bench.assert_is(
        "incident",
        "short_descriptionSTARTSWITHLAPTOP",
        "short_description",
        |raw| lower(raw).starts_with("laptop"),
    );
    bench.assert_is(
        "incident",
        "short_descriptionENDSWITHsave",
        "short_description",
        |raw| lower(raw).ends_with("save"),
    );
    bench.assert_is("incident", "short_descriptionLIKE%", "short_description", |raw| {
        raw.contains('%')
    });
    bench.assert_is("incident", "short_description>x", "short_description", |raw| {
        lower(raw).as_str() > "x"
    });
    let strict =
        Bench::with(|semantics| (semantics.accents_fold, semantics.trailing_blanks_ignored) = (false, false));
    assert_eq!(names(&strict, "name=resume cafe"), ["Resume Cafe"]);
    assert!(names(&strict, "name=trailing blank").is_empty());
}

#[test]
fn wildcards_inside_like_are_a_switch() {
    assert!(Bench::new().set("customer_account", "nameLIKEb_xeo").is_empty());
    let bench = Bench::with(|semantics| semantics.like_wildcards = true);
    assert_eq!(bench.set("customer_account", "nameLIKEb_xeo").len(), 3);
    assert_eq!(bench.set("customer_account", "nameSTARTSWITHb%x").len(), 3);
}

#[test]
fn empty_means_null_or_the_empty_text() {
    let bench = Bench::new();
    bench.assert_is(
        "incident",
        "short_descriptionISEMPTY",
        "short_description",
        str::is_empty,
    );
    bench.assert_is(
        "incident",
        "short_descriptionISNOTEMPTY",
        "short_description",
        |raw| !raw.is_empty(),
    );
    bench.assert_is(
        "incident",
        "short_description=",
        "short_description",
        str::is_empty,
    );
    bench.assert_is(
        "incident",
        "short_descriptionANYTHING",
        "short_description",
        |_| true,
    );
    let stored: BTreeSet<SysId> = bench
        .rows("incident", "")
        .into_iter()
        .filter(|row| bench.data.named(*row, "short_description") == Cell::text(""))
        .map(|row| bench.data.sys_id(row))
        .collect();
    assert!(!stored.is_empty());
    assert_eq!(bench.set("incident", "short_descriptionEMPTYSTRING"), stored);
    assert!(bench.set("incident", "short_description!=x").is_superset(&stored));
    let oracle = Bench::with(|semantics| semantics.empty_string_stored_distinct = false);
    assert!(oracle.set("incident", "short_descriptionEMPTYSTRING").is_empty());
    assert!(
        oracle
            .set("incident", "short_description!=x")
            .is_disjoint(&stored)
    );
}

#[test]
fn the_word_null_is_a_switch() {
    let bench = Bench::new();
    bench.assert_is("incident", "category=NULL", "category", str::is_empty);
    let literal = Bench::with(|semantics| semantics.null_word_is_empty = false);
    assert_eq!(literal.texts("customer_account", "name=NULL", "name"), ["NULL"]);
}

#[test]
fn date_times_compare_by_the_second_in_the_sessions_zone() {
    let bench = Bench::new();
    let edge = "2023-12-31 23:59:59";
    bench.assert_is("incident", &format!("opened_at={edge}"), "opened_at", |raw| {
        raw == edge
    });
    bench.assert_is("incident", &format!("opened_at>{edge}"), "opened_at", |raw| {
        raw > edge
    });
    bench.assert_is("incident", "opened_at>=2024-01-01", "opened_at", |raw| {
        raw >= "2024-01-01 00:00:00"
    });
    bench.assert_is(
        "incident",
        "opened_atONx@2024-03-01 00:00:00@2024-03-31 23:59:59",
        "opened_at",
        |raw| raw.starts_with("2024-03"),
    );
    bench.assert_is(
        "incident",
        "resolved_atNOTONx@2024-03-01 00:00:00@2024-03-31 23:59:59",
        "resolved_at",
        |raw| !raw.is_empty() && !raw.starts_with("2024-03"),
    );
    bench.assert_is("u_everything", "u_glide_date=2024-02-29", "u_glide_date", |raw| {
        raw == "2024-02-29"
    });
    bench.assert_is(
        "u_everything",
        "u_glide_duration=1970-02-10 00:02:17",
        "u_glide_duration",
        |raw| raw == "1970-02-10 00:02:17",
    );
    assert!(bench.set("incident", "opened_at>yesterday").is_empty());
    let shifted = Bench::with(|semantics| semantics.literal_zone_offset_minutes = 60);
    shifted.assert_is("incident", "opened_at=2024-01-01 00:59:59", "opened_at", |raw| {
        raw == edge
    });
    shifted.assert_is("u_everything", "u_glide_date=2024-02-29", "u_glide_date", |raw| {
        raw == "2024-02-29"
    });
}

#[test]
fn references_compare_by_key_and_match_by_display_value() {
    let bench = Bench::new();
    let id = bench
        .texts("incident", "caller_idISNOTEMPTY", "caller_id")
        .remove(0);
    bench.assert_is(
        "incident",
        &format!("caller_id={}", id.to_uppercase()),
        "caller_id",
        |raw| raw == id,
    );
    bench.assert_is("incident", &format!("caller_id!={id}"), "caller_id", |raw| {
        !raw.is_empty() && raw != id
    });
    bench.assert_is("incident", "opened_by=glide.maint", "opened_by", |raw| {
        raw == "glide.maint"
    });
    bench.assert_is("incident", "sys_domain=global", "sys_domain", |raw| {
        raw == "global"
    });
    let by_walk = bench.set("incident", "caller_id.nameSTARTSWITHana");
    assert!(!by_walk.is_empty());
    assert_eq!(bench.set("incident", "caller_idSTARTSWITHana"), by_walk);
}

#[test]
fn dot_walks_over_nothing_are_null() {
    let bench = Bench::new();
    let none = bench.set("incident", "company.nameISEMPTY");
    assert_eq!(none, bench.set("incident", "companyISEMPTY"));
    assert!(bench.set("incident", "company.name!=Boxeo").is_disjoint(&none));
    let boxeo = World::new(42, 1).account(1).sys_id;
    assert_eq!(
        bench.set("incident", "company.name=megacorp"),
        bench.set("incident", &format!("company={boxeo}"))
    );
    assert!(
        !bench
            .set(
                "sn_customerservice_case",
                "account.parent.nameISNOTEMPTY^ORcontact.account.name=megacorp"
            )
            .is_empty()
    );
}

#[test]
fn columns_compare_with_columns() {
    let bench = Bench::new();
    let pairs = |keep: &dyn Fn(&str, &str) -> bool, left: &str, right: &str| -> BTreeSet<SysId> {
        let all = bench.rows("incident", "");
        all.into_iter()
            .filter(|row| {
                let (a, b) = (
                    bench.data.named(*row, left).raw(),
                    bench.data.named(*row, right).raw(),
                );
                !a.is_empty() && !b.is_empty() && keep(&a, &b)
            })
            .map(|row| bench.data.sys_id(row))
            .collect()
    };
    assert_eq!(
        bench.set("incident", "stateSAMEASincident_state"),
        pairs(&|a, b| a == b, "state", "incident_state")
    );
    assert_eq!(
        bench.set("incident", "impactSAMEASurgency"),
        pairs(&|a, b| a == b, "impact", "urgency")
    );
    assert_eq!(
        bench.set("incident", "impactNSAMEASurgency"),
        pairs(&|a, b| a != b, "impact", "urgency")
    );
    assert_eq!(
        bench.set("incident", "impactGT_FIELDurgency"),
        pairs(&|a, b| a > b, "impact", "urgency")
    );
    assert_eq!(
        bench.set("incident", "impactLT_OR_EQUALS_FIELDurgency"),
        pairs(&|a, b| a <= b, "impact", "urgency")
    );
    assert_eq!(
        bench.set("incident", "opened_atSAMEASclosed_at@year"),
        pairs(&|a, b| a[..4] == b[..4], "opened_at", "closed_at")
    );
}

#[test]
fn classes_are_matched_exactly_or_with_subclasses() {
    let bench = Bench::new();
    assert_eq!(bench.rows("task", "sys_class_name=incident").len(), 5_000);
    assert_eq!(bench.rows("task", "sys_class_name=task").len(), 100);
    assert_eq!(
        bench.rows("task", "sys_class_nameINSTANCEOFtask").len(),
        bench.rows("task", "").len()
    );
    assert_eq!(
        bench
            .rows("sys_user", "sys_class_nameINSTANCEOFcustomer_contact")
            .len(),
        1_500
    );
}
