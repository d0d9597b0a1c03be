//! Companies, accounts, places and domains.

use super::super::cell::Cell;
use super::super::schema::{
    Column, Make, Row, between, choose, column, flag, make, moment, nothing, pick, refers, scaled, sometimes,
    text,
};
use super::{Data, Spec, class_name, domain_columns, numbered, people};
use crate::world::{self, DOMAINS};

const PLAIN_COMPANIES: usize = 100;

pub(super) fn add(data: &mut Data) {
    let scale = data.world.scale;
    let accounts = data.world.accounts();
    data.add(Spec::root("domain", "Domain", "name", DOMAINS.len(), domain()));
    data.add(Spec::root(
        "core_company",
        "Company",
        "name",
        PLAIN_COMPANIES,
        company(),
    ));
    data.add(Spec::child(
        "customer_account",
        "Account",
        "core_company",
        "name",
        accounts,
        account(),
    ));
    data.add(Spec::root(
        "sys_user",
        "User",
        "name",
        200 * scale,
        people::user(),
    ));
    data.add(Spec::child(
        "customer_contact",
        "Contact",
        "sys_user",
        "name",
        1_500 * scale,
        people::contact(),
    ));
    data.add(Spec::root("sys_user_group", "Group", "name", 24, people::group()));
    data.add(Spec::root("cmn_location", "Location", "name", 40, location()));
    data.add(Spec::root(
        "cmn_department",
        "Department",
        "name",
        12,
        vec![
            column(
                "name",
                "string",
                pick(&["Finance", "IT", "HR", "Sales", "Legal", "R&D", "Customer Support"]),
            ),
            column("id", "string", nothing()),
            column("dept_head", "reference", refers("sys_user")).refers_to("sys_user"),
        ],
    ));
}

fn domain() -> Vec<Column> {
    let entry = |row: Row| DOMAINS.get(row.index()).copied().unwrap_or(("", None));
    vec![
        column("name", "string", make(move |_, row, _| text(entry(row).0))).mandatory(),
        column(
            "parent",
            "reference",
            make(move |data, row, _| match entry(row).1 {
                Some(parent) => data.domain_cell(Some(parent)),
                None => Cell::Null,
            }),
        )
        .refers_to("domain"),
        column(
            "full_name",
            "string",
            make(|_, row, _| text(full_name(row.index()))),
        ),
        column(
            "path",
            "domain_path",
            make(|_, row, _| text(super::domain_path(Some(row.index())))),
        ),
        column("active", "boolean", flag(1000)),
    ]
}

fn full_name(index: usize) -> String {
    match DOMAINS.get(index) {
        Some((name, Some(parent))) => format!("{}/{name}", full_name(*parent)),
        Some((name, None)) => (*name).to_owned(),
        None => String::new(),
    }
}

fn company() -> Vec<Column> {
    let mut columns = vec![
        class_name(),
        column(
            "name",
            "string",
            make(|_, row, _| text(format!("Supplier {:03}", row.index()))),
        )
        .length(80)
        .mandatory(),
    ];
    columns.extend(company_address());
    columns.extend(company_figures());
    columns.extend(company_standing());
    columns.extend(domain_columns(|data, row| {
        if data.name(row.class()) == "customer_account" {
            data.account_domain(row.index())
        } else {
            None
        }
    }));
    columns
}

fn company_address() -> Vec<Column> {
    vec![
        column("parent", "reference", sometimes(150, refers("core_company"))).refers_to("core_company"),
        column("street", "multi_two_lines", sometimes(900, street())),
        column(
            "city",
            "string",
            pick(&[
                "Lisbon",
                "Madrid",
                "Zürich",
                "Austin",
                "São Paulo",
                "Osaka",
                "München",
                "Łódź",
            ]),
        ),
        column("state", "string", sometimes(500, pick(&["TX", "CA", "BY", "SP"]))),
        column(
            "zip",
            "string",
            sometimes(800, pick(&["1000-001", "78701", "8001", "530-0001"])),
        ),
        column(
            "country",
            "string",
            pick(&[
                "Portugal",
                "Spain",
                "Switzerland",
                "USA",
                "Brazil",
                "Japan",
                "Germany",
                "Poland",
            ]),
        ),
        column(
            "phone",
            "ph_number",
            sometimes(
                700,
                pick(&["+44 20 8466 9992", "+1 604-255-9797", "(626) 722-6969"]),
            ),
        ),
        column("fax_phone", "ph_number", nothing()),
        column(
            "website",
            "url",
            sometimes(
                600,
                pick(&["https://example.com/?a=1&b=%20", "http://example.org"]),
            ),
        )
        .length(1024),
    ]
}

fn company_figures() -> Vec<Column> {
    vec![
        column(
            "stock_symbol",
            "string",
            sometimes(200, pick(&["ACME", "GLBX", "^IDX"])),
        ),
        column("stock_price", "string", nothing()),
        column("num_employees", "integer", sometimes(800, between(1, 250_000))),
        column(
            "revenue_per_year",
            "currency",
            sometimes(900, scaled(0, 9_999_999_999_999, 4)),
        ),
        column(
            "market_cap",
            "currency",
            sometimes(400, scaled(0, 99_999_999_999_999_999, 4)),
        ),
        column(
            "profits",
            "currency",
            sometimes(500, scaled(-9_999_999_999, 99_999_999_999, 4)),
        ),
        column("discount", "decimal", sometimes(300, scaled(0, 10_000, 2))),
        column("fiscal_year", "date", sometimes(300, moment())),
        column(
            "latitude",
            "float",
            sometimes(500, scaled(-900_000_000, 900_000_000, 7)),
        ),
        column(
            "longitude",
            "float",
            sometimes(500, scaled(-1_800_000_000, 1_800_000_000, 7)),
        ),
    ]
}

/// What the company is to us.
fn company_standing() -> Vec<Column> {
    vec![
        column("customer", "boolean", flag(300)),
        column("vendor", "boolean", flag(400)),
        column("manufacturer", "boolean", flag(200)),
        column("primary", "boolean", flag(10)),
        column("publicly_traded", "boolean", sometimes(900, flag(200))),
        column("contact", "reference", sometimes(300, refers("sys_user"))).refers_to("sys_user"),
        column(
            "notes",
            "string",
            sometimes(200, pick(super::task_values::AWKWARD_TEXTS)),
        )
        .length(4000),
        column("banner_image", "user_image", nothing()),
        column(
            "rank_tier",
            "string",
            sometimes(700, pick(&["strategic", "tactical", "legacy"])),
        )
        .choices(&[
            ("strategic", "Strategic"),
            ("tactical", "Tactical"),
            ("legacy", "Legacy"),
        ]),
    ]
}

fn street() -> Make {
    make(|_, _, noise| text(format!("{} London Rd\r\nFloor {}", noise % 400, noise % 9)))
}

fn account() -> Vec<Column> {
    vec![
        column(
            "name",
            "string",
            make(|data, row, _| text(data.account(row.index()).name)),
        )
        .length(80)
        .mandatory(),
        column("number", "string", super::super::schema::number("ACCT")).read_only(),
        column(
            "account_code",
            "string",
            make(|_, row, _| text(format!("~~~~{}", row.index()))),
        ),
        column(
            "account_path",
            "tree_path",
            make(|_, row, _| text(format!("~~~~1/~~~~{}", row.index()))),
        ),
        column(
            "account_parent",
            "reference",
            sometimes(120, refers("customer_account")),
        )
        .refers_to("customer_account"),
        column(
            "primary_contact",
            "reference",
            sometimes(800, refers("customer_contact")),
        )
        .refers_to("customer_contact"),
        column(
            "registration_code",
            "string",
            make(|_, row, _| text(format!("REG-{}", row.index() * 7919))),
        ),
        column("partner", "boolean", flag(100)),
        column("customer", "boolean", flag(950)),
        column("account_manager", "reference", sometimes(700, refers("sys_user"))).refers_to("sys_user"),
        column(
            "u_salesforce_account_id",
            "string",
            make(|data, row, _| salesforce_account_id(data, row.index())),
        )
        .length(18),
    ]
}

/// Most accounts name their Salesforce counterpart; some name one that exists nowhere, some none,
/// and some give the 15-character form, which Salesforce takes for the same account and SQL does not.
fn salesforce_account_id(data: &Data, index: usize) -> Cell<'_> {
    let full = data.account(index).salesforce_id;
    match index {
        0..20 => text(full),
        _ if index % 10 == 7 => text(world::salesforce_id("001", 3_000_000_000 + index)),
        _ if index % 10 == 4 => {
            if index % 20 == 4 {
                Cell::Null
            } else {
                text("")
            }
        }
        _ if index % 50 == 23 => text(full.get(..15).unwrap_or_default().to_owned()),
        _ => text(full),
    }
}

fn location() -> Vec<Column> {
    vec![
        numbered("LOC"),
        column(
            "name",
            "string",
            make(|_, row, noise| {
                text(format!(
                    "{} {}",
                    choose(&["Lisbon", "Austin", "Osaka", "Zürich", "Bromley"], noise),
                    row.index()
                ))
            }),
        ),
        column(
            "city",
            "string",
            pick(&["Lisbon", "Austin", "Osaka", "Zürich", "Bromley"]),
        ),
        column(
            "country",
            "string",
            pick(&["Portugal", "USA", "Japan", "Switzerland", "UK"]),
        ),
        column("latitude", "float", scaled(-900_000_000, 900_000_000, 7)),
        column("longitude", "float", scaled(-1_800_000_000, 1_800_000_000, 7)),
    ]
}
