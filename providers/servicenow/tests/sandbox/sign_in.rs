//! Signing in, and acting as a remote user.

use causeway_core::{Kind, Literal, Op, Principal, Source as _};
use causeway_sandbox::servicenow::{Faults, Semantics, credentials};
use serde_json::json;

use crate::bench::{Bench, context, is, strict};

#[tokio::test]
async fn every_flow_signs_in() {
    let secret = credentials::CLIENT_SECRET;
    let id = credentials::CLIENT_ID;
    let (user, password) = (credentials::USERNAME, credentials::PASSWORD);
    for auth in [
        json!({"flow": "basic", "username": user, "password": password}),
        json!({"flow": "api_key", "key": credentials::API_KEY}),
        json!({"flow": "password", "client_id": id, "client_secret": secret, "username": user, "password": password}),
        json!({"flow": "client_credentials", "client_id": id, "client_secret": secret}),
        json!({"flow": "refresh_token", "client_id": id, "client_secret": secret, "refresh_token": credentials::REFRESH_TOKEN}),
        json!({"flow": "jwt_bearer", "client_id": id, "client_secret": secret, "username": user,
               "private_key": credentials::PRIVATE_KEY_PEM, "key_id": credentials::KEY_ID}),
    ] {
        let bench = Bench::with(Semantics::default(), auth.clone(), json!({})).await;
        let context = strict();
        bench
            .source
            .sign_in(&context)
            .await
            .unwrap_or_else(|error| panic!("{auth}: {error}"));
        let table = bench
            .source
            .table(&context, "incident")
            .await
            .unwrap_or_else(|error| panic!("{auth}: {error}"));
        assert!(table.column("short_description").is_some());
        assert_eq!(bench.source.state().state, "ok");
    }
}

#[tokio::test]
async fn a_refused_sign_in_says_where_the_reason_is() {
    let auth = json!({"flow": "client_credentials", "client_id": credentials::CLIENT_ID, "client_secret": "wrong-word"});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let error = bench.source.sign_in(&strict()).await.expect_err("refused");
    assert_eq!(error.kind, Kind::SignIn);
    assert!(
        error.message.contains("System Log") && !error.message.contains("wrong-word"),
        "{error}"
    );
    let auth = json!({"flow": "basic", "username": credentials::USERNAME, "password": "wrong-word"});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let error = bench
        .source
        .table(&strict(), "incident")
        .await
        .expect_err("refused");
    assert_eq!(error.kind, Kind::SignIn);
    assert!(error.message.contains("restrict basic authentication"), "{error}");
    assert_eq!(bench.data_calls(), 1, "a fixed credential is not tried twice");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.inject(Faults {
        expire_tokens: 1,
        ..Faults::default()
    });
    let rows = bench
        .rows(
            "incident",
            &["number"],
            &[is(0, Op::Eq, Literal::Text("INC0000001".into()))],
        )
        .await;
    assert_eq!(rows.expect("rows").len(), 1);
}

#[tokio::test]
async fn a_remote_user_acts_by_their_own_assertion() {
    let auth = json!({"flow": "jwt_bearer", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET,
        "username": credentials::USERNAME, "private_key": credentials::PRIVATE_KEY_PEM, "key_id": credentials::KEY_ID});
    let bench = Bench::with(Semantics::default(), auth, json!({})).await;
    let principal = Principal {
        user: "ana".to_owned(),
        subjects: [("desk".to_owned(), "ana.lopez".to_owned())].into(),
        ..Principal::default()
    };
    let context = context(principal, false);
    let own = bench
        .rows_as(&context, "customer_account", &["name"], &[])
        .await
        .expect("rows")
        .len();
    let all = bench
        .rows("customer_account", &["name"], &[])
        .await
        .expect("rows")
        .len();
    assert!(0 < own && own < all, "{own} of {all}");
    assert!(
        bench
            .instance
            .log()
            .entries()
            .iter()
            .any(|entry| entry.user.as_deref() == Some("ana.lopez"))
    );
    assert_eq!(
        bench.source.described_tables(&Principal::default()).len(),
        1,
        "schemas are kept per identity"
    );
}
