//! The Table API: shapes, errors, paging, access.

use std::collections::HashSet;

use serde_json::json;

use super::{Practice, send};
use crate::servicenow::{Access, ChoiceAccess, RateRule, Semantics, credentials};
use crate::world::World;

#[tokio::test]
async fn accounts_are_those_of_the_world() {
    let practice = Practice::start().await;
    let world = World::new(42, 1);
    let boxeo = world.account(0);
    let fields = "sys_id,name,u_salesforce_account_id,sys_domain";
    let reply = practice
        .read(
            "customer_account",
            &[
                ("sysparm_query", &format!("sys_id={}", boxeo.sys_id)),
                ("sysparm_fields", fields),
                ("sysparm_exclude_reference_link", "true"),
            ],
        )
        .await;
    assert_eq!(
        reply.rows(),
        vec![json!({
            "sys_id": boxeo.sys_id, "name": "Boxeo", "u_salesforce_account_id": boxeo.salesforce_id,
            "sys_domain": world.domain_id(boxeo.domain),
        })]
    );
    let all = practice
        .read(
            "customer_account",
            &[("sysparm_fields", "u_salesforce_account_id")],
        )
        .await;
    let known: HashSet<String> = (0..world.accounts())
        .map(|index| world.account(index).salesforce_id)
        .collect();
    let ids = all.column("u_salesforce_account_id");
    assert_eq!(ids.len(), 500);
    assert!(ids.iter().filter(|id| known.contains(*id)).count() > 300);
    assert!(ids.iter().any(String::is_empty));
    assert!(ids.iter().any(|id| id.len() == 18 && !known.contains(id)));
}

#[tokio::test]
async fn references_take_the_shape_that_was_asked_for() {
    let practice = Practice::start().await;
    let shapes = |display: &'static str, plain: &'static str| {
        let practice = &practice;
        async move {
            let parameters = [
                ("sysparm_query", "number=INC0000003"),
                ("sysparm_fields", "company,parent,priority,company.name"),
                ("sysparm_display_value", display),
                ("sysparm_exclude_reference_link", plain),
            ];
            practice.read("incident", &parameters).await.rows().remove(0)
        }
    };
    let raw = shapes("false", "false").await;
    let id = raw["company"]["value"].as_str().expect("a key").to_owned();
    let link = format!("{}/api/now/table/core_company/{id}", practice.instance.url());
    let name = raw["company.name"].as_str().expect("a name").to_owned();
    assert_eq!(raw["company"], json!({"link": link, "value": id}));
    assert_eq!(raw["parent"], "");
    let plain = shapes("false", "true").await;
    assert_eq!(plain["company"], json!(id));
    let displayed = shapes("true", "false").await;
    assert_eq!(displayed["company"], json!({"display_value": name, "link": link}));
    assert_eq!(shapes("true", "true").await["company"], json!(name));
    let all = shapes("all", "false").await;
    assert_eq!(
        all["company"],
        json!({"display_value": name, "link": link, "value": id})
    );
    assert_eq!(all["parent"], json!({"display_value": "", "value": ""}));
    let priority = raw["priority"].as_str().expect("a choice");
    let label = all["priority"]["display_value"].as_str().expect("a label");
    assert!(label.starts_with(&format!("{priority} - ")), "{label}");
}

#[tokio::test]
async fn every_scalar_is_a_string_and_display_dates_are_in_the_users_zone() {
    let practice = Practice::start().await;
    let reply = practice
        .read(
            "incident",
            &[
                ("sysparm_limit", "50"),
                ("sysparm_exclude_reference_link", "true"),
            ],
        )
        .await;
    assert!(reply.rows().iter().all(|row| {
        row.as_object()
            .expect("a row")
            .values()
            .all(|value| value.is_string())
    }));
    let query = [
        ("sysparm_query", "number=INC0000003"),
        ("sysparm_fields", "opened_at"),
        ("sysparm_display_value", "all"),
    ];
    let opened = practice.read("incident", &query).await.rows().remove(0)["opened_at"].clone();
    let read = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect("a time");
    let difference =
        read(opened["value"].as_str().expect("raw")) - read(opened["display_value"].as_str().expect("shown"));
    assert_eq!(difference.num_minutes(), 420);
}

#[tokio::test]
async fn unknown_fields_are_left_out_silently() {
    let practice = Practice::start().await;
    let reply = practice
        .read(
            "incident",
            &[
                ("sysparm_limit", "1"),
                ("sysparm_fields", "number,nope,caller_id.nope,u_retired_code"),
            ],
        )
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.rows()[0]
            .as_object()
            .expect("a row")
            .keys()
            .collect::<Vec<_>>(),
        ["number"]
    );
}

#[tokio::test]
async fn a_single_record_is_an_object_and_a_missing_one_404() {
    let practice = Practice::start().await;
    let id = practice
        .read(
            "incident",
            &[("sysparm_limit", "1"), ("sysparm_fields", "sys_id")],
        )
        .await
        .column("sys_id")
        .remove(0);
    let reply = practice
        .get(&format!("v2/table/incident/{id}?sysparm_fields=sys_id"))
        .await;
    assert_eq!(reply.json(), json!({"result": {"sys_id": id}}));
    assert_eq!(practice.get(&format!("table/task/{id}")).await.status, 200);
    let missing = practice.get(&format!("table/problem/{id}")).await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["error"]["message"], "No Record found");
}

#[tokio::test]
async fn errors_have_the_documented_bodies() {
    let practice = Practice::start().await;
    let reply = practice.get("table/foo").await;
    assert_eq!(
        (reply.status, reply.json()),
        (
            400,
            json!({"error": {"message": "Invalid table foo", "detail": null}, "status": "failure"})
        )
    );
    let reply = practice.get("tables/incident").await;
    assert_eq!(
        (reply.status, reply.json()["error"]["message"].clone()),
        (400, json!("Requested URI does not represent any resource"))
    );
    for bad in ["0", "-1", "many"] {
        let reply = practice.get(&format!("table/incident?sysparm_limit={bad}")).await;
        assert_eq!(
            (reply.status, reply.json()["error"]["message"].clone()),
            (400, json!("Invalid value given for sysparm_limit"))
        );
    }
    assert_eq!(practice.get("table/incident?sysparm_offset=-1").await.status, 400);
    let url = format!("{}/api/now/table/incident", practice.instance.url());
    let user = |request: reqwest::RequestBuilder| {
        request.basic_auth(credentials::USERNAME, Some(credentials::PASSWORD))
    };
    assert_eq!(
        send(user(practice.client.get(&url)).header("Accept", "text/html"))
            .await
            .status,
        406
    );
    assert_eq!(
        send(user(practice.client.post(&url)).body("{}")).await.status,
        405
    );
}

#[tokio::test]
async fn v1_answers_404_for_an_empty_list_and_v2_an_empty_list() {
    let practice = Practice::start().await;
    for (path, status) in [
        ("v1/table/u_empty", 404),
        ("v2/table/u_empty", 200),
        ("table/u_empty", 200),
    ] {
        assert_eq!(practice.get(path).await.status, status, "{path}");
    }
    assert_eq!(practice.get("table/u_empty").await.json(), json!({"result": []}));
}

#[tokio::test]
async fn total_and_links_describe_the_pages() {
    let practice = Practice::start().await;
    let reply = practice
        .get("table/problem?sysparm_limit=100&sysparm_offset=100&sysparm_query=ORDERBYsys_id")
        .await;
    assert_eq!(reply.total(), 300);
    let base = format!(
        "{}/api/now/table/problem?sysparm_limit=100&sysparm_query=ORDERBYsys_id&sysparm_offset=",
        practice.instance.url()
    );
    assert_eq!(
        reply.header("link"),
        Some(format!("<{base}0>;rel=\"first\",<{base}0>;rel=\"prev\",<{base}200>;rel=\"next\",<{base}200>;rel=\"last\"").as_str())
    );
    let last = practice
        .get("table/problem?sysparm_limit=100&sysparm_offset=200")
        .await;
    assert!(!last.header("link").expect("links").contains("next"));
    let bare = practice
        .get("table/problem?sysparm_limit=1&sysparm_no_count=true&sysparm_suppress_pagination_header=true")
        .await;
    assert_eq!((bare.header("x-total-count"), bare.header("link")), (None, None));
}

#[tokio::test]
async fn keyset_pages_cover_a_parent_table_once() {
    let practice = Practice::start().await;
    let total = practice.get("table/task?sysparm_limit=1").await.total();
    let (mut seen, mut last) = (HashSet::new(), String::new());
    loop {
        let query = format!("sys_id>{last}^ORDERBYsys_id");
        let page = practice
            .read(
                "task",
                &[
                    ("sysparm_query", &query),
                    ("sysparm_limit", "1500"),
                    ("sysparm_fields", "sys_id"),
                    ("sysparm_no_count", "true"),
                ],
            )
            .await;
        let ids = page.column("sys_id");
        let Some(end) = ids.last() else { break };
        assert!(ids.is_sorted() && *ids[0] > *last);
        last.clone_from(end);
        seen.extend(ids);
    }
    assert_eq!(seen.len(), total);
    assert_eq!(total, 100 + 5_000 + 300 + 600 + 1_200 + 800);
}

#[tokio::test]
async fn without_an_order_rows_are_not_in_key_order_and_pages_may_overlap() {
    let practice = Practice::start().await;
    let page = |offset: usize| {
        let practice = &practice;
        async move {
            practice
                .get(&format!(
                    "table/problem?sysparm_fields=sys_id&sysparm_limit=50&sysparm_offset={offset}"
                ))
                .await
                .column("sys_id")
        }
    };
    assert!(!page(0).await.is_sorted());
    let (first, second) = (page(0).await, page(50).await);
    assert!(first.iter().all(|id| !second.contains(id)));
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.pages_overlap = true);
    let (first, second) = (page(0).await, page(50).await);
    assert!(first.iter().any(|id| second.contains(id)));
}

#[tokio::test]
async fn row_acls_apply_after_the_limit_and_not_to_the_total() {
    let practice = Practice::start().await;
    practice.instance.semantics().change(|semantics| {
        semantics.row_acl.insert("problem".to_owned(), 3);
    });
    let reply = practice
        .get("table/problem?sysparm_limit=100&sysparm_query=ORDERBYsys_id")
        .await;
    assert_eq!(reply.total(), 300);
    let rows = reply.rows().len();
    assert!((40..95).contains(&rows), "{rows}");
    practice.instance.semantics().change(|semantics| {
        semantics.row_acl.insert("problem".to_owned(), 1);
    });
    let reply = practice.get("table/problem?sysparm_limit=100").await;
    assert_eq!((reply.rows().len(), reply.total()), (0, 300));
}

#[tokio::test]
async fn hidden_fields_are_missing_keys() {
    let practice = Practice::start().await;
    practice.instance.semantics().change(|semantics| {
        semantics
            .hidden_fields
            .insert(("task".to_owned(), "priority".to_owned()));
    });
    let reply = practice
        .get("table/incident?sysparm_limit=1&sysparm_fields=number,priority")
        .await;
    assert_eq!(reply.rows()[0].as_object().expect("a row").len(), 1);
    let whole = practice.get("table/incident?sysparm_limit=1").await;
    assert!(whole.rows()[0].get("priority").is_none());
}

#[tokio::test]
async fn a_user_sees_their_domain_its_descendants_and_global() {
    let practice = Practice::start().await;
    let path = "table/customer_account?sysparm_fields=sys_domain.name,sys_domain&sysparm_exclude_reference_link=true";
    let all: HashSet<String> = practice
        .get(path)
        .await
        .column("sys_domain.name")
        .into_iter()
        .collect();
    assert!(all.contains("APAC") && all.contains("TOP"));
    let ana = practice
        .get_as("ana.lopez", credentials::OTHER_PASSWORD, path)
        .await;
    let names: HashSet<String> = ana.column("sys_domain.name").into_iter().collect();
    assert_eq!(
        names,
        HashSet::from(["EMEA", "Iberia", "DACH", ""].map(str::to_owned))
    );
    assert!(ana.column("sys_domain").contains(&"global".to_owned()));
    assert_eq!(ana.total(), ana.rows().len());
    let bypass = practice
        .get_as(
            "ana.lopez",
            credentials::OTHER_PASSWORD,
            &format!("{path}&sysparm_query_no_domain=true"),
        )
        .await;
    assert_eq!(bypass.total(), ana.total());
}

#[tokio::test]
async fn a_user_without_roles_gets_zero_rows_or_403() {
    let practice = Practice::start().await;
    let guest = async |path: &str| {
        practice
            .get_as("guest.visitor", credentials::OTHER_PASSWORD, path)
            .await
    };
    let reply = guest("v2/table/incident?sysparm_limit=10").await;
    assert_eq!((reply.status, reply.rows().len(), reply.total()), (200, 0, 5_000));
    let reply = guest("table/sys_db_object").await;
    assert_eq!(
        (reply.status, reply.json()["error"]["message"].clone()),
        (403, json!("Insufficient rights to query records"))
    );
    assert_eq!(guest("stats/incident?sysparm_count=true").await.status, 403);
}

#[tokio::test]
async fn access_to_metadata_can_be_taken_away() {
    let practice = Practice::start().await;
    assert!(
        practice
            .get("table/sys_dictionary?sysparm_limit=5")
            .await
            .rows()
            .len()
            == 5
    );
    practice.instance.semantics().change(|semantics| {
        semantics.dictionary_access = Access::EmptyForNonAdmin;
        semantics.choice_access = ChoiceAccess::LabelOnly;
    });
    assert!(practice.get("table/sys_dictionary").await.rows().is_empty());
    let admin = practice
        .get_as(
            "admin",
            credentials::OTHER_PASSWORD,
            "table/sys_dictionary?sysparm_limit=5",
        )
        .await;
    assert_eq!(admin.rows().len(), 5);
    let labels = practice
        .get("table/sys_choice?sysparm_limit=1")
        .await
        .rows()
        .remove(0);
    assert_eq!(
        labels.as_object().expect("a row").keys().collect::<Vec<_>>(),
        ["label"]
    );
    let filtered = practice.get("table/sys_choice?sysparm_query=name=incident").await;
    assert_eq!(filtered.status, 403);
    assert_eq!(
        filtered.json()["error"]["detail"],
        "Field(s) present in the query do not have permission to be read"
    );
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.dictionary_access = Access::Forbidden);
    assert_eq!(practice.get("table/sys_dictionary").await.status, 403);
}

#[tokio::test]
async fn the_dictionary_has_inherited_columns_under_their_own_table_only() {
    let practice = Practice::start().await;
    let columns = async |table: &str| {
        practice
            .read(
                "sys_dictionary",
                &[
                    ("sysparm_query", &format!("name={table}^elementISNOTEMPTY")),
                    ("sysparm_fields", "element"),
                ],
            )
            .await
            .column("element")
    };
    assert!(columns("incident").await.contains(&"caller_id".to_owned()));
    assert!(
        !columns("incident")
            .await
            .contains(&"short_description".to_owned())
    );
    assert!(columns("task").await.contains(&"short_description".to_owned()));
    let collection = practice
        .read(
            "sys_dictionary",
            &[
                ("sysparm_query", "name=incident^elementISEMPTY"),
                ("sysparm_fields", "internal_type,element"),
                ("sysparm_exclude_reference_link", "true"),
            ],
        )
        .await;
    assert_eq!(
        collection.rows(),
        vec![json!({"internal_type": "collection", "element": ""})]
    );
    let parent = practice
        .read(
            "sys_db_object",
            &[
                ("sysparm_query", "name=incident"),
                ("sysparm_fields", "super_class.name"),
            ],
        )
        .await;
    assert_eq!(parent.column("super_class.name"), ["task"]);
    let scalar = practice
        .read(
            "sys_dictionary",
            &[
                ("sysparm_query", "name=task^element=due_date"),
                ("sysparm_fields", "internal_type.scalar_type"),
            ],
        )
        .await;
    assert_eq!(scalar.column("internal_type.scalar_type"), ["datetime"]);
}

#[tokio::test]
async fn urls_over_the_limit_get_html() {
    let practice = Practice::start().await;
    let long = format!("table/incident?sysparm_query=number={}", "x".repeat(8_200));
    let reply = practice.get(&long).await;
    assert_eq!(reply.status, 414);
    assert!(reply.text.starts_with("<html>"));
    practice
        .instance
        .semantics()
        .change(|semantics| semantics.long_url_status = 400);
    let reply = practice.get(&long).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("Request header is too large"));
}

#[tokio::test]
async fn a_rate_rule_counts_and_then_refuses() {
    let rule = Some(RateRule { requests_per_hour: 2 });
    let practice = Practice::with(Semantics {
        rate_rule: rule,
        ..Semantics::default()
    })
    .await;
    let first = practice.get("table/problem?sysparm_limit=1").await;
    assert_eq!(
        (first.status, first.header("x-ratelimit-limit")),
        (200, Some("2"))
    );
    assert!(first.header("x-ratelimit-reset").is_some() && first.header("x-ratelimit-rule").is_some());
    practice.get("table/problem?sysparm_limit=1").await;
    let third = practice.get("table/problem?sysparm_limit=1").await;
    assert_eq!(third.status, 429);
    assert!(third.header("retry-after").is_some());
}

#[tokio::test]
async fn bodies_are_compressed_only_when_asked() {
    let practice = Practice::start().await;
    let url = format!(
        "{}/api/now/table/incident?sysparm_limit=100",
        practice.instance.url()
    );
    let plain = reqwest::Client::builder().no_gzip().build().expect("a client");
    let sized = async |request: reqwest::RequestBuilder| {
        let response = request
            .basic_auth(credentials::USERNAME, Some(credentials::PASSWORD))
            .send()
            .await
            .expect("an answer");
        (
            response.headers().get("content-encoding").cloned(),
            response.bytes().await.expect("a body").len(),
        )
    };
    let (encoding, whole) = sized(plain.get(&url)).await;
    assert_eq!(encoding, None);
    let (encoding, zipped) = sized(plain.get(&url).header("Accept-Encoding", "gzip")).await;
    assert_eq!(encoding.expect("an encoding"), "gzip");
    assert!(zipped * 3 < whole);
    assert_eq!(
        practice
            .get("table/incident?sysparm_limit=100")
            .await
            .rows()
            .len(),
        100
    );
}

#[tokio::test]
async fn the_log_tells_what_was_asked() {
    let practice = Practice::start().await;
    practice
        .read(
            "incident",
            &[
                ("sysparm_query", "priority=1^ORDERBYsys_id"),
                ("sysparm_limit", "3"),
            ],
        )
        .await;
    let entry = practice.instance.log().entries().remove(0);
    assert_eq!(
        (
            entry.method.as_str(),
            entry.path.as_str(),
            entry.status,
            entry.rows
        ),
        ("GET", "/api/now/v2/table/incident", 200, 3)
    );
    assert_eq!(entry.remote_query.as_deref(), Some("priority=1^ORDERBYsys_id"));
    assert_eq!(entry.parameters, "sysparm_limit=3");
    assert_eq!(entry.user.as_deref(), Some(credentials::USERNAME));
    assert!(entry.bytes > 100);
}
