//! The file as a tree whose places are known, and the problems found in it.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems};

/// The file, and what is wrong with it so far.
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    root: Option<Spanned<DeTable<'a>>>,
    /// Offset, key and message.
    problems: Vec<(usize, String, String)>,
}

impl<'a> Document<'a> {
    /// Parses `text` and fills in `${NAME}`.
    ///
    /// # Errors
    /// Syntax errors, alone: what follows from a misread line would only hide them.
    pub(super) fn read(
        path: &'a Path,
        text: &'a str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Problems> {
        let (mut root, errors) = DeTable::parse_recoverable(text);
        let mut document = Self {
            path,
            text,
            root: None,
            problems: Vec::new(),
        };
        for error in &errors {
            let start = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', "; ");
            document.report(start, "", &format!("not valid TOML: {message}"));
        }
        if !errors.is_empty() {
            return Err(document.problems());
        }
        let mut filler = Filler {
            environment,
            problems: &mut document.problems,
        };
        filler.fill_table(root.get_mut(), "");
        document.root = Some(root);
        Ok(document)
    }

    pub(super) fn take_root(&mut self) -> Spanned<DeTable<'a>> {
        self.root
            .take()
            .unwrap_or_else(|| Spanned::new(0..0, DeTable::new()))
    }

    /// Folder that relative paths in the file start from.
    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    pub(super) fn report(&mut self, offset: usize, key: &str, message: &str) {
        let problem = (offset, key.to_owned(), message.to_owned());
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    pub(super) fn unknown_key(&mut self, offset: usize, key: &str, known: &[&str]) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let hint = match causeway_core::nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("the keys here are {}", known.join(", ")),
        };
        self.report(offset, key, &format!("unknown key; {hint}"));
    }

    /// The tables of an array of tables such as `[[users]]`, with their paths.
    pub(super) fn tables<'v>(
        &mut self,
        key: &str,
        value: Option<Spanned<DeValue<'v>>>,
    ) -> Vec<(String, Spanned<DeValue<'v>>)> {
        let Some(value) = value else {
            return Vec::new();
        };
        let start = value.span().start;
        let DeValue::Array(values) = value.into_inner() else {
            self.report(start, key, &format!("expected tables, each under [[{key}]]"));
            return Vec::new();
        };
        let path = |at: usize| format!("{key}[{}]", at + 1);
        values
            .into_iter()
            .enumerate()
            .map(|(at, value)| (path(at), value))
            .collect()
    }

    pub(super) fn into_problems(self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(self.problems())
    }

    fn problems(mut self) -> Problems {
        self.problems.sort_by_key(|(offset, ..)| *offset);
        let line = |offset: usize| {
            let before = self.text.get(..offset).unwrap_or(self.text);
            before.bytes().filter(|byte| *byte == b'\n').count() + 1
        };
        let problem = |(offset, key, message): &(usize, String, String)| Problem {
            line: Some(line(*offset)),
            key: key.clone(),
            message: message.clone(),
        };
        Problems {
            file: self.path.to_owned(),
            problems: self.problems.iter().map(problem).collect(),
        }
    }
}

/// Replaces `${NAME}` in every string.
struct Filler<'f> {
    environment: &'f dyn Fn(&str) -> Option<String>,
    problems: &'f mut Vec<(usize, String, String)>,
}

impl Filler<'_> {
    fn fill_table(&mut self, table: &mut DeTable<'_>, path: &str) {
        for (key, value) in table.iter_mut() {
            let name = key.get_ref();
            let path = if path.is_empty() {
                name.to_string()
            } else {
                format!("{path}.{name}")
            };
            self.fill(value, &path);
        }
    }

    fn fill(&mut self, value: &mut Spanned<DeValue<'_>>, path: &str) {
        let start = value.span().start;
        match value.get_mut() {
            DeValue::String(text) if text.contains("${") => match substitute(text, self.environment) {
                Ok(filled) => *text = filled.into(),
                Err(message) => self.problems.push((start, path.to_owned(), message)),
            },
            DeValue::Array(values) => {
                for (at, value) in values.iter_mut().enumerate() {
                    self.fill(value, &format!("{path}[{}]", at + 1));
                }
            }
            DeValue::Table(table) => self.fill_table(table, path),
            _ => {}
        }
    }
}

/// `$${` stands for `${` itself.
fn substitute(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| "'${' has no '}'; write '$${' for the characters themselves".to_owned())?;
        let value = environment(name).ok_or_else(|| format!("environment variable '{name}' is not set"))?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_doubled_dollars_are_not() {
        let environment = |name: &str| (name == "A").then(|| "${B}".to_owned());
        let filled = |text| substitute(text, &environment);
        assert_eq!(filled("x${A}y${A}"), Ok("x${B}y${B}".to_owned()));
        assert_eq!(filled("$${A} $5"), Ok("${A} $5".to_owned()));
        assert_eq!(
            filled("${B}"),
            Err("environment variable 'B' is not set".to_owned())
        );
        assert!(filled("${A").is_err_and(|message| message.contains("has no '}'")));
    }
}
