//! What a session leaves behind when it is closed: nothing.

use std::sync::Arc;

use causeway_core::Principal;

use crate::fixture::{rows, world, world_of_engine};

/// Bytes of this process that are in memory.
#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages = status.split(' ').nth(1).expect("the second number");
    pages.parse::<usize>().expect("a number of pages") * 4096
}

#[tokio::test]
async fn a_closed_session_lets_go_of_its_person() {
    let somebody = Arc::new(Principal {
        user: "somebody".to_owned(),
        all_domains: true,
        ..Principal::default()
    });
    let principal = Arc::clone(&somebody);
    let world = world_of_engine(move |config, _| config.users.push(principal)).await;
    // The engine and the test hold one each; the sources and the ledger keep what they know by the person's name.
    let before = Arc::strong_count(&somebody);
    let session = world.session("somebody").await;
    for sql in [
        "SELECT count(*) FROM salesforce.account",
        "SELECT relname FROM pg_catalog.pg_class LIMIT 1",
        "SELECT current_user",
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'account'",
    ] {
        rows(&session, sql).await.expect(sql);
    }
    session
        .sql("CREATE TEMP VIEW mine AS SELECT name FROM salesforce.account")
        .await
        .expect("a view");
    let record_keeps = world.engine.queries().len();
    drop(session);
    let kept = Arc::strong_count(&somebody) - before;
    assert!(
        kept <= record_keeps,
        "{kept} handles for {record_keeps} recorded statements"
    );
}

/// Set in the process that measures, which runs nothing else.
#[cfg(target_os = "linux")]
const ALONE: &str = "CAUSEWAY_TEST_ALONE";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_thousand_sign_ins_leave_memory_flat() {
    const SIGN_INS: usize = 2000;
    /// What allocators keep for later is less; a session used to leave 5 MB.
    const MOST_KEPT_EACH: usize = 5_000;
    if std::env::var_os(ALONE).is_none() {
        let own = std::env::current_exe().expect("this program");
        let name = "sessions::two_thousand_sign_ins_leave_memory_flat";
        let alone = std::process::Command::new(own)
            .args([name, "--exact", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&alone.stdout);
        assert!(alone.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let world = world().await;
    for _ in 0..200 {
        drop(world.session("ana").await);
    }
    let before = resident_bytes();
    for _ in 0..SIGN_INS {
        drop(world.session("ana").await);
    }
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < SIGN_INS * MOST_KEPT_EACH, "{grown} bytes more");
}
