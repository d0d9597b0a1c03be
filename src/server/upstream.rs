//! Probes: what pgwire still does wrong. Each has an entry in `docs/upstream.md`.
//!
//! A probe that fails is good news: upstream is mended, and the workaround that it names can go.

use bytes::{BufMut as _, BytesMut};
use pgwire::messages::startup::PasswordMessageFamily;
use pgwire::messages::{DecodeContext, PgWireFrontendMessage};

#[test]
fn pgwire_still_panics_over_a_count_that_lies() {
    let mut frame = BytesMut::new();
    // Bind: no portal, no statement, and a thousand format codes that are not there.
    frame.put_u8(b'B');
    frame.put_i32(8);
    frame.put_slice(&[0, 0]);
    frame.put_u16(1000);
    let mut context = DecodeContext::default();
    context.awaiting_frontend_ssl = false;
    context.awaiting_frontend_startup = false;
    let decoded =
        std::panic::catch_unwind(move || PgWireFrontendMessage::decode(&mut frame, &context).is_ok());
    assert!(
        decoded.is_err(),
        "pgwire checks counts now: catch_unwind in src/server/wire.rs can go (docs/upstream.md, message-lengths)"
    );
}

#[test]
fn pgwire_still_panics_over_a_sasl_length_that_lies() {
    let mut body = BytesMut::new();
    body.put_slice(b"SCRAM-SHA-256\0");
    body.put_i32(1000);
    let message = PasswordMessageFamily::Raw(body);
    let decoded = std::panic::catch_unwind(move || message.into_sasl_initial_response().is_ok());
    assert!(
        decoded.is_err(),
        "pgwire checks this length now: the check in src/server/startup.rs can go (docs/upstream.md, message-lengths)"
    );
}
