//! What serde reports, in words that help and that never repeat a value.

use causeway_core::nearest;

pub(super) fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean '{near}'?"))
        .unwrap_or_default()
}

/// A word that is none of those that are known.
pub(super) fn not_one_of(word: &str, known: &[&str]) -> String {
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("it is one of {}", known.join(", ")),
    };
    format!("'{word}' is not known; {hint}")
}

/// What an error of serde is about.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// A key that the section doesn't have, and the keys that it has.
    UnknownKey(String, Vec<String>),
    /// A word that is none of those that are known.
    UnknownWord(String, Vec<String>),
    /// A key that must be there.
    Missing(String),
    /// A value of the wrong type or out of range.
    Wrong(String),
}

impl Complaint {
    pub(super) fn of(message: &str) -> Self {
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let mut words = quoted(rest);
            return Self::UnknownKey(take_first(&mut words), words);
        }
        if let Some(rest) = message.strip_prefix("unknown variant ") {
            let mut words = quoted(rest);
            return Self::UnknownWord(take_first(&mut words), words);
        }
        if let Some(rest) = message.strip_prefix("missing field ") {
            return Self::Missing(take_first(&mut quoted(rest)));
        }
        let wrong = message
            .strip_prefix("invalid type: ")
            .or_else(|| message.strip_prefix("invalid value: "));
        if let Some((found, wanted)) = wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
            return Self::Wrong(format!("expected {}, found {}", expected(wanted), kind_of(found)));
        }
        Self::Wrong(message.lines().next().unwrap_or_default().to_owned())
    }
}

fn take_first(words: &mut Vec<String>) -> String {
    if words.is_empty() {
        String::new()
    } else {
        words.remove(0)
    }
}

/// The words between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What was found, without its value.
fn kind_of(found: &str) -> &'static str {
    match found.split([' ', '`', '"']).next().unwrap_or_default() {
        "string" => "a string",
        "integer" => "a whole number",
        "floating" => "a number with a point",
        "boolean" => "true or false",
        "sequence" => "an array",
        "map" => "a table",
        _ => "another type",
    }
}

/// What was expected, in TOML's terms.
fn expected(wanted: &str) -> &str {
    match wanted {
        "usize" | "u64" | "u32" | "u16" => "a whole number that is not negative",
        "a nonzero u32" => "a whole number above 0",
        "i64" | "i32" => "a whole number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "a table",
        "path string" => "a string",
        other if other.starts_with("struct ") || other.contains("enum ") => "a table",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_understood_and_hold_no_value() {
        for (message, expected) in [
            (
                "unknown field `lisen`, expected one of `listen`, `tls`",
                Complaint::UnknownKey("lisen".to_owned(), vec!["listen".to_owned(), "tls".to_owned()]),
            ),
            (
                "unknown variant `basicc`, expected `basic` or `password`",
                Complaint::UnknownWord(
                    "basicc".to_owned(),
                    vec!["basic".to_owned(), "password".to_owned()],
                ),
            ),
            ("missing field `url`", Complaint::Missing("url".to_owned())),
            (
                "invalid type: string \"hunter2\", expected a boolean",
                Complaint::Wrong("expected true or false, found a string".to_owned()),
            ),
            (
                "invalid value: integer `-5`, expected usize",
                Complaint::Wrong(
                    "expected a whole number that is not negative, found a whole number".to_owned(),
                ),
            ),
        ] {
            assert_eq!(Complaint::of(message), expected);
        }
    }

    #[test]
    fn a_wrong_word_gets_the_nearest_or_all() {
        let known = ["salesforce", "servicenow"];
        assert_eq!(
            not_one_of("sales_force", &known),
            "'sales_force' is not known; did you mean 'salesforce'?"
        );
        assert_eq!(
            not_one_of("sap", &known),
            "'sap' is not known; it is one of salesforce, servicenow"
        );
    }
}
