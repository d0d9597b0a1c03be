//! A transcript of the SOQL texts that arrive, for a check by somebody else's parser.
//!
//! Owns: one file per process, one JSON string per line. Texts that are refused are written too: whoever sends them should not.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::StartError;

/// The variable that names the folder to write to.
const FOLDER: &str = "CAUSEWAY_SOQL_LOG";

/// Where the texts go.
#[derive(Debug)]
pub(super) struct Transcript(Mutex<(File, HashSet<String>)>);

impl Transcript {
    /// Opens the transcript that the environment asks for, if it does.
    ///
    /// The tests of this crate send wrong SOQL on purpose; they keep no transcript.
    pub(super) fn from_environment() -> Result<Option<Self>, StartError> {
        match std::env::var_os(FOLDER) {
            Some(folder) if !folder.is_empty() && !cfg!(test) => Self::open(folder.as_ref()).map(Some),
            _ => Ok(None),
        }
    }

    fn open(folder: &Path) -> Result<Self, StartError> {
        let path = folder.join(format!("soql-{}.jsonl", std::process::id()));
        let open = || {
            fs::create_dir_all(folder)?;
            File::options().append(true).create(true).open(&path)
        };
        let file = open()
            .map_err(|error| StartError(format!("{FOLDER}: can't write to {}: {error}", path.display())))?;
        Ok(Self(Mutex::new((file, HashSet::new()))))
    }

    /// Writes a text that has not been written before. Other orgs of this process append to the same file, line by line.
    pub(super) fn note(&self, soql: &str) {
        let mut transcript = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, known) = &mut *transcript;
        if !known.insert(soql.to_owned()) {
            return;
        }
        let line = format!("{}\n", serde_json::Value::from(soql));
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::error!(%error, "a soql text is missing in the transcript");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_once_a_line_each() {
        let folder = std::env::temp_dir().join(format!("causeway-transcript-{}", std::process::id()));
        let transcript = Transcript::open(&folder).expect("a transcript");
        for soql in [
            "SELECT Id FROM A WHERE Name = 'x\ny \"z\"'",
            "SELECT Id FROM B",
            "SELECT Id FROM B",
        ] {
            transcript.note(soql);
        }
        let path = folder.join(format!("soql-{}.jsonl", std::process::id()));
        let text = fs::read_to_string(&path).expect("a file");
        fs::remove_dir_all(&folder).expect("the folder goes");
        let lines: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON string"))
            .collect();
        assert_eq!(
            lines,
            ["SELECT Id FROM A WHERE Name = 'x\ny \"z\"'", "SELECT Id FROM B"]
        );
    }
}
