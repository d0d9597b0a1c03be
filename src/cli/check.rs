//! `causeway check`
//!
//! Asks of a configuration what its first user would run into: sign-ins, domains, policies.

use std::path::Path;
use std::sync::Arc;

use causeway_core::{DomainTree, Finding, Principal, QueryContext, Source, TableName};
use causeway_sql::{Engine, Policy};

use super::Failure;
use crate::config;

/// Tables of a source that are named; real orgs have thousands.
const SHOWN_TABLES: usize = 30;

/// Counts what is wrong, one line per finding.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn good(&self, message: &str) {
        println!("ok     {message}");
    }

    fn bad(&mut self, message: &str) {
        self.wrong += 1;
        println!("wrong  {message}");
    }
}

pub(super) async fn run(path: &Path) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            problems
                .to_string()
                .lines()
                .for_each(|problem| findings.bad(problem));
            return Err(Failure::Printed);
        }
    };
    let (users, policies) = (config.engine.users.clone(), config.engine.policies.clone());
    findings.good(&format!(
        "{}: {} sources, {} users, {} policies",
        path.display(),
        config.engine.sources.len(),
        users.len(),
        policies.len()
    ));
    let engine = Engine::try_new(config.engine)?;
    for source in engine.sources() {
        check_source(&mut findings, &engine, source, &users).await?;
    }
    check_policies(&mut findings, &engine, &users, &policies).await?;
    if findings.wrong > 0 {
        Err(Failure::Printed)
    } else {
        Ok(())
    }
}

async fn check_source(
    findings: &mut Findings,
    engine: &Engine,
    source: &Arc<dyn Source>,
    users: &[Arc<Principal>],
) -> Result<(), Failure> {
    let name = source.name();
    // Everyone with a remote identity of their own signs in; the others all do as the first of them does.
    let mut has_shared = false;
    let mut signs_in = |user: &&Arc<Principal>| {
        let is_own = user.subjects.contains_key(name.as_ref());
        is_own || !std::mem::replace(&mut has_shared, true)
    };
    let mut reader = None;
    for user in users.iter().filter(|user| signs_in(user)) {
        let context = engine.query_context(&user.user)?;
        let subject = user
            .subjects
            .get(name.as_ref())
            .map(|subject| format!(" as {subject}"));
        let who = format!(
            "{name}: signed in to {}{}",
            source.url(),
            subject.clone().unwrap_or_default()
        );
        match sign_in(source, &context).await {
            Ok(tables) if tables.is_empty() => findings.bad(&format!("{who}, but no table is visible")),
            Ok(tables) => {
                findings.good(&format!("{who}: {} tables: {}", tables.len(), listed(&tables)));
                check_trust(findings, source, &context, subject.as_deref()).await;
                reader.get_or_insert(context);
            }
            Err(error) => findings.bad(&error.to_string()),
        }
    }
    let Some(context) = reader else {
        return Ok(());
    };
    match source.domains(&context).await {
        Ok(Some(tree)) => check_domains(findings, name, &tree, users),
        Ok(None) => {}
        Err(error) => findings.bad(&error.to_string()),
    }
    Ok(())
}

/// Probes what the source does with conditions, sorts and counts for this identity, and says what follows from it.
async fn check_trust(
    findings: &mut Findings,
    source: &Arc<dyn Source>,
    context: &QueryContext,
    subject: Option<&str>,
) {
    if let Err(error) = source.probe(context).await {
        findings.bad(&error.to_string());
    }
    let (name, subject) = (source.name(), subject.unwrap_or_default());
    for finding in source.findings(&context.principal) {
        let Finding {
            name: what,
            value,
            meaning,
            ..
        } = finding;
        findings.good(&format!("{name}{subject}: {what}: {value} ({meaning})"));
    }
}

/// Signs in and lists the tables: some flows send their credential with the first call only.
async fn sign_in(
    source: &Arc<dyn Source>,
    context: &QueryContext,
) -> Result<Arc<Vec<TableName>>, causeway_core::Error> {
    source.sign_in(context).await?;
    source.tables(context).await
}

fn listed(tables: &[TableName]) -> String {
    let names: Vec<&str> = tables
        .iter()
        .map(|table| table.name.as_str())
        .take(SHOWN_TABLES)
        .collect();
    match tables.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

fn check_domains(findings: &mut Findings, source: &str, tree: &DomainTree, users: &[Arc<Principal>]) {
    for user in users {
        for wanted in user.domain.iter().chain(&user.visible_domains) {
            match tree.find(wanted) {
                Ok(id) => {
                    let count = tree.subtree(id).len();
                    findings.good(&format!(
                        "{source}: user '{}' sees {count} domains by '{wanted}'",
                        user.user
                    ));
                }
                Err(reason) => findings.bad(&format!("{source}: user '{}': {reason}", user.user)),
            }
        }
    }
}

/// Plans a query over every table that a policy names, as each user whom it binds.
async fn check_policies(
    findings: &mut Findings,
    engine: &Engine,
    users: &[Arc<Principal>],
    policies: &[Policy],
) -> Result<(), Failure> {
    for policy in policies
        .iter()
        .filter(|policy| !policy.table.contains(['*', '?']))
    {
        let binds = |user: &&Arc<Principal>| {
            policy.roles.is_empty() || policy.roles.iter().any(|role| user.roles.contains(role))
        };
        for user in users.iter().filter(binds) {
            let session = engine.session(&user.user).await?;
            // EXPLAIN plans all the way to the remote queries and makes no data call.
            let planned = session
                .sql(&format!("EXPLAIN SELECT * FROM {}", policy.table))
                .await;
            let who = format!("policy on {} for user '{}'", policy.table, user.user);
            match planned {
                Ok(_) => findings.good(&who),
                Err(error) => findings.bad(&format!("{who}: {}", error.message)),
            }
        }
    }
    Ok(())
}
