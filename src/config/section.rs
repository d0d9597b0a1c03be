//! One table of the file, read into a typed value with all of its problems.
//!
//! serde stops at the first problem, so the section is read again without what was wrong until nothing new turns up.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::document::Document;
use super::wording::{self, Complaint};

/// One table of the file.
pub(crate) struct Section<'d, 't> {
    document: &'d mut Document<'t>,
    path: String,
    start: usize,
    table: DeTable<'t>,
    is_broken: bool,
}

/// Stands for a key that is missing, so that reading goes on behind it.
const PLACEHOLDER: &str = "";

impl<'d, 't> Section<'d, 't> {
    /// Takes a table; anything else is reported.
    pub(super) fn new(
        document: &'d mut Document<'t>,
        path: String,
        start: usize,
        value: Spanned<DeValue<'t>>,
    ) -> Option<Self> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(table) => Some(Self {
                document,
                path,
                start,
                table,
                is_broken: false,
            }),
            _ => {
                document.report(at, &path, "expected a table");
                None
            }
        }
    }

    pub(super) fn report(&mut self, offset: usize, key: &str, message: &str) {
        self.is_broken = true;
        let path = if key.is_empty() {
            self.path.clone()
        } else {
            format!("{}.{key}", self.path)
        };
        self.document.report(offset, &path, message);
    }

    /// Reports a problem at a key, or at the section when the key isn't there.
    pub(super) fn report_key(&mut self, key: &str, message: &str) {
        let found = self.table.get_key_value(key).map(|(key, _)| key.span().start);
        self.report(found.unwrap_or(self.start), key, message);
    }

    /// Takes a key that must be text.
    pub(super) fn take_text(&mut self, key: &str) -> Option<(usize, String)> {
        let Some(value) = self.table.remove(key) else {
            self.report(self.start, key, "is missing");
            return None;
        };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => Some((at, text.into_owned())),
            _ => {
                self.report(at, key, "expected a string");
                None
            }
        }
    }

    /// Takes a key that may be text.
    pub(super) fn take_optional_text(&mut self, key: &str) -> Option<(usize, String)> {
        self.table
            .contains_key(key)
            .then(|| self.take_text(key))
            .flatten()
    }

    /// Makes the paths of all keys that end in `_file` absolute, and reports files that can't be read.
    pub(super) fn check_files(&mut self) {
        let folder = self.document.folder();
        let mut problems = Vec::new();
        for_each_text(&mut self.table, "", &mut |path, at, text| {
            if !path.ends_with("_file") {
                return;
            }
            let file = folder.join(text.as_str());
            if let Err(error) =
                std::fs::File::open(&file).and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()))
            {
                problems.push((
                    at,
                    path.to_owned(),
                    format!("cannot read '{}': {error}", file.display()),
                ));
            }
            *text = file.to_string_lossy().into_owned();
        });
        for (at, path, message) in problems {
            self.report(at, &path, &message);
        }
    }

    /// Reports addresses that are no URL, or that credentials may not be sent to.
    pub(super) fn check_urls(&mut self) {
        let mut problems = Vec::new();
        for_each_text(&mut self.table, "", &mut |path, at, text| {
            if path != "url" && !path.ends_with("token_url") {
                return;
            }
            if let Some(message) = wrong_url(text) {
                problems.push((at, path.to_owned(), message));
            }
        });
        for (at, path, message) in problems {
            self.report(at, &path, &message);
        }
    }

    /// Reads the section. Every problem in it is reported; `None` if there is any, or was before.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut table = self.table.clone();
        // Keys that were reported; what serde says about them later is a consequence.
        let mut handled: Vec<String> = Vec::new();
        // Each turn removes or adds a key, and sections are small; the bound is for errors that nothing helps against.
        for _ in 0..100 {
            let whole = Spanned::new(self.start..self.start, table.clone());
            let error = match T::deserialize(Deserializer::from(whole)) {
                Ok(read) => return (!self.is_broken && handled.is_empty()).then_some(read),
                Err(error) => error,
            };
            let complaint = Complaint::of(error.message());
            let near = error.span().and_then(|span| locate(&table, "", span.start));
            let (mut path, mut at) = near.unwrap_or((String::new(), self.start));
            if let Complaint::UnknownKey(key, _) | Complaint::Missing(key) = &complaint
                && path.rsplit('.').next() != Some(key)
            {
                path = join(&path, key);
                at = key_offset(&table, &path).unwrap_or(at);
            }
            if handled.contains(&path) {
                // A table that lacks what was taken out of it is taken out itself; at the top there is nothing more to learn.
                match path.rsplit_once('.') {
                    Some((parent, _)) if !handled.iter().any(|other| other == parent) => {
                        remove(&mut table, parent);
                        handled.push(parent.to_owned());
                        continue;
                    }
                    _ => break,
                }
            }
            match &complaint {
                Complaint::UnknownKey(_, known) => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.is_broken = true;
                    let full = format!("{}.{path}", self.path);
                    self.document.unknown_key(at, &full, &known);
                }
                Complaint::UnknownWord(word, known) => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    self.report(at, &path, &wording::not_one_of(word, &known));
                }
                Complaint::Missing(_) => self.report(at, &path, "is missing"),
                Complaint::Wrong(message) => self.report(at, &path, message),
            }
            match &complaint {
                Complaint::Missing(_) => insert_placeholder(&mut table, &path),
                _ => remove(&mut table, &path),
            }
            handled.push(path);
        }
        None
    }

    /// Reports why the section's owner refuses it, at the key that the reason names.
    pub(crate) fn refuse(&mut self, reason: &str) {
        let mut named = None;
        for_each_key(&self.table, "", &mut |path, at| {
            let name = path.rsplit('.').next().unwrap_or(path);
            let is_named = reason
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == name);
            if is_named && named.is_none() {
                named = Some((path.to_owned(), at));
            }
        });
        let (path, at) = named.unwrap_or((String::new(), self.start));
        self.report(at, &path, reason);
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The key whose name or value is at `offset`, as deep as tables go, with the offset that a reader should look at.
fn locate(table: &DeTable<'_>, path: &str, offset: usize) -> Option<(String, usize)> {
    table.iter().find_map(|(key, value)| {
        let path = join(path, key.get_ref());
        if key.span().contains(&offset) {
            return Some((path, key.span().start));
        }
        let span = value.span();
        if !span.contains(&offset) {
            return None;
        }
        let deeper = match value.get_ref() {
            DeValue::Table(inner) if offset != span.start => locate(inner, &path, offset),
            _ => None,
        };
        deeper.or(Some((path, span.start)))
    })
}

fn key_offset(table: &DeTable<'_>, path: &str) -> Option<usize> {
    match path.split_once('.') {
        None => table.get_key_value(path).map(|(key, _)| key.span().start),
        Some((first, rest)) => key_offset(table.get(first)?.get_ref().as_table()?, rest),
    }
}

/// The table that holds the last key of `path`, and that key.
fn holder<'t, 'v>(table: &'t mut DeTable<'v>, path: &'t str) -> Option<(&'t mut DeTable<'v>, &'t str)> {
    match path.split_once('.') {
        None => Some((table, path)),
        Some((first, rest)) => match table.get_mut(first)?.get_mut() {
            DeValue::Table(inner) => holder(inner, rest),
            _ => None,
        },
    }
}

fn remove(table: &mut DeTable<'_>, path: &str) {
    if let Some((table, key)) = holder(table, path) {
        table.remove(key);
    }
}

fn insert_placeholder(table: &mut DeTable<'_>, path: &str) {
    if let Some((table, key)) = holder(table, path) {
        let key = Spanned::new(0..0, key.to_owned().into());
        table.insert(key, Spanned::new(0..0, DeValue::String(PLACEHOLDER.into())));
    }
}

fn for_each_key(table: &DeTable<'_>, path: &str, visit: &mut dyn FnMut(&str, usize)) {
    for (key, value) in table {
        let path = join(path, key.get_ref());
        visit(&path, key.span().start);
        if let DeValue::Table(inner) = value.get_ref() {
            for_each_key(inner, &path, visit);
        }
    }
}

fn for_each_text(table: &mut DeTable<'_>, path: &str, visit: &mut dyn FnMut(&str, usize, &mut String)) {
    for (key, value) in table.iter_mut() {
        let path = join(path, key.get_ref());
        let start = value.span().start;
        match value.get_mut() {
            DeValue::String(text) => {
                let mut changed = text.to_string();
                visit(&path, start, &mut changed);
                *text = changed.into();
            }
            DeValue::Table(inner) => for_each_text(inner, &path, visit),
            _ => {}
        }
    }
}

fn wrong_url(text: &str) -> Option<String> {
    let url = match url::Url::parse(text) {
        Ok(url) => url,
        Err(error) => return Some(format!("'{text}' is not a url: {error}")),
    };
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return Some(format!("'{text}' has no host; write it as 'https://host'")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Some("a url must not hold a user or password; use auth".to_owned());
    }
    match url.scheme() {
        "https" => None,
        "http" if is_loopback => None,
        "http" => Some(format!(
            "'{text}' is plain http, which is for loopback only; use https"
        )),
        scheme => Some(format!("'{text}' has the scheme '{scheme}'; use https")),
    }
}
