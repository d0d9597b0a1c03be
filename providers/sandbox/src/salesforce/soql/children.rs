//! Parent-to-child subqueries in the SELECT list.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::super::schema::Cell;
use super::super::value::{Id, Value};
use super::bind::Bound;
use super::run::rows;
use crate::world::World;

/// Child rows that are put inline; the rest is behind `nextRecordsUrl`.
pub(crate) const INLINE_ROWS: usize = 200;

/// A subquery and the rows of each parent, which are put together once for all pages.
#[derive(Debug)]
pub(crate) struct Link {
    /// Name of the relationship, as it is a key of the record.
    pub(crate) name: &'static str,
    /// The child's reference to its parent.
    pub(crate) cell: Cell,
    /// LIMIT of the subquery, which holds for each parent.
    pub(crate) per_parent: Option<usize>,
    pub(crate) query: Arc<Bound>,
    pub(crate) index: OnceLock<HashMap<Id, Vec<u32>>>,
}

/// A shared [`Link`].
#[derive(Debug, Clone)]
pub(crate) struct Children(pub(crate) Arc<Link>);

impl Children {
    /// Returns the child rows of a parent.
    pub(crate) fn of(&self, world: &World, parent: Id) -> &[u32] {
        let index = self.0.index.get_or_init(|| {
            let found = rows(&self.0.query, world, false);
            let mut index: HashMap<Id, Vec<u32>> = HashMap::new();
            for row in (0..found.len()).filter_map(|at| found.get(at)) {
                if let (Value::Id(id), Ok(short)) = ((self.0.cell)(world, row), u32::try_from(row)) {
                    let list = index.entry(id).or_default();
                    if self.0.per_parent.is_none_or(|limit| list.len() < limit) {
                        list.push(short);
                    }
                }
            }
            index
        });
        index.get(&parent).map_or(&[], Vec::as_slice)
    }
}
