//! Our optimiser rules, and where they stand among DataFusion's.
//!
//! Owns: the two lists. Logical rules turn operators over a remote table into a scan that asks the remote system for the result;
//! physical rules prepare the leaves for joins. Invariant: a rule changes a plan only when the remote system computes exactly the same.

pub(crate) mod logical;
pub(crate) mod physical;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::common::TableReference;
use datafusion::execution::SessionStateBuilder;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;

/// Adds our rules.
pub(crate) fn install(builder: SessionStateBuilder) -> SessionStateBuilder {
    builder
        .with_analyzer_rule(Arc::new(logical::normalize_keys::NormalizeKeys))
        .with_optimizer_rules(logical())
        .with_physical_optimizer_rules(physical())
        .with_physical_optimizer_rule(Arc::new(physical::push_top_k::OfferTops))
        .with_physical_optimizer_rule(Arc::new(physical::push_dynamic_filters::PlaceKeys))
        .with_physical_optimizer_rule(Arc::new(physical::share_scans::ShareScans))
        .with_physical_optimizer_rule(Arc::new(physical::ensure_cooperative::YieldInJoins))
}

fn logical() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    // Filters have reached the scans by then, and COUNT(DISTINCT) has not been taken apart into two groupings yet.
    let at = rules
        .iter()
        .position(|rule| rule.name() == "single_distinct_aggregation_to_group_by");
    rules.insert(
        at.unwrap_or(rules.len()),
        Arc::new(logical::push_aggregate::PushAggregate),
    );
    // Only then is it known which columns of a parent are wanted.
    rules.push(Arc::new(logical::drop_unused_join::DropUnusedJoin));
    rules.push(Arc::new(logical::push_join::PushJoin));
    rules
}

/// A name that no other scan has. Two scans of one name are equal to DataFusion (docs/upstream.md, equal-scans), whatever they read, and equal subqueries are run once.
fn own_name(table: &str) -> TableReference {
    static SCANS: AtomicU64 = AtomicU64::new(0);
    let number = SCANS.fetch_add(1, Ordering::Relaxed);
    TableReference::bare(format!("{table} {number}"))
}

/// Without DataFusion's static filter pushdown: filters reached the scans as a logical plan, and behind a join of sides with equal column
/// names it moves a filter to the wrong side (docs/upstream.md, filters-by-name). The later pass, `FilterPushdown(Post)`, makes joins collect their keys and stays.
fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.retain(|rule| rule.name() != "FilterPushdown");
    let at = rules.iter().position(|rule| rule.name() == "join_selection");
    let at = at.map_or(rules.len(), |at| at + 1);
    rules.insert(at, Arc::new(physical::swap_outer_join::KeepSideFirst));
    // Limits have reached the joins by then, and joins have no key filters yet.
    let at = rules.iter().position(|rule| rule.name() == "EnsureCooperative");
    rules.insert(
        at.unwrap_or(rules.len()),
        Arc::new(physical::try_first_rows::TryFirstRows),
    );
    rules
}
