//! SOQL as a client sees it: statements in, records or errors out.

mod filters;
mod refusals;
mod relations;
mod results;
mod switches;

use serde_json::Value as Json;

use crate::Options;
use crate::salesforce::credentials::USERNAME;
use crate::salesforce::reply::Call;
use crate::salesforce::state::State;
use crate::salesforce::{Semantics, Switches, query};

const BASE: &str = "/services/data/v62.0";

fn org(change: impl FnOnce(&mut Semantics)) -> State {
    let mut semantics = Semantics::default();
    change(&mut semantics);
    State::new(
        &Options::default(),
        Switches::new(semantics),
        "http://127.0.0.1:1".to_owned(),
    )
}

fn ask(state: &State, soql: &str) -> Json {
    let mut call = Call::default();
    call.parameters.push(("q".to_owned(), soql.to_owned()));
    let reply =
        query::run(state, &call, BASE, USERNAME, false).unwrap_or_else(|error| panic!("{soql}: {error:?}"));
    serde_json::from_slice(&reply.body).unwrap()
}

fn size(state: &State, soql: &str) -> u64 {
    ask(state, soql)["totalSize"].as_u64().unwrap()
}

fn refusal(soql: &str) -> (&'static str, String) {
    refused(&org(|_| ()), soql)
}

fn refused(state: &State, soql: &str) -> (&'static str, String) {
    let mut call = Call::default();
    call.parameters.push(("q".to_owned(), soql.to_owned()));
    let error = query::run(state, &call, BASE, USERNAME, false).expect_err(soql);
    assert_eq!(error.status, 400, "{soql}");
    (error.code, error.message)
}

fn column(state: &State, soql: &str, name: &str) -> Vec<Json> {
    let answer = ask(state, soql);
    answer["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record[name].clone())
        .collect()
}
