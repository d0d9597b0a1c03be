//! A subquery on its way out of the outer query: the rows that it reads, and what still ties them to an outer row.
//!
//! Owns: [`Dependent`] and how its ties become columns. Does not own: the operators of the subquery (`unnest`), nor the join with the outer
//! rows (`outer`). Invariant: for each outer row, the subquery's rows are those of `plan` for which all of `ties` hold, each showing
//! `outputs`; where there is none, `missing` is the one row. Start at [`Dependent`], then at [`Dependent::bind`].

use std::collections::{HashMap, HashSet};

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result, TableReference};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::utils::expr_to_columns;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit, when};

use super::level::Level;

/// An output of the subquery: the name that it has there, and its value over the rows.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) relation: Option<TableReference>,
    pub(super) name: String,
    pub(super) value: Expr,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Dependent {
    /// The rows; nothing in it refers to this outer query.
    pub(super) plan: LogicalPlan,
    /// Conditions over the rows and the outer query.
    pub(super) ties: Vec<Expr>,
    pub(super) outputs: Vec<Output>,
    /// The order of the rows, where one was asked for.
    pub(super) order: Vec<Sort>,
    /// The row of an outer row for which `plan` has none, as of an aggregate over nothing.
    pub(super) missing: Option<Vec<Expr>>,
    /// Whether there is at most one row for each outer row.
    pub(super) is_single: bool,
}

impl Dependent {
    /// A plan that does not depend on the outer query.
    pub(super) fn free(plan: LogicalPlan) -> Self {
        let outputs = plan.schema().iter().map(|(relation, field)| Output {
            relation: relation.cloned(),
            name: field.name().clone(),
            value: Expr::Column(Column::new(relation.cloned(), field.name())),
        });
        let is_single = is_one_row(&plan);
        Self {
            outputs: outputs.collect(),
            plan,
            ties: Vec::new(),
            order: Vec::new(),
            missing: None,
            is_single,
        }
    }

    /// An expression over the outputs, whose schema is given, said over the rows.
    pub(super) fn through(&self, expr: Expr, schema: &DFSchema) -> Result<Expr> {
        let values = self.outputs.iter().map(|output| &output.value);
        resolved(expr, schema, &values.collect::<Vec<_>>())
    }

    /// The outputs under the names of another schema.
    pub(super) fn name_outputs(&mut self, schema: &DFSchema) {
        for (output, (relation, field)) in self.outputs.iter_mut().zip(schema.iter()) {
            output.relation = relation.cloned();
            output.name.clone_from(field.name());
        }
    }

    fn expressions_mut(&mut self) -> impl Iterator<Item = &mut Expr> {
        let ties = self.ties.iter_mut();
        let values = self.outputs.iter_mut().map(|output| &mut output.value);
        let order = self.order.iter_mut().map(|key| &mut key.expr);
        ties.chain(values).chain(order)
    }

    fn replace(&mut self, by: &HashMap<Column, Expr>) -> Result<()> {
        for expr in self.expressions_mut() {
            *expr = replaced(std::mem::take(expr), by)?;
        }
        Ok(())
    }

    /// Gives the columns that are still needed names that no other plan has. With a `flag`, another column is true in every row.
    pub(super) fn isolate(&mut self, level: &Level, flag: bool) -> Result<Option<Expr>> {
        let alias = level.names.next();
        let mut needed = HashSet::new();
        for expr in self.expressions_mut() {
            expr_to_columns(expr, &mut needed)?;
        }
        let (mut renamed, mut columns) = (HashMap::new(), Vec::new());
        for column in self.plan.schema().columns() {
            if needed.contains(&column) {
                let name = own_name(&alias, columns.len());
                columns.push(Expr::Column(column.clone()).alias_qualified(Some(alias.clone()), &name));
                renamed.insert(column, Expr::Column(Column::new(Some(alias.clone()), name)));
            }
        }
        let flag = (flag || columns.is_empty()).then(|| {
            let name = own_name(&alias, columns.len());
            columns.push(lit(true).alias_qualified(Some(alias.clone()), &name));
            Expr::Column(Column::new(Some(alias.clone()), name))
        });
        self.plan = projected(&self.plan, columns)?;
        self.replace(&renamed)?;
        Ok(flag)
    }

    /// Makes columns of the plan of all outputs.
    fn outputs_as_columns(&mut self, level: &Level) -> Result<()> {
        let values: Vec<Expr> = self.outputs.iter().map(|output| output.value.clone()).collect();
        let values = self.as_columns(values, level)?;
        for (output, value) in self.outputs.iter_mut().zip(values) {
            output.value = value;
        }
        Ok(())
    }

    /// Outputs that are columns of the plan, without a reference to the outer query.
    pub(super) fn bind_outputs(&mut self, level: &Level) -> Result<()> {
        let mut values = self.outputs.iter().map(|output| &output.value);
        if values.any(|value| level.refers(value)) {
            self.bind(level, &[])?;
        }
        self.outputs_as_columns(level)
    }

    /// Columns of the plan that have these values, which must not refer to the outer query.
    pub(super) fn as_columns(&mut self, values: Vec<Expr>, level: &Level) -> Result<Vec<Expr>> {
        if values.iter().all(|value| matches!(value, Expr::Column(_))) {
            return Ok(values);
        }
        let alias = level.names.next();
        let mut columns: Vec<Expr> = self
            .plan
            .schema()
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
        let mut named = Vec::with_capacity(values.len());
        for (at, value) in values.into_iter().enumerate() {
            named.push(match value.unalias() {
                column @ Expr::Column(_) => column,
                value => {
                    let name = own_name(&alias, at);
                    columns.push(value.alias_qualified(Some(alias.clone()), &name));
                    Expr::Column(Column::new(Some(alias.clone()), name))
                }
            });
        }
        self.plan = projected(&self.plan, columns)?;
        Ok(named)
    }

    /// The columns by which rows of one outer row are told from those of another. `bound`: outer columns that must be columns here, too.
    pub(super) fn keyed(&mut self, level: &Level, bound: &[Expr]) -> Result<Vec<Expr>> {
        let keys: Option<Vec<_>> = self.ties.iter().map(|tie| level.key_of(tie)).collect();
        let keys = match keys {
            Some(keys) if bound.is_empty() => keys,
            _ => {
                self.bind(level, bound)?;
                self.ties.iter().filter_map(|tie| level.key_of(tie)).collect()
            }
        };
        let inner = keys.iter().map(|key| key.inner.clone()).collect();
        let columns = self.as_columns(inner, level)?;
        let ties = keys.into_iter().zip(&columns).map(|(key, column)| {
            Expr::BinaryExpr(BinaryExpr::new(
                Box::new(column.clone()),
                key.op,
                Box::new(key.outer),
            ))
        });
        self.ties = ties.collect();
        Ok(columns)
    }

    /// Joins the rows with the distinct values of the outer columns that anything here refers to, or that are asked for. From then on only
    /// keys tie the rows to the outer query. Gives the columns that have the values of the outer ones.
    pub(super) fn bind(&mut self, level: &Level, asked: &[Expr]) -> Result<HashMap<Column, Expr>> {
        let mut references = level.references(self.expressions_mut().map(|expr| &*expr))?;
        for reference in level.references(asked)? {
            if !references.contains(&reference) {
                references.push(reference);
            }
        }
        if references.is_empty() {
            return Ok(HashMap::new());
        }
        let domain = level.domain(&references)?;
        let ties = std::mem::take(&mut self.ties);
        let conditions = ties.into_iter().map(|tie| domain.bound(tie));
        self.plan = joined(
            domain.plan.clone(),
            self.plan.clone(),
            JoinType::Inner,
            conditions.collect::<Result<_>>()?,
        )?;
        for expr in self.expressions_mut() {
            *expr = domain.bound(std::mem::take(expr))?;
        }
        self.ties = domain.ties;
        Ok(domain.columns)
    }

    /// Makes rows of the missing ones.
    pub(super) fn complete(&mut self, level: &Level) -> Result<()> {
        let Some(missing) = self.missing.take() else {
            return Ok(());
        };
        let references = level.references(self.ties.iter().chain(&missing))?;
        let domain = level.domain(&references)?;
        let Some(flag) = self.isolate(level, true)? else {
            return Ok(());
        };
        let conditions = self.ties.iter().cloned().map(|tie| domain.bound(tie));
        self.plan = joined(
            domain.plan.clone(),
            self.plan.clone(),
            JoinType::Left,
            conditions.collect::<Result<_>>()?,
        )?;
        for (output, missing) in self.outputs.iter_mut().zip(missing) {
            let value = std::mem::take(&mut output.value);
            output.value = domain.bound(or_missing(value, &flag, missing)?)?;
        }
        self.order.clear();
        self.ties = domain.ties;
        Ok(())
    }
}

/// A column's name that no other column has, qualified or not.
pub(super) fn own_name(alias: &TableReference, at: usize) -> String {
    format!("{alias}_{at}")
}

/// The value where the flag says that there is a row, and the missing one elsewhere.
pub(super) fn or_missing(value: Expr, flag: &Expr, missing: Expr) -> Result<Expr> {
    when(flag.clone().is_not_null(), value).otherwise(missing)
}

/// An expression over the schema's columns, said in the values that they have.
pub(super) fn resolved(expr: Expr, schema: &DFSchema, values: &[&Expr]) -> Result<Expr> {
    let resolved = expr.transform(|part| {
        let Expr::Column(column) = &part else {
            return Ok(Transformed::no(part));
        };
        let value = schema.maybe_index_of_column(column).and_then(|at| values.get(at));
        Ok(match value {
            Some(value) => Transformed::new((*value).clone().unalias(), true, TreeNodeRecursion::Jump),
            None => Transformed::no(part),
        })
    });
    resolved.data()
}

/// The expression with other values in the place of columns.
pub(super) fn replaced(expr: Expr, by: &HashMap<Column, Expr>) -> Result<Expr> {
    let replaced = expr.transform(|part| {
        Ok(match &part {
            Expr::Column(column) => match by.get(column) {
                Some(value) => Transformed::new(value.clone(), true, TreeNodeRecursion::Jump),
                None => Transformed::no(part),
            },
            _ => Transformed::no(part),
        })
    });
    replaced.data()
}

pub(super) fn projected(plan: &LogicalPlan, columns: Vec<Expr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan.clone()).project(columns)?.build()
}

/// A join on any conditions. DataFusion finds the equalities among them.
pub(super) fn joined(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    mut conditions: Vec<Expr>,
) -> Result<LogicalPlan> {
    if conditions.is_empty() {
        if join_type == JoinType::Inner {
            return LogicalPlanBuilder::from(left).cross_join(right)?.build();
        }
        conditions.push(lit(true));
    }
    LogicalPlanBuilder::from(left)
        .join_on(right, join_type, conditions)?
        .build()
}

/// Whether the plan has at most one row, whatever the tables hold.
fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(_) => true,
        LogicalPlan::Projection(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Limit(_) => plan.inputs().first().is_some_and(|input| is_one_row(input)),
        _ => false,
    }
}

/// `left = right`, which is also true of two NULLs.
pub(super) fn same(left: Expr, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(
        Box::new(left),
        Operator::IsNotDistinctFrom,
        Box::new(right),
    ))
}
