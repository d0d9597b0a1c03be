//! The first rows of each group: `SELECT DISTINCT ON`, and LIMIT for each outer row.
//!
//! Owns: numbers of rows within their group. Does not own: what the groups are. Invariant: keys of a join pass through, since the number
//! is computed within a partition by them. Start at [`number`].

use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::expr::Sort as SortKey;
use datafusion::logical_expr::{
    DistinctOn, Expr, ExprFunctionExt as _, LogicalPlan, LogicalPlanBuilder, WindowFrame, WindowFrameBound,
    WindowFrameUnits, lit,
};

/// The numbers of rows that have the same keys, in this order; and the column that holds them.
pub(crate) fn number(keys: Vec<Expr>, order: Vec<SortKey>) -> Result<(Expr, Expr)> {
    // Without an order any rows are the first, and DataFusion wants a frame that needs none.
    let frame = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow,
    );
    let numbers = row_number().partition_by(keys).order_by(order);
    let number = numbers.window_frame(frame).build()?;
    let column = Column::from_name(number.schema_name().to_string());
    Ok((number, Expr::Column(column)))
}

/// `SELECT DISTINCT ON`: the first row of each group, by number. DataFusion would make aggregates of all columns, through which no key of a
/// join passes.
pub(crate) fn distinct_on(distinct: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn {
        on_expr,
        select_expr,
        sort_expr,
        input,
        schema,
    } = distinct;
    let order = sort_expr.unwrap_or_default();
    let (number, numbers) = number(on_expr, order.clone())?;
    let mut first = LogicalPlanBuilder::from(input.as_ref().clone())
        .window(vec![number])?
        .filter(numbers.eq(lit(ScalarValue::UInt64(Some(1)))))?;
    if !order.is_empty() {
        first = first.sort(order)?;
    }
    let outputs = select_expr.into_iter().enumerate().map(|(at, expr)| {
        let (relation, field) = schema.qualified_field(at);
        let is_named = expr.qualified_name() == (relation.cloned(), field.name().clone());
        if is_named {
            expr
        } else {
            expr.alias_qualified(relation.cloned(), field.name().clone())
        }
    });
    first.project(outputs.collect::<Vec<_>>())?.build()
}
