//! The resources under `/services`.
//!
//! Owns: which path answers what, conditional describe, limits, single records. Does not own: HTTP; see `server`.

use serde_json::{Map, Value as Json, json};

use super::auth;
use super::composite;
use super::credentials::ORGANIZATION_ID;
use super::data::attachment_body;
use super::describe;
use super::error::ApiError;
use super::faults::Spoilt;
use super::query;
use super::reply::{Call, Reply};
use super::schema::Object;
use super::state::State;
use super::value::Id;

/// API versions that the org serves.
const VERSIONS: std::ops::RangeInclusive<u32> = 40..=67;
/// When the schema was last changed before the org was started: 2026-01-02T03:04:05Z.
const SCHEMA_SECONDS: i64 = 1_767_323_045;

/// Answers a call; the user is known when the call carried a valid token.
pub(super) fn answer(state: &State, call: &Call) -> (Reply, Option<&'static str>) {
    let path = call.path.trim_end_matches('/');
    if path == "/services/oauth2/token" {
        return (auth::token(&state.sessions, call, &state.url), None);
    }
    if path.starts_with("/services/Soap/u/") || path == "/services/Soap/u" {
        return (auth::soap_login(&state.sessions, call, &state.url), None);
    }
    if path == "/services/data" {
        return (versions(), None);
    }
    before_data(state, path);
    let Some(user) = state.sessions.user(call.header("authorization")) else {
        return (
            Reply::from(ApiError::new(
                401,
                "INVALID_SESSION_ID",
                "Session expired or invalid",
            )),
            None,
        );
    };
    if let Some(fault) = state.switches.change_faults(|faults| faults.take(path)) {
        if let Some(reply) = spoil(state, fault) {
            return (reply, Some(user));
        }
        let mut reply = counted(state, call, path, user);
        reply.cut = true;
        return (reply, Some(user));
    }
    (counted(state, call, path, user), Some(user))
}

/// Lets sessions expire as the faults say.
fn before_data(state: &State, path: &str) {
    let further_page = path.contains("/query/") || path.contains("/queryAll/");
    let expire = state.switches.change_faults(|faults| {
        let now = std::mem::take(&mut faults.expire_tokens);
        match faults.expire_tokens_after_pages {
            Some(0) if further_page => {
                faults.expire_tokens_after_pages = None;
                true
            }
            Some(pages) if further_page => {
                faults.expire_tokens_after_pages = Some(pages - 1);
                now
            }
            _ => now,
        }
    });
    if expire {
        state.sessions.expire();
    }
}

/// The reply of a fault; `None` for a fault that spoils the real reply.
fn spoil(state: &State, fault: Spoilt) -> Option<Reply> {
    Some(match fault {
        Spoilt::Unavailable => Reply::html(503, "Service Unavailable"),
        Spoilt::Throttled(wait) => {
            let mut reply = Reply::from(ApiError::new(429, "TOO_MANY_REQUESTS", "Too many requests"));
            reply
                .headers
                .extend(wait.map(|seconds| ("Retry-After", seconds.to_string())));
            reply
        }
        Spoilt::RequestLimit => over_limit(),
        Spoilt::QueryTimeout => Reply::from(ApiError::new(
            state.switches.semantics().query_timeout_status,
            "QUERY_TIMEOUT",
            "Your query request was running for too long.",
        )),
        Spoilt::Html => Reply::html(200, "Scheduled maintenance"),
        Spoilt::NotJson => Reply::json(200, b"{\"totalSize\":1,\"done\":true,\"records\":[{".to_vec()),
        Spoilt::CutBody => return None,
    })
}

fn over_limit() -> Reply {
    Reply::from(ApiError::new(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "TotalRequests Limit exceeded.",
    ))
}

/// Answers a data call and counts it.
fn counted(state: &State, call: &Call, path: &str, user: &'static str) -> Reply {
    if path == format!("/id/{ORGANIZATION_ID}") || path.starts_with("/id/") {
        return Reply::value(
            200,
            &json!({ "organization_id": ORGANIZATION_ID, "username": user, "active": true }),
        );
    }
    let calls = if path.ends_with("/composite/batch") {
        composite::batch_calls(call)
    } else {
        1
    };
    if !state.spend(calls) {
        return over_limit();
    }
    let mut reply = data(state, call, user).unwrap_or_else(Reply::from);
    let (used, limit) = state.usage();
    reply
        .headers
        .push(("Sforce-Limit-Info", format!("api-usage={used}/{limit}")));
    reply
}

fn versions() -> Reply {
    let list: Vec<Json> = VERSIONS
        .map(|version| {
            json!({ "label": format!("Release {version}"), "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0") })
        })
        .collect();
    Reply::value(200, &Json::Array(list))
}

fn not_found() -> ApiError {
    ApiError::new(404, "NOT_FOUND", "The requested resource does not exist")
}

/// Answers a call of a versioned resource; sub-requests of composite come here too.
pub(super) fn data(state: &State, call: &Call, user: &'static str) -> Result<Reply, ApiError> {
    let path = call.path.trim_end_matches('/');
    let rest = path.strip_prefix("/services/data/v").ok_or_else(not_found)?;
    let (version, resource) = rest.split_once('/').unwrap_or((rest, ""));
    let number: Option<u32> = version.strip_suffix(".0").and_then(|number| number.parse().ok());
    if !number.is_some_and(|number| VERSIONS.contains(&number)) {
        return Err(not_found());
    }
    let base = format!("/services/data/v{version}");
    let steps: Vec<&str> = resource.split('/').collect();
    if steps.first() == Some(&"composite") {
        return composite::run(call, &base, steps.get(1).copied(), &|inner| {
            data(state, inner, user)
        });
    }
    if call.method != "GET" && call.method != "HEAD" {
        return Err(ApiError::new(
            405,
            "METHOD_NOT_ALLOWED",
            format!("HTTP Method '{}' not allowed. Allowed are HEAD,GET", call.method),
        ));
    }
    match steps.as_slice() {
        [""] => Ok(resources(&base)),
        ["sobjects"] => conditional(state, call, || describe::global(&state.catalog, &base)),
        ["sobjects", name] => {
            let object = object(state, name)?;
            let own = describe::object(&state.catalog, object, &state.switches.semantics(), user, &base);
            Ok(Reply::value(
                200,
                &json!({ "objectDescribe": own, "recentItems": [] }),
            ))
        }
        ["sobjects", name, "describe"] => {
            let object = object(state, name)?;
            conditional(state, call, || {
                describe::object(&state.catalog, object, &state.switches.semantics(), user, &base)
            })
        }
        ["sobjects", name, id] => record(state, call, &base, user, object(state, name)?, id),
        ["sobjects", name, id, field] => blob(state, user, object(state, name)?, id, field),
        ["query"] => query::run(state, call, &base, user, false),
        ["queryAll"] => query::run(state, call, &base, user, true),
        ["query" | "queryAll", locator] => query::next(state, call, &base, user, locator),
        ["limits"] => Ok(limits(state)),
        ["limits", "recordCount"] => Ok(record_counts(state, call)),
        _ => Err(not_found()),
    }
}

fn resources(base: &str) -> Reply {
    let map: Map<String, Json> = ["sobjects", "query", "queryAll", "limits", "composite"]
        .into_iter()
        .map(|name| (name.to_owned(), json!(format!("{base}/{name}"))))
        .collect();
    Reply::value(200, &Json::Object(map))
}

fn object<'a>(state: &'a State, name: &str) -> Result<&'a Object, ApiError> {
    state.catalog.object(name).ok_or_else(not_found)
}

/// Answers 304 when the schema is as old as the caller's copy.
fn conditional(state: &State, call: &Call, body: impl FnOnce() -> Json) -> Result<Reply, ApiError> {
    let changed = SCHEMA_SECONDS + state.switches.changes();
    let modified = chrono::DateTime::from_timestamp(changed, 0)
        .map(|moment| moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default();
    let known = call
        .header("if-modified-since")
        .and_then(|text| chrono::NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok())
        .is_some_and(|moment| moment.and_utc().timestamp() >= changed);
    let mut reply = if known {
        Reply {
            status: 304,
            ..Reply::default()
        }
    } else {
        Reply::value(200, &body())
    };
    reply.headers.push(("ETag", format!("\"{changed:x}\"")));
    reply.headers.push(("Last-Modified", modified));
    Ok(reply)
}

fn record(
    state: &State,
    call: &Call,
    base: &str,
    user: &'static str,
    object: &Object,
    id: &str,
) -> Result<Reply, ApiError> {
    let missing = || {
        let message = format!("Provided external ID field does not exist or is not accessible: {id}");
        ApiError::new(404, "NOT_FOUND", message)
    };
    let id = Id::parse(id)
        .filter(|id| id.prefix() == object.prefix)
        .ok_or_else(missing)?;
    let row = id
        .row()
        .filter(|row| *row < object.live + object.deleted)
        .ok_or_else(not_found)?;
    if row >= object.live {
        return Err(ApiError::new(404, "ENTITY_IS_DELETED", "entity is deleted"));
    }
    let semantics = state.switches.semantics();
    if !semantics.sharing(user, object.name).shows(row) {
        return Err(not_found());
    }
    let fields = match call.parameter("fields") {
        Some(fields) => fields.to_owned(),
        None => {
            let all: Vec<&str> = object
                .visible_fields(&semantics, user)
                .iter()
                .map(|field| field.name)
                .collect();
            all.join(",")
        }
    };
    let mut inner = Call {
        method: "GET".to_owned(),
        ..Call::default()
    };
    let text = format!(
        "SELECT {fields} FROM {} WHERE Id = '{}'",
        object.name,
        id.as_str()
    );
    inner.parameters.push(("q".to_owned(), text));
    let found = query::run(state, &inner, base, user, false)?;
    // The one record of the result, without the envelope around it.
    let answer: Json = serde_json::from_slice(&found.body).map_err(|_| not_found())?;
    let record = answer.pointer("/records/0").ok_or_else(not_found)?;
    Ok(Reply {
        rows: 1,
        ..Reply::value(200, record)
    })
}

fn blob(state: &State, user: &str, object: &Object, id: &str, field: &str) -> Result<Reply, ApiError> {
    let semantics = state.switches.semantics();
    let field = object
        .visible_field(field, &semantics, user)
        .ok_or_else(not_found)?;
    let row = Id::parse(id)
        .filter(|id| id.prefix() == object.prefix)
        .and_then(|id| id.row())
        .filter(|row| *row < object.live && semantics.sharing(user, object.name).shows(*row))
        .ok_or_else(not_found)?;
    if field.kind != super::schema::Kind::Base64 {
        return Err(not_found());
    }
    Ok(Reply {
        status: 200,
        content_type: "application/octet-stream",
        body: attachment_body(row),
        ..Reply::default()
    })
}

fn limits(state: &State) -> Reply {
    let (used, limit) = state.usage();
    let pair = |max: usize, remaining: usize| json!({ "Max": max, "Remaining": remaining });
    Reply::value(
        200,
        &json!({
            "DailyApiRequests": pair(limit, limit - used),
            "DailyBulkApiRequests": pair(15_000, 15_000),
            "DailyBulkV2QueryFileStorageMB": pair(976_562, 976_562),
            "DailyBulkV2QueryJobs": pair(10_000, 10_000),
            "DataStorageMB": pair(1024, 900),
            "FileStorageMB": pair(1024, 1000),
        }),
    )
}

/// Approximate counts: good for statistics only, so they are off by a few per cent on purpose.
fn record_counts(state: &State, call: &Call) -> Reply {
    let wanted: Vec<&str> = call
        .parameter("sObjects")
        .map(|list| list.split(',').collect())
        .unwrap_or_default();
    let counts: Vec<Json> = state
        .catalog
        .objects
        .iter()
        .filter(|object| {
            wanted.is_empty() || wanted.iter().any(|name| name.eq_ignore_ascii_case(object.name))
        })
        .map(|object| json!({ "name": object.name, "count": object.live - object.live / 40 }))
        .collect();
    Reply::value(200, &json!({ "sObjects": counts }))
}
