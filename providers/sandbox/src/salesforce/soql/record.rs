//! Writes records as JSON.
//!
//! Owns: the item tree of a SELECT list and its JSON. Invariant: `attributes` comes first, then the fields in SELECT
//! order, nulls included; nothing is built but the bytes.

use std::sync::Arc;

use super::super::schema::Kind;
use super::super::value::{Id, Value, write_int, write_text};
use super::bind::{Bound, Output};
use super::children::{Children, INLINE_ROWS};
use super::filter::{Column, Hop};
use super::run::Rows;
use crate::world::World;

/// An item of a record.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A field of the record itself. `key` is `,"Name":`.
    Field { key: Vec<u8>, column: Column },
    /// A parent record with its items.
    Parent {
        key: Vec<u8>,
        hop: Hop,
        items: Vec<Item>,
    },
    /// Child records.
    Children(Children),
}

/// Adds a column to the tree, next to what it shares parents with.
pub(crate) fn insert(items: &mut Vec<Item>, column: &Column) {
    let mut rest = column.clone();
    if rest.hops.is_empty() {
        items.push(Item::Field {
            key: key(column.field.name),
            column: rest,
        });
        return;
    }
    let hop = rest.hops.remove(0);
    let known = items.iter().position(
        |item| matches!(item, Item::Parent { hop: known, .. } if known.relationship == hop.relationship),
    );
    let at = known.unwrap_or_else(|| {
        items.push(Item::Parent {
            key: key(hop.relationship),
            hop,
            items: Vec::new(),
        });
        items.len() - 1
    });
    if let Some(Item::Parent { items, .. }) = items.get_mut(at) {
        insert(items, &rest);
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = b",".to_vec();
    write_text(name, &mut key);
    key.push(b':');
    key
}

/// What is needed to write a page.
pub(crate) struct Writer<'a> {
    pub(crate) world: &'a World,
    /// `/services/data/v62.0`.
    pub(crate) base: &'a str,
    /// Opens a cursor for child rows that don't fit and returns its locator.
    pub(crate) open: &'a dyn Fn(&Arc<Bound>, Vec<u32>) -> String,
    /// Field whose value is replaced by text in the first record.
    pub(crate) wrong_value: Option<&'a str>,
}

impl Writer<'_> {
    /// Writes the records at these positions, separated by commas; returns how many rows they hold, children included.
    pub(crate) fn records(
        &self,
        query: &Bound,
        rows: &Rows,
        positions: impl Iterator<Item = usize>,
        out: &mut Vec<u8>,
    ) -> usize {
        let Output::Records(items) = &query.output else {
            return 0;
        };
        let mut written = 0;
        for (at, row) in positions.filter_map(|at| rows.get(at)).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            let wrong = self.wrong_value.filter(|_| at == 0);
            self.head(query.object, query.object, Id::new(query.prefix, row), out);
            written += 1 + self.items(items, row, Id::new(query.prefix, row), wrong, out);
            out.push(b'}');
        }
        written
    }

    fn head(&self, kind: &str, object: &str, id: Id, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"attributes\":{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",\"url\":\"");
        out.extend_from_slice(self.base.as_bytes());
        out.extend_from_slice(b"/sobjects/");
        out.extend_from_slice(object.as_bytes());
        out.push(b'/');
        out.extend_from_slice(&id.0);
        out.extend_from_slice(b"\"}");
    }

    fn items(&self, items: &[Item], row: usize, id: Id, wrong: Option<&str>, out: &mut Vec<u8>) -> usize {
        let mut inner = 0;
        for item in items {
            match item {
                Item::Field { key, column } => {
                    out.extend_from_slice(key);
                    if wrong.is_some_and(|field| field.eq_ignore_ascii_case(column.field.name)) {
                        out.extend_from_slice(b"\"abc\"");
                    } else {
                        self.value(column.field.kind, &column.value(self.world, row), out);
                    }
                }
                Item::Parent { key, hop, items } => {
                    out.extend_from_slice(key);
                    self.parent(hop, items, row, out);
                }
                Item::Children(children) => {
                    out.extend_from_slice(&self::key(children.0.name));
                    inner += self.children(children, id, out);
                }
            }
        }
        inner
    }

    /// Writes a value; bytes are given as the address that they can be read from.
    pub(crate) fn value(&self, kind: Kind, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Text(path) if kind == Kind::Base64 => write_text(&format!("{}{path}", self.base), out),
            value => value.write(out),
        }
    }

    fn parent(&self, hop: &Hop, items: &[Item], row: usize, out: &mut Vec<u8>) {
        let Some((id, parent, target)) = hop.parent(self.world, row) else {
            out.extend_from_slice(b"null");
            return;
        };
        self.head(
            if hop.polymorphic { "Name" } else { target.name },
            target.name,
            id,
            out,
        );
        if hop.polymorphic {
            for item in items {
                if let Item::Field { key, column } = item {
                    let value = match column.leaf {
                        super::filter::Leaf::ParentId => Value::Id(id),
                        super::filter::Leaf::ParentType => Value::Text(target.name.into()),
                        _ => target
                            .record_name
                            .map_or(Value::Null, |cell| cell(self.world, parent)),
                    };
                    out.extend_from_slice(key);
                    value.write(out);
                }
            }
        } else {
            self.items(items, parent, id, None, out);
        }
        out.push(b'}');
    }

    fn children(&self, children: &Children, parent: Id, out: &mut Vec<u8>) -> usize {
        let found = children.of(self.world, parent);
        if found.is_empty() {
            out.extend_from_slice(b"null");
            return 0;
        }
        let inline = found.len().min(INLINE_ROWS);
        out.extend_from_slice(b"{\"totalSize\":");
        write_int(i64::try_from(found.len()).unwrap_or(i64::MAX), out);
        if inline < found.len() {
            let locator = (self.open)(&children.0.query, found.to_vec());
            out.extend_from_slice(b",\"done\":false,\"nextRecordsUrl\":");
            write_text(&format!("{}/query/{locator}-{inline}", self.base), out);
        } else {
            out.extend_from_slice(b",\"done\":true");
        }
        out.extend_from_slice(b",\"records\":[");
        let rows = Rows::List(found.to_vec());
        let written = self.records(&children.0.query, &rows, 0..inline, out);
        out.extend_from_slice(b"]}");
        written
    }
}
