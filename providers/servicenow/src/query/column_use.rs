//! Which columns a condition relies on, by the kind of access that the instance checks for it.
//!
//! Owns: [`ColumnUse`], and conditions that no row satisfies, by which a use is proven. Does not own: the calls; see `probe`.
//! Source: "Query ACLs" (`query_match`, `query_range`), read 2026-03-12.

use causeway_core::Verification;

use crate::types::Family;

/// The access that a query ACL grants or denies, by operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// `query_match`: equality, lists, null tests.
    Equality,
    /// `query_range`: everything else, sorts too.
    Range,
}

impl Class {
    /// What is known of this class on a column.
    pub(crate) fn of(self, verification: Verification) -> Option<bool> {
        match self {
            Self::Equality => verification.equality,
            Self::Range => verification.range,
        }
    }
}

/// A column with the kind of operator that is used on it. An instance honours all conditions of a use or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ColumnUse {
    pub(crate) column: String,
    pub(crate) class: Class,
}

impl ColumnUse {
    pub(crate) fn new(column: &str, class: Class) -> Self {
        Self {
            column: column.to_owned(),
            class,
        }
    }

    /// What a condition such as `priority<3` uses.
    pub(crate) fn of_atom(atom: &str) -> Self {
        const EQUALITY: [&str; 6] = ["=", "!=", "IN", "NOT IN", "ISEMPTY", "ISNOTEMPTY"];
        let is_name = |byte: u8| is_name_byte(byte) || byte == b'.';
        let end = atom.bytes().position(|byte| !is_name(byte)).unwrap_or(atom.len());
        let (column, operator) = atom.split_at_checked(end).unwrap_or((atom, ""));
        let is_equality = EQUALITY.iter().any(|spelling| operator.starts_with(spelling));
        let class = if is_equality {
            Class::Equality
        } else {
            Class::Range
        };
        Self::new(column, class)
    }

    /// What an order such as `ORDERBYDESCopened_at` uses.
    pub(crate) fn of_order(order: &str) -> Self {
        let column = order
            .strip_prefix("ORDERBYDESC")
            .or_else(|| order.strip_prefix("ORDERBY"));
        Self::new(column.unwrap_or(order), Class::Range)
    }

    /// Two conditions of this use that no value satisfies together, whatever zone or collation it is compared in.
    pub(crate) fn contradiction(&self, family: Family) -> [String; 2] {
        let column = &self.column;
        let both = |(one, other): (&str, &str)| [format!("{column}{one}"), format!("{column}{other}")];
        match (self.class, family) {
            (Class::Equality, _) => both(("ISEMPTY", "ISNOTEMPTY")),
            (Class::Range, Family::Integer | Family::Long | Family::Decimal) => both((">0", "<0")),
            (Class::Range, Family::Moment) => both((">2000-01-01 00:00:00", "<2000-01-01 00:00:00")),
            (Class::Range, Family::Day) => both((">2000-01-01", "<2000-01-01")),
            (Class::Range, _) => both(("STARTSWITHa", "STARTSWITHb")),
        }
    }
}

/// Capitals are left out on purpose: operators are written in them, so a name with capitals could be split in the middle.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_belong_to_the_class_that_query_acls_put_them_in() {
        for atom in ["f=1", "f!=1", "fIN1,2", "fISEMPTY", "fISNOTEMPTY", "f=>1"] {
            assert_eq!(
                ColumnUse::of_atom(atom),
                ColumnUse::new("f", Class::Equality),
                "{atom}"
            );
        }
        for atom in [
            "f<1",
            "f>=1",
            "f<=1",
            "f>1",
            "fSTARTSWITHx",
            "fENDSWITHx",
            "fLIKEx",
        ] {
            assert_eq!(
                ColumnUse::of_atom(atom),
                ColumnUse::new("f", Class::Range),
                "{atom}"
            );
        }
        assert_eq!(
            ColumnUse::of_atom("a_1.b=x"),
            ColumnUse::new("a_1.b", Class::Equality)
        );
        for order in ["ORDERBYf", "ORDERBYDESCf"] {
            assert_eq!(
                ColumnUse::of_order(order),
                ColumnUse::new("f", Class::Range),
                "{order}"
            );
        }
    }

    #[test]
    fn a_contradiction_is_of_the_use_that_it_proves() {
        for family in [
            Family::Integer,
            Family::Moment,
            Family::Day,
            Family::Text,
            Family::Boolean,
        ] {
            for class in [Class::Equality, Class::Range] {
                let wanted = ColumnUse::new("f", class);
                for atom in wanted.contradiction(family) {
                    assert_eq!(ColumnUse::of_atom(&atom), wanted, "{atom}");
                }
            }
        }
    }
}
