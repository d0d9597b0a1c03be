//! Which columns a condition relies on, by the kind of access that the instance checks for it.
//!
//! Owns: [`ColumnUse`], and conditions that no row satisfies, by which a use is proven. Does not own: the calls; see `verification`.
//! Invariant: a use is read from the atom itself, never from a text.
//! Source: "Query ACLs" (`query_match`, `query_range`), read 2026-03-12.

use causeway_core::{Atom, Constant, OperatorClass, RemoteOp};

use crate::types::Family;

/// A column with the class of the operators that are used on it: `query_match` grants equality, lists and null tests, `query_range`
/// everything else, sorts too. An instance honours all conditions of a use or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ColumnUse {
    pub(crate) column: String,
    pub(crate) class: OperatorClass,
}

impl ColumnUse {
    pub(crate) fn new(column: &str, class: OperatorClass) -> Self {
        Self {
            column: column.to_owned(),
            class,
        }
    }

    pub(crate) fn of_atom(atom: &Atom) -> Self {
        Self::new(&atom.field, atom.operator.class())
    }

    /// Two conditions of this use that no value satisfies together, whatever zone or collation it is compared in.
    pub(crate) fn contradiction(&self, family: Family) -> [Atom; 2] {
        let apart = |constant: &str| {
            [RemoteOp::Gt, RemoteOp::Lt]
                .map(|operator| Atom::with(&self.column, operator, Constant::plain(constant)))
        };
        match (self.class, family) {
            (OperatorClass::Equality, _) => {
                [RemoteOp::IsNull, RemoteOp::IsNotNull].map(|operator| Atom::test(&self.column, operator))
            }
            (OperatorClass::Range, Family::Integer | Family::Long | Family::Decimal) => apart("0"),
            (OperatorClass::Range, Family::Moment) => apart("2000-01-01 00:00:00"),
            (OperatorClass::Range, Family::Day) => apart("2000-01-01"),
            (OperatorClass::Range, _) => {
                ["a", "b"].map(|start| Atom::with(&self.column, RemoteOp::StartsWith, Constant::text(start)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contradiction_is_of_the_use_that_it_proves() {
        for family in [
            Family::Integer,
            Family::Moment,
            Family::Day,
            Family::Text,
            Family::Boolean,
        ] {
            for class in [OperatorClass::Equality, OperatorClass::Range] {
                let wanted = ColumnUse::new("f", class);
                for atom in wanted.contradiction(family) {
                    assert_eq!(ColumnUse::of_atom(&atom), wanted, "{atom:?}");
                }
            }
        }
    }

    #[test]
    fn operators_belong_to_the_class_that_query_acls_put_them_in() {
        use RemoteOp::{
            Contains, EndsWith, Eq, Gt, GtEq, In, IsNotNull, IsNull, Lt, LtEq, NotContains, NotEq, NotIn,
            StartsWith,
        };
        let of_class = |operator| ColumnUse::of_atom(&Atom::test("a_1.b", operator));
        for operator in [Eq, NotEq, In, NotIn, IsNull, IsNotNull] {
            let wanted = ColumnUse::new("a_1.b", OperatorClass::Equality);
            assert_eq!(of_class(operator.clone()), wanted, "{operator:?}");
        }
        for operator in [Lt, LtEq, Gt, GtEq, StartsWith, EndsWith, Contains, NotContains] {
            let wanted = ColumnUse::new("a_1.b", OperatorClass::Range);
            assert_eq!(of_class(operator.clone()), wanted, "{operator:?}");
        }
    }
}
