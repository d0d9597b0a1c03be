//! The rows of an outer query, to which the answers of its subqueries are added as columns.
//!
//! Owns: which join brings a subquery's answer to the outer rows. Does not own: how the subquery gets independent of them (`unnest`).
//! Invariant: an outer row stays one row. Start at [`Outer`].

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable as _, FetchType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit,
};

use super::dependent::{Dependent, joined, or_missing};
use super::level::{Level, Names};
use super::quantified::{Quantified, Question, Wanted, of_three};
use super::single_row::{only, value_of};
use super::unnest::{projection_of, unnest};
use super::{first_row_of, is_free};
use crate::types::unsupported;

/// See the module.
pub(super) struct Outer<'a> {
    /// The outer rows as they were.
    base: LogicalPlan,
    /// With the answers so far.
    pub(super) plan: LogicalPlan,
    /// Answers, by the expression that asked.
    known: Vec<(Expr, Expr)>,
    names: &'a Names,
    /// Whether DataFusion is left what it can: subqueries that stand for themselves, in a filter.
    is_filter: bool,
    /// Whether even such subqueries must become columns.
    pub(super) takes_all: bool,
}

impl<'a> Outer<'a> {
    /// For values over the rows.
    pub(super) fn new(base: LogicalPlan, names: &'a Names) -> Self {
        Self {
            plan: base.clone(),
            base,
            known: Vec::new(),
            names,
            is_filter: false,
            takes_all: false,
        }
    }

    /// For a filter of the rows.
    pub(super) fn filter(base: LogicalPlan, names: &'a Names) -> Self {
        Self {
            is_filter: true,
            ..Self::new(base, names)
        }
    }

    /// Keeps the rows for which the condition is true, when it is nothing but a question to a subquery; gives it back otherwise.
    pub(super) fn restrict(&mut self, condition: Expr) -> Result<Option<Expr>> {
        let Some(quantified) = Quantified::of(&condition) else {
            return self.truth(condition, Wanted::True, true).map(Some);
        };
        let quantified = quantified.with_left(|left| self.truth(left, Wanted::Value, false))?;
        if self.keeps(&quantified)
            && let Some(kept) = quantified.kept(Wanted::True, true)
        {
            return with_first_row(kept).map(Some);
        }
        let question = quantified.is_true();
        let join = match question.negated {
            false => JoinType::LeftSemi,
            true => JoinType::LeftAnti,
        };
        match self.ask(&quantified.subquery, &question, join)? {
            Some(_) => Ok(None),
            // There is always a row.
            None => Ok(Some(lit(!question.negated))),
        }
    }

    /// The expression over the rows with the answers.
    pub(super) fn truth(&mut self, expr: Expr, wanted: Wanted, alone: bool) -> Result<Expr> {
        if let Some(quantified) = Quantified::of(&expr) {
            return self.quantified(quantified, wanted, alone);
        }
        match expr {
            Expr::ScalarSubquery(subquery) if !self.takes_all && is_free(&subquery) => {
                Ok(Expr::ScalarSubquery(apart(subquery)))
            }
            Expr::ScalarSubquery(subquery) => self.value(subquery),
            Expr::Not(inner) => Ok(Expr::Not(Box::new(self.truth(
                *inner,
                wanted.of_negation(),
                false,
            )?))),
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let alone = alone && op == Operator::And;
                let (left, right) = (
                    self.truth(*left, wanted, alone)?,
                    self.truth(*right, wanted, alone)?,
                );
                Ok(Expr::BinaryExpr(BinaryExpr::new(
                    Box::new(left),
                    op,
                    Box::new(right),
                )))
            }
            Expr::IsTrue(inner) => Ok(Expr::IsTrue(Box::new(self.truth(*inner, Wanted::True, false)?))),
            Expr::IsNotTrue(inner) => Ok(Expr::IsNotTrue(Box::new(self.truth(
                *inner,
                Wanted::True,
                false,
            )?))),
            Expr::IsFalse(inner) => Ok(Expr::IsFalse(Box::new(self.truth(
                *inner,
                Wanted::NotFalse,
                false,
            )?))),
            Expr::IsNotFalse(inner) => Ok(Expr::IsNotFalse(Box::new(self.truth(
                *inner,
                Wanted::NotFalse,
                false,
            )?))),
            Expr::Case(case) if case.expr.is_none() => self.case(case, wanted),
            other => other
                .map_children(|part| Ok(Transformed::yes(self.truth(part, Wanted::Value, false)?)))
                .data(),
        }
    }

    /// CASE without an operand: its conditions need be told true from the rest.
    fn case(&mut self, case: Case, wanted: Wanted) -> Result<Expr> {
        let mut whens = Vec::with_capacity(case.when_then_expr.len());
        for (when, then) in case.when_then_expr {
            let when = self.truth(*when, Wanted::True, false)?;
            whens.push((Box::new(when), Box::new(self.truth(*then, wanted, false)?)));
        }
        let otherwise = match case.else_expr {
            Some(otherwise) => Some(Box::new(self.truth(*otherwise, wanted, false)?)),
            None => None,
        };
        Ok(Expr::Case(Case::new(None, whens, otherwise)))
    }

    fn keeps(&self, quantified: &Quantified) -> bool {
        !self.takes_all && is_free(&quantified.subquery)
    }

    fn quantified(&mut self, quantified: Quantified, wanted: Wanted, alone: bool) -> Result<Expr> {
        let quantified = quantified.with_left(|left| self.truth(left, Wanted::Value, false))?;
        if self.keeps(&quantified) {
            if self.is_filter
                && let Some(kept) = quantified.kept(wanted, alone)
            {
                return with_first_row(kept);
            }
            if quantified.is_exists() {
                return counted(&quantified.subquery, quantified.is_true().negated);
            }
        }
        Ok(match wanted {
            Wanted::True => self.mark(&quantified, &quantified.is_true())?,
            _ if quantified.is_exists() => self.mark(&quantified, &quantified.is_true())?,
            Wanted::NotFalse => self.mark(&quantified, &quantified.is_not_false())?,
            Wanted::Value => {
                let is_true = self.mark(&quantified, &quantified.is_true())?;
                let is_not_false = self.mark(&quantified, &quantified.is_not_false())?;
                of_three(is_true, is_not_false)?
            }
        })
    }

    /// The answer to the question as a truth value, never NULL.
    fn mark(&mut self, quantified: &Quantified, question: &Question) -> Result<Expr> {
        let mark = self.ask(&quantified.subquery, question, JoinType::LeftMark)?;
        let mark = mark.unwrap_or_else(|| lit(true));
        Ok(match question.negated {
            false => mark,
            true => Expr::Not(Box::new(mark)),
        })
    }

    fn level(&self) -> (LogicalPlan, &'a Names) {
        (self.base.clone(), self.names)
    }

    /// Joins the outer rows with the subquery's rows that pass the test. The mark of such a join, or `None` where there always is a row.
    fn ask(&mut self, subquery: &Subquery, question: &Question, join: JoinType) -> Result<Option<Expr>> {
        let (base, names) = self.level();
        let level = Level { outer: &base, names };
        let plan = match question.asks_for_any() {
            true => any_row(&subquery.subquery)?,
            false => subquery.subquery.as_ref(),
        };
        let mut rows = match plan {
            // Rows are compared column by column, so the columns must be seen.
            LogicalPlan::Projection(projection) => projection_of(projection, &level)?,
            plan => unnest(plan, &level)?,
        };
        if question.asks_for_any() {
            if rows.missing.is_some() {
                return Ok(None);
            }
            rows.outputs.clear();
        }
        rows.complete(&level)?;
        rows.order.clear();
        rows.isolate(&level, false)?;
        let mut conditions = rows.ties;
        if let Some(output) = rows.outputs.into_iter().next() {
            conditions.extend(question.condition(output.value, self.plan.schema(), rows.plan.schema())?);
        }
        let conditions = conditions.into_iter().map(|condition| level.home(condition));
        self.plan = joined(
            self.plan.clone(),
            rows.plan,
            join,
            conditions.collect::<Result<_>>()?,
        )?;
        Ok(self.plan.schema().columns().pop().map(Expr::Column))
    }

    /// The value of a scalar subquery.
    fn value(&mut self, subquery: Subquery) -> Result<Expr> {
        let asked = Expr::ScalarSubquery(subquery.clone());
        if let Some((_, value)) = self.known.iter().find(|(known, _)| *known == asked) {
            return Ok(value.clone());
        }
        let (base, names) = self.level();
        let level = Level { outer: &base, names };
        let mut rows = unnest(&subquery.subquery, &level)?;
        let Some(output) = rows.outputs.first().cloned() else {
            return Err(unsupported("a subquery without columns has no value"));
        };
        if rows.ties.is_empty() && rows.missing.is_none() && is_no_table(&rows.plan) {
            return level.home(output.value);
        }
        if !rows.is_single {
            keep_only_row(&mut rows, output.value, &level)?;
        }
        let value = self.beside(rows, &level)?;
        self.known.push((asked, value.clone()));
        Ok(value)
    }

    /// The only output of rows of which there is at most one for each outer row, or NULL.
    fn beside(&mut self, mut rows: Dependent, level: &Level) -> Result<Expr> {
        rows.order.clear();
        rows.outputs.truncate(1);
        let Some(output) = rows.outputs.first() else {
            return Ok(Expr::default());
        };
        let ty = output.value.get_type(rows.plan.schema())?;
        let missing = rows.missing.take().and_then(|missing| missing.into_iter().next());
        let is_null = |value: &Expr| matches!(value, Expr::Literal(value, _) if value.is_null());
        let missing = missing.filter(|missing| !is_null(missing));
        // NULL where there is no row, as all columns are.
        let is_null_alone =
            matches!(output.value, Expr::Column(_)) || super::single_row::is_value_of(&output.value);
        let needs_flag = missing.is_some() || !is_null_alone;
        let flag = rows.isolate(level, needs_flag)?;
        let conditions = rows.ties.into_iter().map(|tie| level.home(tie));
        self.plan = joined(
            self.plan.clone(),
            rows.plan,
            JoinType::Left,
            conditions.collect::<Result<_>>()?,
        )?;
        let value = match rows.outputs.into_iter().next() {
            Some(output) => level.home(output.value)?,
            None => Expr::default(),
        };
        match flag {
            Some(flag) if needs_flag => {
                let missing = match missing {
                    Some(missing) => level.home(missing)?,
                    None => lit(ScalarValue::try_from(&ty)?),
                };
                or_missing(value, &flag, missing)
            }
            _ => Ok(value),
        }
    }
}

/// Makes one row of any number: a value, which fails where it is asked for although there were more rows.
fn keep_only_row(rows: &mut Dependent, value: Expr, level: &Level) -> Result<()> {
    if level.refers(&value) {
        rows.bind(level, &[])?;
    }
    rows.complete(level)?;
    let keys = rows.keyed(level, &[])?;
    rows.outputs.truncate(1);
    if let Some(output) = rows.outputs.first_mut() {
        let kept = only(output.value.clone());
        let column = Column::from_name(kept.schema_name().to_string());
        rows.plan = LogicalPlanBuilder::from(rows.plan.clone())
            .aggregate(keys, vec![kept])?
            .build()?;
        output.value = value_of(Expr::Column(column));
    }
    rows.order.clear();
    rows.is_single = true;
    Ok(())
}

/// What EXISTS reads of a subquery: whether there is a row does not depend on their order, or on how many are kept of them.
pub(super) fn any_row(plan: &LogicalPlan) -> Result<&LogicalPlan> {
    Ok(match plan {
        LogicalPlan::Limit(limit)
            if limit.skip.is_none() && matches!(limit.get_fetch_type()?, FetchType::Literal(Some(1..))) =>
        {
            any_row(&limit.input)?
        }
        LogicalPlan::Sort(sort) if sort.fetch != Some(0) => any_row(&sort.input)?,
        LogicalPlan::Distinct(_) | LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) => {
            match plan.inputs().first() {
                Some(input) => any_row(input)?,
                None => plan,
            }
        }
        other => other,
    })
}

/// A subquery that stands for itself. The planner counts what a LATERAL in it refers to as if that led out of it.
fn apart(subquery: Subquery) -> Subquery {
    Subquery {
        outer_ref_columns: Vec::new(),
        ..subquery
    }
}

/// IN, and EXISTS that needs one row, of subqueries that stand for themselves.
fn with_first_row(expr: Expr) -> Result<Expr> {
    match expr {
        Expr::InSubquery(mut found) => {
            found.subquery = apart(found.subquery);
            Ok(Expr::InSubquery(found))
        }
        Expr::Exists(mut exists) => {
            exists.subquery = first_row_of(&exists.subquery)?;
            Ok(Expr::Exists(exists))
        }
        other => Ok(other),
    }
}

/// Whether there is a row (or none), as the one value of a query.
fn counted(subquery: &Subquery, negated: bool) -> Result<Expr> {
    let first = first_row_of(subquery)?;
    let none = lit(0_i64);
    let compared = match negated {
        true => count_all().eq(none),
        false => count_all().gt(none),
    };
    let plan = LogicalPlanBuilder::from(first.subquery.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), vec![count_all()])?
        .project([compared.alias("exists")])?
        .build()?;
    Ok(Expr::ScalarSubquery(Subquery {
        subquery: std::sync::Arc::new(plan),
        ..first
    }))
}

/// Whether the plan is the one row of a SELECT without FROM.
fn is_no_table(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::EmptyRelation(empty) if empty.produce_one_row)
}
