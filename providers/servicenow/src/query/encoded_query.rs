//! Writes encoded queries: names and values that may stand in one, and the shape that its grammar allows.
//!
//! Owns: validation of names and values, the normal form, the text. Does not own: which operator says what; see `dialect`.
//! Invariant: a `^` in the text is always ours; no value is ever run as a script.
//! Grammar: `^` is AND, `^OR` joins only to the condition just before it, `^NQ` starts a group; groups are OR-ed.

use std::collections::BTreeSet;

use causeway_core::{Condition, Error, Kind, RemoteQuery};

use super::column_use::{ColumnUse, is_name_byte};

/// The order by which pages are found.
pub(crate) const BY_KEY: &str = "ORDERBYsys_id";

/// Alternatives, of which one must hold.
pub(crate) type Chain = Vec<String>;
/// Chains, all of which must hold.
pub(crate) type Group = Vec<Chain>;

/// Most groups of a query. Each repeats the common conditions, so a larger query is longer than it is useful.
const MOST_GROUPS: usize = 16;

/// An OR of groups, each an AND of OR chains: everything that the grammar can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncodedQuery {
    groups: Vec<Group>,
}

impl EncodedQuery {
    /// Holds for every row.
    pub(crate) fn everything() -> Self {
        Self {
            groups: vec![Vec::new()],
        }
    }

    /// Holds where `atom` does.
    pub(crate) fn atom(atom: impl Into<String>) -> Self {
        Self {
            groups: vec![vec![vec![atom.into()]]],
        }
    }

    /// Holds where one of the groups does, each an AND of single conditions.
    pub(crate) fn any_of(groups: impl IntoIterator<Item = Vec<String>>) -> Self {
        let group = |atoms: Vec<String>| atoms.into_iter().map(|atom| vec![atom]).collect();
        Self {
            groups: groups.into_iter().map(group).collect(),
        }
    }

    /// All of `conditions` that fit together into the grammar.
    ///
    /// What does not fit is left out. That only widens the result, and only what is checked again is ever left out: a condition that
    /// is exact takes one group and always fits, see [`takes_one_group`].
    pub(crate) fn of<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> Self {
        let mut encoded = Self::everything();
        for condition in conditions {
            for conjunct in conjuncts(condition) {
                if let Some(both) = normal(conjunct).and_then(|part| encoded.and(&part)) {
                    encoded = both;
                }
            }
        }
        encoded
    }

    fn and(&self, other: &Self) -> Option<Self> {
        if self.groups.len() * other.groups.len() > MOST_GROUPS {
            return None;
        }
        let pairs = self
            .groups
            .iter()
            .flat_map(|left| other.groups.iter().map(move |right| (left, right)));
        let groups = pairs.map(|(left, right)| [left.as_slice(), right.as_slice()].concat());
        Some(Self {
            groups: groups.collect(),
        })
    }

    /// Every atom, for checks.
    pub(crate) fn atoms(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flatten().flatten().map(String::as_str)
    }

    /// Everything that the conditions rely on.
    pub(crate) fn uses(&self) -> BTreeSet<ColumnUse> {
        self.atoms().map(ColumnUse::of_atom).collect()
    }

    /// What must be honoured for no row to be lost. An ignored condition of an AND returns more rows, but an ignored alternative
    /// returns fewer, unless the others are of the same use and are ignored with it.
    pub(crate) fn alternatives(&self) -> BTreeSet<ColumnUse> {
        if self.groups.len() > 1 {
            return self.uses();
        }
        let chains = self.groups.iter().flatten();
        let uses = chains.map(|chain| {
            chain
                .iter()
                .map(|atom| ColumnUse::of_atom(atom))
                .collect::<BTreeSet<_>>()
        });
        uses.filter(|uses| uses.len() > 1).flatten().collect()
    }

    /// Number of groups.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The text, with the range of keys repeated in each group because it would bind to the last one only.
    pub(crate) fn text(&self, after: Option<&str>) -> String {
        let conditions = self.unsorted(after);
        if conditions.is_empty() {
            BY_KEY.to_owned()
        } else {
            format!("{conditions}^{BY_KEY}")
        }
    }

    /// The text without an order, empty when it holds for every row.
    pub(crate) fn unsorted(&self, after: Option<&str>) -> String {
        let range = after.map(|key| format!("sys_id>{key}"));
        let groups = self.groups.iter().map(|group| {
            let chains = group.iter().map(|chain| chain.join("^OR"));
            chains.chain(range.clone()).collect::<Vec<_>>().join("^")
        });
        groups.collect::<Vec<_>>().join("^NQ")
    }

    /// Holds where both do; `None` when that takes too many groups.
    pub(crate) fn with_atom(&self, atom: String) -> Option<Self> {
        self.and(&Self::atom(atom))
    }
}

/// Whether the condition goes along with any others: it adds no group.
pub(crate) fn takes_one_group(condition: &Condition) -> bool {
    normal(condition).is_some_and(|encoded| encoded.groups.len() <= 1)
}

/// The parts of an AND, however nested.
pub(crate) fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The normal form of a condition, or `None` when it has too many groups.
fn normal(condition: &Condition) -> Option<EncodedQuery> {
    match condition {
        Condition::Atom(atom) => Some(EncodedQuery::atom(atom.clone())),
        Condition::Never => Some(EncodedQuery { groups: Vec::new() }),
        Condition::All(parts) => parts
            .iter()
            .try_fold(EncodedQuery::everything(), |all, part| all.and(&normal(part)?)),
        Condition::Any(parts) => {
            let mut chain = Chain::new();
            let mut groups = Vec::new();
            for part in parts {
                for mut group in normal(part)?.groups {
                    match (group.pop(), group.is_empty()) {
                        // Alternatives that are a single chain stand side by side in one.
                        (Some(alternatives), true) => chain.extend(alternatives),
                        (Some(last), false) => {
                            group.push(last);
                            groups.push(group);
                        }
                        // A group without conditions holds for every row, and so does the whole.
                        (None, _) => return Some(EncodedQuery::everything()),
                    }
                }
            }
            if !chain.is_empty() {
                groups.insert(0, vec![chain]);
            }
            (groups.len() <= MOST_GROUPS).then_some(EncodedQuery { groups })
        }
    }
}

/// Whether the text is the name of a table.
pub(crate) fn is_table_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_name_byte)
}

/// Whether the text is the name of a column, or several joined by dots.
pub(crate) fn is_column_name(text: &str) -> bool {
    text.split('.').all(is_table_name)
}

/// Checks that a value means itself after an operator.
///
/// # Errors
/// Returns why it must stay local.
pub(crate) fn check_value(value: &str) -> Result<(), &'static str> {
    /// EncodedQuery, such a value takes up to three times as many bytes of the 8,192 that a URL may have.
    const MOST_BYTES: usize = 1_000;
    let first = value.chars().next();
    let script = value
        .trim_start()
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case("javascript"));
    if value.is_empty() {
        Err("an empty value means something else there")
    } else if value.contains('^') {
        Err("'^' can't be written in an encoded query")
    } else if value.chars().any(is_break) {
        Err("control characters can't be written in an encoded query")
    } else if script {
        Err("a value that begins with 'javascript' is run as a script there")
    } else if value.trim() != value {
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

/// A query that can't be written.
pub(crate) fn malformed(query: &RemoteQuery, message: impl Into<String>) -> Error {
    Error::new(&query.table.source, Kind::Malformed, message).with_table(&query.table.name.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atom(text: &str) -> Condition {
        Condition::Atom(text.to_owned())
    }

    fn any(parts: &[&str]) -> Condition {
        Condition::Any(parts.iter().map(|part| atom(part)).collect())
    }

    fn text(conditions: &[Condition]) -> String {
        EncodedQuery::of(conditions).text(None)
    }

    #[test]
    fn a_whole_scan_is_only_an_order() {
        assert_eq!(text(&[]), "ORDERBYsys_id");
        assert_eq!(
            EncodedQuery::everything().text(Some("ab")),
            "sys_id>ab^ORDERBYsys_id"
        );
    }

    #[test]
    fn and_of_or_chains_needs_one_group() {
        let conditions = [atom("a=1"), any(&["b=2", "c=3"]), atom("d=4")];
        assert_eq!(text(&conditions), "a=1^b=2^ORc=3^d=4^ORDERBYsys_id");
    }

    #[test]
    fn an_or_of_ands_repeats_the_rest_in_every_group() {
        let arms = Condition::Any(vec![
            Condition::All(vec![atom("b=2"), atom("c=3")]),
            atom("d=4"),
            atom("e=5"),
        ]);
        let encoded = EncodedQuery::of(&[atom("a=1"), arms]);
        assert_eq!(
            encoded.text(Some("k")),
            "a=1^d=4^ORe=5^sys_id>k^NQa=1^b=2^c=3^sys_id>k^ORDERBYsys_id"
        );
    }

    #[test]
    fn only_alternatives_of_several_uses_must_be_honoured() {
        let columns = |conditions: &[Condition]| {
            let uses = EncodedQuery::of(conditions).alternatives();
            uses.into_iter()
                .map(|used| used.column)
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(columns(&[atom("a=1"), atom("b<2"), any(&["c=1", "c=2"])]), "");
        assert_eq!(columns(&[atom("a=1"), any(&["b=1", "c=2"])]), "b c");
        assert_eq!(columns(&[any(&["b=1", "b>2"])]), "b b");
        let groups = Condition::Any(vec![Condition::All(vec![atom("b=2"), atom("c=3")]), atom("d=4")]);
        assert_eq!(columns(&[atom("a=1"), groups.clone()]), "a b c d");
        assert!(!takes_one_group(&groups) && takes_one_group(&any(&["b=1", "c=2"])));
    }

    #[test]
    fn what_would_need_too_many_groups_is_left_out_whole() {
        let pairs = |from: usize| {
            Condition::Any(
                (from..from + 5)
                    .map(|at| Condition::All(vec![atom(&format!("x{at}=1")), atom(&format!("y{at}=1"))]))
                    .collect(),
            )
        };
        let encoded = EncodedQuery::of(&[pairs(0), pairs(5), atom("z=1")]);
        assert_eq!(encoded.group_count(), 5);
        let text = encoded.text(None);
        assert!(!text.contains("x5=1"), "{text}");
        assert_eq!(text.matches("z=1").count(), 5);
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
