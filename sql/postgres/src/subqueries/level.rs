//! One outer query as its subqueries see it.
//!
//! Owns: which references are to this outer query, and the distinct values that they have there. Does not own: references that lead
//! further out; they stay until the subquery that they stand in is taken out itself. Invariant: names made here are used once.
//! Start at [`Level`].

use std::cell::Cell;
use std::collections::HashMap;

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator};

use super::dependent::{own_name, same};

/// Names for what the rule adds to a plan.
#[derive(Debug, Default)]
pub(super) struct Names(Cell<usize>);

impl Names {
    pub(super) fn next(&self) -> TableReference {
        self.0.set(self.0.get() + 1);
        TableReference::bare(format!("causeway_{}", self.0.get()))
    }
}

/// See the module.
pub(super) struct Level<'a> {
    /// The rows of the outer query.
    pub(super) outer: &'a LogicalPlan,
    pub(super) names: &'a Names,
}

/// An expression over the rows that equals one over the outer query.
pub(super) struct Key {
    pub(super) inner: Expr,
    pub(super) op: Operator,
    pub(super) outer: Expr,
}

/// The distinct values that some columns of the outer query have.
pub(super) struct Domain {
    pub(super) plan: LogicalPlan,
    /// By outer column, the column that has its values.
    pub(super) columns: HashMap<Column, Expr>,
    /// That a row belongs to an outer row.
    pub(super) ties: Vec<Expr>,
}

impl Domain {
    /// The expression over the values in place of the outer query.
    pub(super) fn bound(&self, expr: Expr) -> Result<Expr> {
        bound(expr, &self.columns)
    }
}

impl Level<'_> {
    fn is_here(&self, column: &Column) -> bool {
        self.outer.schema().has_column(column)
    }

    /// Whether the expression refers to this outer query.
    pub(super) fn refers(&self, expr: &Expr) -> bool {
        expr.exists(|part| {
            Ok(match part {
                Expr::OuterReferenceColumn(_, column) => self.is_here(column),
                Expr::ScalarSubquery(subquery) => self.depends(&subquery.subquery)?,
                Expr::Exists(exists) => self.depends(&exists.subquery.subquery)?,
                Expr::InSubquery(found) => self.depends(&found.subquery.subquery)?,
                Expr::SetComparison(found) => self.depends(&found.subquery.subquery)?,
                _ => false,
            })
        })
        .unwrap_or(true)
    }

    /// Whether anything in the plan refers to this outer query.
    pub(super) fn depends(&self, plan: &LogicalPlan) -> Result<bool> {
        let mut found = false;
        plan.apply(|node| {
            node.apply_expressions(|expr| {
                found |= self.refers(expr);
                Ok(TreeNodeRecursion::Continue)
            })?;
            Ok(match found {
                true => TreeNodeRecursion::Stop,
                false => TreeNodeRecursion::Continue,
            })
        })?;
        Ok(found)
    }

    /// The references to this outer query, each once.
    pub(super) fn references<'e>(&self, exprs: impl IntoIterator<Item = &'e Expr>) -> Result<Vec<Expr>> {
        let mut found: Vec<Expr> = Vec::new();
        for expr in exprs {
            expr.apply(|part| {
                if let Expr::OuterReferenceColumn(_, column) = part
                    && self.is_here(column)
                    && !found.contains(part)
                {
                    found.push(part.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(found)
    }

    /// The expression as one of the outer query's own, where it was moved there.
    pub(super) fn home(&self, expr: Expr) -> Result<Expr> {
        let home = expr.transform(|part| {
            Ok(match &part {
                Expr::OuterReferenceColumn(_, column) if self.is_here(column) => {
                    Transformed::new(Expr::Column(column.clone()), true, TreeNodeRecursion::Jump)
                }
                _ => Transformed::no(part),
            })
        });
        home.data()
    }

    /// A condition that says which value of the rows an outer value equals.
    pub(super) fn key_of(&self, tie: &Expr) -> Option<Key> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = tie else {
            return None;
        };
        if !matches!(op, Operator::Eq | Operator::IsNotDistinctFrom) {
            return None;
        }
        let is_outer = |expr: &Expr| self.refers(expr) && !expr.any_column_refs();
        let (inner, outer) = match (self.refers(left), self.refers(right)) {
            (false, true) if is_outer(right) && left.any_column_refs() => (left, right),
            (true, false) if is_outer(left) && right.any_column_refs() => (right, left),
            _ => return None,
        };
        Some(Key {
            inner: inner.as_ref().clone(),
            op: *op,
            outer: outer.as_ref().clone(),
        })
    }

    /// The distinct values of the outer columns that are referred to.
    pub(super) fn domain(&self, references: &[Expr]) -> Result<Domain> {
        let alias = self.names.next();
        let (mut outputs, mut columns, mut ties) = (Vec::new(), HashMap::new(), Vec::new());
        for (at, reference) in references.iter().enumerate() {
            if let Expr::OuterReferenceColumn(_, column) = reference {
                let name = own_name(&alias, at);
                outputs.push(Expr::Column(column.clone()).alias_qualified(Some(alias.clone()), &name));
                let value = Expr::Column(Column::new(Some(alias.clone()), name));
                let (_, field) = self.outer.schema().qualified_field_from_column(column)?;
                ties.push(match field.is_nullable() {
                    true => same(value.clone(), reference.clone()),
                    false => value.clone().eq(reference.clone()),
                });
                columns.insert(column.clone(), value);
            }
        }
        let plan = LogicalPlanBuilder::from(self.outer.clone())
            .project(outputs)?
            .distinct()?
            .build()?;
        Ok(Domain { plan, columns, ties })
    }
}

/// The expression over values in place of the outer columns that have them.
pub(super) fn bound(expr: Expr, columns: &HashMap<Column, Expr>) -> Result<Expr> {
    let bound = expr.transform(|part| {
        Ok(match &part {
            Expr::OuterReferenceColumn(_, column) => match columns.get(column) {
                Some(value) => Transformed::new(value.clone(), true, TreeNodeRecursion::Jump),
                None => Transformed::no(part),
            },
            _ => Transformed::no(part),
        })
    });
    bound.data()
}
