//! Both positions of each switch that decides how a query is read.

use super::super::credentials;
use super::super::switches::InvalidQuery;
use super::Practice;
use super::bench::Bench;

fn pair(table: &str, column: &str) -> (String, String) {
    (table.to_owned(), column.to_owned())
}

#[test]
fn query_match_and_query_range_are_stripped_apart() {
    let all = Bench::new().rows("incident", "").len();
    let matches = Bench::with(|semantics| {
        semantics.stripped_match_columns.insert(pair("task", "priority"));
    });
    let ranges = Bench::with(|semantics| {
        semantics.stripped_range_columns.insert(pair("task", "priority"));
    });
    let honest = Bench::new();
    for (text, is_range) in [
        ("priority=1", false),
        ("priority!=1", false),
        ("priorityIN1,2", false),
        ("priorityNOT IN1,2", false),
        ("prioritySAMEASimpact", false),
        ("impactNSAMEASpriority", false),
        ("priorityISEMPTY", false),
        ("priority<3", true),
        ("priority>=3", true),
        ("priorityBETWEEN2@3", true),
        ("priorityLIKE1", true),
        ("prioritySTARTSWITH1", true),
        ("impactGT_FIELDpriority", true),
    ] {
        let kept = honest.rows("incident", text).len();
        assert_ne!(kept, all, "{text}");
        let (matched, ranged) = (
            matches.rows("incident", text).len(),
            ranges.rows("incident", text).len(),
        );
        let expected = if is_range { (kept, all) } else { (all, kept) };
        assert_eq!((matched, ranged), expected, "{text}");
    }
    assert_eq!(matches.bind("incident", "ORDERBYpriority").orders.len(), 1);
    assert!(ranges.bind("incident", "ORDERBYDESCpriority").orders.is_empty());
}

#[test]
fn a_stripped_predicate_empties_under_the_other_regime() {
    let strip = |empties: bool| {
        Bench::with(|semantics| {
            semantics.invalid_query = InvalidQuery::NoRows;
            semantics.invalid_sort_empties = empties;
            semantics
                .stripped_range_columns
                .insert(pair("incident", "sys_id"));
            semantics.stripped_columns.insert(pair("incident", "category"));
        })
    };
    for empties in [false, true] {
        let bench = strip(empties);
        assert!(bench.rows("incident", "sys_id>0").is_empty());
        assert!(bench.rows("incident", "category=software").is_empty());
        for sort in ["ORDERBYsys_id", "ORDERBYno_such_column"] {
            let rows = bench.rows("incident", &format!("priority=1^{sort}")).len();
            assert_eq!(rows == 0, empties, "{sort}");
        }
    }
    let widening = Bench::with(|semantics| {
        semantics.invalid_sort_empties = true;
        semantics
            .stripped_range_columns
            .insert(pair("incident", "sys_id"));
    });
    assert_eq!(widening.rows("incident", "ORDERBYsys_id").len(), 5_000);
}

#[tokio::test]
async fn an_unknown_column_may_be_403_for_all_but_administrators() {
    let practice = Practice::start().await;
    let path = "table/incident?sysparm_limit=1&sysparm_query=no_such_field=1";
    assert_eq!(practice.get(path).await.status, 200);
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.invalid_query = InvalidQuery::Forbidden);
    assert_eq!(practice.get(path).await.status, 403);
    assert_eq!(
        practice
            .get_as("admin", credentials::OTHER_PASSWORD, path)
            .await
            .total(),
        5_000
    );
    assert_eq!(
        practice
            .get("table/incident?sysparm_limit=1&sysparm_query=priority=1")
            .await
            .status,
        200
    );
}

#[test]
fn case_is_a_switch_of_the_instance_and_of_a_column() {
    let names = |bench: &Bench, text: &str| bench.texts("customer_account", text, "name");
    let exact_column = Bench::with(|semantics| {
        semantics
            .exact_text_columns
            .insert(pair("customer_account", "name"));
    });
    let exact_case = Bench::with(|semantics| semantics.case_folds = false);
    for bench in [&exact_column, &exact_case] {
        assert_eq!(names(bench, "name=BOXEO"), ["BOXEO"]);
        assert_eq!(names(bench, "nameINboxeo,BOXEO").len(), 2);
        assert_eq!(names(bench, "nameSTARTSWITHBox"), ["Boxeo"]);
        assert_eq!(names(bench, "nameLIKEoxeo").len(), 2);
    }
    assert_eq!(names(&Bench::new(), "name=BOXEO").len(), 3);
    assert_eq!(names(&exact_column, "name=Resume Cafe"), ["Resume Cafe"]);
    assert_eq!(
        names(&exact_case, "name=Resume Cafe").len(),
        2,
        "accents still fold"
    );
    let sorted = names(
        &exact_column,
        "nameSTARTSWITHbox^ORnameSTARTSWITHBOX^ORnameSTARTSWITHMega^ORDERBYname",
    );
    assert_eq!(sorted, ["BOXEO", "Megacorp", "boxeo"]);
    let elsewhere = exact_column.rows("core_company", "name=BOXEO").len();
    assert_eq!(elsewhere, Bench::new().rows("core_company", "name=BOXEO").len());
}

#[test]
fn null_rows_under_not_like_are_a_switch_of_their_own() {
    let bench = Bench::with(|semantics| semantics.not_like_returns_nulls = true);
    bench.assert_is("incident", "categoryNOT LIKEware", "category", |raw| {
        !raw.contains("ware")
    });
    bench.assert_is("incident", "category!=software", "category", |raw| {
        !raw.is_empty() && raw != "software"
    });
}

#[test]
fn an_empty_value_may_mean_the_empty_text_only() {
    let bench = Bench::with(|semantics| semantics.empty_value_is_empty = false);
    assert_eq!(
        bench.set("incident", "short_description="),
        bench.set("incident", "short_descriptionEMPTYSTRING")
    );
    assert!(bench.set("incident", "reassignment_count=").is_empty());
    let default = Bench::new();
    default.assert_is(
        "incident",
        "reassignment_count=",
        "reassignment_count",
        str::is_empty,
    );
}

#[test]
fn the_spelling_of_not_like_is_a_switch() {
    let bench = Bench::with(|semantics| semantics.notlike_accepted = true);
    assert_eq!(
        bench.set("incident", "categoryNOTLIKEware"),
        bench.set("incident", "categoryNOT LIKEware")
    );
    assert_eq!(Bench::new().rows("incident", "categoryNOTLIKEware").len(), 5_000);
}

#[test]
fn a_doubled_caret_may_stand_for_one() {
    let text = "nameLIKECaret^^Comma";
    let bench = Bench::with(|semantics| semantics.double_caret_escapes = true);
    assert_eq!(bench.texts("customer_account", text, "name"), ["Caret^Comma,Co"]);
    let default = Bench::new().texts("customer_account", text, "name");
    assert_eq!(
        default,
        ["Caret^Comma,Co"],
        "the second piece is noise, so the first one decides"
    );
    assert!(
        bench
            .rows("customer_account", "nameLIKECaret^^Comma^name=x")
            .is_empty()
    );
    let whole = "name=Caret^^Comma,Co";
    assert_eq!(bench.rows("customer_account", whole).len(), 1);
    assert!(Bench::new().rows("customer_account", whole).is_empty());
}

#[test]
fn short_lists_and_blanks_in_lists_are_switches() {
    let lame = Bench::with(|semantics| semantics.single_in_works = false);
    let default = Bench::new();
    assert!(!default.set("incident", "priorityIN1").is_empty());
    assert!(lame.set("incident", "priorityIN1").is_empty());
    assert_eq!(
        lame.set("incident", "priorityIN1,2"),
        default.set("incident", "priorityIN1,2")
    );
    let trimming = Bench::with(|semantics| semantics.in_trims_blanks = true);
    let count = |bench: &Bench, text: &str| bench.rows("customer_account", text).len();
    assert_eq!(count(&default, "nameINMegacorp, Boxeo"), 1);
    assert_eq!(count(&trimming, "nameINMegacorp, Boxeo"), 4);
}

#[test]
fn decimal_literals_may_be_rounded_to_the_scale() {
    let rounding = Bench::with(|semantics| semantics.decimal_literals_rounded = true);
    let default = Bench::new();
    for literal in ["0.0149", "0.005"] {
        let text = format!("u_decimal={literal}");
        assert!(default.set("u_everything", &text).is_empty());
        rounding.assert_is("u_everything", &text, "u_decimal", |raw| raw == "0.01");
    }
    for bench in [&default, &rounding] {
        bench.assert_is("u_everything", "u_decimal=0.01", "u_decimal", |raw| raw == "0.01");
    }
}

#[test]
fn a_date_against_a_date_time_may_mean_the_whole_day() {
    let whole = Bench::with(|semantics| semantics.date_only_equals_day = true);
    whole.assert_is("incident", "opened_at=2023-12-31", "opened_at", |raw| {
        raw.starts_with("2023-12-31")
    });
    whole.assert_is("incident", "resolved_at!=2023-12-31", "resolved_at", |raw| {
        !raw.is_empty() && !raw.starts_with("2023-12-31")
    });
    let midnight = Bench::new();
    midnight.assert_is("incident", "opened_at=2024-01-01", "opened_at", |raw| {
        raw == "2024-01-01 00:00:00"
    });
    assert!(midnight.set("incident", "opened_at=2023-12-31").is_empty());
    for bench in [&whole, &midnight] {
        bench.assert_is("incident", "opened_at>=2024-01-01", "opened_at", |raw| {
            raw >= "2024-01-01 00:00:00"
        });
    }
}

#[test]
fn booleans_may_take_nulls_for_false_and_refuse_digits() {
    let loose = Bench::with(|semantics| semantics.false_matches_null = true);
    loose.assert_is("incident", "made_sla=false", "made_sla", |raw| raw != "true");
    loose.assert_is("incident", "made_sla=true", "made_sla", |raw| raw == "true");
    Bench::new().assert_is("incident", "made_sla=false", "made_sla", |raw| raw == "false");
    let words = Bench::with(|semantics| semantics.boolean_digits_accepted = false);
    assert!(words.set("incident", "made_sla=1").is_empty());
    assert!(!words.set("incident", "made_sla=true").is_empty());
}

#[test]
fn a_list_may_compare_by_member() {
    let members = Bench::with(|semantics| semantics.list_equals_is_membership = true);
    members.assert_is(
        "u_everything",
        "u_glide_list=glide.maint",
        "u_glide_list",
        |raw| raw.split(',').any(|member| member == "glide.maint"),
    );
    members.assert_is(
        "u_everything",
        "u_glide_list!=glide.maint",
        "u_glide_list",
        |raw| raw == "admin",
    );
    let default = Bench::new();
    assert!(default.set("u_everything", "u_glide_list=glide.maint").is_empty());
    default.assert_is("u_everything", "u_glide_list=admin", "u_glide_list", |raw| {
        raw == "admin"
    });
    default.assert_is(
        "u_everything",
        "u_glide_listLIKEglide.maint",
        "u_glide_list",
        |raw| raw.contains("glide.maint"),
    );
}

#[test]
fn translated_columns_may_compare_in_another_language() {
    let other = Bench::with(|semantics| semantics.translated_text_matches = false);
    let default = Bench::new();
    let sample = default
        .texts(
            "u_everything",
            "u_translated_fieldISNOTEMPTY",
            "u_translated_field",
        )
        .into_iter()
        .find(|text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        })
        .expect("a plain text");
    let text = format!("u_translated_field={sample}");
    assert!(!default.set("u_everything", &text).is_empty());
    assert!(other.set("u_everything", &text).is_empty());
    assert_eq!(
        other.set("u_everything", "u_translated_fieldISNOTEMPTY"),
        other.set("u_everything", &format!("u_translated_field!={sample}"))
    );
}

#[test]
fn conditions_over_an_empty_reference_are_switches() {
    let default = Bench::new();
    let none = default.set("incident", "companyISEMPTY");
    let other = default.set("incident", "companyISNOTEMPTY^company.name!=Boxeo");
    assert!(!none.is_empty() && !other.is_empty());
    assert_eq!(default.set("incident", "company.name!=Boxeo"), other);
    let inner = Bench::with(|semantics| semantics.dot_walk_inner_joins = true);
    let outer = Bench::with(|semantics| semantics.dot_walk_not_equal_returns_nulls = true);
    assert!(inner.set("incident", "company.nameISEMPTY").is_disjoint(&none));
    assert!(outer.set("incident", "company.nameISEMPTY").is_superset(&none));
    assert_eq!(inner.set("incident", "company.name!=Boxeo"), other);
    assert_eq!(
        outer.set("incident", "company.name!=Boxeo"),
        other.union(&none).copied().collect()
    );
    assert_eq!(
        outer.set("incident", "company.name=Boxeo"),
        default.set("incident", "company.name=Boxeo")
    );
}

#[tokio::test]
async fn a_walk_over_an_empty_reference_may_have_no_key() {
    let practice = Practice::start().await;
    let path =
        "table/incident?sysparm_limit=1&sysparm_fields=number,company.name&sysparm_query=companyISEMPTY";
    assert_eq!(practice.get(path).await.rows()[0]["company.name"], "");
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.dot_walk_null_missing = true);
    let row = practice.get(path).await.rows().remove(0);
    assert_eq!(
        row.as_object().expect("a row").keys().collect::<Vec<_>>(),
        ["number"]
    );
    let full = practice
        .get(&path.replace("ISEMPTY", "ISNOTEMPTY"))
        .await
        .rows()
        .remove(0);
    assert!(full["company.name"].is_string());
}

#[test]
fn choices_sort_by_value_or_by_label() {
    let ranks = |bench: &Bench| {
        let mut texts = bench.texts("u_everything", "u_ratingISNOTEMPTY^ORDERBYu_rating", "u_rating");
        texts.dedup();
        texts
    };
    assert_eq!(ranks(&Bench::new()), ["1", "2", "3"]);
    let by_label = Bench::with(|semantics| semantics.choices_sort_by_label = true);
    assert_eq!(ranks(&by_label), ["2", "1", "3"], "Fair, Good, Poor");
}

#[tokio::test]
async fn the_total_may_be_missing_and_the_next_link_may_stay() {
    let practice = Practice::start().await;
    let path = "table/problem?sysparm_limit=100&sysparm_offset=200";
    let reply = practice.get(path).await;
    assert_eq!(reply.total(), 300);
    assert!(!reply.header("link").expect("links").contains("next"));
    practice.instance.semantics().change(|semantics| {
        semantics.total_count_sent = false;
        semantics.next_link_at_end = true;
    });
    let reply = practice.get(path).await;
    assert_eq!((reply.header("x-total-count"), reply.rows().len()), (None, 100));
    assert!(reply.header("link").expect("links").contains("rel=\"next\""));
}

#[tokio::test]
async fn every_script_value_is_a_violation_wherever_it_stands() {
    let practice = Practice::start().await;
    let log = practice.instance.log();
    for fine in [
        "table/incident?sysparm_limit=1&sysparm_query=nameLIKEjava",
        "table/incident?sysparm_limit=1&sysparm_query=priority=1",
        "stats/incident?sysparm_count=true",
    ] {
        practice.get(fine).await;
    }
    assert!(log.violations().is_empty());
    let bad = [
        "table/incident?sysparm_limit=1&sysparm_query=no_such_column=%20JavaScript:x",
        "table/incident?sysparm_limit=1&sysparm_query=numberINa,javascript:x",
        "table/incident?sysparm_limit=1&number=javascript:x",
        "table/no_such_table?sysparm_query=number=javascript:x",
        "stats/incident?sysparm_count=true&sysparm_query=number!=javascript:x",
        "nonsense?sysparm_query=number=javascript:x",
    ];
    for path in bad {
        practice.get(path).await;
    }
    let found = log.violations();
    assert_eq!(found.len(), bad.len(), "{found:?}");
    assert!(found.iter().all(|entry| {
        entry
            .violation
            .as_deref()
            .is_some_and(|text| text.starts_with("script in a query value"))
    }));
    log.clear();
    let body = serde_json::json!({"rest_requests": [
        {"id": "1", "url": "/api/now/table/incident?sysparm_limit=1&sysparm_query=nope=javascript:x"},
    ]});
    let url = format!("{}/api/now/v1/batch", practice.instance.url());
    let request = practice
        .client
        .post(url)
        .basic_auth(credentials::USERNAME, Some(credentials::PASSWORD))
        .header("Content-Type", "application/json");
    super::send(request.body(body.to_string())).await;
    assert_eq!(log.violations().len(), 1);
}
