//! The server's peak memory while a client reads 1,000,000 incidents. Wanted: under 200 MB.
//!
//! Run with `cargo bench --bench memory`; Linux only, for the figure comes from `/proc`. The practice orgs and the server are
//! processes of their own. `CAUSEWAY_SCALE` (200) multiplies the 5,000 incidents.

#[path = "support/server.rs"]
mod server;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use futures::TryStreamExt as _;
use server::{PASSWORD, Process, configuration, free_address, start};

const MOST_MEGABYTES: u64 = 200;
const SQL: &str = "SELECT number, short_description, priority, state, category, opened_at, resolved_at, assigned_to \
                   FROM servicenow.incident";

fn main() -> ExitCode {
    // `cargo test --benches` only asks whether the bench starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let scale: usize = std::env::var("CAUSEWAY_SCALE").map_or(200, |scale| scale.parse().expect("a number"));
    let (salesforce, servicenow, causeway) = (free_address(), free_address(), free_address());
    let _sandbox = start(
        servicenow,
        &[
            "sandbox",
            "--scale",
            &scale.to_string(),
            "--salesforce-listen",
            &salesforce.to_string(),
            "--servicenow-listen",
            &servicenow.to_string(),
        ],
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("causeway.toml");
    std::fs::write(
        &file,
        configuration(
            causeway,
            &format!("http://{salesforce}"),
            &format!("http://{servicenow}"),
            10,
        ),
    )
    .expect("a file");
    let server = start(causeway, &["serve", "--config", &file.to_string_lossy()]);

    let before = peak_kilobytes(&server);
    let started = Instant::now();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = runtime.block_on(read(causeway));
    let took = started.elapsed();
    let peak = peak_kilobytes(&server) / 1024;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{rows} rows in {:.1} s, {:.0} rows/s; server peak {peak} MB resident, {} MB before the scan",
        took.as_secs_f64(),
        rows as f64 / took.as_secs_f64(),
        before / 1024,
    )
    .expect("a standard output");
    let is_whole = rows == 5_000 * scale;
    let is_small = peak < MOST_MEGABYTES;
    writeln!(out, "whole: {is_whole}; under {MOST_MEGABYTES} MB: {is_small}").expect("a standard output");
    ExitCode::from(u8::from(!(is_whole && is_small)))
}

/// Reads all rows, one at a time, and counts them.
async fn read(address: SocketAddr) -> usize {
    let (client, connection) = tokio_postgres::Config::new()
        .host("127.0.0.1")
        .port(address.port())
        .dbname("causeway")
        .user("bench")
        .password(PASSWORD)
        .connect(tokio_postgres::NoTls)
        .await
        .expect("the sign-in");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let rows = client
        .query_raw(SQL, Vec::<String>::new())
        .await
        .expect("an answer");
    let count = rows.try_fold(0, |count, _row| async move { Ok(count + 1) });
    count.await.expect("the scan is whole")
}

/// The most memory that the process ever had resident.
fn peak_kilobytes(process: &Process) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).expect("a running process");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a peak");
    line.split_whitespace()
        .nth(1)
        .and_then(|kilobytes| kilobytes.parse().ok())
        .expect("a number")
}
