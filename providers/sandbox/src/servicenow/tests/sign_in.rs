//! Signing in: every grant, every refusal, TLS.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{Practice, Reply, send};
use crate::Options;
use crate::servicenow::{Faults, Instance, Semantics, credentials};

const CLIENT: [(&str, &str); 2] = [
    ("client_id", credentials::CLIENT_ID),
    ("client_secret", credentials::CLIENT_SECRET),
];

fn assertion(claims: &Value, kid: &str) -> String {
    let key = EncodingKey::from_rsa_pem(credentials::PRIVATE_KEY_PEM.as_bytes()).expect("our key");
    let header = Header {
        kid: Some(kid.to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    jsonwebtoken::encode(&header, claims, &key).expect("a signature")
}

fn claims(jti: &str) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": credentials::CLIENT_ID, "aud": credentials::CLIENT_ID, "sub": credentials::USERNAME,
        "iat": now, "exp": now + 300, "jti": jti,
    })
}

async fn exchange(practice: &Practice, assertion: &str) -> Reply {
    practice
        .token(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("client_id", credentials::CLIENT_ID),
            ("client_secret", credentials::CLIENT_SECRET),
            ("assertion", assertion),
        ])
        .await
}

fn assert_refused(reply: &Reply) {
    assert_eq!(reply.status, 401, "{}", reply.text);
    assert_eq!(
        reply.json(),
        json!({"error_description": "access_denied", "error": "server_error"})
    );
}

async fn bearer(practice: &Practice, token: &str) -> u16 {
    let url = format!(
        "{}/api/now/table/incident?sysparm_limit=1",
        practice.instance.url()
    );
    send(practice.client.get(url).bearer_auth(token)).await.status
}

#[tokio::test]
async fn every_grant_gives_a_token_that_works() {
    let practice = Practice::start().await;
    let grants: [&[(&str, &str)]; 3] = [
        &[
            ("grant_type", "password"),
            ("username", credentials::USERNAME),
            ("password", credentials::PASSWORD),
        ],
        &[("grant_type", "client_credentials")],
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", credentials::REFRESH_TOKEN),
        ],
    ];
    for grant in grants {
        let reply = practice.token(&[grant, &CLIENT].concat()).await;
        assert_eq!(reply.status, 200, "{grant:?}: {}", reply.text);
        assert_eq!(reply.json()["token_type"], "Bearer");
        assert_eq!(
            bearer(&practice, reply.json()["access_token"].as_str().expect("a token")).await,
            200
        );
    }
    let reply = exchange(&practice, &assertion(&claims("1"), credentials::KEY_ID)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(bearer(&practice, "made-up").await, 401);
}

#[tokio::test]
async fn an_assertion_is_verified_and_good_for_one_exchange() {
    let practice = Practice::start().await;
    let once = assertion(&claims("once"), credentials::KEY_ID);
    assert_eq!(exchange(&practice, &once).await.status, 200);
    assert_refused(&exchange(&practice, &once).await);
    assert_refused(&exchange(&practice, &assertion(&claims("2"), "another-map")).await);
    for (name, value) in [
        ("iss", json!("someone")),
        ("aud", json!("elsewhere")),
        ("sub", json!("nobody")),
        ("sub", json!("locked.out")),
        ("exp", json!(chrono::Utc::now().timestamp() - 3_600)),
        ("jti", Value::Null),
    ] {
        let mut wrong = claims(name);
        wrong[name] = value;
        assert_refused(&exchange(&practice, &assertion(&wrong, credentials::KEY_ID)).await);
    }
    let mut tampered = assertion(&claims("3"), credentials::KEY_ID);
    let at = tampered.len() - 10..tampered.len() - 9;
    let other = if &tampered[at.clone()] == "A" { "B" } else { "A" };
    tampered.replace_range(at, other);
    assert_refused(&exchange(&practice, &tampered).await);
}

#[tokio::test]
async fn the_audience_may_be_the_token_endpoint() {
    let practice = Practice::start().await;
    let mut endpoint = claims("endpoint");
    endpoint["aud"] = json!(format!("{}/oauth_token.do", practice.instance.url()));
    assert_eq!(
        exchange(&practice, &assertion(&endpoint, credentials::KEY_ID))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_live_token_is_given_again_with_its_remaining_life() {
    let practice = Practice::with(Semantics {
        token_seconds: 2,
        ..Semantics::default()
    })
    .await;
    let grant = [&[("grant_type", "client_credentials")][..], &CLIENT].concat();
    let first = practice.token(&grant).await.json();
    let second = practice.token(&grant).await.json();
    assert_eq!(first["access_token"], second["access_token"]);
    assert!(second["expires_in"].as_u64() <= first["expires_in"].as_u64());
    let renewed =
        async { while practice.token(&grant).await.json()["access_token"] == first["access_token"] {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), renewed)
        .await
        .expect("another token, once the first has expired");
    assert_eq!(
        bearer(&practice, first["access_token"].as_str().expect("a token")).await,
        401
    );
}

#[tokio::test]
async fn every_refusal_looks_the_same() {
    let practice = Practice::start().await;
    assert_refused(&practice.token(&[("grant_type", "client_credentials")]).await);
    assert_refused(
        &practice
            .token(
                &[
                    &[
                        ("grant_type", "password"),
                        ("username", "admin"),
                        ("password", "x"),
                    ][..],
                    &CLIENT,
                ]
                .concat(),
            )
            .await,
    );
    assert_refused(
        &practice
            .token(
                &[
                    &[("grant_type", "refresh_token"), ("refresh_token", "x")][..],
                    &CLIENT,
                ]
                .concat(),
            )
            .await,
    );
    assert_refused(
        &practice
            .token(&[&[("grant_type", "magic")][..], &CLIENT].concat())
            .await,
    );
    let body = json!({"grant_type": "client_credentials", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET});
    let request = practice
        .client
        .post(format!("{}/oauth_token.do", practice.instance.url()));
    assert_refused(
        &send(
            request
                .header("Content-Type", "application/json")
                .body(body.to_string()),
        )
        .await,
    );
}

#[tokio::test]
async fn an_issued_refresh_token_refreshes() {
    let practice = Practice::start().await;
    let grant = [
        ("grant_type", "password"),
        ("username", "ana.lopez"),
        ("password", credentials::OTHER_PASSWORD),
    ];
    let first = practice.token(&[&grant[..], &CLIENT].concat()).await.json();
    practice.instance.semantics().inject(Faults {
        expire_tokens: 1,
        ..Faults::default()
    });
    assert_eq!(
        bearer(&practice, first["access_token"].as_str().expect("a token")).await,
        401
    );
    let refresh = first["refresh_token"]
        .as_str()
        .expect("a refresh token")
        .to_owned();
    let again = practice
        .token(
            &[
                &[("grant_type", "refresh_token"), ("refresh_token", &refresh)][..],
                &CLIENT,
            ]
            .concat(),
        )
        .await;
    assert_eq!(
        bearer(&practice, again.json()["access_token"].as_str().expect("a token")).await,
        200
    );
    assert_eq!(
        practice
            .instance
            .log()
            .entries()
            .last()
            .and_then(|entry| entry.user.clone())
            .as_deref(),
        Some("ana.lopez")
    );
}

#[tokio::test]
async fn calls_without_a_credential_get_the_documented_401() {
    let practice = Practice::start().await;
    let url = format!(
        "{}/api/now/table/incident?sysparm_limit=1",
        practice.instance.url()
    );
    let reply = send(practice.client.get(&url)).await;
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.json(),
        json!({"error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}, "status": "failure"})
    );
    assert_eq!(
        practice.get_as("admin", "wrong", "table/incident").await.status,
        401
    );
    assert_eq!(
        practice
            .get_as("locked.out", credentials::OTHER_PASSWORD, "table/incident")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn an_api_key_signs_in_and_is_a_violation_in_the_url() {
    let practice = Practice::start().await;
    let url = format!(
        "{}/api/now/table/incident?sysparm_limit=1",
        practice.instance.url()
    );
    assert_eq!(
        send(
            practice
                .client
                .get(&url)
                .header("x-sn-apikey", credentials::API_KEY)
        )
        .await
        .status,
        200
    );
    assert_eq!(
        send(practice.client.get(&url).header("x-sn-apikey", "x"))
            .await
            .status,
        401
    );
    assert_eq!(
        send(
            practice
                .client
                .get(format!("{url}&x-sn-apikey={}", credentials::API_KEY))
        )
        .await
        .status,
        200
    );
    let entries = practice.instance.log().entries();
    assert_eq!(entries[0].violation, None);
    assert_eq!(entries[2].violation.as_deref(), Some("credential in the URL"));
    assert!(
        entries
            .iter()
            .all(|entry| !entry.parameters.contains(credentials::API_KEY))
    );
}

#[tokio::test]
async fn https_uses_the_certificate_that_the_instance_shows() {
    let options = Options {
        tls: true,
        ..Options::default()
    };
    let instance = Instance::start(options, Semantics::default())
        .await
        .expect("a free port");
    let certificate = instance.certificate_pem().expect("a certificate");
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder()
        .tls_certs_only([root])
        .build()
        .expect("a client");
    let url = format!("{}/api/now/table/incident?sysparm_limit=1", instance.url());
    let reply = send(
        client
            .get(url)
            .basic_auth(credentials::USERNAME, Some(credentials::PASSWORD)),
    )
    .await;
    assert_eq!(reply.status, 200);
    assert!(reply.text.contains(&format!("{}/api/now/table/", instance.url())));
}

#[tokio::test]
async fn only_loopback_is_served_and_dropping_stops_it() {
    let outside = Options {
        listen: ([0, 0, 0, 0], 0).into(),
        ..Options::default()
    };
    let error = Instance::start(outside, Semantics::default())
        .await
        .expect_err("not loopback");
    assert_eq!(error.to_string(), "listen address '0.0.0.0:0' is not loopback");
    let instance = Instance::start(Options::default(), Semantics::default())
        .await
        .expect("a free port");
    let url = instance.url();
    drop(instance);
    let client = reqwest::Client::new();
    let refused = async {
        while !client
            .get(&url)
            .send()
            .await
            .is_err_and(|error| error.is_connect())
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), refused)
        .await
        .expect("nobody listens any more");
}
