//! Takes a subquery out of its outer query, operator by operator, from its leaves up.
//!
//! What compares with the outer query moves up and becomes a condition of a join (Neumann and Kemper, "Unnesting Arbitrary Queries", 2015). An
//! operator that looks at several rows at once is computed for each key of those conditions, or, where they are no equalities, for each
//! distinct value that the outer columns have. Owns: what that means for each operator but joins and unions (`sides`). Does not own: the
//! conditions (`dependent`). Invariant: rows of different outer rows are never counted, ordered or cut together. Start at [`unnest`].

use std::sync::Arc;

use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::{AggregateFunction, Sort as SortKey, WindowFunction};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprSchemable as _, Filter, Limit, LogicalPlan, LogicalPlanBuilder,
    Projection, Sort, Unnest, Values, Window, lit,
};
use recursive::recursive;

use super::dependent::{Dependent, Output, own_name, projected};
use super::distinct_on::number;
use super::level::Level;
use super::sides;
use crate::types::unsupported;

/// The subquery apart from its outer query.
///
/// # Errors
/// 0A000 for an operator that can't be computed apart from it.
#[recursive]
pub(super) fn unnest(plan: &LogicalPlan, level: &Level) -> Result<Dependent> {
    if !level.depends(plan)? {
        return Ok(Dependent::free(plan.clone()));
    }
    match plan {
        LogicalPlan::Projection(projection) => projection_of(projection, level),
        LogicalPlan::Filter(filter) => filter_of(filter, level),
        LogicalPlan::SubqueryAlias(alias) => {
            let mut rows = unnest(&alias.input, level)?;
            rows.name_outputs(&alias.schema);
            Ok(rows)
        }
        LogicalPlan::Sort(sort) => sort_of(sort, level),
        LogicalPlan::Limit(limit) => limit_of(limit, level),
        LogicalPlan::Aggregate(aggregate) => aggregate_of(aggregate, level),
        LogicalPlan::Distinct(Distinct::All(input)) => distinct_of(input, level),
        LogicalPlan::Window(window) => window_of(window, level),
        LogicalPlan::Unnest(unnested) => unnest_of(unnested, level),
        LogicalPlan::Values(values) => values_of(values, level),
        LogicalPlan::Join(join) => sides::join_of(join, level),
        LogicalPlan::Union(union) => {
            let parts = union.inputs.iter().map(|input| unnest(input, level));
            sides::union_of(parts.collect::<Result<_>>()?, &union.schema, level)
        }
        LogicalPlan::RecursiveQuery(_) => Err(refused("WITH RECURSIVE")),
        LogicalPlan::Distinct(Distinct::On(_)) => Err(refused("DISTINCT ON")),
        other => Err(refused(other.display())),
    }
}

pub(super) fn refused(what: impl std::fmt::Display) -> datafusion::common::DataFusionError {
    unsupported(format!(
        "a subquery that refers to the outer query can't have {what} around the reference; join with a grouped or numbered subquery instead"
    ))
}

pub(super) fn projection_of(projection: &Projection, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(&projection.input, level)?;
    let schema = projection.input.schema();
    let values = projection
        .expr
        .iter()
        .map(|expr| rows.through(expr.clone().unalias(), schema));
    let values: Vec<Expr> = values.collect::<Result<_>>()?;
    if let Some(missing) = &rows.missing {
        let missing: Vec<&Expr> = missing.iter().collect();
        let exprs = projection.expr.iter();
        let missing = exprs.map(|expr| super::dependent::resolved(expr.clone().unalias(), schema, &missing));
        rows.missing = Some(missing.collect::<Result<_>>()?);
    }
    // A subquery of its own is computed here: above, the value could end up in a condition of a join.
    let has_own = values
        .iter()
        .any(|value| value.contains_scalar_subquery() && !level.refers(value));
    rows.outputs = values
        .into_iter()
        .zip(projection.schema.iter())
        .map(|(value, (relation, field))| Output {
            relation: relation.cloned(),
            name: field.name().clone(),
            value,
        })
        .collect();
    if has_own {
        rows.bind_outputs(level)?;
    }
    Ok(rows)
}

fn filter_of(filter: &Filter, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(&filter.input, level)?;
    rows.complete(level)?;
    for conjunct in split_conjunction_owned(filter.predicate.clone()) {
        let condition = rows.through(conjunct, filter.input.schema())?;
        if level.refers(&condition) {
            rows.ties.push(condition);
        } else {
            rows.plan = LogicalPlanBuilder::from(rows.plan).filter(condition)?.build()?;
        }
    }
    Ok(rows)
}

fn sort_of(sort: &Sort, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(&sort.input, level)?;
    if sort.fetch.is_some() {
        rows.complete(level)?;
    }
    let schema = sort.input.schema();
    let order = sort.expr.iter().map(|key| {
        Ok(SortKey {
            expr: rows.through(key.expr.clone(), schema)?,
            ..key.clone()
        })
    });
    rows.order = order.collect::<Result<_>>()?;
    match sort.fetch {
        None => Ok(rows),
        Some(fetch) => first_rows(
            rows,
            None,
            Some(lit(i64::try_from(fetch).unwrap_or(i64::MAX))),
            level,
        ),
    }
}

fn limit_of(limit: &Limit, level: &Level) -> Result<Dependent> {
    let rows = unnest(&limit.input, level)?;
    let (skip, fetch) = (limit.skip.as_deref(), limit.fetch.as_deref());
    if skip.into_iter().chain(fetch).any(|count| level.refers(count)) {
        return Err(refused("LIMIT or OFFSET by a column of it"));
    }
    first_rows(rows, skip.cloned(), fetch.cloned(), level)
}

/// The rows of each outer row from after the first `skip` on, `fetch` of them.
fn first_rows(
    mut rows: Dependent,
    skip: Option<Expr>,
    fetch: Option<Expr>,
    level: &Level,
) -> Result<Dependent> {
    let skip = skip.filter(|skip| literal(skip) != Some(Some(0)));
    let one = fetch.as_ref().and_then(literal);
    if skip.is_none() && (one == Some(None) || rows.is_single && matches!(one, Some(Some(1..)))) {
        return Ok(rows);
    }
    rows.complete(level)?;
    if rows.order.iter().any(|key| level.refers(&key.expr)) {
        rows.bind(level, &[])?;
    }
    let keys = rows.keyed(level, &[])?;
    let (number, numbers) = number(keys, std::mem::take(&mut rows.order))?;
    let columns: Vec<Expr> = rows
        .plan
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let mut kept = LogicalPlanBuilder::from(rows.plan).window(vec![number])?;
    let count =
        |count: Expr| datafusion::logical_expr::cast(count, datafusion::arrow::datatypes::DataType::UInt64);
    if let Some(skip) = &skip {
        kept = kept.filter(is_unset(skip).or(numbers.clone().gt(count(skip.clone()))))?;
    }
    if let Some(fetch) = fetch {
        let last = match skip {
            None => count(fetch.clone()),
            Some(skip) => count(coalesced(skip)?) + count(fetch.clone()),
        };
        kept = kept.filter(is_unset(&fetch).or(numbers.lt_eq(last)))?;
    }
    rows.plan = kept.project(columns)?.build()?;
    rows.is_single |= one == Some(Some(1));
    Ok(rows)
}

/// A literal count, of which NULL is none.
fn literal(count: &Expr) -> Option<Option<i64>> {
    match count {
        Expr::Literal(ScalarValue::Int64(value), _) => Some(*value),
        Expr::Literal(ScalarValue::Int32(value), _) => Some(value.map(i64::from)),
        Expr::Literal(ScalarValue::UInt64(value), _) => {
            Some(value.and_then(|value| i64::try_from(value).ok()))
        }
        Expr::Literal(ScalarValue::Null, _) => Some(None),
        _ => None,
    }
}

/// LIMIT NULL and OFFSET NULL ask for nothing.
fn is_unset(count: &Expr) -> Expr {
    match literal(count) {
        Some(value) => lit(value.is_none()),
        None => count.clone().is_null(),
    }
}

fn coalesced(count: Expr) -> Result<Expr> {
    datafusion::logical_expr::when(count.clone().is_null(), lit(0_i64)).otherwise(count)
}

fn aggregate_of(aggregate: &Aggregate, level: &Level) -> Result<Dependent> {
    if matches!(aggregate.group_expr.as_slice(), [Expr::GroupingSet(_)]) {
        return Err(refused("GROUPING SETS, ROLLUP or CUBE"));
    }
    let mut rows = unnest(&aggregate.input, level)?;
    rows.complete(level)?;
    let schema = aggregate.input.schema();
    let exprs = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
    let exprs: Vec<Expr> = exprs
        .map(|expr| rows.through(expr.clone().unalias_nested().data, schema))
        .collect::<Result<_>>()?;
    let (keys, exprs) = keyed_with(&mut rows, exprs, level)?;
    let mut exprs = exprs.into_iter();
    let groups = exprs.by_ref().take(aggregate.group_expr.len()).collect();
    let groups = rows.as_columns(groups, level)?;
    let aggregates: Vec<Expr> = exprs.collect();

    let mut all_groups = keys;
    for group in &groups {
        if !all_groups.contains(group) {
            all_groups.push(group.clone());
        }
    }
    let mut computed: Vec<Expr> = Vec::new();
    for one in &aggregates {
        if !computed.contains(one) {
            computed.push(one.clone());
        }
    }
    if groups.is_empty() {
        let missing = aggregates.iter().map(|one| over_nothing(one, &rows.plan));
        rows.missing = Some(missing.collect::<Result<_>>()?);
        rows.is_single = true;
    } else {
        rows.is_single = false;
    }
    let mut input = LogicalPlanBuilder::from(rows.plan);
    if !rows.order.is_empty() {
        input = input.sort(std::mem::take(&mut rows.order))?;
    }
    rows.plan = input.aggregate(all_groups, computed)?.build()?;
    let values = groups
        .into_iter()
        .chain(aggregates.into_iter().map(|one| column_of(&one)));
    rows.outputs = outputs(values, &aggregate.schema);
    // A later aggregate may have the same name.
    rows.isolate(level, false)?;
    Ok(rows)
}

/// The rows with keys, and the expressions without references to the outer query.
fn keyed_with(rows: &mut Dependent, exprs: Vec<Expr>, level: &Level) -> Result<(Vec<Expr>, Vec<Expr>)> {
    let references = level.references(&exprs)?;
    let (keys, columns) = match references.is_empty() {
        true => (rows.keyed(level, &[])?, Default::default()),
        false => {
            let columns = rows.bind(level, &references)?;
            (rows.keyed(level, &[])?, columns)
        }
    };
    let exprs = exprs.into_iter().map(|expr| super::level::bound(expr, &columns));
    Ok((keys, exprs.collect::<Result<_>>()?))
}

/// What an aggregate is when there are no rows.
fn over_nothing(aggregate: &Expr, input: &LogicalPlan) -> Result<Expr> {
    let ty = aggregate.get_type(input.schema())?;
    let value = match aggregate {
        Expr::AggregateFunction(AggregateFunction { func, .. }) => func.default_value(&ty)?,
        _ => ScalarValue::try_from(&ty)?,
    };
    Ok(lit(value))
}

/// The column that an operator makes of an expression.
fn column_of(expr: &Expr) -> Expr {
    Expr::Column(Column::from_name(expr.schema_name().to_string()))
}

fn outputs(values: impl Iterator<Item = Expr>, schema: &datafusion::common::DFSchema) -> Vec<Output> {
    let named = values.zip(schema.iter());
    let named = named.map(|(value, (relation, field))| Output {
        relation: relation.cloned(),
        name: field.name().clone(),
        value,
    });
    named.collect()
}

fn distinct_of(input: &LogicalPlan, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(input, level)?;
    rows.complete(level)?;
    let values = rows.outputs.iter().map(|output| output.value.clone()).collect();
    let (mut columns, values) = keyed_with(&mut rows, values, level)?;
    let values = rows.as_columns(values, level)?;
    for value in &values {
        if !columns.contains(value) {
            columns.push(value.clone());
        }
    }
    rows.order.clear();
    rows.plan = LogicalPlanBuilder::from(projected(&rows.plan, columns)?)
        .distinct()?
        .build()?;
    rows.outputs = outputs(values.into_iter(), input.schema());
    Ok(rows)
}

fn window_of(window: &Window, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(&window.input, level)?;
    rows.complete(level)?;
    let schema = window.input.schema();
    let exprs = window.window_expr.iter();
    let exprs: Vec<Expr> = exprs
        .map(|expr| rows.through(expr.clone().unalias_nested().data, schema))
        .collect::<Result<_>>()?;
    let (keys, exprs) = keyed_with(&mut rows, exprs, level)?;
    let exprs: Vec<Expr> = exprs.into_iter().map(|expr| within(expr, &keys)).collect();
    let mut plan = LogicalPlanBuilder::from(rows.plan);
    let mut added: Vec<Expr> = Vec::new();
    for expr in &exprs {
        if !added.contains(expr) {
            added.push(expr.clone());
        }
    }
    plan = plan.window(added)?;
    rows.plan = plan.build()?;
    let before = rows.outputs.iter().map(|output| output.value.clone());
    let values: Vec<Expr> = before.chain(exprs.iter().map(column_of)).collect();
    rows.outputs = outputs(values.into_iter(), &window.schema);
    rows.isolate(level, false)?;
    Ok(rows)
}

/// A window function over the rows of one outer row.
fn within(expr: Expr, keys: &[Expr]) -> Expr {
    match expr {
        Expr::WindowFunction(function) => {
            let WindowFunction { fun, mut params } = *function;
            params.partition_by.extend(keys.iter().cloned());
            Expr::WindowFunction(Box::new(WindowFunction { fun, params }))
        }
        other => other,
    }
}

/// Lists split into rows, `unnest(…)`.
fn unnest_of(unnested: &Unnest, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(&unnested.input, level)?;
    rows.complete(level)?;
    let values = rows.outputs.iter().map(|output| output.value.clone()).collect();
    let (keys, values) = keyed_with(&mut rows, values, level)?;
    let names = unnested.input.schema().iter();
    let mut columns: Vec<Expr> = values
        .into_iter()
        .zip(names)
        .map(|(value, (relation, field))| value.alias_qualified(relation.cloned(), field.name()))
        .collect();
    let alias = level.names.next();
    for (at, (key, tie)) in keys.into_iter().zip(&mut rows.ties).enumerate() {
        let name = own_name(&alias, at);
        let renamed = Expr::Column(Column::new(Some(alias.clone()), &name));
        if let Some(known) = level.key_of(tie) {
            *tie = datafusion::logical_expr::binary_expr(renamed, known.op, known.outer);
        }
        columns.push(key.alias_qualified(Some(alias.clone()), name));
    }
    rows.plan = LogicalPlanBuilder::from(projected(&rows.plan, columns)?)
        .unnest_columns_with_options(unnested.exec_columns.clone(), unnested.options.clone())?
        .build()?;
    rows.outputs = outputs(
        unnested.schema.columns().into_iter().map(Expr::Column),
        &unnested.schema,
    );
    rows.order.clear();
    rows.is_single = false;
    Ok(rows)
}

/// Rows that are written out.
fn values_of(values: &Values, level: &Level) -> Result<Dependent> {
    let one = LogicalPlanBuilder::empty(true).build()?;
    let parts = values.values.iter().map(|row| Dependent {
        outputs: outputs(row.iter().cloned(), &values.schema),
        ..Dependent::free(one.clone())
    });
    sides::union_of(parts.collect(), &Arc::clone(&values.schema), level)
}
