//! What arrives on the port without being a PostgreSQL client.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::practice::{Practice, texts};

/// Sends bytes and returns what comes back until the server closes.
async fn exchange(practice: &Practice, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(practice.address).await.expect("connected");
    socket.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let reading = socket.read_to_end(&mut answer);
    // A reset is as good as an orderly end.
    let _ = tokio::time::timeout(Duration::from_secs(5), reading)
        .await
        .expect("the server closes");
    answer
}

pub(super) fn startup(user: &str) -> Vec<u8> {
    let body = format!("\0\x03\0\0user\0{user}\0database\0causeway\0\0");
    let length = u32::try_from(body.len() + 4).expect("short");
    [&length.to_be_bytes()[..], body.as_bytes()].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_closed_and_the_server_lives() {
    let practice = Practice::start_with(Default::default(), |server| {
        server.startup_timeout = Duration::from_secs(2);
    })
    .await;
    let broken_sasl = [
        &startup("ana")[..],
        b"p\0\0\0\x19SCRAM-SHA-256\0\x7f\xff\xff\xffabc",
    ]
    .concat();
    let no_sasl = [&startup("ana")[..], b"Q\0\0\0\x0dSELECT 1\0"].concat();
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"\0\0\0\0\0\0\0\0".to_vec(),
        b"\0\0\0\x08\0\x02\0\0".to_vec(),
        vec![0xff; 4096],
        b"\x16\x03\x01\x02\0\x01\0".to_vec(),
        b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02".to_vec(),
        broken_sasl,
        no_sasl,
    ] {
        exchange(&practice, &garbage).await;
    }
    let ana = practice.connect("ana").await;
    assert_eq!(texts(&ana, "SELECT 1").await, [Some("1".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let practice = Practice::start_with(Default::default(), |server| {
        server.startup_timeout = Duration::from_millis(200);
    })
    .await;
    assert_eq!(exchange(&practice, b"").await, b"");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_that_is_not_configured_is_declined() {
    let practice = Practice::start_with(Default::default(), |server| {
        server.startup_timeout = Duration::from_millis(500);
    })
    .await;
    let ssl_then_gss = b"\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x08\x04\xd2\x16\x30";
    assert_eq!(exchange(&practice, ssl_then_gss).await, b"NN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_protocol_is_negotiated_down() {
    let practice = Practice::start_with(Default::default(), |server| {
        server.startup_timeout = Duration::from_millis(500);
    })
    .await;
    let mut newer = startup("ana");
    newer[7] = 2;
    let answer = exchange(&practice, &newer).await;
    assert_eq!(answer.first(), Some(&b'v'));
    assert_eq!(answer.get(5..9), Some(&[0, 3, 0, 0][..]), "version 3.0");
}
