//! User, Group and RecordType.

use super::{
    Field, Id, Kind, Object, USER, USERS, Value, audit, chance, id_field, maybe, moment, name_field,
    reference, whole,
};
use crate::salesforce::credentials;

const LOCALES: &[&str] = &["en_US", "es_ES", "tr_TR", "ja_JP"];

pub(super) fn user() -> Object {
    let mut fields = vec![
        id_field("User ID", |_, i| Value::Id(Id::new("005", i))),
        Field::new("Username", Kind::String, |_, i| Value::text(username(i)))
            .length(80)
            .required(),
        Field::new("LastName", Kind::String, |w, i| {
            Value::text(w.person("user", i).1)
        })
        .length(80)
        .required()
        .part_of("Name"),
        Field::new("FirstName", Kind::String, |w, i| {
            Value::text(w.person("user", i).0)
        })
        .length(40)
        .part_of("Name"),
        name_field(121, |w, i| {
            let (given, family) = w.person("user", i);
            Value::text(format!("{given} {family}"))
        })
        .read_only(),
    ];
    fields.extend(user_profile());
    fields.extend(
        audit(|_, _| Value::Bool(false))
            .into_iter()
            .filter(|field| field.name != "IsDeleted"),
    );
    Object {
        name: "User",
        prefix: "005",
        label: "User",
        plural: "Users",
        live: USERS,
        deleted: 0,
        fields,
    }
}

fn user_profile() -> Vec<Field> {
    vec![
        Field::new("Email", Kind::Email, |_, i| Value::text(username(i))).required(),
        Field::new("Alias", Kind::String, |_, i| Value::text(format!("u{i}")))
            .length(8)
            .required(),
        Field::new("Title", Kind::String, |w, i| {
            maybe(w, "user title", i, 50, &["Analyst", "Account Executive"])
        })
        .length(80),
        Field::new("Department", Kind::String, |w, i| {
            maybe(w, "user department", i, 40, &["Sales", "sales", "Service"])
        })
        .length(80),
        // A quarter of the users has left: records still point at them.
        Field::new("IsActive", Kind::Boolean, |_, i| Value::Bool(i % 4 != 3)),
        Field::new("UserType", Kind::Picklist, |_, _| Value::Text("Standard".into()))
            .values(&["Standard", "Guest"])
            .read_only(),
        Field::new("LocaleSidKey", Kind::Picklist, |w, i| {
            maybe(w, "locale", i, 0, LOCALES)
        })
        .values(LOCALES)
        .required(),
        Field::new("TimeZoneSidKey", Kind::Picklist, |w, i| {
            maybe(w, "zone", i, 0, &["Europe/Madrid", "America/Chicago"])
        })
        .values(&["America/Chicago", "Europe/Madrid"])
        .required(),
        reference("ManagerId", "Manager", USER, "ManagedUsers", |w, i| {
            // User 0 heads the tree, so that a chain of managers ends.
            if i == 0 {
                Value::Null
            } else {
                Value::Id(Id::new(
                    "005",
                    usize::try_from(whole(w, "manager", i, i)).unwrap_or_default(),
                ))
            }
        }),
        Field::new("LastLoginDate", Kind::DateTime, |w, i| {
            if chance(w, "logged in", i, 80) {
                Value::DateTime(moment(w, "login", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
    ]
}

/// The user name of user `row`: the ones that can sign in come first.
fn username(row: usize) -> String {
    credentials::USERNAMES
        .get(row)
        .map_or_else(|| format!("user{row}@acme.example"), |name| (*name).to_owned())
}

pub(super) fn group() -> Object {
    let mut fields = vec![
        id_field("Group ID", |_, i| Value::Id(Id::new("00G", i))),
        name_field(40, |_, i| {
            Value::Text(
                ["Tier 1", "Tier 2", "tier 2", "New leads"]
                    .get(i)
                    .copied()
                    .unwrap_or_default()
                    .into(),
            )
        }),
        Field::new("DeveloperName", Kind::String, |_, i| {
            Value::text(format!("Queue_{i}"))
        })
        .length(80),
        Field::new("Type", Kind::Picklist, |_, _| Value::Text("Queue".into())).values(&["Regular", "Queue"]),
    ];
    fields.extend(
        audit(|_, _| Value::Bool(false))
            .into_iter()
            .filter(|field| field.name != "IsDeleted"),
    );
    Object {
        name: "Group",
        prefix: "00G",
        label: "Group",
        plural: "Groups",
        live: 4,
        deleted: 0,
        fields,
    }
}

pub(super) fn record_type() -> Object {
    let mut fields = vec![
        id_field("Record Type ID", |_, i| Value::Id(Id::new("012", i))),
        name_field(80, |_, i| {
            Value::Text(
                ["Business", "Household"]
                    .get(i)
                    .copied()
                    .unwrap_or_default()
                    .into(),
            )
        }),
        Field::new("DeveloperName", Kind::String, |_, i| {
            Value::Text(
                ["Business", "Household"]
                    .get(i)
                    .copied()
                    .unwrap_or_default()
                    .into(),
            )
        })
        .length(80),
        Field::new("SobjectType", Kind::Picklist, |_, _| {
            Value::Text("Account".into())
        })
        .values(&["Account"]),
        Field::new("IsActive", Kind::Boolean, |_, _| Value::Bool(true)),
    ];
    fields.extend(
        audit(|_, _| Value::Bool(false))
            .into_iter()
            .filter(|field| field.name != "IsDeleted"),
    );
    Object {
        name: "RecordType",
        prefix: "012",
        label: "Record Type",
        plural: "Record Types",
        live: 2,
        deleted: 0,
        fields,
    }
}
