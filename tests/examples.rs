//! The examples do what their first lines say.

// Their `main` is not called here.
#[allow(dead_code, unreachable_pub)]
#[path = "../examples/application.rs"]
pub(crate) mod application;
#[allow(dead_code, unreachable_pub)]
#[path = "../examples/embedded.rs"]
mod embedded;
#[allow(dead_code, unreachable_pub)]
#[path = "../examples/report.rs"]
mod report;

use crate::practice::Practice;

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_session_reads_as_its_person() {
    let practice = Practice::start().await;
    let config = practice
        .orgs
        .write_configuration(practice.folder.path())
        .expect("a file");
    let rows =
        |batches: Vec<arrow::array::RecordBatch>| batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    let ana = embedded::open_opportunities(&config, "ana").await.expect("rows");
    assert_eq!(rows(ana), 4);
    let ben = embedded::open_opportunities(&config, "ben")
        .await
        .expect("no rows");
    assert_eq!(rows(ben), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_joins_its_own_table_with_what_a_person_sees() {
    let practice = Practice::start().await;
    let folder = practice.folder.path();
    let config = practice.orgs.write_configuration(folder).expect("a file");
    let targets = folder.join("targets.csv");
    std::fs::write(&targets, "customer,target\nBoxeo,500000\n").expect("a file");
    let (rows, calls) = application::targets_reached(&config, "ana", &targets)
        .await
        .expect("rows");
    let shown = arrow::util::pretty::pretty_format_batches(&rows)
        .expect("a table")
        .to_string();
    assert!(shown.contains("| Boxeo    | 500000 | 552447.5 | 4 "), "{shown}");
    // The domains, an account, its opportunities, and the account again for the policy of opportunities.
    assert_eq!(calls, 4);
    let (rows, _) = application::targets_reached(&config, "ben", &targets)
        .await
        .expect("no rows");
    assert_eq!(rows.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_written_in_the_format_of_its_name() {
    let practice = Practice::start().await;
    let folder = practice.folder.path();
    let config = practice.orgs.write_configuration(folder).expect("a file");
    let sql = "SELECT name, isclosed FROM salesforce.opportunity WHERE name LIKE 'Boxeo%' ORDER BY id";
    let csv = folder.join("report.csv");
    let written = report::write_report(&config, "admin", sql, &csv)
        .await
        .expect("a report");
    let text = std::fs::read_to_string(&csv).expect("the report");
    assert!(text.starts_with("name,isclosed\n"), "{text}");
    assert_eq!(text.lines().count(), written + 1);
    let arrow = folder.join("report.arrow");
    assert_eq!(
        report::write_report(&config, "admin", sql, &arrow)
            .await
            .expect("a report"),
        written
    );
    let stream = std::fs::File::open(&arrow).expect("the report");
    let reader = arrow::ipc::reader::StreamReader::try_new(stream, None).expect("an Arrow stream");
    let read: usize = reader.map(|batch| batch.expect("a batch").num_rows()).sum();
    assert_eq!(read, written);
    let refused = report::write_report(&config, "admin", sql, &folder.join("report.pdf")).await;
    assert_eq!(
        refused.expect_err("no such format").to_string(),
        "the report's name must end in .csv or .arrow"
    );
}
