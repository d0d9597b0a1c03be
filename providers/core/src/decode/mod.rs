//! JSON pages to Arrow, without a tree in between.
//!
//! Owns: the layout of output columns inside a record, and the walk over a page. Does not own: what a value looks like, see
//! [`Syntax`]; the meaning of the envelope, which each source reads from [`Decoded::extras`].
//! Invariant: a value that does not fit its column is an error that names record and column, never NULL.

mod value;
mod walk;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};

pub use value::Syntax;
use walk::{EnvelopeSeed, PeekSeed, Rows};

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

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
