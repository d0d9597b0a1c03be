//! JSON Functions and Operators (PostgreSQL's manual, chapter 9.16).
//!
//! Operators are functions under the operator's own name. Owns: which there are, with their types. Does not own: JSON itself (`crate::json`),
//! aggregates and rows of FROM, which the syntax makes of these functions (`syntax::json`).
//! Invariant: results of type `jsonb` are in its printed form. Start at [`FUNCTIONS`].

mod access;
mod build;
mod change;
mod contain;
mod sets;

pub(crate) use sets::{KEYS, TEXTS, VALUES};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;

use super::overload::{Call, Overload};
use crate::json::{Json, order};
use crate::types::Kind::{Any, Boolean, Int4, Int8, Json as J, Jsonb as B, Other, Text};

/// The key by which values of `jsonb` are compared.
pub(crate) const ORDER: &str = "causeway_jsonb_order";

/// `array_agg` of JSON values as one value.
pub(crate) const AGGREGATE: &str = "causeway_json_agg";
pub(crate) const AGGREGATE_B: &str = "causeway_jsonb_agg";
/// Keys and values of `array_agg` as one object.
pub(crate) const OBJECT_AGGREGATE: &str = "causeway_json_object_agg";
pub(crate) const OBJECT_AGGREGATE_B: &str = "causeway_jsonb_object_agg";

#[rustfmt::skip]
pub(crate) static FUNCTIONS: &[Overload] = &[
    Overload::new("->", &[J, Text], J, access::field),
    Overload::new("->", &[J, Int4], J, access::element),
    Overload::new("->", &[B, Text], B, access::field),
    Overload::new("->", &[B, Int4], B, access::element),
    Overload::new("->>", &[J, Text], Text, access::field_text),
    Overload::new("->>", &[J, Int4], Text, access::element_text),
    Overload::new("->>", &[B, Text], Text, access::field_text),
    Overload::new("->>", &[B, Int4], Text, access::element_text),
    Overload::new("#>", &[J, Other], J, access::path),
    Overload::new("#>", &[B, Other], B, access::path),
    Overload::new("#>>", &[J, Other], Text, access::path_text),
    Overload::new("#>>", &[B, Other], Text, access::path_text),
    Overload::new("json_extract_path", &[J], J, access::steps).and_more(Text),
    Overload::new("jsonb_extract_path", &[B], B, access::steps).and_more(Text),
    Overload::new("json_extract_path_text", &[J], Text, access::steps_text).and_more(Text),
    Overload::new("jsonb_extract_path_text", &[B], Text, access::steps_text).and_more(Text),
    Overload::new("json_object_field", &[J, Text], J, access::field),
    Overload::new("jsonb_object_field", &[B, Text], B, access::field),
    Overload::new("json_object_field_text", &[J, Text], Text, access::field_text),
    Overload::new("jsonb_object_field_text", &[B, Text], Text, access::field_text),
    Overload::new("json_array_element", &[J, Int4], J, access::element),
    Overload::new("jsonb_array_element", &[B, Int4], B, access::element),
    Overload::new("json_array_element_text", &[J, Int4], Text, access::element_text),
    Overload::new("jsonb_array_element_text", &[B, Int4], Text, access::element_text),
    Overload::new("json_array_length", &[J], Int4, access::length),
    Overload::new("jsonb_array_length", &[B], Int4, access::length),
    Overload::new("json_typeof", &[J], Text, access::type_name),
    Overload::new("jsonb_typeof", &[B], Text, access::type_name),
    Overload::new("json_strip_nulls", &[J], J, change::strip_nulls),
    Overload::new("jsonb_strip_nulls", &[B], B, change::strip_nulls),
    Overload::new("jsonb_pretty", &[B], Text, change::pretty),
    Overload::new("||", &[B, B], B, change::concatenate),
    Overload::new("jsonb_concat", &[B, B], B, change::concatenate),
    Overload::new("-", &[B, Text], B, change::without_key),
    Overload::new("-", &[B, Int4], B, change::without_element),
    Overload::new("-", &[B, Other], B, change::without_keys),
    Overload::new("jsonb_delete", &[B, Text], B, change::without_key),
    Overload::new("jsonb_delete", &[B, Int4], B, change::without_element),
    Overload::new("jsonb_delete", &[B, Other], B, change::without_keys),
    Overload::new("#-", &[B, Other], B, change::without_path),
    Overload::new("jsonb_delete_path", &[B, Other], B, change::without_path),
    Overload::new("jsonb_set", &[B, Other, B], B, change::set),
    Overload::new("jsonb_set", &[B, Other, B, Boolean], B, change::set),
    Overload::new("jsonb_set_lax", &[B, Other, B], B, change::set_lax).of_nulls(),
    Overload::new("jsonb_set_lax", &[B, Other, B, Boolean], B, change::set_lax).of_nulls(),
    Overload::new("jsonb_set_lax", &[B, Other, B, Boolean, Text], B, change::set_lax).of_nulls(),
    Overload::new("jsonb_insert", &[B, Other, B], B, change::insert),
    Overload::new("jsonb_insert", &[B, Other, B, Boolean], B, change::insert),
    Overload::new("@>", &[B, B], Boolean, contain::contains),
    Overload::new("<@", &[B, B], Boolean, contain::is_contained),
    Overload::new("jsonb_contains", &[B, B], Boolean, contain::contains),
    Overload::new("jsonb_contained", &[B, B], Boolean, contain::is_contained),
    Overload::new("?", &[B, Text], Boolean, contain::has_key),
    Overload::new("?|", &[B, Other], Boolean, contain::has_any),
    Overload::new("?&", &[B, Other], Boolean, contain::has_all),
    Overload::new("jsonb_exists", &[B, Text], Boolean, contain::has_key),
    Overload::new("jsonb_exists_any", &[B, Other], Boolean, contain::has_any),
    Overload::new("jsonb_exists_all", &[B, Other], Boolean, contain::has_all),
    Overload::new("to_json", &[Any], J, build::to_json).stable(),
    Overload::new("to_jsonb", &[Any], B, build::to_json).stable(),
    Overload::new("array_to_json", &[Other], J, build::to_json).stable(),
    Overload::new("array_to_json", &[Other, Boolean], J, build::pretty).stable(),
    Overload::new("row_to_json", &[Other], J, build::to_json).stable(),
    Overload::new("row_to_json", &[Other, Boolean], J, build::pretty).stable(),
    Overload::new("json_build_array", &[], J, build::array).and_more(Any).of_nulls().stable(),
    Overload::new("jsonb_build_array", &[], B, build::array).and_more(Any).of_nulls().stable(),
    Overload::new("json_build_object", &[], J, build::object).and_more(Any).of_nulls().stable(),
    Overload::new("jsonb_build_object", &[], B, build::object).and_more(Any).of_nulls().stable(),
    Overload::new("json_object", &[Other], J, build::of_texts),
    Overload::new("jsonb_object", &[Other], B, build::of_texts),
    Overload::new("json_object", &[Other, Other], J, build::of_keys_and_values),
    Overload::new("jsonb_object", &[Other, Other], B, build::of_keys_and_values),
    Overload::new(AGGREGATE, &[Other], J, build::aggregate).stable(),
    Overload::new(AGGREGATE_B, &[Other], B, build::aggregate).stable(),
    Overload::new(OBJECT_AGGREGATE, &[Other, Other], J, build::object_aggregate).stable(),
    Overload::new(OBJECT_AGGREGATE_B, &[Other, Other], B, build::object_aggregate).stable(),
    Overload::new("json_array_elements", &[J], J, sets::elements).giving(|_| sets::list(J)).volatile(),
    Overload::new("jsonb_array_elements", &[B], B, sets::elements).giving(|_| sets::list(B)).volatile(),
    Overload::new("json_array_elements_text", &[J], Text, sets::elements_text).giving(|_| sets::list(Text)).volatile(),
    Overload::new("jsonb_array_elements_text", &[B], Text, sets::elements_text).giving(|_| sets::list(Text)).volatile(),
    Overload::new("json_object_keys", &[J], Text, sets::keys).giving(|_| sets::list(Text)).volatile(),
    Overload::new("jsonb_object_keys", &[B], Text, sets::keys).giving(|_| sets::list(Text)).volatile(),
    Overload::new(sets::KEYS, &[J], Text, sets::member_keys).giving(|_| sets::list(Text)).volatile(),
    Overload::new(sets::KEYS, &[B], Text, sets::member_keys).giving(|_| sets::list(Text)).volatile(),
    Overload::new(sets::VALUES, &[J], J, sets::member_values).giving(|_| sets::list(J)).volatile(),
    Overload::new(sets::VALUES, &[B], B, sets::member_values).giving(|_| sets::list(B)).volatile(),
    Overload::new(sets::TEXTS, &[J], Text, sets::member_texts).giving(|_| sets::list(Text)).volatile(),
    Overload::new(sets::TEXTS, &[B], Text, sets::member_texts).giving(|_| sets::list(Text)).volatile(),
];

/// The order of `jsonb` values.
pub(crate) static ORDERED: Overload = Overload::new(ORDER, &[B], Int8, keys).giving(|_| DataType::Binary);

fn keys(call: &Call) -> Result<ArrayRef> {
    let values = call.texts(0)?;
    let mut out = BinaryBuilder::with_capacity(call.rows(), call.rows() * 16);
    for row in 0..call.rows() {
        if values.is_null(row) {
            out.append_null();
        } else {
            out.append_value(order::key(&Json::read(values.value(row))?));
        }
    }
    Ok(std::sync::Arc::new(out.finish()))
}

/// The texts of a list, as the steps of a path or as keys.
struct Lists {
    lists: ArrayRef,
    texts: datafusion::arrow::array::StringArray,
}

impl Lists {
    fn of(call: &Call, at: usize) -> Result<Self> {
        let lists = ArrayRef::clone(call.array(at)?);
        let items = lists.as_list_opt::<i32>().ok_or_else(|| {
            datafusion::common::DataFusionError::Internal("an array was expected".to_owned())
        })?;
        let texts = super::row_wise::texts(items.values())?;
        Ok(Self { lists, texts })
    }

    /// The texts of a row's list; `None` for NULLs among them.
    fn row(&self, row: usize) -> impl Iterator<Item = Option<&str>> {
        let offsets = self.lists.as_list::<i32>().value_offsets();
        let bound = |at: usize| {
            offsets
                .get(at)
                .map_or(0, |offset| usize::try_from(*offset).unwrap_or_default())
        };
        (bound(row)..bound(row + 1)).map(|at| (!self.texts.is_null(at)).then(|| self.texts.value(at)))
    }
}
