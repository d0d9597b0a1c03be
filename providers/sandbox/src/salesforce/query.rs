//! The query resources: `/query`, `/queryAll`, further pages, `?explain=`.
//!
//! Owns: page sizes. Does not own: open results, see `cursors`. Invariant: `totalSize` is the whole result; a client must follow `nextRecordsUrl`.

use std::sync::Arc;

use serde_json::json;

use super::cursors::Cursor;
use super::error::ApiError;
use super::faults::Faults;
use super::reply::{Call, Reply};
use super::soql::bind::{Binder, Bound, Output};
use super::soql::lexer::Grammar;
use super::soql::parser::parse;
use super::soql::record::{Item, Writer};
use super::soql::run::{Rows, rows};
use super::state::State;
use super::value::{write_int, write_text};

/// Page size without `Sforce-Query-Options`.
const PAGE_ROWS: usize = 2000;
/// Smallest page size that can be asked for.
const SMALLEST_PAGE: usize = 200;
/// Page size when child rows are selected too, which count into the batch.
const PAGE_WITH_CHILDREN: usize = 250;
/// Sizes that pages take in turn when they shrink irregularly.
const IRREGULAR: [usize; 7] = [1, 200, 7, 1000, 33, 2, 250];

/// Parses and binds a statement for a user.
fn bind(state: &State, text: &str, user: &str) -> Result<Bound, ApiError> {
    if let Some(transcript) = &state.transcript {
        transcript.note(text);
    }
    let semantics = state.switches.semantics();
    let binder = Binder {
        catalog: &state.catalog,
        semantics: &semantics,
        user,
        text,
    };
    binder.bind(&parse(text, Grammar::new(&semantics))?)
}

/// Tells what is wrong with a statement that no correct client sends: it does not parse, or it breaks a rule of the
/// language that describe told of. Flags that lie are not held against the client.
pub(super) fn violation(state: &State, text: &str, user: &str) -> Option<String> {
    let mut semantics = state.switches.semantics();
    semantics.lying_flags.clear();
    let query = match parse(text, Grammar::new(&semantics)) {
        Ok(query) => query,
        Err(error) => return Some(format!("statement does not parse: {}", error.message)),
    };
    let binder = Binder {
        catalog: &state.catalog,
        semantics: &semantics,
        user,
        text,
    };
    let error = binder.bind(&query).err()?;
    (error.code == "MALFORMED_QUERY").then(|| format!("statement breaks a rule: {}", error.message))
}

/// Answers `/query` and, with `everything`, `/queryAll`.
pub(super) fn run(
    state: &State,
    call: &Call,
    base: &str,
    user: &str,
    everything: bool,
) -> Result<Reply, ApiError> {
    if let Some(text) = call.parameter("explain") {
        return explain(state, text, user);
    }
    let Some(text) = call.parameter("q") else {
        return Err(ApiError::bad(
            "MALFORMED_QUERY",
            "A query string has to be specified",
        ));
    };
    let query = Arc::new(bind(state, text, user)?);
    let found = rows(&query, &state.world, everything);
    match &query.output {
        Output::Count => {
            let mut body = b"{\"totalSize\":".to_vec();
            write_int(i64::try_from(found.len()).unwrap_or(i64::MAX), &mut body);
            body.extend_from_slice(b",\"done\":true,\"records\":[]}");
            Ok(Reply::json(200, body))
        }
        Output::Groups(grouping) => {
            // LIMIT of a grouped query counts groups, so the rows must not be cut.
            let groups = grouping.groups(&query, &state.world, &found, batch_size(call))?;
            let mut body = b"{\"totalSize\":".to_vec();
            write_int(i64::try_from(groups.len()).unwrap_or(i64::MAX), &mut body);
            body.extend_from_slice(b",\"done\":true,\"records\":[");
            grouping.write(&groups, &mut body);
            body.extend_from_slice(b"]}");
            Ok(Reply {
                rows: groups.len(),
                ..Reply::json(200, body)
            })
        }
        Output::Records(_) => {
            let cursor = Cursor {
                query,
                rows: Arc::new(found),
                user: user.to_owned(),
            };
            Ok(page(state, call, base, &cursor, None, 0))
        }
    }
}

/// Answers `/query/{locator}-{offset}`.
pub(super) fn next(
    state: &State,
    call: &Call,
    base: &str,
    user: &str,
    locator: &str,
) -> Result<Reply, ApiError> {
    let status = state.switches.semantics().invalid_locator_status;
    let invalid = || ApiError::new(status, "INVALID_QUERY_LOCATOR", "invalid query locator");
    if state
        .switches
        .change_faults(|faults| Faults::spend(&mut faults.invalid_locator))
    {
        return Err(invalid());
    }
    let (id, offset) = locator.split_once('-').ok_or_else(invalid)?;
    let offset: usize = offset.parse().map_err(|_| invalid())?;
    let cursor = state
        .cursors
        .get(id)
        .filter(|cursor| cursor.user == user)
        .ok_or_else(invalid)?;
    if offset >= cursor.rows.len() {
        return Err(invalid());
    }
    Ok(page(state, call, base, &cursor, Some(id), offset))
}

/// Reads `batchSize` of `Sforce-Query-Options`, held to the documented range.
fn batch_size(call: &Call) -> usize {
    call.header("sforce-query-options")
        .and_then(|header| {
            header.split([',', ';']).find_map(|option| {
                let (name, value) = option.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("batchSize")
                    .then(|| value.trim().parse().ok())
                    .flatten()
            })
        })
        .map_or(PAGE_ROWS, |rows: usize| rows.clamp(SMALLEST_PAGE, PAGE_ROWS))
}

fn page(
    state: &State,
    call: &Call,
    base: &str,
    cursor: &Cursor,
    locator: Option<&str>,
    from: usize,
) -> Reply {
    let query = &cursor.query;
    let total = cursor.rows.len();
    let faults = state.switches.faults();
    let children = matches!(&query.output, Output::Records(items) if items.iter().any(|item| matches!(item, Item::Children(_))));
    let mut size = batch_size(call).min(query.page_rows);
    if children {
        size = size.min(PAGE_WITH_CHILDREN);
    }
    if faults.shrink_pages {
        let turn = state.turn() % IRREGULAR.len();
        size = size.min(IRREGULAR.get(turn).copied().unwrap_or(1));
    }
    let end = total.min(from + size);
    // With OFFSET there is one batch and no cursor, even if rows are left.
    let cut_short = query.offset.is_some() && end < total;
    let mut body = Vec::with_capacity((end - from) * 300 + 200);
    body.extend_from_slice(b"{\"totalSize\":");
    write_int(
        i64::try_from(if cut_short { end } else { total }).unwrap_or(i64::MAX),
        &mut body,
    );
    if end < total && !cut_short {
        let locator = match locator {
            Some(locator) => locator.to_owned(),
            None => state.cursors.open(cursor.clone()),
        };
        let origin = faults.foreign_next_url.as_deref().unwrap_or_default();
        body.extend_from_slice(b",\"done\":false,\"nextRecordsUrl\":");
        write_text(&format!("{origin}{base}/query/{locator}-{end}"), &mut body);
    } else {
        body.extend_from_slice(b",\"done\":true");
    }
    body.extend_from_slice(b",\"records\":[");
    let dropped = (end > from
        && state
            .switches
            .change_faults(|faults| Faults::spend(&mut faults.drop_row)))
    .then_some(from + (end - from) / 2);
    let open = |query: &Arc<Bound>, rows: Vec<u32>| {
        state.cursors.open(Cursor {
            query: Arc::clone(query),
            rows: Arc::new(Rows::List(rows)),
            user: cursor.user.clone(),
        })
    };
    let writer = Writer {
        world: &state.world,
        base,
        open: &open,
        wrong_value: faults.wrong_value.as_deref(),
    };
    let positions = (from..end).filter(|at| Some(*at) != dropped);
    let rows = writer.records(query, &cursor.rows, positions, &mut body);
    body.extend_from_slice(b"]}");
    Reply {
        rows,
        ..Reply::json(200, body)
    }
}

fn explain(state: &State, text: &str, user: &str) -> Result<Reply, ApiError> {
    let query = bind(state, text, user)?;
    let indexed = query
        .filter
        .as_ref()
        .is_some_and(|filter| filter.own_ids().is_some());
    let (operation, cost) = if indexed {
        ("Index", 0.1)
    } else {
        ("TableScan", 1.3)
    };
    Ok(Reply::value(
        200,
        &json!({
            "plans": [{
                "cardinality": if indexed { 1 } else { query.live },
                "fields": if indexed { vec!["Id"] } else { Vec::new() },
                "leadingOperationType": operation,
                "notes": [],
                "relativeCost": cost,
                "sobjectCardinality": query.live,
                "sobjectType": query.object,
            }],
            "sourceQuery": text,
        }),
    ))
}
