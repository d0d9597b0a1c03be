//! Joins and unions inside a subquery that refers to its outer query.
//!
//! Owns: which side of a join the outer values must be brought to. Does not own: the other operators (`unnest`). Invariant: a condition
//! never leaves the side of an outer join where it decides which rows are filled with NULLs. Start at [`join_of`].

use std::collections::HashMap;

use datafusion::common::{Column, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, Join, LogicalPlanBuilder, Operator, binary_expr};

use super::dependent::{Dependent, Output, joined, projected, resolved, same};
use super::level::{Level, bound};
use super::unnest::{refused, unnest};

pub(super) fn join_of(join: &Join, level: &Level) -> Result<Dependent> {
    let (mut left, mut right) = (side(&join.left, level)?, side(&join.right, level)?);
    let conditions = conditions(join, &left, &right)?;
    let (plan, ties) = match join.join_type {
        JoinType::Inner => {
            let (mut ties, own): (Vec<_>, Vec<_>) = conditions
                .into_iter()
                .partition(|condition| level.refers(condition));
            ties.append(&mut left.ties);
            ties.append(&mut right.ties);
            (joined(left.plan, right.plan, JoinType::Inner, own)?, ties)
        }
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            let conditions = beside(&mut left, &mut right, conditions, level)?;
            (
                joined(left.plan, right.plan, join.join_type, conditions)?,
                left.ties,
            )
        }
        JoinType::Right => {
            let conditions = beside(&mut right, &mut left, conditions, level)?;
            (
                joined(left.plan, right.plan, JoinType::Right, conditions)?,
                right.ties,
            )
        }
        JoinType::Full => return Err(refused("a full join")),
        other => return Err(refused(format!("a {other} join"))),
    };
    let is_left_only = matches!(
        join.join_type,
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
    );
    let mut outputs = left.outputs;
    match join.join_type {
        JoinType::LeftMark => {
            if let (Some(mark), Some((relation, field))) =
                (plan.schema().columns().pop(), join.schema.iter().last())
            {
                outputs.push(Output {
                    relation: relation.cloned(),
                    name: field.name().clone(),
                    value: Expr::Column(mark),
                });
            }
        }
        _ if is_left_only => {}
        _ => outputs.append(&mut right.outputs),
    }
    Ok(Dependent {
        plan,
        ties,
        outputs,
        order: Vec::new(),
        missing: None,
        is_single: left.is_single && (is_left_only || right.is_single),
    })
}

/// A side with names of its own, and no rows missing.
fn side(plan: &datafusion::logical_expr::LogicalPlan, level: &Level) -> Result<Dependent> {
    let mut rows = unnest(plan, level)?;
    if level.depends(plan)? {
        rows.complete(level)?;
        rows.isolate(level, false)?;
    }
    rows.order.clear();
    Ok(rows)
}

/// The join's conditions over both sides' rows.
fn conditions(join: &Join, left: &Dependent, right: &Dependent) -> Result<Vec<Expr>> {
    let op = match join.null_equality {
        NullEquality::NullEqualsNothing => Operator::Eq,
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
    };
    let schema = join.left.schema().join(join.right.schema())?;
    let values: Vec<&Expr> = left
        .outputs
        .iter()
        .chain(&right.outputs)
        .map(|output| &output.value)
        .collect();
    let keys = join
        .on
        .iter()
        .map(|(left, right)| binary_expr(left.clone(), op, right.clone()));
    let rest = join
        .filter
        .iter()
        .flat_map(|filter| split_conjunction_owned(filter.clone()));
    keys.chain(rest)
        .map(|condition| resolved(condition, &schema, &values))
        .collect()
}

/// The conditions of a join that keeps all rows of one side, with the outer values as columns of that side.
fn beside(
    kept: &mut Dependent,
    other: &mut Dependent,
    mut conditions: Vec<Expr>,
    level: &Level,
) -> Result<Vec<Expr>> {
    // Values of the filled-up side are NULL where it has no row, whatever they are computed from.
    other.bind_outputs(level)?;
    conditions.append(&mut other.ties);
    let references = level.references(&conditions)?;
    let columns = match references.is_empty() {
        true => HashMap::new(),
        false => kept.bind(level, &references)?,
    };
    conditions
        .into_iter()
        .map(|condition| bound(condition, &columns))
        .collect()
}

/// The rows of all parts.
pub(super) fn union_of(parts: Vec<Dependent>, schema: &DFSchemaRef, level: &Level) -> Result<Dependent> {
    let mut parts = parts;
    for part in &mut parts {
        part.complete(level)?;
    }
    if !have_same_keys(&parts, level) {
        bind_alike(&mut parts, level)?;
    }
    let alias = level.names.next();
    let mut ties = Vec::new();
    let mut plans = Vec::new();
    for mut part in parts {
        let keys = part.keyed(level, &[])?;
        let renamed = part.ties.iter().enumerate().filter_map(|(at, tie)| {
            let key = level.key_of(tie)?;
            Some(binary_expr(
                Expr::Column(Column::from_name(format!("{alias}_key{at}"))),
                key.op,
                key.outer,
            ))
        });
        ties = renamed.collect();
        let values = part.outputs.into_iter().enumerate();
        let values = values.map(|(at, output)| output.value.alias(format!("{alias}_value{at}")));
        let keys = keys
            .into_iter()
            .enumerate()
            .map(|(at, key)| key.alias(format!("{alias}_key{at}")));
        plans.push(projected(&part.plan, values.chain(keys).collect())?);
    }
    let mut plans = plans.into_iter();
    let first = plans.next().ok_or_else(|| refused("no rows"))?;
    let plan = plans
        .try_fold(LogicalPlanBuilder::from(first), LogicalPlanBuilder::union)?
        .build()?;
    let outputs = plan.schema().columns().into_iter().zip(schema.iter());
    let outputs = outputs.map(|(column, (relation, field))| Output {
        relation: relation.cloned(),
        name: field.name().clone(),
        value: Expr::Column(column),
    });
    Ok(Dependent {
        outputs: outputs.collect(),
        plan,
        ties,
        order: Vec::new(),
        missing: None,
        is_single: false,
    })
}

/// Ties all parts to the outer query by the same columns, in one order: keys of the same place have the same meaning.
fn bind_alike(parts: &mut [Dependent], level: &Level) -> Result<()> {
    let mut all = Vec::new();
    for part in &*parts {
        let values = part.outputs.iter().map(|output| &output.value);
        for reference in level.references(part.ties.iter().chain(values))? {
            if !all.contains(&reference) {
                all.push(reference);
            }
        }
    }
    for part in parts {
        let columns = part.bind(level, &all)?;
        let ties = all.iter().filter_map(|reference| match reference {
            Expr::OuterReferenceColumn(_, column) => columns
                .get(column)
                .map(|value| same(value.clone(), reference.clone())),
            _ => None,
        });
        part.ties = ties.collect();
    }
    Ok(())
}

/// Whether all parts are tied to the outer query by equalities with the same of its values.
fn have_same_keys(parts: &[Dependent], level: &Level) -> bool {
    let keys = parts.iter().map(|part| {
        let outputs = part.outputs.iter();
        if outputs
            .map(|output| &output.value)
            .any(|value| level.refers(value))
        {
            return None;
        }
        let keys = part
            .ties
            .iter()
            .map(|tie| level.key_of(tie).map(|key| (key.op, key.outer)));
        keys.collect::<Option<Vec<_>>>()
    });
    let keys: Vec<_> = keys.collect();
    let first = keys.first();
    first.is_some_and(|first| first.as_ref().is_some_and(|first| !first.is_empty()))
        && keys.iter().all(|key| Some(key) == first)
}
