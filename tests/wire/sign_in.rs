use std::time::Duration;

use tokio_postgres::NoTls;

use crate::practice::{Practice, failure, texts};

async fn refusal(config: &tokio_postgres::Config) -> (String, String) {
    let error = config.connect(NoTls).await.err().expect("a refusal");
    failure(&error)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_signs_in_and_names_the_person() {
    let practice = Practice::start().await;
    let ana = practice.connect("ana").await;
    assert_eq!(texts(&ana, "SELECT current_user").await, [Some("ana".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_user_look_alike() {
    let practice = Practice::start().await;
    let mut wrong = practice.config("ana");
    wrong.password("practise");
    let unknown = practice.config("nobody");
    for (config, user) in [(wrong, "ana"), (unknown, "nobody")] {
        let message = format!("password authentication failed for user \"{user}\"");
        assert_eq!(refusal(&config).await, ("28P01".to_owned(), message));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_database_does_not_exist() {
    let practice = Practice::start().await;
    let mut config = practice.config("ana");
    config.dbname("postgres");
    let message = "database \"postgres\" does not exist".to_owned();
    assert_eq!(refusal(&config).await, ("3D000".to_owned(), message));
}

#[tokio::test(flavor = "multi_thread")]
async fn start_up_settings_hold_for_the_session() {
    let practice = Practice::start().await;
    let mut config = practice.config("ana");
    config
        .application_name("report 7")
        .options("-c statement_timeout=5s -c causeway.strict=off");
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    assert_eq!(
        texts(&client, "SHOW application_name").await,
        [Some("report 7".to_owned())]
    );
    assert_eq!(
        texts(&client, "SHOW statement_timeout").await,
        [Some("5s".to_owned())]
    );
    assert_eq!(
        texts(&client, "SHOW causeway.strict").await,
        [Some("off".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_up_setting_that_cannot_be_had_refuses_the_connection() {
    let practice = Practice::start().await;
    let mut config = practice.config("ana");
    config.options("-c statement_timeout=soon");
    assert_eq!(refusal(&config).await.0, "22023");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so() {
    let practice = Practice::start_with(Default::default(), |server| server.max_connections = 1).await;
    let first = practice.connect("ana").await;
    let (sqlstate, message) = refusal(&practice.config("ben")).await;
    assert_eq!(sqlstate, "53300", "{message}");
    first.vanish().await;
    let again = async {
        while practice.config("ben").connect(NoTls).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), again)
        .await
        .expect("the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_share_neither_settings_nor_identity() {
    let practice = Practice::start().await;
    let (ana, ben) = (practice.connect("ana").await, practice.connect("ben").await);
    ana.simple_query("SET causeway.max_api_calls = 100; SET search_path = salesforce")
        .await
        .expect("set");
    assert_eq!(
        texts(&ana, "SHOW causeway.max_api_calls").await,
        [Some("100".to_owned())]
    );
    assert_eq!(
        texts(&ben, "SHOW causeway.max_api_calls").await,
        [Some("0".to_owned())]
    );
    let accounts = "SELECT count(*) FROM servicenow.customer_account WHERE name = 'Boxeo'";
    assert_eq!(texts(&ana, accounts).await, [Some("1".to_owned())]);
    assert_eq!(texts(&ben, accounts).await, [Some("0".to_owned())]);
}
