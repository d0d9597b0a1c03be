//! All rows of the practice instance, made on demand from the world's noise.
//!
//! Owns: the list of tables, finding rows by key, following references. Does not own: queries; see `evaluate`.
//! Invariant: a cell is a pure function of seed, class, index and column; a `sys_id` gives its index back,
//! so a table of a million rows costs one sorted index of 16 bytes a row, built when it is first needed.

mod metadata;
mod others;
mod parties;
mod people;
mod spec;
mod task_kinds;
mod task_values;
mod tasks;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::cell::{Cell, SysId};
use super::schema::{Column, Row, Table, column, make, pick, text};
use crate::world::{Account, World};
pub(super) use metadata::in_german;
use spec::{Spec, class_name, domain_columns, domain_path, numbered};

/// The instance's tables and rows.
pub(super) struct Data {
    pub(super) world: World,
    pub(super) tables: Vec<Table>,
    by_name: HashMap<&'static str, usize>,
    account_domains: OnceLock<Vec<Option<u8>>>,
    domain_ids: Vec<SysId>,
}

/// The way from a row along references to a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    hops: Vec<usize>,
    /// Table that the last column belongs to.
    pub(super) table: usize,
    /// Position of the column.
    pub(super) column: usize,
}

impl Path {
    /// A column of the table itself.
    pub(super) fn direct(table: usize, column: usize) -> Self {
        Self {
            hops: Vec::new(),
            table,
            column,
        }
    }

    /// True for a dot-walk.
    pub(super) fn is_walk(&self) -> bool {
        !self.hops.is_empty()
    }

    /// Every `(table, column)` on the way.
    pub(super) fn visits<'a>(
        &'a self,
        data: &'a Data,
        root: usize,
    ) -> impl Iterator<Item = (usize, &'a str)> + 'a {
        let mut at = Some(root);
        self.hops
            .iter()
            .chain(std::iter::once(&self.column))
            .filter_map(move |position| {
                let table = at?;
                let column = data.get(table)?.column(*position)?;
                at = column.reference.and_then(|target| data.table(target));
                Some((table, column.name.as_str()))
            })
    }
}

impl Data {
    pub(super) fn new(world: World) -> Self {
        let domain_ids = (0..crate::world::DOMAINS.len())
            .filter_map(|index| SysId::parse(&world.domain_id(Some(index))))
            .collect();
        let mut data = Self {
            world,
            tables: Vec::new(),
            by_name: HashMap::new(),
            account_domains: OnceLock::new(),
            domain_ids,
        };
        parties::add(&mut data);
        tasks::add(&mut data);
        others::add(&mut data);
        metadata::add(&mut data);
        data
    }

    /// Adds a table; its parent must have been added before it.
    fn add(&mut self, spec: Spec) {
        let position = self.tables.len();
        let parent = spec.parent.and_then(|name| self.table(name));
        let mut columns: Vec<Arc<Column>> = parent
            .and_then(|parent| self.tables.get(parent))
            .map(|parent| parent.columns.clone())
            .unwrap_or_default();
        let own: Vec<Arc<Column>> = spec.columns.into_iter().map(Arc::new).collect();
        for column in &own {
            match columns.iter_mut().find(|inherited| inherited.name == column.name) {
                Some(inherited) => *inherited = Arc::clone(column),
                None => columns.push(Arc::clone(column)),
            }
        }
        let salts = columns
            .iter()
            .map(|column| self.world.noise(&format!("{}.{}", spec.name, column.name), 0))
            .collect();
        let display = columns
            .iter()
            .position(|column| column.name == spec.display)
            .unwrap_or_default();
        let low_key = self.world.noise(spec.name, 0);
        self.tables.push(Table {
            name: spec.name,
            label: spec.label,
            parent,
            columns,
            own,
            display,
            rows: spec.rows,
            stored: Vec::new(),
            classes: Vec::new(),
            salts,
            low_key,
            sorted: OnceLock::new(),
        });
        self.by_name.insert(spec.name, position);
        let mut ancestor = Some(position);
        while let Some(table) = ancestor.and_then(|table| self.tables.get_mut(table)) {
            table.classes.push(position);
            ancestor = table.parent;
        }
    }

    pub(super) fn table(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, table: usize) -> Option<&Table> {
        self.tables.get(table)
    }

    pub(super) fn name(&self, table: usize) -> &'static str {
        self.tables.get(table).map_or("", |table| table.name)
    }

    /// Rows of exactly this class.
    pub(super) fn rows_of(&self, class: usize) -> usize {
        self.tables.get(class).map_or(0, |table| table.rows)
    }

    /// Rows of the table, subclasses included.
    pub(super) fn count(&self, table: usize) -> usize {
        self.get(table).map_or(0, |table| {
            table.classes.iter().map(|class| self.rows_of(*class)).sum()
        })
    }

    /// Row number `position` in storage order: class by class.
    pub(super) fn storage_row(&self, table: usize, mut position: usize) -> Option<Row> {
        for class in &self.get(table)?.classes {
            let rows = self.rows_of(*class);
            if position < rows {
                return Some(Row::new(*class, position));
            }
            position -= rows;
        }
        None
    }

    /// Noise of a row for the purpose `tag`.
    pub(super) fn noise(&self, row: Row, tag: u64) -> u64 {
        let salt = self.get(row.class()).map_or(0, |table| table.low_key);
        mix(salt ^ tag.wrapping_mul(0xd6e8_feb8_6659_fd93), row.index() as u64)
    }

    pub(super) fn sys_id(&self, row: Row) -> SysId {
        self.get(row.class()).map_or(SysId(0), |table| {
            let high = self.world.noise(table.name, row.index());
            SysId(u128::from(high) << 64 | u128::from(table.low_key ^ row.index() as u64))
        })
    }

    /// The row of `table` or a subclass with this `sys_id`.
    pub(super) fn find(&self, table: usize, id: SysId) -> Option<Row> {
        let low = u64::try_from(id.0 & u128::from(u64::MAX)).unwrap_or_default();
        self.get(table)?.classes.iter().find_map(|class| {
            let index = usize::try_from(low ^ self.get(*class)?.low_key).ok()?;
            let row = Row::new(*class, index);
            (index < self.rows_of(*class) && self.sys_id(row) == id).then_some(row)
        })
    }

    /// The row that a reference in a column of type `reference` points at.
    fn follow(&self, table: usize, value: &Cell<'_>) -> Option<Row> {
        match value {
            Cell::Id(id) => self.find(table, *id),
            Cell::Text(key) => match SysId::parse(key) {
                Some(id) => self.find(table, id),
                None => self.find_by_name(table, key),
            },
            _ => None,
        }
    }

    /// References of the dictionary name their target instead of giving its `sys_id`.
    fn find_by_name(&self, table: usize, key: &str) -> Option<Row> {
        let stored = &self.get(table)?.stored;
        let name = self.get(table)?.position("name")?;
        let index = stored
            .iter()
            .position(|row| matches!(row.get(name), Some(Cell::Text(text)) if text == key))?;
        Some(Row::new(table, index))
    }

    /// All rows of the table, subclasses included, in order of `sys_id`.
    pub(super) fn sorted(&self, table: usize) -> &[(u64, Row)] {
        self.get(table).map_or(&[], |entry| {
            entry.sorted.get_or_init(|| {
                let mut keys: Vec<(u64, Row)> = entry
                    .classes
                    .iter()
                    .flat_map(|class| (0..self.rows_of(*class)).map(|index| Row::new(*class, index)))
                    .map(|row| (self.world.noise(self.name(row.class()), row.index()), row))
                    .collect();
                keys.sort_unstable_by_key(|(high, row)| (*high, self.sys_id_low(*row)));
                keys
            })
        })
    }

    fn sys_id_low(&self, row: Row) -> u64 {
        self.get(row.class()).map_or(0, |table| table.low_key) ^ row.index() as u64
    }

    /// The `sys_id` of an entry of [`Data::sorted`].
    pub(super) fn sorted_id(&self, entry: &(u64, Row)) -> SysId {
        SysId(u128::from(entry.0) << 64 | u128::from(self.sys_id_low(entry.1)))
    }

    pub(super) fn cell(&self, row: Row, column: usize) -> Cell<'_> {
        let Some(table) = self.get(row.class()) else {
            return Cell::Null;
        };
        if !table.stored.is_empty() {
            let stored = table.stored.get(row.index()).and_then(|cells| cells.get(column));
            return stored.map_or(Cell::Null, Cell::borrow);
        }
        match (table.columns.get(column), table.salts.get(column)) {
            (Some(column), Some(salt)) => (column.make)(self, row, mix(*salt, row.index() as u64)),
            _ => Cell::Null,
        }
    }

    /// Value of the named column.
    pub(super) fn named(&self, row: Row, name: &str) -> Cell<'_> {
        self.get(row.class())
            .and_then(|table| table.position(name))
            .map_or(Cell::Null, |column| self.cell(row, column))
    }

    /// Resolves a dot-walk; `None` when any part of it is not a column.
    pub(super) fn path(&self, table: usize, text: &str) -> Option<Path> {
        let mut at = table;
        let mut hops = Vec::new();
        let mut parts = text.split('.').peekable();
        loop {
            let column = self.get(at)?.position(parts.next()?)?;
            if parts.peek().is_none() {
                return Some(Path {
                    hops,
                    table: at,
                    column,
                });
            }
            hops.push(column);
            at = self.table(self.get(at)?.column(column)?.reference?)?;
        }
    }

    /// The row at the end of the path, or `None` where a reference on the way leads nowhere.
    pub(super) fn walk(&self, row: Row, path: &Path) -> Option<Row> {
        path.hops.iter().try_fold(row, |row, hop| {
            let target = self.get(row.class())?.column(*hop)?.reference?;
            self.follow(self.table(target)?, &self.cell(row, *hop))
        })
    }

    pub(super) fn value(&self, row: Row, path: &Path) -> Cell<'_> {
        self.walk(row, path)
            .map_or(Cell::Null, |row| self.cell(row, path.column))
    }

    /// The text that stands for the target of a reference; NULL for a dangling one.
    pub(super) fn display_of(&self, reference: &str, value: &Cell<'_>) -> Cell<'_> {
        let target = self.table(reference).and_then(|table| self.follow(table, value));
        match target.and_then(|row| Some((row, self.get(row.class())?.display))) {
            Some((row, display)) => self.cell(row, display),
            None => Cell::Null,
        }
    }

    /// The column's definition for rows of this row's class.
    pub(super) fn column(&self, row: Row, column: usize) -> Option<&Arc<Column>> {
        self.get(row.class())?.column(column)
    }

    pub(super) fn account(&self, index: usize) -> Account {
        self.world.account(index)
    }

    fn account_domain(&self, index: usize) -> Option<usize> {
        let domains = self.account_domains.get_or_init(|| {
            (0..self.world.accounts())
                .map(|index| {
                    self.world
                        .account(index)
                        .domain
                        .and_then(|domain| u8::try_from(domain).ok())
                })
                .collect()
        });
        domains.get(index).copied().flatten().map(usize::from)
    }

    fn domain_cell(&self, domain: Option<usize>) -> Cell<'_> {
        match domain.and_then(|domain| self.domain_ids.get(domain)) {
            Some(id) => Cell::Id(*id),
            None => text("global"),
        }
    }

    /// The named class's columns that a table without a parent has.
    fn system_columns() -> Vec<Column> {
        vec![
            column("sys_id", "GUID", make(|data, row, _| Cell::Id(data.sys_id(row))))
                .length(32)
                .read_only(),
            column(
                "sys_created_on",
                "glide_date_time",
                make(|data, row, _| Cell::Seconds(data.created(row))),
            )
            .read_only(),
            column(
                "sys_created_by",
                "string",
                pick(&["admin", "causeway.reader", "ana.lopez", "system"]),
            )
            .read_only(),
            column(
                "sys_updated_on",
                "glide_date_time",
                make(|data, row, noise| {
                    Cell::Seconds(data.created(row) + super::schema::remainder(noise, 90 * 86_400))
                }),
            )
            .read_only(),
            column(
                "sys_updated_by",
                "string",
                pick(&["admin", "ana.lopez", "bruno.khan", "glide.maint"]),
            )
            .read_only(),
            column("sys_mod_count", "integer", super::schema::between(0, 40)).read_only(),
            column("sys_tags", "string", super::schema::nothing()),
        ]
    }

    /// Several rows share each second, so that no order by time is total.
    fn created(&self, row: Row) -> i64 {
        let shared = Row {
            index: row.index / 3,
            ..row
        };
        super::schema::some_moment(self.noise(shared, 1))
    }
}

/// SplitMix64: cheap and good enough, a million rows have tens of millions of cells.
fn mix(salt: u64, index: u64) -> u64 {
    let mut z = salt.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
