//! A table's rows and the query engine, without HTTP.

use std::collections::BTreeSet;

use super::super::cell::SysId;
use super::super::credentials::Rights;
use super::super::data::Data;
use super::super::filter::{Binder, Filter, Session};
use super::super::schema::Row;
use super::super::switches::Semantics;
use super::super::{query, scan};
use crate::world::World;

/// The rows of scale 1 under some reading of the documentation.
pub(super) struct Bench {
    pub(super) data: Data,
    semantics: Semantics,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            data: Data::new(World::new(42, 1)),
            semantics: Semantics::default(),
        }
    }

    pub(super) fn with(change: impl FnOnce(&mut Semantics)) -> Self {
        let mut bench = Self::new();
        change(&mut bench.semantics);
        bench
    }

    pub(super) fn bind(&self, table: &str, text: &str) -> Filter {
        let session = Session {
            user_name: "causeway.reader",
            sys_id: SysId(7),
            rights: Rights::Itil,
        };
        let table = self.data.table(table).expect("a table");
        Binder {
            data: &self.data,
            semantics: &self.semantics,
            session: &session,
            table,
        }
        .bind(&query::parse(text, query::Grammar::new(&self.semantics)), &[])
    }

    pub(super) fn rows(&self, table: &str, text: &str) -> Vec<Row> {
        scan::all(
            &self.data,
            self.data.table(table).expect("a table"),
            &self.bind(table, text),
            &self.semantics,
        )
    }

    pub(super) fn set(&self, table: &str, text: &str) -> BTreeSet<SysId> {
        self.rows(table, text)
            .into_iter()
            .map(|row| self.data.sys_id(row))
            .collect()
    }

    /// The rows whose raw values satisfy the predicate.
    pub(super) fn where_(&self, table: &str, column: &str, keep: impl Fn(&str) -> bool) -> BTreeSet<SysId> {
        let all = self.rows(table, "");
        all.into_iter()
            .filter(|row| keep(&self.data.named(*row, column).raw()))
            .map(|row| self.data.sys_id(row))
            .collect()
    }

    pub(super) fn assert_is(&self, table: &str, text: &str, column: &str, keep: impl Fn(&str) -> bool) {
        let (found, expected) = (self.set(table, text), self.where_(table, column, keep));
        assert!(!expected.is_empty(), "{text}: the case is empty");
        assert_eq!(found.len(), expected.len(), "{text}");
        assert_eq!(found, expected, "{text}");
    }

    pub(super) fn texts(&self, table: &str, text: &str, column: &str) -> Vec<String> {
        self.rows(table, text)
            .into_iter()
            .map(|row| self.data.named(row, column).raw())
            .collect()
    }
}
