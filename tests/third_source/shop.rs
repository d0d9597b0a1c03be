//! A practice shop: an HTTP API with JSON bodies that keeps customers.
//!
//! It knows nothing of Causeway: it reads requests, compares values as its own manual says, and answers pages. Amounts are numbers of four
//! digits behind the point, a customer is known by branch and number together, the empty note is a note, and two fields differ in case only.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The token that the shop accepts.
pub(crate) const TOKEN: &str = "shop-practice-token";

/// Most rows of a page.
const PAGE: usize = 25;

const FIELDS: &[(&str, &str)] = &[
    ("branch", "text"),
    ("number", "integer"),
    ("Name", "text"),
    ("name", "text"),
    ("note", "text"),
    ("balance", "amount"),
    ("active", "flag"),
    ("since", "day"),
    ("address.city", "text"),
    ("vat.id", "text"),
    ("team", "text"),
];

/// The running shop. It ends when this is dropped.
pub(crate) struct Shop {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Value>>>,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Data {
    customers: Arc<Vec<Value>>,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Shop {
    pub(crate) async fn start() -> Self {
        let data = Data {
            customers: Arc::new(customers()),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&data.requests);
        let router = Router::new()
            .route("/v1/tables", get(tables))
            .route("/v1/customers/query", post(query))
            .with_state(data);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self {
            url,
            requests,
            _server: server,
        }
    }

    /// The bodies of the queries so far.
    pub(crate) fn take_requests(&self) -> Vec<Value> {
        std::mem::take(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// 120 customers; the values make every operator tell some of them apart.
pub(crate) fn customers() -> Vec<Value> {
    let towns = ["Malmö", "Lyon", "lyon", "", "Graz"];
    let customer = |at: i64| {
        let balance = match at % 7 {
            0 => Value::Null,
            1 => json!("0.1"),
            2 => json!("0.2000"),
            3 => Value::String(format!("-{at}.0050")),
            _ => Value::String(format!("900719925474099{}.{:04}", at % 10, at)),
        };
        let note = match at % 4 {
            0 => Value::Null,
            1 => json!(""),
            2 => json!("paid late"),
            _ => json!(format!("note {at}")),
        };
        let turn = |of: i64| usize::try_from(at % of).expect("a turn");
        let (branch, team) = [("north", "red"), ("south", "blue"), ("a/b", "global")][turn(3)];
        let town = towns[turn(5)];
        let vat = if at % 6 == 0 {
            Value::Null
        } else {
            json!(format!("V{at}"))
        };
        json!({
            "branch": branch,
            "number": at / 3 + 1,
            "Name": format!("Company {at}"),
            "name": format!("company {}", at % 10),
            "note": note,
            "balance": balance,
            "active": at % 5 != 0,
            "since": format!("20{:02}-03-0{}", at % 25, at % 9 + 1),
            "address": {"city": town},
            "vat.id": vat,
            "team": team,
        })
    };
    (0..120).map(customer).collect()
}

fn is_known(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value == format!("Bearer {TOKEN}").as_str())
}

async fn tables(headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if !is_known(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "who are you?"})));
    }
    let fields: Vec<Value> = FIELDS
        .iter()
        .map(|(name, kind)| json!({"name": name, "kind": kind}))
        .collect();
    let table =
        json!({"name": "customers", "title": "Customers", "key": ["branch", "number"], "fields": fields});
    (StatusCode::OK, Json(json!({"tables": [table]})))
}

async fn query(
    State(data): State<Data>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if !is_known(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "who are you?"})));
    }
    data.requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(asked.clone());
    let mut kept: Vec<&Value> = Vec::new();
    for customer in data.customers.iter() {
        match asked
            .get("where")
            .map_or(Ok(Some(true)), |condition| holds(condition, customer))
        {
            Ok(Some(true)) => kept.push(customer),
            Ok(_) => {}
            Err(fault) => return (StatusCode::BAD_REQUEST, Json(json!({"error": fault}))),
        }
    }
    let from = asked["after"]
        .as_u64()
        .and_then(|at| usize::try_from(at).ok())
        .unwrap_or(0);
    let fields: Vec<&str> = asked["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let page: Vec<Value> = kept
        .iter()
        .skip(from)
        .take(PAGE)
        .map(|row| shown(row, &fields))
        .collect();
    let next = (from + PAGE < kept.len()).then_some(from + PAGE);
    (
        StatusCode::OK,
        Json(json!({"count": kept.len(), "next": next, "rows": page})),
    )
}

/// A field's value; a point leads into an object, unless a field is called so.
fn value<'a>(customer: &'a Value, field: &str) -> Option<&'a Value> {
    let found = customer.get(field).or_else(|| {
        let (outer, inner) = field.split_once('.')?;
        customer.get(outer)?.get(inner)
    });
    found.filter(|value| !value.is_null())
}

fn shown(customer: &Value, fields: &[&str]) -> Value {
    let mut row = Map::new();
    for field in fields {
        let value = value(customer, field).cloned().unwrap_or(Value::Null);
        match (customer.get(*field), field.split_once('.')) {
            (None, Some((outer, inner))) => {
                let nested = row.entry(outer).or_insert_with(|| json!({}));
                nested[inner] = value;
            }
            _ => {
                row.insert((*field).to_owned(), value);
            }
        }
    }
    Value::Object(row)
}

/// Whether the condition holds; unknown where a value is missing.
fn holds(condition: &Value, customer: &Value) -> Result<Option<bool>, String> {
    let parts = |parts: &Value| {
        let parts = parts.as_array().into_iter().flatten();
        parts
            .map(|part| holds(part, customer))
            .collect::<Result<Vec<_>, _>>()
    };
    if let Some(all) = condition.get("all") {
        let parts = parts(all)?;
        return Ok(match parts.contains(&Some(false)) {
            true => Some(false),
            false => (!parts.contains(&None)).then_some(true),
        });
    }
    if let Some(any) = condition.get("any") {
        let parts = parts(any)?;
        return Ok(match parts.contains(&Some(true)) {
            true => Some(true),
            false => (!parts.contains(&None)).then_some(false),
        });
    }
    let field = condition["field"].as_str().ok_or("a condition names a field")?;
    let kind = FIELDS
        .iter()
        .find(|(name, _)| *name == field)
        .ok_or(format!("no field {field}"))?
        .1;
    let held = value(customer, field);
    let operator = condition["is"].as_str().ok_or("a condition has an operator")?;
    match operator {
        "missing" => return Ok(Some(held.is_none())),
        "present" => return Ok(Some(held.is_some())),
        _ => {}
    }
    let Some(held) = held else { return Ok(None) };
    let mut orders = Vec::new();
    for wanted in condition["values"].as_array().into_iter().flatten() {
        orders.push(order(kind, held, wanted)?);
    }
    let first = *orders.first().ok_or("a comparison has a value")?;
    Ok(Some(match operator {
        "among" => orders.iter().any(|order| order.is_eq()),
        "not among" => !orders.iter().any(|order| order.is_eq()),
        "less" => first.is_lt(),
        "at most" => first.is_le(),
        "more" => first.is_gt(),
        "at least" => first.is_ge(),
        other => return Err(format!("no operator {other}")),
    }))
}

fn order(kind: &str, held: &Value, wanted: &Value) -> Result<std::cmp::Ordering, String> {
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_owned)
            .ok_or(format!("{value} is no text"))
    };
    Ok(match kind {
        "integer" => {
            let number = |value: &Value| value.as_i64().ok_or(format!("{value} is no whole number"));
            number(held)?.cmp(&number(wanted)?)
        }
        "flag" => {
            let flag = |value: &Value| value.as_bool().ok_or(format!("{value} is no flag"));
            flag(held)?.cmp(&flag(wanted)?)
        }
        "amount" => units(&text(held)?)?.cmp(&units(&text(wanted)?)?),
        _ => text(held)?.as_bytes().cmp(text(wanted)?.as_bytes()),
    })
}

/// An amount as units of its 38th digit behind the point would be too long: whole part and fraction apart, with the sign.
fn units(amount: &str) -> Result<(i128, i128), String> {
    let fault = || format!("{amount} is no amount");
    let digits = amount.trim_start_matches('-');
    let sign = if digits.len() < amount.len() { -1 } else { 1 };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{fraction:0<38}");
    let number = |text: &str| text.parse::<i128>().map_err(|_| fault());
    let (whole, fraction) = (number(whole)?, number(&fraction)?);
    Ok((sign * whole, sign * fraction))
}
