//! Constants that a remote system writes in several ways are compared in the way in which its records are read.
//!
//! It is done to the statement, not to what is sent, so that an answer does not depend on what was pushed.

use std::sync::Arc;

use causeway_core::{Column as RemoteColumn, ColumnType, Source};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{Column, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use super::plain_scan::{RemoteRelation, column_of};
use crate::scan::lower;

/// Gives constants that are compared with a remote column the column's form.
pub(crate) fn normalize_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_down_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        let mut sources: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
        if sources.is_empty() {
            sources.push(plan.clone());
        }
        // An output column keeps its name, which DataFusion makes of its text.
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform(|expr| Ok(normalized(&sources, expr)))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    })
    .data()
}

fn normalized(inputs: &[LogicalPlan], expr: Expr) -> Transformed<Expr> {
    let equates = |op: &Operator| {
        matches!(
            op,
            Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
        )
    };
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if equates(&op) => {
            let (new_left, new_right) = (constant(inputs, &right, &left), constant(inputs, &left, &right));
            let changed = new_left.is_some() || new_right.is_some();
            let expr = Expr::BinaryExpr(BinaryExpr {
                left: new_left.map_or(left, Box::new),
                op,
                right: new_right.map_or(right, Box::new),
            });
            Transformed::new_transformed(expr, changed)
        }
        Expr::InList(mut list) => {
            let mut changed = false;
            let compared = column_of(&list.expr).and_then(|column| origin_of(inputs, column));
            for item in &mut list.list {
                if let Some(compared) = &compared
                    && let Some(new) = normal_constant(compared, item)
                {
                    *item = new;
                    changed = true;
                }
            }
            Transformed::new_transformed(Expr::InList(list), changed)
        }
        other => Transformed::no(other),
    }
}

/// The constant `value` in the form of the column that it is compared with, when that is another.
fn constant(inputs: &[LogicalPlan], column: &Expr, value: &Expr) -> Option<Expr> {
    if !matches!(value, Expr::Literal(..)) {
        return None;
    }
    normal_constant(&origin_of(inputs, column_of(column)?)?, value)
}

fn normal_constant((source, column): &(Arc<dyn Source>, RemoteColumn), value: &Expr) -> Option<Expr> {
    let Expr::Literal(scalar, metadata) = value else {
        return None;
    };
    let literal = lower::literal(ColumnType::Text, scalar)?;
    let normal = source.dialect().normalized(column, &literal)?;
    Some(Expr::Literal(lower::scalar(&normal), metadata.clone()))
}

fn origin_of(inputs: &[LogicalPlan], column: &Column) -> Option<(Arc<dyn Source>, RemoteColumn)> {
    inputs.iter().find_map(|input| origin(input, column))
}

/// The remote column that a column of `plan` shows unchanged.
fn origin(plan: &LogicalPlan, column: &Column) -> Option<(Arc<dyn Source>, RemoteColumn)> {
    let at = plan.schema().maybe_index_of_column(column)?;
    let by_position = |input: &LogicalPlan, at: usize| {
        let (qualifier, field) = input.schema().iter().nth(at)?;
        origin(input, &Column::new(qualifier.cloned(), field.name()))
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            let remote = RemoteRelation::of(provider.as_ref())?;
            let at = match &scan.projection {
                Some(projection) => *projection.get(at)?,
                None => at,
            };
            // What a mask shows is compared as it is shown.
            let column = remote.unmasked_column(*remote.visible.get(at)?)?;
            Some((Arc::clone(remote.source), column.clone()))
        }
        LogicalPlan::SubqueryAlias(alias) => by_position(&alias.input, at),
        LogicalPlan::Projection(projection) => {
            origin(&projection.input, column_of(projection.expr.get(at)?)?)
        }
        LogicalPlan::Aggregate(aggregate) => {
            origin(&aggregate.input, column_of(aggregate.group_expr.get(at)?)?)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema();
            match left.has_column(column) {
                true => origin(&join.left, column),
                false => origin(&join.right, column),
            }
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Distinct(_) => {
            plan.inputs().first().and_then(|input| by_position(input, at))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::optimizer::before_after::Setting;

    #[tokio::test]
    async fn a_constant_takes_the_form_of_the_column() {
        let setting = Setting::default();
        let sql = "SELECT name FROM crm.account WHERE id = 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            before
            Projection: crm.account.name
              Filter: crm.account.id = Utf8("a1")
                TableScan: crm.account
            after
            Projection: crm.account.name
              Filter: crm.account.id = Utf8("A1")
                TableScan: crm.account
        "#);
    }

    #[tokio::test]
    async fn every_constant_of_a_list_does() {
        let setting = Setting::default();
        let sql = "SELECT name FROM crm.account WHERE id IN ('a1', 'A2')";
        setting.analysis("normalize_keys", sql).await.is(r#"
            before
            Projection: crm.account.name
              Filter: crm.account.id IN ([Utf8("a1"), Utf8("A2")])
                TableScan: crm.account
            after
            Projection: crm.account.name
              Filter: crm.account.id IN ([Utf8("A1"), Utf8("A2")])
                TableScan: crm.account
        "#);
    }

    #[tokio::test]
    async fn columns_are_known_through_joins_and_subqueries() {
        let setting = Setting::default();
        let sql = "SELECT s.name FROM (SELECT id AS key, name FROM crm.account) s JOIN desk.ticket \
         t ON t.account = s.key WHERE s.key <> 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            before
            Projection: s.name
              Filter: s.key != Utf8("a1")
                Inner Join:  Filter: t.account = s.key
                  SubqueryAlias: s
                    Projection: crm.account.id AS key, crm.account.name
                      TableScan: crm.account
                  SubqueryAlias: t
                    TableScan: desk.ticket
            after
            Projection: s.name
              Filter: s.key != Utf8("A1")
                Inner Join:  Filter: t.account = s.key
                  SubqueryAlias: s
                    Projection: crm.account.id AS key, crm.account.name
                      TableScan: crm.account
                  SubqueryAlias: t
                    TableScan: desk.ticket
        "#);
    }

    #[tokio::test]
    async fn an_order_of_texts_is_left_alone() {
        let setting = Setting::default();
        let sql = "SELECT name FROM crm.account WHERE id > 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            unchanged
            Projection: crm.account.name
              Filter: crm.account.id > Utf8("a1")
                TableScan: crm.account
        "#);
    }

    #[tokio::test]
    async fn a_column_of_one_form_is_left_alone() {
        let setting = Setting::default();
        let sql = "SELECT id FROM crm.account WHERE name = 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            unchanged
            Projection: crm.account.id
              Filter: crm.account.name = Utf8("a1")
                TableScan: crm.account
        "#);
    }

    #[tokio::test]
    async fn what_a_mask_shows_is_compared_as_it_is_shown() {
        let setting = Setting::default().mask("crm.account", "id");
        let sql = "SELECT name FROM crm.account WHERE id = 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            unchanged
            Projection: crm.account.name
              Filter: crm.account.id = Utf8("a1")
                TableScan: crm.account
        "#);
    }

    #[tokio::test]
    async fn an_expression_is_no_column() {
        let setting = Setting::default();
        let sql = "SELECT name FROM crm.account WHERE lower(id) = 'a1'";
        setting.analysis("normalize_keys", sql).await.is(r#"
            unchanged
            Projection: crm.account.name
              Filter: lower(crm.account.id) = Utf8("a1")
                TableScan: crm.account
        "#);
    }
}
