//! Every way to sign in, and its refusals.

use super::*;

#[tokio::test]
async fn a_jwt_signs_in_for_either_audience() {
    let client = Client::start().await;
    let good = client
        .grant(&[("grant_type", JWT), ("assertion", &assertion(|_| ()))])
        .await;
    assert_eq!(good.status, 200, "{}", good.body);
    assert_eq!(good.json()["instance_url"], client.org.url());
    assert_eq!(good.json()["token_type"], "Bearer");
    assert!(good.json()["issued_at"].is_string() && good.json()["refresh_token"].is_null());
    let own = client.org.url();
    let own_audience = assertion(|claims| claims["aud"] = json!(own));
    assert_eq!(
        client
            .grant(&[("grant_type", JWT), ("assertion", &own_audience)])
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_jwt_of_another_key_or_with_wrong_claims_is_refused() {
    let client = Client::start().await;
    let now = chrono::Utc::now().timestamp();
    let mut forged = assertion(|_| ());
    forged.replace_range(forged.len() - 20..forged.len() - 10, "AAAAAAAAAA");
    for (token, error, part) in [
        (
            assertion(|claims| claims["exp"] = json!(now - 10)),
            "invalid_grant",
            "expired",
        ),
        (
            assertion(|claims| claims["exp"] = json!(now + 4000)),
            "invalid_grant",
            "expired",
        ),
        (
            assertion(|claims| claims["aud"] = json!("https://example.com")),
            "invalid_grant",
            "audience",
        ),
        (
            assertion(|claims| claims["sub"] = json!("nobody@acme.example")),
            "invalid_grant",
            "approved",
        ),
        (
            assertion(|claims| claims["iss"] = json!("other")),
            "invalid_client_id",
            "client",
        ),
        (forged, "invalid_grant", "assertion"),
        ("no.jwt".to_owned(), "invalid_grant", "assertion"),
    ] {
        let refused = client.grant(&[("grant_type", JWT), ("assertion", &token)]).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"], error);
        assert!(
            refused.json()["error_description"]
                .as_str()
                .unwrap()
                .contains(part),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn the_other_grants_check_their_secrets() {
    let client = Client::start().await;
    let password = format!("{PASSWORD}{SECURITY_TOKEN}");
    let common = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", REFRESH_TOKEN),
        common[0],
    ];
    let by_password = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", &password),
        common[0],
        common[1],
    ];
    assert_eq!(client.grant(&refresh).await.status, 200);
    assert_eq!(client.grant(&by_password).await.status, 200);
    let no_token = [
        ("grant_type", "password"),
        ("username", USERNAME),
        ("password", PASSWORD),
        common[0],
        common[1],
    ];
    assert_eq!(client.grant(&no_token).await.json()["error"], "invalid_grant");
    let old = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "old"),
        common[0],
    ];
    assert_eq!(client.grant(&old).await.json()["error"], "invalid_grant");
    let wrong = [
        ("grant_type", "client_credentials"),
        common[0],
        ("client_secret", "x"),
    ];
    assert_eq!(client.grant(&wrong).await.json()["error"], "invalid_client");
    assert_eq!(
        client.grant(&[("grant_type", "magic")]).await.json()["error"],
        "unsupported_grant_type"
    );
    let request = client
        .http
        .post(format!("{}/services/oauth2/token", client.org.url()));
    let basic = request
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .body("grant_type=client_credentials");
    assert_eq!(read(basic.send().await.unwrap()).await.status, 200);
}

#[tokio::test]
async fn soap_login_gives_a_session_that_rest_accepts() {
    let mut client = Client::start().await;
    let login = |password: String| {
        let body = format!(
            "<env:Envelope xmlns:env=\"e\"><env:Body><n1:login xmlns:n1=\"urn:partner.soap.sforce.com\"><n1:username>{USERNAME}</n1:username><n1:password>{password}</n1:password></n1:login></env:Body></env:Envelope>"
        );
        client
            .http
            .post(format!("{}/services/Soap/u/59.0", client.org.url()))
            .body(body)
    };
    let refused = read(login("wrong".to_owned()).send().await.unwrap()).await;
    assert_eq!(refused.status, 500);
    assert!(
        refused
            .body
            .contains("<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>")
    );
    let good = read(login(format!("{PASSWORD}{SECURITY_TOKEN}")).send().await.unwrap()).await;
    assert_eq!(good.status, 200);
    let session = good
        .body
        .split("<sessionId>")
        .nth(1)
        .and_then(|rest| rest.split('<').next())
        .unwrap();
    assert!(
        good.body
            .contains(&format!("<serverUrl>{}/services/Soap/u/59.0/", client.org.url()))
    );
    client.token = session.to_owned();
    assert_eq!(
        client.query("SELECT COUNT() FROM Account").await.json()["totalSize"],
        500
    );
}

#[tokio::test]
async fn an_expired_token_gets_an_error_array() {
    let mut client = Client::start().await;
    client
        .org
        .semantics()
        .change_faults(|faults| faults.expire_tokens = true);
    let refused = client.query("SELECT Id FROM Account").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (401, "INVALID_SESSION_ID")
    );
    client.sign_in().await;
    assert_eq!(client.query("SELECT Id FROM Account").await.status, 200);
    let versions = client
        .http
        .get(format!("{}/services/data", client.org.url()))
        .send()
        .await
        .unwrap();
    let versions = read(versions).await;
    assert_eq!(
        versions.json().as_array().unwrap().last().unwrap()["version"],
        "67.0"
    );
}
