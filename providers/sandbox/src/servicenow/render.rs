//! Writes rows as JSON, straight into the buffer that is sent.
//!
//! Owns: value shapes of `sysparm_display_value`, links, display text. Does not own: which rows; see `scan`.
//! Invariant: no JSON tree is built; benchmarks compare a client with this server's bare download.

use super::cell::{Cell, grouped, spelled_duration};
use super::data::{Data, Path, in_german};
use super::schema::{Column, Row};
use super::switches::Semantics;
use super::types::Family;

/// `sysparm_display_value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Raw,
    Display,
    All,
}

/// A column of the answer.
#[derive(Debug)]
pub(super) struct Field {
    /// The key as asked for, dots included.
    pub(super) name: String,
    pub(super) path: Path,
}

/// Whom values are displayed to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Viewer {
    pub(super) zone_minutes: i32,
    /// Labels of choices are in German.
    pub(super) german: bool,
}

impl Viewer {
    pub(super) fn of(semantics: &Semantics) -> Self {
        Self {
            zone_minutes: semantics.display_zone_offset_minutes,
            german: semantics.labels_in_german,
        }
    }
}

/// How rows are written.
pub(super) struct Layout<'a> {
    pub(super) data: &'a Data,
    pub(super) fields: Vec<Field>,
    pub(super) show: Show,
    /// Scheme and host of links, unless links are left out.
    pub(super) links: Option<String>,
    pub(super) viewer: Viewer,
    /// A dot-walk over an empty reference has no key.
    pub(super) walks_may_miss: bool,
    /// Writes `abc` in place of this field's value.
    pub(super) corrupt: Option<usize>,
}

/// The columns of the answer: those asked for that exist, or all. Their order is that of a hash, as the instance's is.
pub(super) fn fields(data: &Data, table: usize, wanted: Option<&str>) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    match wanted.filter(|wanted| !wanted.is_empty()) {
        Some(wanted) => {
            for name in wanted.split(',').map(str::trim) {
                if let Some(path) = data
                    .path(table, name)
                    .filter(|_| fields.iter().all(|field| field.name != name))
                {
                    fields.push(Field {
                        name: name.to_owned(),
                        path,
                    });
                }
            }
        }
        None => {
            let columns = data.get(table).map_or(&[][..], |table| &table.columns);
            for (position, column) in columns.iter().enumerate().filter(|(_, column)| column.active) {
                fields.push(Field {
                    name: column.name.clone(),
                    path: Path::direct(table, position),
                });
            }
        }
    }
    fields.sort_by_key(|field| {
        field.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    });
    fields
}

impl Layout<'_> {
    /// Position of the first whole-number field.
    pub(super) fn first_integer(&self) -> Option<usize> {
        self.fields.iter().position(|field| {
            let table = self.data.get(field.path.table);
            table
                .and_then(|table| table.column(field.path.column))
                .is_some_and(|column| column.family == Family::Integer)
        })
    }

    pub(super) fn row(&self, out: &mut Vec<u8>, row: Row) {
        out.push(b'{');
        let mut first = true;
        for (at, field) in self.fields.iter().enumerate() {
            let target = self.data.walk(row, &field.path);
            if target.is_none() && self.walks_may_miss {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            string(out, &field.name);
            out.push(b':');
            if self.corrupt == Some(at) {
                out.extend_from_slice(b"\"abc\"");
                continue;
            }
            match target.and_then(|target| Some((target, self.data.column(target, field.path.column)?))) {
                Some((target, column)) => {
                    self.value(out, target, column, &self.data.cell(target, field.path.column))
                }
                // A walk over an empty reference.
                None => empty(out, self.show),
            }
        }
        out.push(b'}');
    }

    fn value(&self, out: &mut Vec<u8>, row: Row, column: &Column, cell: &Cell<'_>) {
        let link = self
            .links
            .as_ref()
            .filter(|_| column.family == Family::Reference && !cell.is_empty());
        match self.show {
            _ if cell.is_empty() => self.blank(out, column, row),
            Show::Raw => match link {
                None => quoted(out, cell),
                Some(base) => {
                    out.extend_from_slice(b"{\"link\":");
                    self.link(out, base, column, cell);
                    out.extend_from_slice(b",\"value\":");
                    quoted(out, cell);
                    out.push(b'}');
                }
            },
            Show::Display => match link {
                None => string(out, &shown(self.data, column, cell, self.viewer)),
                Some(base) => {
                    out.extend_from_slice(b"{\"display_value\":");
                    string(out, &shown(self.data, column, cell, self.viewer));
                    out.extend_from_slice(b",\"link\":");
                    self.link(out, base, column, cell);
                    out.push(b'}');
                }
            },
            Show::All => {
                out.extend_from_slice(b"{\"display_value\":");
                string(out, &shown(self.data, column, cell, self.viewer));
                if let Some(base) = link {
                    out.extend_from_slice(b",\"link\":");
                    self.link(out, base, column, cell);
                }
                out.extend_from_slice(b",\"value\":");
                quoted(out, cell);
                out.push(b'}');
            }
        }
    }

    /// An empty value; a journal shows its history where values are displayed.
    fn blank(&self, out: &mut Vec<u8>, column: &Column, row: Row) {
        if column.family != Family::Journal || self.show == Show::Raw {
            return empty(out, self.show);
        }
        let history = history(self.data, row);
        if self.show == Show::All {
            out.extend_from_slice(b"{\"display_value\":");
            string(out, &history);
            out.extend_from_slice(b",\"value\":\"\"}");
        } else {
            string(out, &history);
        }
    }

    /// The table in a link is not always the one that the column refers to.
    fn link(&self, out: &mut Vec<u8>, base: &str, column: &Column, cell: &Cell<'_>) {
        let table = match column.name.as_str() {
            "sys_domain" => "sys_user_group",
            _ => column.reference.unwrap_or_default(),
        };
        let by_name = matches!(table, "sys_glide_object" | "sys_db_object") && matches!(cell, Cell::Text(_));
        let separator = if by_name { "?name=" } else { "/" };
        string(
            out,
            &format!("{base}/api/now/table/{table}{separator}{}", cell.raw()),
        );
    }
}

fn empty(out: &mut Vec<u8>, show: Show) {
    out.extend_from_slice(if show == Show::All {
        b"{\"display_value\":\"\",\"value\":\"\"}"
    } else {
        b"\"\""
    });
}

fn quoted(out: &mut Vec<u8>, cell: &Cell<'_>) {
    match cell {
        Cell::Text(text) => string(out, text),
        cell => {
            out.push(b'"');
            cell.write_raw(out);
            out.push(b'"');
        }
    }
}

/// Writes a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string to a Vec cannot fail");
}

/// The displayed text of the value at the end of a path.
pub(super) fn display(data: &Data, row: Row, path: &Path, cell: &Cell<'_>, viewer: Viewer) -> String {
    let target = data.walk(row, path);
    match target.and_then(|target| Some((target, data.column(target, path.column)?))) {
        Some((_, column)) => shown(data, column, cell, viewer),
        None => String::new(),
    }
}

fn shown(data: &Data, column: &Column, cell: &Cell<'_>, viewer: Viewer) -> String {
    let raw = || cell.raw();
    if let Some((_, label)) = column.choices.iter().find(|(value, _)| *value == raw()) {
        return if viewer.german {
            in_german(label)
        } else {
            (*label).to_owned()
        };
    }
    match (column.family, cell) {
        (Family::Reference, cell) => column
            .reference
            .map(|table| data.display_of(table, cell).raw())
            .unwrap_or_default(),
        (Family::DateTime, Cell::Seconds(seconds)) => {
            Cell::Seconds(seconds + i64::from(viewer.zone_minutes) * 60).raw()
        }
        (Family::Duration, Cell::Seconds(seconds)) => spelled_duration(*seconds),
        (Family::Time, cell) => raw_time(cell),
        (Family::Integer, _) => grouped(&raw()),
        (Family::Decimal(4), Cell::Scaled(value, _)) => format!(
            "${}",
            grouped(&format!("{}.{:02}", value / 10_000, (value / 100 % 100).abs()))
        ),
        (Family::Decimal(_), _) => grouped(&raw()),
        (Family::Secret, _) => "********".to_owned(),
        (Family::Text, Cell::Text(text)) if column.internal_type == "sys_class_name" => data
            .table(text)
            .and_then(|table| data.get(table))
            .map_or_else(String::new, |table| table.label.to_owned()),
        (Family::Text, Cell::Text(text)) if column.internal_type == "glide_list" => {
            let name = |id: &str| {
                column
                    .reference
                    .map(|table| data.display_of(table, &Cell::text(id.to_owned())).raw())
            };
            text.split(',')
                .filter(|id| !id.is_empty())
                .filter_map(name)
                .collect::<Vec<_>>()
                .join(", ")
        }
        _ => raw(),
    }
}

fn raw_time(cell: &Cell<'_>) -> String {
    cell.raw()
        .split_once(' ')
        .map(|(_, time)| time.to_owned())
        .unwrap_or_default()
}

/// Two entries for every other row.
fn history(data: &Data, row: Row) -> String {
    if data.noise(row, 11).is_multiple_of(2) {
        return String::new();
    }
    let at = data.named(row, "sys_created_on").raw();
    format!("{at} - Ana Lopez (Work notes)\nRestarted the service\n\n{at} - System (Work notes)\nOpened\n\n")
}
