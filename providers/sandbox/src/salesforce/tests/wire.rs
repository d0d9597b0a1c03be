//! Faults, log, compression, TLS, limits of size, life of the server.

use super::*;

#[tokio::test]
async fn long_addresses_are_refused_with_html_but_pass_in_a_batch() {
    let client = Client::start().await;
    let ids: Vec<String> = (0..900)
        .map(|row| format!("'{}'", crate::world::salesforce_id("001", row)))
        .collect();
    let soql = format!("SELECT Id FROM Account WHERE Id IN ({})", ids.join(","));
    let refused = client.query(&soql).await;
    assert_eq!(refused.status, 414);
    assert!(refused.body.contains("<h1>Bad Message 414</h1>"));
    let long_header = "x".repeat(16_300);
    let headers = client
        .get_with("/services/data/v62.0/limits", &[("X-Long", &long_header)])
        .await;
    assert_eq!(headers.status, 431);
    let url = format!("v62.0/query?{}", form(&[("q", &soql)]));
    let answer = client
        .post(
            "/composite/batch",
            &json!({ "batchRequests": [{ "method": "GET", "url": url }] }),
        )
        .await
        .json();
    assert_eq!(answer["results"][0]["result"]["totalSize"], 500);
}

#[tokio::test]
async fn faults_happen_as_often_as_asked() {
    let client = Client::start().await;
    let soql = "SELECT Id, Name FROM Account";
    let switches = client.org.semantics().clone();
    switches.change_faults(|faults| {
        faults.unavailable = 1;
        faults.throttled = 1;
        faults.retry_after_seconds = Some(3);
        faults.request_limit_exceeded = 1;
        faults.html_body = 1;
        faults.not_json = 1;
    });
    assert_eq!(client.query(soql).await.status, 503);
    let throttled = client.query(soql).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, "3"));
    assert_eq!(client.query(soql).await.code(), "REQUEST_LIMIT_EXCEEDED");
    let html = client.query(soql).await;
    assert_eq!(
        (html.status, html.header("content-type")),
        (200, "text/html;charset=UTF-8")
    );
    assert!(serde_json::from_str::<Json>(&client.query(soql).await.body).is_err());
    switches.change_faults(|faults| faults.cut_body = 1);
    let url = format!(
        "{}/services/data/v62.0/query?{}",
        client.org.url(),
        form(&[("q", soql)])
    );
    let cut = client.http.get(&url).bearer_auth(&client.token).send().await;
    let whole = match cut {
        Ok(response) => response.bytes().await.is_ok(),
        Err(_) => false,
    };
    assert!(!whole);
}

#[tokio::test]
async fn rows_can_be_lost_changed_and_led_away() {
    let client = Client::start().await;
    let soql = "SELECT Id, Name FROM Account";
    let switches = client.org.semantics().clone();
    switches.change_faults(|faults| {
        faults.drop_row = 1;
        faults.wrong_value = Some("Name".to_owned());
        faults.foreign_next_url = Some("https://evil.example".to_owned());
    });
    let short = client.query(soql).await.json();
    assert_eq!(
        (
            short["totalSize"].as_u64(),
            short["records"].as_array().unwrap().len()
        ),
        (Some(500), 499)
    );
    assert_eq!(short["records"][0]["Name"], "abc");
    let next = client.query("SELECT Id FROM Opportunity").await.json();
    assert!(
        next["nextRecordsUrl"]
            .as_str()
            .unwrap()
            .starts_with("https://evil.example/services/")
    );
}

#[tokio::test]
async fn tokens_and_locators_can_expire_between_pages() {
    let mut client = Client::start().await;
    let switches = client.org.semantics().clone();
    switches.change_faults(|faults| faults.expire_tokens_after_pages = Some(1));
    let first = client.query("SELECT Id FROM Opportunity").await.json();
    let second = client
        .get_with(first["nextRecordsUrl"].as_str().unwrap(), &[])
        .await
        .json();
    let third = client
        .get_with(second["nextRecordsUrl"].as_str().unwrap(), &[])
        .await;
    assert_eq!(third.code(), "INVALID_SESSION_ID");
    client.sign_in().await;
    let third = client
        .get_with(second["nextRecordsUrl"].as_str().unwrap(), &[])
        .await;
    assert_eq!(third.json()["done"], true);
    switches.change_faults(|faults| faults.invalid_locator = 1);
    assert_eq!(
        client
            .get_with(first["nextRecordsUrl"].as_str().unwrap(), &[])
            .await
            .code(),
        "INVALID_QUERY_LOCATOR"
    );
}

#[tokio::test]
async fn an_answer_can_be_slow() {
    let client = Client::start().await;
    let switches = client.org.semantics().clone();
    switches.change_faults(|faults| faults.slow = Duration::from_millis(120));
    let started = Instant::now();
    let _ = client.query("SELECT COUNT() FROM Account").await;
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn the_log_keeps_queries_and_no_credentials() {
    let client = Client::start().await;
    client.org.log().clear();
    let _ = client.query("SELECT Id FROM Account WHERE Name = 'Boxeo'").await;
    let _ = client.grant(&client_credentials()).await;
    let entries = client.org.log().entries();
    let entry = &entries[0];
    assert_eq!(
        entry.remote_query.as_deref(),
        Some("SELECT Id FROM Account WHERE Name = 'Boxeo'")
    );
    assert_eq!((entry.status, entry.rows, entry.method.as_str()), (200, 3, "GET"));
    assert_eq!(
        (entry.path.as_str(), entry.user.as_deref()),
        ("/services/data/v62.0/query", Some(USERNAME))
    );
    assert!(entry.bytes > 0);
    assert_eq!(client.org.log().data_calls().len(), 1);
    assert!(!serde_json::to_string(&entries).unwrap().contains(CLIENT_SECRET));
}

#[tokio::test]
async fn a_statement_that_does_not_parse_is_a_violation_wherever_it_stands() {
    let client = Client::start().await;
    let _ = client.query("SELECT Id FROM Account WHERE Name = 'Boxeo'").await;
    assert!(client.org.log().violations().is_empty());
    assert_eq!(
        client
            .query("SELECT Id FROM Account WHERE Name = 'O'Brien'")
            .await
            .status,
        400
    );
    let url = format!("v62.0/query?{}", form(&[("q", "SELECT Id FROM Account WHERE")]));
    let _ = client
        .post(
            "/composite/batch",
            &json!({ "batchRequests": [{ "method": "GET", "url": url }] }),
        )
        .await;
    let violations = client.org.log().violations();
    assert_eq!(violations.len(), 2);
    for entry in violations {
        let message = entry.violation.unwrap();
        assert!(message.starts_with("statement does not parse: "), "{message}");
    }
}

#[tokio::test]
async fn statuses_of_time_outs_and_lost_cursors_are_switches() {
    let client = Client::start().await;
    for status in [400, 500] {
        client.org.semantics().change_semantics(|semantics| {
            semantics.query_timeout_status = status;
            semantics.invalid_locator_status = status;
        });
        client
            .org
            .semantics()
            .change_faults(|faults| faults.query_timeout = 1);
        let late = client.query("SELECT Id FROM Account").await;
        assert_eq!((late.status, late.code().as_str()), (status, "QUERY_TIMEOUT"));
        let lost = client.get("/query/01gxx0000000000AAA-2000").await;
        assert_eq!(
            (lost.status, lost.code().as_str()),
            (status, "INVALID_QUERY_LOCATOR")
        );
    }
}

#[tokio::test]
async fn gzip_is_used_when_asked_for() {
    let client = Client::start().await;
    let url = format!(
        "{}/services/data/v62.0/query?{}",
        client.org.url(),
        form(&[("q", "SELECT Id, Name FROM Account")])
    );
    let plain = reqwest::Client::builder().no_gzip().build().unwrap();
    let request = |http: &reqwest::Client| http.get(&url).bearer_auth(&client.token);
    let raw = request(&plain)
        .header("Accept-Encoding", "gzip")
        .send()
        .await
        .unwrap();
    assert_eq!(raw.headers().get("content-encoding").unwrap(), "gzip");
    assert!(raw.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
    let whole = request(&plain).send().await.unwrap();
    assert!(whole.headers().get("content-encoding").is_none());
    let unpacked = read(request(&client.http).send().await.unwrap()).await;
    assert_eq!(unpacked.json()["totalSize"], 500);
}

#[tokio::test]
async fn https_is_served_with_the_given_certificate() {
    let org = Org::start(
        Options {
            tls: true,
            ..Options::default()
        },
        Semantics::default(),
    )
    .await
    .unwrap();
    let pem = org.certificate_pem().unwrap();
    let certificate = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .build()
        .unwrap();
    let answer = read(
        http.get(format!("{}/services/data", org.url()))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert!(org.url().starts_with("https://127.0.0.1:"));
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn dropping_the_org_stops_the_server() {
    let client = Client::start().await;
    let Client { org, http, .. } = client;
    let url = format!("{}/services/data", org.url());
    drop(org);
    for _ in 0..50 {
        if http.get(&url).send().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the server still answers");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let listen = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let error = Org::start(
        Options {
            listen,
            ..Options::default()
        },
        Semantics::default(),
    )
    .await
    .unwrap_err();
    assert!(error.to_string().contains("loopback only"), "{error}");
}
