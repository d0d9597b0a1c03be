//! Splits the keys of a join over requests.
//!
//! Owns: how many keys fit into one request. Does not own: how keys are written; each source's dialect measures them.
//! Invariant: every key is in exactly one request. Start at [`split`].

use std::sync::Arc;

use crate::{Error, KeySet, Kind, Literal, RemoteQuery, Source};

/// Splits `query` by its keys so that each request fits; a query without keys stays whole.
///
/// # Errors
/// Returns [`Kind::Malformed`] when even one key makes the request too long, or when the query can't be written.
pub fn split(source: &dyn Source, query: &RemoteQuery) -> Result<Vec<RemoteQuery>, Error> {
    let Some(keys) = &query.keys else {
        return Ok(vec![query.clone()]);
    };
    let limit = source.limits().request_bytes;
    if keys.values.is_empty() {
        return Ok(vec![query.clone()]);
    }
    let mut rest: &[Literal] = &keys.values;
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        // Records without a value belong to one request alone.
        let own = KeySet {
            or_null: keys.or_null && chunks.is_empty(),
            values: Vec::new(),
            ..*keys
        };
        let (chunk, taken) = largest_fit(source, query, &own, rest, limit)?;
        chunks.push(chunk);
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(chunks)
}

/// The query with the longest prefix of `values` that fits, and that prefix's length.
fn largest_fit(
    source: &dyn Source,
    query: &RemoteQuery,
    keys: &KeySet,
    values: &[Literal],
    limit: usize,
) -> Result<(RemoteQuery, usize), Error> {
    let with = |count: usize| RemoteQuery {
        keys: Some(keys.with_values(values.iter().take(count).cloned().collect())),
        table: Arc::clone(&query.table),
        ..query.clone()
    };
    let fits = |count: usize| Ok::<_, Error>(source.dialect().request_bytes(&with(count))? <= limit);
    if fits(values.len())? {
        return Ok((with(values.len()), values.len()));
    }
    // Every prefix up to `fitting` fits, none from `too_many` on: longer prefixes only make longer requests.
    let (mut fitting, mut too_many) = (0, values.len());
    while too_many - fitting > 1 {
        let middle = usize::midpoint(fitting, too_many);
        if fits(middle)? {
            fitting = middle
        } else {
            too_many = middle
        }
    }
    if fitting == 0 {
        let message =
            format!("a request with a single key is longer than {limit} bytes; select fewer columns");
        return Err(Error::new(source.name(), Kind::Malformed, message).with_table(&query.table.name.name));
    }
    Ok((with(fitting), fitting))
}
