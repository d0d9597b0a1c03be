//! EXPLAIN for tools: one JSON document with PostgreSQL's names where PostgreSQL has them.

use serde_json::{Map, Value, json};

use super::{Counts, Explained, actual_rows, operator, shares};
use crate::cost::plan::Costed;
use crate::scan::estimate::Cost;
use crate::scan::exec::RemoteScanExec;
use crate::scan::spec::Note;

/// An array of one plan, as PostgreSQL answers.
pub(super) fn document(explained: &Explained<'_>) -> String {
    let counts = explained.person.may_see_counts();
    let mut document = Map::new();
    document.insert(
        "Plan".to_owned(),
        node(&explained.plan, explained.counts(), counts),
    );
    document.insert("Estimated".to_owned(), estimated(explained, counts));
    if let Some(rows) = explained.rows {
        document.insert("Actual".to_owned(), actual(explained, rows, counts));
    }
    serde_json::to_string_pretty(&json!([document])).unwrap_or_default()
}

fn node(costed: &Costed, counts: Counts, may_see_counts: bool) -> Value {
    let mut found = Map::new();
    let mut set = |name: &str, value: Value| found.insert(name.to_owned(), value);
    if let Some(scan) = costed.scan() {
        let spec = scan.spec();
        set("Node Type", json!("Remote Scan"));
        set("Source", json!(spec.source.name().as_ref()));
        set("Relation Name", json!(spec.query.table.name.name));
        set("Remote Query", json!(scan.remote_text()));
        set("Keys From Join", json!(!spec.key_filters.is_empty()));
        if let Some(fetch) = spec.fetch {
            set("Fetch", json!(fetch));
        }
        if let Some(cost) = costed.cost {
            set("Estimated", cost_value(cost, may_see_counts));
        }
        set("Predicates", predicates(scan));
        if let (Some(count), true) = (
            spec.source.known_rows(&spec.query.table.name.name),
            may_see_counts,
        ) {
            let seconds = count.counted.elapsed().as_secs();
            set(
                "Table Rows",
                json!({"Rows": count.rows, "Counted Seconds Ago": seconds}),
            );
        }
    } else {
        set("Node Type", json!(costed.node.name()));
        set("Operator", json!(operator(&costed.node, counts)));
    }
    if let Some(rows) = actual_rows(&costed.node, counts) {
        set("Actual Rows", json!(rows));
    }
    if !costed.children.is_empty() {
        let below = counts.below(&costed.node);
        let children = costed
            .children
            .iter()
            .map(|child| node(child, below, may_see_counts));
        set("Plans", children.collect());
    }
    Value::Object(found)
}

fn predicates(scan: &RemoteScanExec) -> Value {
    let notes = scan.notes().iter().map(|note| match note {
        Note::Exact(predicate) => json!({"Predicate": predicate, "Fidelity": "exact"}),
        Note::Superset(predicate, reason) => {
            json!({"Predicate": predicate, "Fidelity": "superset", "Reason": reason})
        }
        Note::Local(predicate, reason) => {
            json!({"Predicate": predicate, "Fidelity": "local", "Reason": reason})
        }
    });
    notes.collect()
}

/// How many rows match is not for those from whom some are hidden.
fn cost_value(cost: Cost, may_see_counts: bool) -> Value {
    if may_see_counts {
        json!({"Calls": cost.calls, "Rows": cost.rows, "Bytes": cost.bytes})
    } else {
        json!({"Calls": cost.calls})
    }
}

fn estimated(explained: &Explained<'_>, may_see_counts: bool) -> Value {
    let sources = shares(&explained.plan).into_iter().map(|share| {
        let mut found = json!({"Source": share.source.as_ref(), "Calls": share.calls});
        if let (Some((day, percent)), Some((_, left)), Some(known)) =
            (share.of_day(), share.quota, found.as_object_mut())
        {
            known.insert("Daily Calls".to_owned(), json!(day));
            known.insert("Percent Of Day".to_owned(), json!(percent));
            known.insert("Calls Left".to_owned(), json!(left));
        }
        found
    });
    let sources: Value = sources.collect();
    let mut total = cost_value(explained.plan.total(), may_see_counts);
    if let Some(known) = total.as_object_mut() {
        known.insert("Sources".to_owned(), sources);
    }
    total
}

fn actual(explained: &Explained<'_>, rows: usize, may_see_counts: bool) -> Value {
    let context = explained.context;
    if may_see_counts {
        json!({"Rows": rows, "Calls": context.calls(), "Remote Rows": context.rows(), "Bytes": context.bytes()})
    } else {
        json!({"Rows": rows, "Calls": context.calls()})
    }
}
