//! Groups of values that can be equal without being the same: a day and 24 hours, `1` and `1.0` in `jsonb`.
//!
//! Such a column is grouped by what it is compared by, and shows its first value, as in PostgreSQL. Owns: GROUP BY, DISTINCT and UNION over
//! such columns, and the refusal of `json`, whose values are never equal. Does not own: what values are compared by; see `operators`.
//! Invariant: the columns keep their names and types. Start at [`by_keys`].

use std::sync::Arc;

use datafusion::common::{DFSchema, Result};
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprSchemable as _, LogicalPlan, LogicalPlanBuilder,
};

use super::operators::compared_by;
use crate::types::{Kind, fault, unsupported};

/// Whether equal values of the type can differ.
pub(super) fn has_key(kind: Kind) -> bool {
    matches!(kind, Kind::Interval | Kind::Jsonb)
}

fn kind_of(expr: &Expr, schema: &DFSchema) -> Option<Kind> {
    expr.get_type(schema).ok().map(|ty| Kind::of(&ty))
}

/// The same plan, grouped by keys where that makes a difference.
///
/// # Errors
/// 42883 for groups of `json`; 0A000 for GROUPING SETS and DISTINCT ON over columns that have keys.
pub(super) fn by_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    refuse_json(&plan)?;
    match plan {
        LogicalPlan::Aggregate(aggregate) => of_aggregate(aggregate),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let kinds = input
                .schema()
                .fields()
                .iter()
                .map(|field| Kind::of(field.data_type()));
            if !kinds.clone().any(has_key) {
                return Ok(LogicalPlan::Distinct(Distinct::All(input)));
            }
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            of_aggregate(Aggregate::try_new(input, columns, Vec::new())?)
        }
        LogicalPlan::Distinct(Distinct::On(on)) => {
            let schema = on.input.schema();
            let mut kinds = on.on_expr.iter().filter_map(|expr| kind_of(expr, schema));
            if kinds.any(has_key) {
                return Err(unsupported(
                    "DISTINCT ON an interval or a jsonb value is not supported",
                ));
            }
            Ok(LogicalPlan::Distinct(Distinct::On(on)))
        }
        other => Ok(other),
    }
}

fn of_aggregate(aggregate: Aggregate) -> Result<LogicalPlan> {
    let schema = Arc::clone(aggregate.input.schema());
    let mut keyed = Vec::new();
    for (at, expr) in aggregate.group_expr.iter().enumerate() {
        match expr {
            Expr::GroupingSet(set) => {
                let mut kinds = set
                    .distinct_expr()
                    .into_iter()
                    .filter_map(|expr| kind_of(expr, &schema));
                if kinds.any(has_key) {
                    return Err(unsupported(
                        "GROUPING SETS over intervals or jsonb values are not supported",
                    ));
                }
            }
            expr => keyed.extend(
                kind_of(expr, &schema)
                    .filter(|kind| has_key(*kind))
                    .map(|kind| (at, kind)),
            ),
        }
    }
    if keyed.is_empty() {
        return Ok(LogicalPlan::Aggregate(aggregate));
    }
    let mut groups = aggregate.group_expr.clone();
    let mut aggregates = aggregate.aggr_expr.clone();
    let (group_count, aggregate_count) = (groups.len(), aggregates.len());
    for (at, kind) in &keyed {
        if let Some(group) = groups.get_mut(*at) {
            let value = group.clone().unalias();
            aggregates.push(first_value(value.clone(), Vec::new()).alias(format!("causeway_group_{at}")));
            *group = compared_by(*kind, value);
        }
    }
    let grouped = LogicalPlanBuilder::from(aggregate.input.as_ref().clone())
        .aggregate(groups, aggregates)?
        .build()?;
    let columns = grouped.schema().columns();
    let outputs = aggregate
        .schema
        .iter()
        .enumerate()
        .map(|(at, (relation, field))| {
            let place = match keyed.iter().position(|(group, _)| *group == at) {
                Some(first) => group_count + aggregate_count + first,
                None => at,
            };
            let column = columns.get(place).cloned().map(Expr::Column);
            column.map(|column| column.alias_qualified(relation.cloned(), field.name()))
        });
    let outputs = outputs.collect::<Option<Vec<_>>>();
    let Some(outputs) = outputs else {
        return Err(unsupported(
            "this grouping of intervals or jsonb values is not supported",
        ));
    };
    LogicalPlanBuilder::from(grouped).project(outputs)?.build()
}

/// PostgreSQL has neither an order of `json` values nor a test for equality.
fn refuse_json(plan: &LogicalPlan) -> Result<()> {
    let is_json = |expr: &Expr, schema: &DFSchema| kind_of(expr, schema) == Some(Kind::Json);
    let (is_refused, what) = match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            (
                aggregate.group_expr.iter().any(|expr| is_json(expr, schema)),
                "equality",
            )
        }
        LogicalPlan::Distinct(distinct) => {
            let fields = distinct.input().schema().fields();
            (
                fields
                    .iter()
                    .any(|field| Kind::of(field.data_type()) == Kind::Json),
                "equality",
            )
        }
        LogicalPlan::Sort(sort) => {
            let schema = sort.input.schema();
            (sort.expr.iter().any(|key| is_json(&key.expr, schema)), "ordering")
        }
        _ => (false, ""),
    };
    match is_refused {
        true => {
            let article = if what == "equality" {
                "an equality"
            } else {
                "an ordering"
            };
            Err(fault(
                "42883",
                format!("could not identify {article} operator for type json"),
            ))
        }
        false => Ok(()),
    }
}
