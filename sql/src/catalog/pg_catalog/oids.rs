//! Object ids that follow from schema and name.
//!
//! Owns: the ids of schemas, tables, views and roles. Does not own: those of PostgreSQL's own objects, which are PostgreSQL's.
//! Invariant: an object has the same id in every session, server and restart. Two names that share a place are told apart in the
//! order of their names, as far as the names are known.

use std::collections::HashSet;

/// The first id that PostgreSQL itself gives to a person's objects.
const FIRST: u32 = 16_384;
/// Ids stay positive in the `int4` that some drivers read them into.
const COUNT: u32 = i32::MAX as u32 - FIRST;

/// The ids of objects, which come in the order of their names.
pub(super) fn of_all<'a>(names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<i32> {
    let mut taken = HashSet::new();
    let ids = names.into_iter().map(|(schema, name)| {
        let mut id = of(schema, name);
        while !taken.insert(id) {
            id = if id == i32::MAX {
                FIRST.cast_signed()
            } else {
                id + 1
            };
        }
        id
    });
    ids.collect()
}

/// The id of an object that shares its place with no other.
pub(super) fn of(schema: &str, name: &str) -> i32 {
    // FNV-1a, fixed here because an id must outlive any library's choice of hash.
    let bytes = schema.bytes().chain([0]).chain(name.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (FIRST + hash % COUNT).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_follows_from_the_name() {
        assert_eq!(of("salesforce", "account"), of("salesforce", "account"));
        assert_ne!(of("salesforce", "account"), of("servicenow", "account"));
        assert_ne!(of("a", "bc"), of("ab", "c"));
        assert_eq!(of("salesforce", "account"), 710_592_441);
    }

    #[test]
    fn names_that_share_a_place_get_the_next() {
        let same = of("a", "b");
        assert_eq!(of_all([("a", "b"), ("a", "b")]), [same, same + 1]);
    }
}
