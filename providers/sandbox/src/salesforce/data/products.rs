//! Product2, Pricebook2, PricebookEntry, OpportunityLineItem and Asset.

use super::{
    Field, Id, Kind, Object, Value, World, amount, audit, below, chance, contacts, date, id_field, maybe,
    name_field, opportunities, pick, reference, whole,
};

const PRODUCTS: usize = 60;
const FAMILIES: &[&str] = &["Hardware", "Software", "Services"];
const NAMES: &[&str] = &[
    "Generator",
    "Turbine",
    "Licence",
    "Support plan",
    "Cable 5m",
    "Cable 5M",
    "Válvula",
];

fn product_name(world: &World, row: usize) -> Value {
    Value::text(format!("{} {row}", pick(world, "product", row, NAMES)))
}

pub(super) fn product() -> Object {
    let mut fields = vec![
        id_field("Product ID", |_, i| Value::Id(Id::new("01t", i))),
        name_field(255, product_name),
        Field::new("ProductCode", Kind::String, |w, i| {
            if chance(w, "code", i, 10) {
                Value::Null
            } else {
                Value::text(format!("P{i:04}"))
            }
        }),
        Field::new("Description", Kind::TextArea, |w, i| {
            super::long_text(w, "product description", i)
        })
        .length(4000),
        Field::new("IsActive", Kind::Boolean, |w, i| {
            Value::Bool(!chance(w, "product inactive", i, 15))
        }),
        Field::new("Family", Kind::Picklist, |w, i| {
            maybe(w, "family", i, 10, FAMILIES)
        })
        .values(FAMILIES),
    ];
    fields.extend(audit(|_, i| Value::Bool(i >= PRODUCTS)));
    Object {
        name: "Product2",
        prefix: "01t",
        label: "Product",
        plural: "Products",
        live: PRODUCTS,
        deleted: 2,
        fields,
    }
}

pub(super) fn pricebook() -> Object {
    let mut fields = vec![
        id_field("Price Book ID", |_, i| Value::Id(Id::new("01s", i))),
        name_field(255, |_, i| {
            Value::Text(
                ["Standard Price Book", "Partners", "Public sector"]
                    .get(i)
                    .copied()
                    .unwrap_or("Old")
                    .into(),
            )
        }),
        Field::new("IsActive", Kind::Boolean, |_, i| Value::Bool(i < 2)),
        Field::new("IsStandard", Kind::Boolean, |_, i| Value::Bool(i == 0)).read_only(),
    ];
    fields.extend(audit(|_, i| Value::Bool(i >= 3)));
    Object {
        name: "Pricebook2",
        prefix: "01s",
        label: "Price Book",
        plural: "Price Books",
        live: 3,
        deleted: 0,
        fields,
    }
}

pub(super) fn pricebook_entry() -> Object {
    let mut fields = vec![
        id_field("Price Book Entry ID", |_, i| Value::Id(Id::new("01u", i))),
        name_field(255, |w, i| product_name(w, i % PRODUCTS)).read_only(),
        reference(
            "Pricebook2Id",
            "Pricebook2",
            &["Pricebook2"],
            "PricebookEntries",
            |_, i| Value::Id(Id::new("01s", i / PRODUCTS)),
        )
        .required(),
        reference(
            "Product2Id",
            "Product2",
            &["Product2"],
            "PricebookEntries",
            |_, i| Value::Id(Id::new("01t", i % PRODUCTS)),
        )
        .required(),
        Field::new("UnitPrice", Kind::Currency, price),
        Field::new("IsActive", Kind::Boolean, |_, i| Value::Bool(i % 9 != 0)),
    ];
    fields.extend(audit(|_, i| Value::Bool(i >= 2 * PRODUCTS)));
    Object {
        name: "PricebookEntry",
        prefix: "01u",
        label: "Price Book Entry",
        plural: "Price Book Entries",
        live: 2 * PRODUCTS,
        deleted: 0,
        fields,
    }
}

fn price(world: &World, row: usize) -> Value {
    Value::Number(amount(world, "price", row, 2000))
}

fn entry(world: &World, row: usize) -> usize {
    below(world.noise("entry", row), 2 * PRODUCTS)
}

fn quantity(world: &World, row: usize) -> i64 {
    1 + whole(world, "quantity", row, 20)
}

pub(super) fn line_item(world: &World) -> Object {
    let mut fields = vec![
        id_field("Line Item ID", |_, i| Value::Id(Id::new("00k", i))),
        reference(
            "OpportunityId",
            "Opportunity",
            &["Opportunity"],
            "OpportunityLineItems",
            |w, i| {
                Value::Id(Id::new(
                    "006",
                    below(w.noise("line opportunity", i), opportunities(w)),
                ))
            },
        )
        .required(),
        reference(
            "PricebookEntryId",
            "PricebookEntry",
            &["PricebookEntry"],
            "",
            |w, i| Value::Id(Id::new("01u", entry(w, i))),
        ),
        reference(
            "Product2Id",
            "Product2",
            &["Product2"],
            "OpportunityLineItems",
            |w, i| Value::Id(Id::new("01t", entry(w, i) % PRODUCTS)),
        )
        .read_only(),
        name_field(376, |w, i| product_name(w, entry(w, i) % PRODUCTS)).read_only(),
    ];
    fields.extend(line_item_amounts());
    fields.extend(audit(|w, i| Value::Bool(i >= 4000 * w.scale)));
    Object {
        name: "OpportunityLineItem",
        prefix: "00k",
        label: "Opportunity Product",
        plural: "Opportunity Products",
        live: 4000 * world.scale,
        deleted: 10,
        fields,
    }
}

fn line_item_amounts() -> Vec<Field> {
    vec![
        #[expect(clippy::cast_precision_loss, reason = "quantities are small")]
        Field::new("Quantity", Kind::Double, |w, i| {
            Value::Number(quantity(w, i) as f64)
        })
        .digits(12, 2)
        .required(),
        Field::new("UnitPrice", Kind::Currency, |w, i| price(w, entry(w, i))),
        #[expect(clippy::cast_precision_loss, reason = "quantities are small")]
        Field::new("TotalPrice", Kind::Currency, |w, i| {
            let unit = amount(w, "price", entry(w, i), 2000);
            Value::Number((unit * quantity(w, i) as f64 * 100.0).round() / 100.0)
        }),
        Field::new("ServiceDate", Kind::Date, |w, i| {
            if chance(w, "service date known", i, 50) {
                Value::Date(date(w, "service date", i))
            } else {
                Value::Null
            }
        }),
        Field::new("Description", Kind::String, |w, i| {
            maybe(w, "line text", i, 60, &["as agreed", "AS AGREED", "50% up front"])
        }),
        Field::new("SortOrder", Kind::Int, |_, i| {
            Value::Int(i64::try_from(i % 5).unwrap_or_default())
        }),
    ]
}

const ASSET_STATUS: &[&str] = &["Shipped", "Installed", "Registered", "Obsolete", "Purchased"];

pub(super) fn asset(world: &World) -> Object {
    let mut fields = vec![
        id_field("Asset ID", |_, i| Value::Id(Id::new("02i", i))),
        name_field(255, |w, i| {
            Value::text(format!("{} #{i}", pick(w, "asset", i, NAMES)))
        }),
        reference("AccountId", "Account", &["Account"], "Assets", |w, i| {
            Value::Id(Id::new("001", below(w.noise("asset account", i), w.accounts())))
        }),
        reference("ContactId", "Contact", &["Contact"], "Assets", |w, i| {
            if chance(w, "asset contact", i, 50) {
                Value::Id(Id::new("003", below(w.noise("asset contact", i), contacts(w))))
            } else {
                Value::Null
            }
        }),
        reference("Product2Id", "Product2", &["Product2"], "Assets", |w, i| {
            Value::Id(Id::new("01t", below(w.noise("asset product", i), PRODUCTS)))
        }),
        Field::new("SerialNumber", Kind::String, |w, i| {
            if chance(w, "serial", i, 20) {
                Value::Null
            } else {
                Value::text(format!("SN{:010}", whole(w, "serial", i, 9_999_999)))
            }
        })
        .length(80),
        Field::new("InstallDate", Kind::Date, |w, i| {
            Value::Date(date(w, "install", i))
        }),
        Field::new("Price", Kind::Currency, price),
        Field::new("Quantity", Kind::Double, |_, i| {
            if i % 4 == 0 {
                Value::Null
            } else {
                Value::Number(1.0)
            }
        })
        .digits(12, 2),
        Field::new("Status", Kind::Picklist, |w, i| {
            maybe(w, "asset status", i, 10, ASSET_STATUS)
        })
        .values(ASSET_STATUS),
        Field::new("IsCompetitorProduct", Kind::Boolean, |w, i| {
            Value::Bool(chance(w, "competitor", i, 10))
        }),
    ];
    fields.extend(audit(|w, i| Value::Bool(i >= 300 * w.scale)));
    Object {
        name: "Asset",
        prefix: "02i",
        label: "Asset",
        plural: "Assets",
        live: 300 * world.scale,
        deleted: 3,
        fields,
    }
}
