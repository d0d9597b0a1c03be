//! Configuration items, knowledge, attachments, and a table with a column of every type.

use super::super::cell::Cell;
use super::super::schema::{
    Column, Make, Row, always, between, choose, column, day, flag, make, moment, pick, pick_int, refers,
    scaled, seconds, sometimes, text,
};
use super::super::types::{FUTURE_TYPE, Family, TYPES};
use super::task_values::AWKWARD_TEXTS;
use super::{Data, Spec, class_name, domain_columns, numbered};

pub(super) fn add(data: &mut Data) {
    let scale = data.world.scale;
    data.add(Spec::root(
        "cmdb_ci",
        "Configuration Item",
        "name",
        800 * scale,
        configuration_item(),
    ));
    data.add(Spec::root(
        "kb_knowledge",
        "Knowledge",
        "number",
        300 * scale,
        knowledge(),
    ));
    data.add(Spec::root(
        "sys_attachment",
        "Attachment",
        "file_name",
        250 * scale,
        attachment(),
    ));
    data.add(Spec::root(
        "u_everything",
        "Everything",
        "u_string",
        200,
        everything(),
    ));
    data.add(Spec::root(
        "u_empty",
        "Empty",
        "u_name",
        0,
        vec![column("u_name", "string", always(""))],
    ));
}

fn configuration_item() -> Vec<Column> {
    let mut columns = vec![
        class_name(),
        column(
            "name",
            "string",
            make(|_, row, noise| {
                text(format!(
                    "{}-{:05}",
                    choose(&["srv", "SRV", "sw", "db", "lap"], noise),
                    row.index()
                ))
            }),
        ),
        column(
            "asset_tag",
            "string",
            sometimes(700, make(|_, row, _| text(format!("P{:07}", row.index())))),
        ),
        column(
            "serial_number",
            "string",
            sometimes(800, make(|_, _, noise| text(format!("{noise:X}")))),
        ),
        column(
            "ip_address",
            "ip_addr",
            sometimes(
                500,
                make(|_, _, noise| {
                    text(format!(
                        "10.{}.{}.{}",
                        noise % 256,
                        noise / 256 % 256,
                        noise / 65_536 % 256
                    ))
                }),
            ),
        ),
        column("operational_status", "integer", pick_int(&[1, 1, 1, 2, 6])).choices(&[
            ("1", "Operational"),
            ("2", "Non-Operational"),
            ("6", "Retired"),
        ]),
        column("install_date", "glide_date_time", sometimes(700, moment())),
        column("warranty_expiration", "glide_date", sometimes(500, day())),
        column("cost", "currency", sometimes(600, scaled(0, 9_999_999_999, 4))),
        column("company", "reference", sometimes(700, refers("core_company"))).refers_to("core_company"),
        column("assigned_to", "reference", sometimes(400, refers("sys_user"))).refers_to("sys_user"),
        column("location", "reference", sometimes(600, refers("cmn_location"))).refers_to("cmn_location"),
    ];
    columns.extend(domain_columns(|_, _| None));
    columns
}

fn knowledge() -> Vec<Column> {
    vec![
        class_name(),
        numbered("KB"),
        column(
            "short_description",
            "string",
            make(|_, _, noise| {
                text(if noise % 8 == 0 {
                    choose(AWKWARD_TEXTS, noise >> 8)
                } else {
                    "How to set up VPN"
                })
            }),
        )
        .length(100),
        column(
            "text",
            "html",
            make(|_, row, _| {
                text(format!(
                    "<h1>Article {}</h1><p>R&amp;D &lt;5%&gt;</p>",
                    row.index()
                ))
            }),
        )
        .length(65_000),
        column(
            "wiki",
            "wiki_text",
            sometimes(100, always("== Heading ==\n* item")),
        ),
        column(
            "topic",
            "string",
            sometimes(800, pick(&["General", "Applications", "Desktop"])),
        ),
        column(
            "workflow_state",
            "workflow",
            pick(&["published", "draft", "retired"]),
        )
        .choices(&[
            ("published", "Published"),
            ("draft", "Draft"),
            ("retired", "Retired"),
        ]),
        column("published", "glide_date", sometimes(900, day())),
        column("valid_to", "glide_date", sometimes(900, day())),
        column("author", "reference", sometimes(950, refers("sys_user"))).refers_to("sys_user"),
        column("sys_view_count", "integer", between(0, 90_000)),
        column("rating", "decimal", sometimes(500, scaled(0, 500, 2))),
        column("active", "boolean", flag(900)),
    ]
}

fn attachment() -> Vec<Column> {
    vec![
        column("table_name", "table_name", always("incident")),
        column(
            "table_sys_id",
            "string",
            make(|data, row, noise| refers("incident")(data, row, noise)),
        )
        .length(100),
        column(
            "file_name",
            "string",
            make(|_, row, noise| {
                text(format!(
                    "{} {}.{}",
                    choose(&["screen shot", "Übersicht", "log,1"], noise),
                    row.index(),
                    choose(&["png", "txt", "pdf"], noise)
                ))
            }),
        ),
        column(
            "content_type",
            "string",
            make(|_, _, noise| text(choose(&["image/png", "text/plain", "application/pdf"], noise))),
        ),
        column("size_bytes", "integer", between(0, 20_000)),
        column("size_compressed", "integer", between(0, 15_000)),
        column("compressed", "boolean", flag(1000)),
        column(
            "average_image_color",
            "color",
            sometimes(200, pick(&["#ff0000", "#00ff00"])),
        ),
        column("image_height", "integer", sometimes(300, between(16, 4_000))),
        column("image_width", "integer", sometimes(300, between(16, 4_000))),
    ]
}

/// One column `u_<type>` for every known type, and one of a type that does not exist yet.
fn everything() -> Vec<Column> {
    let mut columns: Vec<Column> = TYPES.iter().map(|row| of_type(row.0, row.4)).collect();
    columns.push(of_type(FUTURE_TYPE, Family::Text));
    columns.push(
        column("u_rating", "integer", sometimes(800, pick_int(&[1, 2, 3]))).choices(&[
            ("1", "Good"),
            ("2", "Fair"),
            ("3", "Poor"),
        ]),
    );
    columns.extend(domain_columns(|data, row| {
        usize::try_from(data.noise(row, 9) % 9).ok().filter(|at| *at < 8)
    }));
    columns
}

fn of_type(name: &'static str, family: Family) -> Column {
    let column = column(
        &format!("u_{}", name.to_lowercase()),
        name,
        sometimes(900, sample(name, family)),
    );
    match name {
        "reference" | "glide_list" => column.refers_to("sys_user"),
        "domain_id" => column.refers_to("domain"),
        "choice" | "radio" => column.choices(&[("a", "Alpha"), ("b", "Beta"), ("A", "Alpha (big)")]),
        _ => column,
    }
}

/// Values of a type with its edges among them.
fn sample(name: &'static str, family: Family) -> Make {
    match family {
        Family::Integer if matches!(name, "long" | "longint") => {
            pick_int(&[0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993, 2_147_483_648])
        }
        Family::Integer => pick_int(&[0, 1, -1, 7, 2_147_483_647, -2_147_483_648, 42]),
        Family::Decimal(scale) => make(move |_, _, noise| {
            Cell::Scaled(
                choose(
                    &[0, 1, -1, 123_456_789_012_345, -99, 10_000_000, 333_333_333],
                    noise,
                ),
                scale,
            )
        }),
        Family::Boolean => flag(500),
        Family::DateTime | Family::LocalDateTime => make(|_, _, noise| {
            let edges = [
                1_704_067_199,
                1_704_067_200,
                -1,
                0,
                32_472_143_999,
                -2_208_988_800,
                1_709_251_199,
            ];
            Cell::Seconds(if noise % 2 == 0 {
                choose(&edges, noise >> 1)
            } else {
                super::super::schema::some_moment(noise >> 1)
            })
        }),
        Family::Date => day(),
        Family::Time => make(|_, _, noise| Cell::Seconds(choose(&[0, 1, 43_200, 86_399, 45_296], noise))),
        Family::Duration => make(|data, row, noise| match noise % 5 {
            0 => Cell::Seconds(0),
            1 => Cell::Seconds(-90),
            2 => Cell::Seconds(40 * 86_400 + 137),
            _ => seconds(200_000)(data, row, noise >> 3),
        }),
        Family::Reference => match name {
            "domain_id" => {
                make(|data, _, noise| data.domain_cell(usize::try_from(noise % 9).ok().filter(|at| *at < 8)))
            }
            _ => refers("sys_user"),
        },
        Family::Journal => super::super::schema::nothing(),
        Family::Secret => always("a1b2c3cipher"),
        Family::Text => text_sample(name),
    }
}

fn text_sample(name: &'static str) -> Make {
    match name {
        "choice" | "radio" => pick(&["a", "b", "A"]),
        "integer_date" => pick(&["20240229", "19991231"]),
        "integer_time" => pick(&["160432", "235959", "000000"]),
        "glide_precise_time" => pick(&["1970-01-01 23:59:59.999", "1970-01-01 00:00:00.001"]),
        "schedule_date_time" => pick(&["20240101T000000Z", "20231231T235959"]),
        "currency2" => pick(&["USD;12.50", "EUR;0.00"]),
        "GUID" | "document_id" | "source_id" => make(|data, _, noise| {
            Cell::Id(data.sys_id(Row::new(
                data.table("incident").unwrap_or_default(),
                usize::try_from(noise % 500).unwrap_or_default(),
            )))
        }),
        "url" => pick(&["https://example.com/?q=1&r=%5E", "http://example.org/#top"]),
        "json" => pick(&["{\"a\":[1,2,\"^\"]}", "[]"]),
        "glide_list" | "slushbucket" => pick(&["glide.maint,admin", "admin", "glide.maint,admin,"]),
        _ => pick(AWKWARD_TEXTS),
    }
}
