//! Opportunity and Lead.

use super::{
    Field, Id, Kind, Object, USER, Value, World, amount, audit, below, chance, date, id_field, long_text,
    maybe, moment, name_field, opportunities, phone, pick, reference, user_id, whole,
};

const STAGES: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];
const PROBABILITIES: &[f64] = &[10.0, 20.0, 35.5, 75.0, 90.0, 100.0, 0.0];
const FORECASTS: &[&str] = &[
    "Pipeline",
    "Pipeline",
    "Pipeline",
    "Best Case",
    "Commit",
    "Closed",
    "Omitted",
];
/// Stages of the seven opportunities of `Boxeo`: four are open.
const BOXEO_STAGES: [usize; 7] = [0, 1, 4, 5, 6, 3, 5];
const BOXEO_NAMES: [&str; 7] = [
    "Boxeo - Ring renewal",
    "Boxeo - Gloves 2024",
    "boxeo - gloves 2024",
    "Boxeo - O'Hara's \"corner\"",
    "Boxeo - 100% mats_and\\ropes",
    "Boxeo - Timing 🚀",
    "Boxeo - Lights, phase 2",
];
const TYPES: &[&str] = &[
    "New Customer",
    "Existing Customer - Upgrade",
    "Existing Customer - Replacement",
];
const SOURCES: &[&str] = &[
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Other",
];
const PRODUCTS: &[&str] = &[
    "Generators",
    "Upgrade",
    "Licences",
    "Café fit-out",
    "support",
    "Support",
    "SLA: 99.9%",
    "Back\\office",
];

fn stage(world: &World, row: usize) -> usize {
    match BOXEO_STAGES.get(row) {
        Some(stage) => *stage,
        None => below(world.noise("stage", row), STAGES.len()),
    }
}

fn stage_name(world: &World, row: usize) -> &'static str {
    STAGES.get(stage(world, row)).copied().unwrap_or_default()
}

/// The account of an opportunity: rows 0 to 6 belong to `Boxeo`, the next 3,000 to `Megacorp`; the rest lie
/// mostly with the first accounts, every seventh account has none, and some opportunities have no account.
fn account(world: &World, row: usize) -> Value {
    let index = match row {
        0..7 => 0,
        7..3007 => 1,
        _ => {
            let noise = world.noise("opportunity account", row);
            if noise.is_multiple_of(40) {
                return Value::Null;
            }
            let others = world.accounts().saturating_sub(3).max(1);
            let spread = below(noise >> 8, others) * below(noise >> 36, others) / others;
            let index = 2 + spread;
            if index % 7 == 3 { index + 1 } else { index }
        }
    };
    Value::Id(Id::new("001", index))
}

fn name(world: &World, row: usize) -> Value {
    match BOXEO_NAMES.get(row) {
        Some(name) => Value::Text((*name).into()),
        None => Value::text(format!("{} {row}", pick(world, "opportunity", row, PRODUCTS))),
    }
}

fn deal(world: &World, row: usize) -> Value {
    match below(world.noise("amount", row), 200) {
        0..8 => Value::Null,
        8 => Value::Number(0.0),
        9 => Value::Digits("1234567890123456.78"),
        10 => Value::Number(2.5e10),
        11 => Value::Number(0.1),
        12 => Value::Number(-1500.5),
        // More decimals than the field's scale: written through the API and never rounded.
        13 => Value::Number(1_999.987_654),
        14 => Value::Int(400),
        _ => Value::Number(amount(world, "amount", row ^ 0x33, 250_000)),
    }
}

pub(super) fn opportunity(world: &World) -> Object {
    let mut fields = vec![
        id_field("Opportunity ID", |_, i| Value::Id(Id::new("006", i))),
        reference("AccountId", "Account", &["Account"], "Opportunities", account),
        Field::new("IsPrivate", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "private", i, 2))
        }),
        name_field(120, name),
        Field::new("Description", Kind::TextArea, |w, i| {
            long_text(w, "opportunity description", i)
        })
        .length(32_000),
        Field::new("StageName", Kind::Picklist, |w, i| {
            Value::Text(stage_name(w, i).into())
        })
        .values(STAGES)
        .required(),
        Field::new("Amount", Kind::Currency, deal),
        Field::new("Probability", Kind::Percent, |w, i| {
            PROBABILITIES
                .get(stage(w, i))
                .map_or(Value::Null, |value| Value::Number(*value))
        })
        .digits(3, 0),
        Field::new("ExpectedRevenue", Kind::Currency, |w, i| {
            let chance = PROBABILITIES.get(stage(w, i)).copied().unwrap_or_default();
            deal(w, i).number().map_or(Value::Null, |amount| {
                Value::Number((amount * chance).round() / 100.0)
            })
        })
        .read_only(),
        Field::new("TotalOpportunityQuantity", Kind::Double, |_, _| Value::Null).digits(18, 2),
        Field::new("CloseDate", Kind::Date, |w, i| Value::Date(date(w, "close", i))).required(),
    ];
    fields.extend(opportunity_origin());
    fields.extend(opportunity_state());
    fields.extend(opportunity_activity());
    fields.extend(opportunity_custom());
    fields.extend(audit(|w, i| Value::Bool(i >= opportunities(w))));
    Object {
        name: "Opportunity",
        prefix: "006",
        label: "Opportunity",
        plural: "Opportunities",
        live: opportunities(world),
        deleted: 60 * world.scale,
        fields,
    }
}

fn opportunity_origin() -> Vec<Field> {
    vec![
        Field::new("Type", Kind::Picklist, |w, i| {
            maybe(w, "opportunity type", i, 15, TYPES)
        })
        .values(TYPES),
        Field::new("NextStep", Kind::String, |w, i| {
            maybe(
                w,
                "next step",
                i,
                50,
                &["Call", "call", "Send quote", "Meet  ", "CALL"],
            )
        }),
        Field::new("LeadSource", Kind::Picklist, |w, i| {
            maybe(w, "opportunity source", i, 25, SOURCES)
        })
        .values(SOURCES),
    ]
}

fn opportunity_state() -> Vec<Field> {
    vec![
        Field::new("IsClosed", Kind::Boolean, |w, i| Value::Bool(stage(w, i) >= 5)).read_only(),
        Field::new("IsWon", Kind::Boolean, |w, i| Value::Bool(stage(w, i) == 5)).read_only(),
        Field::new("ForecastCategory", Kind::Picklist, |w, i| {
            Value::Text(FORECASTS.get(stage(w, i)).copied().unwrap_or_default().into())
        })
        .values(&["Omitted", "Pipeline", "Best Case", "Commit", "Closed"])
        .required()
        .read_only(),
        Field::new("HasOpportunityLineItem", Kind::Boolean, |_, _| Value::Bool(false)).read_only(),
        reference(
            "Pricebook2Id",
            "Pricebook2",
            &["Pricebook2"],
            "Opportunities",
            |w, i| {
                if chance(w, "pricebook", i, 60) {
                    Value::Id(Id::new("01s", below(w.noise("pricebook", i), 3)))
                } else {
                    Value::Null
                }
            },
        ),
        reference("OwnerId", "Owner", USER, "", |w, i| {
            user_id(w, "opportunity owner", i)
        })
        .required(),
    ]
}

fn opportunity_activity() -> Vec<Field> {
    vec![
        Field::new("LastActivityDate", Kind::Date, |w, i| {
            if chance(w, "opportunity active", i, 50) {
                Value::Date(date(w, "activity", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
        Field::new("LastStageChangeDate", Kind::DateTime, |w, i| {
            if chance(w, "stage changed", i, 80) {
                Value::DateTime(moment(w, "stage change", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
        Field::new("FiscalQuarter", Kind::Int, |w, i| {
            Value::Int((super::super::value::civil(date(w, "close", i)).1 - 1) / 3 + 1)
        })
        .read_only(),
        Field::new("FiscalYear", Kind::Int, |w, i| {
            Value::Int(super::super::value::civil(date(w, "close", i)).0)
        })
        .read_only(),
        reference("ContactId", "Contact", &["Contact"], "Opportunities", |w, i| {
            if chance(w, "primary contact", i, 40) {
                Value::Id(Id::new(
                    "003",
                    below(w.noise("primary contact", i), super::contacts(w)),
                ))
            } else {
                Value::Null
            }
        }),
        Field::new("HasOpenActivity", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "open activity", i, 30))
        })
        .opaque()
        .read_only(),
        Field::new("HasOverdueTask", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "overdue", i, 5))
        })
        .opaque()
        .read_only(),
    ]
}

fn opportunity_custom() -> Vec<Field> {
    vec![
        Field::new("acme__Region_Note__c", Kind::TextArea, |w, i| {
            long_text(w, "region note", i)
        })
        .length(32_768),
        Field::new("acme__Margin__c", Kind::Percent, |w, i| {
            if chance(w, "margin known", i, 20) {
                Value::Null
            } else {
                Value::Number(amount(w, "margin", i, 100))
            }
        })
        .digits(5, 2),
    ]
}

const LEAD_STATUS: &[&str] = &[
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];

pub(super) fn lead(world: &World) -> Object {
    let mut fields = vec![id_field("Lead ID", |_, i| Value::Id(Id::new("00Q", i)))];
    fields.extend(lead_person());
    fields.extend(lead_progress());
    fields.extend(audit(|w, i| Value::Bool(i >= 400 * w.scale)));
    Object {
        name: "Lead",
        prefix: "00Q",
        label: "Lead",
        plural: "Leads",
        live: 400 * world.scale,
        deleted: 5,
        fields,
    }
}

fn lead_person() -> Vec<Field> {
    vec![
        Field::new("LastName", Kind::String, |w, i| {
            Value::text(w.person("lead", i).1)
        })
        .length(80)
        .required()
        .part_of("Name"),
        Field::new("FirstName", Kind::String, |w, i| {
            Value::text(w.person("lead", i).0)
        })
        .length(40)
        .part_of("Name"),
        name_field(121, |w, i| {
            let (given, family) = w.person("lead", i);
            Value::text(format!("{given} {family}"))
        })
        .read_only(),
        Field::new("Company", Kind::String, |w, i| {
            Value::text(format!(
                "{} {i}",
                pick(
                    w,
                    "lead company",
                    i,
                    &["Prospect", "PROSPECT", "Öko", "Lead & Co"]
                )
            ))
        })
        .required(),
        Field::new("Email", Kind::Email, |w, i| {
            if chance(w, "lead email", i, 15) {
                Value::Null
            } else {
                Value::text(format!("lead{i}@prospect.example"))
            }
        }),
        Field::new("Phone", Kind::Phone, |w, i| phone(w, "lead phone", i)),
    ]
}

fn lead_progress() -> Vec<Field> {
    vec![
        Field::new("Status", Kind::Picklist, |w, i| {
            Value::Text(pick(w, "lead status", i, LEAD_STATUS).into())
        })
        .values(LEAD_STATUS)
        .required(),
        Field::new("LeadSource", Kind::Picklist, |w, i| {
            maybe(w, "lead source", i, 25, SOURCES)
        })
        .values(SOURCES),
        Field::new("IsConverted", Kind::Boolean, |w, i| {
            Value::Bool(pick(w, "lead status", i, LEAD_STATUS) == "Closed - Converted")
        })
        .read_only(),
        reference(
            "ConvertedAccountId",
            "ConvertedAccount",
            &["Account"],
            "",
            |w, i| {
                if pick(w, "lead status", i, LEAD_STATUS) == "Closed - Converted" {
                    Value::Id(Id::new("001", below(w.noise("converted", i), w.accounts())))
                } else {
                    Value::Null
                }
            },
        )
        .read_only(),
        Field::new("AnnualRevenue", Kind::Currency, |w, i| {
            Value::Number(amount(w, "lead revenue", i, 5_000_000))
        })
        .digits(18, 0),
        Field::new("NumberOfEmployees", Kind::Int, |w, i| {
            Value::Int(whole(w, "lead employees", i, 900))
        }),
        // A lead may belong to a queue as well as to a user.
        reference(
            "OwnerId",
            "Owner",
            &["Group", "User"],
            "",
            super::service::queue_or_user,
        )
        .required(),
    ]
}
