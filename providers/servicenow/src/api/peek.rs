//! A peek at the keys of a page, so that the next one can be asked for while this one is decoded.
//!
//! Does not own: decoding; see `page`. Invariant: what is seen of a damaged page goes nowhere, because decoding refuses the page.

use serde::Deserialize;

/// Number of rows and the last key of a page, found without decoding it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) rows: usize,
    pub(crate) last: Option<String>,
}

impl Keys {
    /// In a string value the quotes would be escaped, so the mark is only found where it is a key.
    const MARK: &'static str = r#""sys_id":""#;

    pub(crate) fn peek(body: &[u8], display: bool) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let rows = text.matches(Self::MARK).count();
        if !display
            && rows > 0
            && let Some((_, rest)) = text.rsplit_once(Self::MARK)
            && let Some((key, _)) = rest.split_once('"')
            && !key.contains('\\')
        {
            return Self {
                rows,
                last: Some(key.to_owned()),
            };
        }
        Self::read(body)
    }

    /// The slow way, for pages with display values or another layout. A damaged page has no keys; decoding will say why.
    fn read(body: &[u8]) -> Self {
        let keys: Vec<Key> = serde_json::from_slice::<Listing>(body)
            .map(|listing| listing.result)
            .unwrap_or_default();
        let texts = keys.into_iter().filter_map(|key| match key.sys_id? {
            KeyValue::Plain(text) | KeyValue::Shown { value: text } => Some(text),
        });
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        Self {
            rows: texts.len(),
            last: texts.into_iter().next_back(),
        }
    }
}

#[derive(Deserialize)]
struct Listing {
    result: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    sys_id: Option<KeyValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyValue {
    Plain(String),
    Shown { value: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(body: &str, display: bool) -> (usize, Option<String>) {
        let keys = Keys::peek(body.as_bytes(), display);
        (keys.rows, keys.last)
    }

    #[test]
    fn the_last_key_is_found_without_decoding() {
        let body =
            r#"{"result":[{"sys_id":"a1","name":"x"},{"name":"say \"sys_id\":\"zz\"","sys_id":"b2"}]}"#;
        assert_eq!(keys(body, false), (2, Some("b2".to_owned())));
        let spaced = r#"{"result":[{"sys_id": "a1"},{"__meta":{}},{"sys_id" : "b2"}]}"#;
        assert_eq!(keys(spaced, false), (2, Some("b2".to_owned())));
        let shown = r#"{"result":[{"sys_id":{"display_value":"a1","value":"a1"},"u":{"display_value":"\"sys_id\":\"q","value":""}}]}"#;
        assert_eq!(keys(shown, true), (1, Some("a1".to_owned())));
        assert_eq!(keys(r#"{"result":[]}"#, false), (0, None));
        assert_eq!(keys("<html>", false), (0, None));
    }
}
