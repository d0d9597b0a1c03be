//! Who may see which rows and columns.
//!
//! Owns: policies, domain separation, and the plan below a restricted table. Invariant: nothing that a statement says is
//! evaluated on a row before the policies have let it through, except comparisons of columns with constants.

mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_core::{Column, Origin, Principal, Table, matches_pattern};
use causeway_postgres::parser;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};
use datafusion::sql::sqlparser::tokenizer::Token;
use serde::Deserialize;

use crate::Error;
use crate::error::{sqlstate, syntax_error};
pub(crate) use plan::scan_restricted;

/// One `[[policies]]` entry of the configuration. All that bind a person and a table hold together.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Table as `schema.table`; `*` and `?` are wildcards.
    pub table: String,
    /// Roles that it binds; empty binds everyone.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Condition that a row must meet; its subqueries run as the person who asks.
    pub rows: Option<String>,
    /// Columns that don't exist for those it binds.
    #[serde(default)]
    pub deny_columns: Vec<String>,
    /// Columns that show an expression instead of their value.
    #[serde(default)]
    pub mask_columns: BTreeMap<String, String>,
}

/// A policy whose SQL has been parsed.
#[derive(Debug)]
pub(crate) struct CheckedPolicy {
    policy: Policy,
    rows: Option<SqlExpr>,
    masks: BTreeMap<String, SqlExpr>,
}

impl CheckedPolicy {
    /// Parses the SQL of a policy.
    pub(crate) fn try_new(policy: Policy) -> Result<Self, Error> {
        if !policy.table.contains('.') && policy.table != "*" {
            let message = format!(
                "policy table '{}' must be 'schema.table' (wildcards * and ?)",
                policy.table
            );
            return Err(Error::new("F0000", message));
        }
        let rows = policy
            .rows
            .as_deref()
            .map(|text| parse_expr(&policy.table, text))
            .transpose()?;
        let masks = policy
            .mask_columns
            .iter()
            .map(|(column, text)| Ok((column.to_lowercase(), parse_expr(&policy.table, text)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { policy, rows, masks })
    }

    /// Whether it hides rows of some table from `principal`.
    pub(crate) fn hides_rows_from(&self, principal: &Principal) -> bool {
        self.rows.is_some() && self.binds_role_of(principal)
    }

    fn binds_role_of(&self, principal: &Principal) -> bool {
        let roles = &self.policy.roles;
        roles.is_empty() || roles.iter().any(|role| principal.roles.contains(role))
    }

    fn binds(&self, principal: &Principal, qualified_name: &str) -> bool {
        self.binds_role_of(principal) && matches_pattern(&self.policy.table, qualified_name)
    }
}

/// Parses exactly one expression.
fn parse_expr(table: &str, text: &str) -> Result<SqlExpr, Error> {
    let located = |error: &_| {
        let mut mapped = syntax_error(error);
        mapped.message = format!("policy on '{table}': {}", mapped.message);
        mapped
    };
    let mut parser = parser(text).map_err(|error| located(&error))?;
    let expr = parser.parse_expr().map_err(|error| located(&error))?;
    match parser.next_token().token {
        Token::EOF => Ok(expr),
        rest => Err(Error::new(
            sqlstate::SYNTAX,
            format!("policy on '{table}': unexpected '{rest}' after the condition"),
        )),
    }
}

/// What one person may see of one table.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Columns that don't exist.
    pub(crate) denied: BTreeSet<String>,
    /// Columns that show an expression.
    pub(crate) masks: BTreeMap<String, SqlExpr>,
    /// Conditions that every row must meet.
    rows: Vec<SqlExpr>,
    /// Whether all domains are visible.
    all_domains: bool,
}

impl Access {
    /// Gathers the policies that bind `principal` on the table `schema.table`.
    pub(crate) fn of(
        policies: &[Arc<CheckedPolicy>],
        principal: &Principal,
        schema: &str,
        table: &str,
    ) -> Self {
        let mut access = Self {
            all_domains: principal.all_domains,
            ..Self::default()
        };
        let qualified_name = format!("{schema}.{table}").to_lowercase();
        for policy in policies
            .iter()
            .filter(|policy| policy.binds(principal, &qualified_name))
        {
            access.rows.extend(policy.rows.clone());
            access.denied.extend(
                policy
                    .policy
                    .deny_columns
                    .iter()
                    .map(|column| column.to_lowercase()),
            );
            for (column, mask) in &policy.masks {
                access.mask(column, mask);
            }
        }
        access
    }

    /// Shows NULL for the display values of references to tables on which the person is bound: the label of a hidden record is a
    /// value of that record. Without a look at the referenced record nobody knows which labels may be shown.
    pub(crate) fn hide_labels(
        &mut self,
        table: &Table,
        policies: &[Arc<CheckedPolicy>],
        principal: &Principal,
    ) {
        let is_bound = |target: &String| {
            let qualified_name = format!("{}.{target}", table.source).to_lowercase();
            // Whether the referenced table has domains would cost a call to find out.
            !principal.all_domains
                || policies
                    .iter()
                    .any(|policy| policy.binds(principal, &qualified_name))
        };
        for column in &table.columns {
            let Origin::Display(field) = &column.origin else {
                continue;
            };
            let mut fields = table.columns.iter();
            let of_bound = fields
                .find(|other| other.remote_field() == Some(field))
                .is_none_or(|reference| reference.references.iter().any(is_bound));
            if of_bound {
                self.masks.insert(column.name.clone(), nothing());
            }
        }
    }

    /// Adds a mask. Where two policies mask a column differently, nothing of it is shown.
    fn mask(&mut self, column: &str, mask: &SqlExpr) {
        let shown = match self.masks.get(column) {
            Some(other) if other != mask => nothing(),
            _ => mask.clone(),
        };
        self.masks.insert(column.to_owned(), shown);
    }

    /// Whether the column exists for the person. What is made from a denied or masked column goes with it: its display twin, and
    /// the link that holds the record's key.
    pub(crate) fn shows(&self, table: &Table, column: &Column) -> bool {
        let hides = |name: &str| self.denied.contains(name) || self.masks.contains_key(name);
        let made_from_hidden = match &column.origin {
            Origin::Field(_) => false,
            Origin::Display(field) => hides(&field.to_lowercase()),
            Origin::RecordUrl => table.columns.get(table.key).is_some_and(|key| hides(&key.name)),
        };
        !self.denied.contains(&column.name) && !made_from_hidden
    }

    /// Whether some rows of the table may be hidden.
    pub(crate) fn restricts_rows(&self, table: &Table) -> bool {
        !self.rows.is_empty() || (table.domain.is_some() && !self.all_domains)
    }

    /// Whether the column shows an expression.
    pub(crate) fn masks(&self, column: &Column) -> bool {
        self.masks.contains_key(&column.name)
    }
}

fn nothing() -> SqlExpr {
    SqlExpr::Value(Value::Null.with_empty_span())
}

/// Tables whose policies are being planned, outermost first: a policy that leads back to its own table has no meaning.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyPath(Vec<String>);

impl PolicyPath {
    /// The path one table deeper.
    pub(crate) fn enter(&self, table: &str) -> Result<Self, Error> {
        if self.0.iter().any(|name| name == table) {
            let message = format!("infinite recursion detected in policy for relation \"{table}\"");
            return Err(Error::new("42P17", message));
        }
        let mut path = self.0.clone();
        path.push(table.to_owned());
        Ok(Self(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(table: &str, rows: &str) -> Result<CheckedPolicy, Error> {
        CheckedPolicy::try_new(Policy {
            table: table.to_owned(),
            rows: Some(rows.to_owned()),
            ..Policy::default()
        })
    }

    #[test]
    fn a_condition_must_be_one_whole_expression() {
        assert!(policy("s.t", "a = 1 OR b = 2").is_ok());
        let error = policy("s.t", "a = 1; DROP TABLE x").expect_err("two statements");
        assert_eq!(
            error.message,
            "policy on 's.t': unexpected ';' after the condition"
        );
        assert!(policy("s.t", "a = (").is_err());
        assert!(policy("t", "a = 1").is_err());
    }

    #[test]
    fn policies_bind_by_role_and_add_up() {
        let mut analysts = policy("s.t", "a = 1").expect("a valid policy");
        analysts.policy.roles = vec!["analyst".to_owned()];
        let everyone = policy("s.*", "b = 2").expect("a valid policy");
        let policies = [Arc::new(analysts), Arc::new(everyone)];
        let with_role = |roles: &[&str]| {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            let principal = Principal {
                roles,
                ..Principal::default()
            };
            Access::of(&policies, &principal, "s", "t").rows.len()
        };
        assert_eq!(with_role(&["analyst"]), 2);
        assert_eq!(with_role(&["other"]), 1);
    }

    #[test]
    fn a_policy_that_leads_back_to_its_table_is_refused() {
        let path = PolicyPath::default()
            .enter("s.a")
            .and_then(|path| path.enter("s.b"))
            .expect("different tables");
        assert_eq!(path.enter("s.a").expect_err("a cycle").sqlstate, "42P17");
    }
}
