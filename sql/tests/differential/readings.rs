//! The readings of the vendors' documentation under which answers must be the same.
//!
//! Left out, because they change what is there to be seen: hidden fields and rows, row ACLs, domains of users. Left out, because they
//! end in an error and not in another answer: quotas and rate rules, `forbidden_query_columns`.

use causeway_sandbox::servicenow::{Access, ChoiceAccess, InvalidQuery};

use crate::orgs::Reading;

/// Every switch on its own, after the likely readings; with the schema that it concerns.
pub(crate) fn readings() -> Vec<(&'static str, &'static str, Reading)> {
    let mut readings = vec![("as documented", "", Reading::default())];
    let mut add = |schema, name, change: &dyn Fn(&mut Reading)| {
        let mut reading = Reading::default();
        change(&mut reading);
        readings.push((name, schema, reading));
    };
    add("salesforce.", "nulls are not unequal", &|reading| {
        reading.salesforce.nulls_kept = false
    });
    add("salesforce.", "groups keep case", &|reading| {
        reading.salesforce.group_by_folds_case = false
    });
    add("salesforce.", "Salesforce folds accents", &|reading| {
        reading.salesforce.accents_fold = true
    });
    add("salesforce.", "Salesforce ignores trailing blanks", &|reading| {
        reading.salesforce.trailing_blanks_ignored = true;
    });
    add("salesforce.", "a Turkish user", &|reading| {
        reading.salesforce.turkish_locale = true;
        reading.no_salesforce_text = true;
    });
    add("salesforce.", "nulls last in descending order", &|reading| {
        reading.salesforce.nulls_first_default = false
    });
    add("salesforce.", "hidden parents are readable", &|reading| {
        reading.salesforce.hidden_parents_readable = true
    });
    add("servicenow.", "unknown columns return no rows", &|reading| {
        reading.servicenow.invalid_query = InvalidQuery::NoRows;
    });
    add("servicenow.", "ServiceNow keeps accents apart", &|reading| {
        reading.servicenow.accents_fold = false
    });
    add(
        "servicenow.",
        "ServiceNow keeps trailing blanks apart",
        &|reading| {
            reading.servicenow.trailing_blanks_ignored = false;
        },
    );
    add("servicenow.", "null is unequal", &|reading| {
        reading.servicenow.not_equal_returns_nulls = true
    });
    add("servicenow.", "the empty string is null", &|reading| {
        reading.servicenow.empty_string_stored_distinct = false;
    });
    add("servicenow.", "NULL is a word", &|reading| {
        reading.servicenow.null_word_is_empty = false
    });
    add("servicenow.", "LIKE has wildcards", &|reading| {
        reading.servicenow.like_wildcards = true
    });
    add("servicenow.", "literals in another zone", &|reading| {
        reading.servicenow.literal_zone_offset_minutes = -420;
        reading.servicenow.display_zone_offset_minutes = -420;
    });
    add("servicenow.", "a user in UTC", &|reading| {
        reading.servicenow.display_zone_offset_minutes = 0
    });
    add("servicenow.", "nulls last in ServiceNow", &|reading| {
        reading.servicenow.nulls_first = false
    });
    add("servicenow.", "pages overlap", &|reading| {
        reading.servicenow.pages_overlap = true
    });
    add("servicenow.", "no dictionary", &|reading| {
        reading.servicenow.dictionary_access = Access::Forbidden
    });
    add("servicenow.", "choices by label only", &|reading| {
        reading.servicenow.choice_access = ChoiceAccess::LabelOnly
    });
    add("servicenow.", "long requests are refused with 400", &|reading| {
        reading.servicenow.long_url_status = 400
    });
    add("servicenow.", "small batches", &|reading| {
        reading.servicenow.batch_serviced_limit = Some(1)
    });
    readings
}
