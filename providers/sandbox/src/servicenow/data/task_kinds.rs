//! The columns that incidents, problems, changes, cases and requested items add to a task.

use super::super::cell::{Cell, SysId};
use super::super::schema::{
    Column, Make, always, between, choose, column, day, flag, make, moment, nothing, number, pick, pick_int,
    refers, scaled, seconds, some_moment, sometimes, text,
};
use super::task_values::{LEVELS, account_of, life, person, sentence, state, story, time};

const INCIDENT_STATES: &[(&str, &str)] = &[
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];
const CASE_STATES: &[(&str, &str)] = &[
    ("1", "New"),
    ("10", "Open"),
    ("18", "Awaiting Info"),
    ("6", "Resolved"),
    ("3", "Closed"),
];
const CATEGORIES: &[(&str, &str)] = &[
    ("inquiry", "Inquiry / Help"),
    ("software", "Software"),
    ("hardware", "Hardware"),
    ("network", "Network"),
    ("database", "Database"),
];
pub(super) fn incident() -> Vec<Column> {
    let mut columns = vec![
        column("number", "string", number("INC")).read_only(),
        column("state", "integer", state(&[1, 2, 2, 3], 6, &[7, 7, 7, 8])).choices(INCIDENT_STATES),
        column(
            "incident_state",
            "integer",
            state(&[1, 2, 2, 3], 6, &[7, 7, 7, 8]),
        )
        .choices(INCIDENT_STATES),
        column("caller_id", "reference", person(970)).refers_to("sys_user"),
        column(
            "category",
            "string",
            sometimes(
                950,
                pick(&["inquiry", "software", "hardware", "network", "database"]),
            ),
        )
        .choices(CATEGORIES),
        column(
            "subcategory",
            "string",
            sometimes(500, pick(&["email", "os", "cpu", "ip address", "db2"])),
        ),
        column("severity", "integer", pick_int(&[1, 2, 3, 3, 3])).choices(LEVELS),
    ];
    columns.extend(incident_outcome());
    columns.extend(incident_links());
    columns
}

fn incident_outcome() -> Vec<Column> {
    vec![
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column(
            "resolved_by",
            "reference",
            make(|data, row, noise| {
                if life(data, row).resolved.is_some() {
                    refers("sys_user")(data, row, noise)
                } else {
                    Cell::Null
                }
            }),
        )
        .refers_to("sys_user"),
        column(
            "close_code",
            "string",
            make(|data, row, noise| {
                if life(data, row).resolved.is_some() {
                    text(choose(
                        &[
                            "Solved (Permanently)",
                            "Solved (Work Around)",
                            "Not Solved (Too Costly)",
                            "Duplicate",
                        ],
                        noise,
                    ))
                } else {
                    Cell::Null
                }
            }),
        ),
        column(
            "reopen_count",
            "integer",
            sometimes(970, pick_int(&[0, 0, 0, 0, 1, 2])),
        ),
    ]
}

/// Other tasks that it has to do with, and how long it took.
fn incident_links() -> Vec<Column> {
    vec![
        column("problem_id", "reference", sometimes(60, refers("problem"))).refers_to("problem"),
        column("rfc", "reference", sometimes(20, refers("change_request"))).refers_to("change_request"),
        column("caused_by", "reference", sometimes(20, refers("change_request"))).refers_to("change_request"),
        column("parent_incident", "reference", sometimes(40, refers("incident"))).refers_to("incident"),
        column(
            "child_incidents",
            "integer",
            sometimes(300, pick_int(&[0, 0, 0, 1, 4])),
        ),
        column("hold_reason", "integer", sometimes(100, pick_int(&[1, 3, 4]))).choices(&[
            ("1", "Awaiting Caller"),
            ("3", "Awaiting Problem"),
            ("4", "Awaiting Vendor"),
        ]),
        column("notify", "integer", pick_int(&[1, 1, 2, 3])),
        column("calendar_stc", "integer", duration_seconds()),
        column("business_stc", "integer", duration_seconds()),
    ]
}

fn duration_seconds() -> Make {
    make(|data, row, _| {
        let life = life(data, row);
        life.resolved
            .map_or(Cell::Null, |end| Cell::Int(end - life.opened))
    })
}

pub(super) fn problem() -> Vec<Column> {
    vec![
        column("number", "string", number("PRB")).read_only(),
        column("known_error", "boolean", sometimes(900, flag(150))),
        column("major_problem", "boolean", flag(30)),
        column("related_incidents", "integer", between(0, 25)),
        column(
            "workaround",
            "html",
            sometimes(300, always("<p>Restart &amp; wait</p>")),
        ),
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column(
            "first_reported_by_task",
            "reference",
            sometimes(300, refers("incident")),
        )
        .refers_to("task"),
    ]
}

pub(super) fn change() -> Vec<Column> {
    vec![
        column("number", "string", number("CHG")).read_only(),
        column("type", "string", pick(&["normal", "standard", "emergency"])).choices(&[
            ("normal", "Normal"),
            ("standard", "Standard"),
            ("emergency", "Emergency"),
        ]),
        column("risk", "integer", pick_int(&[2, 3, 4])).choices(&[
            ("2", "High"),
            ("3", "Moderate"),
            ("4", "Low"),
        ]),
        column("start_date", "glide_date_time", sometimes(800, moment())),
        column("end_date", "glide_date_time", sometimes(700, moment())),
        column("requested_by", "reference", person(950)).refers_to("sys_user"),
        column("requested_by_date", "glide_date_time", sometimes(200, moment())),
        column("cab_required", "boolean", flag(300)),
        column("cab_date", "glide_date", sometimes(300, day())),
        column("backout_plan", "string", story()).length(4000),
    ]
}

pub(super) fn case() -> Vec<Column> {
    vec![
        column("number", "string", number("CS")).read_only(),
        column("state", "integer", state(&[1, 10, 10, 18], 6, &[3])).choices(CASE_STATES),
        column("account", "reference", make(|data, row, _| account_of(data, row)))
            .refers_to("customer_account"),
        column("contact", "reference", sometimes(900, refers("customer_contact")))
            .refers_to("customer_contact"),
        column("consumer", "reference", nothing()).refers_to("sys_user"),
        column("partner", "reference", sometimes(50, refers("customer_account")))
            .refers_to("customer_account"),
        column("category", "integer", sometimes(900, pick_int(&[0, 1, 2]))).choices(&[
            ("0", "Issue"),
            ("1", "Question"),
            ("2", "Feature"),
        ]),
        column("resolution_code", "integer", sometimes(500, pick_int(&[1, 2, 3]))).choices(&[
            ("1", "Solved - Fixed"),
            ("2", "Solved - Workaround"),
            ("3", "Closed by customer"),
        ]),
        column("cause", "string", sentence()).length(4000),
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column("first_response_time", "glide_date_time", sometimes(600, moment())),
        column(
            "contact_local_time",
            "glide_time",
            sometimes(300, seconds(86_400)),
        ),
        column(
            "contact_time_zone",
            "string",
            sometimes(300, pick(&["GMT", "US/Pacific"])),
        ),
        column(
            "skills",
            "glide_list",
            sometimes(
                200,
                make(|_, _, noise| {
                    text(format!(
                        "{},{}",
                        SysId(u128::from(noise)),
                        SysId(u128::from(noise) << 32)
                    ))
                }),
            ),
        ),
        column("notes_to_comments", "boolean", flag(100)),
        column(
            "u_opportunity_value",
            "currency",
            sometimes(300, scaled(0, 99_999_999_999, 4)),
        ),
        column(
            "u_last_touch",
            "glide_date_time",
            sometimes(700, make(|_, _, noise| Cell::Seconds(some_moment(noise)))),
        ),
    ]
}

pub(super) fn item() -> Vec<Column> {
    vec![
        column("number", "string", number("RITM")).read_only(),
        column("quantity", "integer", between(1, 20)),
        column("price", "price", sometimes(900, scaled(0, 999_999_999, 4))),
        column(
            "stage",
            "workflow",
            pick(&["waiting_for_approval", "fulfillment", "delivery", "complete"]),
        ),
        column("backordered", "boolean", sometimes(900, flag(80))),
        column("estimated_delivery", "glide_date_time", sometimes(600, moment())),
        column("requested_for", "reference", person(980)).refers_to("sys_user"),
    ]
}
