//! From a fresh socket to a session with an identity: TLS, start-up packet, SCRAM, settings.
//!
//! Invariant: nobody learns from here whether a user exists, and with TLS configured nothing is sent in plain text.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use causeway_sql::{Error, Session};
use pgwire::messages::response::{GssEncResponse, ReadyForQuery, SslResponse, TransactionStatus};
use pgwire::messages::startup::{
    Authentication, BackendKeyData, NegotiateProtocolVersion, ParameterStatus, PasswordMessageFamily,
    SecretKey, Startup,
};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::net::TcpStream;

use super::errors::{fatal_response, sqlstate, warning};
use super::wire::{Opening, ReadError, Reader, Socket, Writer};
use super::{Shared, errors};
use crate::identity::{Exchange, Refusal};

/// The only mechanism that is offered.
const MECHANISM: &str = "SCRAM-SHA-256";
/// The one database.
const DATABASE: &str = "causeway";
/// Settings whose changes clients are told about.
pub(super) const REPORTED: &[&str] = &[
    "server_version",
    "server_encoding",
    "client_encoding",
    "application_name",
    "default_transaction_read_only",
    "in_hot_standby",
    "is_superuser",
    "session_authorization",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
];

/// Why a connection does not become a session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("{0}")]
    Unreadable(#[from] ReadError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Refused(Error),
    /// It was a cancel request, which is done.
    #[error("a cancel request")]
    Cancel,
}

/// A connection whose first packet has been read.
pub(super) struct Greeted {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    startup: Startup,
}

/// Negotiates encryption and reads the start-up packet.
pub(super) async fn greet(shared: &Shared, socket: TcpStream) -> Result<Greeted, Ended> {
    let (read, write) = tokio::io::split(Box::new(socket) as Socket);
    let (mut reader, mut writer) = (Reader::new(read), Writer::new(write));
    let mut is_encrypted = false;
    loop {
        match reader.opening().await? {
            Opening::GssEncryption if !is_encrypted => {
                writer.send(&PgWireBackendMessage::GssEncResponse(GssEncResponse::Refuse))?;
                writer.flush().await?;
            }
            Opening::Ssl if !is_encrypted => match &shared.tls {
                None => {
                    writer.send(&PgWireBackendMessage::SslResponse(SslResponse::Refuse))?;
                    writer.flush().await?;
                }
                Some(acceptor) => {
                    writer.send(&PgWireBackendMessage::SslResponse(SslResponse::Accept))?;
                    writer.flush().await?;
                    let read = reader.into_half().ok_or_else(|| {
                        ReadError::Malformed("plain text after the request for encryption".to_owned())
                    })?;
                    let encrypted = acceptor.accept(read.unsplit(writer.into_half())).await?;
                    let (read, write) = tokio::io::split(Box::new(encrypted) as Socket);
                    (reader, writer) = (Reader::new(read), Writer::new(write));
                    is_encrypted = true;
                }
            },
            Opening::Message(PgWireFrontendMessage::CancelRequest(request)) => {
                // PostgreSQL, too, takes cancel requests in plain text: older clients can't send them otherwise.
                if let Some(secret) = request.secret_key.as_i32() {
                    shared.registry.cancel(request.pid, secret);
                }
                writer.close().await;
                return Err(Ended::Cancel);
            }
            Opening::Message(PgWireFrontendMessage::Startup(startup)) => {
                let mut greeted = Greeted {
                    reader,
                    writer,
                    startup,
                };
                if shared.tls.is_some() && !is_encrypted {
                    let error = Error::new(
                        sqlstate::NO_ENCRYPTION,
                        "this server takes encrypted connections only",
                    );
                    return greeted
                        .refuse(error.with_hint("connect with sslmode=require"))
                        .await;
                }
                greeted.negotiate_version()?;
                return Ok(greeted);
            }
            _ => return Err(ReadError::Malformed("an unexpected start-up packet".to_owned()).into()),
        }
    }
}

impl Greeted {
    /// Answers a client that speaks a newer minor version, or options that don't exist here.
    fn negotiate_version(&mut self) -> io::Result<()> {
        let is_option = |name: &&String| name.starts_with("_pq_.");
        let options: Vec<String> = self
            .startup
            .parameters
            .keys()
            .filter(is_option)
            .cloned()
            .collect();
        if self.startup.protocol_number_minor == 0 && options.is_empty() {
            return Ok(());
        }
        let answer = NegotiateProtocolVersion::new(Startup::PROTOCOL_VERSION_3_0, options);
        self.writer
            .send(&PgWireBackendMessage::NegotiateProtocolVersion(answer))
    }

    /// Tells the client why there will be no session.
    pub(super) async fn refuse<T>(mut self, error: Error) -> Result<T, Ended> {
        self.writer.send(&fatal_response(&error))?;
        self.writer.close().await;
        Err(Ended::Refused(error))
    }

    /// Signs the client in and opens its session.
    pub(super) async fn sign_in(mut self, shared: &Shared) -> Result<Welcomed, Ended> {
        let user = self.startup.parameters.get("user").cloned().unwrap_or_default();
        if user.is_empty() {
            let error = Error::new(errors::sqlstate::NO_ENCRYPTION, "no user name was given");
            return self.refuse(error).await;
        }
        if let Err(error) = self.prove(shared, &user).await? {
            return self.refuse(error).await;
        }
        let database = self.startup.parameters.get("database").unwrap_or(&user);
        if database != DATABASE && *database != user {
            let error = Error::new(
                sqlstate::NO_DATABASE,
                format!("database \"{database}\" does not exist"),
            );
            let hint = format!("the only database is \"{DATABASE}\"");
            return self.refuse(error.with_hint(hint)).await;
        }
        let session = match shared.engine.session(&user).await {
            Ok(session) => Arc::new(session),
            Err(error) => return self.refuse(error).await,
        };
        self.writer
            .send(&PgWireBackendMessage::Authentication(Authentication::Ok))?;
        match self.apply_settings(&session) {
            Ok(notices) => notices.iter().try_for_each(|notice| self.writer.send(notice))?,
            Err(error) => return self.refuse(error).await,
        }
        self.reader.trust();
        Ok(Welcomed {
            reader: self.reader,
            writer: self.writer,
            session,
        })
    }

    /// Runs the SCRAM exchange. The inner error is the refusal that the client gets.
    async fn prove(&mut self, shared: &Shared, user: &str) -> Result<Result<(), Error>, Ended> {
        let offer = Authentication::SASL(vec![MECHANISM.to_owned()]);
        self.authentication(offer).await?;
        let first = match self.password_message().await?.into_sasl_initial_response() {
            Ok(first) if first.auth_method == MECHANISM => first.data.unwrap_or_default(),
            Ok(_) => {
                let message = format!("only {MECHANISM} is offered");
                return Ok(Err(Error::new(sqlstate::PROTOCOL, message)));
            }
            Err(error) => return Ok(Err(Error::new(sqlstate::PROTOCOL, error.to_string()))),
        };
        let refused = |refusal| match refusal {
            Refusal::Malformed(reason) => Error::new(sqlstate::PROTOCOL, reason),
            Refusal::WrongPassword => Error::new(
                sqlstate::WRONG_PASSWORD,
                format!("password authentication failed for user \"{user}\""),
            ),
        };
        let (exchange, server_first) = match Exchange::begin(&shared.users, user, &first) {
            Ok(begun) => begun,
            Err(refusal) => return Ok(Err(refused(refusal))),
        };
        self.authentication(Authentication::SASLContinue(Bytes::from(server_first)))
            .await?;
        let last = match self.password_message().await?.into_sasl_response() {
            Ok(last) => last.data,
            Err(error) => return Ok(Err(Error::new(sqlstate::PROTOCOL, error.to_string()))),
        };
        match exchange.finish(&last) {
            Ok(server_final) => {
                let proof = Authentication::SASLFinal(Bytes::from(server_final));
                self.writer.send(&PgWireBackendMessage::Authentication(proof))?;
                Ok(Ok(()))
            }
            Err(refusal) => Ok(Err(refused(refusal))),
        }
    }

    async fn authentication(&mut self, message: Authentication) -> io::Result<()> {
        self.writer.send(&PgWireBackendMessage::Authentication(message))?;
        self.writer.flush().await
    }

    async fn password_message(&mut self) -> Result<PasswordMessageFamily, ReadError> {
        match self.reader.next().await? {
            PgWireFrontendMessage::PasswordMessageFamily(PasswordMessageFamily::Raw(body)) => {
                checked_password_message(body)
            }
            // psql goes away here to ask its user for the password.
            PgWireFrontendMessage::Terminate(_) => Err(ReadError::Gone),
            _ => Err(ReadError::Malformed("another message than a password".to_owned())),
        }
    }

    /// Applies the settings of the start-up packet. What PostgreSQL knows and Causeway doesn't is a warning, as many clients
    /// send such settings unasked; a value that can't be had is an error, except for time zones: values carry their own offset.
    fn apply_settings(&self, session: &Session) -> Result<Vec<PgWireBackendMessage>, Error> {
        let mut settings: BTreeMap<String, String> =
            command_line_options(self.startup.parameters.get("options"));
        let is_setting = |name: &str| {
            !matches!(name, "user" | "database" | "options" | "replication") && !name.starts_with("_pq_.")
        };
        let given = self
            .startup
            .parameters
            .iter()
            .filter(|(name, _)| is_setting(name));
        settings.extend(given.map(|(name, value)| (name.clone(), value.clone())));
        let mut notices = Vec::new();
        for (name, value) in &settings {
            match session.set(name, value) {
                Ok(()) => {}
                Err(error) if error.sqlstate == "42704" || name.eq_ignore_ascii_case("timezone") => {
                    tracing::debug!(name, "ignored a start-up setting");
                    notices.push(warning(
                        "01000",
                        format!("start-up setting \"{name}\" is ignored: {}", error.message),
                    ));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(notices)
    }
}

/// pgwire panics on a SASL message whose inner length lies, so that length is checked first.
fn checked_password_message(body: bytes::BytesMut) -> Result<PasswordMessageFamily, ReadError> {
    let malformed = || ReadError::Malformed("a malformed sign-in message".to_owned());
    // Only the first message has a mechanism name; the second begins with a SCRAM attribute and has no NUL at all.
    if let Some(end) = body.iter().position(|byte| *byte == 0) {
        let rest = body.get(end + 1..).unwrap_or_default();
        let declared: [u8; 4] = rest
            .get(..4)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(malformed)?;
        let declared = i32::from_be_bytes(declared);
        if declared != -1 && usize::try_from(declared).ok() != Some(rest.len() - 4) {
            return Err(malformed());
        }
    } else if !body.starts_with(b"c=") {
        return Err(malformed());
    }
    Ok(PasswordMessageFamily::Raw(body))
}

/// Settings in `options=-c name=value --name=value`.
fn command_line_options(options: Option<&String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut words = options.map(String::as_str).unwrap_or_default().split_whitespace();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next().unwrap_or_default(),
            Some(assignment) => assignment,
            None => continue,
        };
        if let Some((name, value)) = assignment.split_once('=') {
            found.insert(name.replace('-', "_"), value.to_owned());
        }
    }
    found
}

/// A client that has signed in.
pub(super) struct Welcomed {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) session: Arc<Session>,
}

impl Welcomed {
    /// Sends what ends the start-up phase; returns the reported settings.
    pub(super) async fn finish(
        &mut self,
        id: i32,
        secret: i32,
    ) -> io::Result<BTreeMap<&'static str, String>> {
        let mut reported = BTreeMap::new();
        for name in REPORTED {
            if let Some(value) = reported_value(&self.session, name) {
                let status = ParameterStatus::new((*name).to_owned(), value.clone());
                self.writer.send(&PgWireBackendMessage::ParameterStatus(status))?;
                reported.insert(*name, value);
            }
        }
        let key = BackendKeyData::new(id, SecretKey::I32(secret));
        self.writer.send(&PgWireBackendMessage::BackendKeyData(key))?;
        let ready = ReadyForQuery::new(TransactionStatus::Idle);
        self.writer.send(&PgWireBackendMessage::ReadyForQuery(ready))?;
        self.writer.flush().await?;
        Ok(reported)
    }
}

/// The value of a setting that clients are told about.
pub(super) fn reported_value(session: &Session, name: &str) -> Option<String> {
    match name {
        "session_authorization" => Some(session.principal().user.clone()),
        "in_hot_standby" => Some("off".to_owned()),
        "server_version" => {
            let version = session.setting(name)?;
            Some(format!("{version} (Causeway {})", env!("CARGO_PKG_VERSION")))
        }
        _ => session.setting(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_libpq_sends_them() {
        let options = "-c statement_timeout=5s -csearch_path=salesforce --causeway.strict=off -x".to_owned();
        let expected = [
            ("causeway.strict", "off"),
            ("search_path", "salesforce"),
            ("statement_timeout", "5s"),
        ];
        assert_eq!(
            command_line_options(Some(&options)),
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
    }

    #[test]
    fn sign_in_messages_whose_length_lies_are_refused() {
        let message = |bytes: &[u8]| checked_password_message(bytes.into());
        assert!(message(b"SCRAM-SHA-256\0\0\0\0\x03n,,").is_ok());
        assert!(message(b"SCRAM-SHA-256\0\xff\xff\xff\xff").is_ok());
        assert!(message(b"c=biws,r=x,p=y").is_ok());
        for broken in [
            &b"SCRAM-SHA-256\0\0\0\0\x09n,,"[..],
            b"SCRAM-SHA-256\0\0",
            b"",
            b"SCRAM",
        ] {
            assert!(
                matches!(message(broken), Err(ReadError::Malformed(_))),
                "{broken:?}"
            );
        }
    }
}
