//! Query pages, describe, limits, composite, single records.

use super::*;

#[tokio::test]
async fn pages_follow_the_batch_size_to_the_last_row() {
    let client = Client::start().await;
    let mut answer = client
        .get_with(
            &format!(
                "/services/data/v62.0/query?{}",
                form(&[("q", "SELECT Id FROM Opportunity")])
            ),
            &[("Sforce-Query-Options", "batchSize=1000")],
        )
        .await
        .json();
    let mut ids = std::collections::HashSet::new();
    let mut pages = 1;
    loop {
        assert_eq!(answer["totalSize"], 6000);
        for record in answer["records"].as_array().unwrap() {
            ids.insert(record["Id"].as_str().unwrap().to_owned());
        }
        let Some(next) = answer["nextRecordsUrl"].as_str() else {
            break;
        };
        assert_eq!(answer["done"], false);
        answer = client
            .get_with(next, &[("Sforce-Query-Options", "batchSize=1000")])
            .await
            .json();
        pages += 1;
    }
    assert_eq!((ids.len(), pages, &answer["done"]), (6000, 6, &json!(true)));
    let bad = client.get("/query/01g000000000000AAA-2000").await;
    assert_eq!((bad.status, bad.code().as_str()), (400, "INVALID_QUERY_LOCATOR"));
}

#[tokio::test]
async fn wide_selections_shrink_pages() {
    let client = Client::start().await;
    let rows = |answer: &Answer| answer.json()["records"].as_array().unwrap().len();
    let long = client
        .query("SELECT acme__Long__c, acme__Rich__c FROM acme__Everything__c")
        .await;
    assert_eq!(rows(&long), 200);
    let binary = client.query("SELECT Id, Body FROM Attachment").await;
    assert_eq!(rows(&binary), 1);
    let body = binary.json()["records"][0]["Body"].as_str().unwrap().to_owned();
    assert!(
        body.starts_with("/services/data/v62.0/sobjects/Attachment/00P"),
        "{body}"
    );
    assert_eq!(
        client.get_with(&body, &[]).await.header("content-type"),
        "application/octet-stream"
    );
    client
        .org
        .semantics()
        .change_faults(|faults| faults.shrink_pages = true);
    let first = client.query("SELECT Id FROM Opportunity").await;
    assert_eq!(
        (rows(&first), first.json()["totalSize"].as_u64()),
        (1, Some(6000))
    );
    let offset = client
        .query("SELECT Id FROM Opportunity LIMIT 3000 OFFSET 1000")
        .await
        .json();
    assert!(offset["nextRecordsUrl"].is_null());
}

#[tokio::test]
async fn describe_is_conditional_and_case_insensitive() {
    let client = Client::start().await;
    let first = client.get("/sobjects/oPPortunity/describe").await;
    assert_eq!(first.json()["name"], "Opportunity");
    let modified = first.header("last-modified").to_owned();
    let path = "/services/data/v62.0/sobjects/Opportunity/describe";
    let again = client.get_with(path, &[("If-Modified-Since", &modified)]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    client.org.semantics().change_semantics(|semantics| {
        semantics.hidden_fields.push(HiddenField {
            user: USERNAME.to_owned(),
            object: "Opportunity".to_owned(),
            field: "Amount".to_owned(),
        });
    });
    let changed = client.get_with(path, &[("If-Modified-Since", &modified)]).await;
    assert_eq!(changed.status, 200);
    assert!(!changed.body.contains("\"Amount\""));
    assert_eq!(
        client.query("SELECT Amount FROM Opportunity").await.code(),
        "INVALID_FIELD"
    );
    let global = client.get("/sobjects").await.json();
    assert_eq!(global["sobjects"][0]["name"], "Account");
    assert!(
        global["sobjects"]
            .as_array()
            .unwrap()
            .iter()
            .any(|object| object["name"] == "acme__Everything__c")
    );
    let unknown = client.get("/sobjects/Nope/describe").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "NOT_FOUND"));
    assert_eq!(
        client.get("/sobjects/Account").await.json()["objectDescribe"]["name"],
        "Account"
    );
}

#[tokio::test]
async fn calls_count_down_the_daily_limit() {
    let client = Client::start().await;
    client
        .org
        .semantics()
        .change_semantics(|semantics| semantics.daily_api_requests = 5);
    let first = client.get("/limits").await;
    assert_eq!(first.header("sforce-limit-info"), "api-usage=1/5");
    assert_eq!(
        first.json()["DailyApiRequests"],
        json!({ "Max": 5, "Remaining": 4 })
    );
    let batch = json!({ "batchRequests": [
        { "method": "GET", "url": "v62.0/query?q=SELECT+COUNT()+FROM+Account" },
        { "method": "GET", "url": "/services/data/v62.0/sobjects/Account/describe" },
        { "method": "GET", "url": "v62.0/query?q=SELECT+Nope+FROM+Account" },
    ] });
    let answer = client.post("/composite/batch", &batch).await;
    assert_eq!(answer.header("sforce-limit-info"), "api-usage=4/5");
    let answer = answer.json();
    assert_eq!(answer["hasErrors"], true);
    assert_eq!(answer["results"][0]["result"]["totalSize"], 500);
    assert_eq!(answer["results"][1]["result"]["name"], "Account");
    assert_eq!(
        (
            &answer["results"][2]["statusCode"],
            &answer["results"][2]["result"][0]["errorCode"]
        ),
        (&json!(400), &json!("INVALID_FIELD"))
    );
    assert_eq!(client.get("/limits").await.status, 200);
    let over = client.get("/limits").await;
    assert_eq!(
        (over.status, over.code().as_str()),
        (403, "REQUEST_LIMIT_EXCEEDED")
    );
}

#[tokio::test]
async fn composite_counts_once_and_passes_headers() {
    let client = Client::start().await;
    let modified = client
        .get("/sobjects/Account/describe")
        .await
        .header("last-modified")
        .to_owned();
    let request = json!({ "compositeRequest": [
        { "method": "GET", "url": "/services/data/v62.0/query?q=SELECT+Id+FROM+XYZZY", "referenceId": "bad" },
        { "method": "GET", "url": "/services/data/v62.0/sobjects/Account/describe", "referenceId": "old", "httpHeaders": { "If-Modified-Since": modified } },
    ] });
    let answer = client.post("/composite", &request).await;
    assert_eq!(answer.header("sforce-limit-info"), "api-usage=2/100000");
    let answer = answer.json();
    assert_eq!(answer["compositeResponse"][0]["httpStatusCode"], 400);
    assert_eq!(
        answer["compositeResponse"][0]["body"][0]["errorCode"],
        "INVALID_TYPE"
    );
    assert_eq!(
        (
            &answer["compositeResponse"][1]["httpStatusCode"],
            &answer["compositeResponse"][1]["body"]
        ),
        (&json!(304), &Json::Null)
    );
    let entry = client.org.log().entries().pop().unwrap();
    assert_eq!(entry.remote_query.as_deref(), Some("SELECT Id FROM XYZZY"));
}

#[tokio::test]
async fn single_records_counts_and_plans_are_served() {
    let client = Client::start().await;
    let boxeo = crate::world::salesforce_id("001", 0);
    let record = client.get(&format!("/sobjects/Account/{boxeo}")).await.json();
    assert_eq!(record["Name"], "Boxeo");
    assert!(record["BillingAddress"]["city"].is_string() && record["Fax"].is_null());
    assert_eq!(
        client
            .get(&format!(
                "/sobjects/Account/{}",
                crate::world::salesforce_id("001", 505)
            ))
            .await
            .code(),
        "ENTITY_IS_DELETED"
    );
    assert_eq!(client.get("/sobjects/Account/nonsense").await.status, 404);
    let counts = client
        .get("/limits/recordCount?sObjects=Account,Opportunity")
        .await
        .json();
    assert_eq!(counts["sObjects"].as_array().unwrap().len(), 2);
    let plan = client.get("/query?explain=SELECT+Id+FROM+Account").await.json();
    assert_eq!(plan["plans"][0]["leadingOperationType"], "TableScan");
    let everything = client
        .get(&format!(
            "/queryAll?{}",
            form(&[("q", "SELECT COUNT() FROM Account")])
        ))
        .await
        .json();
    assert_eq!(everything["totalSize"], 510);
    assert_eq!(client.get("/nowhere").await.code(), "NOT_FOUND");
    assert_eq!(
        client.query("SELECT Id FROM Account WHERE").await.code(),
        "MALFORMED_QUERY"
    );
}
