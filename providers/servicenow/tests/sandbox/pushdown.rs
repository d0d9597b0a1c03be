//! What is sent keeps every row that SQL keeps.

use causeway_core::{Literal, Op, Source as _};
use causeway_sandbox::servicenow::Semantics;
use serde_json::json;

use crate::bench::{self, Bench, is, strict};

#[tokio::test]
async fn a_predicate_that_the_instance_drops_only_widens() {
    let bench = Bench::start().await;
    bench.source.table(&strict(), "incident").await.expect("a table");
    bench.instance.semantics().change(|semantics| {
        semantics
            .stripped_columns
            .insert(("incident".to_owned(), "number".to_owned()));
    });
    let filter = is(0, Op::Eq, Literal::Text("INC0000001".into()));
    let rows = bench
        .rows("incident", &["number"], &[filter])
        .await
        .expect("rows");
    assert_eq!(
        rows.len(),
        5000,
        "the engine checks the predicate again on all of them"
    );
}

#[tokio::test]
async fn what_is_pushed_keeps_every_row_that_a_local_filter_keeps() {
    let readings = [
        Semantics::default(),
        Semantics {
            accents_fold: false,
            trailing_blanks_ignored: false,
            not_equal_returns_nulls: true,
            false_matches_null: true,
            empty_string_stored_distinct: false,
            null_word_is_empty: false,
            like_wildcards: true,
            literal_zone_offset_minutes: 14 * 60,
            ..Semantics::default()
        },
        Semantics {
            literal_zone_offset_minutes: -12 * 60,
            ..Semantics::default()
        },
    ];
    for (at, semantics) in readings.into_iter().enumerate() {
        let is_default = at == 0;
        let in_utc = semantics.literal_zone_offset_minutes == 0;
        // Without the assumption less is known, whatever the reading.
        for full_access in [false, true].into_iter().filter(|full| *full || is_default) {
            let more = json!({"assume_full_read_access": full_access});
            let bench = Bench::with(semantics.clone(), bench::client_credentials(), more).await;
            let (mut pushed, mut exact) = bench.compare_pushed_with_local("u_everything").await;
            if is_default {
                let (more_pushed, more_exact) = bench.compare_pushed_with_local("customer_account").await;
                (pushed, exact) = (pushed + more_pushed, exact + more_exact);
            }
            assert!(pushed > 500, "{pushed} predicates were pushed");
            // Without proof nothing is exact.
            let wanted = if full_access && in_utc {
                200..pushed
            } else if full_access {
                100..pushed
            } else {
                0..1
            };
            assert!(wanted.contains(&exact), "{exact} of {pushed} were exact");
            let entries = bench.instance.log().entries();
            let violations: Vec<String> = entries.into_iter().filter_map(|entry| entry.violation).collect();
            assert!(violations.is_empty(), "{violations:?}");
        }
    }
}
