//! A practice instance with a source on it, and a plain evaluation of predicates to compare with.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, RecordBatch};
use arrow_schema::DataType;
use causeway_core::{
    Comparison, Condition, Error, Fidelity, KeySet, Ledger, Literal, Op, Predicate, Principal, QueryContext,
    RemoteQuery, Source, Table, scan, translate,
};
use causeway_sandbox::Options;
use causeway_sandbox::servicenow::{Faults, Instance, Semantics, credentials};
use causeway_servicenow::{Config, ServiceNow};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

/// A row, NULL as `None`.
pub(crate) type Row = Vec<Option<Literal>>;

/// A practice instance and a source that reads it.
pub(crate) struct Bench {
    pub(crate) instance: Instance,
    pub(crate) source: Arc<ServiceNow>,
    pub(crate) ledger: Ledger,
}

pub(crate) fn client_credentials() -> Value {
    json!({"flow": "client_credentials", "client_id": credentials::CLIENT_ID, "client_secret": credentials::CLIENT_SECRET})
}

pub(crate) fn context(principal: Principal, strict: bool) -> Arc<QueryContext> {
    Arc::new(QueryContext::new(1, Arc::new(principal), 0, strict))
}

pub(crate) fn strict() -> Arc<QueryContext> {
    context(Principal::default(), true)
}

/// A comparison with the column at this position among the selected ones.
pub(crate) fn is(column: usize, op: Op, value: Literal) -> Predicate {
    Predicate::Is(Comparison {
        column,
        op,
        values: vec![value],
    })
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(Semantics::default(), client_credentials(), json!({})).await
    }

    pub(crate) async fn with(semantics: Semantics, auth: Value, more: Value) -> Self {
        let instance = Instance::start(Options::default(), semantics)
            .await
            .expect("a practice instance");
        let mut config = json!({"url": instance.url(), "auth": auth});
        if let (Some(config), Some(more)) = (config.as_object_mut(), more.as_object()) {
            config.extend(more.clone());
        }
        let config: Config = serde_json::from_value(config).expect("a configuration");
        let ledger = Ledger::default();
        let source = Arc::new(ServiceNow::try_new("desk", config, ledger.clone()).expect("a source"));
        Self {
            instance,
            source,
            ledger,
        }
    }

    pub(crate) fn inject(&self, faults: Faults) {
        self.instance.semantics().inject(faults);
    }

    pub(crate) fn data_calls(&self) -> usize {
        self.instance.log().data_calls().len()
    }

    /// The query for these columns; filters name columns by their position among them.
    pub(crate) async fn query(&self, table: &str, columns: &[&str], filters: &[Predicate]) -> RemoteQuery {
        let table = self.source.table(&strict(), table).await.expect("a table");
        self.query_of(&table, columns, filters)
    }

    fn query_of(&self, table: &Arc<Table>, columns: &[&str], filters: &[Predicate]) -> RemoteQuery {
        let positions: Vec<usize> = columns
            .iter()
            .map(|name| table.column(name).unwrap_or_else(|| panic!("no column {name}")).0)
            .collect();
        let pushed = filters.iter().map(|filter| {
            translate(self.source.dialect(), table, &placed(filter, &positions)).expect("pushable")
        });
        RemoteQuery {
            filters: pushed.collect(),
            ..RemoteQuery::new(Arc::clone(table), positions)
        }
    }

    pub(crate) async fn keyed(&self, table: &str, column: &str, values: Vec<Literal>) -> RemoteQuery {
        let query = self.query(table, &[column], &[]).await;
        let column = query.columns[0];
        RemoteQuery {
            keys: Some(KeySet::equal(column, values)),
            ..query
        }
    }

    pub(crate) async fn rows(
        &self,
        table: &str,
        columns: &[&str],
        filters: &[Predicate],
    ) -> Result<Vec<Row>, Error> {
        self.rows_as(&strict(), table, columns, filters).await
    }

    pub(crate) async fn rows_as(
        &self,
        context: &Arc<QueryContext>,
        table: &str,
        columns: &[&str],
        filters: &[Predicate],
    ) -> Result<Vec<Row>, Error> {
        let table = self.source.table(context, table).await?;
        self.collect(context, self.query_of(&table, columns, filters))
            .await
    }

    pub(crate) async fn collect(
        &self,
        context: &Arc<QueryContext>,
        query: RemoteQuery,
    ) -> Result<Vec<Row>, Error> {
        let source: Arc<dyn Source> = Arc::<ServiceNow>::clone(&self.source);
        let batches: Vec<RecordBatch> = scan(source, Arc::clone(context), query).try_collect().await?;
        Ok(batches.iter().flat_map(rows).collect())
    }

    /// Rows of the first batch, after which the reader stops.
    pub(crate) async fn first_batch(&self, query: RemoteQuery) -> usize {
        let source: Arc<dyn Source> = Arc::<ServiceNow>::clone(&self.source);
        let mut stream = scan(source, strict(), query);
        let batch = stream.try_next().await.expect("no failure").expect("a batch");
        batch.num_rows()
    }

    /// Compares, for every column and many predicates, what the instance returns with what a local filter keeps.
    /// Returns how many predicates were pushed, and how many of them as exact.
    pub(crate) async fn compare_pushed_with_local(&self, name: &str) -> (usize, usize) {
        let table = self.source.table(&strict(), name).await.expect("a table");
        let columns: Vec<usize> = (0..table.columns.len())
            .filter(|&at| table.columns[at].filterable)
            .collect();
        let all = RemoteQuery::new(Arc::clone(&table), columns.clone());
        let all = self.collect(&strict(), all).await.expect("a whole scan");
        assert!(!all.is_empty());
        let (mut pushed, mut exact) = (0, 0);
        for (at, &column) in columns.iter().enumerate() {
            for comparison in comparisons(column, all.iter().map(|row| &row[at])) {
                let predicate = Predicate::Is(comparison.clone());
                let Ok(condition) = translate(self.source.dialect(), &table, &predicate) else {
                    continue;
                };
                pushed += 1;
                let kept: Vec<&Literal> = all
                    .iter()
                    .filter(|row| holds(&comparison, row[at].as_ref()))
                    .filter_map(|row| {
                        row[columns
                            .iter()
                            .position(|&at| Some(at) == table.single_key())
                            .expect("the key")]
                        .as_ref()
                    })
                    .collect();
                if condition.condition == Condition::Never {
                    assert!(kept.is_empty(), "{comparison:?} keeps rows");
                    continue;
                }
                let is_exact = condition.fidelity == Fidelity::Exact;
                let query = RemoteQuery {
                    filters: vec![condition],
                    ..RemoteQuery::new(Arc::clone(&table), table.key.clone())
                };
                let shown = self.source.dialect().render(&query).expect("a text");
                let sent = self.collect(&strict(), query).await.expect("rows");
                let lost = kept
                    .iter()
                    .find(|key| !sent.iter().any(|row| row[0].as_ref() == Some(**key)));
                assert_eq!(
                    lost, None,
                    "{shown} lost a row of {:?} {comparison:?}",
                    table.columns[column].name
                );
                if is_exact {
                    exact += 1;
                    assert_eq!(
                        sent.len(),
                        kept.len(),
                        "{shown} returned more than {comparison:?} keeps"
                    );
                }
            }
        }
        (pushed, exact)
    }
}

/// The predicate with its columns as positions in the table.
fn placed(predicate: &Predicate, positions: &[usize]) -> Predicate {
    let all = |parts: &[Predicate]| parts.iter().map(|part| placed(part, positions)).collect();
    match predicate {
        Predicate::Is(comparison) => Predicate::Is(Comparison {
            column: positions[comparison.column],
            ..comparison.clone()
        }),
        Predicate::All(parts) => Predicate::All(all(parts)),
        Predicate::Any(parts) => Predicate::Any(all(parts)),
        other => panic!("no comparison: {other:?}"),
    }
}

/// Whether SQL keeps the row; columns are positions in it.
pub(crate) fn keeps(predicate: &Predicate, row: &Row) -> bool {
    match predicate {
        Predicate::Is(comparison) => holds(comparison, row[comparison.column].as_ref()),
        Predicate::All(parts) => parts.iter().all(|part| keeps(part, row)),
        Predicate::Any(parts) => parts.iter().any(|part| keeps(part, row)),
        other => panic!("no comparison: {other:?}"),
    }
}

pub(crate) fn rows(batch: &RecordBatch) -> Vec<Row> {
    (0..batch.num_rows())
        .map(|row| {
            (0..batch.num_columns())
                .map(|column| cell(batch, column, row))
                .collect()
        })
        .collect()
}

fn cell(batch: &RecordBatch, column: usize, row: usize) -> Option<Literal> {
    let array = batch.column(column);
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Boolean => Literal::Boolean(array.as_boolean().value(row)),
        DataType::Int64 => Literal::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Literal::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Date32 => Literal::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(..) => {
            Literal::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Utf8 => Literal::Text(array.as_string::<i32>().value(row).to_owned()),
        other => panic!("unexpected type {other}"),
    })
}

/// Every operator with some of the values that the column holds, and values beside them.
fn comparisons<'a>(column: usize, cells: impl Iterator<Item = &'a Option<Literal>>) -> Vec<Comparison> {
    let mut samples: Vec<Literal> = Vec::new();
    for cell in cells.flatten() {
        if samples.len() < 3 && !samples.contains(cell) {
            samples.push(cell.clone());
        }
    }
    let mut found: Vec<Comparison> = Vec::new();
    let mut add = |op, values: Vec<Literal>| found.push(Comparison { column, op, values });
    add(Op::IsNull, vec![]);
    add(Op::IsNotNull, vec![]);
    for sample in &samples {
        for op in [Op::Eq, Op::NotEq, Op::Lt, Op::LtEq, Op::Gt, Op::GtEq] {
            add(op, vec![sample.clone()]);
        }
        if let Literal::Text(text) = sample {
            let letters: Vec<char> = text.chars().collect();
            let middle = letters.len() / 2;
            let (head, tail): (String, String) = (
                letters[..middle].iter().collect(),
                letters[middle..].iter().collect(),
            );
            for pattern in [
                format!("{}%", escaped(&head)),
                format!("%{}", escaped(&tail)),
                format!("%{}%", escaped(&tail)),
                format!("{}%{}", escaped(&head), escaped(&tail)),
                escaped(text),
            ] {
                add(Op::Like, vec![Literal::Text(pattern)]);
            }
            add(Op::Eq, vec![Literal::Text(text.to_uppercase())]);
        }
    }
    if !samples.is_empty() {
        add(Op::In, samples.clone());
        add(Op::NotIn, samples.iter().take(2).cloned().collect());
    }
    found
}

fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let escape = matches!(letter, '%' | '_' | '\\').then_some('\\');
            escape.into_iter().chain([letter])
        })
        .collect()
}

/// Whether SQL keeps a row with this value.
fn holds(comparison: &Comparison, value: Option<&Literal>) -> bool {
    let Some(value) = value else {
        return comparison.op == Op::IsNull;
    };
    let first = comparison.values.first();
    match comparison.op {
        Op::IsNull => false,
        Op::IsNotNull => true,
        Op::Eq | Op::In => comparison.values.contains(value),
        Op::NotEq | Op::NotIn => !comparison.values.contains(value),
        Op::Lt => first.is_some_and(|first| value < first),
        Op::LtEq => first.is_some_and(|first| value <= first),
        Op::Gt => first.is_some_and(|first| value > first),
        Op::GtEq => first.is_some_and(|first| value >= first),
        Op::Like => match (value, first) {
            (Literal::Text(text), Some(Literal::Text(pattern))) => like(
                &text.chars().collect::<Vec<_>>(),
                &pattern.chars().collect::<Vec<_>>(),
            ),
            _ => false,
        },
        Op::NotLike | Op::ILike | Op::NotILike => panic!("not among the comparisons"),
    }
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|at| like(&text[at..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', letter, rest @ ..] | [letter, rest @ ..] => {
            text.first() == Some(letter) && like(&text[1..], rest)
        }
    }
}
