//! `[[users]]`: who may sign in, and what they may see.

use std::collections::BTreeMap;

use causeway_core::{Principal, nearest};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::document::Document;
use super::section::Section;
use super::wording;
use crate::identity::{Credential, Verifier};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserSection {
    name: String,
    password: Option<SecretString>,
    scram: Option<SecretString>,
    domain: Option<String>,
    #[serde(default)]
    visible_domains: Vec<String>,
    #[serde(default)]
    all_domains: bool,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    subjects: BTreeMap<String, String>,
}

/// Reads all users.
pub(super) fn read<'t>(
    document: &mut Document<'t>,
    value: Option<Spanned<DeValue<'t>>>,
    sources: &[String],
) -> Vec<(Principal, Credential)> {
    if value.is_none() {
        document.report(
            0,
            "users",
            "there is no user, so nobody could sign in; add a [[users]] section",
        );
    }
    let mut people: Vec<(Principal, Credential)> = Vec::new();
    for (path, value) in document.tables("users", value) {
        let start = value.span().start;
        let Some(mut section) = Section::new(document, path, start, value) else {
            continue;
        };
        let Some(user) = section.read::<UserSection>() else {
            continue;
        };
        if user.name.is_empty() || user.name.contains('\0') {
            section.report_key("name", "is empty");
        }
        if people.iter().any(|(other, _)| other.user == user.name) {
            section.report_key("name", &format!("user '{}' is there twice", user.name));
        }
        for source in user.subjects.keys() {
            if !sources.is_empty() && !sources.contains(source) {
                let near = nearest(source, sources.iter().map(String::as_str));
                let message = format!("there is no source '{source}'{}", wording::did_you_mean(near));
                section.report_key("subjects", &message);
            }
        }
        if let Some(credential) = credential(&mut section, &user) {
            people.push((principal(user), credential));
        }
    }
    people
}

fn credential(section: &mut Section<'_, '_>, user: &UserSection) -> Option<Credential> {
    match (&user.password, &user.scram) {
        (Some(password), None) if password.expose_secret().is_empty() => {
            section.report_key("password", "is empty");
            None
        }
        (Some(password), None) => Some(Credential::Password(password.clone())),
        (None, Some(verifier)) => match Verifier::parse(verifier.expose_secret()) {
            Ok(verifier) => Some(Credential::Verifier(verifier)),
            Err(reason) => {
                section.report_key("scram", &reason);
                None
            }
        },
        (Some(_), Some(_)) => {
            section.report_key("scram", "there is a password already; keep one of the two");
            None
        }
        (None, None) => {
            section.report_key("password", "is missing; give a password, or a verifier as scram");
            None
        }
    }
}

fn principal(user: UserSection) -> Principal {
    Principal {
        user: user.name,
        roles: user.roles,
        domain: user.domain,
        visible_domains: user.visible_domains,
        all_domains: user.all_domains,
        subjects: user.subjects,
    }
}
