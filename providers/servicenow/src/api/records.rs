//! Records of our own reads, as JSON.
//!
//! Does not own: rows of the engine's queries; see `page`. Invariant: a list that is cut or carries an error is no list.

use serde_json::{Map, Value};

use super::classify::failure_of;

/// One record: its fields by name.
pub(crate) type Record = Map<String, Value>;

/// Records of our own reads.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) rows: Vec<Record>,
    /// Rows that exist, before access rules.
    pub(crate) total: u64,
}

/// The text of a field, be it plain or a reference.
pub(crate) fn text<'a>(row: &'a Record, field: &str) -> &'a str {
    match row.get(field) {
        Some(Value::String(text)) => text,
        Some(Value::Object(reference)) => reference.get("value").and_then(Value::as_str).unwrap_or_default(),
        _ => "",
    }
}

/// The rows of a list, or why the body is no whole list.
pub(crate) fn parse(body: &[u8]) -> Result<Vec<Record>, String> {
    let mut envelope: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|error| format!("the answer is not a whole page of records: {error}"))?;
    if let Some(reason) = failure_of(&envelope) {
        return Err(reason);
    }
    let Some(Value::Array(rows)) = envelope.remove("result") else {
        return Err("the answer has no list of records".to_owned());
    };
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Value::Object(row) if row.len() == 1 && row.contains_key("__meta") => {}
            Value::Object(row) => records.push(row),
            _ => return Err("the answer has something among its records that is none".to_owned()),
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_an_error_a_stray_element_or_no_list_is_refused() {
        for (body, wanted) in [
            (
                r#"{"result":[{"sys_id":"a"}],"error":{"message":"Transaction cancelled"},"status":"failure"}"#,
                "Transaction cancelled",
            ),
            (r#"{"status":"failure","result":[]}"#, "failure"),
            (r#"{"result":[{"sys_id":"a"},""]}"#, "that is none"),
            (r#"{"result":{}}"#, "no list"),
            (r#"{"result":[{"sys_id":"a"},]}"#, "not a whole page"),
            (r#"{"result":[]} trailing"#, "not a whole page"),
        ] {
            let reason = parse(body.as_bytes()).expect_err(body);
            assert!(reason.contains(wanted), "{reason}");
        }
        assert_eq!(
            parse(br#"{"result":[{"__meta":{"encodedQuery":"x"}},{"a":"1"}]}"#).map(|rows| rows.len()),
            Ok(1)
        );
    }
}
