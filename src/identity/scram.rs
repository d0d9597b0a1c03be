//! The server's side of SCRAM-SHA-256.
//!
//! Our own because it must check stored verifiers, which pgwire's cannot (it needs the salted password).
//! Source: RFC 5802 and RFC 7677; PostgreSQL 15, "SASL Authentication", read 2026-11-24.
//! Invariant: an unknown user and a wrong password take the same path and the same work.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Users;
use super::verifier::{Verifier, hmac_sha256, sha256};

/// Why a sign-in fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The client broke the protocol, in the way that the phrase says.
    Malformed(&'static str),
    /// The password is wrong or there is no such user.
    WrongPassword,
}

/// A sign-in that waits for the client's proof.
#[derive(Debug)]
pub struct Exchange {
    verifier: Arc<Verifier>,
    is_real: bool,
    /// Base64 of the header that the proof must repeat.
    channel_binding: String,
    nonce: String,
    /// The part of the signed text that is known before the proof.
    transcript: String,
}

impl Exchange {
    /// Answers the client's first message with the salt of `user`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a message that isn't SCRAM.
    pub fn begin(users: &Users, user: &str, client_first: &[u8]) -> Result<(Self, String), Refusal> {
        Self::begin_with(
            users,
            user,
            client_first,
            &BASE64.encode(rand::random::<[u8; 18]>()),
        )
    }

    fn begin_with(
        users: &Users,
        user: &str,
        client_first: &[u8],
        server_nonce: &str,
    ) -> Result<(Self, String), Refusal> {
        let malformed = Refusal::Malformed("the client's first SCRAM message is malformed");
        let text = std::str::from_utf8(client_first).map_err(|_| malformed)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authorization), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed);
        };
        if flag.starts_with("p=") {
            return Err(Refusal::Malformed(
                "the client asks for channel binding, which is not offered",
            ));
        }
        if !matches!(flag, "n" | "y") || !(authorization.is_empty() || authorization.starts_with("a=")) {
            return Err(malformed);
        }
        let client_nonce = attribute(bare, "r=")
            .filter(|nonce| !nonce.is_empty())
            .ok_or(malformed)?;
        let (verifier, is_real) = users.verifier(user);
        let nonce = format!("{client_nonce}{server_nonce}");
        let salt = BASE64.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        let exchange = Self {
            verifier,
            is_real,
            channel_binding: BASE64.encode(format!("{flag},{authorization},")),
            nonce,
            transcript: format!("{bare},{server_first}"),
        };
        Ok((exchange, server_first))
    }

    /// Checks the client's proof and returns the server's.
    ///
    /// # Errors
    /// [`Refusal::WrongPassword`], or [`Refusal::Malformed`] for a message that isn't SCRAM.
    pub fn finish(self, client_final: &[u8]) -> Result<String, Refusal> {
        let malformed = Refusal::Malformed("the client's last SCRAM message is malformed");
        let text = std::str::from_utf8(client_final).map_err(|_| malformed)?;
        let (unproven, proof) = text.rsplit_once(",p=").ok_or(malformed)?;
        if attribute(unproven, "c=") != Some(&self.channel_binding) {
            return Err(Refusal::Malformed("the SCRAM channel binding does not match"));
        }
        if attribute(unproven, "r=") != Some(&self.nonce) {
            return Err(Refusal::Malformed("the SCRAM nonce does not match"));
        }
        let proof = BASE64.decode(proof).map_err(|_| malformed)?;
        let proof = <[u8; 32]>::try_from(proof).map_err(|_| malformed)?;
        let signed = format!("{},{unproven}", self.transcript);
        let signature = hmac_sha256(&self.verifier.stored_key, signed.as_bytes());
        let mut client_key = proof;
        client_key
            .iter_mut()
            .zip(signature)
            .for_each(|(left, right)| *left ^= right);
        let matches = aws_lc_rs::constant_time::verify_slices_are_equal(
            &sha256(&client_key),
            &self.verifier.stored_key,
        );
        let server_signature = hmac_sha256(&self.verifier.server_key, signed.as_bytes());
        if matches.is_err() || !self.is_real {
            return Err(Refusal::WrongPassword);
        }
        Ok(format!("v={}", BASE64.encode(server_signature)))
    }
}

/// The value of an attribute in a comma-separated SCRAM message.
fn attribute<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::super::Credential;
    use super::*;

    /// The exchange of RFC 7677, section 3, with its nonces and salt.
    const CLIENT_FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    fn users() -> Users {
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let iterations = std::num::NonZeroU32::new(4096).expect("not zero");
        let verifier = Verifier::derive_with("pencil", salt, iterations);
        Users::new([("user".to_owned(), Credential::Verifier(verifier))])
    }

    fn client_final(proof: &str) -> String {
        format!("c=biws,r=rOprNGfwEbeRWgbNEkqO{SERVER_NONCE},p={proof}")
    }

    #[test]
    fn the_exchange_of_rfc_7677_succeeds() {
        let (exchange, server_first) =
            Exchange::begin_with(&users(), "user", CLIENT_FIRST, SERVER_NONCE).expect("well-formed");
        assert_eq!(
            server_first,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let proof = client_final("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(
            exchange.finish(proof.as_bytes()),
            Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned())
        );
    }

    #[test]
    fn a_wrong_proof_and_an_unknown_user_are_refused_alike() {
        let right = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let wrong = BASE64.encode([7; 32]);
        for (user, proof) in [("user", wrong.as_str()), ("nobody", right)] {
            let (exchange, _) =
                Exchange::begin_with(&users(), user, CLIENT_FIRST, SERVER_NONCE).expect("well-formed");
            assert_eq!(
                exchange.finish(client_final(proof).as_bytes()),
                Err(Refusal::WrongPassword),
                "{user}"
            );
        }
    }

    #[test]
    fn an_unknown_user_keeps_its_salt_as_a_real_one_does() {
        let users = users();
        let salt = |user: &str| {
            Exchange::begin_with(&users, user, CLIENT_FIRST, "x")
                .expect("well-formed")
                .1
        };
        assert_eq!(salt("nobody"), salt("nobody"));
        assert_ne!(salt("nobody"), salt("nobody else"));
    }

    #[test]
    fn broken_messages_are_named() {
        let users = users();
        for (first, wanted) in [
            (&b"p=tls-server-end-point,,n=,r=x"[..], "channel binding"),
            (b"n,,n=user,r=", "first SCRAM message"),
            (b"\xff", "first SCRAM message"),
            (b"nonsense", "first SCRAM message"),
        ] {
            match Exchange::begin(&users, "user", first) {
                Err(Refusal::Malformed(reason)) => assert!(reason.contains(wanted), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
        for (last, wanted) in [
            ("c=biws,r=other,p=AAAA".to_owned(), "nonce"),
            ("c=eSws,r=x,p=AAAA".to_owned(), "channel binding"),
            (client_final("AAAA"), "last SCRAM message"),
        ] {
            let (exchange, _) =
                Exchange::begin_with(&users, "user", CLIENT_FIRST, SERVER_NONCE).expect("well-formed");
            match exchange.finish(last.as_bytes()) {
                Err(Refusal::Malformed(reason)) => assert!(reason.contains(wanted), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
