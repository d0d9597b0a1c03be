use std::sync::Arc;

use causeway_core::{Atom, ColumnType, Fidelity, Grouping, Literal, Order, RemoteOp, Table, TableName};
use datafusion::arrow::array::{ArrayRef, StringArray};

use super::*;

const YOUNG: Duration = Duration::from_secs(60);

fn table() -> Arc<Table> {
    let column = |name: &str| Column::field(name, ColumnType::Text, "string");
    Arc::new(Table {
        source: Arc::from("s"),
        name: TableName {
            name: "t".to_owned(),
            remote: "T".to_owned(),
            label: "T".to_owned(),
        },
        columns: vec![column("id"), column("name"), column("city")],
        key: vec![0],
        domain: None,
        url_template: String::new(),
        required_filter: None,
    })
}

fn query(columns: &[usize], filters: &[&str]) -> RemoteQuery {
    let mut query = RemoteQuery::new(table(), columns.to_vec());
    query.filters = filters
        .iter()
        .map(|text| Pushed {
            derived: false,
            condition: Atom::test(*text, RemoteOp::IsNotNull).into(),
            fidelity: Fidelity::Exact,
            reason: String::new(),
        })
        .collect();
    query
}

fn keyed(mut query: RemoteQuery, keys: &[&str]) -> RemoteQuery {
    query.keys = Some(KeySet::equal(
        0,
        keys.iter().map(|key| Literal::Text((*key).to_owned())).collect(),
    ));
    query
}

fn rows(query: &RemoteQuery, count: usize) -> Vec<RecordBatch> {
    let schema = query.output_schema();
    let column = |_| Arc::new(StringArray::from(vec!["x"; count])) as ArrayRef;
    let columns = (0..schema.fields().len()).map(column).collect();
    vec![RecordBatch::try_new(schema, columns).expect("a batch")]
}

fn cache_with(asked: RemoteQuery) -> ResultCache {
    let cache = ResultCache::new(1 << 20);
    let batches = match asked.grouping {
        Some(_) => Vec::new(),
        None => rows(&asked, 3),
    };
    cache.keep("ana", asked, batches, Instant::now());
    cache
}

/// Every filter can be checked over `city`.
fn needs_city(_: usize) -> Option<BTreeSet<usize>> {
    Some(BTreeSet::from([2]))
}

fn found(cache: &ResultCache, query: &RemoteQuery) -> Option<Hit> {
    cache.find("ana", query, YOUNG, &needs_city)
}

#[test]
fn the_same_query_of_the_same_person_is_answered() {
    let cache = cache_with(query(&[0, 1], &["a"]));
    let hit = found(&cache, &query(&[1], &["a"])).expect("held");
    assert!(hit.unchecked.is_empty());
    assert_eq!(hit.batches().expect("rows")[0].schema().field(0).name(), "name");
    assert!(
        cache
            .find("ben", &query(&[1], &["a"]), YOUNG, &needs_city)
            .is_none()
    );
    assert!(
        cache
            .find("ana", &query(&[1], &["a"]), Duration::ZERO, &needs_city)
            .is_none()
    );
}

#[test]
fn a_narrower_query_is_answered_when_what_is_more_can_be_checked() {
    let cache = cache_with(query(&[0, 1, 2], &["a"]));
    let hit = found(&cache, &query(&[1], &["a", "b"])).expect("held");
    assert_eq!((hit.unchecked, hit.table_columns), (vec![1], vec![1, 2]));
    let cannot = |_: usize| None;
    assert!(
        cache
            .find("ana", &query(&[1], &["a", "b"]), YOUNG, &cannot)
            .is_none()
    );
    let without_city = cache_with(query(&[0, 1], &["a"]));
    assert!(found(&without_city, &query(&[1], &["a", "b"])).is_none());
}

#[test]
fn a_wider_query_is_not_answered() {
    let cache = cache_with(query(&[0, 1], &["a"]));
    assert!(found(&cache, &query(&[0, 1], &[])).is_none());
    assert!(found(&cache, &query(&[0, 2], &["a"])).is_none());
    assert!(found(&cache, &query(&[0, 1], &["b"])).is_none());
}

#[test]
fn keys_are_answered_by_those_and_by_all_rows() {
    let cache = cache_with(keyed(query(&[0], &[]), &["x", "y"]));
    assert!(found(&cache, &keyed(query(&[0], &[]), &["y"])).is_some());
    assert!(found(&cache, &keyed(query(&[0], &[]), &["z"])).is_none());
    assert!(found(&cache, &query(&[0], &[])).is_none());
    assert!(found(&cache_with(query(&[0], &[])), &keyed(query(&[0], &[]), &["z"])).is_some());
}

#[test]
fn first_rows_and_groups_answer_their_like_only() {
    let mut first = query(&[0], &["a"]);
    first.limit = Some(5);
    let cache = cache_with(first.clone());
    assert!(found(&cache, &first).is_some());
    assert!(found(&cache, &query(&[0], &["a"])).is_none());
    first.filters.extend(query(&[0], &["b"]).filters);
    assert!(found(&cache, &first).is_none());
    let mut grouped = query(&[], &["a"]);
    grouped.grouping = Some(Grouping {
        keys: vec![1],
        aggregates: Vec::new(),
        having: Vec::new(),
    });
    let cache = cache_with(grouped.clone());
    assert!(found(&cache, &grouped).is_some());
    assert!(found(&cache, &query(&[], &["a"])).is_none());
    grouped.filters.extend(query(&[], &["b"]).filters);
    assert!(found(&cache, &grouped).is_none());
}

#[test]
fn an_order_is_answered_by_that_order_only() {
    let mut sorted = query(&[0], &[]);
    sorted.order = vec![Order {
        column: 0,
        descending: false,
        nulls_first: false,
    }];
    assert!(found(&cache_with(query(&[0], &[])), &sorted).is_none());
    assert!(found(&cache_with(sorted.clone()), &sorted).is_some());
    assert!(found(&cache_with(sorted.clone()), &query(&[0], &[])).is_some());
}

#[test]
fn the_oldest_rows_make_room() {
    let one = rows(&query(&[0], &["a"]), 100);
    let size: usize = one.iter().map(RecordBatch::get_array_memory_size).sum();
    let cache = ResultCache::new(4 * (size + weight(&query(&[0], &["a"]))));
    let began = Instant::now();
    for (at, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let moment = began + Duration::from_millis(at as u64);
        cache.keep("ana", query(&[0], &[name]), one.clone(), moment);
    }
    assert!(found(&cache, &query(&[0], &["a"])).is_none());
    assert!(found(&cache, &query(&[0], &["e"])).is_some());
    cache.keep(
        "ana",
        query(&[0], &["f"]),
        rows(&query(&[0], &["f"]), 1000),
        began,
    );
    assert!(found(&cache, &query(&[0], &["f"])).is_none(), "too large to keep");
}
