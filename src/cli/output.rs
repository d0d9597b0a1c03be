//! Rows on stdout: aligned, CSV or JSON Lines.

use std::io::{self, Stdout, Write as _};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use unicode_width::UnicodeWidthStr as _;

use super::{Failure, Format};
use crate::server::texts;

/// Prints the rows of one answer.
pub(super) struct Printer {
    columns: Vec<Column>,
    rows: u64,
    has_header: bool,
    style: Style,
}

struct Column {
    name: String,
    is_number: bool,
    is_boolean: bool,
}

enum Style {
    Table(Vec<Vec<Option<String>>>),
    Csv(Box<csv::Writer<Stdout>>),
    Json(io::BufWriter<Stdout>),
}

impl Printer {
    pub(super) fn new(format: Format, schema: &SchemaRef) -> Self {
        let column = |field: &arrow::datatypes::FieldRef| Column {
            name: field.name().clone(),
            is_number: field.data_type().is_numeric(),
            is_boolean: *field.data_type() == DataType::Boolean,
        };
        let style = match format {
            Format::Table => Style::Table(Vec::new()),
            Format::Csv => Style::Csv(Box::new(csv::Writer::from_writer(io::stdout()))),
            Format::Json => Style::Json(io::BufWriter::new(io::stdout())),
        };
        Self {
            columns: schema.fields().iter().map(column).collect(),
            rows: 0,
            has_header: false,
            style,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        self.header()?;
        self.rows += batch.num_rows() as u64;
        for row in texts(batch)? {
            match &mut self.style {
                Style::Table(rows) => rows.push(row),
                Style::Csv(writer) => {
                    writer.write_record(row.iter().map(|value| value.as_deref().unwrap_or_default()))?
                }
                Style::Json(writer) => writeln!(writer, "{}", json(&self.columns, &row))?,
            }
        }
        Ok(())
    }

    /// Writes the CSV header, once.
    fn header(&mut self) -> Result<(), Failure> {
        if let Style::Csv(writer) = &mut self.style
            && !std::mem::replace(&mut self.has_header, true)
        {
            writer.write_record(self.columns.iter().map(|column| column.name.as_str()))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.header()?;
        match &mut self.style {
            Style::Table(rows) => io::stdout().write_all(table(&self.columns, rows).as_bytes())?,
            Style::Csv(writer) => writer.flush()?,
            Style::Json(writer) => writer.flush()?,
        }
        Ok(())
    }
}

/// One row as a JSON object. What JSON has no number for, such as NaN, is a string.
fn json(columns: &[Column], row: &[Option<String>]) -> String {
    let member = |(column, value): (&Column, &Option<String>)| {
        let name = serde_json::Value::from(column.name.as_str());
        let value = match value {
            None => "null".to_owned(),
            Some(text) if column.is_boolean => (text == "t").to_string(),
            Some(text) if column.is_number && text.parse::<f64>().is_ok_and(f64::is_finite) => text.clone(),
            Some(text) => serde_json::Value::from(text.as_str()).to_string(),
        };
        format!("{name}:{value}")
    };
    let members: Vec<String> = columns.iter().zip(row).map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// All rows as psql aligns them. Line breaks inside a value are shown as `↵`, so that a row stays a line.
fn table(columns: &[Column], rows: &[Vec<Option<String>>]) -> String {
    let shown = |value: &Option<String>| {
        value
            .as_deref()
            .unwrap_or_default()
            .replace("\r\n", "↵")
            .replace(['\n', '\r'], "↵")
    };
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let width = |(at, column): (usize, &Column)| {
        let values = cells
            .iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.width());
        values.chain([column.name.width()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(width).collect();
    let mut out = String::new();
    let names = columns.iter().zip(&widths).map(|(column, width)| {
        let space = width - column.name.width();
        format!(
            " {}{}{} ",
            " ".repeat(space / 2),
            column.name,
            " ".repeat(space - space / 2)
        )
    });
    push_line(&mut out, names, "|");
    push_line(&mut out, widths.iter().map(|width| "-".repeat(width + 2)), "+");
    for row in &cells {
        let line = columns
            .iter()
            .zip(&widths)
            .zip(row)
            .map(|((column, width), cell)| {
                let space = " ".repeat(width - cell.width());
                if column.is_number {
                    format!(" {space}{cell} ")
                } else {
                    format!(" {cell}{space} ")
                }
            });
        push_line(&mut out, line, "|");
    }
    let plural = if rows.len() == 1 { "row" } else { "rows" };
    out.push_str(&format!("({} {plural})\n", rows.len()));
    out
}

fn push_line(out: &mut String, cells: impl Iterator<Item = String>, separator: &str) {
    let line = cells.collect::<Vec<_>>().join(separator);
    out.push_str(line.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str, is_number, is_boolean| Column {
            name: name.to_owned(),
            is_number,
            is_boolean,
        };
        vec![
            column("name", false, false),
            column("n", true, false),
            column("ok", false, true),
        ]
    }

    fn row(values: [Option<&str>; 3]) -> Vec<Option<String>> {
        values.map(|value| value.map(str::to_owned)).to_vec()
    }

    #[test]
    fn a_table_looks_like_psqls() {
        let rows = [
            row([Some("Zażółć 🚀"), Some("7"), Some("t")]),
            row([Some("a\nb"), None, None]),
        ];
        let expected =
            "   name    | n | ok\n-----------+---+----\n Zażółć 🚀 | 7 | t\n a↵b       |   |\n(2 rows)\n";
        assert_eq!(table(&columns(), &rows), expected);
        assert_eq!(
            table(&columns(), &[]),
            " name | n | ok\n------+---+----\n(0 rows)\n"
        );
    }

    #[test]
    fn json_has_numbers_booleans_and_nulls() {
        assert_eq!(
            json(&columns(), &row([Some("a \"b\""), Some("1.5"), Some("f")])),
            r#"{"name":"a \"b\"","n":1.5,"ok":false}"#
        );
        assert_eq!(
            json(&columns(), &row([None, Some("NaN"), None])),
            r#"{"name":null,"n":"NaN","ok":null}"#
        );
    }
}
