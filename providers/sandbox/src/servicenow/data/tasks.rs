//! The task family: task, incident, problem, change_request, sn_customerservice_case, sc_req_item.

use super::super::cell::Cell;
use super::super::schema::{
    Column, Row, always, between, column, flag, make, moment, nothing, pick, pick_int, refers, sometimes,
    text,
};
use super::task_values::{
    LEVELS, account_of, domain_of, duration, life, person, sentence, state, story, time,
};
use super::{Data, Spec, class_name, domain_columns, numbered, task_kinds};

const PRIORITIES: &[(&str, &str)] = &[
    ("1", "1 - Critical"),
    ("2", "2 - High"),
    ("3", "3 - Moderate"),
    ("4", "4 - Low"),
    ("5", "5 - Planning"),
];
const TASK_STATES: &[(&str, &str)] = &[
    ("-5", "Pending"),
    ("1", "Open"),
    ("2", "Work in Progress"),
    ("3", "Closed Complete"),
    ("4", "Closed Incomplete"),
    ("7", "Closed Skipped"),
];

pub(super) fn add(data: &mut Data) {
    let scale = data.world.scale;
    data.add(Spec::root("task", "Task", "number", 100, task()));
    data.add(Spec::child(
        "incident",
        "Incident",
        "task",
        "number",
        5_000 * scale,
        task_kinds::incident(),
    ));
    data.add(Spec::child(
        "problem",
        "Problem",
        "task",
        "number",
        300 * scale,
        task_kinds::problem(),
    ));
    data.add(Spec::child(
        "change_request",
        "Change Request",
        "task",
        "number",
        600 * scale,
        task_kinds::change(),
    ));
    data.add(Spec::child(
        "sn_customerservice_case",
        "Case",
        "task",
        "number",
        1_200 * scale,
        task_kinds::case(),
    ));
    data.add(Spec::child(
        "sc_req_item",
        "Requested Item",
        "task",
        "number",
        800 * scale,
        task_kinds::item(),
    ));
}

fn task() -> Vec<Column> {
    let mut columns = task_core();
    columns.extend(task_life());
    columns.extend(task_place());
    columns.extend(task_notes());
    columns.extend(task_more());
    columns.extend(task_approval());
    columns.extend(domain_columns(domain_of));
    columns
}

fn task_core() -> Vec<Column> {
    vec![
        class_name(),
        numbered("TASK"),
        column("short_description", "string", sentence()).length(160),
        column("description", "string", story()).length(4000),
        column("state", "integer", state(&[1, 2, -5], 3, &[3, 4, 7])).choices(TASK_STATES),
        column(
            "priority",
            "integer",
            make(|_, _, noise| {
                Cell::Int(match noise % 20 {
                    0 => 1,
                    1..4 => 2,
                    4..10 => 3,
                    10..17 => 4,
                    _ => 5,
                })
            }),
        )
        .choices(PRIORITIES)
        .mandatory(),
        column("impact", "integer", pick_int(&[1, 2, 3, 3])).choices(LEVELS),
        column("urgency", "integer", pick_int(&[1, 2, 2, 3])).choices(LEVELS),
    ]
}

/// From its opening to its end.
fn task_life() -> Vec<Column> {
    vec![
        column("opened_at", "glide_date_time", time(|life| Some(life.opened))),
        column("opened_by", "reference", person(990)).refers_to("sys_user"),
        column("closed_at", "glide_date_time", time(|life| life.closed)),
        column(
            "closed_by",
            "reference",
            make(|data, row, noise| {
                if life(data, row).closed.is_some() {
                    refers("sys_user")(data, row, noise)
                } else {
                    Cell::Null
                }
            }),
        )
        .refers_to("sys_user"),
        column("due_date", "glide_date_time", sometimes(300, moment())),
        column("sla_due", "due_date", sometimes(300, moment())),
        column(
            "active",
            "boolean",
            make(|data, row, _| Cell::Bool(life(data, row).closed.is_none())),
        ),
    ]
}

/// Who has it, and what it belongs to.
fn task_place() -> Vec<Column> {
    vec![
        column("assigned_to", "reference", person(800)).refers_to("sys_user"),
        column(
            "assignment_group",
            "reference",
            sometimes(900, refers("sys_user_group")),
        )
        .refers_to("sys_user_group"),
        column("company", "reference", make(|data, row, _| account_of(data, row))).refers_to("core_company"),
        column("cmdb_ci", "reference", sometimes(600, refers("cmdb_ci"))).refers_to("cmdb_ci"),
        column("parent", "reference", sometimes(60, refers("task"))).refers_to("task"),
        column("location", "reference", sometimes(500, refers("cmn_location"))).refers_to("cmn_location"),
    ]
}

fn task_notes() -> Vec<Column> {
    vec![
        column(
            "business_duration",
            "glide_duration",
            duration(|life| life.closed),
        ),
        column(
            "calendar_duration",
            "glide_duration",
            duration(|life| life.resolved),
        ),
        column("work_notes", "journal_input", nothing()).length(4000),
        column("comments", "journal_input", nothing()).length(4000),
        column("comments_and_work_notes", "journal_list", nothing()).length(4000),
        column(
            "close_notes",
            "string",
            make(|data, row, noise| {
                if life(data, row).resolved.is_some() {
                    sentence()(data, row, noise)
                } else {
                    Cell::Null
                }
            }),
        )
        .length(4000),
        column(
            "correlation_id",
            "string",
            sometimes(100, make(|_, _, noise| text(format!("ext-{noise:x}")))),
        )
        .length(100),
        column("correlation_display", "string", nothing()).length(100),
        column("made_sla", "boolean", sometimes(950, flag(880))),
        column("reassignment_count", "integer", sometimes(960, between(0, 12))),
    ]
}

fn task_more() -> Vec<Column> {
    vec![
        column(
            "contact_type",
            "choice",
            sometimes(900, pick(&["phone", "email", "self-service", "chat"])),
        )
        .choices(&[
            ("phone", "Phone"),
            ("email", "Email"),
            ("self-service", "Self-service"),
            ("chat", "Chat"),
        ]),
        column("escalation", "integer", pick_int(&[0, 0, 0, 1, 2])).choices(&[
            ("0", "Normal"),
            ("1", "Moderate"),
            ("2", "High"),
            ("3", "Overdue"),
        ]),
        column("knowledge", "boolean", flag(100)),
        column("order", "integer", sometimes(20, between(-100, 1_000_000_000))),
        column(
            "watch_list",
            "glide_list",
            sometimes(
                150,
                make(|data, _, noise| {
                    let users = data.table("sys_user").unwrap_or_default();
                    let count = data.rows_of(users).max(1) as u64;
                    let ids: Vec<String> = (0..=noise % 4)
                        .map(|at| usize::try_from((noise >> (8 + at * 8)) % count).unwrap_or_default())
                        .map(|index| data.sys_id(Row::new(users, index)).to_string())
                        .collect();
                    text(ids.join(",") + if noise % 7 == 0 { "," } else { "" })
                }),
            ),
        )
        .refers_to("sys_user"),
        column("work_notes_list", "glide_list", nothing()).refers_to("sys_user"),
        column("group_list", "glide_list", nothing()).refers_to("sys_user_group"),
        column("additional_assignee_list", "glide_list", nothing()).refers_to("sys_user"),
    ]
}

fn task_approval() -> Vec<Column> {
    vec![
        column(
            "approval",
            "string",
            pick(&["not requested", "approved", "requested"]),
        )
        .choices(&[
            ("not requested", "Not Yet Requested"),
            ("requested", "Requested"),
            ("approved", "Approved"),
        ]),
        column("approval_history", "journal", nothing()),
        column("upon_approval", "string", always("proceed")),
        column("upon_reject", "string", always("cancel")),
        column("user_input", "user_input", nothing()),
        column("time_worked", "timer", nothing()),
        column("expected_start", "glide_date_time", sometimes(50, moment())),
        column("work_start", "glide_date_time", sometimes(400, moment())),
        column("work_end", "glide_date_time", sometimes(300, moment())),
        column("follow_up", "glide_date_time", sometimes(50, moment())),
        column("activity_due", "due_date", sometimes(100, moment())),
        column("u_retired_code", "string", always("gone")).inactive(),
    ]
}
