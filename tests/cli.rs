//! The command line: what is printed, and exit codes.

use std::process::{Command, Output};

use crate::practice::Practice;

/// Runs the program to its end. The practice orgs that it may ask are served by the other threads.
fn causeway(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command
        .args(arguments)
        .env("RUST_LOG", "off")
        .env_remove("CAUSEWAY_CONFIG");
    tokio::task::block_in_place(|| command.output()).expect("the program runs")
}

/// Exit code, stdout and stderr of `causeway query` as `user`.
fn query(practice: &Practice, user: &str, format: &str, sql: &str) -> (Option<i32>, String, String) {
    let config = practice.folder.path().join("causeway.toml");
    let config = config.to_str().expect("a path");
    let output = causeway(&[
        "query", "--config", config, "--user", user, "--format", format, sql,
    ]);
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const ACCOUNT: &str = "SELECT name, 7 AS n, name = 'Boxeo' AS ok, NULL AS nothing \
                       FROM servicenow.customer_account WHERE name = 'Boxeo'";

#[tokio::test(flavor = "multi_thread")]
async fn query_prints_each_format() {
    let practice = Practice::start().await;
    for (format, expected) in [
        ("csv", "name,n,ok,nothing\nBoxeo,7,t,\n"),
        (
            "json",
            "{\"name\":\"Boxeo\",\"n\":7,\"ok\":true,\"nothing\":null}\n",
        ),
        (
            "table",
            " name  | n | ok | nothing\n-------+---+----+---------\n Boxeo | 7 | t  |\n(1 row)\n",
        ),
    ] {
        let (code, stdout, stderr) = query(&practice, "ana", format, ACCOUNT);
        assert_eq!((code, stdout.as_str()), (Some(0), expected), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_answers_as_the_named_user() {
    let practice = Practice::start().await;
    let (code, stdout, _) = query(&practice, "ben", "csv", ACCOUNT);
    assert_eq!((code, stdout.as_str()), (Some(0), "name,n,ok,nothing\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_query_says_why_and_exits_with_1() {
    let practice = Practice::start().await;
    let (code, stdout, stderr) = query(
        &practice,
        "ana",
        "table",
        "SELECT nme FROM servicenow.customer_account",
    );
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.starts_with("ERROR:  ") && stderr.contains("SQLSTATE:  42703"),
        "{stderr}"
    );
    let (code, _, stderr) = query(&practice, "nobody", "table", "SELECT 1");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("user \"nobody\" does not exist"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_users_need_a_choice() {
    let practice = Practice::start().await;
    let config = practice.folder.path().join("causeway.toml");
    let output = causeway(&["query", "--config", config.to_str().expect("a path"), "SELECT 1"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("say who asks with --user (one of ana, ben, admin)"),
        "{stderr}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_what_is_right_and_what_is_wrong() {
    let practice = Practice::start().await;
    let path = practice.folder.path().join("causeway.toml");
    let config = path.to_str().expect("a path");
    let output = causeway(&["check", "--config", config]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", text(&output.stderr));
    assert!(stdout.lines().all(|line| line.starts_with("ok     ")), "{stdout}");
    for wanted in [
        "salesforce: signed in",
        "servicenow: signed in",
        "opportunity",
        "customer_account",
        "TOP/ACME/EMEA",
        "servicenow: date-time literals: utc (ranges of date-times are sent as they are)",
    ] {
        assert!(stdout.contains(wanted), "{wanted} in {stdout}");
    }
    let right = std::fs::read_to_string(&path).expect("readable");
    for (from, to, wanted) in [
        (
            "TOP/ACME/EMEA",
            "TOP/ACME/EMAE",
            "domain 'TOP/ACME/EMAE' does not exist",
        ),
        (
            "accountid IN",
            "acountid IN",
            "policy on salesforce.opportunity for user 'ana'",
        ),
        (
            "username = \"causeway.reader\"",
            "username = \"causeway.writer\"",
            "servicenow",
        ),
        (
            "kind = \"salesforce\"",
            "knd = \"salesforce\"",
            "sources.salesforce.kind: is missing",
        ),
    ] {
        std::fs::write(&path, right.replacen(from, to, 1)).expect("writable");
        let output = causeway(&["check", "--config", config]);
        let stdout = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{stdout}");
        let found = stdout
            .lines()
            .any(|line| line.starts_with("wrong  ") && line.contains(wanted));
        assert!(found, "{wanted} in {stdout}");
    }
}

#[test]
fn a_wrong_configuration_is_explained_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("causeway.toml");
    std::fs::write(&path, "[server]\nlisen = 1\n").expect("writable");
    let path = path.to_str().expect("a path");
    let output = causeway(&["serve", "--config", path]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains(":2: server.lisen: unknown key; did you mean 'listen'?"),
        "{stderr}"
    );
}

#[test]
fn wrong_usage_exits_with_2_and_help_shows_examples() {
    assert_eq!(causeway(&["qurey"]).status.code(), Some(2));
    assert_eq!(causeway(&["query", "SELECT 1"]).status.code(), Some(2));
    let help = causeway(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let stdout = text(&help.stdout);
    for command in ["demo", "serve", "query", "check", "sandbox"] {
        assert!(stdout.contains(&format!("\n  {command} ")), "{stdout}");
    }
    assert!(
        stdout.contains("causeway query --config causeway.toml"),
        "{stdout}"
    );
}

#[test]
fn the_demo_shows_rows_calls_and_a_psql_command() {
    let output = causeway(&["demo", "--once", "--listen", "127.0.0.1:0"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}{}", text(&output.stderr));
    for wanted in [
        "Boxeo - Ring renewal",
        "(4 rows)",
        "(0 rows)",
        "WHERE IsClosed = FALSE AND AccountId = ",
        "user=ana password=practice dbname=causeway",
    ] {
        assert!(stdout.contains(wanted), "{wanted} in {stdout}");
    }
}
