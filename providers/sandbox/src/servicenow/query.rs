//! Reads an encoded query: `active=true^priority<3^ORpriorityISEMPTY^NQ…^ORDERBYsys_id`.
//!
//! Owns: the grammar and the spelling of operators. Does not own: what they mean; see `filter`.
//! Invariant: reading never fails. What cannot be read is counted in [`Query::unreadable`] and left out, as the instance does.

use super::switches::Semantics;

/// An operator as it is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Like,
    NotLike,
    StartsWith,
    EndsWith,
    IsEmpty,
    IsNotEmpty,
    Anything,
    EmptyString,
    Between,
    SameAs,
    NotSameAs,
    GreaterThanField,
    LessThanField,
    GreaterOrEqualField,
    LessOrEqualField,
    On,
    NotOn,
    InstanceOf,
}

impl Operator {
    /// True for an operator that compares with a literal value.
    pub(super) fn takes_literal(self) -> bool {
        !matches!(
            self,
            Self::IsEmpty
                | Self::IsNotEmpty
                | Self::Anything
                | Self::EmptyString
                | Self::SameAs
                | Self::NotSameAs
        )
    }

    /// True for an operator that the operation `query_range` governs; the others need `query_match`.
    pub(super) fn is_range(self) -> bool {
        !matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::In
                | Self::NotIn
                | Self::SameAs
                | Self::NotSameAs
                | Self::IsEmpty
                | Self::IsNotEmpty
                | Self::Anything
                | Self::EmptyString
        )
    }
}

/// What the grammar allows where the documentation is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Grammar {
    pub(super) notlike: bool,
    pub(super) double_caret: bool,
}

impl Grammar {
    pub(super) fn new(semantics: &Semantics) -> Self {
        Self {
            notlike: semantics.notlike_accepted,
            double_caret: semantics.double_caret_escapes,
        }
    }
}

/// Stands for an escaped caret while a query is split.
const CARET: char = '\u{1}';

/// Longer spellings come before those that they begin with.
const SPELLINGS: &[(&str, Operator)] = &[
    ("GT_OR_EQUALS_FIELD", Operator::GreaterOrEqualField),
    ("LT_OR_EQUALS_FIELD", Operator::LessOrEqualField),
    ("GT_FIELD", Operator::GreaterThanField),
    ("LT_FIELD", Operator::LessThanField),
    ("EMPTYSTRING", Operator::EmptyString),
    ("ISNOTEMPTY", Operator::IsNotEmpty),
    ("ISEMPTY", Operator::IsEmpty),
    ("INSTANCEOF", Operator::InstanceOf),
    ("STARTSWITH", Operator::StartsWith),
    ("ENDSWITH", Operator::EndsWith),
    ("NOT LIKE", Operator::NotLike),
    ("NOT IN", Operator::NotIn),
    ("ANYTHING", Operator::Anything),
    ("BETWEEN", Operator::Between),
    ("NSAMEAS", Operator::NotSameAs),
    ("SAMEAS", Operator::SameAs),
    ("NOTON", Operator::NotOn),
    ("LIKE", Operator::Like),
    ("ON", Operator::On),
    ("IN", Operator::In),
    ("!*", Operator::NotLike),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("*", Operator::Like),
    ("%", Operator::EndsWith),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// Column or dot-walk.
    pub(super) column: String,
    pub(super) operator: Operator,
    pub(super) value: String,
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: String,
    pub(super) descending: bool,
}

/// An encoded query: an OR of groups, each an AND of OR chains.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Query {
    pub(super) groups: Vec<Vec<Vec<Term>>>,
    pub(super) orders: Vec<Order>,
    /// Pieces that are no condition.
    pub(super) unreadable: usize,
    grammar: Grammar,
}

/// Reads the decoded text of `sysparm_query`.
pub(super) fn parse(text: &str, grammar: Grammar) -> Query {
    let mut query = Query {
        groups: vec![Vec::new()],
        grammar,
        ..Query::default()
    };
    let escaped;
    let text = if grammar.double_caret {
        escaped = text.replace("^^", &CARET.to_string());
        &escaped
    } else {
        text
    };
    for piece in text.split('^') {
        if let Some(column) = piece.strip_prefix("ORDERBYDESC") {
            query.orders.push(Order {
                column: column.to_owned(),
                descending: true,
            });
        } else if let Some(column) = piece.strip_prefix("ORDERBY") {
            query.orders.push(Order {
                column: column.to_owned(),
                descending: false,
            });
        } else if piece == "EQ" || piece.is_empty() || piece.starts_with("GROUPBY") {
            // End mark, noise, and grouping of lists: none of them filters.
        } else if let Some(rest) = piece.strip_prefix("NQ") {
            query.groups.push(Vec::new());
            query.add(rest, false);
        } else if let Some(rest) = piece.strip_prefix("OR") {
            query.add(rest, true);
        } else {
            query.add(piece, false);
        }
    }
    query
}

impl Query {
    /// Adds a condition to the last group: beside the last condition, or as a conjunct of its own.
    fn add(&mut self, text: &str, beside: bool) {
        if text.is_empty() {
            return;
        }
        let Some(group) = self.groups.last_mut() else {
            return;
        };
        match (term(text, self.grammar), group.last_mut()) {
            (Some(term), Some(chain)) if beside => chain.push(term),
            (Some(term), _) => group.push(vec![term]),
            (None, _) => {
                self.unreadable += 1;
                // An arm after an unreadable condition must not join the condition before it.
                if !beside {
                    group.push(Vec::new());
                }
            }
        }
    }
}

/// Splits a condition at its first operator.
fn term(text: &str, grammar: Grammar) -> Option<Term> {
    for (at, _) in text.char_indices().skip(1) {
        let (column, rest) = text.split_at(at);
        if !column
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
        {
            return None;
        }
        let mut spellings = SPELLINGS
            .iter()
            .chain(grammar.notlike.then_some(&("NOTLIKE", Operator::NotLike)));
        if let Some((spelling, operator)) = spellings.find(|(spelling, _)| rest.starts_with(spelling)) {
            return Some(Term {
                column: column.to_owned(),
                operator: *operator,
                value: rest.get(spelling.len()..).unwrap_or_default().replace(CARET, "^"),
            });
        }
    }
    None
}

/// True for a value that the instance would run as a script.
pub(super) fn is_script(value: &str) -> bool {
    let start = value.trim_start();
    start
        .get(..11)
        .is_some_and(|start| start.eq_ignore_ascii_case("javascript:"))
}

/// The first value of a query that the instance might run as a script: members of lists and ends of ranges count, and
/// so do pieces that are no condition, since a caret may have cut them off a value.
pub(super) fn script(text: &str, grammar: Grammar) -> Option<String> {
    let pieces = text
        .split('^')
        .filter(|piece| is_script(piece))
        .map(str::to_owned);
    let query = parse(text, grammar);
    let terms = query.groups.into_iter().flatten().flatten();
    let values = terms.filter_map(|term| {
        let separator: &[char] = match term.operator {
            Operator::In | Operator::NotIn => &[','],
            Operator::Between | Operator::On | Operator::NotOn => &['@'],
            _ => &[],
        };
        let found = term.value.split(separator).find(|part| is_script(part));
        found.map(|_| term.value.clone())
    });
    values.chain(pieces).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<Vec<Vec<String>>> {
        parse(text, Grammar::default())
            .groups
            .into_iter()
            .map(|group| {
                group
                    .into_iter()
                    .map(|chain| {
                        chain
                            .into_iter()
                            .map(|term| format!("{}|{:?}|{}", term.column, term.operator, term.value))
                            .collect()
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn or_joins_only_the_condition_before_it() {
        assert_eq!(
            shape("a=1^b=2^ORc=3"),
            vec![vec![
                vec!["a|Equal|1".to_owned()],
                vec!["b|Equal|2".to_owned(), "c|Equal|3".to_owned()]
            ]]
        );
    }

    #[test]
    fn nq_starts_a_group_and_orders_do_not_filter() {
        let query = parse("a=1^NQb=2^ORDERBYa^ORDERBYDESCb.c^EQ", Grammar::default());
        assert_eq!(query.groups.len(), 2);
        assert_eq!(
            query.orders[0],
            Order {
                column: "a".into(),
                descending: false
            }
        );
        assert_eq!(
            query.orders[1],
            Order {
                column: "b.c".into(),
                descending: true
            }
        );
        assert_eq!(query.unreadable, 0);
    }

    #[test]
    fn the_first_operator_from_the_left_splits() {
        assert_eq!(
            shape("short_descriptionNOT LIKEa=b"),
            vec![vec![vec!["short_description|NotLike|a=b".to_owned()]]]
        );
        assert_eq!(shape("state==1"), vec![vec![vec!["state|Equal|=1".to_owned()]]]);
        assert_eq!(
            shape("nameSTARTSWITHINx"),
            vec![vec![vec!["name|StartsWith|INx".to_owned()]]]
        );
        assert_eq!(
            shape("parentISNOTEMPTY"),
            vec![vec![vec!["parent|IsNotEmpty|".to_owned()]]]
        );
        assert_eq!(shape("aNSAMEASb"), vec![vec![vec!["a|NotSameAs|b".to_owned()]]]);
        assert_eq!(
            shape("aGT_OR_EQUALS_FIELDb"),
            vec![vec![vec!["a|GreaterOrEqualField|b".to_owned()]]]
        );
        assert_eq!(
            shape("caller_id.department.name=IT"),
            vec![vec![vec!["caller_id.department.name|Equal|IT".to_owned()]]]
        );
    }

    #[test]
    fn prose_and_carets_are_unreadable_or_noise() {
        let read = |text: &str| parse(text, Grammar::default());
        assert_eq!(read("all open incidents please").unreadable, 1);
        assert_eq!(read("^^^"), read(""));
    }

    #[test]
    fn a_caret_in_a_value_splits_it() {
        assert_eq!(shape("name=a^b=c").first().map(Vec::len), Some(2));
    }

    #[test]
    fn scripts_are_seen_through_case_and_blanks() {
        assert!(is_script(" JavaScript:gs.getUserID()"));
        assert!(!is_script("x javascript:"));
        assert!(!is_script("java"));
    }

    #[test]
    fn scripts_are_found_wherever_a_value_begins() {
        let grammar = Grammar::default();
        for text in [
            "name=javascript:a",
            "a=1^ORb.c= JavaScript:a",
            "nameINBoxeo, javascript:a",
            "name BETWEEN",
            "opened_atBETWEEN2024-01-01@javascript:a",
            "name=a^javascript:b",
            "nopeLIKEjavascript:",
        ] {
            assert_eq!(script(text, grammar).is_some(), text.contains("cript:"), "{text}");
        }
        for text in [
            "name=a,javascript:b",
            "nameLIKEx javascript:",
            "javascript=1",
            "a=1^b=2",
        ] {
            assert_eq!(script(text, grammar), None, "{text}");
        }
    }
}
