//! EXCEPT ALL and INTERSECT ALL, which count how often a row comes.
//!
//! With a number on each of several equal rows no two rows are equal: then EXCEPT and INTERSECT say what EXCEPT ALL and INTERSECT ALL say.
//! DataFusion's own answer otherwise (docs/upstream.md, multisets). Owns: that rewrite. Does not own: types of the columns.
//! Invariant: the columns and their names stay those of the left side. Start at [`numbered`].

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Ident, Query, SetExpr, SetOperator, SetQuantifier, Statement, TableAlias, TableAliasColumnDef,
    TableFactor,
};

use super::parser::statements;
use super::relations::{Relations, WithQueries};
use super::step::{Step, refuse};

/// The name of the relation that a side becomes.
const SIDE: &str = "causeway_side";

/// Numbers equal rows on both sides of each EXCEPT ALL and INTERSECT ALL.
///
/// # Errors
/// 0A000 where the columns of the left side are not known.
pub(crate) fn numbered(body: &mut SetExpr, relations: &Relations, with: &WithQueries) -> Step {
    let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        right,
    } = body
    else {
        return ControlFlow::Continue(());
    };
    numbered(left, relations, with)?;
    numbered(right, relations, with)?;
    let counts_rows = matches!(op, SetOperator::Except | SetOperator::Intersect);
    if !counts_rows || *set_quantifier != SetQuantifier::All {
        return ControlFlow::Continue(());
    }
    let operator = *op;
    let Some(names) = relations.outputs_of_body(left, with) else {
        return refuse(format!(
            "{operator} ALL of columns that are not listed is not supported"
        ));
    };
    let rewritten = (|| {
        let (left, right) = (side(left, names.len())?, side(right, names.len())?);
        let columns = columns(names.len()).into_iter().zip(&names);
        let outputs: Vec<String> = columns
            .map(|(column, name)| format!("{column} AS \"{}\"", name.replace('"', "\"\"")))
            .collect();
        let text = format!("SELECT {} FROM (SELECT 1) AS {SIDE}", outputs.join(", "));
        let mut outer = parsed(&text)?;
        let inner = SetExpr::SetOperation {
            op: operator,
            set_quantifier: SetQuantifier::None,
            left: Box::new(left),
            right: Box::new(right),
        };
        let mut subquery = parsed("SELECT 1")?;
        *subquery.body = inner;
        let SetExpr::Select(select) = outer.body.as_mut() else {
            return None;
        };
        let item = select.from.first_mut()?;
        item.relation = derived(subquery, &[]);
        Some(SetExpr::Select(select.clone()))
    })();
    match rewritten {
        Some(rewritten) => *body = rewritten,
        None => return refuse(format!("{operator} ALL is not supported here")),
    }
    ControlFlow::Continue(())
}

fn columns(count: usize) -> Vec<String> {
    (1..=count).map(|at| format!("c{at}")).collect()
}

fn parsed(text: &str) -> Option<Box<Query>> {
    match statements(text).ok()?.pop()? {
        Statement::Query(query) => Some(query),
        _ => None,
    }
}

fn derived(subquery: Box<Query>, columns: &[String]) -> TableFactor {
    let columns = columns.iter().map(|name| TableAliasColumnDef {
        name: Ident::new(name),
        data_type: None,
    });
    TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(TableAlias {
            explicit: true,
            name: Ident::new(SIDE),
            columns: columns.collect(),
            at: None,
        }),
        sample: None,
    }
}

/// The rows of one side, equal ones numbered from 1.
fn side(body: &SetExpr, count: usize) -> Option<SetExpr> {
    let names = columns(count);
    let list = names.join(", ");
    let text = format!(
        "SELECT {list}, row_number() OVER (PARTITION BY {list}) AS causeway_number FROM (SELECT 1) AS {SIDE}"
    );
    let mut outer = parsed(&text)?;
    let mut subquery = parsed("SELECT 1")?;
    *subquery.body = body.clone();
    let SetExpr::Select(select) = outer.body.as_mut() else {
        return None;
    };
    select.from.first_mut()?.relation = derived(subquery, &names);
    Some(SetExpr::Select(select.clone()))
}
