//! `acme__Everything__c`: a namespaced custom object with one field of every type.

use super::{
    Field, Id, Kind, Object, USER, Value, World, amount, audit, below, chance, date, days, id_field,
    long_text, maybe, moment, name_field, reference, user_id, whole,
};

const LETTERS: &[&str] = &["A", "B", "C", "D"];
const TEXTS: &[&str] = &[
    "Service",
    "SERVICE",
    "service",
    "SERVİCE",
    "servıce",
    "Résumé",
    "Resume",
    "trail ",
    "trail",
    "100%",
    "100 x",
    "a_b",
    "a\\b",
    "a^b,c",
    "it's",
    "\"q\"",
    "two\nlines",
    "🚀",
];

/// The parts of the custom address.
const SITE: [&str; 8] = [
    "acme__Site__Street__s",
    "acme__Site__City__s",
    "acme__Site__StateCode__s",
    "acme__Site__PostalCode__s",
    "acme__Site__CountryCode__s",
    "acme__Site__Latitude__s",
    "acme__Site__Longitude__s",
    "acme__Site__GeocodeAccuracy__s",
];

fn rows(world: &World) -> usize {
    300 * world.scale
}

fn number(world: &World, row: usize) -> Value {
    match row % 12 {
        0 => Value::Null,
        1 => Value::Digits("999999999999999.999"),
        2 => Value::Number(1e-7),
        3 => Value::Number(-1.0e10),
        4 => Value::Int(300),
        5 => Value::Number(300.0),
        6 => Value::Number(0.1),
        _ => Value::Number(amount(world, "everything number", row, 1000)),
    }
}

fn day(world: &World, row: usize) -> Value {
    match row % 16 {
        0 => Value::Null,
        1 => Value::Date(days(1700, 1, 1)),
        2 => Value::Date(days(4000, 12, 31)),
        3 => Value::Date(days(1969, 12, 31)),
        _ => Value::Date(date(world, "everything day", row)),
    }
}

fn latitude(world: &World, row: usize) -> Value {
    if row.is_multiple_of(5) {
        Value::Null
    } else {
        Value::Number(amount(world, "everything latitude", row, 180) - 90.0)
    }
}

fn longitude(world: &World, row: usize) -> Value {
    if row.is_multiple_of(5) {
        Value::Null
    } else {
        Value::Number(amount(world, "everything longitude", row, 360) - 180.0)
    }
}

pub(super) fn everything(world: &World) -> Object {
    let mut fields = vec![
        id_field("Record ID", |_, i| Value::Id(Id::new("a00", i))),
        reference("OwnerId", "Owner", USER, "", |w, i| {
            user_id(w, "everything owner", i)
        })
        .required(),
        Field {
            auto_number: true,
            ..name_field(80, |_, i| Value::text(format!("EV-{i:05}")))
        }
        .read_only(),
    ];
    fields.extend(text_fields());
    fields.extend(choice_fields());
    fields.extend(marked_text_fields());
    fields.extend(rare_fields());
    fields.extend(number_fields());
    fields.extend(moment_fields());
    fields.extend(reference_fields());
    fields.extend(place_fields());
    fields.extend(audit(|w, i| Value::Bool(i >= rows(w))));
    Object {
        name: "acme__Everything__c",
        prefix: "a00",
        label: "Everything",
        plural: "Everythings",
        live: rows(world),
        deleted: 6,
        fields,
    }
}

fn text_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Text__c", Kind::String, |w, i| {
            if i % 10 == 0 {
                Value::Null
            } else {
                Value::Text(
                    TEXTS
                        .get(below(w.noise("text", i), TEXTS.len()))
                        .copied()
                        .unwrap_or_default()
                        .into(),
                )
            }
        }),
        Field::new("acme__Area__c", Kind::TextArea, |w, i| {
            maybe(w, "area", i, 20, TEXTS)
        }),
        Field::new("acme__Long__c", Kind::TextArea, |w, i| {
            long_text(w, "everything long", i)
        })
        .length(32_768),
        Field {
            extra_type_info: Some("richtextarea"),
            ..Field::new("acme__Rich__c", Kind::TextArea, |w, i| {
                if chance(w, "rich", i, 30) {
                    Value::Null
                } else {
                    Value::text(format!("<p>Row <b>{i}</b> &amp; more</p>"))
                }
            })
        }
        .length(32_000),
    ]
}

/// Texts of a list, single, several and free.
fn choice_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Pick__c", Kind::Picklist, |w, i| {
            maybe(
                w,
                "everything pick",
                i,
                10,
                &["Low", "High", "Medium", "Retired value"],
            )
        })
        .values(&["Low", "Medium", "High"]),
        Field::new("acme__Multi__c", Kind::MultiPicklist, |_, i| {
            let chosen: Vec<&str> = LETTERS
                .iter()
                .enumerate()
                .filter(|(at, _)| i >> at & 1 == 1)
                .map(|(_, letter)| *letter)
                .collect();
            Value::text(chosen.join(";"))
        })
        .values(LETTERS),
        Field::new("acme__Combo__c", Kind::Combobox, |w, i| {
            maybe(w, "combo", i, 10, &["Call", "Other", "free text"])
        }),
    ]
}

/// Texts with a meaning: addresses, a secret, a key.
fn marked_text_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Email__c", Kind::Email, |_, i| {
            if i % 7 == 0 {
                Value::Null
            } else {
                Value::text(format!("Ev{i}@Acme.example"))
            }
        }),
        Field::new("acme__Phone__c", Kind::Phone, |w, i| {
            super::phone(w, "everything phone", i)
        }),
        Field::new("acme__Url__c", Kind::Url, |_, i| {
            Value::text(format!("https://acme.example/e/{i}?a=b%20c#d"))
        }),
        Field::new("acme__Secret__c", Kind::EncryptedString, |_, i| {
            Value::text(format!("*****{:02}", i % 100))
        }),
        Field {
            unique: true,
            external_id: true,
            case_sensitive: true,
            ..Field::new("acme__Key__c", Kind::String, |_, i| {
                // Pairs that differ only in case: the field is unique and case-sensitive.
                Value::text(if i % 2 == 0 {
                    format!("key-{}", i / 2)
                } else {
                    format!("KEY-{}", i / 2)
                })
            })
        }
        .length(40),
    ]
}

/// Types that few objects have.
fn rare_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Any__c", Kind::AnyType, |_, i| match i % 4 {
            0 => Value::Text("text".into()),
            1 => Value::Number(1.5),
            2 => Value::Bool(true),
            _ => Value::Null,
        })
        .read_only(),
        Field::new("acme__Quantum__c", Kind::Future, |_, i| match i % 3 {
            0 => Value::Compound(vec![
                ("spin", Value::Text("up".into())),
                ("phase", Value::Number(0.5)),
            ]),
            1 => Value::Text("collapsed".into()),
            _ => Value::Null,
        })
        .read_only(),
        Field::new("acme__File__c", Kind::Base64, |_, i| {
            if i % 3 == 0 {
                Value::Null
            } else {
                Value::text(format!(
                    "/sobjects/acme__Everything__c/{}/acme__File__c",
                    Id::new("a00", i).as_str()
                ))
            }
        }),
    ]
}

fn number_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Flag__c", Kind::Boolean, |_, i| Value::Bool(i % 3 == 0)),
        Field::new("acme__Int__c", Kind::Int, |_, i| match i % 9 {
            0 => Value::Null,
            1 => Value::Int(i64::from(i32::MAX)),
            2 => Value::Int(i64::from(i32::MIN)),
            rest => Value::Int(i64::try_from(rest).unwrap_or_default() - 5),
        }),
        Field::new("acme__Long_Number__c", Kind::Long, |_, i| match i % 6 {
            0 => Value::Null,
            1 => Value::Int(9_007_199_254_740_993),
            rest => Value::Int(i64::try_from(rest * 1_000_000_007).unwrap_or_default()),
        }),
        Field::new("acme__Double__c", Kind::Double, number).digits(18, 3),
        Field::new("acme__Percent__c", Kind::Percent, |w, i| {
            if i % 8 == 0 {
                Value::Null
            } else {
                Value::Number(amount(w, "everything percent", i, 100))
            }
        })
        .digits(5, 2),
        Field::new("acme__Currency__c", Kind::Currency, |w, i| {
            if i % 11 == 0 {
                Value::Null
            } else {
                Value::Number(amount(w, "everything currency", i, 10_000))
            }
        }),
        Field::new("acme__Formula_Text__c", Kind::String, |w, i| {
            if whole(w, "formula", i, 10) < 2 {
                Value::Null
            } else {
                Value::text(format!("Row {}", i % 20))
            }
        })
        .formula("\"Row \" & TEXT(MOD(acme__Int__c, 20))"),
        Field::new("acme__Formula_Number__c", Kind::Double, |w, i| {
            number(w, i)
                .number()
                .map_or(Value::Null, |value| Value::Number(value * 2.0))
        })
        .formula("acme__Double__c * 2"),
        Field::new("acme__Formula_Flag__c", Kind::Boolean, |_, i| {
            Value::Bool(i % 3 != 0)
        })
        .formula("NOT(acme__Flag__c)"),
        Field::new("acme__Formula_Date__c", Kind::Date, |w, i| match day(w, i) {
            Value::Date(value) if value < days(4000, 1, 1) => Value::Date(value + 1),
            _ => Value::Null,
        })
        .formula("acme__Date__c + 1"),
    ]
}

fn moment_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Date__c", Kind::Date, day),
        Field::new("acme__Moment__c", Kind::DateTime, |w, i| match i % 16 {
            0 => Value::Null,
            1 => Value::DateTime(days(1700, 1, 2) * 86_400),
            2 => Value::DateTime(days(4000, 12, 31) * 86_400 + 86_399),
            _ => Value::DateTime(moment(w, "everything moment", i)),
        }),
        Field::new("acme__Time__c", Kind::Time, |w, i| match i % 8 {
            0 => Value::Null,
            1 => Value::Time(0),
            2 => Value::Time(86_399_999),
            _ => {
                Value::Time(u32::try_from(whole(w, "everything time", i, 86_400)).unwrap_or_default() * 1000)
            }
        }),
    ]
}

fn reference_fields() -> Vec<Field> {
    vec![
        reference(
            "acme__Account__c",
            "acme__Account__r",
            &["Account"],
            "acme__Everythings__r",
            |w, i| {
                if i % 6 == 0 {
                    Value::Null
                } else {
                    Value::Id(Id::new(
                        "001",
                        below(w.noise("everything account", i), w.accounts()),
                    ))
                }
            },
        ),
        // A reference to a record in the recycle bin: the id is there, the record is not.
        reference("acme__Lost__c", "acme__Lost__r", &["Account"], "", |w, i| {
            if i % 2 == 0 {
                Value::Null
            } else {
                Value::Id(Id::new("001", w.accounts() + i % 10))
            }
        }),
        reference(
            "acme__Parent__c",
            "acme__Parent__r",
            &["acme__Everything__c"],
            "acme__Children__r",
            |_, i| {
                if i == 0 || i % 4 == 0 {
                    Value::Null
                } else {
                    Value::Id(Id::new("a00", i / 2))
                }
            },
        ),
    ]
}

fn place_fields() -> Vec<Field> {
    vec![
        Field::new("acme__Place__Latitude__s", Kind::Double, latitude)
            .digits(18, 15)
            .part_of("acme__Place__c"),
        Field::new("acme__Place__Longitude__s", Kind::Double, longitude)
            .digits(18, 15)
            .part_of("acme__Place__c"),
        Field::new("acme__Place__c", Kind::Location, |w, i| match latitude(w, i) {
            Value::Null => Value::Null,
            value => Value::Compound(vec![("latitude", value), ("longitude", longitude(w, i))]),
        })
        .read_only(),
    ]
    .into_iter()
    .chain(super::address(SITE, "acme__Site__c"))
    .collect()
}
