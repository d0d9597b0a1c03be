//! EXPLAIN: which remote calls a query would make, and why each predicate goes where it goes.

use std::sync::Arc;

use causeway_core::{Answered, QueryContext};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::sql::sqlparser::ast::{AnalyzeFormat, AnalyzeFormatKind, UtilityOption};

use crate::catalog::Person;
use crate::error::sqlstate;
use crate::leaf::RemoteScanExec;
use crate::policy::PolicyExec;
use crate::{Error, replan};

/// How EXPLAIN was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    analyze: bool,
}

impl Style {
    pub(crate) fn try_new(
        analyze: bool,
        format: Option<&AnalyzeFormatKind>,
        options: Option<&[UtilityOption]>,
    ) -> Result<Self, Error> {
        let mut style = Self { analyze };
        let format = format.map(|kind| match kind {
            AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format) => format,
        });
        if format.is_some_and(|format| !matches!(format, AnalyzeFormat::TEXT)) {
            return Err(Error::new(
                sqlstate::NOT_SUPPORTED,
                "EXPLAIN is available as text only",
            ));
        }
        for option in options.unwrap_or_default() {
            let name = option.name.value.to_lowercase();
            let value = option
                .arg
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .to_lowercase();
            let on = matches!(value.as_str(), "" | "on" | "true" | "1");
            match name.as_str() {
                "analyze" => style.analyze = on,
                "format" if value != "text" => {
                    return Err(Error::new(
                        sqlstate::NOT_SUPPORTED,
                        "EXPLAIN is available as text only",
                    ));
                }
                // What these would add to PostgreSQL's output has no counterpart here.
                "verbose" | "costs" | "buffers" | "timing" | "settings" | "wal" | "summary" | "format" => {}
                _ => {
                    return Err(Error::new(
                        sqlstate::SYNTAX,
                        format!("unrecognized EXPLAIN option \"{name}\""),
                    ));
                }
            }
        }
        Ok(style)
    }
}

/// The one column of EXPLAIN.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("QUERY PLAN", DataType::Utf8, false)]))
}

/// Explains a plan; with ANALYZE it is run first and its rows are thrown away.
pub(crate) async fn explain(
    person: &Person,
    state: &SessionState,
    plan: &LogicalPlan,
    context: &Arc<QueryContext>,
    style: Style,
) -> Result<RecordBatch, Error> {
    let (plan, rows) = if style.analyze {
        replan::run_to_end(state, plan).await?
    } else {
        (state.create_physical_plan(plan).await?, 0)
    };
    let mut lines = Vec::new();
    let counts = if style.analyze {
        Counts::above_policies(person)
    } else {
        Counts::None
    };
    write_node(&plan, 0, counts, &mut lines);
    if style.analyze {
        lines.push(format!("Actual: {rows} rows"));
        lines.extend(spent(person, context));
    } else {
        let (calls, estimated_rows) = estimates(&plan);
        lines.push(match person.may_see_counts() {
            true => format!("Estimated: {calls} api calls, {estimated_rows} remote rows"),
            false => format!("Estimated: {calls} api calls"),
        });
    }
    let column = Arc::new(StringArray::from(lines));
    RecordBatch::try_new(schema(), vec![column]).map_err(Error::internal)
}

/// Which operators show how many rows came out of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    All,
    /// Those above the row policies: what comes out below them tells how many hidden rows there are.
    AbovePolicies,
    None,
}

impl Counts {
    fn above_policies(person: &Person) -> Self {
        if person.may_see_counts() {
            Self::All
        } else {
            Self::AbovePolicies
        }
    }

    /// For the operators below `node`.
    fn below(self, node: &Arc<dyn ExecutionPlan>) -> Self {
        let is_policy = node.downcast_ref::<PolicyExec>().is_some();
        if self == Self::AbovePolicies && is_policy {
            Self::None
        } else {
            self
        }
    }
}

fn write_node(node: &Arc<dyn ExecutionPlan>, depth: usize, counts: Counts, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let own = match node.downcast_ref::<RemoteScanExec>() {
        Some(scan) => scan.explained(),
        None => {
            let line = DisplayableExecutionPlan::new(node.as_ref())
                .one_line()
                .to_string();
            vec![without_values(line.trim_end(), counts).to_owned()]
        }
    };
    let actual = node
        .metrics()
        .filter(|_| counts != Counts::None)
        .and_then(|metrics| metrics.output_rows());
    for (at, line) in own.into_iter().enumerate() {
        match (at, actual) {
            (0, Some(rows)) => lines.push(format!("{indent}{line}  rows={rows}")),
            (0, None) => lines.push(format!("{indent}{line}")),
            _ => lines.push(format!("{indent}  {line}")),
        }
    }
    for child in node.children() {
        write_node(child, depth + 1, counts.below(node), lines);
    }
}

/// The line of an operator without the bound that a sort of the first rows has reached: below a policy it is a value of hidden rows.
fn without_values(line: &str, counts: Counts) -> &str {
    let is_bounded = counts == Counts::None && line.starts_with("SortExec: TopK");
    let bound = line.find(", filter=[").filter(|_| is_bounded);
    bound.and_then(|at| line.get(..at)).unwrap_or(line)
}

fn estimates(node: &Arc<dyn ExecutionPlan>) -> (usize, usize) {
    let own = node
        .downcast_ref::<RemoteScanExec>()
        .map_or((0, 0), |scan| (scan.estimated_calls(), scan.estimated_rows()));
    node.children()
        .into_iter()
        .map(estimates)
        .fold(own, |sum, child| (sum.0 + child.0, sum.1 + child.1))
}

/// The calls that the query made. How many rows and bytes came, and which keys of joins were sent, is shown only to those who may see
/// every row: to others it would tell of hidden records.
fn spent(person: &Person, context: &QueryContext) -> Vec<String> {
    let counts = person.may_see_counts();
    let mut lines = vec![match counts {
        true => format!(
            "API: {} calls, {} rows, {} bytes",
            context.calls(),
            context.rows(),
            context.bytes()
        ),
        false => format!("API: {} calls", context.calls()),
    }];
    let exchanges = person.engine.ledger.exchanges();
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange.record.query_id == context.query_id)
    {
        let record = &exchange.record;
        let mut line = format!(
            "  {} {} {}  status={} retries={} ms={:.1}",
            record.source,
            record.method,
            record.resource,
            exchange.status(),
            exchange.retries(),
            exchange.milliseconds()
        );
        if counts {
            line.push_str(&format!(" rows={} bytes={}", exchange.rows(), exchange.bytes()));
        }
        if record.answered != Answered::Remote {
            line.push_str(&format!(" answered_by={}", record.answered.name()));
        }
        lines.push(line);
        let query = record.remote_query.as_ref();
        lines.extend(query.map(|query| format!("    {}", query.seen(counts))));
    }
    lines
}
