//! Counts, sums, least and greatest values and groups are asked of the remote system, where it computes the same.

use std::sync::Arc;

use causeway_core::{Aggregate as RemoteAggregate, AggregateFunction, Grouping};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, LogicalPlan, LogicalPlanBuilder, cast, lit, when,
};

use super::plain_scan::{PlainScan, column_of, unique_name};
use crate::scan::grouped_table::GroupedTable;

/// Turns an aggregate over a remote table into a scan of its groups.
pub(crate) fn push_aggregate(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => pushed(aggregate),
        _ => Ok(None),
    }
}

fn pushed(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(scan) = PlainScan::of(&aggregate.input).filter(|scan| scan.local.is_empty()) else {
        return Ok(None);
    };
    let Some(request) = Request::of(aggregate, &scan) else {
        return Ok(None);
    };
    let Some(table) = GroupedTable::try_new(&scan.table, &scan.accepted, request.grouping) else {
        return Ok(None);
    };
    let name = unique_name(&scan.table.table.name.name);
    let table = TableScanBuilder::new(name, provider_as_source(Arc::new(table))).build()?;
    let fields: Vec<Column> = table.projected_schema.columns();
    let field = |at: usize| fields.get(at).cloned().map(Expr::Column);
    let mut outputs = Vec::with_capacity(aggregate.schema.fields().len());
    for (at, (qualifier, wanted)) in aggregate.schema.iter().enumerate() {
        let Some(place) = request.outputs.get(at) else {
            return Ok(None);
        };
        let Some(mut value) = field(place.value) else {
            return Ok(None);
        };
        // A sum over nothing may be zero there.
        if let Some(count) = place.count.and_then(field) {
            value = when(count.gt(lit(0_i64)), value).end()?;
        }
        if value.get_type(&table.projected_schema)? != *wanted.data_type() {
            value = cast(value, wanted.data_type().clone());
        }
        outputs.push(value.alias_qualified(qualifier.cloned(), wanted.name()));
    }
    let plan = LogicalPlanBuilder::from(LogicalPlan::TableScan(table)).project(outputs)?;
    Ok(Some(plan.build()?))
}

/// What is asked, and where the answer to each output column is.
struct Request {
    grouping: Grouping,
    outputs: Vec<Place>,
}

/// A column of the answer, and the one that counts what went into it.
struct Place {
    value: usize,
    count: Option<usize>,
}

impl Request {
    fn of(aggregate: &Aggregate, scan: &PlainScan) -> Option<Self> {
        let schema = aggregate.input.schema();
        let position = |expr: &Expr| scan.position(schema, column_of(expr)?);
        let keys: Vec<usize> = aggregate.group_expr.iter().map(position).collect::<Option<_>>()?;
        // One group for each record saves nothing.
        let key = &scan.table.table.key;
        if !key.is_empty() && key.iter().all(|at| keys.contains(at)) {
            return None;
        }
        let mut distinct: Vec<usize> = Vec::new();
        let mut outputs = Vec::with_capacity(keys.len());
        for key in keys {
            let known = distinct.iter().position(|known| *known == key);
            let value = known.unwrap_or_else(|| {
                distinct.push(key);
                distinct.len() - 1
            });
            outputs.push(Place { value, count: None });
        }
        let mut request = Self {
            outputs,
            grouping: Grouping {
                keys: distinct,
                aggregates: Vec::new(),
                having: Vec::new(),
            },
        };
        for expr in &aggregate.aggr_expr {
            let wanted = remote_aggregate(expr, scan, &position)?;
            let value = request.add(wanted);
            let is_unsure = wanted.function == AggregateFunction::Sum
                && !scan.table.source.dialect().sums_nothing_to_null();
            let count = is_unsure.then(|| {
                request.add(RemoteAggregate {
                    function: AggregateFunction::Count,
                    ..wanted
                })
            });
            request.outputs.push(Place { value, count });
        }
        Some(request)
    }

    /// The column of the answer that holds the aggregate.
    fn add(&mut self, wanted: RemoteAggregate) -> usize {
        let aggregates = &mut self.grouping.aggregates;
        let at = aggregates.iter().position(|known| *known == wanted);
        let at = at.unwrap_or_else(|| {
            aggregates.push(wanted);
            aggregates.len() - 1
        });
        self.grouping.keys.len() + at
    }
}

fn remote_aggregate(
    expr: &Expr,
    scan: &PlainScan,
    position: &impl Fn(&Expr) -> Option<usize>,
) -> Option<RemoteAggregate> {
    let call = match expr {
        Expr::Alias(alias) => return remote_aggregate(&alias.expr, scan, position),
        Expr::AggregateFunction(call) => call,
        _ => return None,
    };
    let params = &call.params;
    let [argument] = params.args.as_slice() else {
        return None;
    };
    // An application may have an aggregate of its own by that name.
    if !causeway_postgres::is_known_aggregate(&call.func) {
        return None;
    }
    if params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    let column = match argument {
        Expr::Literal(value, _) if *value != ScalarValue::Null && !value.is_null() => None,
        argument => Some(position(argument)?),
    };
    // Every record has a key, and each its own.
    let column = column.filter(|column| Some(*column) != scan.table.table.single_key());
    let function = match (call.func.name(), params.distinct, column) {
        ("count", false, _) => AggregateFunction::Count,
        ("count", true, Some(_)) => AggregateFunction::CountDistinct,
        ("count", true, None) if matches!(argument, Expr::Column(_)) => AggregateFunction::Count,
        ("sum", false, Some(_)) => AggregateFunction::Sum,
        ("min", _, Some(_)) => AggregateFunction::Min,
        ("max", _, Some(_)) => AggregateFunction::Max,
        _ => return None,
    };
    Some(RemoteAggregate { function, column })
}

#[cfg(test)]
mod tests;
