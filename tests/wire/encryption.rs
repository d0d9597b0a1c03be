use std::sync::Arc;

use causeway::identity::Users;
use causeway::practice::Options;
use causeway::server::{self, Server, TlsFiles};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::practice::{Practice, failure, texts};

struct Certificate {
    files: TlsFiles,
    der: CertificateDer<'static>,
    _folder: tempfile::TempDir,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let folder = tempfile::tempdir().expect("a folder");
    let files = TlsFiles {
        cert_file: folder.path().join("server.crt"),
        key_file: folder.path().join("server.key"),
    };
    std::fs::write(&files.cert_file, made.cert.pem()).expect("written");
    std::fs::write(&files.key_file, made.signing_key.serialize_pem()).expect("written");
    Certificate {
        files,
        der: made.cert.der().clone(),
        _folder: folder,
    }
}

/// Asks for encryption as libpq does, and returns the encrypted stream.
async fn encrypt(practice: &Practice, trusted: CertificateDer<'static>) -> TlsStream<TcpStream> {
    let mut socket = TcpStream::connect(practice.address).await.expect("connected");
    socket
        .write_all(b"\0\0\0\x08\x04\xd2\x16\x2f")
        .await
        .expect("sent");
    assert_eq!(socket.read_u8().await.expect("an answer"), b'S');
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
        .expect("a handshake")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_certificate_only_encrypted_clients_get_in() {
    let certificate = certificate();
    let files = certificate.files.clone();
    let practice = Practice::start_with(Options::default(), |server| server.tls = Some(files)).await;
    let Err(error) = practice
        .config("ana")
        .ssl_mode(SslMode::Disable)
        .connect(NoTls)
        .await
    else {
        panic!("plain text got in");
    };
    let message = "this server takes encrypted connections only".to_owned();
    assert_eq!(failure(&error), ("28000".to_owned(), message));

    let stream = encrypt(&practice, certificate.der).await;
    let mut config = practice.config("ana");
    let (client, connection) = config
        .ssl_mode(SslMode::Disable)
        .connect_raw(stream, NoTls)
        .await
        .expect("signed in");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    assert_eq!(texts(&client, "SELECT 1").await, [Some("1".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_sent_along_with_the_request_for_encryption_is_not_believed() {
    let certificate = certificate();
    let files = certificate.files.clone();
    let practice = Practice::start_with(Options::default(), |server| server.tls = Some(files)).await;
    let mut socket = TcpStream::connect(practice.address).await.expect("connected");
    let startup = b"\0\0\0\x14\0\x03\0\0user\0ana\0\0\0\0";
    let injected = [&b"\0\0\0\x08\x04\xd2\x16\x2f"[..], startup].concat();
    socket.write_all(&injected).await.expect("sent");
    let mut answer = Vec::new();
    // A reset is as good as an orderly end.
    let _ = socket.read_to_end(&mut answer).await;
    assert!(answer == b"S" || answer.is_empty(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_certificate_refuses_to_start() {
    let (right, other) = (certificate(), certificate());
    let practice = Practice::start().await;
    for (cert_file, key_file, wanted) in [
        (
            &right.files.cert_file,
            &other.files.key_file,
            "does not go with key_file",
        ),
        (
            &right.files.key_file,
            &right.files.key_file,
            "there is no certificate in it",
        ),
        (
            &right.files.cert_file,
            &right.files.cert_file,
            "cannot read key_file",
        ),
    ] {
        let options = server::Options {
            listen: ([127, 0, 0, 1], 0).into(),
            tls: Some(TlsFiles {
                cert_file: cert_file.clone(),
                key_file: key_file.clone(),
            }),
            ..server::Options::default()
        };
        match Server::bind(options, practice.engine.clone(), Users::new([])).await {
            Ok(_) => panic!("started with {wanted}"),
            Err(error) => assert!(error.to_string().contains(wanted), "{error}"),
        }
    }
}
