//! Groups and aggregates as requests of the Aggregate API.
//!
//! Owns: the calls that one grouping takes, and what the API computes as SQL does. Does not own: which groupings are asked for, see
//! `dialect`; the answers, see `api::groups`. Invariant: names were validated before they reach a target.
//! Source: "Aggregate API", Australia, read 2026-06-25.

use std::collections::BTreeSet;

use causeway_core::{Aggregate, AggregateFunction, Atom, Dialect, Error, Grouping, RemoteOp, RemoteQuery};

use super::column_use::ColumnUse;
use super::encoded_query::EncodedQuery;
use super::request::{ScanRequest, malformed, percent_encoded};
use super::wire::is_column_name;
use crate::types::Family;

/// One grouping as requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AggregateRequest {
    table: String,
    filter: EncodedQuery,
    pub(crate) keys: Vec<String>,
    pub(crate) aggregates: Vec<(AggregateFunction, Option<String>)>,
}

impl AggregateRequest {
    /// The requests of a grouped query, without conditions that rely on doubted uses.
    ///
    /// # Errors
    /// [`Kind::Malformed`](causeway_core::Kind::Malformed) when the API can't say it.
    pub(crate) fn of_query(
        dialect: &dyn Dialect,
        query: &RemoteQuery,
        grouping: &Grouping,
        doubted: &BTreeSet<ColumnUse>,
    ) -> Result<Self, Error> {
        let scan = ScanRequest::without(dialect, query, doubted)?;
        let field = |at: usize| {
            let column = query.table.columns.get(at);
            let field = column.and_then(|column| column.remote_field());
            let field = field.filter(|field| is_column_name(field)).map(str::to_owned);
            field.ok_or_else(|| malformed(query, "a column of the grouping is no field of the table"))
        };
        if !grouping.having.is_empty() {
            return Err(malformed(query, "conditions on groups are checked here"));
        }
        let aggregate = |aggregate: &Aggregate| match (aggregate.function, aggregate.column) {
            (AggregateFunction::CountDistinct, _) => {
                Err(malformed(query, "the aggregate api counts no distinct values"))
            }
            (function, Some(column)) => Ok((function, Some(field(column)?))),
            (AggregateFunction::Count, None) => Ok((AggregateFunction::Count, None)),
            (_, None) => Err(malformed(query, "the aggregate needs a column")),
        };
        Ok(Self {
            table: scan.table,
            filter: scan.filter,
            keys: grouping
                .keys
                .iter()
                .map(|&key| field(key))
                .collect::<Result<_, _>>()?,
            aggregates: grouping
                .aggregates
                .iter()
                .map(aggregate)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Fields whose values are counted: the API only counts rows, so each takes a request of its own.
    pub(crate) fn counted_fields(&self) -> BTreeSet<&str> {
        let counts = self
            .aggregates
            .iter()
            .filter(|(function, _)| *function == AggregateFunction::Count);
        counts.filter_map(|(_, field)| field.as_deref()).collect()
    }

    /// The encoded query, of rows where `present` has a value.
    pub(crate) fn query_text(&self, present: Option<&str>) -> String {
        // A test of a checked name can always be written.
        let has_value = present.map(|field| Atom::test(field, RemoteOp::IsNotNull));
        let has_value = has_value.and_then(|atom| EncodedQuery::all_of([atom]).ok());
        let narrowed = has_value.and_then(|has_value| self.filter.and(&has_value));
        narrowed.as_ref().unwrap_or(&self.filter).unsorted(None)
    }

    /// Parameters but the query, as a person reads them.
    fn parameters(&self, present: Option<&str>) -> String {
        let mut parameters = "sysparm_count=true".to_owned();
        let functions = [
            (AggregateFunction::Sum, "sysparm_sum_fields"),
            (AggregateFunction::Min, "sysparm_min_fields"),
            (AggregateFunction::Max, "sysparm_max_fields"),
        ];
        for (function, parameter) in functions.into_iter().filter(|_| present.is_none()) {
            let of_function = self.aggregates.iter().filter(|(wanted, _)| *wanted == function);
            let fields: BTreeSet<&str> = of_function.filter_map(|(_, field)| field.as_deref()).collect();
            if !fields.is_empty() {
                let fields: Vec<&str> = fields.into_iter().collect();
                parameters.push_str(&format!("&{parameter}={}", fields.join(",")));
            }
        }
        if !self.keys.is_empty() {
            parameters.push_str(&format!("&sysparm_group_by={}", self.keys.join(",")));
        }
        parameters
    }

    pub(crate) fn target(&self, present: Option<&str>) -> String {
        format!(
            "/api/now/v1/stats/{}?{}&sysparm_query={}",
            self.table,
            self.parameters(present),
            percent_encoded(&self.query_text(present))
        )
    }

    /// The requests as a person reads them.
    pub(crate) fn readable(&self) -> String {
        let part = |present: Option<&str>| {
            let (parameters, query) = (self.parameters(present), self.query_text(present));
            format!("stats/{}?{parameters}&sysparm_query={query}", self.table)
        };
        let counted = self.counted_fields();
        let parts = std::iter::once(None).chain(counted.into_iter().map(Some));
        parts.map(part).collect::<Vec<_>>().join(" and ")
    }
}

/// Whether the instance groups by values of the family as SQL does: text merges what differs in case only.
pub(crate) fn groups_alike(remote_type: &str) -> bool {
    remote_type == "reference"
        || matches!(
            Family::of(remote_type),
            Family::Boolean | Family::Integer | Family::Long
        )
}

/// Whether the instance computes the aggregate over values of the family as SQL does.
pub(crate) fn aggregates_alike(function: AggregateFunction, remote_type: &str) -> bool {
    let family = Family::of(remote_type);
    match function {
        AggregateFunction::Count => !matches!(
            family,
            Family::Text | Family::List | Family::Opaque | Family::Money | Family::Duration
        ),
        // A sum of 64-bit numbers may be wider than that.
        AggregateFunction::Sum => family == Family::Integer,
        AggregateFunction::Min | AggregateFunction::Max => {
            matches!(
                family,
                Family::Integer | Family::Long | Family::Moment | Family::Day
            )
        }
        AggregateFunction::CountDistinct => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use causeway_core::{Column, ColumnType, Table, TableName};

    use super::*;
    use crate::query::dialect::ServiceNowDialect;

    fn table() -> Arc<Table> {
        let names = ["sys_id", "state", "caller_id", "opened_at"];
        let name = "incident".to_owned();
        Arc::new(Table {
            source: "desk".into(),
            name: TableName {
                name: name.clone(),
                remote: name.clone(),
                label: name,
            },
            columns: names
                .map(|name| Column::field(name, ColumnType::Text, ""))
                .to_vec(),
            key: vec![0],
            domain: None,
            url_template: String::new(),
            required_filter: None,
        })
    }

    #[test]
    fn one_request_says_all_but_counts_of_values() {
        let aggregates = [
            (AggregateFunction::Count, None),
            (AggregateFunction::Sum, Some(1)),
            (AggregateFunction::Max, Some(3)),
            (AggregateFunction::Count, Some(2)),
        ];
        let grouping = Grouping {
            keys: vec![1, 2],
            aggregates: aggregates
                .map(|(function, column)| Aggregate { function, column })
                .to_vec(),
            having: Vec::new(),
        };
        let query = RemoteQuery::new(table(), Vec::new());
        let stats =
            AggregateRequest::of_query(&ServiceNowDialect::default(), &query, &grouping, &BTreeSet::new())
                .expect("sayable");
        assert_eq!(
            stats.target(None),
            "/api/now/v1/stats/incident?sysparm_count=true&sysparm_sum_fields=state&sysparm_max_fields=opened_at\
         &sysparm_group_by=state,caller_id&sysparm_query="
        );
        assert_eq!(
            stats.readable(),
            "stats/incident?sysparm_count=true&sysparm_sum_fields=state&sysparm_max_fields=opened_at\
         &sysparm_group_by=state,caller_id&sysparm_query= and stats/incident?sysparm_count=true\
         &sysparm_group_by=state,caller_id&sysparm_query=caller_idISNOTEMPTY"
        );
    }
}
