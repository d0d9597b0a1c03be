//! Turns the rows of one side of a join into a condition on the other side.
//!
//! A hash join hands down its keys by itself. A join on anything else (`OR`, a range, a pattern) compares every pair of rows; what its
//! condition becomes for the few rows of the side that is read first narrows the scan of the other side.
//! Invariant: the condition holds for every row that the join can match with a row that passed by.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{DataFusionError, JoinSide, Result, ScalarValue, Statistics};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, Literal, lit,
};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt as _, stream};

use crate::scan::dynamic_filter::constant;

/// Rows beyond which the condition would be longer than it is useful.
const MOST_ROWS: usize = 200;

type Expression = Arc<dyn PhysicalExpr>;

/// Passes its input on, and fills a filter with what a join's condition becomes for it.
#[derive(Debug)]
pub(crate) struct DynamicFilterExec {
    input: Arc<dyn ExecutionPlan>,
    condition: Condition,
    filter: Arc<DynamicFilterPhysicalExpr>,
}

/// What a join compares, and the columns of its right side.
#[derive(Debug, Clone)]
struct Condition {
    pairs: JoinFilter,
    right: SchemaRef,
}

/// A dynamic filter that a join's condition will fill, by an operator that is not yet in the plan.
pub(crate) struct ConditionFilter {
    condition: Condition,
    columns: Vec<Arc<dyn PhysicalExpr>>,
    filter: Arc<DynamicFilterPhysicalExpr>,
}

impl ConditionFilter {
    /// For a join of that condition; `None` when it is not over the right side.
    pub(crate) fn new(pairs: &JoinFilter, right: &SchemaRef) -> Option<Self> {
        let indices = pairs
            .column_indices()
            .iter()
            .filter(|column| column.side == JoinSide::Right);
        let columns = indices.map(|column| {
            let field = right.fields().get(column.index)?;
            Some(Arc::new(Column::new(field.name(), column.index)) as Arc<dyn PhysicalExpr>)
        });
        let columns: Vec<_> = columns.collect::<Option<_>>()?;
        (!columns.is_empty()).then(|| Self {
            condition: Condition {
                pairs: pairs.clone(),
                right: Arc::clone(right),
            },
            filter: Arc::new(DynamicFilterPhysicalExpr::new(columns.clone(), lit(true))),
            columns,
        })
    }

    /// The filter for the right side, over [`ConditionFilter::columns`].
    pub(crate) fn filter(&self) -> Arc<dyn PhysicalExpr> {
        Arc::clone(&self.filter) as _
    }

    pub(crate) fn columns(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.columns.clone()
    }

    /// Lets the rows of the left side fill the filter.
    pub(crate) fn over(self, input: Arc<dyn ExecutionPlan>) -> DynamicFilterExec {
        DynamicFilterExec {
            input,
            condition: self.condition,
            filter: self.filter,
        }
    }
}

impl DisplayAs for DynamicFilterExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynamicFilterExec: condition={}", self.condition.pairs)
    }
}

impl ExecutionPlan for DynamicFilterExec {
    fn name(&self) -> &'static str {
        "DynamicFilterExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self {
                input,
                condition: self.condition.clone(),
                filter: Arc::clone(&self.filter),
            })),
            _ => Err(DataFusionError::Internal(
                "a dynamic filter has one input".to_owned(),
            )),
        }
    }

    /// A plan that is run again has scans that wait for no filter.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::clone(&self.input))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, context)?;
        let seen = Seen {
            condition: self.condition.clone(),
            filter: Arc::clone(&self.filter),
            batches: Some((0, Vec::new())),
        };
        let passing = stream::unfold((rows, seen), |(mut rows, mut seen)| async move {
            let batch = rows.next().await;
            match &batch {
                Some(Ok(batch)) => seen.add(batch),
                Some(Err(_)) => seen.batches = None,
                None => seen.tell(),
            }
            Some((batch?, (rows, seen)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), passing)))
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let only = inputs.first().map(Arc::clone);
        only.ok_or_else(|| DataFusionError::Internal("a dynamic filter has one input".to_owned()))
    }
}

/// What has passed by; `None` when it is too much, or failed.
struct Seen {
    condition: Condition,
    filter: Arc<DynamicFilterPhysicalExpr>,
    batches: Option<(usize, Vec<RecordBatch>)>,
}

impl Seen {
    fn add(&mut self, batch: &RecordBatch) {
        if let Some((rows, batches)) = &mut self.batches {
            *rows += batch.num_rows();
            batches.push(batch.clone());
            if *rows > MOST_ROWS {
                self.batches = None;
            }
        }
    }

    /// Fills the filter. What can't be said leaves it as it was, true for every row.
    fn tell(&mut self) {
        let batches = self.batches.take().map(|(_, batches)| batches);
        if let Some(condition) = batches.and_then(|batches| condition_for(&self.condition, &batches))
            && let Err(error) = self.filter.update(condition)
        {
            tracing::warn!(%error, "a join's condition is not handed down");
        }
    }
}

impl Drop for Seen {
    /// Whoever waits for the filter goes on, however the input ended.
    fn drop(&mut self) {
        self.filter.mark_complete();
    }
}

/// True for every row of the right side that some row can match; `None` when that can't be computed.
fn condition_for(condition: &Condition, batches: &[RecordBatch]) -> Option<Arc<dyn PhysicalExpr>> {
    let mut arms: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            for arm in arms_of(&for_row(condition, batch, row)?) {
                if !arms.contains(&arm) {
                    arms.push(arm);
                }
            }
        }
    }
    Some(any_of(listed(arms, &condition.right)?))
}

/// The condition for one row of the left side, over the columns of the right side.
fn for_row(condition: &Condition, batch: &RecordBatch, row: usize) -> Option<Arc<dyn PhysicalExpr>> {
    let filled = Arc::clone(condition.pairs.expression()).transform_up(|part| {
        if let Some(column) = part.downcast_ref::<Column>() {
            let index = condition.pairs.column_indices().get(column.index());
            let index =
                index.ok_or_else(|| DataFusionError::Internal("a condition over no column".to_owned()))?;
            let filled: Arc<dyn PhysicalExpr> = match index.side {
                JoinSide::Left => Arc::new(Literal::new(ScalarValue::try_from_array(
                    batch.column(index.index),
                    row,
                )?)),
                _ => Arc::new(Column::new(
                    condition.right.field(index.index).name(),
                    index.index,
                )),
            };
            return Ok(Transformed::yes(filled));
        }
        let children = part.children();
        let is_constant = !children.is_empty() && children.iter().all(|child| child.is::<Literal>());
        Ok(match is_constant.then(|| constant(&part)).flatten() {
            Some(value) => Transformed::yes(Arc::new(Literal::new(value)) as _),
            None => Transformed::no(part),
        })
    });
    filled.data().ok()
}

fn arms_of(expr: &Arc<dyn PhysicalExpr>) -> Vec<Arc<dyn PhysicalExpr>> {
    match expr.downcast_ref::<BinaryExpr>() {
        Some(either) if *either.op() == Operator::Or => {
            [arms_of(either.left()), arms_of(either.right())].concat()
        }
        _ => vec![Arc::clone(expr)],
    }
}

/// The arms, with all that compare one column with constants put together.
fn listed(arms: Vec<Expression>, schema: &SchemaRef) -> Option<Vec<Expression>> {
    let mut lists: Vec<(Expression, Vec<Expression>)> = Vec::new();
    let mut others = Vec::new();
    for arm in arms {
        let equality = arm
            .downcast_ref::<BinaryExpr>()
            .filter(|compared| *compared.op() == Operator::Eq);
        let sides = equality.and_then(|compared| {
            let (left, right) = (compared.left(), compared.right());
            match (
                left.is::<Column>(),
                right.is::<Literal>(),
                left.is::<Literal>(),
                right.is::<Column>(),
            ) {
                (true, true, ..) => Some((left, right)),
                (.., true, true) => Some((right, left)),
                _ => None,
            }
        });
        match sides {
            Some((column, value)) => match lists.iter_mut().find(|(other, _)| other == column) {
                Some((_, values)) => values.push(Arc::clone(value)),
                None => lists.push((Arc::clone(column), vec![Arc::clone(value)])),
            },
            None => others.push(arm),
        }
    }
    for (column, values) in lists {
        others.push(Arc::new(InListExpr::try_new(column, values, false, schema).ok()?));
    }
    Some(others)
}

fn any_of(arms: Vec<Arc<dyn PhysicalExpr>>) -> Arc<dyn PhysicalExpr> {
    let either = |one, other| Arc::new(BinaryExpr::new(one, Operator::Or, other)) as Arc<dyn PhysicalExpr>;
    arms.into_iter().reduce(either).unwrap_or_else(|| lit(false))
}
