//! The README's table is what the dialect says.

use std::path::Path;

use causeway_core::conformance::{Representative, check_section, pushdown_table};
use causeway_core::{Column, ColumnType, Literal};
use causeway_salesforce::SalesforceDialect;

const OPERATORS: &str = "SOQL Reference, *Comparison Operators*";
const TEXT: &str = "SOQL Reference, *Comparison Operators*, *Quoted String Escape Sequences*";
const DATES: &str = "SOQL Reference, *Date Formats and Date Literals*";
const FIELD_TYPES: &str = "Object Reference, *Field Types*";
const CURRENCIES: &str = "SOQL Reference, *Querying Currency Fields in Multicurrency Orgs*";
const FORMULAS: &str = "SOQL Reference, *Using Relationship Queries*, on parents that are missing";

fn column(ty: ColumnType, remote_type: &str) -> Column {
    Column {
        filterable: true,
        ..Column::field("F", ty, remote_type)
    }
}

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
        column: column(ty, remote_type),
        value,
        source,
    }
}

fn text() -> Literal {
    Literal::Text("Boxeo".to_owned())
}

/// A row of the table for each type.
fn types() -> Vec<Representative<'static>> {
    let id = || Literal::Text("0015e000000005YAAQ".to_owned());
    vec![
        row("id", "id", id(), FIELD_TYPES),
        row("reference", "reference", id(), FIELD_TYPES),
        row("boolean", "boolean", Literal::Boolean(true), OPERATORS),
        row("int", "int", Literal::Int(5), OPERATORS),
        row("long", "long", Literal::Int(5), OPERATORS),
        row(
            "double, percent, currency: `1000.5`",
            "double(18,2)",
            Literal::Float(1000.5),
            FIELD_TYPES,
        ),
        row(
            "the same: `1e14`, two decimals",
            "double(18,2)",
            Literal::Float(1e14),
            FIELD_TYPES,
        ),
        row(
            "currency among several",
            "multicurrency(18,2)",
            Literal::Float(5.0),
            CURRENCIES,
        ),
        row("date", "date", Literal::Date(19_724), DATES),
        row(
            "date beyond 1700 to 4000",
            "date",
            Literal::Date(2_932_896),
            DATES,
        ),
        row(
            "datetime",
            "datetime",
            Literal::Timestamp(1_704_164_645_000_000),
            DATES,
        ),
        row(
            "datetime between seconds",
            "datetime",
            Literal::Timestamp(1_704_164_645_250_000),
            DATES,
        ),
        row("time", "time", Literal::Time(37_800_000_000), FIELD_TYPES),
        row("string, email, phone, url, textarea", "string", text(), TEXT),
        row("picklist, combobox", "picklist", text(), TEXT),
        row(
            "multipicklist",
            "multipicklist",
            text(),
            "SOQL Reference, *Querying Multi-Select Picklists*",
        ),
        row(
            "encrypted, base64, unknown types",
            "encryptedstring",
            text(),
            FIELD_TYPES,
        ),
    ]
}

/// A row for each flag that changes what its type would say.
fn flags() -> [Representative<'static>; 3] {
    let sensitive = Column {
        case_sensitive: true,
        unique: true,
        ..column(ColumnType::Text, "string")
    };
    let formula = Column {
        calculated: true,
        ..column(ColumnType::Date, "date")
    };
    let closed = Column {
        filterable: false,
        ..column(ColumnType::Text, "textarea")
    };
    [
        Representative {
            column: sensitive,
            ..row("case-sensitive string", "string", text(), TEXT)
        },
        Representative {
            column: formula,
            ..row(
                "formula (here of a date)",
                "date",
                Literal::Date(19_724),
                FORMULAS,
            )
        },
        Representative {
            column: closed,
            ..row(
                "not filterable: long and rich text, formulas over parents",
                "textarea",
                text(),
                FIELD_TYPES,
            )
        },
    ]
}

#[test]
fn the_readme_says_what_is_pushed() {
    let mut rows = types();
    rows.extend(flags());
    let table = pushdown_table(&SalesforceDialect::new("62.0", true), &rows);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    check_section(&readme, &table).expect("the README's table");
}
