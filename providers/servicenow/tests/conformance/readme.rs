//! The README's table is what the dialect says.

use std::path::Path;

use causeway_core::conformance::{Representative, check_section, pushdown_table};
use causeway_core::{Column, ColumnType, Literal, Origin, Verification};
use causeway_servicenow::ServiceNowDialect;

const OPERATORS: &str = "*Operators available for filters and queries*";
const LOCALE: &str = "*Locale-based text matching*";
const TYPES: &str = "*Field types*";
const ZONES: &str = "*Field types*; the zone of a literal is not documented";

fn row<'a>(title: &'a str, remote_type: &str, value: Literal, source: &'a str) -> Representative<'a> {
    let ty = match &value {
        Literal::Boolean(_) => ColumnType::Boolean,
        Literal::Int(_) => ColumnType::Int64,
        Literal::Float(_) => ColumnType::Float64,
        Literal::Decimal(number) => ColumnType::Decimal {
            scale: number.parts().1,
        },
        Literal::Text(_) => ColumnType::Text,
        Literal::Date(_) => ColumnType::Date,
        Literal::Timestamp(_) => ColumnType::Timestamp,
        Literal::Time(_) => ColumnType::Time,
    };
    Representative {
        title,
        pattern: (ty == ColumnType::Text).then_some("Box%"),
        column: Column {
            filterable: true,
            verification: Verification {
                equality: Some(true),
                range: Some(true),
                utc: true,
            },
            ..Column::field("f", ty, remote_type)
        },
        value,
        source,
    }
}

fn text(text: &str) -> Literal {
    Literal::Text(text.to_owned())
}

/// A row of the table for each type.
fn types() -> Vec<Representative<'static>> {
    let id = || text("0c5f3cece1b12010f877971dea0b1449");
    vec![
        row("sys_id, reference: 32 digits", "reference", id(), OPERATORS),
        row(
            "sys_id, reference: other keys",
            "reference",
            text("global"),
            TYPES,
        ),
        row("boolean", "boolean", Literal::Boolean(true), OPERATORS),
        row("integer types", "integer", Literal::Int(3), OPERATORS),
        row(
            "integer types: wider literals",
            "integer",
            Literal::Int(5_000_000_000),
            TYPES,
        ),
        row("long types", "longint", Literal::Int(5_000_000_000), OPERATORS),
        row("decimal, float, percent", "decimal", Literal::Float(0.1), TYPES),
        row("currency, price", "currency", Literal::Float(0.1), TYPES),
        row(
            "date-time types, literals in UTC",
            "glide_date_time",
            Literal::Timestamp(1_704_164_645_000_000),
            ZONES,
        ),
        row("glide_date", "glide_date", Literal::Date(19_724), ZONES),
        row("glide_duration", "glide_duration", Literal::Int(137), TYPES),
        row("string, choice and other text", "string", text("Boxeo"), LOCALE),
        row("text with `^` or a line break", "string", text("a^b"), OPERATORS),
        row(
            "text that begins with `javascript`",
            "string",
            text("javascript:x"),
            OPERATORS,
        ),
        row("glide_list and kin", "glide_list", text("a,b"), OPERATORS),
        row(
            "journal, HTML, translated and unknown types",
            "journal_input",
            text("a"),
            TYPES,
        ),
    ]
}

/// Rows for columns that are no stored fields, or that nobody describes.
fn other_origins() -> Vec<Representative<'static>> {
    let mut rows = Vec::new();
    for (title, origin, filterable) in [
        ("`dv_…` display values", Origin::Display("f".to_owned()), true),
        (
            "columns that no dictionary describes",
            Origin::Field("f".to_owned()),
            false,
        ),
    ] {
        let plain = row(title, "string", text("Boxeo"), "*Query ACLs*");
        let column = Column {
            origin,
            filterable,
            ..plain.column.clone()
        };
        rows.push(Representative { column, ..plain });
    }
    for (title, remote_type) in [
        ("`dv_…` labels of choices that are numbers", "label of a number"),
        ("`dv_…` labels of other choices", "label of a text"),
    ] {
        let plain = row(title, remote_type, text("New"), "*sys_choice*");
        let column = Column {
            origin: Origin::Display("f".to_owned()),
            ..plain.column.clone()
        };
        rows.push(Representative { column, ..plain });
    }
    rows
}

#[test]
fn the_readme_says_what_is_pushed() {
    let mut rows = types();
    rows.extend(other_origins());
    let mut zoned = row(
        "date-time types, literals not known to be in UTC",
        "glide_date_time",
        Literal::Timestamp(1_704_164_645_000_000),
        ZONES,
    );
    zoned.column.verification.utc = false;
    rows.push(zoned);
    let table = pushdown_table(&ServiceNowDialect::default(), &rows);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    check_section(&readme, &table).expect("the README's table");
}
