//! The columns that relations have, where a statement's meaning depends on them: `SELECT *` over USING, NATURAL JOIN.
//!
//! Owns: the names of columns of tables, WITH queries and sub-selects, in order. Does not own: what follows from them; see `merged_columns`.
//! Invariant: columns are listed wholly or not at all. Start at [`Relations::of`].

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::common::{Result, TableReference};
use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    self, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias, TableFactor, TableWithJoins,
};

use super::column_names::{folded, of_output};
use super::duplicate_names::told_apart;
use super::literals::call;
use crate::error::{Error, sqlstate};

/// The columns of the tables that a statement names.
#[derive(Debug, Default)]
pub struct Relations(HashMap<Vec<String>, Vec<String>>);

/// One column of a FROM list, and how to refer to it.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub(crate) name: String,
    pub(crate) expr: Expr,
}

/// The WITH queries that a query may name, the innermost last; `None` where the columns are not known.
pub(crate) type WithQueries = Vec<(String, Option<Vec<String>>)>;

impl Relations {
    /// Looks up the tables of a statement, if its meaning depends on their columns.
    ///
    /// # Errors
    /// Those of describing a table. A table that doesn't exist is left out: planning says so.
    pub async fn of(state: &SessionState, statement: &Statement) -> Result<Self> {
        let mut tables = HashMap::new();
        if !depends_on_columns(statement) {
            return Ok(Self(tables));
        }
        let mut names: Vec<Vec<String>> = Vec::new();
        let _ = ast::visit_relations(statement, |name| {
            names.extend(parts(name));
            ControlFlow::<()>::Continue(())
        });
        for name in names {
            let reference = match name.as_slice() {
                [table] => TableReference::bare(table.as_str()),
                [schema, table] => TableReference::partial(schema.as_str(), table.as_str()),
                [catalog, schema, table] => {
                    TableReference::full(catalog.as_str(), schema.as_str(), table.as_str())
                }
                _ => continue,
            };
            let table = reference.table().to_owned();
            let Ok(schema) = state.schema_for_ref(reference) else {
                continue;
            };
            if let Some(found) = schema.table(&table).await? {
                let columns = found
                    .schema()
                    .fields()
                    .iter()
                    .map(|field| field.name().clone())
                    .collect();
                tables.insert(name, columns);
            }
        }
        Ok(Self(tables))
    }

    /// The names of a query's outputs; `None` where they aren't known.
    pub(crate) fn outputs(&self, query: &Query, with: &WithQueries) -> Option<Vec<String>> {
        let mut inner = with.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let known = self.outputs(&cte.query, &inner);
            let known = known.and_then(|known| renamed(known, Some(&cte.alias)));
            inner.push((folded(&cte.alias.name), known));
        }
        self.outputs_of_body(&query.body, &inner)
    }

    pub(crate) fn outputs_of_body(&self, body: &SetExpr, with: &WithQueries) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.outputs_of_select(select, with),
            SetExpr::SetOperation { left, .. } => self.outputs_of_body(left, with),
            SetExpr::Query(query) => self.outputs(query, with),
            SetExpr::Values(values) => {
                let width = values.rows.first()?.content.len();
                Some((1..=width).map(|at| format!("column{at}")).collect())
            }
            _ => None,
        }
    }

    fn outputs_of_select(&self, select: &ast::Select, with: &WithQueries) -> Option<Vec<String>> {
        let items = select.projection.iter().map(|item| match item {
            SelectItem::Wildcard(_) => self.of_from(&select.from, with),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                self.of_qualifier(&select.from, name, with).map(names_of)
            }
            item => Some(vec![of_output(item)?]),
        });
        Some(items.collect::<Option<Vec<_>>>()?.concat())
    }

    fn of_from(&self, from: &[TableWithJoins], with: &WithQueries) -> Option<Vec<String>> {
        let parts = from.iter().map(|item| visible(self, item, with).ok().flatten());
        Some(names_of(parts.collect::<Option<Vec<_>>>()?.concat()))
    }

    /// Whether two outputs of a list with a wildcard have the same name.
    pub(crate) fn repeats_names(&self, select: &ast::Select, with: &WithQueries) -> bool {
        let is_wildcard =
            |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        if !select.projection.iter().any(is_wildcard) {
            return false;
        }
        let Some(names) = self.outputs_of_select(select, with) else {
            return false;
        };
        let mut seen = HashSet::new();
        !names.iter().all(|name| seen.insert(name))
    }

    /// The columns of each qualified wildcard of a list.
    pub(crate) fn qualified(&self, select: &ast::Select, with: &WithQueries) -> Option<Vec<Vec<Visible>>> {
        let wildcards = select.projection.iter().filter_map(|item| match item {
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                Some(self.of_qualifier(&select.from, name, with))
            }
            _ => None,
        });
        wildcards.collect()
    }

    fn of_qualifier(
        &self,
        from: &[TableWithJoins],
        name: &ObjectName,
        with: &WithQueries,
    ) -> Option<Vec<Visible>> {
        let wanted = parts(name)?;
        let factors = from.iter().flat_map(|item| {
            std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation))
        });
        let mut named = factors.filter(|factor| {
            qualifier(factor).is_some_and(|known| known.last().map(folded) == wanted.last().cloned())
        });
        self.columns(named.next()?, with)
    }

    /// The columns of one relation in FROM.
    pub(crate) fn columns(&self, factor: &TableFactor, with: &WithQueries) -> Option<Vec<Visible>> {
        let (names, alias) = match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let name = parts(name)?;
                let found = match name.as_slice() {
                    [only] => with.iter().rev().find(|(known, _)| known == only),
                    _ => None,
                };
                let names = match found {
                    Some((_, columns)) => columns.clone()?,
                    None => self.0.get(&name)?.clone(),
                };
                (names, alias)
            }
            TableFactor::Derived { subquery, alias, .. } => (self.outputs(subquery, with)?, alias),
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => return visible(self, table_with_joins, with).ok().flatten(),
            _ => return None,
        };
        let names = renamed(names, alias.as_ref())?;
        let qualifier = qualifier(factor)?;
        let planned = told_apart(&names);
        let columns = names.into_iter().zip(planned).map(|(name, planned)| {
            let mut parts = qualifier.clone();
            parts.push(Ident::with_quote('"', planned));
            let expr = Expr::CompoundIdentifier(parts);
            Visible { name, expr }
        });
        Some(columns.collect())
    }
}

/// The columns that `*` shows of an item of FROM, in order; `None` where those of a relation aren't known.
pub(crate) fn visible(
    relations: &Relations,
    item: &TableWithJoins,
    with: &WithQueries,
) -> Result<Option<Vec<Visible>>, Box<Error>> {
    let Some(mut columns) = relations.columns(&item.relation, with) else {
        return Ok(None);
    };
    for join in &item.joins {
        let Some(right) = relations.columns(&join.relation, with) else {
            return Ok(None);
        };
        let mut shown = Vec::new();
        for pair in pairs(&columns, &right, &join.join_operator)? {
            shown.push(pair.merged(&join.join_operator));
        }
        let is_merged = |column: &Visible| shown.iter().any(|merged| merged.name == column.name);
        let rest: Vec<Visible> = columns
            .into_iter()
            .chain(right)
            .filter(|column| !is_merged(column))
            .collect();
        columns = [shown.clone(), rest].concat();
    }
    Ok(Some(columns))
}

/// A column of each side, under one name.
pub(crate) struct Pair {
    name: String,
    pub(crate) left: Expr,
    pub(crate) right: Expr,
}

impl Pair {
    /// What the two are one of.
    pub(crate) fn merged(self, join: &JoinOperator) -> Visible {
        let expr = match join {
            JoinOperator::FullOuter(_) => call("coalesce", vec![self.left, self.right]),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => self.right,
            _ => self.left,
        };
        Visible {
            name: self.name,
            expr,
        }
    }
}

/// The columns that a join merges.
pub(crate) fn pairs(
    left: &[Visible],
    right: &[Visible],
    join: &JoinOperator,
) -> Result<Vec<Pair>, Box<Error>> {
    let names: Vec<String> = match constraint(join) {
        Some(JoinConstraint::Using(names)) => names
            .iter()
            .filter_map(|name| name.0.last()?.as_ident().map(folded))
            .collect(),
        Some(JoinConstraint::Natural) => {
            let is_shared = |name: &&String| right.iter().any(|other| other.name == **name);
            left.iter()
                .map(|column| &column.name)
                .filter(is_shared)
                .cloned()
                .collect()
        }
        _ => Vec::new(),
    };
    let one = |side: &[Visible], name: &str, which: &str| {
        let mut found = side.iter().filter(|column| column.name == name);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column.expr.clone()),
            (Some(_), Some(_)) => Err(Box::new(Error::new(
                sqlstate::AMBIGUOUS_COLUMN,
                format!("common column name \"{name}\" appears more than once in {which} table"),
            ))),
            (None, _) => Err(Box::new(Error::new(
                sqlstate::UNDEFINED_COLUMN,
                format!("column \"{name}\" specified in USING clause does not exist in {which} table"),
            ))),
        }
    };
    let pairs = names.into_iter().map(|name| {
        let (left, right) = (one(left, &name, "left")?, one(right, &name, "right")?);
        Ok(Pair { name, left, right })
    });
    pairs.collect()
}

/// The constraint of a join, if it is one of SQL's.
pub(crate) fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    use JoinOperator::{FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    match join {
        Join(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint)
        | Right(constraint)
        | RightOuter(constraint)
        | FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// What columns of a relation are qualified with.
pub(crate) fn qualifier(factor: &TableFactor) -> Option<Vec<Ident>> {
    match factor {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(vec![alias.name.clone()]),
        TableFactor::Table { name, .. } => name.0.iter().map(|part| part.as_ident().cloned()).collect(),
        _ => None,
    }
}

/// The names with those that an alias lists in the place of the first ones.
pub(crate) fn renamed(mut names: Vec<String>, alias: Option<&TableAlias>) -> Option<Vec<String>> {
    let listed = alias.map(|alias| alias.columns.as_slice()).unwrap_or_default();
    if listed.len() > names.len() {
        return None;
    }
    for (name, listed) in names.iter_mut().zip(listed) {
        *name = folded(&listed.name);
    }
    Some(names)
}

fn names_of(columns: Vec<Visible>) -> Vec<String> {
    columns.into_iter().map(|column| column.name).collect()
}

fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(folded)).collect()
}

/// Whether a statement joins by names of columns, or lists columns beside others that a wildcard stands for.
fn depends_on_columns(statement: &Statement) -> bool {
    struct Found {
        /// The names and aliases of all relations.
        relations: HashSet<String>,
    }
    impl ast::Visitor for Found {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            match counts_rows(&query.body) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        /// A relation in the place of a value.
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let is_row = match expr {
                Expr::Identifier(name) => self.relations.contains(&folded(name)),
                Expr::Function(function) => has_whole_row(function),
                _ => false,
            };
            match is_row {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn pre_visit_select(&mut self, select: &ast::Select) -> ControlFlow<()> {
            let nested = |factor: &TableFactor| matches!(factor, TableFactor::NestedJoin { .. });
            let by_name = |join: &ast::Join| {
                nested(&join.relation)
                    || matches!(
                        constraint(&join.join_operator),
                        Some(JoinConstraint::Using(_) | JoinConstraint::Natural)
                    )
            };
            let is_wildcard = |item: &SelectItem| {
                matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
            };
            let joins = select.from.iter().map(|item| item.joins.len() + 1).sum::<usize>() > 1;
            let may_repeat =
                (joins || select.projection.len() > 1) && select.projection.iter().any(is_wildcard);
            let mut items = select.from.iter();
            match may_repeat || items.any(|item| nested(&item.relation) || item.joins.iter().any(by_name)) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    let mut found = Found {
        relations: relation_names(statement),
    };
    ast::Visit::visit(statement, &mut found).is_break()
}

/// The names by which a statement's relations can be referred to.
fn relation_names(statement: &Statement) -> HashSet<String> {
    struct Names(HashSet<String>);
    impl ast::Visitor for Names {
        type Break = ();

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            let name = qualifier(factor).and_then(|name| name.last().map(folded));
            self.0.extend(name);
            ControlFlow::Continue(())
        }
    }
    let mut names = Names(HashSet::new());
    let _ = ast::Visit::visit(statement, &mut names);
    names.0
}

/// Whether an argument is `t.*`, which `count` alone takes otherwise.
fn has_whole_row(function: &ast::Function) -> bool {
    let ast::FunctionArguments::List(list) = &function.args else {
        return false;
    };
    let is_row = |arg: &ast::FunctionArg| {
        matches!(
            arg,
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::QualifiedWildcard(_))
        )
    };
    list.args.iter().any(is_row) && !function.name.to_string().eq_ignore_ascii_case("count")
}

/// Whether there is an EXCEPT ALL or INTERSECT ALL.
fn counts_rows(body: &SetExpr) -> bool {
    match body {
        SetExpr::SetOperation {
            op,
            set_quantifier,
            left,
            right,
        } => {
            let is_all = *set_quantifier == ast::SetQuantifier::All && *op != ast::SetOperator::Union;
            is_all || counts_rows(left) || counts_rows(right)
        }
        _ => false,
    }
}
