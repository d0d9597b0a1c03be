//! The task family: task, incident, problem, change_request, sn_customerservice_case, sc_req_item.

use super::super::cell::Cell;
use super::super::schema::{
    Column, Make, Row, always, between, choose, column, dangling, flag, make, moment, nothing, pick,
    pick_int, refers, remainder, sometimes, text,
};
use super::{Data, Spec, class_name, domain_columns, numbered, task_kinds};

/// Texts that break careless software.
pub(super) const AWKWARD_TEXTS: &[&str] = &[
    "RÉSUMÉ upload fails",
    "resume upload fails",
    "Resume Upload Fails",
    "O'Brien said \"no\"",
    "C:\\temp\\new, or \\\\share",
    "50% off_now and 100% _under_score",
    "caret ^ORactive=true^NQname=x",
    "comma,separated,,list",
    "line one\nline two\r\nline three\ttab",
    "Zażółć gęślą jaźń 🚀👩‍👩‍👧",
    "javascript:gs.getUserID()",
    "  leading blanks",
    "trailing blanks  ",
    "NULL",
    "null",
    "=1+1",
    "<b>bold</b> & \"quoted\"",
    "' OR 1=1 --",
    "STRASSE",
    "straße",
    "a@b",
    "BETWEEN x@y",
    "0",
    "true",
    "2024-01-01 00:00:00",
    "zero\u{200b}width",
    "ＦＵＬＬＷＩＤＴＨ",
    "İstanbul",
    "istanbul",
    "ıstanbul",
];

const SUBJECTS: &[&str] = &[
    "Unable to sign in to VPN",
    "Email does not arrive",
    "Laptop battery swollen",
    "SAP posting period closed",
    "Printer on floor 3 jams",
    "Router making noise",
    "Database disk space low",
    "Request for access to shared drive",
    "Application crashes on save",
    "Switch occasionally drops connections",
    "Phone number needs porting",
    "Invoice shows wrong amount",
    "Webshop checkout times out",
    "Can't access SFA software",
];

pub(super) const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];
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

/// When a task was opened, resolved and closed; open tasks have no later times.
pub(super) struct Life {
    pub(super) opened: i64,
    pub(super) resolved: Option<i64>,
    pub(super) closed: Option<i64>,
}

pub(super) fn life(data: &Data, row: Row) -> Life {
    let opened = data.created(row);
    let noise = data.noise(row, 2);
    let resolved = (noise % 100 < 68).then(|| opened + 60 + remainder(noise >> 8, 20 * 86_400));
    let closed = resolved
        .filter(|_| noise % 100 < 50)
        .map(|at| at + remainder(noise >> 40, 7 * 86_400));
    Life {
        opened,
        resolved,
        closed,
    }
}

/// Position of the state in a list whose last two entries are resolved and closed.
pub(super) fn state(open: &'static [i64], resolved: i64, closed: &'static [i64]) -> Make {
    make(move |data, row, _| {
        // Noise of the row, not of the column: `state` and `incident_state` agree.
        let noise = data.noise(row, 4);
        let life = life(data, row);
        Cell::Int(match (life.resolved, life.closed) {
            (_, Some(_)) => choose(closed, noise),
            (Some(_), None) => resolved,
            (None, None) => choose(open, noise),
        })
    })
}

/// The account that a task is about; one task in twenty has none.
fn account_index(data: &Data, row: Row) -> Option<usize> {
    let noise = data.noise(row, 3);
    (!noise.is_multiple_of(20))
        .then(|| usize::try_from(noise >> 8).unwrap_or_default() % data.world.accounts().max(1))
}

pub(super) fn account_of(data: &Data, row: Row) -> Cell<'_> {
    match (account_index(data, row), data.table("customer_account")) {
        (Some(index), Some(class)) => Cell::Id(data.sys_id(Row::new(class, index))),
        _ => Cell::Null,
    }
}

fn domain_of(data: &Data, row: Row) -> Option<usize> {
    account_index(data, row).and_then(|index| data.account_domain(index))
}

/// A sentence; one in sixteen is awkward, and some are NULL or stored as ''.
pub(super) fn sentence() -> Make {
    make(|_, row, noise| match noise % 64 {
        0..4 => text(choose(AWKWARD_TEXTS, noise >> 6)),
        4 => Cell::Null,
        5 => text(""),
        6 => text(choose(SUBJECTS, noise >> 6).to_uppercase()),
        7 => text(format!("{} ", choose(SUBJECTS, noise >> 6))),
        8..24 => text(format!("{} ({})", choose(SUBJECTS, noise >> 6), row.index())),
        _ => text(choose(SUBJECTS, noise >> 6)),
    })
}

/// NULL, a sentence, or (one in 256) 5,000 characters.
pub(super) fn story() -> Make {
    make(|_, _, noise| match noise % 256 {
        0 => text("All work and no play. 🚀 ".repeat(210)),
        1..100 => Cell::Null,
        _ => text(format!(
            "{}.\n{}.",
            choose(SUBJECTS, noise >> 8),
            choose(SUBJECTS, noise >> 16)
        )),
    })
}

/// A duration of a finished task: a few are days long.
fn duration(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| {
        let life = life(data, row);
        of(&life).map_or(Cell::Null, |end| Cell::Seconds(end - life.opened))
    })
}

pub(super) fn time(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| of(&life(data, row)).map_or(Cell::Null, Cell::Seconds))
}

/// A person, now and then the literal `glide.maint`, or one who no longer exists.
pub(super) fn person(permille: u64) -> Make {
    let user = refers("sys_user");
    let gone = dangling();
    sometimes(
        permille,
        make(move |data, row, noise| match noise % 100 {
            0 => text("glide.maint"),
            1 => gone(data, row, noise >> 8),
            _ => user(data, row, noise >> 8),
        }),
    )
}

fn task() -> Vec<Column> {
    let mut columns = task_core();
    columns.extend(task_more());
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
