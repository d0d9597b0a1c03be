//! Gives every expression of a plan the type and the meaning that PostgreSQL gives it.
//!
//! Owns: the walk over plans and expressions. Does not own: what an operator or a function means; see [`crate::typing::operators`],
//! [`crate::typing::signatures`], [`crate::typing::casts`].
//! Invariant: columns keep their names. Running it again over its own result changes nothing.

pub(crate) mod arguments;
pub(crate) mod casts;
pub(crate) mod guards;
mod lists;
pub(crate) mod operators;
pub(crate) mod planner;
pub(crate) mod set_operations;
pub(crate) mod signatures;

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRewriter};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, Case, Cast as PlainCast, InList, InSubquery, Like};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable as _, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
};
use datafusion::optimizer::AnalyzerRule;
use recursive::recursive;

use super::functions::{floats, patterns};
use super::types::{Kind, fault, unsupported};
use operators::{Typed, comparable, condition, united};
use set_operations::{united_inputs, united_rows};

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct Typing;

impl AnalyzerRule for Typing {
    fn name(&self) -> &str {
        "postgres_typing"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(typed_tree(plan)?.data)
    }
}

/// A plan, from its leaves up. Schemas are made again only above what changed: that of a join of wide tables costs more than its typing.
#[recursive]
fn typed_tree(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let inputs = plan.map_subqueries(typed_tree)?;
    let inputs = inputs.transform_sibling(|plan| plan.map_children(typed_tree))?;
    typed(inputs.data, inputs.transformed)
}

/// One node of a plan, whose inputs are typed already.
fn typed(plan: LogicalPlan, inputs_changed: bool) -> Result<Transformed<LogicalPlan>> {
    let mut changed = inputs_changed;
    // Counts of rows have their own rules.
    let plan = match plan {
        LogicalPlan::Limit(_) | LogicalPlan::SubqueryAlias(_) => plan,
        plan => {
            let schema = input_schema(&plan, inputs_changed)?;
            typed_expressions(plan, &schema, &mut changed)?
        }
    };
    match changed {
        true => Ok(Transformed::yes(plan.recompute_schema()?)),
        false => Ok(Transformed::no(plan)),
    }
}

/// The columns that the expressions of a node are about.
fn input_schema(plan: &LogicalPlan, inputs_changed: bool) -> Result<Arc<DFSchema>> {
    if let LogicalPlan::TableScan(scan) = plan {
        let schema = scan.source.schema();
        return Ok(Arc::new(DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            &schema,
        )?));
    }
    Ok(match (plan, plan.inputs().as_slice()) {
        (_, [only]) => Arc::clone(only.schema()),
        // Those of both sides are there already.
        (LogicalPlan::Join(join), _) if !inputs_changed && shows_both_sides(join) => Arc::clone(&join.schema),
        (_, inputs) => Arc::new(merge_schema(inputs)),
    })
}

fn shows_both_sides(join: &Join) -> bool {
    use JoinType::{Full, Inner, Left, Right};
    matches!(join.join_type, Inner | Left | Right | Full)
}

fn typed_expressions(plan: LogicalPlan, schema: &DFSchema, changed: &mut bool) -> Result<LogicalPlan> {
    refuse_interval_groups(&plan)?;
    let mut rewriter = Rewriter { schema };
    let names = NamePreserver::new(&plan);
    let is_filter = matches!(
        plan,
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_)
    );
    let mut noted = |before: &Expr, after: Expr| {
        *changed |= *before != after;
        after
    };
    let plan = plan
        .map_expressions(|expr| {
            let before = expr.clone();
            let name = names.save(&expr);
            let rewritten = expr.rewrite(&mut rewriter)?;
            let kept = lists::with_nulls(rewritten.data, is_filter)?;
            Ok(Transformed::yes(noted(&before, name.restore(kept))))
        })?
        .data;
    match plan {
        LogicalPlan::Filter(mut filter) => {
            let before = filter.predicate.clone();
            let typed = guards::guarded(rewriter.condition(filter.predicate, "WHERE")?);
            filter.predicate = noted(&before, typed);
            Ok(LogicalPlan::Filter(filter))
        }
        LogicalPlan::Sort(mut sort) => {
            for key in &mut sort.expr {
                let before = key.expr.clone();
                key.expr = noted(&before, sortable(before.clone(), schema));
            }
            Ok(LogicalPlan::Sort(sort))
        }
        LogicalPlan::Join(join) => {
            let before = (join.on.clone(), join.filter.clone());
            let join = rewriter.join(join)?;
            *changed |= before != (join.on.clone(), join.filter.clone());
            Ok(LogicalPlan::Join(join))
        }
        LogicalPlan::Union(union) => {
            *changed = true;
            united_inputs(union)
        }
        LogicalPlan::Values(values) => {
            *changed = true;
            united_rows(values)
        }
        other => Ok(other),
    }
}

/// Intervals that PostgreSQL takes for equal, such as a day and 24 hours, would make different groups.
fn refuse_interval_groups(plan: &LogicalPlan) -> Result<()> {
    let is_interval = |ty: &DataType| Kind::of(ty) == Kind::Interval;
    let groups = match plan {
        LogicalPlan::Aggregate(aggregate) => {
            let schema = aggregate.input.schema();
            let mut types = aggregate.group_expr.iter().map(|expr| expr.get_type(schema));
            types.any(|ty| ty.is_ok_and(|ty| is_interval(&ty)))
        }
        LogicalPlan::Distinct(_) => plan
            .schema()
            .fields()
            .iter()
            .any(|field| is_interval(field.data_type())),
        _ => false,
    };
    if groups {
        return Err(unsupported("grouping by intervals is not supported"));
    }
    Ok(())
}

/// A column to sort by, as PostgreSQL orders it.
fn sortable(expr: Expr, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(ty) if Kind::of(&ty) == Kind::Interval => operators::length(expr),
        _ => expr,
    }
}

struct Rewriter<'a> {
    schema: &'a DFSchema,
}

impl Rewriter<'_> {
    fn typed(&self, expr: Expr) -> Result<Typed> {
        let ty = expr.get_type(self.schema)?;
        Ok(Typed { expr, ty })
    }

    fn all(&self, exprs: Vec<Expr>) -> Result<Vec<Typed>> {
        exprs.into_iter().map(|expr| self.typed(expr)).collect()
    }

    fn condition(&self, expr: Expr, place: &str) -> Result<Expr> {
        condition(self.typed(expr)?, place)
    }

    fn join(&self, mut join: Join) -> Result<Join> {
        let mut on = Vec::with_capacity(join.on.len());
        for (left, right) in std::mem::take(&mut join.on) {
            let left = Typed {
                ty: left.get_type(join.left.schema())?,
                expr: left,
            };
            let right = Typed {
                ty: right.get_type(join.right.schema())?,
                expr: right,
            };
            on.push(comparable(left, Operator::Eq, right)?);
        }
        join.on = on;
        join.filter = join
            .filter
            .map(|filter| self.condition(filter, "JOIN/ON"))
            .transpose()?;
        Ok(join)
    }

    fn between(&self, between: Between) -> Result<Expr> {
        let Between {
            expr,
            negated,
            low,
            high,
        } = between;
        let (expr, low, high) = (self.typed(*expr)?, self.typed(*low)?, self.typed(*high)?);
        let (above, below) = if negated {
            (Operator::Lt, Operator::Gt)
        } else {
            (Operator::GtEq, Operator::LtEq)
        };
        let (left, low) = comparable(expr.clone(), above, low)?;
        let (right, high) = comparable(expr, below, high)?;
        if left == right {
            return Ok(Expr::Between(Between::new(
                Box::new(left),
                negated,
                Box::new(low),
                Box::new(high),
            )));
        }
        // Each bound is compared in its own type.
        let (low, high) = (binary(left, above, low), binary(right, below, high));
        Ok(binary(
            low,
            if negated { Operator::Or } else { Operator::And },
            high,
        ))
    }

    fn in_list(&self, list: InList) -> Result<Expr> {
        let InList { expr, list, negated } = list;
        // DataFusion merges lists without regard to NULLs in them.
        let count = list.len();
        let list: Vec<Expr> = list.into_iter().filter(|item| !is_null(item)).collect();
        if list.len() < count {
            let unknown = Expr::Literal(ScalarValue::Boolean(None), None);
            if list.is_empty() {
                return Ok(unknown);
            }
            let known = self.in_list(InList { expr, list, negated })?;
            let link = if negated { Operator::And } else { Operator::Or };
            return Ok(binary(known, link, unknown));
        }
        let expr = self.typed(*expr)?;
        let mut items = Vec::with_capacity(list.len());
        let mut common: Option<Expr> = None;
        let mut is_uniform = true;
        for item in self.all(list)? {
            let (left, item) = comparable(expr.clone(), Operator::Eq, item)?;
            // What a row decides may be NULL there, which DataFusion forgets when it merges lists.
            is_uniform &= common.as_ref().is_none_or(|known| *known == left) && !item.any_column_refs();
            common.get_or_insert(left.clone());
            items.push((left, item));
        }
        if let (true, Some(common)) = (is_uniform, common) {
            let items = items.into_iter().map(|(_, item)| item).collect();
            return Ok(Expr::InList(InList::new(Box::new(common), items, negated)));
        }
        // Each item is compared in its own type.
        let op = if negated { Operator::NotEq } else { Operator::Eq };
        let link = if negated { Operator::And } else { Operator::Or };
        let tests = items.into_iter().map(|(left, item)| binary(left, op, item));
        Ok(tests
            .reduce(|left, right| binary(left, link, right))
            .unwrap_or(Expr::Literal(ScalarValue::Boolean(Some(negated)), None)))
    }

    fn in_subquery(&self, found: InSubquery) -> Result<Expr> {
        let InSubquery {
            expr,
            subquery,
            negated,
        } = found;
        let expr = self.typed(*expr)?;
        let column = subquery.subquery.schema().columns().into_iter().next();
        let Some(column) = column else {
            return Err(fault("42601", "subquery has no columns"));
        };
        let ty = subquery.subquery.schema().field(0).data_type().clone();
        let inner = Typed {
            expr: Expr::Column(column.clone()),
            ty,
        };
        let (expr, compared) = comparable(expr, Operator::Eq, inner)?;
        let subquery = if compared == Expr::Column(column.clone()) {
            subquery
        } else {
            let name = column.name.clone();
            let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
                .project([compared.alias(name)])?
                .build()?;
            Subquery {
                subquery: Arc::new(plan),
                ..subquery
            }
        };
        Ok(Expr::InSubquery(InSubquery::new(
            Box::new(expr),
            subquery,
            negated,
        )))
    }

    fn case(&self, case: Case) -> Result<Expr> {
        let Case {
            expr,
            when_then_expr,
            else_expr,
        } = case;
        let (mut whens, mut thens) = (Vec::new(), Vec::new());
        for (when, then) in when_then_expr {
            whens.push(*when);
            thens.push(*then);
        }
        let has_else = else_expr.is_some();
        thens.extend(else_expr.map(|expr| *expr));
        let (expr, whens) = match expr {
            None => {
                let whens = whens.into_iter().map(|when| self.condition(when, "CASE/WHEN"));
                (None, whens.collect::<Result<Vec<_>>>()?)
            }
            Some(expr) => {
                // `CASE x WHEN y` compares each time in the types at hand.
                let expr = self.typed(*expr)?;
                let tests = whens.into_iter().map(|when| {
                    let (left, right) = comparable(expr.clone(), Operator::Eq, self.typed(when)?)?;
                    Ok(binary(left, Operator::Eq, right))
                });
                (None, tests.collect::<Result<Vec<_>>>()?)
            }
        };
        let mut thens = united(self.all(thens)?, "CASE")?;
        let otherwise = if has_else { thens.pop().map(Box::new) } else { None };
        let pairs = whens
            .into_iter()
            .map(Box::new)
            .zip(thens.into_iter().map(Box::new))
            .collect();
        Ok(Expr::Case(Case::new(expr, pairs, otherwise)))
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

impl TreeNodeRewriter for Rewriter<'_> {
    type Node = Expr;

    fn f_up(&mut self, expr: Expr) -> Result<Transformed<Expr>> {
        let rewritten = match expr {
            Expr::Literal(ScalarValue::Float64(Some(value)), metadata) => {
                Expr::Literal(ScalarValue::Float64(Some(floats::canonical(value))), metadata)
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                operators::resolve(self.typed(*left)?, op, self.typed(*right)?)?
            }
            Expr::Negative(operand) => operators::negative(self.typed(*operand)?)?,
            Expr::Not(operand) => Expr::Not(Box::new(self.condition(*operand, "NOT")?)),
            Expr::IsTrue(operand) => Expr::IsTrue(Box::new(self.condition(*operand, "IS TRUE")?)),
            Expr::IsNotTrue(operand) => Expr::IsNotTrue(Box::new(self.condition(*operand, "IS NOT TRUE")?)),
            Expr::IsFalse(operand) => Expr::IsFalse(Box::new(self.condition(*operand, "IS FALSE")?)),
            Expr::IsNotFalse(operand) => {
                Expr::IsNotFalse(Box::new(self.condition(*operand, "IS NOT FALSE")?))
            }
            Expr::IsUnknown(operand) => Expr::IsUnknown(Box::new(self.condition(*operand, "IS UNKNOWN")?)),
            Expr::IsNotUnknown(operand) => {
                Expr::IsNotUnknown(Box::new(self.condition(*operand, "IS NOT UNKNOWN")?))
            }
            Expr::ScalarSubquery(subquery) => Expr::ScalarSubquery(nullable(subquery)?),
            Expr::Between(between) => self.between(between)?,
            Expr::InList(list) => self.in_list(list)?,
            Expr::InSubquery(found) => self.in_subquery(found)?,
            Expr::Case(case) => self.case(case)?,
            Expr::Like(Like {
                negated,
                expr,
                pattern,
                escape_char,
                case_insensitive,
            }) => patterns::like(
                negated,
                case_insensitive,
                self.typed(*expr)?,
                self.typed(*pattern)?,
                escape_char,
            )?,
            Expr::SimilarTo(Like {
                negated,
                expr,
                pattern,
                escape_char,
                ..
            }) => patterns::similar(negated, self.typed(*expr)?, self.typed(*pattern)?, escape_char)?,
            Expr::Cast(PlainCast { expr, field }) => {
                let typed = self.typed(*expr)?;
                // An integer literal of the statement, which names its own type.
                if let (Expr::Literal(ScalarValue::Int64(Some(value)), _), DataType::Int32) =
                    (&typed.expr, field.data_type())
                    && let Ok(value) = i32::try_from(*value)
                {
                    return Ok(Transformed::yes(Expr::Literal(
                        ScalarValue::Int32(Some(value)),
                        None,
                    )));
                }
                casts::to_type(typed.expr, &typed.ty, field.data_type())?
            }
            Expr::ScalarFunction(function) => self.scalar_function(function)?,
            Expr::AggregateFunction(function) => self.aggregate(function)?,
            Expr::WindowFunction(function) => self.window(*function)?,
            other => return Ok(Transformed::no(other)),
        };
        Ok(Transformed::yes(rewritten))
    }
}

/// A scalar subquery is NULL when it has no row, whatever its column says.
fn nullable(subquery: Subquery) -> Result<Subquery> {
    let schema = subquery.subquery.schema();
    let is_safe = schema.fields().iter().all(|field| field.is_nullable());
    if is_safe || !subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    let columns = schema.columns().into_iter().map(|column| {
        let name = column.name.clone();
        super::functions::Nullable::of(Expr::Column(column)).alias(name)
    });
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .project(columns.collect::<Vec<_>>())?
        .build()?;
    Ok(Subquery {
        subquery: Arc::new(plan),
        ..subquery
    })
}

/// A NULL that is written as such, of whatever type.
fn is_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.is_null(),
        Expr::Cast(PlainCast { expr, .. }) => is_null(expr),
        Expr::Alias(alias) => is_null(&alias.expr),
        _ => false,
    }
}
