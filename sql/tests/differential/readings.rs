//! The readings of the vendors' documentation under which answers must be the same.
//!
//! Left out, because they change what is there to be seen: hidden fields and rows, row ACLs, domains of users, several currencies, case
//! variants of picklists. Left out, because they end in an error and not in another answer: quotas and rate rules, a missing count,
//! `forbidden_query_columns`, the status of a refusal.

use std::collections::BTreeSet;

use causeway_sandbox::salesforce::{self, Flag, LyingFlag};
use causeway_sandbox::servicenow::{self, Access, ChoiceAccess, InvalidQuery};

use crate::orgs::Reading;

type SalesforceSwitch = (&'static str, fn(&mut salesforce::Semantics) -> &mut bool);
type ServiceNowSwitch = (&'static str, fn(&mut servicenow::Semantics) -> &mut bool);

macro_rules! switches {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), |semantics| &mut semantics.$name)),*] };
}

const SALESFORCE: &[SalesforceSwitch] = switches![
    nulls_kept,
    excludes_keeps_nulls,
    null_inequality_keeps_all,
    null_in_list_matches,
    anti_join_null_drops_all,
    empty_text_is_null,
    group_by_folds_case,
    group_by_folds_picklists,
    accents_fold,
    trailing_blanks_ignored,
    leading_blanks_ignored,
    nulls_first_default,
    reference_nulls_last_ignored,
    parent_nulls_last_ignored,
    exponents_accepted,
    fractional_seconds_accepted,
    limit_zero_accepted,
    multipicklist_order_matters,
    short_ids_match,
    malformed_ids_refused,
    aggregates_round_to_scale,
    empty_sum_is_zero,
    group_limit_follows_batch_size,
    hidden_parents_readable,
];

const SERVICENOW: &[ServiceNowSwitch] = switches![
    case_folds,
    accents_fold,
    trailing_blanks_ignored,
    not_equal_returns_nulls,
    not_like_returns_nulls,
    empty_string_stored_distinct,
    empty_value_is_empty,
    null_word_is_empty,
    like_wildcards,
    notlike_accepted,
    double_caret_escapes,
    single_in_works,
    in_trims_blanks,
    decimal_literals_rounded,
    date_only_equals_day,
    false_matches_null,
    boolean_digits_accepted,
    list_equals_is_membership,
    translated_text_matches,
    dot_walk_inner_joins,
    dot_walk_not_equal_returns_nulls,
    dot_walk_null_missing,
    choices_sort_by_label,
    nulls_first,
    pages_overlap,
    next_link_at_end,
    stats_apply_row_acls,
    stats_apply_field_acls,
    stats_empty_key_missing,
    stats_empty_count_missing,
    stats_merge_null_and_empty,
    stats_honour_limit,
    stats_scientific_average,
    stats_durations_as_dates,
    ui_meta_available,
];

/// Readings with their names, and the schema that each concerns.
struct Readings(Vec<(String, &'static str, Reading)>);

impl Readings {
    fn add(&mut self, schema: &'static str, name: &str, change: &dyn Fn(&mut Reading)) {
        let mut reading = Reading::default();
        change(&mut reading);
        self.0.push((name.to_owned(), schema, reading));
    }
}

/// Every switch on its own, and what is no plain switch; with the schema that it concerns.
pub(crate) fn readings() -> Vec<(String, &'static str, Reading)> {
    let mut readings = Readings(vec![("as documented".to_owned(), "", Reading::default())]);
    add_switches(&mut readings);
    readings.add("salesforce.", "a Turkish user", &|reading| {
        reading.salesforce.turkish_locale = true;
        reading.no_salesforce_text = true;
    });
    readings.add("salesforce.", "few groups", &|reading| {
        reading.salesforce.group_limit = 3
    });
    readings.add("salesforce.", "flags that lie", &|reading| {
        reading.salesforce.lying_flags = lies();
    });
    add_unknown_columns(&mut readings);
    readings.add("servicenow.", "text matched exactly", &|reading| {
        reading.servicenow.exact_text_columns = stripped();
    });
    readings.add("servicenow.", "literals in another zone", &|reading| {
        reading.servicenow.literal_zone_offset_minutes = -420;
        reading.servicenow.display_zone_offset_minutes = -420;
    });
    readings.add("servicenow.", "a user in UTC", &|reading| {
        reading.servicenow.display_zone_offset_minutes = 0;
    });
    readings.add("servicenow.", "no dictionary", &|reading| {
        reading.servicenow.dictionary_access = Access::Forbidden;
    });
    readings.add("servicenow.", "choices by label only", &|reading| {
        reading.servicenow.choice_access = ChoiceAccess::LabelOnly;
    });
    readings.add("servicenow.", "long requests are refused with 400", &|reading| {
        reading.servicenow.long_url_status = 400;
    });
    readings.add("servicenow.", "small batches", &|reading| {
        reading.servicenow.batch_serviced_limit = Some(1);
    });
    readings.0
}

fn add_switches(readings: &mut Readings) {
    for (name, switch) in SALESFORCE {
        readings.add(
            "salesforce.",
            &format!("Salesforce {name} the other way"),
            &|reading| {
                let switch = switch(&mut reading.salesforce);
                *switch = !*switch;
            },
        );
    }
    for (name, switch) in SERVICENOW {
        readings.add(
            "servicenow.",
            &format!("ServiceNow {name} the other way"),
            &|reading| {
                let switch = switch(&mut reading.servicenow);
                *switch = !*switch;
            },
        );
    }
}

/// What an instance may do with conditions on columns that it does not know, or that nobody may see.
fn add_unknown_columns(readings: &mut Readings) {
    readings.add("servicenow.", "unknown columns return no rows", &|reading| {
        reading.servicenow.invalid_query = InvalidQuery::NoRows;
    });
    readings.add(
        "servicenow.",
        "sorts by unknown columns return no rows",
        &|reading| {
            reading.servicenow.invalid_query = InvalidQuery::NoRows;
            reading.servicenow.invalid_sort_empties = true;
        },
    );
    for regime in [InvalidQuery::Ignore, InvalidQuery::NoRows] {
        let named = |what: &str| format!("{what} under {regime:?}");
        readings.add("servicenow.", &named("stripped columns"), &|reading| {
            reading.servicenow.invalid_query = regime;
            reading.servicenow.stripped_columns = stripped();
        });
        readings.add(
            "servicenow.",
            &named("columns stripped from matches"),
            &|reading| {
                reading.servicenow.invalid_query = regime;
                reading.servicenow.stripped_match_columns = stripped();
            },
        );
        readings.add(
            "servicenow.",
            &named("columns stripped from ranges and sorts"),
            &|reading| {
                reading.servicenow.invalid_query = regime;
                reading.servicenow.stripped_range_columns = stripped();
            },
        );
    }
}

/// Columns that the suites filter and sort by.
fn stripped() -> BTreeSet<(String, String)> {
    let columns = [
        ("incident", "priority"),
        ("incident", "opened_at"),
        ("incident", "short_description"),
        ("incident", "active"),
        ("customer_account", "name"),
        ("customer_account", "u_salesforce_account_id"),
        ("sn_customerservice_case", "account"),
        ("sn_customerservice_case", "state"),
    ];
    let owned = |(table, column): (&str, &str)| (table.to_owned(), column.to_owned());
    columns.into_iter().map(owned).collect()
}

/// Fields whose describe says yes and whose queries are refused.
fn lies() -> Vec<LyingFlag> {
    let lie = |object: &str, field: &str, flag| LyingFlag {
        object: object.to_owned(),
        field: field.to_owned(),
        flag,
    };
    vec![
        lie("Account", "Name", Flag::Filterable),
        lie("Opportunity", "StageName", Flag::Groupable),
        lie("Opportunity", "IsClosed", Flag::Groupable),
        lie("Opportunity", "AccountId", Flag::Groupable),
        lie("Opportunity", "CloseDate", Flag::Sortable),
        lie("Opportunity", "Amount", Flag::Aggregatable),
    ]
}
