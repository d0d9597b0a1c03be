//! Names, values, conditions and sorts as an encoded query writes them.
//!
//! Owns: the only place where an atom becomes text, and which names and values may stand in one. Does not own: how atoms are joined; see
//! `encoded_query`. Invariant: a `^` in the text is always ours; no value is ever run as a script. Start at [`Term`].

use causeway_core::{Atom, Constant, Operand, OperatorClass, RemoteOp};

use super::column_use::ColumnUse;

/// A sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) field: String,
    pub(crate) descending: bool,
}

impl Sort {
    /// The order by which pages are found.
    pub(crate) fn by_key() -> Self {
        Self {
            field: "sys_id".to_owned(),
            descending: false,
        }
    }

    /// What it relies on.
    pub(crate) fn used(&self) -> ColumnUse {
        ColumnUse::new(&self.field, OperatorClass::Range)
    }

    pub(crate) fn written(&self) -> String {
        let word = if self.descending { "ORDERBYDESC" } else { "ORDERBY" };
        format!("{word}{}", self.field)
    }
}

/// An atom as it is written, and what it relies on. Display values that have yet to be looked up are written for people only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) used: ColumnUse,
    pub(crate) is_resolved: bool,
    text: String,
}

impl Term {
    /// Writes the atom.
    ///
    /// # Errors
    /// Returns why it can't be written safely, wherever it came from.
    pub(crate) fn try_new(atom: &Atom) -> Result<Self, String> {
        match written(atom) {
            Ok(text) => Ok(Self {
                used: ColumnUse::of_atom(atom),
                is_resolved: atom.is_resolved(),
                text,
            }),
            Err(reason) => Err(format!(
                "the condition on '{}' can't be written safely: {reason}",
                atom.field
            )),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn written(atom: &Atom) -> Result<String, &'static str> {
    let field = atom.field.as_str();
    if !is_column_name(field) {
        return Err("the name could be misread");
    }
    let Some(operator) = operator(&atom.operator) else {
        return Err("an encoded query has no such operator");
    };
    match (&atom.operator, &atom.operand) {
        (RemoteOp::IsNull | RemoteOp::IsNotNull, Operand::None) => Ok(format!("{field}{operator}")),
        (RemoteOp::IsNull | RemoteOp::IsNotNull, _) => Err("a null test has no operand"),
        (RemoteOp::In | RemoteOp::NotIn, Operand::List(values)) if values.is_empty() => {
            Err("an empty list would be read as a list of the empty value")
        }
        (RemoteOp::In | RemoteOp::NotIn, Operand::List(values)) => {
            let values = values.iter().map(constant).collect::<Result<Vec<_>, _>>()?;
            if values.iter().any(|value| value.contains(',')) {
                return Err("a value with a comma can't be a member of a list");
            }
            Ok(format!("{field}{operator}{}", values.join(",")))
        }
        (RemoteOp::In, Operand::Displayed { texts, .. }) => {
            let texts = texts.iter().map(|text| match text.as_str() {
                "" => Ok("nothing"),
                text => check_shape(text).map(|()| text),
            });
            let texts = texts.collect::<Result<Vec<_>, _>>()?.join(", ");
            Ok(format!(
                "{field}{operator}(stored values that are shown as {texts})"
            ))
        }
        (RemoteOp::In | RemoteOp::NotIn, _) => Err("a list is compared with something else"),
        (_, Operand::Value(value)) => {
            let value = constant(value)?;
            match (operator, value.starts_with('=')) {
                ("<" | ">", true) => Err("a value that begins with '=' would change the comparison"),
                _ => Ok(format!("{field}{operator}{value}")),
            }
        }
        (_, Operand::None | Operand::List(_) | Operand::Displayed { .. } | Operand::Selection(_)) => {
            Err("an encoded query does not compare so")
        }
    }
}

fn operator(operator: &RemoteOp) -> Option<&'static str> {
    Some(match operator {
        RemoteOp::Eq => "=",
        RemoteOp::NotEq => "!=",
        RemoteOp::Lt => "<",
        RemoteOp::LtEq => "<=",
        RemoteOp::Gt => ">",
        RemoteOp::GtEq => ">=",
        RemoteOp::In => "IN",
        RemoteOp::NotIn => "NOT IN",
        RemoteOp::StartsWith => "STARTSWITH",
        RemoteOp::EndsWith => "ENDSWITH",
        RemoteOp::Contains => "LIKE",
        RemoteOp::NotContains => "NOT LIKE",
        RemoteOp::IsNull => "ISEMPTY",
        RemoteOp::IsNotNull => "ISNOTEMPTY",
        RemoteOp::Like | RemoteOp::NotLike | RemoteOp::Other(_) => return None,
    })
}

/// The range of keys behind `key`, by which the next page is found.
pub(crate) fn behind(key: &str) -> String {
    format!("sys_id>{key}")
}

fn constant(constant: &Constant) -> Result<&str, &'static str> {
    let (Constant::Text(text) | Constant::Plain(text)) = constant;
    check_shape(text)?;
    Ok(text)
}

/// Whether the text is the name of a table.
pub(crate) fn is_table_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

/// Whether the text is the name of a column, or several joined by dots.
pub(crate) fn is_column_name(text: &str) -> bool {
    text.split('.').all(is_table_name)
}

/// Capitals are left out on purpose: operators are written in them, so a name with capitals could be split in the middle.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// Checks that a value means itself after an operator.
///
/// # Errors
/// Returns why it must stay local.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    /// EncodedQuery, such a value takes up to three times as many bytes of the 8,192 that a URL may have.
    const MOST_BYTES: usize = 1_000;
    let first = value.chars().next();
    if value.is_empty() {
        return Err("an empty value means something else there");
    }
    check_shape(value)?;
    if value.trim() != value {
        Err("blanks at the ends of a value may be lost there")
    } else if value.eq_ignore_ascii_case("null") {
        Err("the word null means empty there")
    } else if first.is_some_and(|first| "=<>!*%@".contains(first)) {
        Err("a value that begins like an operator may be misread there")
    } else if value.chars().any(|letter| u32::from(letter) > 0xffff) {
        Err("characters beyond U+FFFF may not be stored there")
    } else if value.len() > MOST_BYTES {
        Err("the value is too long for a request")
    } else {
        Ok(())
    }
}

/// Ends a line, in some reading.
pub(crate) fn is_break(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Whether the text may stand after `sys_id>`. Keys are not always 32 hexadecimal digits: `global`, `glide.maint`.
pub(crate) fn is_key(text: &str) -> bool {
    check_value(text).is_ok()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte))
}

/// Whether the key is 32 lower-case hexadecimal digits, which every collation sorts as bytes.
pub(crate) fn is_hex_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Checks that a value leaves the query's shape alone and is not run.
fn check_shape(value: &str) -> Result<(), &'static str> {
    let is_script = value
        .trim_start()
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case("javascript"));
    if value.contains('^') {
        Err("'^' can't be written in an encoded query")
    } else if value.chars().any(is_break) {
        Err("control characters can't be written in an encoded query")
    } else if is_script {
        Err("a value that begins with 'javascript' is run as a script there")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use causeway_core::{ColumnType, Selection, TableName};

    use super::*;

    fn text(atom: Atom) -> Result<String, String> {
        Term::try_new(&atom).map(|term| term.text().to_owned())
    }

    #[test]
    fn each_operator_has_its_own_word() {
        let x = || Constant::text("x");
        let names = || vec![Constant::text("a"), Constant::plain(2)];
        let displayed = |texts: &[&str]| Operand::Displayed {
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            stored: ColumnType::Text,
        };
        for (atom, wanted) in [
            (Atom::with("f", RemoteOp::Eq, x()), "f=x"),
            (Atom::with("f", RemoteOp::NotEq, x()), "f!=x"),
            (Atom::with("a.b", RemoteOp::GtEq, x()), "a.b>=x"),
            (Atom::with("f", RemoteOp::StartsWith, x()), "fSTARTSWITHx"),
            (Atom::with("f", RemoteOp::EndsWith, x()), "fENDSWITHx"),
            (Atom::with("f", RemoteOp::Contains, x()), "fLIKEx"),
            (Atom::list("f", RemoteOp::In, names()), "fINa,2"),
            (Atom::list("f", RemoteOp::NotIn, names()), "fNOT INa,2"),
            (Atom::test("f", RemoteOp::IsNull), "fISEMPTY"),
            (Atom::test("f", RemoteOp::IsNotNull), "fISNOTEMPTY"),
            (
                Atom::new("f", RemoteOp::In, displayed(&["New, or so", ""])),
                "fIN(stored values that are shown as New, or so, nothing)",
            ),
        ] {
            assert_eq!(text(atom.clone()).as_deref(), Ok(wanted), "{atom:?}");
        }
    }

    #[test]
    fn a_foreign_atom_that_would_break_the_text_is_refused() {
        let x = || Constant::text("x");
        for atom in [
            Atom::with("f=1^g", RemoteOp::Eq, x()),
            Atom::with("", RemoteOp::Eq, x()),
            Atom::with("f", RemoteOp::Eq, Constant::text("a^NQsys_idISNOTEMPTY")),
            Atom::with("f", RemoteOp::Eq, Constant::plain("1^ORg=2")),
            Atom::with("f", RemoteOp::Eq, Constant::text("a\nb")),
            Atom::with("f", RemoteOp::Contains, Constant::text(" JavaScript:x")),
            Atom::list("f", RemoteOp::In, vec![Constant::text("a,b")]),
            Atom::list("f", RemoteOp::In, Vec::new()),
            Atom::with("f", RemoteOp::Lt, Constant::text("=1")),
            Atom::list("f", RemoteOp::Eq, vec![x()]),
            Atom::with("f", RemoteOp::In, x()),
            Atom::with("f", RemoteOp::IsNull, x()),
            Atom::with("f", RemoteOp::Like, x()),
            Atom::with("f", RemoteOp::Other("VALCHANGES".into()), x()),
            Atom::new(
                "f",
                RemoteOp::In,
                Operand::Selection(Selection {
                    table: TableName {
                        name: "account".to_owned(),
                        remote: "account".to_owned(),
                        label: String::new(),
                    },
                    field: "sys_id".to_owned(),
                    conditions: Vec::new(),
                }),
            ),
        ] {
            assert!(text(atom.clone()).is_err(), "{atom:?}");
        }
    }

    #[test]
    fn names_with_capitals_or_punctuation_are_refused() {
        assert!(is_column_name("caller_id.department.name") && is_table_name("u_x1"));
        for name in ["", "u_xIN", "a b", "a^b", "a.", ".a", "a=b", "é"] {
            assert!(!is_column_name(name), "{name}");
        }
    }

    #[test]
    fn values_that_would_mean_something_else_are_refused() {
        for value in [
            "",
            "a^b",
            "a\nb",
            "a\rb",
            "tab\there",
            "a\u{2028}b",
            "javascript:gs.getUserID()",
            " JavaScript:x",
            "JAVASCRIPT :x",
            " a",
            "a ",
            "NULL",
            "null",
            "=1",
            "!=1",
            "%a",
            "@a",
            "😀",
        ] {
            assert!(check_value(value).is_err(), "{value:?}");
        }
        assert!(check_value(&"x".repeat(2000)).is_err());
        for value in [
            "Boxeo",
            "O'Neill & Sons, \"Ltd\"",
            "50% off_now",
            "a=b",
            "Müller",
            "LIKEx",
            "x javascript:",
        ] {
            assert!(check_value(value).is_ok(), "{value:?}");
        }
    }

    #[test]
    fn keys_are_plain_words() {
        assert!(is_key("global") && is_key("glide.maint") && is_key("0c5f3cece1b12010f877971dea0b1449"));
        assert!(!is_key("a^b") && !is_key("a b") && !is_key(""));
        assert!(is_hex_key("0c5f3cece1b12010f877971dea0b1449") && !is_hex_key("global"));
    }
}
