//! The glide types: how each is read, and which comparisons make sense on it.
//!
//! Owns: [`Family`], the one table that maps an internal type to SQL. Does not own: what is pushed; see `query::semantics`.
//! Invariant: a type that is not in the table is text that is never filtered there.
//! Source: "Field types" and "Database field types", Australia, read 2026-06-25.

use causeway_core::ColumnType;
use causeway_core::decode::Syntax;

/// Types that are read and compared alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Boolean,
    /// 32-bit whole numbers.
    Integer,
    /// 64-bit whole numbers.
    Long,
    Decimal,
    /// Amounts that depend on the currency of whoever reads them.
    Money,
    /// Instants in UTC with a resolution of one second.
    Moment,
    /// A day without a zone.
    Day,
    /// Written as a moment counted from 1970-01-01.
    Duration,
    /// `sys_id` and what refers to one.
    Key,
    /// Text that is stored as it is read.
    Text,
    /// Comma-separated keys.
    List,
    /// Text whose filter semantics are unknown or differ from what is read: HTML, journals, translations, times of day.
    Opaque,
}

const FAMILIES: &[(Family, &[&str])] = &[
    (Family::Boolean, &["boolean"]),
    (
        Family::Integer,
        &[
            "integer",
            "int",
            "order_index",
            "day_of_week",
            "week_of_month",
            "month_of_year",
            "repeat_count",
            "counter",
        ],
    ),
    (Family::Long, &["long", "longint", "auto_increment"]),
    (Family::Decimal, &["decimal", "float", "percent_complete"]),
    (Family::Money, &["currency", "price"]),
    (
        Family::Moment,
        &[
            "glide_date_time",
            "due_date",
            "datetime",
            "calendar_date_time",
            "insert_timestamp",
        ],
    ),
    (Family::Day, &["glide_date"]),
    (Family::Duration, &["glide_duration"]),
    (Family::Key, &["GUID", "reference", "domain_id"]),
    (
        Family::Text,
        &[
            "string",
            "char",
            "multi_small",
            "multi_two_lines",
            "wide_text",
            "string_full_utf8",
            "choice",
            "radio",
            "url",
            "email",
            "ph_number",
            "phone_number_e164",
            "ip_addr",
            "ip_address",
            "table_name",
            "field_name",
            "short_table_name",
            "short_field_name",
            "sys_class_name",
            "version",
            "color",
            "language",
            "source_id",
        ],
    ),
    (
        Family::List,
        &["glide_list", "slushbucket", "user_roles", "field_list"],
    ),
];

impl Family {
    /// The family of an internal type; unknown types are opaque text.
    pub(crate) fn of(internal_type: &str) -> Self {
        FAMILIES
            .iter()
            .find(|(_, types)| types.contains(&internal_type))
            .map_or(Self::Opaque, |(family, _)| *family)
    }

    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Boolean => ColumnType::Boolean,
            Self::Integer | Self::Long | Self::Duration => ColumnType::Int64,
            Self::Decimal | Self::Money => ColumnType::Float64,
            Self::Moment => ColumnType::Timestamp,
            Self::Day => ColumnType::Date,
            Self::Key | Self::Text | Self::List | Self::Opaque => ColumnType::Text,
        }
    }

    pub(crate) fn syntax(self) -> Syntax {
        match self {
            Self::Boolean => Syntax::Boolean,
            Self::Integer | Self::Long => Syntax::Integer,
            Self::Duration => Syntax::DurationSeconds,
            Self::Decimal | Self::Money => Syntax::Float,
            Self::Moment => Syntax::Timestamp,
            Self::Day => Syntax::Date,
            Self::Key | Self::Text | Self::List | Self::Opaque => Syntax::Text,
        }
    }
}

/// Whether values of the type are secrets, which are no columns.
pub(crate) fn is_secret(internal_type: &str) -> bool {
    internal_type.starts_with("password") || internal_type.contains("encrypt")
}

/// Types that the display column of a choice has, by what is stored.
pub(crate) const OF_NUMBERS: &str = "label of a number";
pub(crate) const OF_TEXT: &str = "label of a text";

/// The type of the display column that shows the labels of stored values; `None` where values are shown in other ways, too.
pub(crate) fn label_type(stored: Family) -> Option<&'static str> {
    match stored {
        Family::Integer => Some(OF_NUMBERS),
        Family::Text => Some(OF_TEXT),
        _ => None,
    }
}

pub(crate) fn is_label(remote_type: &str) -> bool {
    [OF_NUMBERS, OF_TEXT].contains(&remote_type)
}

/// How values of a column are written, by its type.
pub(crate) fn syntax(ty: ColumnType, remote_type: &str) -> Syntax {
    match ty {
        ColumnType::Int64 => Family::of(remote_type).syntax(),
        ColumnType::Boolean => Syntax::Boolean,
        ColumnType::Float64 => Syntax::Float,
        ColumnType::Decimal { scale } => Syntax::Decimal { scale },
        ColumnType::Text => Syntax::Text,
        ColumnType::Date => Syntax::Date,
        ColumnType::Timestamp => Syntax::Timestamp,
        ColumnType::Time => Syntax::Time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_family() {
        let mut all: Vec<&str> = FAMILIES
            .iter()
            .flat_map(|(_, types)| types.iter().copied())
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn types_are_read_as_documented() {
        for (internal_type, wanted) in [
            ("boolean", ColumnType::Boolean),
            ("integer", ColumnType::Int64),
            ("longint", ColumnType::Int64),
            ("decimal", ColumnType::Float64),
            ("currency", ColumnType::Float64),
            ("price", ColumnType::Float64),
            ("glide_date", ColumnType::Date),
            ("glide_date_time", ColumnType::Timestamp),
            ("due_date", ColumnType::Timestamp),
            ("glide_duration", ColumnType::Int64),
            ("reference", ColumnType::Text),
            ("choice", ColumnType::Text),
            ("glide_time", ColumnType::Text),
            ("integer_date", ColumnType::Text),
            ("journal_input", ColumnType::Text),
            ("holographic_note", ColumnType::Text),
        ] {
            assert_eq!(Family::of(internal_type).column_type(), wanted, "{internal_type}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_type() {
        assert!(
            ["password", "password2", "glide_encrypted"]
                .into_iter()
                .all(is_secret)
        );
        assert!(!is_secret("string"));
    }
}
