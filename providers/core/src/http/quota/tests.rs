//! The reserve, call by call.

use super::*;

fn quota(percent: u8) -> Arc<Quota> {
    Quota::new(Some(Reserve { percent }))
}

fn admit(quota: &Arc<Quota>, now: Instant) -> Result<Admission, Error> {
    quota
        .admit_at(&Arc::from("crm"), 1, now)
        .map_err(|refused| refused.error)
}

fn usage(used: u64) -> Usage {
    Usage { used, allowed: 100 }
}

/// Makes a call whose answer tells how many were used.
fn call(quota: &Arc<Quota>, used: u64, now: Instant) {
    let mut admission = admit(quota, now).expect("a call");
    admission.send();
    admission.report(usage(used), now);
}

#[test]
fn a_share_is_a_whole_percentage_below_100() {
    let read = |json: &str| serde_json::from_str::<Reserve>(json).map_err(|error| error.to_string());
    assert_eq!(read(r#""20%""#), Ok(Reserve { percent: 20 }));
    assert_eq!(read(r#""0%""#), Ok(Reserve { percent: 0 }));
    for wrong in [
        r#""20""#,
        r#""120%""#,
        r#""100%""#,
        r#""-1%""#,
        r#""+1%""#,
        r#""abc""#,
        r#""%""#,
        r#""2.5%""#,
    ] {
        let message = read(wrong).expect_err(wrong);
        assert!(
            message.starts_with("expected a share of the calls such as \"20%\", from"),
            "{message}"
        );
    }
    let message = read("20").expect_err("a number");
    assert!(
        message.contains("expected a share of the calls such as \"20%\""),
        "{message}"
    );
}

#[test]
fn the_kept_share_is_rounded_up() {
    assert_eq!(Reserve { percent: 20 }.kept(100), 20);
    assert_eq!(Reserve { percent: 33 }.kept(10), 4);
    assert_eq!(Reserve { percent: 0 }.kept(10), 0);
    assert_eq!(Reserve { percent: 99 }.kept(u64::MAX), u64::MAX / 100 * 99 + 15);
}

#[test]
fn an_unknown_quota_lets_every_call_pass() {
    let quota = quota(99);
    let now = Instant::now();
    let calls: Vec<_> = (0..50).map(|_| admit(&quota, now).expect("a call")).collect();
    assert_eq!(calls.len(), 50);
    assert_eq!(quota.usage(), None);
}

#[test]
fn the_last_call_before_the_reserve_passes_and_the_next_does_not() {
    let quota = quota(20);
    let now = Instant::now();
    call(&quota, 79, now);
    call(&quota, 80, now);
    let error = admit(&quota, now).expect_err("in reserve");
    assert_eq!(error.kind, Kind::Budget);
    assert_eq!(
        error.to_string(),
        "crm: 80 of the 100 api calls of a day are used, and 20% (20 calls) are kept in reserve; \
         try again when older calls no longer count, or lower 'reserve' in the configuration"
    );
}

#[test]
fn calls_under_way_count_and_those_that_were_never_sent_do_not() {
    let quota = quota(20);
    let now = Instant::now();
    call(&quota, 78, now);
    let (first, mut second) = (admit(&quota, now).expect("79"), admit(&quota, now).expect("80"));
    let error = admit(&quota, now).expect_err("81");
    assert!(
        error
            .message
            .contains("78 of the 100 api calls of a day are used (2 more under way)"),
        "{error}"
    );
    drop(first);
    second.send();
    drop(second);
    assert_eq!(
        quota.usage(),
        Some(usage(79)),
        "an answer that never came may have counted"
    );
    let _last = admit(&quota, now).expect("80");
    assert!(admit(&quota, now).is_err());
}

#[test]
fn a_batch_counts_for_all_that_is_in_it() {
    let quota = quota(20);
    let now = Instant::now();
    call(&quota, 60, now);
    assert!(quota.admit_at(&Arc::from("crm"), 21, now).is_err());
    assert!(quota.admit_at(&Arc::from("crm"), 20, now).is_ok());
}

#[test]
fn a_sign_in_counts_until_the_system_tells_better() {
    let quota = quota(20);
    let now = Instant::now();
    call(&quota, 79, now);
    quota.count(1);
    assert!(admit(&quota, now).is_err());
    assert_eq!(quota.usage(), Some(usage(80)));
}

#[test]
fn an_overtaken_answer_raises_the_figure_and_does_not_lower_it() {
    let quota = quota(20);
    let now = Instant::now();
    call(&quota, 5, now);
    let (mut first, mut second) = (admit(&quota, now).expect("6"), admit(&quota, now).expect("7"));
    second.report(usage(7), now);
    first.report(usage(6), now);
    assert_eq!(quota.usage(), Some(usage(7)));
    call(&quota, 3, now);
    assert_eq!(quota.usage(), Some(usage(3)), "the window has rolled on");
}

#[test]
fn one_call_in_five_minutes_learns_whether_the_window_has_rolled_on() {
    let quota = quota(20);
    let start = Instant::now();
    call(&quota, 90, start);
    let later = |seconds| start + Duration::from_secs(seconds);
    assert!(admit(&quota, later(299)).is_err());
    let asking = admit(&quota, later(300)).expect("one call to ask");
    assert!(admit(&quota, later(300)).is_err(), "one is enough");
    drop(asking);
    assert!(admit(&quota, later(599)).is_err());
    let mut asking = admit(&quota, later(600)).expect("one call to ask again");
    asking.report(usage(50), later(600));
    assert!(admit(&quota, later(600)).is_ok());
}

#[test]
fn without_a_reserve_every_call_passes_and_the_figure_is_known() {
    let quota = Quota::new(None);
    let now = Instant::now();
    call(&quota, 100, now);
    assert!(admit(&quota, now).is_ok());
    assert_eq!(quota.usage(), Some(usage(100)));
}

#[tokio::test]
async fn while_one_call_asks_the_others_wait_for_what_it_learns() {
    let quota = quota(20);
    let long_ago = Instant::now()
        .checked_sub(Duration::from_secs(400))
        .expect("a machine that runs for some minutes");
    call(&quota, 80, long_ago);
    let origin: Arc<str> = Arc::from("crm");
    let mut asking = quota.admit(&origin, 1).await.expect("one call to ask");
    let mut waiting = std::pin::pin!(quota.admit(&origin, 1));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    asking.send();
    asking.report(usage(3), Instant::now());
    drop(waiting.await.expect("the window has rolled on"));
    // An answer that never comes ends the wait too.
    call(&quota, 80, long_ago);
    quota.lock().figure.as_mut().expect("a figure").asked = long_ago;
    let asking = quota.admit(&origin, 1).await.expect("one call to ask");
    let mut waiting = std::pin::pin!(quota.admit(&origin, 1));
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    drop(asking);
    assert!(waiting.await.is_err());
}
