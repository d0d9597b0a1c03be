//! COPY … TO STDOUT: what is copied, and how it is to be written.
//!
//! Owns: the query of a COPY and its options, checked. Does not own: bytes; see the server. Invariant: options that don't go together are
//! refused before a row is read. Source: PostgreSQL 15, `ProcessCopyOptions`. Start at [`Copy::of`].

use causeway_postgres::column_names::folded;
use datafusion::sql::sqlparser::ast::{
    self, CopyLegacyCsvOption, CopyLegacyOption, CopyOption, CopySource, CopyTarget, Ident, ObjectName,
};

use crate::error::sqlstate;
use crate::{Error, Statement};

/// A COPY to the client.
#[derive(Debug, Clone)]
pub struct Copy {
    /// The query whose rows are copied.
    pub query: Statement,
    /// How they are written.
    pub format: CopyFormat,
}

/// How the rows of a COPY are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFormat {
    /// Values between delimiters, with backslashes before what would be read otherwise.
    Text(Delimited),
    /// Values between delimiters, in quotes where they need them.
    Csv {
        /// What both forms of text have.
        delimited: Delimited,
        /// Stands around a value.
        quote: u8,
        /// Stands before a quote inside a value.
        escape: u8,
        /// Columns whose values always stand in quotes.
        force_quote: Vec<String>,
    },
    /// Values in their binary form.
    Binary,
}

/// What both forms of text have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delimited {
    /// Stands between values.
    pub delimiter: u8,
    /// Stands for NULL.
    pub null: String,
    /// Whether a line with the columns' names comes first.
    pub has_header: bool,
}

impl Copy {
    /// What a statement copies; `None` when it is no COPY.
    ///
    /// # Errors
    /// 0A000 for what is not copied to the client; 22023, 42601 and 0A000 for options, as in PostgreSQL.
    pub fn of(statement: &Statement) -> Result<Option<Self>, Error> {
        let ast::Statement::Copy {
            source,
            to,
            target,
            options,
            legacy_options,
            ..
        } = &statement.ast
        else {
            return Ok(None);
        };
        if !to {
            let error = Error::new(sqlstate::NOT_SUPPORTED, "COPY FROM is not supported");
            return Err(error.with_hint("causeway answers queries; it does not change data or definitions"));
        }
        if !matches!(target, CopyTarget::Stdout) {
            let error = Error::new(
                sqlstate::NOT_SUPPORTED,
                "COPY to a file of the server is not supported",
            );
            return Err(error.with_hint("use COPY … TO STDOUT, or psql's \\copy"));
        }
        let mut given = Options::default();
        for option in options {
            given.add(option)?;
        }
        for option in legacy_options {
            given.add_legacy(option)?;
        }
        Ok(Some(Self {
            query: query(source)?,
            format: given.checked()?,
        }))
    }
}

fn query(source: &CopySource) -> Result<Statement, Error> {
    match source {
        CopySource::Query(query) => {
            let query = ast::Statement::Query(query.clone());
            Ok(Statement::of_explained(query))
        }
        CopySource::Table { table_name, columns } => {
            let listed: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let columns = if listed.is_empty() {
                "*".to_owned()
            } else {
                listed.join(", ")
            };
            crate::statement::parse(&format!("SELECT {columns} FROM {}", quoted(table_name)))?
                .pop()
                .ok_or_else(|| Error::internal("a query without a statement"))
        }
    }
}

fn quoted(name: &ObjectName) -> String {
    name.to_string()
}

/// Options as they were given.
#[derive(Debug, Default)]
struct Options {
    format: Option<String>,
    delimiter: Option<char>,
    null: Option<String>,
    header: Option<bool>,
    quote: Option<char>,
    escape: Option<char>,
    force_quote: Option<Vec<String>>,
}

impl Options {
    fn add(&mut self, option: &CopyOption) -> Result<(), Error> {
        match option {
            CopyOption::Format(name) => once(&mut self.format, folded(name)),
            CopyOption::Delimiter(delimiter) => once(&mut self.delimiter, *delimiter),
            CopyOption::Null(null) => once(&mut self.null, null.clone()),
            CopyOption::Header(header) => once(&mut self.header, *header),
            CopyOption::Quote(quote) => once(&mut self.quote, *quote),
            CopyOption::Escape(escape) => once(&mut self.escape, *escape),
            CopyOption::ForceQuote(columns) => once(&mut self.force_quote, names(columns)),
            CopyOption::Encoding(name) if is_utf8(name) => Ok(()),
            CopyOption::Encoding(name) => Err(Error::new(
                sqlstate::NOT_SUPPORTED,
                format!("the encoding \"{name}\" is not supported; UTF8 is"),
            )),
            CopyOption::Freeze(false) => Ok(()),
            CopyOption::Freeze(true) | CopyOption::ForceNotNull(_) | CopyOption::ForceNull(_) => {
                Err(Error::new(
                    sqlstate::NOT_SUPPORTED,
                    format!("COPY option {option} is only available using COPY FROM"),
                ))
            }
        }
    }

    fn add_legacy(&mut self, option: &CopyLegacyOption) -> Result<(), Error> {
        match option {
            CopyLegacyOption::Binary => once(&mut self.format, "binary".to_owned()),
            CopyLegacyOption::Delimiter(delimiter) => once(&mut self.delimiter, *delimiter),
            CopyLegacyOption::Null(null) => once(&mut self.null, null.clone()),
            CopyLegacyOption::Header => once(&mut self.header, true),
            CopyLegacyOption::Csv(options) => {
                once(&mut self.format, "csv".to_owned())?;
                options.iter().try_for_each(|option| match option {
                    CopyLegacyCsvOption::Header => once(&mut self.header, true),
                    CopyLegacyCsvOption::Quote(quote) => once(&mut self.quote, *quote),
                    CopyLegacyCsvOption::Escape(escape) => once(&mut self.escape, *escape),
                    CopyLegacyCsvOption::ForceQuote(columns) => once(&mut self.force_quote, names(columns)),
                    CopyLegacyCsvOption::ForceNotNull(_) => Err(Error::new(
                        sqlstate::NOT_SUPPORTED,
                        "COPY force not null only available using COPY FROM",
                    )),
                })
            }
            other => Err(Error::new(
                sqlstate::SYNTAX,
                format!("option \"{other}\" not recognized"),
            )),
        }
    }

    fn checked(self) -> Result<CopyFormat, Error> {
        let format = self.format.as_deref().unwrap_or("text");
        let is_csv = match format {
            "text" => false,
            "csv" => true,
            "binary" => return self.binary(),
            other => {
                let message = format!("COPY format \"{other}\" not recognized");
                return Err(Error::new(sqlstate::BAD_SETTING, message));
            }
        };
        if !is_csv {
            let of_csv = [
                ("quote", self.quote.is_some()),
                ("escape", self.escape.is_some()),
                ("force quote", self.force_quote.is_some()),
            ];
            if let Some((name, _)) = of_csv.iter().find(|(_, is_given)| *is_given) {
                let message = format!("COPY {name} available only in CSV mode");
                return Err(Error::new(sqlstate::NOT_SUPPORTED, message));
            }
        }
        let delimiter = byte(
            "delimiter",
            self.delimiter.unwrap_or(if is_csv { ',' } else { '\t' }),
        )?;
        let default_null = if is_csv { "" } else { "\\N" };
        let delimited = Delimited {
            delimiter,
            null: self.null.unwrap_or_else(|| default_null.to_owned()),
            has_header: self.header == Some(true),
        };
        check_delimiter(&delimited, is_csv)?;
        if !is_csv {
            return Ok(CopyFormat::Text(delimited));
        }
        let quote = byte("quote", self.quote.unwrap_or('"'))?;
        let escape = byte("escape", self.escape.unwrap_or(char::from(quote)))?;
        if delimiter == quote {
            return Err(bad("COPY delimiter and quote must be different"));
        }
        if delimited.null.as_bytes().contains(&quote) {
            return Err(bad(
                "CSV quote character must not appear in the NULL specification",
            ));
        }
        Ok(CopyFormat::Csv {
            delimited,
            quote,
            escape,
            force_quote: self.force_quote.unwrap_or_default(),
        })
    }

    fn binary(self) -> Result<CopyFormat, Error> {
        let of_text = [
            ("DELIMITER", self.delimiter.is_some()),
            ("NULL", self.null.is_some()),
        ];
        if let Some((name, _)) = of_text.iter().find(|(_, is_given)| *is_given) {
            let message = format!("cannot specify {name} in BINARY mode");
            return Err(Error::new(sqlstate::SYNTAX, message));
        }
        if self.header == Some(true) {
            let message = "cannot specify HEADER in BINARY mode";
            return Err(Error::new(sqlstate::NOT_SUPPORTED, message));
        }
        Ok(CopyFormat::Binary)
    }
}

fn names(columns: &[Ident]) -> Vec<String> {
    columns.iter().map(folded).collect()
}

fn is_utf8(name: &str) -> bool {
    ["utf8", "utf-8", "unicode"].contains(&name.to_lowercase().as_str())
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(sqlstate::BAD_SETTING, message)
}

fn once<T>(option: &mut Option<T>, value: T) -> Result<(), Error> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(sqlstate::SYNTAX, "conflicting or redundant options")),
    }
}

fn byte(what: &str, letter: char) -> Result<u8, Error> {
    u8::try_from(letter).ok().filter(u8::is_ascii).ok_or_else(|| {
        let message = format!("COPY {what} must be a single one-byte character");
        Error::new(sqlstate::NOT_SUPPORTED, message)
    })
}

fn check_delimiter(delimited: &Delimited, is_csv: bool) -> Result<(), Error> {
    let Delimited { delimiter, null, .. } = delimited;
    if matches!(delimiter, b'\r' | b'\n') {
        return Err(bad("COPY delimiter cannot be newline or carriage return"));
    }
    if null.contains(['\r', '\n']) {
        return Err(bad(
            "COPY null representation cannot use newline or carriage return",
        ));
    }
    // What a backslash before it would make another character of.
    let is_special =
        matches!(delimiter, b'\\' | b'.') || delimiter.is_ascii_lowercase() || delimiter.is_ascii_digit();
    if !is_csv && is_special {
        return Err(bad(format!(
            "COPY delimiter cannot be \"{}\"",
            char::from(*delimiter)
        )));
    }
    if null.as_bytes().contains(delimiter) {
        return Err(bad("COPY delimiter must not appear in the NULL specification"));
    }
    Ok(())
}
