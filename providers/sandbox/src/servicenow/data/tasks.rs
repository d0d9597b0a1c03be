//! The task family: task, incident, problem, change_request, sn_customerservice_case, sc_req_item.

use super::super::cell::{Cell, SysId};
use super::super::schema::{
    Column, Make, Row, always, between, choose, column, dangling, day, flag, make, moment, nothing, pick, pick_int,
    refers, remainder, scaled, seconds, some_moment, sometimes, text,
};
use super::{Data, Spec, class_name, domain_columns, numbered};

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

const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];
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
const INCIDENT_STATES: &[(&str, &str)] = &[
    ("1", "New"),
    ("2", "In Progress"),
    ("3", "On Hold"),
    ("6", "Resolved"),
    ("7", "Closed"),
    ("8", "Canceled"),
];
const CASE_STATES: &[(&str, &str)] = &[("1", "New"), ("10", "Open"), ("18", "Awaiting Info"), ("6", "Resolved"), ("3", "Closed")];
const CATEGORIES: &[(&str, &str)] = &[
    ("inquiry", "Inquiry / Help"),
    ("software", "Software"),
    ("hardware", "Hardware"),
    ("network", "Network"),
    ("database", "Database"),
];

pub(super) fn add(data: &mut Data) {
    let scale = data.world.scale;
    data.add(Spec::root("task", "Task", "number", 100, task()));
    data.add(Spec::child("incident", "Incident", "task", "number", 5_000 * scale, incident()));
    data.add(Spec::child("problem", "Problem", "task", "number", 300 * scale, problem()));
    data.add(Spec::child("change_request", "Change Request", "task", "number", 600 * scale, change()));
    data.add(Spec::child("sn_customerservice_case", "Case", "task", "number", 1_200 * scale, case()));
    data.add(Spec::child("sc_req_item", "Requested Item", "task", "number", 800 * scale, item()));
}

/// When a task was opened, resolved and closed; open tasks have no later times.
struct Life {
    opened: i64,
    resolved: Option<i64>,
    closed: Option<i64>,
}

fn life(data: &Data, row: Row) -> Life {
    let opened = data.created(row);
    let noise = data.noise(row, 2);
    let resolved = (noise % 100 < 68).then(|| opened + 60 + remainder(noise >> 8, 20 * 86_400));
    let closed = resolved.filter(|_| noise % 100 < 50).map(|at| at + remainder(noise >> 40, 7 * 86_400));
    Life { opened, resolved, closed }
}

/// Position of the state in a list whose last two entries are resolved and closed.
fn state(open: &'static [i64], resolved: i64, closed: &'static [i64]) -> Make {
    make(move |data, row, noise| {
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
    (noise % 20 != 0).then(|| usize::try_from(noise >> 8).unwrap_or_default() % data.world.accounts().max(1))
}

fn account_of(data: &Data, row: Row) -> Cell<'_> {
    match (account_index(data, row), data.table("customer_account")) {
        (Some(index), Some(class)) => Cell::Id(data.sys_id(Row::new(class, index))),
        _ => Cell::Null,
    }
}

fn domain_of(data: &Data, row: Row) -> Option<usize> {
    account_index(data, row).and_then(|index| data.account_domain(index))
}

/// A sentence; one in sixteen is awkward, and some are NULL or stored as ''.
fn sentence() -> Make {
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
fn story() -> Make {
    make(|_, _, noise| match noise % 256 {
        0 => text("All work and no play. 🚀 ".repeat(210)),
        1..100 => Cell::Null,
        _ => text(format!("{}.\n{}.", choose(SUBJECTS, noise >> 8), choose(SUBJECTS, noise >> 16))),
    })
}

/// A duration of a finished task: a few are days long.
fn duration(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| {
        let life = life(data, row);
        of(&life).map_or(Cell::Null, |end| Cell::Seconds(end - life.opened))
    })
}

fn time(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| of(&life(data, row)).map_or(Cell::Null, Cell::Seconds))
}

/// A person, now and then the literal `glide.maint`, or one who no longer exists.
fn person(permille: u64) -> Make {
    let user = refers("sys_user");
    let gone = dangling();
    sometimes(permille, make(move |data, row, noise| match noise % 100 {
        0 => text("glide.maint"),
        1 => gone(data, row, noise >> 8),
        _ => user(data, row, noise >> 8),
    }))
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
        column("priority", "integer", make(|_, _, noise| Cell::Int(match noise % 20 {
            0 => 1,
            1..4 => 2,
            4..10 => 3,
            10..17 => 4,
            _ => 5,
        }))).choices(PRIORITIES).mandatory(),
        column("impact", "integer", pick_int(&[1, 2, 3, 3])).choices(LEVELS),
        column("urgency", "integer", pick_int(&[1, 2, 2, 3])).choices(LEVELS),
        column("opened_at", "glide_date_time", time(|life| Some(life.opened))),
        column("opened_by", "reference", person(990)).refers_to("sys_user"),
        column("closed_at", "glide_date_time", time(|life| life.closed)),
        column("closed_by", "reference", make(|data, row, noise| {
            if life(data, row).closed.is_some() { refers("sys_user")(data, row, noise) } else { Cell::Null }
        })).refers_to("sys_user"),
        column("due_date", "glide_date_time", sometimes(300, moment())),
        column("sla_due", "due_date", sometimes(300, moment())),
        column("active", "boolean", make(|data, row, _| Cell::Bool(life(data, row).closed.is_none()))),
        column("assigned_to", "reference", person(800)).refers_to("sys_user"),
        column("assignment_group", "reference", sometimes(900, refers("sys_user_group"))).refers_to("sys_user_group"),
        column("company", "reference", make(|data, row, _| account_of(data, row))).refers_to("core_company"),
        column("cmdb_ci", "reference", sometimes(600, refers("cmdb_ci"))).refers_to("cmdb_ci"),
        column("parent", "reference", sometimes(60, refers("task"))).refers_to("task"),
        column("location", "reference", sometimes(500, refers("cmn_location"))).refers_to("cmn_location"),
        column("business_duration", "glide_duration", duration(|life| life.closed)),
        column("calendar_duration", "glide_duration", duration(|life| life.resolved)),
        column("work_notes", "journal_input", nothing()).length(4000),
        column("comments", "journal_input", nothing()).length(4000),
        column("comments_and_work_notes", "journal_list", nothing()).length(4000),
        column("close_notes", "string", make(|data, row, noise| {
            if life(data, row).resolved.is_some() { sentence()(data, row, noise) } else { Cell::Null }
        })).length(4000),
        column("correlation_id", "string", sometimes(100, make(|_, _, noise| text(format!("ext-{noise:x}"))))).length(100),
        column("correlation_display", "string", nothing()).length(100),
        column("made_sla", "boolean", sometimes(950, flag(880))),
        column("reassignment_count", "integer", sometimes(960, between(0, 12))),
    ]
}

fn task_more() -> Vec<Column> {
    vec![
        column("contact_type", "choice", sometimes(900, pick(&["phone", "email", "self-service", "chat"])))
            .choices(&[("phone", "Phone"), ("email", "Email"), ("self-service", "Self-service"), ("chat", "Chat")]),
        column("escalation", "integer", pick_int(&[0, 0, 0, 1, 2]))
            .choices(&[("0", "Normal"), ("1", "Moderate"), ("2", "High"), ("3", "Overdue")]),
        column("knowledge", "boolean", flag(100)),
        column("order", "integer", sometimes(20, between(-100, 1_000_000_000))),
        column("watch_list", "glide_list", sometimes(150, make(|data, _, noise| {
            let users = data.table("sys_user").unwrap_or_default();
            let count = data.rows_of(users).max(1) as u64;
            let ids: Vec<String> = (0..=noise % 4)
                .map(|at| usize::try_from((noise >> (8 + at * 8)) % count).unwrap_or_default())
                .map(|index| data.sys_id(Row::new(users, index)).to_string())
                .collect();
            text(ids.join(",") + if noise % 7 == 0 { "," } else { "" })
        }))).refers_to("sys_user"),
        column("work_notes_list", "glide_list", nothing()).refers_to("sys_user"),
        column("group_list", "glide_list", nothing()).refers_to("sys_user_group"),
        column("additional_assignee_list", "glide_list", nothing()).refers_to("sys_user"),
        column("approval", "string", pick(&["not requested", "approved", "requested"]))
            .choices(&[("not requested", "Not Yet Requested"), ("requested", "Requested"), ("approved", "Approved")]),
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

fn incident() -> Vec<Column> {
    vec![
        column("number", "string", super::super::schema::number("INC")).read_only(),
        column("state", "integer", state(&[1, 2, 2, 3], 6, &[7, 7, 7, 8])).choices(INCIDENT_STATES),
        column("incident_state", "integer", state(&[1, 2, 2, 3], 6, &[7, 7, 7, 8])).choices(INCIDENT_STATES),
        column("caller_id", "reference", person(970)).refers_to("sys_user"),
        column("category", "string", sometimes(950, pick(&["inquiry", "software", "hardware", "network", "database"])))
            .choices(CATEGORIES),
        column("subcategory", "string", sometimes(500, pick(&["email", "os", "cpu", "ip address", "db2"]))),
        column("severity", "integer", pick_int(&[1, 2, 3, 3, 3])).choices(LEVELS),
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column("resolved_by", "reference", make(|data, row, noise| {
            if life(data, row).resolved.is_some() { refers("sys_user")(data, row, noise) } else { Cell::Null }
        })).refers_to("sys_user"),
        column("close_code", "string", make(|data, row, noise| {
            if life(data, row).resolved.is_some() {
                text(choose(&["Solved (Permanently)", "Solved (Work Around)", "Not Solved (Too Costly)", "Duplicate"], noise))
            } else {
                Cell::Null
            }
        })),
        column("reopen_count", "integer", sometimes(970, pick_int(&[0, 0, 0, 0, 1, 2]))),
        column("problem_id", "reference", sometimes(60, refers("problem"))).refers_to("problem"),
        column("rfc", "reference", sometimes(20, refers("change_request"))).refers_to("change_request"),
        column("caused_by", "reference", sometimes(20, refers("change_request"))).refers_to("change_request"),
        column("parent_incident", "reference", sometimes(40, refers("incident"))).refers_to("incident"),
        column("child_incidents", "integer", sometimes(300, pick_int(&[0, 0, 0, 1, 4]))),
        column("hold_reason", "integer", sometimes(100, pick_int(&[1, 3, 4])))
            .choices(&[("1", "Awaiting Caller"), ("3", "Awaiting Problem"), ("4", "Awaiting Vendor")]),
        column("notify", "integer", pick_int(&[1, 1, 2, 3])),
        column("calendar_stc", "integer", duration_seconds()),
        column("business_stc", "integer", duration_seconds()),
    ]
}

fn duration_seconds() -> Make {
    make(|data, row, _| {
        let life = life(data, row);
        life.resolved.map_or(Cell::Null, |end| Cell::Int(end - life.opened))
    })
}

fn problem() -> Vec<Column> {
    vec![
        column("number", "string", super::super::schema::number("PRB")).read_only(),
        column("known_error", "boolean", sometimes(900, flag(150))),
        column("major_problem", "boolean", flag(30)),
        column("related_incidents", "integer", between(0, 25)),
        column("workaround", "html", sometimes(300, always("<p>Restart &amp; wait</p>"))),
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column("first_reported_by_task", "reference", sometimes(300, refers("incident"))).refers_to("task"),
    ]
}

fn change() -> Vec<Column> {
    vec![
        column("number", "string", super::super::schema::number("CHG")).read_only(),
        column("type", "string", pick(&["normal", "standard", "emergency"]))
            .choices(&[("normal", "Normal"), ("standard", "Standard"), ("emergency", "Emergency")]),
        column("risk", "integer", pick_int(&[2, 3, 4])).choices(&[("2", "High"), ("3", "Moderate"), ("4", "Low")]),
        column("start_date", "glide_date_time", sometimes(800, moment())),
        column("end_date", "glide_date_time", sometimes(700, moment())),
        column("requested_by", "reference", person(950)).refers_to("sys_user"),
        column("requested_by_date", "glide_date_time", sometimes(200, moment())),
        column("cab_required", "boolean", flag(300)),
        column("cab_date", "glide_date", sometimes(300, day())),
        column("backout_plan", "string", story()).length(4000),
    ]
}

fn case() -> Vec<Column> {
    vec![
        column("number", "string", super::super::schema::number("CS")).read_only(),
        column("state", "integer", state(&[1, 10, 10, 18], 6, &[3])).choices(CASE_STATES),
        column("account", "reference", make(|data, row, _| account_of(data, row))).refers_to("customer_account"),
        column("contact", "reference", sometimes(900, refers("customer_contact"))).refers_to("customer_contact"),
        column("consumer", "reference", nothing()).refers_to("sys_user"),
        column("partner", "reference", sometimes(50, refers("customer_account"))).refers_to("customer_account"),
        column("category", "integer", sometimes(900, pick_int(&[0, 1, 2])))
            .choices(&[("0", "Issue"), ("1", "Question"), ("2", "Feature")]),
        column("resolution_code", "integer", sometimes(500, pick_int(&[1, 2, 3])))
            .choices(&[("1", "Solved - Fixed"), ("2", "Solved - Workaround"), ("3", "Closed by customer")]),
        column("cause", "string", sentence()).length(4000),
        column("resolved_at", "glide_date_time", time(|life| life.resolved)),
        column("first_response_time", "glide_date_time", sometimes(600, moment())),
        column("contact_local_time", "glide_time", sometimes(300, seconds(86_400))),
        column("contact_time_zone", "string", sometimes(300, pick(&["GMT", "US/Pacific"]))),
        column("skills", "glide_list", sometimes(200, make(|_, _, noise| {
            text(format!("{},{}", SysId(u128::from(noise)), SysId(u128::from(noise) << 32)))
        }))),
        column("notes_to_comments", "boolean", flag(100)),
        column("u_opportunity_value", "currency", sometimes(300, scaled(0, 99_999_999_999, 4))),
        column("u_last_touch", "glide_date_time", sometimes(700, make(|_, _, noise| Cell::Seconds(some_moment(noise))))),
    ]
}

fn item() -> Vec<Column> {
    vec![
        column("number", "string", super::super::schema::number("RITM")).read_only(),
        column("quantity", "integer", between(1, 20)),
        column("price", "price", sometimes(900, scaled(0, 99_999_9999, 4))),
        column("stage", "workflow", pick(&["waiting_for_approval", "fulfillment", "delivery", "complete"])),
        column("backordered", "boolean", sometimes(900, flag(80))),
        column("estimated_delivery", "glide_date_time", sometimes(600, moment())),
        column("requested_for", "reference", person(980)).refers_to("sys_user"),
    ]
}
