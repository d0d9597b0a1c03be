//! Who may sign in, and how that is proven.
//!
//! Owns: password verifiers and the SCRAM-SHA-256 exchange. Does not own: messages on the wire, roles and domains.
//! Invariant: a password is turned into a verifier once, at start; what is kept can't sign in anywhere.

mod scram;
mod verifier;

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

pub use scram::{Exchange, Refusal};
pub use verifier::Verifier;

/// What proves that a person is who they say.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A password in clear text.
    Password(SecretString),
    /// A verifier as PostgreSQL stores it.
    Verifier(Verifier),
}

/// Verifiers of all users.
pub struct Users {
    verifiers: HashMap<String, Arc<Verifier>>,
    /// Makes the verifiers of users that don't exist: the same name gets the same salt each time, as a real one does.
    decoy_secret: [u8; 32],
}

impl Users {
    /// Derives the verifiers. Takes about two milliseconds for each password.
    #[must_use]
    pub fn new(credentials: impl IntoIterator<Item = (String, Credential)>) -> Self {
        let verifiers = credentials.into_iter().map(|(user, credential)| {
            let verifier = match credential {
                Credential::Password(password) => Verifier::derive(password.expose_secret()),
                Credential::Verifier(verifier) => verifier,
            };
            (user, Arc::new(verifier))
        });
        Self {
            verifiers: verifiers.collect(),
            decoy_secret: rand::random(),
        }
    }

    /// The verifier of `user`, or a decoy that no password matches; true for a real one.
    fn verifier(&self, user: &str) -> (Arc<Verifier>, bool) {
        match self.verifiers.get(user) {
            Some(verifier) => (Arc::clone(verifier), true),
            None => (Arc::new(Verifier::decoy(&self.decoy_secret, user)), false),
        }
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.verifiers.keys()).finish()
    }
}
