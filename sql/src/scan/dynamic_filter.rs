//! Conditions that are known only when a part of the statement has run: comparisons with the value of a subquery, and what
//! the operator over the other side of a join makes of the join's condition.
//!
//! Owns: reading them as predicates and sending what can be sent. Invariant: the operator that they come from checks every row again.

use std::sync::Arc;
use std::time::Duration;

use causeway_core::{Fidelity, Pushed, RemoteQuery, Table, translate};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr as Binary, Cast, ColumnarValue, Expr};
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    Literal, NotExpr,
};
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::lower;
use super::spec::ScanSpec;

/// Longest wait for the keys of a join. The join's other side has its own limits; this only ends a wait that nothing will end.
const LONGEST_WAIT_FOR_KEYS: Duration = Duration::from_secs(600);

/// Waits for the conditions, and adds what can be sent of them to the query.
pub(crate) async fn narrow(spec: &ScanSpec, query: &mut RemoteQuery) -> Result<()> {
    for filter in &spec.dynamic_filters {
        let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() else {
            continue;
        };
        complete(dynamic).await?;
        let Some(pushed) = pushed(spec, query, &dynamic.current()?) else {
            continue;
        };
        query.filters.push(pushed);
        let dialect = spec.source.dialect();
        let fits = dialect
            .request_bytes(query)
            .is_ok_and(|bytes| bytes <= spec.source.limits().request_bytes);
        if !fits || spec.source.has_refused(query) {
            query.filters.pop();
        }
    }
    Ok(())
}

fn pushed(spec: &ScanSpec, query: &RemoteQuery, condition: &Arc<dyn PhysicalExpr>) -> Option<Pushed> {
    let table = &query.table;
    let predicate = lower::lower(table, &logical(spec, table, condition)?);
    let pushed = translate(spec.source.dialect(), table, &predicate).ok()?;
    Some(Pushed {
        fidelity: Fidelity::Superset,
        derived: true,
        ..pushed
    })
}

/// The expression as a statement would have it, over the table's columns by name.
pub(crate) fn logical(spec: &ScanSpec, table: &Table, expr: &Arc<dyn PhysicalExpr>) -> Option<Expr> {
    let boxed = |expr: &Arc<dyn PhysicalExpr>| logical(spec, table, expr).map(Box::new);
    let all = |exprs: &[Arc<dyn PhysicalExpr>]| {
        let exprs = exprs.iter().map(|expr| logical(spec, table, expr));
        exprs.collect::<Option<Vec<Expr>>>()
    };
    if let Some(column) = expr.downcast_ref::<Column>() {
        let column = table.columns.get(spec.key_column(column.index())?)?;
        return Some(Expr::Column(datafusion::common::Column::from_name(&column.name)));
    }
    if let Some(constant) = expr.downcast_ref::<Literal>() {
        return Some(Expr::Literal(constant.value().clone(), None));
    }
    if expr.is::<ScalarSubqueryExpr>() {
        return Some(Expr::Literal(constant(expr)?, None));
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let (left, right) = (boxed(binary.left())?, boxed(binary.right())?);
        return Some(Expr::BinaryExpr(Binary::new(left, *binary.op(), right)));
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return Some(Expr::Cast(Cast::new(
            boxed(cast.expr())?,
            cast.cast_type().clone(),
        )));
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        let list = InList::new(boxed(list.expr())?, all(list.list())?, list.negated());
        return Some(Expr::InList(list));
    }
    if let Some(like) = expr.downcast_ref::<LikeExpr>() {
        let (value, pattern) = (boxed(like.expr())?, boxed(like.pattern())?);
        return Some(Expr::Like(Like::new(
            like.negated(),
            value,
            pattern,
            None,
            like.case_insensitive(),
        )));
    }
    if let Some(not) = expr.downcast_ref::<NotExpr>() {
        return Some(Expr::Not(boxed(not.arg())?));
    }
    if let Some(null) = expr.downcast_ref::<IsNullExpr>() {
        return Some(Expr::IsNull(boxed(null.arg())?));
    }
    if let Some(null) = expr.downcast_ref::<IsNotNullExpr>() {
        return Some(Expr::IsNotNull(boxed(null.arg())?));
    }
    let function = expr.downcast_ref::<ScalarFunctionExpr>()?;
    let call = ScalarFunction::new_udf(Arc::new(function.fun().clone()), all(function.args())?);
    Some(Expr::ScalarFunction(call))
}

/// Waits until an operator above has filled the filter.
pub(crate) async fn complete(filter: &DynamicFilterPhysicalExpr) -> Result<()> {
    let arrived = tokio::time::timeout(LONGEST_WAIT_FOR_KEYS, filter.wait_complete()).await;
    arrived.map_err(|_| {
        DataFusionError::Execution("the keys of a join did not arrive within ten minutes".to_owned())
    })
}

/// The value of an expression over no column.
pub(crate) fn constant(expr: &Arc<dyn PhysicalExpr>) -> Option<ScalarValue> {
    match expr
        .evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty())))
        .ok()?
    {
        ColumnarValue::Scalar(value) => Some(value),
        ColumnarValue::Array(_) => None,
    }
}
