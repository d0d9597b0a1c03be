//! Name patterns, as the configuration uses them for tables and policies.

/// Whether the whole `name` matches `pattern`, in which `*` is any text and `?` any character. Letter case is ignored.
#[must_use]
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let characters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    matches(&characters(pattern), &characters(name))
}

fn matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), None) => matches(rest, name),
        (Some(('*', rest)), Some((_, tail))) => matches(rest, name) || matches(pattern, tail),
        (Some((wanted, rest)), Some((found, tail))) => {
            (*wanted == '?' || wanted == found) && matches(rest, tail)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_in_any_case() {
        for (pattern, name, wanted) in [
            ("salesforce.opportunity", "Salesforce.Opportunity", true),
            ("salesforce.*", "salesforce.account", true),
            ("*", "x.y", true),
            ("*", "", true),
            ("*.case", "sf.case", true),
            ("*.case", "sf.casex", false),
            ("acme__?verything__c", "acme__Everything__c", true),
            ("acme__?verything__c", "acme__verything__c", false),
            ("*_ci_*r", "cmdb_ci_server", true),
            ("*_ci_*r", "cmdb_ci_disk", false),
            ("incident", "incident_x", false),
            ("", "x", false),
        ] {
            assert_eq!(matches_pattern(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
