//! Tables and columns as the dictionary describes them, and the recipe that makes each value.
//!
//! Owns: [`Column`], [`Table`] and the small recipes of [`Make`]. Does not own: which tables there are; see `data`.
//! Invariant: the columns of a child start with those of its parent, so a column's position is valid in every subclass.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::cell::{Cell, SysId};
use super::data::Data;
use super::types::{self, Family};

/// A row: its concrete class and its number within that class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Row {
    pub(super) class: u32,
    pub(super) index: u32,
}

impl Row {
    pub(super) fn new(class: usize, index: usize) -> Self {
        Self {
            class: u32::try_from(class).unwrap_or_default(),
            index: u32::try_from(index).unwrap_or_default(),
        }
    }

    pub(super) fn class(self) -> usize {
        self.class as usize
    }

    pub(super) fn index(self) -> usize {
        self.index as usize
    }
}

/// Makes the value of a column in a row from a number that is noise for exactly that cell.
pub(super) type Make = Arc<dyn for<'a> Fn(&'a Data, Row, u64) -> Cell<'a> + Send + Sync>;

/// A column as `sys_dictionary` has it.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) internal_type: &'static str,
    pub(super) family: Family,
    pub(super) reference: Option<&'static str>,
    pub(super) max_length: u32,
    pub(super) mandatory: bool,
    pub(super) read_only: bool,
    pub(super) active: bool,
    pub(super) choices: &'static [(&'static str, &'static str)],
    pub(super) make: Make,
}

impl Column {
    pub(super) fn refers_to(mut self, table: &'static str) -> Self {
        self.reference = Some(table);
        self
    }

    pub(super) fn length(mut self, length: u32) -> Self {
        self.max_length = length;
        self
    }

    pub(super) fn choices(mut self, choices: &'static [(&'static str, &'static str)]) -> Self {
        self.choices = choices;
        self
    }

    pub(super) fn mandatory(mut self) -> Self {
        self.mandatory = true;
        self
    }

    pub(super) fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    pub(super) fn inactive(mut self) -> Self {
        self.active = false;
        self
    }
}

/// A column whose label is its name in words.
pub(super) fn column(name: &str, internal_type: &'static str, make: Make) -> Column {
    let words = name.trim_start_matches("u_").replace('_', " ");
    let mut letters = words.chars();
    let label = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    let max_length = types::TYPES
        .iter()
        .find(|row| row.0 == internal_type)
        .map_or(255, |row| row.3);
    Column {
        name: name.to_owned(),
        label,
        internal_type,
        family: types::family(internal_type),
        reference: None,
        max_length,
        mandatory: false,
        read_only: false,
        active: true,
        choices: &[],
        make,
    }
}

/// A table, with its own and its inherited columns.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) parent: Option<usize>,
    /// All columns, inherited ones first.
    pub(super) columns: Vec<Arc<Column>>,
    /// Columns that this table declares or overrides.
    pub(super) own: Vec<Arc<Column>>,
    /// Position of the column that stands for a row where it is referred to.
    pub(super) display: usize,
    /// Rows of exactly this class.
    pub(super) rows: usize,
    /// Rows that were written out rather than made on demand.
    pub(super) stored: Vec<Vec<Cell<'static>>>,
    /// This table and all its descendants.
    pub(super) classes: Vec<usize>,
    /// Noise per column.
    pub(super) salts: Vec<u64>,
    /// The part of a `sys_id` that hides the index.
    pub(super) low_key: u64,
    /// All rows of all classes by `sys_id`.
    pub(super) sorted: OnceLock<Vec<(u64, Row)>>,
}

impl Table {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.name == name && column.active)
    }

    pub(super) fn column(&self, position: usize) -> Option<&Arc<Column>> {
        self.columns.get(position)
    }
}

/// Wraps a recipe; its only purpose is to tell the compiler the closure's lifetimes.
pub(super) fn make<F>(recipe: F) -> Make
where
    F: for<'a> Fn(&'a Data, Row, u64) -> Cell<'a> + Send + Sync + 'static,
{
    Arc::new(recipe)
}

pub(super) fn nothing() -> Make {
    make(|_, _, _| Cell::Null)
}

pub(super) fn always(text: &'static str) -> Make {
    make(move |_, _, _| Cell::text(text))
}

/// One of the texts.
pub(super) fn pick(list: &'static [&'static str]) -> Make {
    make(move |_, _, noise| Cell::text(choose(list, noise)))
}

/// One of the numbers.
pub(super) fn pick_int(list: &'static [i64]) -> Make {
    make(move |_, _, noise| Cell::Int(choose(list, noise)))
}

/// A whole number from `low` to `high`.
pub(super) fn between(low: i64, high: i64) -> Make {
    make(move |_, _, noise| Cell::Int(low + remainder(noise, high - low + 1)))
}

/// True in so many of a thousand rows.
pub(super) fn flag(permille: u64) -> Make {
    make(move |_, _, noise| Cell::Bool(noise % 1000 < permille))
}

/// NULL except in so many of a thousand rows.
pub(super) fn sometimes(permille: u64, inner: Make) -> Make {
    make(move |data, row, noise| {
        if noise % 1000 < permille {
            inner(data, row, noise >> 10)
        } else {
            Cell::Null
        }
    })
}

/// A running number with a prefix.
pub(super) fn number(prefix: &'static str) -> Make {
    make(move |_, row, _| Cell::text(format!("{prefix}{:07}", row.index() + 1)))
}

/// A reference to some row of exactly the named table.
pub(super) fn refers(table: &'static str) -> Make {
    make(move |data, _, noise| {
        data.table(table).map_or(Cell::Null, |class| {
            let rows = data.rows_of(class).max(1) as u64;
            let index = usize::try_from(noise % rows).unwrap_or_default();
            Cell::Id(data.sys_id(Row::new(class, index)))
        })
    })
}

/// A reference to a row that does not exist.
pub(super) fn dangling() -> Make {
    make(|_, _, noise| Cell::Id(SysId(u128::from(noise) << 64 | 0xdead)))
}

/// A time between 2021 and 2025, to the second.
pub(super) fn moment() -> Make {
    make(|_, _, noise| Cell::Seconds(some_moment(noise)))
}

/// A day between 2021 and 2025, with the edges of years among them.
pub(super) fn day() -> Make {
    const EDGES: [i32; 6] = [19_722, 19_723, 19_782, 10_956, -1, 20_088];
    make(|_, _, noise| {
        if noise % 16 == 0 {
            Cell::Days(choose(&EDGES, noise >> 4))
        } else {
            Cell::Days(i32::try_from(18_628 + remainder(noise, 1_700)).unwrap_or_default())
        }
    })
}

/// Seconds from 0 to `most`.
pub(super) fn seconds(most: i64) -> Make {
    make(move |_, _, noise| Cell::Seconds(remainder(noise, most)))
}

/// A number with `scale` decimals whose unscaled value lies between the bounds.
pub(super) fn scaled(low: i64, high: i64, scale: u8) -> Make {
    make(move |_, _, noise| Cell::Scaled(low + remainder(noise, high - low + 1), scale))
}

pub(super) fn choose<T: Copy + Default>(list: &[T], noise: u64) -> T {
    let index = usize::try_from(noise % (list.len().max(1) as u64)).unwrap_or_default();
    list.get(index).copied().unwrap_or_default()
}

pub(super) fn remainder(noise: u64, modulus: i64) -> i64 {
    i64::try_from(noise % modulus.unsigned_abs().max(1)).unwrap_or_default()
}

/// 2021-01-01 and 1,700 days on; one in 32 is the last or first second of a year.
pub(super) fn some_moment(noise: u64) -> i64 {
    const EDGES: [i64; 4] = [1_704_067_199, 1_704_067_200, 1_672_531_199, 1_735_689_600];
    if noise.is_multiple_of(32) {
        choose(&EDGES, noise >> 5)
    } else {
        1_609_459_200 + remainder(noise >> 5, 1_700 * 86_400)
    }
}

pub(super) fn text<'a>(value: impl Into<Cow<'a, str>>) -> Cell<'a> {
    Cell::Text(value.into())
}
