//! Who may see which rows and columns.
//!
//! Owns: policies ([`Policies`]), what they leave of a table for one person ([`Access`]), the only way to the table below them
//! ([`RestrictedTable`]), and the [`Stamp`] without which no scan is built. Does not own: the scan; see `scan`.
//! Invariant: nothing that a statement says is evaluated on a row before the policies have let it through, except comparisons of columns
//! with constants.

mod access;
mod asking;
mod barrier;
mod domains;
mod plan;
mod restricted_table;
mod stamp;

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway_core::{Principal, Table, matches_pattern};
use causeway_postgres::parser;
use datafusion::sql::sqlparser::ast::Expr as SqlExpr;
use datafusion::sql::sqlparser::tokenizer::Token;
use serde::Deserialize;

pub(crate) use access::Access;
pub(crate) use asking::{asked_by, query_of};
pub(crate) use barrier::PolicyExec;
pub(crate) use plan::PolicyCatalog;
pub(crate) use restricted_table::{RestrictedTable, Unstamped};
pub(crate) use stamp::{Audience, Stamp};

use crate::Error;
use crate::error::{sqlstate, syntax_error};

/// Role that sees everybody's queries and requests.
const ADMIN_ROLE: &str = "admin";

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
struct CheckedPolicy {
    policy: Policy,
    rows: Option<SqlExpr>,
    masks: BTreeMap<String, SqlExpr>,
}

impl CheckedPolicy {
    /// Parses the SQL of a policy.
    fn try_new(policy: Policy) -> Result<Self, Error> {
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

/// All policies of an engine.
#[derive(Debug, Default)]
pub(crate) struct Policies(Vec<CheckedPolicy>);

impl Policies {
    /// Parses the SQL of policies.
    ///
    /// # Errors
    /// 42601 for a condition or mask that is no expression, F0000 for a table without a schema.
    pub(crate) fn try_new(policies: Vec<Policy>) -> Result<Self, Error> {
        let checked = policies.into_iter().map(CheckedPolicy::try_new);
        Ok(Self(checked.collect::<Result<_, _>>()?))
    }

    /// What a person may see of a table.
    pub(crate) fn access(&self, principal: &Arc<Principal>, table: &Table) -> Access {
        Access::of(self, principal, table)
    }

    /// Whether a policy denies the person a column of a table that may not have been described.
    pub(crate) fn denies(&self, principal: &Principal, schema: &str, table: &str, column: &str) -> bool {
        let name = qualified(schema, table);
        let mut denied = self
            .binding(principal, &name)
            .flat_map(|policy| &policy.policy.deny_columns);
        denied.any(|denied| denied.eq_ignore_ascii_case(column))
    }

    /// Whether nobody hides rows from the person: counts of remote rows tell them nothing new.
    pub(crate) fn audience(&self, principal: &Principal) -> Audience {
        let hides_rows = |policy: &CheckedPolicy| policy.rows.is_some() && policy.binds_role_of(principal);
        let sees_all = is_admin(principal) || (principal.all_domains && !self.0.iter().any(hides_rows));
        match sees_all {
            true => Audience::SeesAllRows,
            false => Audience::MissesRows,
        }
    }

    fn binding(&self, principal: &Principal, qualified_name: &str) -> impl Iterator<Item = &CheckedPolicy> {
        let policies = self.0.iter();
        policies.filter(move |policy| policy.binds(principal, qualified_name))
    }
}

/// Whether a person sees everybody's queries and requests.
pub(crate) fn is_admin(principal: &Principal) -> bool {
    principal.roles.iter().any(|role| role == ADMIN_ROLE)
}

fn qualified(schema: &str, table: &str) -> String {
    format!("{schema}.{table}").to_lowercase()
}

/// Tables whose policies are being planned, outermost first: a policy that leads back to its own table has no meaning.
#[derive(Debug, Clone, Default)]
pub(crate) struct PolicyPath(Vec<String>);

impl PolicyPath {
    /// Whether no policy is being planned.
    pub(crate) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

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
        let policies = Policies(vec![analysts, everyone]);
        let with_role = |roles: &[&str]| {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            let principal = Principal {
                roles,
                ..Principal::default()
            };
            policies.binding(&principal, "s.t").count()
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
