//! What statements are made of: tables, columns with values that they hold, and the references between tables.

use datafusion::arrow::datatypes::DataType;

use super::literal;
use crate::answer::Cell;
use crate::reference;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Integer,
    Double,
    Text,
    Date,
    Moment,
    Time,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Some of its values, without NULL.
    pub(crate) values: Vec<Cell>,
    /// Whether few values make up the column, so that grouping by it makes sense.
    pub(crate) is_category: bool,
    /// Whether the C library and Unicode agree on the other case of its letters: see "Limits" in the README.
    pub(crate) has_plain_cases: bool,
}

#[derive(Debug)]
pub(crate) struct Table {
    /// With its schema.
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: usize,
    /// How often it is chosen: small tables cost less, and those with a column of every type show more.
    pub(crate) weight: u32,
}

/// A reference: each row of `child` leads to few rows of `parent`, mostly to one or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) child: &'static str,
    pub(crate) column: &'static str,
    pub(crate) parent: &'static str,
    pub(crate) key: &'static str,
}

const fn edge(child: &'static str, column: &'static str, parent: &'static str, key: &'static str) -> Edge {
    Edge {
        child,
        column,
        parent,
        key,
    }
}

pub(crate) const EDGES: &[Edge] = &[
    edge("salesforce.contact", "accountid", "salesforce.account", "id"),
    edge("salesforce.opportunity", "accountid", "salesforce.account", "id"),
    edge("salesforce.opportunity", "ownerid", "salesforce.user", "id"),
    edge("salesforce.account", "ownerid", "salesforce.user", "id"),
    edge("salesforce.account", "parentid", "salesforce.account", "id"),
    edge("salesforce.case", "accountid", "salesforce.account", "id"),
    edge("salesforce.case", "contactid", "salesforce.contact", "id"),
    edge("salesforce.asset", "accountid", "salesforce.account", "id"),
    edge("salesforce.asset", "product2id", "salesforce.product2", "id"),
    edge(
        "salesforce.acme__everything__c",
        "acme__account__c",
        "salesforce.account",
        "id",
    ),
    edge(
        "salesforce.acme__everything__c",
        "acme__lost__c",
        "salesforce.account",
        "id",
    ),
    edge(
        "salesforce.acme__everything__c",
        "acme__parent__c",
        "salesforce.acme__everything__c",
        "id",
    ),
    edge(
        "salesforce.acme__everything__c",
        "ownerid",
        "salesforce.user",
        "id",
    ),
    edge(
        "servicenow.incident",
        "caller_id",
        "servicenow.sys_user",
        "sys_id",
    ),
    edge(
        "servicenow.incident",
        "assigned_to",
        "servicenow.sys_user",
        "sys_id",
    ),
    edge(
        "servicenow.incident",
        "assignment_group",
        "servicenow.sys_user_group",
        "sys_id",
    ),
    edge(
        "servicenow.problem",
        "assigned_to",
        "servicenow.sys_user",
        "sys_id",
    ),
    edge(
        "servicenow.sn_customerservice_case",
        "account",
        "servicenow.customer_account",
        "sys_id",
    ),
    edge(
        "servicenow.sn_customerservice_case",
        "contact",
        "servicenow.customer_contact",
        "sys_id",
    ),
    edge(
        "servicenow.cmdb_ci",
        "assigned_to",
        "servicenow.sys_user",
        "sys_id",
    ),
    edge(
        "servicenow.kb_knowledge",
        "author",
        "servicenow.sys_user",
        "sys_id",
    ),
    edge(
        "servicenow.u_everything",
        "u_reference",
        "servicenow.sys_user",
        "sys_id",
    ),
    // Across the systems.
    edge(
        "servicenow.customer_account",
        "u_salesforce_account_id",
        "salesforce.account",
        "id",
    ),
    edge(
        "salesforce.opportunity",
        "accountid",
        "servicenow.customer_account",
        "u_salesforce_account_id",
    ),
    edge(
        "salesforce.contact",
        "accountid",
        "servicenow.customer_account",
        "u_salesforce_account_id",
    ),
    edge(
        "salesforce.asset",
        "accountid",
        "servicenow.customer_account",
        "u_salesforce_account_id",
    ),
    edge(
        "salesforce.acme__everything__c",
        "acme__account__c",
        "servicenow.customer_account",
        "u_salesforce_account_id",
    ),
];

/// Everything that statements are made of.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) tables: Vec<Table>,
}

impl Catalog {
    pub(crate) fn new(tables: &[reference::Table]) -> Self {
        let tables: Vec<Table> = tables.iter().map(described).collect();
        let find = |name: &str| tables.iter().find(|table| table.name == name);
        for edge in EDGES {
            for (table, column) in [(edge.child, edge.column), (edge.parent, edge.key)] {
                let known = find(table).is_some_and(|table| table.column(column).is_some());
                assert!(known, "{table} has no column {column}");
            }
        }
        Self { tables }
    }

    pub(crate) fn table(&self, name: &str) -> &Table {
        let found = self.tables.iter().find(|table| table.name == name);
        found.expect("a table that was loaded")
    }
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(crate) fn key(&self) -> &'static str {
        if self.name.starts_with("salesforce") {
            "id"
        } else {
            "sys_id"
        }
    }
}

fn described(table: &reference::Table) -> Table {
    let column = |(at, field): (usize, &std::sync::Arc<datafusion::arrow::datatypes::Field>)| {
        let ty = match field.data_type() {
            DataType::Boolean => Type::Boolean,
            DataType::Int64 => Type::Integer,
            DataType::Float64 => Type::Double,
            DataType::Utf8 => Type::Text,
            DataType::Date32 => Type::Date,
            DataType::Timestamp(..) => Type::Moment,
            DataType::Time64(_) => Type::Time,
            other => panic!("no column has the type {other}"),
        };
        let values = || {
            table
                .rows
                .iter()
                .map(|row| &row[at])
                .filter(|cell| **cell != Cell::Null)
        };
        let distinct: std::collections::HashSet<String> =
            values().take(2000).map(ToString::to_string).collect();
        let step = (table.rows.len() / 200).max(1);
        Column {
            name: field.name().clone(),
            ty,
            values: values().step_by(step).cloned().collect(),
            is_category: distinct.len() < 40,
            has_plain_cases: values().all(|cell| match cell {
                Cell::Text(text) => text.chars().all(literal::has_plain_case),
                _ => true,
            }),
        }
    };
    let weight = match table.name {
        "salesforce.acme__everything__c" | "servicenow.u_everything" => 12,
        "salesforce.account" | "servicenow.customer_account" => 8,
        _ if table.rows.len() > 2500 => 1,
        _ => 3,
    };
    Table {
        name: table.name,
        columns: table.schema.fields().iter().enumerate().map(column).collect(),
        rows: table.rows.len(),
        weight,
    }
}
