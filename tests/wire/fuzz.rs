//! Streams of bytes that are nearly those of a client: each ends in an error or a close, in time, and nobody else notices.

use std::panic;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway_core::fuzz::{self, Damage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

use super::robustness::startup;
use crate::practice::{Connected, Practice, texts};

/// A case takes a connection, and most of them a sign-in.
const COST: u32 = 8;
/// Much more than the slowest statement takes.
const BOUND: Duration = Duration::from_secs(20);

/// A message as the protocol frames it.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

/// Texts that end in a NUL, as the protocol has them.
fn strings(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec!["", "s", "p", "none"])
}

fn sql() -> impl Strategy<Value = String> {
    let known = select(vec![
        "",
        ";",
        "SELECT 1",
        "SELECT 1; SELECT 2; SELEC 3",
        "SELECT $1::int + 1, $2::text",
        "SELECT name FROM servicenow.sys_user ORDER BY name LIMIT 2",
        "SELECT repeat('x', 70000)",
        "SELECT kind FROM causeway.sources",
        "BEGIN",
        "SELECT 1 / 0",
        "SET statement_timeout = '5s'",
        "COPY t FROM stdin",
        "DECLARE c CURSOR FOR SELECT 1",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => "[^\u{0}]{0,20}"]
}

/// Numbers of a message, of which each says how many follow or how they are written.
fn numbers() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![4 => Just(0_i16), 4 => Just(1), 1 => any::<i16>()];
    vec(number, 1..6).prop_map(|numbers| numbers.into_iter().flat_map(i16::to_be_bytes).collect())
}

/// Parameters of a Bind message: no formats, values of any kind, no result formats.
fn parameters() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(None),
        "[0-9]{1,3}".prop_map(Some),
        "[a-z'\u{0}é]{0,4}".prop_map(Some)
    ];
    vec(value, 0..3).prop_map(|values| {
        let count = i16::try_from(values.len()).expect("few");
        let mut bytes = [0_i16.to_be_bytes(), count.to_be_bytes()].concat();
        for value in values {
            let length = value
                .as_ref()
                .map_or(-1, |text| i32::try_from(text.len()).expect("short"));
            bytes.extend(length.to_be_bytes());
            bytes.extend(value.unwrap_or_default().bytes());
        }
        bytes.extend(0_i16.to_be_bytes());
        bytes
    })
}

/// A message of a client that has signed in; most of them are right by themselves.
fn client_message() -> impl Strategy<Value = Vec<u8>> {
    let target = || (select(vec!["S", "P", "x"]), name());
    prop_oneof![
        3 => sql().prop_map(|sql| message(b'Q', &strings(&[&sql]))),
        4 => (name(), sql()).prop_map(|(name, sql)| {
            message(b'P', &[strings(&[name, &sql]), vec![0, 0]].concat())
        }),
        1 => (name(), sql(), numbers())
            .prop_map(|(name, sql, numbers)| message(b'P', &[strings(&[name, &sql]), numbers].concat())),
        4 => (name(), name(), parameters()).prop_map(|(portal, statement, values)| {
            message(b'B', &[strings(&[portal, statement]), values].concat())
        }),
        1 => (name(), name(), numbers()).prop_map(|(portal, statement, numbers)| {
            message(b'B', &[strings(&[portal, statement]), numbers].concat())
        }),
        2 => target().prop_map(|(kind, name)| message(b'D', &strings(&[&format!("{kind}{name}")]))),
        1 => target().prop_map(|(kind, name)| message(b'C', &strings(&[&format!("{kind}{name}")]))),
        4 => (name(), 0..3_i32).prop_map(|(portal, most)| {
            message(b'E', &[strings(&[portal]), most.to_be_bytes().to_vec()].concat())
        }),
        4 => select(vec![b'S', b'H']).prop_map(|kind| message(kind, b"")),
        1 => select(vec![b'X', b'c', b'd', b'f', b'F', b'p', b'?', 0]).prop_map(|kind| message(kind, b"ab\0")),
        1 => vec(any::<u8>(), 0..12),
    ]
}

/// What a client sends before it has signed in.
fn opening_message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => select(vec!["ana", "nobody", ""]).prop_map(startup),
        1 => select(vec![80_877_102_u32, 80_877_103, 80_877_104, 131_072, 0]).prop_map(|code| {
            [&8_u32.to_be_bytes()[..], &code.to_be_bytes()].concat()
        }),
        3 => select(vec!["n,,n=,r=abc", "y,,n=ana,r=,m=x", "c=biws,r=abc,p=eA==", ""]).prop_map(|first| {
            let length = i32::try_from(first.len()).expect("short").to_be_bytes();
            message(b'p', &[b"SCRAM-SHA-256\0", &length[..], first.as_bytes()].concat())
        }),
        1 => Just(message(b'p', b"c=biws,r=abc,p=eA==")),
        1 => client_message(),
        1 => vec(any::<u8>(), 0..40),
    ]
}

/// Pieces that lie about lengths and counts, or change what follows.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\0\0\0\x04",
    b"S\0\0\0\x04",
    b"Q\0\0\0\x05\0",
    b"\x16\x03\x01",
];

/// A run of messages, damaged in two cases of three.
fn stream(one: impl Strategy<Value = Vec<u8>>, most: usize) -> impl Strategy<Value = Vec<u8>> {
    let damages = prop_oneof![1 => Just(Vec::new()), 2 => Damage::some(PIECES)];
    (vec(one, 1..most), damages).prop_map(|(messages, damages)| {
        let mut bytes = messages.concat();
        Damage::apply_all(&damages, &mut bytes);
        bytes
    })
}

/// A server, and a client that must not notice anything.
struct Attacked {
    runtime: Runtime,
    practice: Practice,
    bystander: Connected,
    panics: Arc<Mutex<Vec<String>>>,
}

impl Attacked {
    fn start() -> Self {
        let panics = watch_panics();
        let runtime = Runtime::new().expect("a runtime");
        let practice = runtime.block_on(Practice::start());
        let bystander = runtime.block_on(practice.connect("ana"));
        Self {
            runtime,
            practice,
            bystander,
            panics,
        }
    }

    /// Sends the bytes and judges what comes back; then asks as somebody else.
    fn check(&self, bytes: &[u8], signs_in: bool) -> Result<(), TestCaseError> {
        let outcome = self.runtime.block_on(async {
            let socket = match signs_in {
                true => self.signed_in().await,
                false => TcpStream::connect(self.practice.address)
                    .await
                    .expect("connected"),
            };
            let answer = tokio::time::timeout(BOUND, exchange(socket, bytes)).await;
            let other = tokio::time::timeout(BOUND, texts(&self.bystander, "SELECT 1")).await;
            (answer, other)
        });
        let (Ok(answer), Ok(other)) = outcome else {
            return Err(TestCaseError::fail("the connection, or another one, hangs"));
        };
        prop_assert_eq!(other, [Some("1".to_owned())]);
        let panics = std::mem::take(&mut *self.panics.lock().expect("not poisoned"));
        prop_assert!(panics.is_empty(), "{panics:?}");
        check_answer(&answer, signs_in)
    }

    /// A socket whose client has signed in and has nothing under way.
    async fn signed_in(&self) -> TcpStream {
        let mut socket = TcpStream::connect(self.practice.address)
            .await
            .expect("connected");
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let config = self.practice.config("ana");
        tokio::select! {
            signed_in = config.connect_raw(near, NoTls) => drop(signed_in.expect("signed in")),
            ended = tokio::io::copy_bidirectional(&mut far, &mut socket) => panic!("closed: {ended:?}"),
        }
        socket
    }
}

/// Sends the bytes, then nothing more, and returns what comes back until the server closes.
async fn exchange(socket: TcpStream, bytes: &[u8]) -> Vec<u8> {
    let (mut read, mut write) = socket.into_split();
    let sending = async {
        // The server may close before it has read everything.
        let _ = write.write_all(bytes).await;
        let _ = write.shutdown().await;
    };
    let mut answer = Vec::new();
    let (_, _) = tokio::join!(sending, read.read_to_end(&mut answer));
    answer
}

/// What comes back is messages. An error says its SQLSTATE and is never our own bug, and nothing follows a fatal one.
fn check_answer(answer: &[u8], signed_in: bool) -> Result<(), TestCaseError> {
    let mut rest = answer;
    // Requests for encryption are answered by a single letter, before anything else.
    while let (false, [b'N', after @ ..]) = (signed_in, rest) {
        rest = after;
    }
    let mut is_over = false;
    while let [kind, a, b, c, d, after @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        prop_assert!(
            length >= 4 && b"RSKZTDCEN1234nstIAvGHWcdV".contains(kind),
            "{kind} of {length} bytes"
        );
        prop_assert!(!is_over, "something follows a fatal error");
        // Who leaves in the middle of an answer gets a part of it.
        let Some((body, next)) = after.split_at_checked(length - 4) else {
            prop_assert!(signed_in, "a message that is cut short");
            break;
        };
        if *kind == b'E' {
            let text = String::from_utf8_lossy(body);
            let field = |name: char| text.split('\0').find_map(|field| field.strip_prefix(name));
            let state = field('C').unwrap_or_default();
            prop_assert!(state.len() == 5 && state != "XX000", "{text}");
            prop_assert!(field('M').is_some_and(|message| !message.is_empty()), "{text}");
            is_over = field('S') == Some("FATAL");
        }
        rest = next;
    }
    Ok(())
}

/// Panics in our own sources from now on, wherever they are caught. Those of pgwire's decoders are expected and not printed.
fn watch_panics() -> Arc<Mutex<Vec<String>>> {
    let panics = Arc::new(Mutex::new(Vec::new()));
    let (found, usual) = (Arc::clone(&panics), panic::take_hook());
    panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map(|place| place.file()).unwrap_or_default();
        if ["src/", "sql/", "providers/"]
            .iter()
            .any(|folder| file.starts_with(folder))
        {
            found.lock().expect("not poisoned").push(panic.to_string());
        }
        if !["/pgwire-", "/bytes-"]
            .iter()
            .any(|library| file.contains(library))
        {
            usual(panic);
        }
    }));
    panics
}

#[test]
fn whatever_arrives_before_sign_in_ends_in_an_error_or_a_close() {
    let attacked = Attacked::start();
    fuzz::run(COST, &stream(opening_message(), 5), |bytes| {
        attacked.check(&bytes, false)
    });
    let Attacked {
        runtime, practice, ..
    } = &attacked;
    let late = runtime.block_on(async { texts(&*practice.connect("ana").await, "SELECT 1").await });
    assert_eq!(late, [Some("1".to_owned())]);
}

#[test]
fn whatever_arrives_after_sign_in_ends_in_an_error_or_a_close() {
    let attacked = Attacked::start();
    fuzz::run(COST, &stream(client_message(), 12), |bytes| {
        attacked.check(&bytes, true)
    });
    let Attacked {
        runtime, practice, ..
    } = &attacked;
    let late = runtime.block_on(async { texts(&*practice.connect("ana").await, "SELECT 1").await });
    assert_eq!(late, [Some("1".to_owned())]);
}
