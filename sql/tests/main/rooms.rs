//! The rooms of `sql/src` stand on floors: a room imports only rooms below it.

use std::path::{Path, PathBuf};

/// The lowest floor first. A file of the crate's root is a room of its own.
const FLOORS: &[&str] = &[
    "error",
    "settings",
    "query_log",
    "statement",
    "copy",
    "policy",
    "scan",
    "operators",
    "catalog",
    "cost",
    "optimizer",
    "execute",
    "explain",
    "session",
    "engine",
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// Names that follow `crate::`, in uses and in the code; of `crate::{a, b::c}` both.
fn imported(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let first = |part: &str| {
            let name = part
                .trim_start()
                .split(|c: char| !c.is_alphanumeric() && c != '_');
            name.take(1).map(str::to_owned).collect::<String>()
        };
        let Some(group) = rest.strip_prefix('{') else {
            found.push(first(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    found.push(first(&group[start..at]));
                    start = at + 1;
                    if letter == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// What stands before the tests that a file holds.
fn code_of(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().expect("the code")
}

/// Whether a file has tests, or what only they use.
fn is_for_tests(file: &Path) -> bool {
    let of_tests =
        |part: std::path::Component<'_>| ["tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name);
    let inside = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file);
    if inside.components().any(of_tests) {
        return true;
    }
    let name = file.file_stem().expect("a name").to_string_lossy();
    let parent = std::fs::read_to_string(file.with_file_name("mod.rs")).unwrap_or_default();
    ["", "pub(crate) "]
        .iter()
        .any(|visible| parent.contains(&format!("#[cfg(test)]\n{visible}mod {name};")))
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let floor = |room: &str| FLOORS.iter().position(|known| *known == room);
    let mut upwards = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&root).expect("below the root");
        let first = inside.components().next().expect("a name");
        let room = first
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        if room == "lib" {
            continue;
        }
        let own = floor(&room).unwrap_or_else(|| panic!("{room} has no floor: add it to FLOORS"));
        let text = std::fs::read_to_string(&path).expect("a text");
        // Tests, and what only they use, may look at anything.
        if is_for_tests(&path) {
            continue;
        }
        let above = imported(code_of(&text))
            .into_iter()
            .filter(|name| floor(name).is_some_and(|other| other > own));
        upwards.extend(above.map(|name| format!("{} imports {name}", inside.display())));
    }
    assert_eq!(upwards, Vec::<String>::new());
}

#[test]
fn imports_are_read_from_groups_too() {
    let text = "use crate::{Error, scan::{exec, spec}, cost::plan};\nlet x = crate::policy::f();";
    assert_eq!(imported(text), ["Error", "scan", "cost", "policy"]);
}

/// What only one vendor says belongs into that vendor's folder.
#[test]
fn no_vendor_is_named_in_core_or_sql() {
    const WORDS: &[&str] = &[
        "salesforce",
        "servicenow",
        "soql",
        "sys_id",
        "sys_domain",
        "glide",
    ];
    let sql = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "postgres/src", "../providers/core/src"] {
        rust_files(&sql.join(folder), &mut files);
    }
    let mut named = Vec::new();
    for path in files {
        // Tests name what they like; the conformance suite has texts that are awkward to one vendor.
        if is_for_tests(&path) || path.components().any(|part| part.as_os_str() == "conformance") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        let code = code_of(&text).to_lowercase();
        let words = WORDS.iter().filter(|word| code.contains(**word));
        named.extend(words.map(|word| format!("{} says {word}", path.display())));
    }
    assert_eq!(named, Vec::<String>::new());
}
