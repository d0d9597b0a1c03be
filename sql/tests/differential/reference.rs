//! PostgreSQL with the rows that the practice orgs hold, and how a statement is run on either side.

use std::fmt::Write as _;

use bytes::Bytes;
use causeway_sql::{ScalarValue, Session};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use futures::{SinkExt as _, TryStreamExt as _};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::answer::{self, Answer, Cell};

/// The tables that both sides hold.
pub(crate) const TABLES: &[&str] = &[
    "salesforce.account",
    "salesforce.contact",
    "salesforce.opportunity",
    "salesforce.opportunitylineitem",
    "salesforce.lead",
    "salesforce.case",
    "salesforce.asset",
    "salesforce.product2",
    "salesforce.user",
    "salesforce.acme__everything__c",
    "servicenow.customer_account",
    "servicenow.core_company",
    "servicenow.customer_contact",
    "servicenow.sys_user",
    "servicenow.sys_user_group",
    "servicenow.incident",
    "servicenow.problem",
    "servicenow.change_request",
    "servicenow.sn_customerservice_case",
    "servicenow.cmdb_ci",
    "servicenow.kb_knowledge",
    "servicenow.u_everything",
    "servicenow.u_empty",
];

/// A table and its rows, for drawing literals.
#[derive(Debug)]
pub(crate) struct Table {
    /// With its schema.
    pub(crate) name: &'static str,
    pub(crate) schema: SchemaRef,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// Why a statement failed: the SQLSTATE and what was said.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
}

/// Reads every table whole, without pushdown, and writes it to PostgreSQL.
pub(crate) async fn load(session: &Session, client: &Client) -> Vec<Table> {
    client
        .batch_execute("CREATE SCHEMA salesforce; CREATE SCHEMA servicenow")
        .await
        .expect("schemas");
    let mut tables = Vec::new();
    for name in TABLES {
        let table = read(session, name).await;
        write(client, &table).await;
        tables.push(table);
    }
    client.batch_execute("ANALYZE").await.expect("statistics");
    tables
}

/// Reads a table whole.
pub(crate) async fn read(session: &Session, name: &'static str) -> Table {
    let answered = session
        .sql(&format!("SELECT * FROM {name}"))
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let schema = answered.schema().expect("columns");
    let batches: Vec<RecordBatch> = answered
        .stream()
        .await
        .expect("rows")
        .try_collect()
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    Table {
        name,
        schema,
        rows: batches.iter().flat_map(answer::arrow_rows).collect(),
    }
}

async fn write(client: &Client, table: &Table) {
    let columns: Vec<String> = table
        .schema
        .fields()
        .iter()
        .map(|field| format!("\"{}\" {}", field.name(), postgres_type(field.data_type())))
        .collect();
    let key = if table.name.starts_with("salesforce") {
        "id"
    } else {
        "sys_id"
    };
    let create = format!(
        "CREATE TABLE {} ({}, PRIMARY KEY ({key}))",
        table.name,
        columns.join(", ")
    );
    client.batch_execute(&create).await.expect(table.name);
    let sink = client
        .copy_in::<_, Bytes>(&format!("COPY {} FROM STDIN", table.name))
        .await
        .expect(table.name);
    let mut sink = std::pin::pin!(sink);
    for row in &table.rows {
        sink.send(copied(row)).await.expect(table.name);
    }
    let rows = sink.finish().await.expect(table.name);
    assert_eq!(rows, table.rows.len() as u64, "{}", table.name);
}

/// A row in the text form of COPY.
fn copied(row: &[Cell]) -> Bytes {
    let mut line = String::new();
    for (at, cell) in row.iter().enumerate() {
        if at > 0 {
            line.push('\t');
        }
        match cell {
            Cell::Null => line.push_str("\\N"),
            Cell::Boolean(value) => line.push(if *value { 't' } else { 'f' }),
            Cell::Exact(number) => line.push_str(number),
            Cell::Double(number) => write!(line, "{number:?}").expect("memory"),
            Cell::Text(text) => {
                for character in text.chars() {
                    match character {
                        '\\' => line.push_str("\\\\"),
                        '\n' => line.push_str("\\n"),
                        '\r' => line.push_str("\\r"),
                        '\t' => line.push_str("\\t"),
                        other => line.push(other),
                    }
                }
            }
        }
    }
    line.push('\n');
    Bytes::from(line)
}

fn postgres_type(ty: &DataType) -> &'static str {
    match ty {
        DataType::Boolean => "boolean",
        DataType::Int64 => "bigint",
        DataType::Float64 => "double precision",
        DataType::Utf8 => "text",
        DataType::Date32 => "date",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Time64(_) => "time",
        other => panic!("no column has the type {other}"),
    }
}

/// Runs a statement on our side.
pub(crate) async fn ask_causeway(
    session: &Session,
    sql: &str,
    parameters: &[ScalarValue],
) -> Result<Answer, Failure> {
    let failure = |error: causeway_sql::Error| {
        let cause = error.cause.as_ref().map(|cause| format!(" ({cause})"));
        Failure {
            sqlstate: error.sqlstate.to_owned(),
            message: format!("{error}{}", cause.unwrap_or_default()),
        }
    };
    let mut statements = session.parse(sql).map_err(failure)?;
    assert_eq!(statements.len(), 1, "{sql}");
    let statement = statements.remove(0);
    let answered = session
        .run(&statement, parameters.to_vec())
        .await
        .map_err(failure)?;
    let Some(schema) = answered.schema() else {
        return Ok(Answer {
            kinds: Vec::new(),
            rows: Vec::new(),
        });
    };
    let kinds = schema
        .fields()
        .iter()
        .map(|field| answer::arrow_kind(field.data_type()));
    let kinds = kinds.collect();
    let stream = answered.stream().await.map_err(failure)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(failure)?;
    Ok(Answer {
        kinds,
        rows: batches.iter().flat_map(answer::arrow_rows).collect(),
    })
}

/// Runs a statement on PostgreSQL; `parameters` are types and values as SQL writes them.
pub(crate) async fn ask_postgres(
    client: &Client,
    sql: &str,
    parameters: &[(Type, String)],
) -> Result<Answer, Failure> {
    let failure = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(database) => Failure {
            sqlstate: database.code().code().to_owned(),
            message: database.message().to_owned(),
        },
        None => panic!("PostgreSQL went away: {error} ({sql})"),
    };
    let types: Vec<Type> = parameters.iter().map(|(ty, _)| ty.clone()).collect();
    let prepared = client.prepare_typed(sql, &types).await.map_err(failure)?;
    let types: Vec<Type> = prepared
        .columns()
        .iter()
        .map(|column| column.type_().clone())
        .collect();
    let text = if parameters.is_empty() {
        sql.to_owned()
    } else {
        let names: Vec<&str> = parameters.iter().map(|(ty, _)| ty.name()).collect();
        let values: Vec<&str> = parameters.iter().map(|(_, value)| value.as_str()).collect();
        format!(
            "PREPARE asked ({}) AS {sql}; EXECUTE asked ({}); DEALLOCATE asked",
            names.join(", "),
            values.join(", ")
        )
    };
    let answered = client.simple_query(&text).await;
    if answered.is_err() && !parameters.is_empty() {
        // The statement may have been prepared before it failed.
        let _ = client.batch_execute("DEALLOCATE ALL").await;
    }
    let mut rows = Vec::new();
    for message in answered.map_err(failure)? {
        if let SimpleQueryMessage::Row(row) = message {
            let cell = |(at, ty): (usize, &Type)| answer::postgres_cell(ty, row.get(at));
            rows.push(types.iter().enumerate().map(cell).collect());
        }
    }
    Ok(Answer {
        kinds: types.iter().map(answer::postgres_kind).collect(),
        rows,
    })
}
