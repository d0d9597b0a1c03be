//! What is wrong with a configuration.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; `None` when the file itself can't be read.
    pub line: Option<usize>,
    /// Key, with the sections it is in; empty for a syntax error.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Everything that is wrong with a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: PathBuf,
    /// In the order of their lines.
    pub problems: Vec<Problem>,
}

impl Problems {
    pub(crate) fn of_file(file: &Path, message: String) -> Self {
        let problem = Problem {
            line: None,
            key: String::new(),
            message,
        };
        Self {
            file: file.to_owned(),
            problems: vec![problem],
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{}:", self.file.display())?;
            if let Some(line) = problem.line {
                write!(formatter, "{line}:")?;
            }
            if !problem.key.is_empty() {
                write!(formatter, " {}:", problem.key)?;
            }
            write!(formatter, " {}", problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
