//! What one rule does to the plan of a statement: the plan before and after it, or why it fails.
//!
//! Invariant: the rules before it have run, those after it accept what it made, and the schema stays.

use std::fmt;
use std::sync::{Arc, LazyLock};

use causeway_core::{Ledger, Principal, QueryContext, Source};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{Analyzer, Optimizer};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, displayable};
use regex::Regex;

use super::fake_source::{Abilities, FakeSource};
use super::order::Named;
use super::{analyzer_rules, install, logical_rules, physical_rules};
use crate::catalog::views::{Kept, listing::Listed, plan::Planner};
use crate::catalog::{Person, Scope};
use crate::policy::asked_by;
use crate::session::states::session_config;
use crate::settings::{Settings, SharedSettings};
use crate::{Engine, EngineConfig, Policy, Pushdown};

/// Who asks, of which systems.
#[derive(Debug, Default)]
pub(super) struct Setting {
    pub(super) abilities: Abilities,
    pub(super) pushdown: Pushdown,
    pub(super) policies: Vec<Policy>,
}

/// A plan before and after a rule.
#[derive(Debug)]
pub(super) struct BeforeAfter {
    before: String,
    after: Result<String, String>,
}

impl fmt::Display for BeforeAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            Ok(after) if *after == self.before => write!(f, "unchanged\n{after}"),
            Ok(after) => write!(f, "before\n{}after\n{after}", self.before),
            Err(error) => write!(f, "before\n{}error\n{error}\n", self.before),
        }
    }
}

impl BeforeAfter {
    /// Fails unless it reads so. Indentation that all lines of `expected` share doesn't count.
    #[track_caller]
    pub(super) fn is(&self, expected: &str) {
        let lines = || expected.lines().skip(1).filter(|line| !line.trim().is_empty());
        let margin = lines().map(|line| line.len() - line.trim_start().len()).min();
        let expected: String = lines()
            .map(|line| format!("{}\n", &line[margin.unwrap_or_default()..]))
            .collect();
        let actual = self.to_string();
        assert!(actual == expected, "expected\n{expected}\nbut it is\n{actual}");
    }
}

impl Setting {
    pub(super) fn with(abilities: Abilities) -> Self {
        Self {
            abilities,
            ..Self::default()
        }
    }

    /// Adds a policy that lets rows through that meet a condition.
    pub(super) fn policy(mut self, table: &str, rows: &str) -> Self {
        self.policies.push(Policy {
            table: table.to_owned(),
            rows: Some(rows.to_owned()),
            ..Policy::default()
        });
        self
    }

    /// Adds a policy that shows NULL for a column.
    pub(super) fn mask(mut self, table: &str, column: &str) -> Self {
        self.policies.push(Policy {
            table: table.to_owned(),
            mask_columns: [(column.to_owned(), "NULL".to_owned())].into(),
            ..Policy::default()
        });
        self
    }

    pub(super) fn pushdown(mut self, pushdown: Pushdown) -> Self {
        self.pushdown = pushdown;
        self
    }

    /// What a rule over physical plans does.
    pub(super) async fn physical(self, rule: &str, sql: &str) -> BeforeAfter {
        let state = self.state();
        let rules = physical_rules(PhysicalOptimizer::new().rules).expect("a list");
        let at = position(&rules, rule);
        let until = SessionStateBuilder::new_from_existing(state.clone())
            .with_physical_optimizer_rules(rules[..at].to_vec())
            .build();
        let logical = state.create_logical_plan(sql).await.expect("a statement");
        let plan = until.create_physical_plan(&logical).await.expect("a plan");
        let before = physical_text(&plan);
        let options = state.config_options();
        let after = rules[at].optimize(Arc::clone(&plan), options).map(|after| {
            assert_eq!(after.schema(), plan.schema());
            let shown = physical_text(&after);
            let rest = rules[at + 1..].iter();
            rest.fold(after, |plan, rule| {
                rule.optimize(plan, options).expect("a plan that can be run")
            });
            shown
        });
        BeforeAfter {
            before,
            after: after.map_err(|error| error.strip_backtrace()),
        }
    }

    /// What a rule over logical plans does.
    pub(super) async fn logical(self, rule: &str, sql: &str) -> BeforeAfter {
        let state = self.state();
        let rules = logical_rules(Optimizer::new().rules).expect("a list");
        let at = position(&rules, rule);
        let plan = state.create_logical_plan(sql).await.expect("a statement");
        let plan = analyzed(
            &state,
            plan,
            analyzer_rules(Analyzer::new().rules).expect("a list"),
        );
        let before = Optimizer::with_rules(rules[..at].to_vec())
            .optimize(plan, &state, |_, _| {})
            .expect("a plan");
        let after =
            Optimizer::with_rules(vec![Arc::clone(&rules[at])]).optimize(before.clone(), &state, |_, _| {});
        compared(&before, after)
    }

    /// What a rule over analysed plans does.
    pub(super) async fn analysis(self, rule: &str, sql: &str) -> BeforeAfter {
        let state = self.state();
        let rules = analyzer_rules(Analyzer::new().rules).expect("a list");
        let at = position(&rules, rule);
        let plan = state.create_logical_plan(sql).await.expect("a statement");
        let before = analyzed(&state, plan, rules[..at].to_vec());
        let after = rules[at].analyze(before.clone(), state.config_options());
        compared(&before, after)
    }

    /// A state that plans over the two systems for `ana`, who sees all domains.
    fn state(self) -> SessionState {
        let principal = Arc::new(Principal {
            user: "ana".to_owned(),
            all_domains: true,
            ..Principal::default()
        });
        let mut config = EngineConfig::new(Ledger::default());
        config.sources = vec![
            Arc::new(FakeSource::crm(&self.abilities)) as Arc<dyn Source>,
            Arc::new(FakeSource::desk(&self.abilities)) as _,
        ];
        config.policies = self.policies;
        let person = Arc::new(Person {
            deployment: Arc::clone(&Engine::try_new(config).expect("an engine").shared.catalog),
            principal: Arc::clone(&principal),
            settings: SharedSettings::new(Settings {
                pushdown: self.pushdown,
                ..Settings::default()
            }),
            session_views: Kept::default(),
            listed_views: Listed::default(),
        });
        let context = Arc::new(QueryContext::new(1, principal, 0, true));
        let config = asked_by(session_config().with_target_partitions(1), &context);
        let builder = SessionStateBuilder::new()
            .with_config(config.clone())
            .with_default_features();
        let state = install(builder).expect("rules").build();
        let planner = Arc::new(Planner(state.clone()));
        let catalogs = Scope::of_statement(&person, &planner, &context).catalogs();
        SessionStateBuilder::new_from_existing(state)
            .with_config(config.with_extension(planner))
            .with_catalog_list(catalogs.expect("a catalog"))
            .build()
    }
}

fn position<R: Named>(rules: &[R], name: &str) -> usize {
    rules
        .iter()
        .position(|rule| rule.rule_name() == name)
        .expect(name)
}

fn analyzed(state: &SessionState, plan: LogicalPlan, rules: super::AnalyzerRules) -> LogicalPlan {
    Analyzer::with_rules(rules)
        .execute_and_check(plan, state.config_options(), |_, _| {})
        .expect("a plan")
}

fn compared(before: &LogicalPlan, after: datafusion::common::Result<LogicalPlan>) -> BeforeAfter {
    BeforeAfter {
        before: logical_text(before),
        after: after
            .map(|after| {
                assert!(
                    before
                        .schema()
                        .logically_equivalent_names_and_types(after.schema())
                );
                logical_text(&after)
            })
            .map_err(|error| error.strip_backtrace()),
    }
}

fn physical_text(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

/// The plan without the numbers that tell our scans apart.
fn logical_text(plan: &LogicalPlan) -> String {
    static NUMBERED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(account|opportunity|ticket) \d+").expect("a pattern"));
    let text = format!("{}\n", plan.display_indent());
    NUMBERED.replace_all(&text, "$1 #").into_owned()
}
