//! VALUES and UNION: rows from several places, each column in one type.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::{
    Expr, ExprSchemable as _, LogicalPlan, LogicalPlanBuilder, Projection, Union, Values,
};

use super::casts;
use super::operators::{Typed, is_unknown, united};
use crate::types::{Kind, common_type, fault};

/// The rows of VALUES, each column in one type.
pub(crate) fn united_rows(values: Values) -> Result<LogicalPlan> {
    let empty = DFSchema::empty();
    let width = values.values.first().map_or(0, Vec::len);
    let mut columns: Vec<Vec<Typed>> = vec![Vec::new(); width];
    for row in values.values {
        for (column, expr) in columns.iter_mut().zip(row) {
            let ty = expr.get_type(&empty)?;
            column.push(Typed { expr, ty });
        }
    }
    let columns = columns
        .into_iter()
        .map(|column| united(column, "VALUES"))
        .collect::<Result<Vec<_>>>()?;
    let mut rows: Vec<Vec<Expr>> = Vec::new();
    for column in columns {
        for (at, expr) in column.into_iter().enumerate() {
            match rows.get_mut(at) {
                Some(row) => row.push(expr),
                None => rows.push(vec![expr]),
            }
        }
    }
    let rebuilt = LogicalPlanBuilder::values(rows)?.build()?;
    let names = values.schema.columns();
    let renamed = rebuilt
        .schema()
        .columns()
        .into_iter()
        .zip(&names)
        .all(|(own, wanted)| own == *wanted);
    if renamed {
        return Ok(rebuilt);
    }
    let columns = rebuilt.schema().columns().into_iter().zip(names);
    let exprs: Vec<Expr> = columns
        .map(|(own, wanted)| Expr::Column(own).alias_qualified(wanted.relation, wanted.name))
        .collect();
    LogicalPlanBuilder::from(rebuilt).project(exprs)?.build()
}

/// The inputs of a UNION, each column in one type.
pub(crate) fn united_inputs(union: Union) -> Result<LogicalPlan> {
    let width = union.schema.fields().len();
    let mut targets = Vec::with_capacity(width);
    for at in 0..width {
        let mut known = Vec::new();
        for input in &union.inputs {
            let ty = input.schema().field(at).data_type();
            if !ty.is_null() && !is_unknown_output(input, at) {
                known.push(ty.clone());
            }
        }
        if known.is_empty() {
            targets.push(DataType::Utf8);
            continue;
        }
        let Some(common) = common_type(&known) else {
            let names: Vec<&str> = known.iter().map(|ty| Kind::of(ty).name()).collect();
            let first = names.first().copied().unwrap_or_default();
            let other = names
                .iter()
                .find(|name| **name != first)
                .copied()
                .unwrap_or(first);
            return Err(fault(
                "42804",
                format!("UNION types {first} and {other} cannot be matched"),
            ));
        };
        targets.push(common);
    }
    let inputs = union
        .inputs
        .into_iter()
        .map(|input| cast_output(input, &targets).map(Arc::new));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    Union::try_new_with_loose_types(inputs)
        .map(LogicalPlan::Union)?
        .recompute_schema()
}

/// Whether a column of a plan is a quoted literal, which takes the type of the other inputs.
fn is_unknown_output(plan: &LogicalPlan, at: usize) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => projection.expr.get(at).is_some_and(is_unknown),
        _ => false,
    }
}

fn cast_output(plan: Arc<LogicalPlan>, targets: &[DataType]) -> Result<LogicalPlan> {
    let is_typed = plan
        .schema()
        .fields()
        .iter()
        .zip(targets)
        .all(|(field, target)| field.data_type() == target);
    if is_typed {
        return Ok(Arc::unwrap_or_clone(plan));
    }
    if let LogicalPlan::Projection(projection) = plan.as_ref() {
        let mut exprs = Vec::with_capacity(projection.expr.len());
        for (at, (expr, target)) in projection.expr.iter().zip(targets).enumerate() {
            let field = plan.schema().field(at);
            let (bare, ty) = (expr.clone().unalias(), field.data_type());
            exprs.push(if ty == target {
                expr.clone()
            } else {
                casts::to_type(bare, ty, target)?.alias(field.name())
            });
        }
        return Ok(LogicalPlan::Projection(Projection::try_new(
            exprs,
            Arc::clone(&projection.input),
        )?));
    }
    let mut exprs = Vec::with_capacity(targets.len());
    for ((qualifier, field), target) in plan.schema().iter().zip(targets) {
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        exprs.push(if field.data_type() == target {
            column
        } else {
            casts::to_type(column, field.data_type(), target)?.alias(field.name())
        });
    }
    Ok(LogicalPlan::Projection(Projection::try_new(exprs, plan)?))
}
