//! `causeway check`
//!
//! Asks of a configuration what its first user would run into: sign-ins, domains, policies.

use std::path::Path;
use std::sync::Arc;

use causeway_core::{DomainTree, Principal, Source};
use causeway_sql::{Engine, Policy};

use super::Failure;
use crate::config;

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
        match source.sign_in(&context).await {
            Ok(()) => {
                findings.good(&format!(
                    "{name}: signed in to {}{}",
                    source.url(),
                    subject.unwrap_or_default()
                ));
                reader.get_or_insert(context);
            }
            Err(error) => findings.bad(&error.to_string()),
        }
    }
    let Some(context) = reader else {
        return Ok(());
    };
    match source.tables(&context).await {
        Ok(tables) if tables.is_empty() => findings.bad(&format!("{name}: no table is visible")),
        Ok(tables) => {
            let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
            findings.good(&format!("{name}: {} tables: {}", names.len(), names.join(", ")));
        }
        Err(error) => findings.bad(&error.to_string()),
    }
    match source.domains(&context).await {
        Ok(Some(tree)) => check_domains(findings, name, &tree, users),
        Ok(None) => {}
        Err(error) => findings.bad(&error.to_string()),
    }
    Ok(())
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
