//! Conditions on the display values of choices, said by the stored values that may be shown so.
//!
//! Owns: which stored values a label may stand for. Does not own: the lists of choices; see `metadata::choices`. Display values of
//! references and durations are never filtered there.
//! Invariant: every record whose display value is one of the labels is kept. A value may be shown by a choice of any language, of the
//! table, an ancestor or a descendant, active or not; without one it is shown as it is stored. What is kept is checked again.

use std::collections::BTreeSet;

use causeway_core::{
    Atom, ColumnType, Condition, Constant, Literal, Op, Operand, RemoteOp, RemoteQuery, Verdict,
};

use super::pattern::equal_texts;
use super::verdict::{among, empty, never, superset};
use super::wire::check_value;
use crate::types::OF_NUMBERS;

const SHARED: &str = "several stored values may be shown so";

/// A comparison of the display value of a choice column.
pub(crate) fn label(field: &str, remote_type: &str, op: Op, values: &[Literal]) -> Verdict {
    let labels: Vec<&str> = match op {
        // Empty and NULL are one.
        Op::IsNull => vec![""],
        Op::Eq | Op::In => {
            let texts = values.iter().map(|value| match value {
                Literal::Text(text) => Some(text.as_str()),
                _ => None,
            });
            let Some(texts) = texts.collect::<Option<Vec<_>>>() else {
                return never("the value is no text");
            };
            texts.into_iter().filter(|text| !text.is_empty()).collect()
        }
        Op::NotEq | Op::NotIn | Op::IsNotNull => {
            return never("a label may be shown for other stored values tomorrow, so that would lose rows");
        }
        _ => return never("only whole labels are known as stored values"),
    };
    if labels.is_empty() {
        return Verdict::Exact(Condition::Never);
    }
    let checks = labels.iter().filter(|label| !label.is_empty());
    if let Some(reason) = checks.filter_map(|label| check_value(label).err()).next() {
        return never(reason);
    }
    let displayed = Operand::Displayed {
        texts: labels.into_iter().map(str::to_owned).collect(),
        stored: match remote_type {
            OF_NUMBERS => ColumnType::Int64,
            _ => ColumnType::Text,
        },
    };
    superset(Atom::new(field, RemoteOp::In, displayed).into(), SHARED)
}

/// A condition of [`label`], whose stored values have yet to be looked up.
pub(crate) struct Labels<'a> {
    pub(crate) field: &'a str,
    texts: &'a [String],
    stored: ColumnType,
}

impl<'a> Labels<'a> {
    fn of(atom: &'a Atom) -> Option<Self> {
        match &atom.operand {
            Operand::Displayed { texts, stored } => Some(Self {
                field: &atom.field,
                texts,
                stored: *stored,
            }),
            _ => None,
        }
    }

    /// The stored values as a condition; `None` when one of them can't be sent.
    pub(crate) fn resolved(&self, choices: &[Choice]) -> Option<Condition> {
        let folded = |text: &str| text.trim().to_lowercase();
        let wanted: BTreeSet<String> = self.texts.iter().map(|text| folded(text)).collect();
        let chosen = choices
            .iter()
            .filter(|choice| wanted.contains(&folded(&choice.label)));
        let mut values: BTreeSet<&str> = chosen.map(|choice| choice.value.as_str()).collect();
        values.extend(self.texts.iter().map(String::as_str));
        let mut arms = Vec::new();
        if values.remove("") {
            arms.push(empty(self.field));
        }
        if self.stored == ColumnType::Int64 {
            let numbers: BTreeSet<i32> = values.iter().filter_map(|value| number(value)).collect();
            arms.extend(among(self.field, numbers.into_iter().map(Constant::plain)));
        } else {
            let texts: Vec<Literal> = values
                .iter()
                .map(|value| Literal::Text((*value).to_owned()))
                .collect();
            match equal_texts(self.field, &texts, SHARED) {
                Verdict::Superset(condition, _) => arms.push(condition),
                Verdict::Exact(_) => {}
                Verdict::Never(_) => return None,
            }
        }
        if arms.len() > 1 {
            return Some(Condition::Any(arms));
        }
        // No stored value is known: nothing is to be found, and little is read to make sure.
        Some(arms.pop().unwrap_or_else(|| empty(self.field)))
    }
}

/// A number as it is stored, or shown with separators.
fn number(text: &str) -> Option<i32> {
    let kept = |letter: &char| letter.is_ascii_digit() || *letter == '-';
    let is_plain =
        |letter: char| kept(&letter) || matches!(letter, ',' | '.' | ' ' | '\'' | '\u{a0}' | '\u{202f}');
    if !text.chars().all(is_plain) {
        return None;
    }
    text.chars().filter(kept).collect::<String>().parse().ok()
}

/// A row of `sys_choice`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) table: String,
    pub(crate) value: String,
    pub(crate) label: String,
}

/// The fields of the query's conditions on labels.
pub(crate) fn fields_of(query: &RemoteQuery) -> BTreeSet<String> {
    let atoms = query.filters.iter().flat_map(|filter| filter.condition.atoms());
    let labels = atoms.filter_map(Labels::of);
    labels.map(|labels| labels.field.to_owned()).collect()
}

/// The query with each of its conditions on labels resolved; a filter that would hold for every row is left out.
pub(crate) fn replaced(
    query: &RemoteQuery,
    resolve: &impl Fn(&Labels<'_>) -> Option<Condition>,
) -> RemoteQuery {
    let mut query = query.clone();
    query
        .filters
        .retain_mut(|filter| match replacement(&filter.condition, resolve) {
            Some(condition) => {
                filter.condition = condition;
                true
            }
            None => false,
        });
    query
}

/// The condition with labels resolved; `None` when it would hold for every row.
fn replacement(
    condition: &Condition,
    resolve: &impl Fn(&Labels<'_>) -> Option<Condition>,
) -> Option<Condition> {
    match condition {
        Condition::Atom(atom) => match Labels::of(atom) {
            Some(labels) => resolve(&labels),
            None => Some(condition.clone()),
        },
        Condition::All(parts) => {
            let kept: Vec<Condition> = parts
                .iter()
                .filter_map(|part| replacement(part, resolve))
                .collect();
            (!kept.is_empty()).then_some(Condition::All(kept))
        }
        Condition::Any(parts) => {
            let arms = parts.iter().map(|part| replacement(part, resolve));
            arms.collect::<Option<Vec<_>>>().map(Condition::Any)
        }
        Condition::Never => Some(Condition::Never),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::encoded_query::EncodedQuery;
    use crate::types::OF_TEXT;

    fn choices(rows: &[(&str, &str)]) -> Vec<Choice> {
        let choice = |(value, label): &(&str, &str)| Choice {
            table: "incident".to_owned(),
            value: (*value).to_owned(),
            label: (*label).to_owned(),
        };
        rows.iter().map(choice).collect()
    }

    fn sent(remote_type: &str, op: Op, labels: &[&str], list: &[(&str, &str)]) -> String {
        let values: Vec<Literal> = labels
            .iter()
            .map(|label| Literal::Text((*label).to_owned()))
            .collect();
        match label("f", remote_type, op, &values) {
            Verdict::Superset(Condition::Atom(atom), _) => {
                let labels = Labels::of(&atom).expect("a condition on labels");
                let condition = labels.resolved(&choices(list));
                condition.map_or("everything".to_owned(), |condition| {
                    EncodedQuery::of([&condition]).expect("safe").unsorted(None)
                })
            }
            Verdict::Exact(Condition::Never) => "no row".to_owned(),
            other => panic!("{other:?}"),
        }
    }

    const STATES: &[(&str, &str)] = &[
        ("1", "New"),
        ("7", "Closed"),
        ("3", "Closed"),
        ("7", "Geschlossen"),
        ("8", "2"),
        ("9", " closed "),
        ("-5", "Pending"),
    ];

    #[test]
    fn a_label_stands_for_every_value_that_may_be_shown_so() {
        for (labels, wanted) in [
            (vec!["New"], "f=1"),
            (vec!["Closed"], "fIN3,7,9"),
            (vec!["Geschlossen", "New"], "fIN1,7"),
            (vec!["Pending"], "f=-5"),
            // A number is a label of one value, and what another without a label is shown as.
            (vec!["2"], "fIN2,8"),
            (vec!["1,234"], "f=1234"),
            (vec!["", "New"], "f=1"),
            (vec![""], "no row"),
            (vec!["Unheard of"], "fISEMPTY"),
        ] {
            assert_eq!(sent(OF_NUMBERS, Op::In, &labels, STATES), wanted, "{labels:?}");
        }
    }

    #[test]
    fn a_text_without_a_choice_is_shown_as_it_is_stored() {
        let list = [
            ("net", "Network"),
            ("", "None"),
            ("hw", "Hardware, other"),
            ("x^y", "Odd"),
        ];
        for (label, wanted) in [
            ("Network", "fINNetwork,net"),
            ("hw", "f=hw"),
            ("None", "fISEMPTY^ORf=None"),
            ("Hardware, other", "f=hw^ORf=Hardware, other"),
            ("Odd", "everything"),
        ] {
            assert_eq!(sent(OF_TEXT, Op::Eq, &[label], &list), wanted, "{label}");
        }
    }

    #[test]
    fn no_display_value_means_an_empty_field_or_an_empty_label() {
        assert_eq!(sent(OF_NUMBERS, Op::IsNull, &[], STATES), "fISEMPTY");
        assert_eq!(sent(OF_NUMBERS, Op::IsNull, &[], &[("4", "")]), "fISEMPTY^ORf=4");
    }

    #[test]
    fn what_would_lose_rows_stays_local() {
        let new = [Literal::Text("New".to_owned())];
        for (op, values) in [
            (Op::NotEq, &new[..]),
            (Op::NotIn, &new[..]),
            (Op::IsNotNull, &[]),
            (Op::Like, &new[..]),
            (Op::Gt, &new[..]),
        ] {
            assert!(
                matches!(label("f", OF_TEXT, op, values), Verdict::Never(_)),
                "{op:?}"
            );
        }
        let unsafe_label = [Literal::Text("a^b".to_owned())];
        assert!(matches!(
            label("f", OF_TEXT, Op::Eq, &unsafe_label),
            Verdict::Never(_)
        ));
    }

    #[test]
    fn an_alternative_whose_labels_are_not_known_takes_the_whole_condition_along() {
        let Verdict::Superset(labels, _) = label("f", OF_TEXT, Op::Eq, &[Literal::Text("New".to_owned())])
        else {
            panic!("sent");
        };
        let unknown = |_: &Labels<'_>| None;
        let other = empty("g");
        assert_eq!(
            replacement(&Condition::Any(vec![other.clone(), labels.clone()]), &unknown),
            None
        );
        let all = Condition::All(vec![other.clone(), labels]);
        assert_eq!(replacement(&all, &unknown), Some(Condition::All(vec![other])));
    }
}
