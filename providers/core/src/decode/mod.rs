//! JSON pages to Arrow, without a tree in between.
//!
//! Owns: the layout of output columns inside a record, and the walk over a page. Does not own: what a value looks like, see
//! [`Syntax`]; the meaning of the envelope, which each source reads from [`Decoded::extras`].
//! Invariant: a value that does not fit its column is an error that names record and column, never NULL.

mod value;

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, cast::AsArray};
use arrow_schema::SchemaRef;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

pub use value::Syntax;
use value::{ColumnBuilder, ValueSeed};

/// One output column: where its values are in a record and how they are written.
#[derive(Debug, Clone)]
pub struct Output {
    /// Keys from the record down to the value, for example `["Account", "Name"]`.
    pub path: Vec<String>,
    /// How the value is written.
    pub syntax: Syntax,
    /// Whether the empty text is NULL; otherwise it is text, and no value of another type.
    pub empty_is_null: bool,
    /// Makes the value into a link: the text with `{key}` in place of the value.
    pub template: Option<String>,
}

/// Where the output columns are inside a record; made once per scan.
#[derive(Debug, Clone)]
pub struct Layout {
    schema: SchemaRef,
    rows_key: &'static str,
    leaves: Vec<Leaf>,
    /// For each output column its leaf and its template.
    outputs: Vec<(usize, Option<String>)>,
    root: Node,
}

/// A value inside a record.
#[derive(Debug, Clone)]
struct Leaf {
    /// For messages.
    path: String,
    syntax: Syntax,
    empty_is_null: bool,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// In the order in which the remote system is expected to send the keys.
    entries: Vec<(String, Target)>,
}

#[derive(Debug, Clone)]
enum Target {
    Leaf(usize),
    Nested(Node),
}

/// A decoded page.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub batch: RecordBatch,
    /// Everything of the envelope but the rows.
    pub extras: Map<String, Value>,
    /// Output columns that no record carried, although there were records.
    pub missing: Vec<usize>,
}

/// Why a page can't be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body is not the JSON that was expected: cut, HTML, a row that is no object.
    #[error("{0}")]
    Damaged(String),
    /// A value does not parse as its column's type.
    #[error("record {record}: column '{column}' holds {sample}, which is no {wanted}")]
    BadValue {
        /// Key of the record, or its position.
        record: String,
        /// SQL name of the column.
        column: String,
        /// The value, clipped.
        sample: String,
        /// Name of the type.
        wanted: &'static str,
    },
}

impl Layout {
    /// Makes the layout of `outputs`, which correspond to the fields of `schema`; `rows_key` is the envelope's key of the rows.
    #[must_use]
    pub fn new(schema: SchemaRef, rows_key: &'static str, outputs: Vec<Output>) -> Self {
        let mut layout = Self {
            schema,
            rows_key,
            leaves: Vec::new(),
            outputs: Vec::new(),
            root: Node::default(),
        };
        for output in outputs {
            let leaf = layout.leaf(&output);
            layout.outputs.push((leaf, output.template));
        }
        layout
    }

    fn leaf(&mut self, output: &Output) -> usize {
        let next = self.leaves.len();
        let leaf = self.root.insert(&output.path, next);
        if leaf == next {
            self.leaves.push(Leaf {
                path: output.path.join("."),
                syntax: output.syntax,
                empty_is_null: output.empty_is_null,
            });
        }
        leaf
    }

    /// Decodes a page.
    ///
    /// # Errors
    /// [`DecodeError::Damaged`] when the body is not a whole page, [`DecodeError::BadValue`] when a value does not fit. `key_path`
    /// names the record's key for that message, or points to it where it begins with `/`.
    pub fn decode(&self, body: &[u8], key_path: &str) -> Result<Decoded, DecodeError> {
        let mut rows = Rows::new(self);
        // Checked once for the whole page, which costs a fraction of checking each text in it.
        let text = std::str::from_utf8(body)
            .map_err(|error| DecodeError::Damaged(format!("the answer is not UTF-8 text: {error}")))?;
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let walked = EnvelopeSeed { rows: &mut rows }
            .deserialize(&mut deserializer)
            .and_then(|envelope| {
                deserializer.end()?;
                Ok(envelope)
            });
        let (extras, had_rows) = match walked {
            Ok(envelope) => envelope,
            Err(error) => return Err(self.explain(&rows, error, body, key_path)),
        };
        if !had_rows {
            let reason = extras.get("error").map(ToString::to_string).unwrap_or_default();
            return Err(DecodeError::Damaged(format!(
                "the answer has no '{}' {reason}",
                self.rows_key
            )));
        }
        let missing = if rows.count == 0 {
            Vec::new()
        } else {
            rows.missing(self)
        };
        let batch = rows
            .finish(self)
            .map_err(|error| DecodeError::Damaged(error.to_string()))?;
        Ok(Decoded {
            batch,
            extras,
            missing,
        })
    }

    /// The scalars of the envelope that stand before the rows: enough to know whether another page follows.
    #[must_use]
    pub fn peek(&self, body: &[u8]) -> Map<String, Value> {
        let mut found = Map::new();
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let _stops_at_rows = PeekSeed {
            found: &mut found,
            rows_key: self.rows_key,
        }
        .deserialize(&mut deserializer);
        found
    }

    fn explain(&self, rows: &Rows<'_>, error: serde_json::Error, body: &[u8], key_path: &str) -> DecodeError {
        let Some((leaf, sample)) = &rows.bad_value else {
            return DecodeError::Damaged(format!("the answer is not a whole page of records: {error}"));
        };
        let record = serde_json::from_slice::<Value>(body)
            .ok()
            .and_then(|page| {
                let record = page.get(self.rows_key)?.get(rows.count)?;
                let key = if key_path.starts_with('/') {
                    record.pointer(key_path)
                } else {
                    record.get(key_path)
                };
                Some(key?.as_str()?.to_owned())
            })
            .unwrap_or_else(|| format!("{} of the page", rows.count + 1));
        let output = self.outputs.iter().position(|(at, _)| at == leaf);
        let column = output
            .and_then(|at| self.schema.fields().get(at))
            .map(|field| field.name().clone());
        let read = self.leaves.get(*leaf);
        DecodeError::BadValue {
            record,
            column: column.or_else(|| Some(read?.path.clone())).unwrap_or_default(),
            sample: sample.clone(),
            wanted: read.map(|leaf| leaf.syntax).unwrap_or_default().type_name(),
        }
    }
}

impl Node {
    /// Adds a path and returns its leaf: `next`, or the one that the path already has.
    fn insert(&mut self, path: &[String], next: usize) -> usize {
        let Some((key, rest)) = path.split_first() else {
            return next;
        };
        let at = self
            .entries
            .iter()
            .position(|(name, target)| name == key && matches!(target, Target::Nested(_)) != rest.is_empty());
        match at.and_then(|at| self.entries.get_mut(at)) {
            Some((_, Target::Leaf(leaf))) => *leaf,
            Some((_, Target::Nested(node))) => node.insert(rest, next),
            None if rest.is_empty() => {
                self.entries.push((key.clone(), Target::Leaf(next)));
                next
            }
            None => {
                let mut node = Node::default();
                let leaf = node.insert(rest, next);
                self.entries.push((key.clone(), Target::Nested(node)));
                leaf
            }
        }
    }

    /// The target of `key`, guessing that keys arrive in order; moves the guess on.
    fn find(&self, key: &str, guess: &mut usize) -> Option<&Target> {
        let (index, target) = match self.entries.get(*guess) {
            Some((name, target)) if name == key => (*guess, target),
            _ => self
                .entries
                .iter()
                .enumerate()
                .find(|(_, (name, _))| name == key)
                .map(|(at, (_, t))| (at, t))?,
        };
        *guess = index + 1;
        Some(target)
    }
}

/// The columns of the page that is being read.
struct Rows<'a> {
    layout: &'a Layout,
    builders: Vec<ColumnBuilder>,
    /// For each leaf, whether any record carried it.
    seen: Vec<bool>,
    /// For each leaf, the number of the last record that gave it a value, from 1.
    filled_by: Vec<usize>,
    /// Leaves that the current record gave a value.
    filled: usize,
    count: usize,
    bad_value: Option<(usize, String)>,
}

impl<'a> Rows<'a> {
    fn new(layout: &'a Layout) -> Self {
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

    fn missing(&self, layout: &Layout) -> Vec<usize> {
        let unseen = |leaf: &usize| self.seen.get(*leaf) == Some(&false);
        layout
            .outputs
            .iter()
            .enumerate()
            .filter(|(_, (leaf, _))| unseen(leaf))
            .map(|(at, _)| at)
            .collect()
    }

    fn finish(self, layout: &Layout) -> Result<RecordBatch, arrow_schema::ArrowError> {
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

struct EnvelopeSeed<'r, 'a> {
    rows: &'r mut Rows<'a>,
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
struct PeekSeed<'f> {
    found: &'f mut Map<String, Value>,
    rows_key: &'static str,
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

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
