//! Conditions on display values of choices: what is sent for them, and that the answers are those of whole scans.

use causeway_sandbox::servicenow::{ChoiceAccess, InvalidQuery};

use crate::fixture::{World, rows, world_with};

/// Each with the condition that is sent, once the choices are known; tables are listed, so that only relatives' choices count.
const SENT: &[(&str, &str)] = &[
    (
        "SELECT number FROM servicenow.incident WHERE dv_state = 'New'",
        "state=1",
    ),
    (
        "SELECT number FROM servicenow.incident WHERE dv_priority IN ('1 - Critical', '2 - High')",
        "priorityIN1,2",
    ),
    (
        "SELECT number FROM servicenow.incident WHERE dv_category = 'Network' AND active",
        "categoryINNetwork,network^active=true",
    ),
    (
        "SELECT number FROM servicenow.incident WHERE dv_state = 'On Hold' OR priority = 1",
        "state=3^ORpriority=1",
    ),
    (
        "SELECT number FROM servicenow.incident WHERE dv_state IS NULL",
        "stateISEMPTY",
    ),
    (
        "SELECT sys_id FROM servicenow.u_everything WHERE dv_u_choice = 'Alpha'",
        "u_choiceINAlpha,a",
    ),
];

/// Statements whose answers must be those of whole scans.
const ANSWERED: &[&str] = &[
    "SELECT count(*) FROM servicenow.incident WHERE dv_state = 'Closed'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_state = 'closed'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_state = '1'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_state <> 'New'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_state IS NOT NULL AND dv_state NOT IN ('New', 'Closed')",
    "SELECT count(*) FROM servicenow.incident WHERE NOT (dv_state = 'New' OR dv_category = 'Network')",
    "SELECT count(*) FROM servicenow.task WHERE dv_state = 'Closed'",
    "SELECT count(*) FROM servicenow.task WHERE dv_state IN ('New', 'Open', 'no such label')",
    "SELECT count(*) FROM servicenow.sn_customerservice_case WHERE dv_state = 'Open'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_state = 'New (de)'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_assigned_to = 'Ana Lopez'",
    "SELECT count(*) FROM servicenow.incident WHERE dv_assigned_to IS NULL",
    "SELECT count(*) FROM servicenow.u_everything WHERE dv_u_choice = 'Alpha'",
    "SELECT count(*) FROM servicenow.u_everything WHERE dv_u_choice = 'Alpha (big)'",
    "SELECT count(*) FROM servicenow.u_everything WHERE dv_u_choice = 'a'",
    "SELECT count(*) FROM servicenow.u_everything WHERE dv_u_choice = 'A^b'",
    "SELECT count(*) FROM servicenow.u_everything WHERE dv_u_choice IS NULL",
];

async fn answers(world: &World, pushdown: &str) -> Vec<Vec<Vec<String>>> {
    let session = world.session("admin").await;
    session.set("causeway.pushdown", pushdown).expect("a setting");
    let mut answers = Vec::new();
    for sql in ANSWERED {
        let answer = rows(&session, sql).await;
        answers.push(answer.unwrap_or_else(|error| panic!("{pushdown}: {sql}: {error}")));
    }
    answers
}

fn sent(world: &World) -> Vec<String> {
    let calls = world.servicenow.log().entries().into_iter();
    calls.filter_map(|call| call.remote_query).collect()
}

#[tokio::test]
async fn a_label_is_sent_as_the_stored_values_that_are_shown_so() {
    let world = world_with(Vec::new()).await;
    world
        .rows("admin", "SELECT table_name FROM information_schema.tables")
        .await;
    for (sql, condition) in SENT {
        let first = world.rows("admin", sql).await;
        world.forget_requests();
        assert_eq!(world.rows("admin", sql).await, first, "{sql}");
        let sent = sent(&world);
        let wanted = format!("{condition}^ORDERBYsys_id");
        assert!(
            sent.iter()
                .all(|query| query.starts_with(&wanted) || query.starts_with(condition)),
            "{sql}: {sent:?}"
        );
        assert!(sent.contains(&wanted), "{sql}: {sent:?}");
    }
}

#[tokio::test]
async fn the_choices_of_a_column_are_read_once_and_only_for_a_condition() {
    let world = world_with(Vec::new()).await;
    let choices = |world: &World| {
        let sent = sent(world);
        sent.iter().filter(|query| query.starts_with("element=")).count()
    };
    world
        .rows(
            "admin",
            "SELECT dv_state, count(*) FROM servicenow.incident GROUP BY 1",
        )
        .await;
    assert_eq!(choices(&world), 0);
    let plan = world
        .rows(
            "admin",
            "EXPLAIN SELECT number FROM servicenow.incident WHERE dv_state = 'New'",
        )
        .await;
    assert!(
        format!("{plan:?}").contains("stateIN(stored values that are shown as New)"),
        "{plan:?}"
    );
    assert_eq!(choices(&world), 0, "EXPLAIN makes no such call");
    for label in ["New", "Closed", "no such label"] {
        world
            .rows(
                "admin",
                &format!("SELECT number FROM servicenow.incident WHERE dv_state = '{label}'"),
            )
            .await;
    }
    assert_eq!(choices(&world), 1);
}

#[tokio::test]
async fn answers_are_those_of_whole_scans_whatever_is_seen_of_the_choices() {
    let as_usual = answers(&world_with(Vec::new()).await, "off").await;
    for name in [
        "choices are seen",
        "labels are in German",
        "only labels are seen",
        "some choices are hidden",
        "values are hidden",
        "conditions on the columns are ignored",
        "ignored conditions empty the answer",
    ] {
        let world = world_with(Vec::new()).await;
        let columns = ["state", "category", "u_choice"];
        let of = |table: &'static str| columns.map(|column| (table.to_owned(), column.to_owned()));
        world.servicenow.semantics().change(|semantics| match name {
            "only labels are seen" => semantics.choice_access = ChoiceAccess::LabelOnly,
            "some choices are hidden" => semantics.row_acl = [("sys_choice".to_owned(), 2)].into(),
            "values are hidden" => {
                semantics.hidden_fields = [("sys_choice".to_owned(), "value".to_owned())].into();
            }
            "conditions on the columns are ignored" => {
                semantics.stripped_columns = [of("incident"), of("task"), of("u_everything")]
                    .concat()
                    .into_iter()
                    .collect();
            }
            "ignored conditions empty the answer" => {
                semantics.invalid_query = InvalidQuery::NoRows;
                semantics.stripped_columns =
                    [of("incident"), of("task"), of("u_everything"), of("sys_choice")]
                        .concat()
                        .into_iter()
                        .collect();
            }
            "labels are in German" => semantics.labels_in_german = true,
            _ => {}
        });
        let all = match name {
            "labels are in German" => answers(&world, "off").await,
            _ => as_usual.clone(),
        };
        let pushed = answers(&world, "on").await;
        for ((sql, pushed), all) in ANSWERED.iter().zip(pushed).zip(&all) {
            assert_eq!(pushed, *all, "{name}: {sql}");
        }
    }
}
