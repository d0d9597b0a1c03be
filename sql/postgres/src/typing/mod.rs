//! Gives every expression of a plan the type and the meaning that PostgreSQL gives it.
//!
//! Owns: the walk over plans. Does not own: expressions (`expressions`), and what an operator or a function means (`operators`, `signatures`,
//! `casts`).
//! Invariant: columns keep their names. Running it again over its own result changes nothing. Start at [`Typing`].

pub(crate) mod arguments;
pub(crate) mod casts;
mod expressions;
mod groups;
pub(crate) mod guards;
mod lists;
mod matching;
mod membership;
pub(crate) mod operators;
pub(crate) mod overloads;
pub(crate) mod planner;
mod scope;
pub(crate) mod set_operations;
pub(crate) mod signatures;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable as _, Join, JoinType, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;
use recursive::recursive;

use crate::functions::datetime::zone::Zone;
use crate::types::{Kind, Typed};
use operators::comparable;
use scope::Scope;
use set_operations::{united_inputs, united_rows};

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct Typing;

impl AnalyzerRule for Typing {
    fn name(&self) -> &str {
        "postgres_typing"
    }

    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(typed_tree(plan, &Zone::of_session(config)?)?.data)
    }
}

/// A plan, from its leaves up. Schemas are made again only above what changed: that of a join of wide tables costs more than its typing.
#[recursive]
fn typed_tree(plan: LogicalPlan, zone: &Zone) -> Result<Transformed<LogicalPlan>> {
    let inputs = plan.map_subqueries(|plan| typed_tree(plan, zone))?;
    let inputs = inputs.transform_sibling(|plan| plan.map_children(|plan| typed_tree(plan, zone)))?;
    typed(inputs.data, inputs.transformed, zone)
}

/// One node of a plan, whose inputs are typed already.
fn typed(plan: LogicalPlan, inputs_changed: bool, zone: &Zone) -> Result<Transformed<LogicalPlan>> {
    let mut changed = inputs_changed;
    // Counts of rows have their own rules.
    let plan = match plan {
        LogicalPlan::Limit(_) | LogicalPlan::SubqueryAlias(_) => plan,
        plan => {
            let schema = input_schema(&plan, inputs_changed)?;
            typed_expressions(plan, &schema, zone, &mut changed)?
        }
    };
    match changed {
        true => Ok(Transformed::yes(plan.recompute_schema()?)),
        false => Ok(Transformed::no(plan)),
    }
}

/// The columns that the expressions of a node are about.
fn input_schema(plan: &LogicalPlan, inputs_changed: bool) -> Result<Arc<DFSchema>> {
    if let LogicalPlan::TableScan(scan) = plan {
        let schema = scan.source.schema();
        return Ok(Arc::new(DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            &schema,
        )?));
    }
    Ok(match (plan, plan.inputs().as_slice()) {
        (_, [only]) => Arc::clone(only.schema()),
        // Those of both sides are there already.
        (LogicalPlan::Join(join), _) if !inputs_changed && shows_both_sides(join) => Arc::clone(&join.schema),
        (_, inputs) => Arc::new(merge_schema(inputs)),
    })
}

fn shows_both_sides(join: &Join) -> bool {
    use JoinType::{Full, Inner, Left, Right};
    matches!(join.join_type, Inner | Left | Right | Full)
}

fn typed_expressions(
    plan: LogicalPlan,
    schema: &DFSchema,
    zone: &Zone,
    changed: &mut bool,
) -> Result<LogicalPlan> {
    let mut scope = Scope { schema, zone };
    let names = NamePreserver::new(&plan);
    let is_filter = matches!(
        plan,
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_)
    );
    let mut noted = |before: &Expr, after: Expr| {
        *changed |= *before != after;
        after
    };
    let plan = plan
        .map_expressions(|expr| {
            let before = expr.clone();
            let name = names.save(&expr);
            let rewritten = expr.rewrite(&mut scope)?;
            let kept = lists::with_nulls(rewritten.data, is_filter)?;
            Ok(Transformed::yes(noted(&before, name.restore(kept))))
        })?
        .data;
    match plan {
        LogicalPlan::Filter(mut filter) => {
            let before = filter.predicate.clone();
            let typed = guards::guarded(scope.condition(filter.predicate, "WHERE")?);
            filter.predicate = noted(&before, typed);
            Ok(LogicalPlan::Filter(filter))
        }
        LogicalPlan::Sort(sort) => {
            let LogicalPlan::Sort(mut sort) = groups::by_keys(LogicalPlan::Sort(sort))? else {
                return Err(DataFusionError::Internal("a sort stays one".to_owned()));
            };
            for key in &mut sort.expr {
                let before = key.expr.clone();
                key.expr = noted(&before, sortable(before.clone(), schema));
            }
            Ok(LogicalPlan::Sort(sort))
        }
        LogicalPlan::Join(join) => {
            let before = (join.on.clone(), join.filter.clone());
            let join = typed_join(&scope, join)?;
            *changed |= before != (join.on.clone(), join.filter.clone());
            Ok(LogicalPlan::Join(join))
        }
        LogicalPlan::Union(union) => {
            *changed = true;
            united_inputs(union)
        }
        LogicalPlan::Values(values) => {
            *changed = true;
            united_rows(values)
        }
        grouped @ (LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_)) => {
            let before = grouped.clone();
            let keyed = groups::by_keys(grouped)?;
            *changed |= before != keyed;
            Ok(keyed)
        }
        other => Ok(other),
    }
}

/// A column to sort by, as PostgreSQL orders it.
fn sortable(expr: Expr, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(ty) => operators::compared_by(Kind::of(&ty), expr),
        Err(_) => expr,
    }
}

/// The keys and the condition of a join.
fn typed_join(scope: &Scope, mut join: Join) -> Result<Join> {
    let mut on = Vec::with_capacity(join.on.len());
    for (left, right) in std::mem::take(&mut join.on) {
        let left = Typed {
            ty: left.get_type(join.left.schema())?,
            expr: left,
        };
        let right = Typed {
            ty: right.get_type(join.right.schema())?,
            expr: right,
        };
        on.push(comparable(left, Operator::Eq, right)?);
    }
    join.on = on;
    join.filter = join
        .filter
        .map(|filter| scope.condition(filter, "JOIN/ON"))
        .transpose()?;
    Ok(join)
}
