//! The shape of encoded queries: everything that the grammar can say.
//!
//! Owns: the normal form. Does not own: names, values and single conditions, see `wire`; which operator says what, see `semantics`.
//! Invariant: what does not fit the grammar is left out, which only widens the result, and only what is checked again is left out.
//! Grammar: `^` is AND, `^OR` joins only to the condition just before it, `^NQ` starts a group; groups are OR-ed.

use std::collections::BTreeSet;

use causeway_core::{Atom, Condition};

use super::column_use::ColumnUse;
use super::wire::{Sort, Term, behind};

/// Alternatives, of which one must hold.
pub(crate) type Chain = Vec<Term>;
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

    /// Holds where all of the atoms do.
    ///
    /// # Errors
    /// Returns why one of them can't be written safely.
    pub(crate) fn all_of(atoms: impl IntoIterator<Item = Atom>) -> Result<Self, String> {
        Self::any_of([atoms.into_iter().collect()])
    }

    /// Holds where one of the groups does, each an AND of single conditions.
    ///
    /// # Errors
    /// Returns why one of them can't be written safely.
    pub(crate) fn any_of(groups: impl IntoIterator<Item = Vec<Atom>>) -> Result<Self, String> {
        let chain = |atom: Atom| Ok(vec![Term::try_new(&atom)?]);
        let group = |atoms: Vec<Atom>| atoms.into_iter().map(chain).collect::<Result<Group, String>>();
        Ok(Self {
            groups: groups.into_iter().map(group).collect::<Result<_, _>>()?,
        })
    }

    /// All of `conditions` that fit together into the grammar.
    ///
    /// What does not fit is left out. That only widens the result, and only what is checked again is ever left out: a condition that
    /// is exact takes one group and always fits, see [`takes_one_group`].
    ///
    /// # Errors
    /// Returns why one of them can't be written safely.
    pub(crate) fn of<'a>(conditions: impl IntoIterator<Item = &'a Condition>) -> Result<Self, String> {
        let mut encoded = Self::everything();
        for condition in conditions {
            for conjunct in conjuncts(condition) {
                if let Some(both) = normal(conjunct)?.and_then(|part| encoded.and(&part)) {
                    encoded = both;
                }
            }
        }
        Ok(encoded)
    }

    /// Holds where both do; `None` when that takes too many groups.
    pub(crate) fn and(&self, other: &Self) -> Option<Self> {
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

    fn terms(&self) -> impl Iterator<Item = &Term> {
        self.groups.iter().flatten().flatten()
    }

    /// Whether it can be sent as it is, without looking up stored values.
    pub(crate) fn is_resolved(&self) -> bool {
        self.terms().all(|term| term.is_resolved)
    }

    /// Everything that the conditions rely on.
    pub(crate) fn uses(&self) -> BTreeSet<ColumnUse> {
        self.terms().map(|term| term.used.clone()).collect()
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
                .map(|term| term.used.clone())
                .collect::<BTreeSet<_>>()
        });
        uses.filter(|uses| uses.len() > 1).flatten().collect()
    }

    /// Number of groups.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// The text, sorted by `order` and then by key.
    pub(crate) fn text(&self, order: Option<&Sort>, after: Option<&str>) -> String {
        let conditions = Some(self.unsorted(after)).filter(|conditions| !conditions.is_empty());
        let sorts = order
            .map(Sort::written)
            .into_iter()
            .chain([Sort::by_key().written()]);
        conditions.into_iter().chain(sorts).collect::<Vec<_>>().join("^")
    }

    /// The text without an order, empty when it holds for every row. The range of keys is repeated in each group, because it would bind
    /// to the last one only.
    pub(crate) fn unsorted(&self, after: Option<&str>) -> String {
        let range = after.map(behind);
        let groups = self.groups.iter().map(|group| {
            let chains = group.iter().map(|chain| {
                let alternatives: Vec<&str> = chain.iter().map(Term::text).collect();
                alternatives.join("^OR")
            });
            chains.chain(range.clone()).collect::<Vec<_>>().join("^")
        });
        groups.collect::<Vec<_>>().join("^NQ")
    }
}

/// Whether the condition goes along with any others: it adds no group.
pub(crate) fn takes_one_group(condition: &Condition) -> bool {
    normal(condition).is_ok_and(|encoded| encoded.is_some_and(|encoded| encoded.groups.len() <= 1))
}

/// The parts of an AND, however nested.
pub(crate) fn conjuncts(condition: &Condition) -> Vec<&Condition> {
    match condition {
        Condition::All(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// The normal form of a condition, or `None` when it has too many groups.
fn normal(condition: &Condition) -> Result<Option<EncodedQuery>, String> {
    Ok(match condition {
        Condition::Atom(atom) => Some(EncodedQuery {
            groups: vec![vec![vec![Term::try_new(atom)?]]],
        }),
        Condition::Never => Some(EncodedQuery { groups: Vec::new() }),
        Condition::All(parts) => {
            let mut all = Some(EncodedQuery::everything());
            for part in parts {
                let part = normal(part)?;
                all = all.and_then(|all| all.and(&part?));
            }
            all
        }
        Condition::Any(parts) => {
            let mut chain = Chain::new();
            let mut groups = Vec::new();
            for part in parts {
                let Some(part) = normal(part)? else {
                    return Ok(None);
                };
                for mut group in part.groups {
                    match (group.pop(), group.is_empty()) {
                        // Alternatives that are a single chain stand side by side in one.
                        (Some(alternatives), true) => chain.extend(alternatives),
                        (Some(last), false) => {
                            group.push(last);
                            groups.push(group);
                        }
                        // A group without conditions holds for every row, and so does the whole.
                        (None, _) => return Ok(Some(EncodedQuery::everything())),
                    }
                }
            }
            if !chain.is_empty() {
                groups.insert(0, vec![chain]);
            }
            (groups.len() <= MOST_GROUPS).then_some(EncodedQuery { groups })
        }
    })
}

#[cfg(test)]
mod tests {
    use causeway_core::{Constant, RemoteOp};

    use super::*;

    /// A condition such as `a=1` or `b<2`.
    fn atom(text: &str) -> Condition {
        let (field, rest) = text.split_at(text.find(['=', '<', '>']).expect("an operator"));
        let operator = match &rest[..1] {
            "=" => RemoteOp::Eq,
            "<" => RemoteOp::Lt,
            _ => RemoteOp::Gt,
        };
        Atom::with(field, operator, Constant::plain(&rest[1..])).into()
    }

    fn any(parts: &[&str]) -> Condition {
        Condition::Any(parts.iter().map(|part| atom(part)).collect())
    }

    fn text(conditions: &[Condition]) -> String {
        EncodedQuery::of(conditions).expect("safe").text(None, None)
    }

    #[test]
    fn a_whole_scan_is_only_an_order() {
        assert_eq!(text(&[]), "ORDERBYsys_id");
        assert_eq!(
            EncodedQuery::everything().text(None, Some("ab")),
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
        let encoded = EncodedQuery::of(&[atom("a=1"), arms]).expect("safe");
        assert_eq!(
            encoded.text(None, Some("k")),
            "a=1^d=4^ORe=5^sys_id>k^NQa=1^b=2^c=3^sys_id>k^ORDERBYsys_id"
        );
    }

    #[test]
    fn only_alternatives_of_several_uses_must_be_honoured() {
        let columns = |conditions: &[Condition]| {
            let uses = EncodedQuery::of(conditions).expect("safe").alternatives();
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
        let encoded = EncodedQuery::of(&[pairs(0), pairs(5), atom("z=1")]).expect("safe");
        assert_eq!(encoded.group_count(), 5);
        let text = encoded.text(None, None);
        assert!(!text.contains("x5=1"), "{text}");
        assert_eq!(text.matches("z=1").count(), 5);
    }
}
