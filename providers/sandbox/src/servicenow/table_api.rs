//! `GET /api/now/table/{table}` and `/{sys_id}`.
//!
//! Owns: parameters, headers and shapes of the Table API. Source: "Table API", Australia, read 2026-06-25.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::{self, Reach};
use super::cell::SysId;
use super::data::Data;
use super::exchange::{Answer, Call};
use super::faults::Fault;
use super::filter::{Binder, Filter, Session};
use super::query::{self, Grammar};
use super::render::{self, Layout, Show, Viewer};
use super::scan::{self, Window};
use super::schema::Row;
use super::switches::Semantics;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The version of the API that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// Everything that an API call needs.
pub(super) struct Context<'a> {
    pub(super) data: &'a Data,
    pub(super) semantics: &'a Semantics,
    pub(super) session: &'a Session,
    pub(super) call: &'a Call,
    pub(super) fault: Option<Fault>,
}

impl Context<'_> {
    /// Finds a table that the account may read; `Err` is the answer otherwise.
    pub(super) fn table(&self, name: &str) -> Result<(usize, Reach), Box<Answer>> {
        let Some(table) = self.data.table(name) else {
            return Err(Answer::error(400, &format!("Invalid table {name}"), None).into());
        };
        match access::reach(name, self.session, self.semantics) {
            Reach::Forbidden => Err(access::forbidden_table(name).into()),
            reach => Ok((table, reach)),
        }
    }

    /// Binds the call's query to the table and to the user's domains.
    pub(super) fn filter(&self, table: usize) -> Result<Filter, Box<Answer>> {
        let query = query::parse(
            self.call.parameter("sysparm_query").unwrap_or_default(),
            Grammar::new(self.semantics),
        );
        let binder = Binder {
            data: self.data,
            semantics: self.semantics,
            session: self.session,
            table,
        };
        let mut filter = binder.bind(&query, &self.call.filters());
        let no_domain = self.call.is_true("sysparm_query_no_domain");
        access::separate(
            self.data,
            table,
            self.session,
            self.semantics,
            no_domain,
            &mut filter,
        );
        if self.fault == Some(Fault::RepeatedPage) {
            filter.forget_range_and_order(scan::SYS_ID, table);
        }
        if filter.forbidden {
            return Err(self.note(access::forbidden_column(), &filter).into());
        }
        Ok(filter)
    }

    /// Adds what the log wants to know to an answer.
    pub(super) fn note(&self, mut answer: Answer, filter: &Filter) -> Answer {
        answer.remote_query = self.call.parameter("sysparm_query").map(str::to_owned);
        answer.violation = filter
            .script
            .as_ref()
            .map(|script| format!("script in a query value: {script}"));
        answer
    }

    pub(super) fn layout(&self, table: usize) -> Layout<'_> {
        let mut fields = render::fields(self.data, table, self.call.parameter("sysparm_fields"));
        access::readable_fields(self.data, table, self.session, self.semantics, &mut fields);
        let mut layout = Layout {
            data: self.data,
            fields,
            show: self.show(),
            links: (!self.call.is_true("sysparm_exclude_reference_link")).then(|| self.call.base.clone()),
            viewer: Viewer::of(self.semantics),
            walks_may_miss: self.semantics.dot_walk_null_missing,
            corrupt: None,
        };
        if self.fault == Some(Fault::WrongTypedValue) {
            layout.corrupt = layout.first_integer();
        }
        layout
    }

    pub(super) fn show(&self) -> Show {
        let wanted = self
            .call
            .parameter("sysparm_display_value")
            .map(str::to_ascii_lowercase);
        match wanted.as_deref() {
            Some("true") => Show::Display,
            Some("all") => Show::All,
            _ => Show::Raw,
        }
    }

    /// A whole-number parameter, which must be at least `least`.
    pub(super) fn number(&self, name: &str, default: usize, least: usize) -> Result<usize, Box<Answer>> {
        match self.call.parameter(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().ok().filter(|value| *value >= least).ok_or_else(|| {
                    Answer::error(400, &format!("Invalid value given for {name}"), None).into()
                })
            }
        }
    }
}

/// Answers a list.
pub(super) fn list(context: &Context<'_>, name: &str, version: Version) -> Answer {
    try_list(context, name, version).unwrap_or_else(|refusal| *refusal)
}

fn try_list(context: &Context<'_>, name: &str, version: Version) -> Result<Answer, Box<Answer>> {
    let (table, reach) = context.table(name)?;
    let window = Window {
        offset: context.number("sysparm_offset", 0, 0)?,
        limit: context.number("sysparm_limit", 10_000, 1)?,
        count: !context.call.is_true("sysparm_no_count"),
    };
    let filter = context.filter(table)?;
    let mut page = scan::page(context.data, table, &filter, context.semantics, window);
    let full = page.rows.len() == window.limit;
    match reach {
        Reach::All => scan::readable(context.data, table, context.semantics, &mut page.rows),
        _ => page.rows.clear(),
    }
    let mut answer = if page.rows.is_empty() && version == Version::One {
        Answer::no_record()
    } else {
        let rows = page.rows.len();
        Answer {
            rows,
            ..Answer::json(200, body(context, table, &page.rows))
        }
    };
    if let Some(total) = page.total.filter(|_| context.semantics.total_count_sent) {
        answer = answer.with("X-Total-Count", total.to_string());
    }
    if !context.call.is_true("sysparm_suppress_pagination_header") {
        answer = answer.with("Link", links(context, window, page.total, full));
    }
    Ok(context.note(answer, &filter))
}

/// The list's JSON, with the fault that the call suffers.
fn body(context: &Context<'_>, table: usize, rows: &[Row]) -> Vec<u8> {
    let mut layout = context.layout(table);
    let mut out = Vec::with_capacity(64 + rows.len() * (32 + layout.fields.len() * 40));
    let written = match context.fault {
        Some(Fault::PartialWithError) => rows.get(..rows.len() / 2).unwrap_or_default(),
        _ => rows,
    };
    out.extend_from_slice(b"{\"result\":[");
    for (at, row) in written.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        layout.row(&mut out, *row);
        layout.corrupt = None;
    }
    let comma: &[u8] = if written.is_empty() { b"" } else { b"," };
    match context.fault {
        Some(Fault::PartialWithError) => out.extend_from_slice(
            b"],\"error\":{\"message\":\"Transaction cancelled: maximum execution time exceeded\",\
              \"detail\":\"maximum execution time exceeded Check logs for error trace or enable glide.rest.debug property to verify REST request processing\"},\
              \"status\":\"failure\"}",
        ),
        Some(Fault::StrayElement) => out.extend_from_slice(&[comma, b"\"\"]}"].concat()),
        Some(Fault::MetaElement) => {
            out.extend_from_slice(&[comma, b"{\"__meta\":{\"encodedQuery\":"].concat());
            render::string(&mut out, context.call.parameter("sysparm_query").unwrap_or_default());
            out.extend_from_slice(b"}}]}");
        }
        _ => out.extend_from_slice(b"]}"),
    }
    out
}

/// Answers one record.
pub(super) fn record(context: &Context<'_>, name: &str, key: &str) -> Answer {
    try_record(context, name, key).unwrap_or_else(|refusal| *refusal)
}

fn try_record(context: &Context<'_>, name: &str, key: &str) -> Result<Answer, Box<Answer>> {
    let (table, reach) = context.table(name)?;
    let mut filter = Filter::default();
    let no_domain = context.call.is_true("sysparm_query_no_domain");
    access::separate(
        context.data,
        table,
        context.session,
        context.semantics,
        no_domain,
        &mut filter,
    );
    let matching = super::comparison::Matching::new(context.semantics);
    let row = SysId::parse(key)
        .and_then(|id| context.data.find(table, id))
        .filter(|row| reach == Reach::All && filter.matches(context.data, matching, *row))
        .filter(|row| !scan::is_hidden(context.data, table, context.semantics, *row));
    let Some(row) = row else {
        return Err(Answer::no_record().into());
    };
    let mut out = b"{\"result\":".to_vec();
    context.layout(table).row(&mut out, row);
    out.push(b'}');
    Ok(Answer {
        rows: 1,
        ..Answer::json(200, out)
    })
}

/// The `Link` header: first, prev, next, last.
fn links(context: &Context<'_>, window: Window, total: Option<usize>, full: bool) -> String {
    let call = context.call;
    let target = |offset: usize| {
        let others = call
            .pairs
            .iter()
            .filter(|(name, _)| name != "sysparm_offset" && !name.eq_ignore_ascii_case("x-sn-apikey"));
        let mut query: Vec<String> = others
            .map(|(name, value)| {
                format!(
                    "{}={}",
                    utf8_percent_encode(name, UNRESERVED),
                    utf8_percent_encode(value, UNRESERVED)
                )
            })
            .collect();
        query.push(format!("sysparm_offset={offset}"));
        format!("<{}{}?{}>", call.base, call.path, query.join("&"))
    };
    let mut links = vec![format!("{};rel=\"first\"", target(0))];
    if window.offset > 0 {
        links.push(format!(
            "{};rel=\"prev\"",
            target(window.offset.saturating_sub(window.limit))
        ));
    }
    let end = window.offset.saturating_add(window.limit);
    if context.semantics.next_link_at_end || total.map_or(full, |total| end < total) {
        links.push(format!("{};rel=\"next\"", target(end)));
    }
    if let Some(total) = total {
        links.push(format!(
            "{};rel=\"last\"",
            target(total.saturating_sub(1) / window.limit * window.limit)
        ));
    }
    links.join(",")
}
