//! The walk over a page, from its envelope down to the values.
//!
//! Owns: which key of which record leads to which column, and what a record must not do (a key twice, a missing row end). Does not own: the
//! layout (`super`) and the values (`value`). Invariant: every column has one value for each record. Start at [`EnvelopeSeed`].

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, cast::AsArray};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::value::{ColumnBuilder, ValueSeed};
use super::{Layout, Node, Target};

/// The columns of the page that is being read.
pub(super) struct Rows<'a> {
    layout: &'a Layout,
    builders: Vec<ColumnBuilder>,
    /// For each leaf, whether any record carried it.
    seen: Vec<bool>,
    /// For each leaf, the number of the last record that gave it a value, from 1.
    filled_by: Vec<usize>,
    /// Leaves that the current record gave a value.
    filled: usize,
    pub(super) count: usize,
    pub(super) bad_value: Option<(usize, String)>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(layout: &'a Layout) -> Self {
        let builders = layout
            .leaves
            .iter()
            .map(|leaf| ColumnBuilder::new(leaf.syntax))
            .collect();
        Self {
            layout,
            builders,
            seen: vec![false; layout.leaves.len()],
            filled_by: vec![0; layout.leaves.len()],
            filled: 0,
            count: 0,
            bad_value: None,
        }
    }

    /// Ends a record: leaves that it did not carry are NULL.
    fn end_record(&mut self) {
        self.count += 1;
        if std::mem::take(&mut self.filled) == self.builders.len() {
            return;
        }
        for (builder, filled_by) in self.builders.iter_mut().zip(&self.filled_by) {
            if *filled_by != self.count {
                builder.append_null();
            }
        }
    }

    /// The builder of a leaf that the current record has not given a value yet.
    fn take_turn(&mut self, leaf: usize) -> Option<ValueSeed<'_>> {
        let record = self.count + 1;
        let filled_by = self
            .filled_by
            .get_mut(leaf)
            .filter(|filled_by| **filled_by != record)?;
        *filled_by = record;
        self.filled += 1;
        *self.seen.get_mut(leaf)? = true;
        Some(ValueSeed {
            builder: self.builders.get_mut(leaf)?,
            leaf,
            empty_is_null: self.layout.leaves.get(leaf)?.empty_is_null,
            bad_value: &mut self.bad_value,
        })
    }

    fn mark_seen(&mut self, node: &Node) {
        for (_, target) in &node.entries {
            match target {
                Target::Leaf(leaf) => self.see(*leaf),
                Target::Nested(node) => self.mark_seen(node),
            }
        }
    }

    fn see(&mut self, leaf: usize) {
        if let Some(seen) = self.seen.get_mut(leaf) {
            *seen = true;
        }
    }

    pub(super) fn missing(&self, layout: &Layout) -> Vec<usize> {
        let unseen = |leaf: &usize| self.seen.get(*leaf) == Some(&false);
        layout
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, (leaf, _))| unseen(leaf))
            .map(|(at, _)| at)
            .collect()
    }

    pub(super) fn finish(self, layout: &Layout) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let arrays: Vec<ArrayRef> = self.builders.into_iter().map(ColumnBuilder::finish).collect();
        let columns = layout.outputs.iter().filter_map(|(leaf, template)| {
            let array = arrays.get(*leaf)?;
            Some(match template {
                Some(template) => linked(array, template),
                None => Arc::clone(array),
            })
        });
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        RecordBatch::try_new_with_options(Arc::clone(&layout.schema), columns.collect(), &options)
    }
}

fn linked(keys: &ArrayRef, template: &str) -> ArrayRef {
    let keys = keys.as_string::<i32>();
    Arc::new(
        keys.iter()
            .map(|key| key.map(|key| template.replace("{key}", key)))
            .collect::<StringArray>(),
    )
}

pub(super) struct EnvelopeSeed<'r, 'a> {
    pub(super) rows: &'r mut Rows<'a>,
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_, '_> {
    type Value = (Map<String, Value>, bool);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_, '_> {
    type Value = (Map<String, Value>, bool);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut extras = Map::new();
        let mut had_rows = false;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key != self.rows.layout.rows_key {
                extras.insert(key.into_owned(), map.next_value()?);
            } else if had_rows {
                return Err(A::Error::custom("the records come twice"));
            } else {
                map.next_value_seed(RowsSeed {
                    rows: &mut *self.rows,
                })?;
                had_rows = true;
            }
        }
        Ok((extras, had_rows))
    }
}

struct RowsSeed<'r, 'a> {
    rows: &'r mut Rows<'a>,
}

impl<'de> DeserializeSeed<'de> for RowsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let root = &self.rows.layout.root;
        while let Some(only_meta) = seq.next_element_seed(RecordSeed {
            rows: &mut *self.rows,
            node: root,
        })? {
            // Some systems add an object that holds nothing but `__meta`; it is no record.
            if !only_meta {
                self.rows.end_record();
            }
        }
        Ok(())
    }
}

struct RecordSeed<'r, 'a, 'n> {
    rows: &'r mut Rows<'a>,
    node: &'n Node,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut guess = 0;
        let (mut keys, mut metas) = (0_usize, 0_usize);
        let node = self.node;
        while let Some(found) = map.next_key_seed(KeySeed {
            node,
            guess: &mut guess,
        })? {
            keys += 1;
            match found {
                Found::Known(Target::Leaf(leaf)) => match self.rows.take_turn(*leaf) {
                    Some(seed) => map.next_value_seed(seed)?,
                    None => {
                        let leaf = self.rows.layout.leaves.get(*leaf);
                        let key = leaf.map(|leaf| leaf.path.as_str()).unwrap_or_default();
                        return Err(A::Error::custom(format!(
                            "the key '{key}' comes twice in a record"
                        )));
                    }
                },
                Found::Known(Target::Nested(node)) => map.next_value_seed(NestedSeed {
                    rows: &mut *self.rows,
                    node,
                })?,
                Found::Unknown { is_meta } => {
                    metas += usize::from(is_meta);
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(keys == 1 && metas == 1)
    }
}

/// Where a key of a record leads.
enum Found<'n> {
    Known(&'n Target),
    Unknown { is_meta: bool },
}

/// Looks a key up without keeping its text.
struct KeySeed<'n, 'g> {
    node: &'n Node,
    guess: &'g mut usize,
}

impl<'de, 'n> DeserializeSeed<'de> for KeySeed<'n, '_> {
    type Value = Found<'n>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found<'n>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for KeySeed<'n, '_> {
    type Value = Found<'n>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found<'n>, E> {
        Ok(match self.node.find(key, self.guess) {
            Some(target) => Found::Known(target),
            None => Found::Unknown {
                is_meta: key == "__meta",
            },
        })
    }
}

/// A record inside a record, or null where there is none.
struct NestedSeed<'r, 'a, 'n> {
    rows: &'r mut Rows<'a>,
    node: &'n Node,
}

impl<'de> DeserializeSeed<'de> for NestedSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NestedSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a nested record or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.rows.mark_seen(self.node);
        Ok(())
    }

    /// Some systems write an absent reference as the empty string.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if !text.is_empty() {
            return Err(E::custom("a nested record was expected, not text"));
        }
        self.visit_unit()
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        RecordSeed {
            rows: self.rows,
            node: self.node,
        }
        .visit_map(map)
        .map(|_| ())
    }
}

/// Reads the envelope up to its rows, then stops with an error that nobody reads.
pub(super) struct PeekSeed<'f> {
    pub(super) found: &'f mut Map<String, Value>,
    pub(super) rows_key: &'static str,
}

impl<'de> DeserializeSeed<'de> for PeekSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PeekSeed<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a page of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == self.rows_key {
                return Err(A::Error::custom("the rows begin here"));
            }
            self.found.insert(key, map.next_value()?);
        }
        Ok(())
    }
}
