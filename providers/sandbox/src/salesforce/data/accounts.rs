//! Account and Contact.

use super::{
    Field, Id, Kind, Object, USER, Value, World, address, address_names, amount, audit, below, chance,
    contacts, date, days, empty_address, id_field, long_text, maybe, moment, name_field, phone, pick,
    reference, user_id, whole,
};

const INDUSTRIES: &[&str] = &[
    "Agriculture",
    "Banking",
    "Energy",
    "Healthcare",
    "Retail",
    "Technology",
];
const TYPES: &[&str] = &[
    "Prospect",
    "Customer - Direct",
    "Customer - Channel",
    "Channel Partner / Reseller",
    "Other",
];
const RATINGS: &[&str] = &["Hot", "Warm", "Cold"];
const SOURCES: &[&str] = &[
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Other",
];
const OWNERSHIP: &[&str] = &["Public", "Private", "Subsidiary", "Other"];

pub(super) fn account(world: &World) -> Object {
    let mut fields = vec![
        id_field("Account ID", |_, i| Value::Id(Id::new("001", i))),
        reference("MasterRecordId", "MasterRecord", &["Account"], "", |_, _| {
            Value::Null
        })
        .read_only(),
        name_field(255, |w, i| Value::text(w.account_name(i))),
        Field::new("Type", Kind::Picklist, |w, i| {
            maybe(w, "account type", i, 10, TYPES)
        })
        .values(TYPES),
        reference("RecordTypeId", "RecordType", &["RecordType"], "", |w, i| {
            Value::Id(Id::new("012", below(w.noise("account record type", i), 2)))
        }),
        reference("ParentId", "Parent", &["Account"], "ChildAccounts", |w, i| {
            if i > 20 && chance(w, "account parent", i, 15) {
                Value::Id(Id::new("001", below(w.noise("account parent", i) >> 8, i)))
            } else {
                Value::Null
            }
        }),
    ];
    fields.extend(address(address_names!("Billing"), "BillingAddress"));
    fields.extend(empty_address(address_names!("Shipping"), "ShippingAddress"));
    fields.extend(account_presence());
    fields.extend(account_business());
    fields.extend(audit(|w, i| Value::Bool(i >= w.accounts())));
    fields.extend(account_rest());
    Object {
        name: "Account",
        prefix: "001",
        label: "Account",
        plural: "Accounts",
        live: world.accounts(),
        deleted: 10 * world.scale,
        fields,
    }
}

fn account_presence() -> Vec<Field> {
    vec![
        Field::new("Phone", Kind::Phone, |w, i| phone(w, "account phone", i)),
        Field::new("Fax", Kind::Phone, |_, _| Value::Null),
        Field::new("AccountNumber", Kind::String, |w, i| {
            match below(w.noise("account number", i), 10) {
                0 => Value::Null,
                1 => Value::text(format!("ac-{i:06}")),
                _ => Value::text(format!("AC-{i:06}")),
            }
        })
        .length(40),
        Field::new("Website", Kind::Url, |w, i| {
            if chance(w, "website", i, 70) {
                Value::text(format!("https://www.account-{i}.example/?q=a%20b&r=1"))
            } else {
                Value::Null
            }
        }),
        Field::new("PhotoUrl", Kind::Url, |_, i| {
            Value::text(format!("/services/images/photo/{}", Id::new("001", i).as_str()))
        })
        .read_only(),
    ]
}

fn account_business() -> Vec<Field> {
    vec![
        Field::new("Sic", Kind::String, |w, i| {
            maybe(w, "sic", i, 70, &["3571", "6021", "0111"])
        })
        .length(20),
        Field::new("Industry", Kind::Picklist, |w, i| {
            maybe(w, "industry", i, 8, INDUSTRIES)
        })
        .values(INDUSTRIES),
        Field::new("AnnualRevenue", Kind::Currency, |w, i| {
            match below(w.noise("revenue", i), 20) {
                0 => Value::Null,
                1 => Value::Number(1e10),
                2 => Value::Digits("123456789012345678"),
                _ => Value::Number(amount(w, "revenue", i, 90_000_000).trunc()),
            }
        })
        .digits(18, 0),
        Field::new("NumberOfEmployees", Kind::Int, |w, i| {
            if chance(w, "employees", i, 10) {
                Value::Null
            } else {
                Value::Int(whole(w, "headcount", i, 20_000))
            }
        }),
        Field::new("Ownership", Kind::Picklist, |w, i| {
            maybe(w, "ownership", i, 40, OWNERSHIP)
        })
        .values(OWNERSHIP),
        Field::new("TickerSymbol", Kind::String, |_, _| Value::Null).length(20),
        Field::new("Description", Kind::TextArea, |w, i| {
            long_text(w, "account description", i)
        })
        .length(32_000),
        Field::new("Rating", Kind::Picklist, |w, i| {
            maybe(w, "rating", i, 30, RATINGS)
        })
        .values(RATINGS),
        Field::new("Site", Kind::String, |w, i| {
            maybe(w, "site", i, 50, &["HQ", "hq", "Plant 2", "Back office"])
        })
        .length(80),
        reference("OwnerId", "Owner", USER, "", |w, i| {
            user_id(w, "account owner", i)
        })
        .required(),
    ]
}

fn account_rest() -> Vec<Field> {
    vec![
        Field::new("LastActivityDate", Kind::Date, |w, i| {
            if chance(w, "account active", i, 60) {
                Value::Date(date(w, "account activity", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
        Field::new("LastViewedDate", Kind::DateTime, |_, _| Value::Null).read_only(),
        Field::new("LastReferencedDate", Kind::DateTime, |_, _| Value::Null).read_only(),
        Field::new("IsPartner", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "partner", i, 10))
        }),
        Field::new("ChannelProgramName", Kind::String, |_, _| Value::Null)
            .opaque()
            .read_only(),
        Field::new("CleanStatus", Kind::Picklist, |_, _| {
            Value::Text("Pending".into())
        })
        .values(&["Matched", "Different", "Pending"]),
        Field::new("AccountSource", Kind::Picklist, |w, i| {
            maybe(w, "account source", i, 30, SOURCES)
        })
        .values(SOURCES),
        Field::new("acme__Tier__c", Kind::Picklist, |w, i| {
            maybe(w, "tier", i, 25, &["Gold", "Silver", "Bronze"])
        })
        .values(&["Bronze", "Silver", "Gold"]),
        Field::new("acme__Score__c", Kind::Double, |w, i| {
            if chance(w, "scored", i, 15) {
                Value::Null
            } else {
                Value::Number(amount(w, "score", i, 100))
            }
        })
        .digits(5, 2),
    ]
}

pub(super) fn contact(world: &World) -> Object {
    let mut fields = vec![
        id_field("Contact ID", |_, i| Value::Id(Id::new("003", i))),
        reference("AccountId", "Account", &["Account"], "Contacts", contact_account),
    ];
    fields.extend(contact_name());
    if let Some(name) = fields.last_mut() {
        name.extra_type_info = Some("personname");
    }
    fields.extend(address(address_names!("Mailing"), "MailingAddress"));
    fields.extend(contact_reach());
    fields.extend(contact_role());
    fields.extend(audit(|w, i| Value::Bool(i >= contacts(w))));
    Object {
        name: "Contact",
        prefix: "003",
        label: "Contact",
        plural: "Contacts",
        live: contacts(world),
        deleted: 15 * world.scale,
        fields,
    }
}

/// How the contact is reached, and through whom.
fn contact_reach() -> Vec<Field> {
    vec![
        Field::new("Phone", Kind::Phone, |w, i| phone(w, "contact phone", i)),
        Field::new("MobilePhone", Kind::Phone, |w, i| phone(w, "contact mobile", i)),
        reference("ReportsToId", "ReportsTo", &["Contact"], "ReportsTo", |w, i| {
            if i > 0 && chance(w, "reports", i, 30) {
                Value::Id(Id::new("003", below(w.noise("reports to", i), i)))
            } else {
                Value::Null
            }
        }),
        Field::new("Email", Kind::Email, |w, i| {
            if chance(w, "email", i, 10) {
                return Value::Null;
            }
            let (given, _) = w.person("contact", i);
            let given = if chance(w, "email case", i, 10) {
                given
            } else {
                given.to_lowercase()
            };
            Value::text(format!("{given}.{i}@customer.example"))
        }),
    ]
}

fn contact_role() -> Vec<Field> {
    vec![
        Field::new("Title", Kind::String, |w, i| {
            maybe(w, "title", i, 20, &["CEO", "CTO", "Buyer", "Head of \"IT\""])
        })
        .length(128),
        Field::new("Department", Kind::String, |w, i| {
            maybe(w, "department", i, 40, &["Finance", "finance", "IT", "R&D"])
        })
        .length(80),
        Field::new("LeadSource", Kind::Picklist, |w, i| {
            maybe(w, "contact source", i, 40, SOURCES)
        })
        .values(SOURCES),
        Field::new("Birthdate", Kind::Date, |w, i| {
            if chance(w, "birthdate known", i, 40) {
                Value::Date(days(1950, 1, 1) + whole(w, "birthdate", i, 18_000))
            } else {
                Value::Null
            }
        }),
        Field::new("Description", Kind::TextArea, |w, i| {
            long_text(w, "contact description", i)
        })
        .length(32_000),
        reference("OwnerId", "Owner", USER, "", |w, i| {
            user_id(w, "contact owner", i)
        })
        .required(),
        Field::new("HasOptedOutOfEmail", Kind::Boolean, |w, i| {
            Value::Bool(pick(w, "opt out", i, &["y", "n", "n"]) == "y")
        }),
        Field::new("LastCURequestDate", Kind::DateTime, |w, i| {
            if chance(w, "cu", i, 20) {
                Value::DateTime(moment(w, "cu date", i))
            } else {
                Value::Null
            }
        })
        .read_only(),
    ]
}

fn contact_name() -> Vec<Field> {
    vec![
        Field::new("LastName", Kind::String, |w, i| {
            Value::text(w.person("contact", i).1)
        })
        .length(80)
        .required()
        .part_of("Name"),
        Field::new("FirstName", Kind::String, |w, i| {
            if chance(w, "first name", i, 5) {
                Value::Null
            } else {
                Value::text(w.person("contact", i).0)
            }
        })
        .length(40)
        .part_of("Name"),
        Field::new("Salutation", Kind::Picklist, |w, i| {
            maybe(w, "salutation", i, 40, &["Mr.", "Ms.", "Dr."])
        })
        .values(&["Mr.", "Ms.", "Dr."])
        .part_of("Name"),
        name_field(121, |w, i| {
            let (given, family) = w.person("contact", i);
            if chance(w, "first name", i, 5) {
                Value::text(family)
            } else {
                Value::text(format!("{given} {family}"))
            }
        })
        .read_only(),
    ]
}

/// The account of a contact; about one contact in 30 has none.
pub(super) fn contact_account(world: &World, row: usize) -> Value {
    let noise = world.noise("contact account", row);
    if noise.is_multiple_of(30) {
        return Value::Null;
    }
    Value::Id(Id::new("001", below(noise >> 8, world.accounts())))
}
