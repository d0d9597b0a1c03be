//! Functions that return sets (PostgreSQL's manual, chapter 9.26, and unnest of 9.19): here each gives a list, of which rows are made.
//!
//! Owns: the lists. Does not own: making rows of them; see `syntax::set_returning`. They are said to be volatile, so that no list is computed
//! while a statement is planned: as a constant it would be copied and printed with the plan. Invariant: a batch of lists has a bounded
//! number of elements, or is refused. Start at [`FUNCTIONS`].

mod arrays;
mod numbers;
mod splits;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DataFusionError, Result};

use super::overload::{Call, Overload};
use crate::error::Error;
use crate::types::Kind::{Any, Boolean, Int4, Int8, Interval, Numeric, Text, Timestamp, TimestampTz};
use crate::types::{Kind, decimal_shape, wider_decimal};

/// The function that `unnest` makes rows of.
pub(crate) const ELEMENTS: &str = "causeway_elements";
/// The function whose rows are WITH ORDINALITY's.
pub(crate) const ORDINALS: &str = "causeway_ordinals";

/// Elements of all lists of one batch of rows, at most.
const MOST_ELEMENTS: usize = 10_000_000;

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("generate_series", &[Int4, Int4], Int4, numbers::int4).giving(|_| list(Int4)).volatile(),
    Overload::new("generate_series", &[Int4, Int4, Int4], Int4, numbers::int4).giving(|_| list(Int4)).volatile(),
    Overload::new("generate_series", &[Int8, Int8], Int8, numbers::int8).giving(|_| list(Int8)).volatile(),
    Overload::new("generate_series", &[Int8, Int8, Int8], Int8, numbers::int8).giving(|_| list(Int8)).volatile(),
    Overload::new("generate_series", &[Numeric, Numeric], Numeric, numbers::numeric).giving(numerics).volatile(),
    Overload::new("generate_series", &[Numeric, Numeric, Numeric], Numeric, numbers::numeric).giving(numerics).volatile(),
    Overload::new("generate_series", &[Timestamp, Timestamp, Interval], Timestamp, numbers::moments)
        .giving(|_| list(Timestamp)).volatile(),
    Overload::new("generate_series", &[TimestampTz, TimestampTz, Interval], TimestampTz, numbers::moments)
        .giving(|_| list(TimestampTz)).volatile(),
    Overload::new("generate_subscripts", &[Any, Int4], Int4, arrays::subscripts).giving(|_| list(Int4)).volatile(),
    Overload::new("generate_subscripts", &[Any, Int4, Boolean], Int4, arrays::subscripts).giving(|_| list(Int4)).volatile(),
    Overload::new("string_to_table", &[Text, Text], Text, splits::string).giving(|_| list(Text)).of_nulls().volatile(),
    Overload::new("string_to_table", &[Text, Text, Text], Text, splits::string).giving(|_| list(Text)).of_nulls().volatile(),
    Overload::new("regexp_split_to_table", &[Text, Text], Text, splits::pattern).giving(|_| list(Text)).volatile(),
    Overload::new("regexp_split_to_table", &[Text, Text, Text], Text, splits::pattern).giving(|_| list(Text)).volatile(),
    Overload::new("regexp_split_to_array", &[Text, Text], Text, splits::pattern).giving(|_| list(Text)),
    Overload::new("regexp_split_to_array", &[Text, Text, Text], Text, splits::pattern).giving(|_| list(Text)),
    Overload::new(ELEMENTS, &[Any], Text, arrays::elements).giving(arrays::flat).volatile(),
    Overload::new(ORDINALS, &[], Int8, arrays::ordinals).and_more(Any).giving(|_| list(Int8)).of_nulls().volatile(),
];

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn list(kind: Kind) -> DataType {
    list_of(kind.arrow())
}

/// A list of numerics with the digits of the arguments.
fn numerics(types: &[DataType]) -> DataType {
    let shapes = types.iter().filter_map(decimal_shape);
    let item = shapes.fold(None, |widest: Option<DataType>, shape| {
        let known = widest.as_ref().and_then(decimal_shape);
        Some(match known {
            Some(known) => wider_decimal(known, shape),
            None => DataType::Decimal128(shape.0, shape.1),
        })
    });
    let scale = item
        .as_ref()
        .and_then(decimal_shape)
        .map_or(0, |(_, scale)| scale);
    list_of(DataType::Decimal128(38, scale))
}

/// Lists of one batch under construction: the lengths of those that are there.
pub(crate) struct Lengths {
    offsets: Vec<i32>,
    valid: Vec<bool>,
    elements: usize,
    function: &'static str,
}

impl Lengths {
    pub(crate) fn new(rows: usize, function: &'static str) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            valid: Vec::with_capacity(rows),
            elements: 0,
            function,
        }
    }

    /// Counts one more element of the list at hand.
    pub(crate) fn count(&mut self) -> Result<()> {
        self.count_many(1)
    }

    fn count_many(&mut self, elements: usize) -> Result<()> {
        self.elements = self.elements.saturating_add(elements);
        if self.elements <= MOST_ELEMENTS {
            return Ok(());
        }
        let message = format!(
            "{} of more than {MOST_ELEMENTS} rows is not supported",
            self.function
        );
        Err(DataFusionError::from(
            Error::new("54000", message).with_hint("ask for fewer rows at once"),
        ))
    }

    /// Ends the list of one row.
    pub(crate) fn end(&mut self, is_valid: bool) {
        self.offsets
            .push(i32::try_from(self.elements).unwrap_or(i32::MAX));
        self.valid.push(is_valid);
    }

    pub(crate) fn lists(self, call: &Call, values: ArrayRef) -> Result<ArrayRef> {
        let DataType::List(item) = call.result() else {
            return Err(DataFusionError::Internal("a series is a list".to_owned()));
        };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        let nulls = NullBuffer::from(self.valid);
        let lists = ListArray::try_new(Arc::clone(item), offsets, values, Some(nulls))?;
        Ok(Arc::new(lists))
    }
}
