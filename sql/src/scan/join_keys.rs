//! The keys that the joins above a scan hand down.
//!
//! Owns: reading them from the joins' filters, and turning them into what the source can be asked. A key may be an expression of a column,
//! `lower(email)` or `left(id, 15)`: each of its values is solved for the column.
//! Invariant: the join compares every row again, so a key set may keep more rows than match, never fewer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use causeway_core::{Condition, KeySet, KeyTest, Literal, Op, Predicate, RemoteQuery, Verdict};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{filter_record_batch, is_null, or, prep_null_mask_filter};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNullExpr, Literal as Constant,
};

use super::spec::ScanSpec;
use super::{dynamic_filter, estimate, lower};

/// What the joins above have handed down.
pub(crate) enum Keys {
    None,
    NoRowCanMatch,
    /// The keys, and what they were computed of, unless they are a column's values themselves.
    Set(KeySet, Option<Computed>),
}

/// Keys that are values of an expression, with what was asked for each.
#[derive(Debug)]
pub(crate) struct Computed {
    /// Over the fetched columns.
    expr: Arc<dyn PhysicalExpr>,
    values: HashMap<String, Vec<ScalarValue>>,
}

/// A list of values that an expression over the scan's output must be among.
struct List {
    expr: Arc<dyn PhysicalExpr>,
    values: Vec<ScalarValue>,
    or_null: bool,
}

/// Waits for the keys: those of the column that will bring the fewest rows.
pub(crate) async fn arrived(spec: &ScanSpec, query: &RemoteQuery) -> Result<Keys> {
    let mut best: Option<(usize, KeySet, Option<Computed>)> = None;
    for filter in &spec.key_filters {
        let Some(dynamic) = filter.downcast_ref::<DynamicFilterPhysicalExpr>() else {
            continue;
        };
        dynamic_filter::complete(dynamic).await?;
        let mut lists = Vec::new();
        if !collect(&dynamic.current()?, &mut lists) {
            return Ok(Keys::NoRowCanMatch);
        }
        for list in lists {
            let handed_down = list.values.len();
            let Some((keys, computed)) = key_set(spec, query, list) else {
                continue;
            };
            if keys.values.is_empty() && !keys.or_null {
                return Ok(Keys::NoRowCanMatch);
            }
            // Values that are shared by many rows on one side of a join are probably shared by many on the other.
            let distinct = keys.values.len();
            let sharing = handed_down.div_ceil(distinct.max(1));
            let rows = estimate::rows_with_keys(spec, keys.column, distinct).saturating_mul(sharing);
            let is_better = |(least, best, _): &(usize, KeySet, _)| {
                rows < *least || (rows == *least && distinct > best.values.len())
            };
            if best.as_ref().is_none_or(is_better) {
                best = Some((rows, keys, computed));
            }
        }
    }
    Ok(best.map_or(Keys::None, |(_, keys, computed)| Keys::Set(keys, computed)))
}

/// Gathers `key IN (…)` from the conjuncts, with or without `OR key IS NULL`; false when the filter is constant false: the other side has
/// no row.
///
/// The ranges that come along are in Arrow's order and add nothing to the list; an opaque hash lookup gives nothing.
fn collect(filter: &Arc<dyn PhysicalExpr>, found: &mut Vec<List>) -> bool {
    if let Some(constant) = filter.downcast_ref::<Constant>() {
        return *constant.value() != ScalarValue::Boolean(Some(false));
    }
    if let Some(binary) = filter.downcast_ref::<BinaryExpr>() {
        match binary.op() {
            Operator::And => return collect(binary.left(), found) && collect(binary.right(), found),
            Operator::Or => {
                let nulls =
                    |expr: &Arc<dyn PhysicalExpr>| Some(Arc::clone(expr.downcast_ref::<IsNullExpr>()?.arg()));
                if let Some(expr) = nulls(binary.left()) {
                    found.extend(or_null(binary.right(), expr));
                } else if let Some(expr) = nulls(binary.right()) {
                    found.extend(or_null(binary.left(), expr));
                }
            }
            _ => {}
        }
    }
    if let Some(list) = filter.downcast_ref::<InListExpr>()
        && !list.negated()
    {
        let values = list
            .list()
            .iter()
            .map(|item| Some(item.downcast_ref::<Constant>()?.value().clone()));
        if let Some(values) = values.collect::<Option<Vec<_>>>() {
            by_column(list.expr(), values, found);
        }
    }
    true
}

/// `lists OR expr IS NULL`, when the lists are of that expression.
fn or_null(lists: &Arc<dyn PhysicalExpr>, expr: Arc<dyn PhysicalExpr>) -> Option<List> {
    let mut found = Vec::new();
    if !collect(lists, &mut found) {
        return Some(List {
            expr,
            values: Vec::new(),
            or_null: true,
        });
    }
    let own = found
        .into_iter()
        .find(|list| list.expr.as_ref() == expr.as_ref() && !list.or_null)?;
    Some(List { or_null: true, ..own })
}

/// A join on several keys hands down `struct(a, b) IN (…)`: each key's values are a list of their own.
fn by_column(expr: &Arc<dyn PhysicalExpr>, values: Vec<ScalarValue>, found: &mut Vec<List>) {
    if !matches!(values.first(), Some(ScalarValue::Struct(_))) {
        found.push(List {
            expr: Arc::clone(expr),
            values,
            or_null: false,
        });
        return;
    }
    for (position, child) in expr.children().into_iter().enumerate() {
        let field = |value: &ScalarValue| match value {
            ScalarValue::Struct(row) => ScalarValue::try_from_array(row.columns().get(position)?, 0).ok(),
            _ => None,
        };
        if let Some(values) = values.iter().map(field).collect() {
            found.push(List {
                expr: Arc::clone(child),
                values,
                or_null: false,
            });
        }
    }
}

/// The distinct values as what the source can be asked for, or `None` when it can't.
fn key_set(spec: &ScanSpec, query: &RemoteQuery, list: List) -> Option<(KeySet, Option<Computed>)> {
    let mut distinct = HashSet::new();
    let values = list.values.into_iter();
    let values: Vec<ScalarValue> = values
        .filter(|value| !value.is_null() && distinct.insert(value.clone()))
        .collect();
    let (mut keys, computed) = match list.expr.downcast_ref::<Column>() {
        Some(column) => (of_column(spec, query, column.index(), &values)?, None),
        // Where its value is NULL the column's need not be.
        None if list.or_null => return None,
        None => {
            let (keys, computed) = of_expression(spec, query, &list.expr, values)?;
            (keys, Some(computed))
        }
    };
    query.table.columns.get(keys.column)?.remote_field()?;
    keys.or_null =
        list.or_null && !query.table.key.contains(&keys.column) && !spec.not_null.contains(&keys.column);
    let mut alone = RemoteQuery::new(Arc::clone(&query.table), Vec::new());
    alone.keys = Some(keys.with_values(Vec::new()));
    if spec.source.has_refused(&alone) {
        return None;
    }
    match keys.verdict(spec.source.dialect(), &query.table) {
        Verdict::Never(_) => None,
        // No record has any of these keys.
        Verdict::Exact(Condition::Never) => {
            keys.or_null = false;
            Some((keys.with_values(Vec::new()), computed))
        }
        Verdict::Exact(_) | Verdict::Superset(..) => Some((keys, computed)),
    }
}

fn of_column(spec: &ScanSpec, query: &RemoteQuery, output: usize, values: &[ScalarValue]) -> Option<KeySet> {
    let position = spec.key_column(output)?;
    let column = query.table.columns.get(position)?;
    let literals = values.iter().map(|value| lower::literal(column.ty, value));
    Some(KeySet::equal(position, literals.collect::<Option<_>>()?))
}

/// Solves `expr = value` for the column in it. Keys of several kinds are all asked for by the loosest.
fn of_expression(
    spec: &ScanSpec,
    query: &RemoteQuery,
    expr: &Arc<dyn PhysicalExpr>,
    values: Vec<ScalarValue>,
) -> Option<(KeySet, Computed)> {
    let table = &query.table;
    let logical = dynamic_filter::logical(spec, table, expr)?;
    let mut solved = Vec::with_capacity(values.len());
    for value in values {
        match lower::equal(table, &logical, &value) {
            Predicate::Never => {}
            predicate => solved.push((solution(predicate)?, value)),
        }
    }
    let rank = |test| {
        [KeyTest::Equal, KeyTest::Like, KeyTest::ILike]
            .iter()
            .position(|one| *one == test)
    };
    let loosest = solved
        .iter()
        .map(|(solution, _)| solution.test)
        .max_by_key(|test| rank(*test));
    let test = loosest.unwrap_or(KeyTest::Equal);
    let column = solved
        .first()
        .map_or_else(|| column_of(spec, expr), |(first, _)| Some(first.column))?;
    let mut asked: Vec<String> = Vec::new();
    let mut values: HashMap<String, Vec<ScalarValue>> = HashMap::new();
    for (solution, value) in solved {
        if solution.column != column {
            return None;
        }
        let text = match (solution.test, test) {
            (KeyTest::Equal, KeyTest::Like | KeyTest::ILike) => lower::escaped(&solution.text),
            _ => solution.text,
        };
        let of_text = values.entry(text.clone()).or_default();
        if of_text.is_empty() {
            asked.push(text);
        }
        of_text.push(value);
    }
    let keys = KeySet {
        test,
        ..KeySet::equal(column, asked.into_iter().map(Literal::Text).collect())
    };
    let fetched = over_fetched(spec, expr)?;
    Some((
        keys,
        Computed {
            expr: fetched,
            values,
        },
    ))
}

/// The table column that an expression without a value to solve for is over.
fn column_of(spec: &ScanSpec, expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    let columns = datafusion::physical_expr::utils::collect_columns(expr);
    spec.key_column(columns.iter().next()?.index())
}

/// Texts of a column that give an expression its value.
struct Solution {
    column: usize,
    test: KeyTest,
    text: String,
}

fn solution(predicate: Predicate) -> Option<Solution> {
    match predicate {
        Predicate::Implies(inner) => solution(*inner),
        Predicate::Is(comparison) => {
            let test = match comparison.op {
                Op::Eq => KeyTest::Equal,
                Op::Like => KeyTest::Like,
                Op::ILike => KeyTest::ILike,
                _ => return None,
            };
            match <[Literal; 1]>::try_from(comparison.values).ok()? {
                [Literal::Text(text)] => Some(Solution {
                    column: comparison.column,
                    test,
                    text,
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The expression over the fetched columns instead of the output's.
fn over_fetched(spec: &ScanSpec, expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
    let moved = Arc::clone(expr).transform(|part| {
        let Some(column) = part.downcast_ref::<Column>() else {
            return Ok(Transformed::no(part));
        };
        let Some(at) = spec.output.get(column.index()) else {
            return Err(DataFusionError::Internal("a key is not in the output".to_owned()));
        };
        Ok(Transformed::yes(Arc::new(Column::new(column.name(), *at)) as _))
    });
    moved.data().ok()
}

/// Keeps the rows whose key was asked for by this very request.
///
/// A remote system that compares text without case, or ignores the condition, answers a row to several requests; it counts once.
pub(crate) fn of_own_keys(
    query: &RemoteQuery,
    keys: Option<&KeySet>,
    computed: Option<&Computed>,
    batch: RecordBatch,
) -> Result<RecordBatch> {
    let Some(keys) = keys else { return Ok(batch) };
    let schema = batch.schema();
    let (key, values) = match computed {
        Some(computed) => {
            let asked = keys.values.iter().filter_map(|key| match key {
                Literal::Text(text) => computed.values.get(text),
                _ => None,
            });
            (
                Arc::clone(&computed.expr),
                asked.flatten().cloned().collect::<Vec<_>>(),
            )
        }
        None => {
            let fetched = query
                .grouping
                .as_ref()
                .map_or(&query.columns, |grouping| &grouping.keys);
            let position = fetched.iter().position(|column| *column == keys.column);
            let Some(position) = position else {
                return Err(DataFusionError::Internal(
                    "a key column was not fetched".to_owned(),
                ));
            };
            let column = Column::new(schema.field(position).name(), position);
            (
                Arc::new(column) as _,
                keys.values.iter().map(lower::scalar).collect(),
            )
        }
    };
    let found = key.evaluate(&batch)?.into_array(batch.num_rows())?;
    let own = InListExpr::try_new_from_array(key, ScalarValue::iter_to_array(values)?, false, &schema)?;
    let own = own.evaluate(&batch)?.into_array(batch.num_rows())?;
    let kept = if keys.or_null {
        or(&prep_null_mask_filter(own.as_boolean()), &is_null(&found)?)?
    } else {
        own.as_boolean().clone()
    };
    Ok(filter_record_batch(&batch, &kept)?)
}
