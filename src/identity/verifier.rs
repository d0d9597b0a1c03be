//! The verifier of a password: `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
//!
//! Source: PostgreSQL 15, "pg_authid", and RFC 5803, read 2026-11-24.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What a server keeps of a password: enough to check it, not enough to use it.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: [u8; 32],
    pub(super) server_key: [u8; 32],
}

impl Verifier {
    /// Iterations for passwords, as PostgreSQL has them.
    const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("4096 is not zero");

    /// Derives a verifier with a fresh salt.
    #[must_use]
    pub fn derive(password: &str) -> Self {
        Self::derive_with(password, rand::random::<[u8; 16]>().to_vec(), Self::ITERATIONS)
    }

    pub(super) fn derive_with(password: &str, salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        // PostgreSQL and its clients use the password as it is when it can't be normalised.
        let normalised = stringprep::saslprep(password).unwrap_or(std::borrow::Cow::Borrowed(password));
        let mut salted = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            normalised.as_bytes(),
            &mut salted,
        );
        Self {
            iterations,
            salt,
            stored_key: sha256(&hmac_sha256(&salted, b"Client Key")),
            server_key: hmac_sha256(&salted, b"Server Key"),
        }
    }

    /// Makes a verifier that no password matches, the same for the same name.
    pub(super) fn decoy(secret: &[u8; 32], user: &str) -> Self {
        let part = |label: &str| hmac_sha256(secret, format!("{label} {user}").as_bytes());
        Self {
            iterations: Self::ITERATIONS,
            salt: part("salt").into_iter().take(16).collect(),
            stored_key: part("stored key"),
            server_key: part("server key"),
        }
    }

    /// Reads a verifier as `pg_authid.rolpassword` has it.
    ///
    /// # Errors
    /// Returns a phrase that says what is wrong, without the verifier's content.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = || {
            "a verifier looks like 'SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>'".to_owned()
        };
        let rest = text.strip_prefix("SCRAM-SHA-256$").ok_or_else(shape)?;
        let (cost, keys) = rest.split_once('$').ok_or_else(shape)?;
        let (iterations, salt) = cost.split_once(':').ok_or_else(shape)?;
        let (stored_key, server_key) = keys.split_once(':').ok_or_else(shape)?;
        let iterations = iterations
            .parse()
            .map_err(|_| "the number of iterations is not a positive whole number".to_owned())?;
        let bytes = |what: &str, text: &str| {
            BASE64
                .decode(text)
                .map_err(|_| format!("the {what} is not base64"))
        };
        let key = |what: &str, text: &str| {
            <[u8; 32]>::try_from(bytes(what, text)?).map_err(|_| format!("the {what} does not have 32 bytes"))
        };
        let salt = bytes("salt", salt)?;
        if salt.is_empty() {
            return Err("the salt is empty".to_owned());
        }
        Ok(Self {
            iterations,
            salt,
            stored_key: key("stored key", stored_key)?,
            server_key: key("server key", server_key)?,
        })
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Verifier")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

pub(super) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

pub(super) fn sha256(message: &[u8]) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, message);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_of_postgresql_matches_its_password() {
        // Salt and password of RFC 7677; a role with this verifier signs in to PostgreSQL 15 with 'pencil'.
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let derived = Verifier::derive_with("pencil", salt, Verifier::ITERATIONS);
        let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(Verifier::parse(text), Ok(derived));
    }

    #[test]
    fn a_bad_verifier_says_what_is_wrong_and_nothing_of_itself() {
        for (text, wanted) in [
            ("md5abc", "a verifier looks like"),
            ("SCRAM-SHA-256$4096:c2FsdA==", "a verifier looks like"),
            ("SCRAM-SHA-256$0:c2FsdA==$a:b", "iterations"),
            ("SCRAM-SHA-256$4096:c2FsdA$a:b", "the salt is not base64"),
            ("SCRAM-SHA-256$4096:$a:b", "the salt is empty"),
            (
                "SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:b",
                "the stored key does not have 32 bytes",
            ),
        ] {
            let reason = Verifier::parse(text).expect_err(text);
            assert!(reason.contains(wanted) && !reason.contains("c2Fs"), "{reason}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(
            format!("{:?}", Verifier::derive("secret")),
            "Verifier { iterations: 4096, .. }"
        );
    }
}
