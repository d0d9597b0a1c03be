//! What the policies leave of one table for one person.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causeway_core::{Column, Origin, Principal, QueryContext, Table};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};

use super::{Audience, Policies, Stamp, asking, qualified};
use crate::Error;

/// What one person may see of one table.
#[derive(Debug)]
pub(crate) struct Access {
    /// Columns that don't exist.
    denied: BTreeSet<String>,
    /// Columns that show an expression.
    masks: BTreeMap<String, SqlExpr>,
    /// Conditions that every row must meet.
    rows: Vec<SqlExpr>,
    /// Whether all domains are visible.
    all_domains: bool,
    audience: Audience,
    /// Whose policies they are.
    person: Arc<Principal>,
}

impl Access {
    /// Gathers the policies that bind `principal` on the table.
    pub(super) fn of(policies: &Policies, principal: &Arc<Principal>, table: &Table) -> Self {
        let mut access = Self {
            denied: BTreeSet::new(),
            masks: BTreeMap::new(),
            rows: Vec::new(),
            all_domains: principal.all_domains,
            audience: policies.audience(principal),
            person: Arc::clone(principal),
        };
        for policy in policies.binding(principal, &qualified(&table.source, &table.name.name)) {
            access.rows.extend(policy.rows.clone());
            let denied = policy.policy.deny_columns.iter();
            access.denied.extend(denied.map(|column| column.to_lowercase()));
            for (column, mask) in &policy.masks {
                access.mask(column, mask);
            }
        }
        access.hide_labels(policies, principal, table);
        access
    }

    /// Shows NULL for the display values of references to tables on which the person is bound: the label of a hidden record is a
    /// value of that record. Without a look at the referenced record nobody knows which labels may be shown.
    fn hide_labels(&mut self, policies: &Policies, principal: &Principal, table: &Table) {
        let is_bound = |target: &String| {
            let name = qualified(&table.source, target);
            // Whether the referenced table has domains would cost a call to find out.
            !principal.all_domains || policies.binding(principal, &name).next().is_some()
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

    /// The columns that exist for the person, as positions in the table.
    pub(crate) fn visible(&self, table: &Table) -> Vec<usize> {
        let columns = table.columns.iter().enumerate();
        columns
            .filter(|(_, column)| self.shows(table, column))
            .map(|(at, _)| at)
            .collect()
    }

    /// The schema of these columns. A mask may turn any value into NULL.
    pub(crate) fn schema(&self, table: &Table, columns: &[usize]) -> SchemaRef {
        let schema = table.schema_of(columns);
        if self.masks.is_empty() {
            return schema;
        }
        let fields = schema.fields().iter().map(|field| {
            let nullable = field.is_nullable() || self.masks.contains_key(field.name());
            field.as_ref().clone().with_nullable(nullable)
        });
        Schema::new(fields.collect::<Vec<_>>()).into()
    }

    /// Whether the column exists for the person. What is made from a denied or masked column goes with it: its display column, and
    /// the link that holds the record's key.
    fn shows(&self, table: &Table, column: &Column) -> bool {
        let hides = |name: &str| self.denied.contains(name) || self.masks.contains_key(name);
        let made_from_hidden = match &column.origin {
            Origin::Field(_) => false,
            // By the field: names that differ in case only have another name here.
            Origin::Display(field) => {
                let mut shown = table.columns.iter();
                shown.any(|column| column.remote_field() == Some(field) && hides(&column.name))
            }
            Origin::RecordUrl => key_columns(table).any(|key| hides(&key.name)),
        };
        !self.denied.contains(&column.name) && !made_from_hidden
    }

    /// What the column shows instead of its value.
    pub(crate) fn mask_of(&self, column: &Column) -> Option<&SqlExpr> {
        self.masks.get(&column.name)
    }

    /// Whether some rows of the table may be hidden.
    pub(crate) fn restricts_rows(&self, table: &Table) -> bool {
        !self.rows.is_empty() || (table.domain.is_some() && !self.all_domains)
    }

    /// The stamp of a scan of these columns; `None` when only a scan below the policies may read them.
    pub(super) fn stamp(&self, table: &Table, columns: &[usize]) -> Option<Stamp> {
        let mut shown = columns.iter().filter_map(|&at| table.columns.get(at));
        let is_open = !self.restricts_rows(table) && !shown.any(|column| self.mask_of(column).is_some());
        let shows_keys =
            key_columns(table).all(|key| !self.denied.contains(&key.name) && self.mask_of(key).is_none());
        let stamp = Stamp::open(table, &self.person, self.audience);
        is_open.then(|| {
            if shows_keys {
                stamp
            } else {
                stamp.without_record_keys()
            }
        })
    }

    /// The stamp of the scan below the policies.
    pub(super) fn stamp_below(&self, table: &Table) -> Stamp {
        Stamp::open(table, &self.person, self.audience).below_policies()
    }

    /// Identity and budget of the query that scans the table.
    ///
    /// # Errors
    /// 28000 when the session does not say who asks; 42501 when it is somebody else.
    pub(super) fn asking(&self, config: &SessionConfig, table: &Table) -> Result<Arc<QueryContext>, Error> {
        asking::asking(config, &self.person, &table.source, &table.name.name)
    }

    /// Conditions that every row must meet, beside its domain.
    pub(super) fn rows(&self) -> &[SqlExpr] {
        &self.rows
    }

    /// Whether the domain of a record decides nothing.
    pub(super) fn sees_all_domains(&self) -> bool {
        self.all_domains
    }

    /// Whether some column shows an expression.
    pub(super) fn has_masks(&self) -> bool {
        !self.masks.is_empty()
    }
}

fn nothing() -> SqlExpr {
    SqlExpr::Value(Value::Null.with_empty_span())
}

/// The columns of the record's key.
fn key_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.key.iter().filter_map(|&at| table.columns.get(at))
}

#[cfg(test)]
mod tests {
    use causeway_core::{ColumnType, TableName};

    use super::*;
    use crate::policy::Policy;

    fn table() -> Table {
        let field = |name: &str| Column::field(name, ColumnType::Text, "text");
        Table {
            source: "s".into(),
            name: TableName {
                name: "t".to_owned(),
                remote: "T".to_owned(),
                label: "T".to_owned(),
            },
            columns: vec![field("id"), field("size"), field("note")],
            key: vec![0],
            domain: None,
            url_template: String::new(),
            required_filter: None,
        }
    }

    /// The stamp of a scan of `size` and `note` for somebody whom the policy binds.
    fn stamp(policy: Policy) -> Option<Stamp> {
        let policy = Policy {
            table: "s.t".to_owned(),
            ..policy
        };
        let policies = Policies::try_new(vec![policy]).expect("a valid policy");
        let principal = Arc::new(Principal {
            all_domains: true,
            ..Principal::default()
        });
        policies.access(&principal, &table()).stamp(&table(), &[1, 2])
    }

    fn masked(column: &str) -> Policy {
        Policy {
            mask_columns: [(column.to_owned(), "'x'".to_owned())].into(),
            ..Policy::default()
        }
    }

    #[test]
    fn a_mask_concerns_scans_of_its_column_only() {
        assert!(stamp(masked("note")).is_none());
        assert!(stamp(masked("other")).is_some_and(|stamp| stamp.tells_records()));
    }

    #[test]
    fn where_keys_are_masked_or_denied_errors_name_no_record() {
        assert!(stamp(masked("id")).is_some_and(|stamp| !stamp.tells_records()));
        let denied = Policy {
            deny_columns: vec!["ID".to_owned()],
            ..Policy::default()
        };
        assert!(stamp(denied).is_some_and(|stamp| !stamp.tells_records()));
    }

    #[test]
    fn a_stamp_is_of_its_table_and_for_its_person() {
        let stamp = stamp(masked("other")).expect("an open scan");
        assert!(stamp.is_of(&table()));
        let mut other = table();
        other.name.name = "u".to_owned();
        assert!(!stamp.is_of(&other));
        let asking = |person: Principal| {
            let context = Arc::new(QueryContext::new(1, Arc::new(person), 0, true));
            stamp.asking(&crate::policy::asked_by(SessionConfig::new(), &context))
        };
        // An equal principal of another engine is another person.
        let error = asking(Principal {
            all_domains: true,
            ..Principal::default()
        });
        assert_eq!(error.expect_err("another person").sqlstate, "42501");
        let context = QueryContext::new(1, Arc::default(), 0, true);
        let error = stamp.asking(&SessionConfig::new().with_extension(Arc::new(context)));
        assert_eq!(error.expect_err("nobody").sqlstate, "28000");
    }

    #[test]
    fn rows_that_a_policy_hides_leave_no_stamp() {
        let rows = Policy {
            rows: Some("size > 1".to_owned()),
            ..Policy::default()
        };
        assert!(stamp(rows).is_none());
    }
}
