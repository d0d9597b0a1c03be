use std::path::PathBuf;

use super::*;

/// A folder with a configuration, a key and nothing else.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = causeway_sandbox::salesforce::credentials::PRIVATE_KEY_PEM;
        std::fs::write(folder.path().join("sf.pem"), key).expect("a key");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("causeway.toml")
    }

    fn parse(&self, text: &str) -> Result<Config, Problems> {
        let environment = |name: &str| (name == "SN_SECRET").then(|| "hunter2".to_owned());
        parse(&self.file(), text, &environment)
    }

    /// The problems as a user sees them, without the folder.
    fn problems(&self, text: &str) -> Vec<String> {
        let problems = self.parse(text).expect_err("the configuration is wrong");
        let folder = format!("{}/", self.0.path().display());
        problems
            .to_string()
            .replace(&folder, "")
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

const RIGHT: &str = r#"
[server]
listen = "127.0.0.1:6000"
max_connections = 7
statement_timeout_seconds = 30

[sources.salesforce]
kind = "salesforce"
url = "https://acme.my.salesforce.com"
auth = { flow = "jwt_bearer", client_id = "3MVG", username = "reporting@acme.com", private_key_file = "sf.pem" }

[sources.servicenow]
kind = "servicenow"
url = "https://acme.service-now.com"
auth = { flow = "client_credentials", client_id = "id", client_secret = "${SN_SECRET}" }

[[users]]
name = "ana"
password = "${SN_SECRET}"
domain = "TOP/ACME/EMEA"
visible_domains = ["TOP/GLOBEX"]
roles = ["analyst"]
subjects = { salesforce = "ana@acme.com" }

[[users]]
name = "ben"
scram = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

[[policies]]
table = "salesforce.opportunity"
roles = ["analyst"]
rows = "accountid IN (SELECT u_salesforce_account_id FROM servicenow.customer_account)"
deny_columns = ["amount"]
"#;

#[test]
fn the_configuration_of_the_manual_is_read() {
    let config = Folder::new().parse(RIGHT).expect("right");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:6000");
    assert_eq!(config.server.max_connections, 7);
    assert_eq!(
        config.engine.defaults.statement_timeout,
        Some(std::time::Duration::from_secs(30))
    );
    let sources: Vec<_> = config
        .engine
        .sources
        .iter()
        .map(|source| (source.name().as_ref(), source.kind()))
        .collect();
    assert_eq!(
        sources,
        [("salesforce", "salesforce"), ("servicenow", "servicenow")]
    );
    let ana = &config.engine.users[0];
    assert_eq!(
        (ana.user.as_str(), ana.domain.as_deref()),
        ("ana", Some("TOP/ACME/EMEA"))
    );
    assert_eq!(ana.subjects["salesforce"], "ana@acme.com");
    assert_eq!(config.engine.policies[0].deny_columns, ["amount"]);
    let names: Vec<_> = config.credentials.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ana", "ben"]);
}

#[test]
fn a_configuration_prints_no_secret() {
    let printed = format!("{:?}", Folder::new().parse(RIGHT).expect("right"));
    for secret in ["hunter2", "WG5d8oPm", "BEGIN"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn all_problems_are_reported_at_once_with_line_key_and_suggestion() {
    let text = r#"
[server]
lisen = "127.0.0.1:6000"
max_connections = "many"

[sources.salesforce]
kind = "salesforce"
url = "http://acme.my.salesforce.com"
objcts = ["*"]
page_rows = "hunter2"
auth = { flow = "jwt_bearer", client_id = "3MVG", username = "u", private_key_file = "missing.pem" }

[sources.servicenow]
kind = "servicenow"
auth = { flow = "basicc", username = "u", password = "${UNSET_NAME}" }

[sources.erp]
kind = "sales_force"

[[users]]
name = "ana"
password = "hunter2"
pasword = "hunter2"

[[users]]
name = "ana"
scram = "md5hunter2"

[[policies]]
table = "salesforce.opportunity"
rows = "accountid IN ("

[serverr]
"#;
    assert_eq!(
        Folder::new().problems(text),
        [
            "causeway.toml:3: server.lisen: unknown key; did you mean 'listen'?",
            "causeway.toml:4: server.max_connections: expected a whole number that is not negative, found a string",
            "causeway.toml:8: sources.salesforce.url: 'http://acme.my.salesforce.com' is plain http, which is for loopback only; use https",
            "causeway.toml:9: sources.salesforce.objcts: unknown key; did you mean 'objects'?",
            "causeway.toml:10: sources.salesforce.page_rows: expected a whole number that is not negative, found a string",
            "causeway.toml:11: sources.salesforce.auth.private_key_file: cannot read 'missing.pem': No such file or directory (os error 2)",
            "causeway.toml:13: sources.servicenow.url: is missing",
            "causeway.toml:15: sources.servicenow.auth.flow: 'basicc' is not known; did you mean 'basic'?",
            "causeway.toml:15: sources.servicenow.auth.password: environment variable 'UNSET_NAME' is not set",
            "causeway.toml:18: sources.erp.kind: 'sales_force' is not known; did you mean 'salesforce'?",
            "causeway.toml:23: users[1].pasword: unknown key; did you mean 'password'?",
            "causeway.toml:27: users[2].scram: a verifier looks like 'SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>'",
            "causeway.toml:31: policies[1].rows: policy on 'salesforce.opportunity': syntax error at end of input",
            "causeway.toml:33: serverr: unknown key; did you mean 'server'?",
        ]
    );
}

#[test]
fn a_wrong_reserve_is_reported_with_the_other_problems() {
    let salesforce = "kind = \"salesforce\"\nreserve = ";
    for (value, found) in [
        ("\"20\"", ", from \"0%\" to \"99%\""),
        ("\"120%\"", ", from \"0%\" to \"99%\""),
        ("\"abc\"", ", from \"0%\" to \"99%\""),
        ("20", ", found a whole number"),
    ] {
        let text = RIGHT
            .replacen(
                "kind = \"salesforce\"",
                &format!("{salesforce}{value}\npage_rowss = 1"),
                1,
            )
            .replacen(
                "kind = \"servicenow\"",
                "kind = \"servicenow\"\nreserve = \"20%\"",
                1,
            );
        assert_eq!(
            Folder::new().problems(&text),
            [
                format!("causeway.toml:9: sources.salesforce.reserve: expected a share of the calls such as \"20%\"{found}"),
                "causeway.toml:10: sources.salesforce.page_rowss: unknown key; did you mean 'page_rows'?".to_owned(),
                "causeway.toml:16: sources.servicenow.reserve: a servicenow instance does not tell how many calls are left, \
                 so none can be kept in reserve; limit them by 'calls_per_second'"
                    .to_owned(),
            ]
        );
    }
    let right = RIGHT.replacen("kind = \"salesforce\"", &format!("{salesforce}\"20%\""), 1);
    assert!(Folder::new().parse(&right).is_ok());
}

/// The only problem of `RIGHT` with `from` replaced by `to`.
fn problem_of(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    let problems = Folder::new().problems(&RIGHT.replacen(from, to, 1));
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap_or_default()
}

/// Asserts that each text, replaced by the second, is the third's problem and no other.
fn assert_problems(mistakes: &[(&str, &str, &str)]) {
    for (from, to, expected) in mistakes {
        assert_eq!(problem_of(from, to), *expected);
    }
}

#[test]
fn a_mistake_about_the_server_has_its_message() {
    assert_problems(&[
        (
            "\"127.0.0.1:6000\"",
            "\"localhost\"",
            "causeway.toml:3: server.listen: 'localhost' is no address; write it as '127.0.0.1:5433' or '[::1]:5433'",
        ),
        (
            "max_connections = 7",
            "max_connections = 0",
            "causeway.toml:4: server.max_connections: is 0; at least one client must be able to connect",
        ),
        (
            "max_connections = 7",
            "tls = { cert_file = \"sf.pem\" }",
            "causeway.toml:4: server.tls.key_file: is missing",
        ),
        (
            "max_connections = 7",
            "tls = { cert_file = \"sf.pem\", key_file = \"sf.pem\" }",
            "causeway.toml:4: server.tls: cert_file 'sf.pem': there is no certificate in it",
        ),
    ]);
}

#[test]
fn a_mistake_about_a_source_has_its_message() {
    assert_problems(&[
        (
            "https://acme.my.salesforce.com",
            "ftp://acme",
            "causeway.toml:9: sources.salesforce.url: 'ftp://acme' has the scheme 'ftp'; use https",
        ),
        (
            "https://acme.my.salesforce.com",
            "acme",
            "causeway.toml:9: sources.salesforce.url: 'acme' is not a url: relative URL without a base",
        ),
        (
            "kind = \"salesforce\"",
            "kind = \"salesforce\"\napi_version = \"12.0\"",
            "causeway.toml:9: sources.salesforce.api_version: api_version '12.0' is too old; use '58.0' or later",
        ),
        (
            "kind = \"salesforce\"",
            "",
            "causeway.toml:7: sources.salesforce.kind: is missing",
        ),
        (
            "username = \"reporting@acme.com\", ",
            "",
            "causeway.toml:10: sources.salesforce.auth.username: is missing",
        ),
        (
            "[sources.servicenow]",
            "[sources.public]",
            "causeway.toml:12: sources.public: a source's name is an SQL schema: lower-case letters, digits and '_', and none of PostgreSQL's own",
        ),
        (
            "\"${SN_SECRET}\" }",
            "\"${SN_SECRET\" }",
            "causeway.toml:15: sources.servicenow.auth.client_secret: '${' has no '}'; write '$${' for the characters themselves",
        ),
    ]);
}

#[test]
fn a_mistake_about_people_and_policies_has_its_message() {
    assert_problems(&[
        (
            "name = \"ben\"",
            "name = \"ana\"",
            "causeway.toml:26: users[2].name: user 'ana' is there twice",
        ),
        (
            "password = \"${SN_SECRET}\"",
            "",
            "causeway.toml:17: users[1].password: is missing; give a password, or a verifier as scram",
        ),
        (
            "password = \"${SN_SECRET}\"",
            "password = \"\"",
            "causeway.toml:19: users[1].password: is empty",
        ),
        (
            "password = \"${SN_SECRET}\"",
            "password = 5",
            "causeway.toml:19: users[1].password: expected a string, found a whole number",
        ),
        (
            "subjects = { salesforce",
            "subjects = { salesforcee",
            "causeway.toml:23: users[1].subjects: there is no source 'salesforcee'; did you mean 'salesforce'?",
        ),
        (
            "table = \"salesforce.opportunity\"",
            "table = \"salesfrce.opportunity\"",
            "causeway.toml:30: policies[1].table: there is no source 'salesfrce'; did you mean 'salesforce'?",
        ),
        (
            "table = \"salesforce.opportunity\"",
            "table = \"opportunity\"",
            "causeway.toml:30: policies[1].table: policy table 'opportunity' must be 'schema.table' (wildcards * and ?)",
        ),
        (
            "deny_columns = [\"amount\"]",
            "deny_columns = \"amount\"",
            "causeway.toml:33: policies[1].deny_columns: expected an array, found a string",
        ),
    ]);
}

#[test]
fn what_must_be_there_is_named() {
    assert_eq!(
        Folder::new().problems(""),
        [
            "causeway.toml:1: sources: there is no source; add a section such as [sources.salesforce]",
            "causeway.toml:1: users: there is no user, so nobody could sign in; add a [[users]] section",
        ]
    );
}

#[test]
fn a_syntax_error_has_its_line() {
    let problems = Folder::new().problems(&RIGHT.replacen("max_connections = 7", "max_connections = ", 1));
    assert!(
        problems[0].starts_with("causeway.toml:4: not valid TOML: "),
        "{problems:#?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_without_a_line() {
    let folder = Folder::new();
    let problems = load(&folder.file()).expect_err("missing");
    assert_eq!(
        problems.to_string(),
        format!(
            "{}: cannot read the file: No such file or directory (os error 2)",
            folder.file().display()
        )
    );
}

#[test]
fn views_are_read() {
    let text = format!(
        "{RIGHT}\n[views]\nmy_pipeline = \"SELECT name FROM views.open_opportunities\"\nwork_queue = 'SELECT 1 AS one'\n"
    );
    let config = Folder::new().parse(&text).expect("right");
    let names: Vec<_> = config
        .engine
        .views
        .iter()
        .map(|view| view.name.as_str())
        .collect();
    assert_eq!(names, ["my_pipeline", "work_queue"]);
    causeway_sql::Engine::try_new(config.engine).expect("an engine with these views");
}

#[test]
fn what_is_wrong_with_views_is_reported_with_line_and_key() {
    let views = r#"
[views]
cut = "SELECT name FROM"
deletes = "DELETE FROM salesforce.account"
inserts = "WITH gone AS (DELETE FROM salesforce.account RETURNING id) SELECT 1"
two = "SELECT 1; SELECT 2"
"Big Name" = "SELECT 1"
number = 5
parameter = "SELECT $1"
catalog = "SELECT relname FROM pg_class"
here = "SELECT * FROM views.there"
there = "SELECT * FROM (SELECT * FROM views.here) AS h"
itself = "SELECT * FROM views.itself"
right = "SELECT * FROM views.here, views.account_360, views.not_known_before_use"
"#;
    let lines = RIGHT.lines().count();
    let at = |line: usize, rest: &str| format!("causeway.toml:{}: {rest}", lines + line);
    assert_eq!(
        Folder::new().problems(&format!("{RIGHT}{views}")),
        [
            at(3, "views.cut: syntax error at end of input"),
            at(4, "views.deletes: only a query can be a view"),
            at(5, "views.inserts: a view cannot change data"),
            at(6, "views.two: exactly one query is expected"),
            at(
                7,
                "views.Big Name: a view's name has lower-case letters, digits and '_' only"
            ),
            at(8, "views.number: expected a string with a query"),
            at(9, "views.parameter: there is no parameter $1"),
            at(10, "views.catalog: a view cannot read PostgreSQL's catalog"),
            at(
                11,
                "views.here: infinite recursion detected in the definition of view \"here\""
            ),
            at(
                12,
                "views.there: infinite recursion detected in the definition of view \"there\""
            ),
            at(
                13,
                "views.itself: infinite recursion detected in the definition of view \"itself\""
            ),
        ]
    );
    let twice = format!("{RIGHT}\n[views]\na = \"SELECT 1\"\na = \"SELECT 2\"\n");
    let problems = Folder::new().problems(&twice);
    assert!(
        problems.len() == 1
            && problems[0].starts_with(&format!(
                "causeway.toml:{}: not valid TOML: duplicate key",
                lines + 4
            )),
        "{problems:#?}"
    );
}

#[test]
fn roles_have_ceilings_and_sources_ages() {
    let text = RIGHT.replacen(
        "kind = \"servicenow\"",
        "kind = \"servicenow\"\ncache = \"5min\"",
        1,
    );
    let config = Folder::new().parse(&format!("{text}\n[roles.analyst]\nmax_api_calls = 50\n"));
    let engine = config.expect("a right configuration").engine;
    assert_eq!(engine.ceilings.get("analyst"), Some(&50));
    let ages: Vec<(&str, u64)> = engine
        .cache_ages
        .iter()
        .map(|(source, age)| (source.as_str(), age.as_secs()))
        .collect();
    assert_eq!(ages, [("servicenow", 300)]);
}

#[test]
fn ceilings_that_bind_nobody_and_ages_without_a_unit_are_reported() {
    let text = RIGHT.replacen(
        "kind = \"servicenow\"",
        "kind = \"servicenow\"\ncache = \"soon\"",
        1,
    );
    let problems = Folder::new().problems(&format!(
        "{text}\n[roles.analist]\nmax_api_calls = 50\n\n[roles.analyst]\nmax_api_calls = 0\n"
    ));
    for wanted in [
        "sources.servicenow.cache: expected a duration such as \"30s\" or \"5min\"",
        "roles.analist: no user has the role 'analist'; did you mean 'analyst'?",
        "roles.analyst.max_api_calls: 0 would allow nothing; leave the section out for no limit",
    ] {
        let found = problems.iter().any(|problem| problem.ends_with(wanted));
        assert!(found, "no '{wanted}' in {problems:#?}");
    }
}

#[test]
fn calls_are_remembered_for_a_day_or_as_long_as_it_says() {
    let kept = |line: &str| {
        let text = RIGHT.replacen("max_connections = 7", line, 1);
        Folder::new()
            .parse(&text)
            .expect("right")
            .engine
            .ledger
            .kept_for()
    };
    let hours = |hours: u64| std::time::Duration::from_secs(hours * 3600);
    assert_eq!(kept("max_connections = 7"), hours(24));
    assert_eq!(kept("history_hours = 6"), hours(6));
    assert_eq!(kept("history_hours = 0"), hours(0), "no limit by age");
}
