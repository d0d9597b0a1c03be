//! Case, Task, Event and Attachment.

use super::{
    Field, Id, Kind, Object, USER, USERS, Value, World, audit, below, cases, chance, contacts, date,
    id_field, long_text, maybe, moment, name_field, opportunities, pick, reference, user_id, whole,
};

const STATUS: &[&str] = &["New", "Working", "Escalated", "Closed"];
const PRIORITY: &[&str] = &["High", "Medium", "Low"];
const ORIGIN: &[&str] = &["Phone", "Email", "Web"];
const SUBJECTS: &[&str] = &[
    "Login fails",
    "LOGIN FAILS",
    "Invoice wrong",
    "100% CPU",
    "Can't print \"A4\"",
    "VPN\\proxy",
    "Ünïcode im Betreff",
];

/// A queue for one row in ten, a user otherwise.
pub(super) fn queue_or_user(world: &World, row: usize) -> Value {
    let noise = world.noise("queue or user", row);
    if noise.is_multiple_of(10) {
        Value::Id(Id::new("00G", below(noise >> 8, 4)))
    } else {
        Value::Id(Id::new("005", below(noise >> 8, USERS)))
    }
}

fn status(world: &World, row: usize) -> &'static str {
    pick(world, "case status", row, STATUS)
}

pub(super) fn case(world: &World) -> Object {
    let mut fields = vec![
        id_field("Case ID", |_, i| Value::Id(Id::new("500", i))),
        // Recorded describes have the case number filterable and sortable but not groupable.
        Field {
            groupable: false,
            auto_number: true,
            name_field: true,
            ..Field::new("CaseNumber", Kind::String, |_, i| {
                Value::text(format!("{:08}", i + 1000))
            })
        }
        .length(30)
        .required()
        .read_only(),
    ];
    fields.extend(case_parties());
    fields.extend(case_state());
    fields.extend(audit(|w, i| Value::Bool(i >= cases(w))));
    Object {
        name: "Case",
        prefix: "500",
        label: "Case",
        plural: "Cases",
        live: cases(world),
        deleted: 20,
        fields,
    }
}

fn case_parties() -> Vec<Field> {
    vec![
        reference("ContactId", "Contact", &["Contact"], "Cases", |w, i| {
            if chance(w, "case contact", i, 80) {
                Value::Id(Id::new(
                    "003",
                    below(w.noise("case contact", i) >> 8, contacts(w)),
                ))
            } else {
                Value::Null
            }
        }),
        reference("AccountId", "Account", &["Account"], "Cases", |w, i| {
            if i == 0 {
                Value::Id(Id::new("001", 0))
            } else {
                super::accounts::contact_account(w, i % contacts(w))
            }
        }),
        reference("ParentId", "Parent", &["Case"], "Cases", |w, i| {
            if i > 0 && chance(w, "case parent", i, 5) {
                Value::Id(Id::new("500", below(w.noise("case parent", i), i)))
            } else {
                Value::Null
            }
        }),
    ]
}

fn case_state() -> Vec<Field> {
    vec![
        Field::new("Type", Kind::Picklist, |w, i| {
            maybe(w, "case type", i, 30, &["Question", "Problem", "Feature Request"])
        })
        .values(&["Question", "Problem", "Feature Request"]),
        Field::new("Status", Kind::Picklist, |w, i| Value::Text(status(w, i).into()))
            .values(STATUS)
            .required(),
        Field::new("Origin", Kind::Picklist, |w, i| maybe(w, "origin", i, 5, ORIGIN)).values(ORIGIN),
        Field::new("Priority", Kind::Picklist, |w, i| {
            Value::Text(pick(w, "case priority", i, PRIORITY).into())
        })
        .values(PRIORITY),
        Field::new("Subject", Kind::String, |w, i| {
            maybe(w, "case subject", i, 3, SUBJECTS)
        }),
        Field::new("Description", Kind::TextArea, |w, i| {
            long_text(w, "case description", i)
        })
        .length(32_000),
        Field::new("IsClosed", Kind::Boolean, |w, i| {
            Value::Bool(status(w, i) == "Closed")
        })
        .read_only(),
        Field::new("ClosedDate", Kind::DateTime, |w, i| {
            if status(w, i) == "Closed" {
                Value::DateTime(moment(w, "case closed", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
        Field::new("IsEscalated", Kind::Boolean, |w, i| {
            Value::Bool(status(w, i) == "Escalated")
        }),
        reference("OwnerId", "Owner", &["Group", "User"], "", queue_or_user).required(),
        Field::new("Comments", Kind::TextArea, |_, _| Value::Null).length(4000),
    ]
}

/// What an activity is about: an account, an opportunity, a case or nothing.
fn what(world: &World, row: usize) -> Value {
    let noise = world.noise("what", row);
    match noise % 4 {
        0 => Value::Id(Id::new("001", below(noise >> 8, world.accounts()))),
        1 => Value::Id(Id::new("006", below(noise >> 8, opportunities(world)))),
        2 => Value::Id(Id::new("500", below(noise >> 8, cases(world)))),
        _ => Value::Null,
    }
}

/// Whom an activity is with: a contact, a lead or nobody.
fn who(world: &World, row: usize) -> Value {
    let noise = world.noise("who", row);
    match noise % 3 {
        0 => Value::Id(Id::new("003", below(noise >> 8, contacts(world)))),
        1 => Value::Id(Id::new("00Q", below(noise >> 8, 400 * world.scale))),
        _ => Value::Null,
    }
}

const WHAT: &[&str] = &["Account", "Case", "Opportunity"];
const WHO: &[&str] = &["Contact", "Lead"];

fn subject() -> Field {
    Field::new("Subject", Kind::Combobox, |w, i| {
        maybe(
            w,
            "activity subject",
            i,
            4,
            &["Call", "Email", "email", "Meeting", "Quote: 50%"],
        )
    })
}

pub(super) fn task(world: &World) -> Object {
    const TASK_STATUS: &[&str] = &["Not Started", "In Progress", "Completed", "Deferred"];
    let mut fields = vec![
        id_field("Activity ID", |_, i| Value::Id(Id::new("00T", i))),
        reference("WhoId", "Who", WHO, "Tasks", who),
        reference("WhatId", "What", WHAT, "Tasks", what),
        subject(),
        Field::new("ActivityDate", Kind::Date, |w, i| {
            if chance(w, "due", i, 80) {
                Value::Date(date(w, "due date", i))
            } else {
                Value::Null
            }
        }),
        Field::new("Status", Kind::Picklist, |w, i| {
            Value::Text(pick(w, "task status", i, TASK_STATUS).into())
        })
        .values(TASK_STATUS)
        .required(),
        Field::new("Priority", Kind::Picklist, |w, i| {
            Value::Text(pick(w, "task priority", i, &["High", "Normal", "Low"]).into())
        })
        .values(&["High", "Normal", "Low"])
        .required(),
        reference("OwnerId", "Owner", &["Group", "User"], "", queue_or_user).required(),
        Field::new("Description", Kind::TextArea, |w, i| {
            long_text(w, "task description", i)
        })
        .length(32_000),
        Field::new("IsClosed", Kind::Boolean, |w, i| {
            Value::Bool(pick(w, "task status", i, TASK_STATUS) == "Completed")
        })
        .read_only(),
        // Archived activities are beyond the live rows, as deleted ones are; /query sees neither.
        Field::new("IsArchived", Kind::Boolean, |w, i| {
            Value::Bool(i >= 800 * w.scale)
        })
        .read_only(),
    ];
    fields.extend(audit(|_, _| Value::Bool(false)));
    Object {
        name: "Task",
        prefix: "00T",
        label: "Task",
        plural: "Tasks",
        live: 800 * world.scale,
        deleted: 40,
        fields,
    }
}

pub(super) fn event(world: &World) -> Object {
    let mut fields = vec![
        id_field("Activity ID", |_, i| Value::Id(Id::new("00U", i))),
        reference("WhoId", "Who", WHO, "Events", who),
        reference("WhatId", "What", WHAT, "Events", what),
        subject(),
        Field::new("Location", Kind::String, |w, i| {
            maybe(w, "location", i, 50, &["Room 1", "room 1", "Online"])
        }),
        Field::new("IsAllDayEvent", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "all day", i, 10))
        }),
        Field::new("StartDateTime", Kind::DateTime, |w, i| {
            Value::DateTime(moment(w, "event start", i))
        }),
        Field::new("EndDateTime", Kind::DateTime, |w, i| {
            Value::DateTime(moment(w, "event start", i) + 3600)
        }),
        Field::new("DurationInMinutes", Kind::Int, |w, i| {
            Value::Int(30 + 15 * whole(w, "duration", i, 8))
        }),
        reference("OwnerId", "Owner", USER, "", |w, i| user_id(w, "event owner", i)).required(),
        Field::new("IsArchived", Kind::Boolean, |w, i| {
            Value::Bool(i >= 300 * w.scale)
        })
        .read_only(),
    ];
    fields.extend(audit(|_, _| Value::Bool(false)));
    Object {
        name: "Event",
        prefix: "00U",
        label: "Event",
        plural: "Events",
        live: 300 * world.scale,
        deleted: 10,
        fields,
    }
}

/// The bytes of an attachment, served raw at its `Body` address.
pub(in crate::salesforce) fn attachment_body(row: usize) -> Vec<u8> {
    (0..=u8::MAX)
        .cycle()
        .skip(row % 256)
        .take(300 + row * 7)
        .collect()
}

pub(super) fn attachment() -> Object {
    let mut fields = vec![
        id_field("Attachment ID", |_, i| Value::Id(Id::new("00P", i))),
        reference("ParentId", "Parent", WHAT, "Attachments", |w, i| {
            Value::Id(Id::new("001", below(w.noise("attachment", i), w.accounts())))
        })
        .required(),
        name_field(255, |_, i| Value::text(format!("scan-{i}.pdf"))),
        Field::new("ContentType", Kind::String, |_, _| {
            Value::Text("application/pdf".into())
        })
        .length(120),
        Field::new("BodyLength", Kind::Int, |_, i| {
            Value::Int(i64::try_from(attachment_body(i).len()).unwrap_or_default())
        })
        .read_only(),
        // In a query, base64 comes as the relative address of the bytes; the version is put in when the page is written.
        Field::new("Body", Kind::Base64, |_, i| {
            Value::text(format!(
                "/sobjects/Attachment/{}/Body",
                Id::new("00P", i).as_str()
            ))
        }),
        Field::new("IsPrivate", Kind::Boolean, |_, i| Value::Bool(i % 11 == 0)),
        reference("OwnerId", "Owner", USER, "", |w, i| {
            user_id(w, "attachment owner", i)
        })
        .required(),
    ];
    fields.extend(audit(|_, i| Value::Bool(i >= 60)));
    Object {
        name: "Attachment",
        prefix: "00P",
        label: "Attachment",
        plural: "Attachments",
        live: 60,
        deleted: 2,
        fields,
    }
}
