//! EXPLAIN: which remote calls a query would make, what they cost, and why each predicate goes where it goes.

mod json;

use std::collections::HashMap;
use std::sync::Arc;

use causeway_core::{Answered, QueryContext, Source};
use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::sql::sqlparser::ast::{AnalyzeFormatKind, UtilityOption};

use crate::Error;
use crate::catalog::Person;
use crate::cost::plan::Costed;
use crate::error::sqlstate;
use crate::execute;
use crate::policy::PolicyExec;
use crate::scan::estimate::{Cost, sized};

/// How EXPLAIN was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    analyze: bool,
    json: bool,
}

impl Style {
    pub(crate) fn try_new(
        analyze: bool,
        format: Option<&AnalyzeFormatKind>,
        options: Option<&[UtilityOption]>,
    ) -> Result<Self, Error> {
        let mut style = Self { analyze, json: false };
        let format = format.map(|kind| match kind {
            AnalyzeFormatKind::Keyword(format) | AnalyzeFormatKind::Assignment(format) => format.to_string(),
        });
        style.set_format(format.as_deref().unwrap_or("text"))?;
        for option in options.unwrap_or_default() {
            let name = option.name.value.to_lowercase();
            let value = option
                .arg
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default()
                .to_lowercase();
            match name.as_str() {
                "analyze" => style.analyze = matches!(value.as_str(), "" | "on" | "true" | "1"),
                "format" => style.set_format(value.trim_matches('\''))?,
                // What these would add to PostgreSQL's output has no counterpart here.
                "verbose" | "costs" | "buffers" | "timing" | "settings" | "wal" | "summary"
                | "generic_plan" => {}
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

    fn set_format(&mut self, format: &str) -> Result<(), Error> {
        self.json = match format.to_lowercase().as_str() {
            "text" => false,
            "json" => true,
            _ => {
                return Err(Error::new(
                    sqlstate::NOT_SUPPORTED,
                    "EXPLAIN is available as text and as json",
                ));
            }
        };
        Ok(())
    }

    /// The one column of EXPLAIN.
    pub(crate) fn schema(self) -> SchemaRef {
        let field = Field::new("QUERY PLAN", DataType::Utf8, false);
        let tagged = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.json".to_owned())]);
        let field = if self.json {
            field.with_metadata(tagged)
        } else {
            field
        };
        Arc::new(Schema::new(vec![field]))
    }
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
        let (plan, rows) = execute::run_to_end(state, plan).await?;
        (plan, Some(rows))
    } else {
        (execute::counted(state, plan, context).await?, None)
    };
    let explained = Explained {
        plan: Costed::of(&plan),
        rows,
        person,
        context,
    };
    let lines = if style.json {
        vec![json::document(&explained)]
    } else {
        explained.lines()
    };
    let column = Arc::new(StringArray::from(lines));
    RecordBatch::try_new(style.schema(), vec![column]).map_err(Error::internal)
}

/// A plan with its costs, which was run when `rows` says how many it answered.
struct Explained<'a> {
    plan: Costed,
    rows: Option<usize>,
    person: &'a Person,
    context: &'a QueryContext,
}

impl Explained<'_> {
    fn counts(&self) -> Counts {
        match self.rows {
            Some(_) => Counts::above_policies(self.person),
            None => Counts::None,
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        write_node(&self.plan, 0, self.counts(), &mut lines);
        if let Some(rows) = self.rows {
            lines.push(format!("Actual: {rows} rows"));
            lines.extend(spent(self.person, self.context));
            return lines;
        }
        let total = self.plan.total();
        lines.push(match self.person.may_see_counts() {
            true => format!(
                "Estimated: {} api calls, {} remote rows, {}",
                total.calls,
                total.rows,
                sized(total.bytes)
            ),
            false => format!("Estimated: {} api calls", total.calls),
        });
        for share in shares(&self.plan) {
            lines.push(format!("  {}", share.text()));
        }
        lines
    }
}

/// What a statement takes of a source, and of what the source allows in a day.
struct Share {
    source: Arc<str>,
    calls: usize,
    /// Calls of the day that are used up, and those that are left.
    quota: Option<(u64, u64)>,
}

impl Share {
    /// The day's calls, and the share of them in percent.
    fn of_day(&self) -> Option<(u64, f64)> {
        let (used, left) = self.quota?;
        let day = used.saturating_add(left);
        #[allow(clippy::cast_precision_loss, reason = "a share for people")]
        let share = self.calls as f64 * 100.0 / day.max(1) as f64;
        Some((day, share))
    }

    fn text(&self) -> String {
        let calls = format!("{}: {} calls", self.source, self.calls);
        match (self.of_day(), self.quota) {
            (Some((day, share)), Some((_, left))) => {
                format!("{calls}, {share:.3} % of the {day} that it allows in a day; {left} are left")
            }
            _ => calls,
        }
    }
}

fn shares(plan: &Costed) -> Vec<Share> {
    let sources = plan.by_source().into_iter();
    let share = |(name, (source, cost)): (Arc<str>, (Arc<dyn Source>, Cost))| {
        let state = source.state();
        Share {
            source: name,
            calls: cost.calls,
            quota: state.calls_used.zip(state.calls_left),
        }
    };
    sources.map(share).collect()
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

fn write_node(costed: &Costed, depth: usize, counts: Counts, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let own = match costed.scan() {
        Some(scan) => scan.explained(costed.cost),
        None => vec![operator(&costed.node, counts)],
    };
    let actual = actual_rows(&costed.node, counts);
    for (at, line) in own.into_iter().enumerate() {
        match (at, actual) {
            (0, Some(rows)) => lines.push(format!("{indent}{line}  rows={rows}")),
            (0, None) => lines.push(format!("{indent}{line}")),
            _ => lines.push(format!("{indent}  {line}")),
        }
    }
    for child in &costed.children {
        write_node(child, depth + 1, counts.below(&costed.node), lines);
    }
}

/// DataFusion's line of an operator.
fn operator(node: &Arc<dyn ExecutionPlan>, counts: Counts) -> String {
    let line = DisplayableExecutionPlan::new(node.as_ref())
        .one_line()
        .to_string();
    without_values(line.trim_end(), counts).to_owned()
}

/// Rows that came out of an operator, for those who may know.
fn actual_rows(node: &Arc<dyn ExecutionPlan>, counts: Counts) -> Option<usize> {
    let metrics = node.metrics().filter(|_| counts != Counts::None)?;
    metrics.output_rows()
}

/// The line of an operator without the bound that a sort of the first rows has reached: below a policy it is a value of hidden rows.
fn without_values(line: &str, counts: Counts) -> &str {
    let is_bounded = counts == Counts::None && line.starts_with("SortExec: TopK");
    let bound = line.find(", filter=[").filter(|_| is_bounded);
    bound.and_then(|at| line.get(..at)).unwrap_or(line)
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
    let exchanges = person.deployment.ledger.exchanges();
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
