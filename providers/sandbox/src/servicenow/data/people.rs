//! Users, contacts and groups.

use super::super::cell::Cell;
use super::super::credentials::{self, Rights};
use super::super::schema::{
    Column, Row, always, choose, column, dangling, day, flag, make, moment, nothing, pick, refers, sometimes,
    text,
};
use super::{Data, class_name, domain_columns};
use crate::world::DOMAINS;

pub(super) fn user() -> Vec<Column> {
    let mut columns = vec![
        class_name(),
        column(
            "user_name",
            "string",
            make(|data, row, _| text(user_name(data, row))),
        )
        .length(40),
        column(
            "first_name",
            "string",
            make(|data, row, _| text(person(data, row).0)),
        )
        .length(50),
        column(
            "last_name",
            "string",
            make(|data, row, _| text(person(data, row).1)),
        )
        .length(50),
        column(
            "name",
            "string",
            make(|data, row, _| {
                let (given, family) = person(data, row);
                text(format!("{given} {family}"))
            }),
        )
        .length(151)
        .read_only(),
        column("email", "email", make(|data, row, _| text(email(data, row)))).length(100),
    ];
    columns.extend(user_work());
    columns.extend(user_account());
    columns.extend(domain_columns(|data, row| {
        let noise = data.noise(row, 7);
        (noise % 3 == 0).then(|| usize::try_from(noise >> 8).unwrap_or_default() % DOMAINS.len())
    }));
    columns
}

/// Where the user works and how to call.
fn user_work() -> Vec<Column> {
    vec![
        column(
            "phone",
            "ph_number",
            sometimes(600, pick(&["(626) 722-6969", "+351 21 000 0000"])),
        ),
        column("mobile_phone", "ph_number", nothing()),
        column(
            "title",
            "string",
            sometimes(
                800,
                pick(&["Engineer", "Operations Manager", "VP, Sales", "Analyst"]),
            ),
        ),
        column(
            "department",
            "reference",
            sometimes(800, refers("cmn_department")),
        )
        .refers_to("cmn_department"),
        column("company", "reference", sometimes(700, refers("core_company"))).refers_to("core_company"),
        column("manager", "reference", sometimes(700, refers("sys_user"))).refers_to("sys_user"),
        column("location", "reference", sometimes(600, refers("cmn_location"))).refers_to("cmn_location"),
    ]
}

/// What concerns signing in.
fn user_account() -> Vec<Column> {
    vec![
        column(
            "active",
            "boolean",
            make(|data, row, noise| {
                Cell::Bool(known(data, row).map_or(noise % 100 < 93, |user| user.active))
            }),
        ),
        column(
            "locked_out",
            "boolean",
            make(|data, row, _| Cell::Bool(known(data, row).is_some_and(|user| !user.active))),
        ),
        column("vip", "boolean", sometimes(950, flag(30))),
        column(
            "time_zone",
            "string",
            sometimes(500, pick(&["GMT", "US/Pacific", "Europe/Zurich"])),
        ),
        column("date_format", "string", nothing()),
        column(
            "preferred_language",
            "string",
            sometimes(200, pick(&["en", "pt", "de"])),
        ),
        column(
            "employee_number",
            "string",
            sometimes(900, make(|_, row, _| text(format!("{:06}", row.index())))),
        ),
        column(
            "roles",
            "user_roles",
            make(|data, row, _| match known(data, row).map(|user| user.rights) {
                Some(Rights::Admin) => text("admin,itil"),
                Some(Rights::Itil) => text("itil"),
                _ => Cell::Null,
            }),
        ),
        column("user_password", "password", always("$2a$not-a-hash")),
        column("last_login", "glide_date", sometimes(600, day())),
        column("last_login_time", "glide_date_time", sometimes(600, moment())),
        column("web_service_access_only", "boolean", flag(20)),
    ]
}

/// The first rows of `sys_user` are the people who can sign in.
fn known(data: &Data, row: Row) -> Option<&'static credentials::User> {
    // A contact with the same number is another person.
    is_user(data, row)
        .then(|| credentials::USERS.get(row.index()))
        .flatten()
}

fn is_user(data: &Data, row: Row) -> bool {
    data.name(row.class()) == "sys_user"
}

fn person(data: &Data, row: Row) -> (String, String) {
    match known(data, row) {
        Some(user) => (user.name.0.to_owned(), user.name.1.to_owned()),
        None if is_user(data, row) => data.world.person("user", row.index()),
        None => data.world.person("contact", row.index()),
    }
}

fn user_name(data: &Data, row: Row) -> String {
    if let Some(user) = known(data, row) {
        return user.user_name.to_owned();
    }
    let (given, family) = person(data, row);
    format!(
        "{}.{}.{}",
        given.to_lowercase(),
        family.to_lowercase(),
        row.index()
    )
}

fn email(data: &Data, row: Row) -> String {
    match known(data, row) {
        Some(user) => user.email.to_owned(),
        None => format!("{}@example.com", user_name(data, row).replace('\'', "")),
    }
}

pub(super) fn contact() -> Vec<Column> {
    vec![
        column(
            "account",
            "reference",
            make(|data, row, noise| {
                let accounts = data.world.accounts().max(1);
                match noise % 50 {
                    0 => Cell::Null,
                    1 => (dangling())(data, row, noise),
                    _ => {
                        let index = usize::try_from(noise >> 8).unwrap_or_default() % accounts;
                        data.table("customer_account")
                            .map_or(Cell::Null, |class| Cell::Id(data.sys_id(Row::new(class, index))))
                    }
                }
            }),
        )
        .refers_to("customer_account"),
        column(
            "edu_status",
            "string",
            sometimes(100, pick(&["faculty", "student"])),
        ),
        column("source", "string", sometimes(300, pick(&["web", "import"]))),
    ]
}

pub(super) fn group() -> Vec<Column> {
    const NAMES: [&str; 8] = [
        "Service Desk",
        "Network",
        "Database",
        "Field Services",
        "Security",
        "Hardware",
        "Software",
        "CAB Approval",
    ];
    vec![
        column(
            "name",
            "string",
            make(|_, row, _| {
                let base = choose(&NAMES, row.index() as u64);
                text(if row.index() < NAMES.len() {
                    base.to_owned()
                } else {
                    format!("{base} {}", row.index() / NAMES.len() + 1)
                })
            }),
        )
        .mandatory(),
        column("description", "string", nothing()).length(1000),
        column("manager", "reference", sometimes(900, refers("sys_user"))).refers_to("sys_user"),
        column("parent", "reference", sometimes(200, refers("sys_user_group"))).refers_to("sys_user_group"),
        column("active", "boolean", flag(950)),
        column("email", "email", nothing()),
    ]
}
