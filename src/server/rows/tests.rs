use arrow::array::{
    ArrayRef, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{Int64Type, Schema};

use super::*;

/// The fields of the only row, as bytes.
fn encode(array: ArrayRef, is_binary: bool) -> Result<Option<Vec<u8>>, Error> {
    let field = Field::new("x", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).expect("one column");
    let encoder = Encoder::try_new(&batch.schema(), &Formats(vec![is_binary]))?;
    let mut out = BytesMut::new();
    encoder.row(&encoder.columns(&batch)?, 0, &mut out)?;
    assert_eq!((out[0], out[5..7].to_vec()), (b'D', vec![0, 1]));
    assert_eq!(
        i32::from_be_bytes(out[1..5].try_into().expect("4 bytes")),
        i32::try_from(out.len() - 1).expect("short")
    );
    let length = i32::from_be_bytes(out[7..11].try_into().expect("4 bytes"));
    Ok(usize::try_from(length)
        .ok()
        .map(|length| out[11..11 + length].to_vec()))
}

#[test]
fn values_are_encoded_in_both_formats() {
    let moment = TimestampMicrosecondArray::from(vec![1_704_164_645_000_000]).with_timezone("UTC");
    for (array, text, binary) in [
        (
            Arc::new(Int64Array::from(vec![-7])) as ArrayRef,
            "-7",
            (-7_i64).to_be_bytes().to_vec(),
        ),
        (
            Arc::new(UInt64Array::from(vec![7])),
            "7",
            7_i64.to_be_bytes().to_vec(),
        ),
        (
            Arc::new(Float64Array::from(vec![f64::INFINITY])),
            "Infinity",
            f64::INFINITY.to_be_bytes().to_vec(),
        ),
        (
            Arc::new(StringArray::from(vec!["a\nb"])),
            "a\nb",
            b"a\nb".to_vec(),
        ),
        (
            Arc::new(moment),
            "2024-01-02 03:04:05+00",
            757_479_845_000_000_i64.to_be_bytes().to_vec(),
        ),
    ] {
        assert_eq!(
            encode(Arc::clone(&array), false).expect(text).as_deref(),
            Some(text.as_bytes())
        );
        assert_eq!(encode(array, true).expect(text), Some(binary));
    }
}

#[test]
fn lists_and_nulls_are_encoded() {
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
    assert_eq!(
        encode(Arc::new(list), false).expect("a list").as_deref(),
        Some(&b"{1,NULL}"[..])
    );
    let null = Int64Array::from(vec![None]);
    assert_eq!(encode(Arc::new(null), true).expect("null"), None);
    let untyped = arrow::array::NullArray::new(1);
    assert_eq!(encode(Arc::new(untyped), false).expect("null"), None);
}

#[test]
fn times_of_every_unit_are_the_same_time() {
    let arrays: [ArrayRef; 4] = [
        Arc::new(arrow::array::Time32SecondArray::from(vec![86_399])),
        Arc::new(arrow::array::Time32MillisecondArray::from(vec![86_399_000])),
        Arc::new(arrow::array::Time64MicrosecondArray::from(vec![86_399_000_000])),
        Arc::new(arrow::array::Time64NanosecondArray::from(vec![
            86_399_000_000_999,
        ])),
    ];
    for array in arrays {
        assert_eq!(
            encode(Arc::clone(&array), false).expect("a time").as_deref(),
            Some(&b"23:59:59"[..])
        );
        let binary = 86_399_000_000_i64.to_be_bytes().to_vec();
        assert_eq!(encode(array, true).expect("a time"), Some(binary));
    }
}

#[test]
fn a_value_that_cannot_be_sent_is_an_error_that_names_its_column() {
    let error = encode(Arc::new(UInt64Array::from(vec![u64::MAX])), false).expect_err("too large");
    assert_eq!(
        (error.sqlstate, error.detail.as_deref()),
        ("22003", Some("the value is in column \"x\""))
    );
    let error =
        encode(Arc::new(TimestampMicrosecondArray::from(vec![i64::MIN])), false).expect_err("too early");
    assert_eq!(error.sqlstate, "22008");
}
