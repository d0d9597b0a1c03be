//! Reads encoded queries back by their grammar, without a look at the code that writes them.
//!
//! Owns: how an instance splits the text. Does not own: what should stand in it.
//! Invariant: whatever the grammar does not allow is an error; no text is skipped. Start at [`read`].
//! Source: "Encoded query strings" and "Operators available for filters and queries", Australia, read 2026-06-25.

/// Operators, those first whose beginning is another one.
const OPERATORS: [&str; 14] = [
    "ISNOTEMPTY",
    "ISEMPTY",
    "NOT LIKE",
    "NOT IN",
    "STARTSWITH",
    "ENDSWITH",
    "LIKE",
    "IN",
    "!=",
    "<=",
    ">=",
    "=",
    "<",
    ">",
];

/// One condition. A list has its members as values, a test of emptiness none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Test {
    pub(super) field: String,
    pub(super) operator: &'static str,
    pub(super) values: Vec<String>,
}

/// A row matches when, in one of the groups, each chain has a test that holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) groups: Vec<Vec<Vec<Test>>>,
    /// Sort keys, and whether large values come first.
    pub(super) sorts: Vec<(String, bool)>,
}

impl Query {
    pub(super) fn holds(&self, test: impl Fn(&Test) -> bool) -> bool {
        let groups = &mut self.groups.iter();
        groups.any(|group| group.iter().all(|chain| chain.iter().any(&test)))
    }
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Query, String> {
    let mut query = Query {
        groups: vec![Vec::new()],
        sorts: Vec::new(),
    };
    for piece in text.split('^').filter(|_| !text.is_empty()) {
        if let Some(sort) = piece.strip_prefix("ORDERBY") {
            let (field, descending) = match sort.strip_prefix("DESC") {
                Some(field) => (field, true),
                None => (sort, false),
            };
            let (field, rest) = name(field)?;
            if !rest.is_empty() {
                return Err(format!("{rest:?} after a sort key"));
            }
            query.sorts.push((field.to_owned(), descending));
            continue;
        }
        if !query.sorts.is_empty() {
            return Err("a condition after a sort key".to_owned());
        }
        let group = query.groups.last_mut().expect("at least one");
        match (piece.strip_prefix("NQ"), piece.strip_prefix("OR")) {
            (Some(first), _) => query.groups.push(vec![vec![test(first)?]]),
            (None, Some(other)) => {
                let chain = group.last_mut().ok_or("an alternative to nothing")?;
                chain.push(test(other)?);
            }
            (None, None) => group.push(vec![test(piece)?]),
        }
    }
    Ok(query)
}

fn test(text: &str) -> Result<Test, String> {
    let (field, rest) = name(text)?;
    let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
    let operator = operator.ok_or_else(|| format!("no operator: {rest:?}"))?;
    let value = &rest[operator.len()..];
    let values: Vec<String> = match operator {
        "IN" | "NOT IN" => value.split(',').map(str::to_owned).collect(),
        "ISEMPTY" | "ISNOTEMPTY" if value.is_empty() => Vec::new(),
        "ISEMPTY" | "ISNOTEMPTY" => return Err(format!("{value:?} after a test of emptiness")),
        _ => vec![value.to_owned()],
    };
    match values.iter().find_map(|value| misread(value)) {
        Some(reason) => Err(reason),
        None => Ok(Test {
            field: field.to_owned(),
            operator,
            values,
        }),
    }
}

/// The name at the beginning, and the rest. Names have no capitals, operators nothing else.
fn name(text: &str) -> Result<(&str, &str), String> {
    let is_name = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '_' | '.');
    let (name, rest) = text.split_at(text.find(|letter| !is_name(letter)).unwrap_or(text.len()));
    match name.split('.').any(str::is_empty) {
        true => Err(format!("no name at the beginning of {text:?}")),
        false => Ok((name, rest)),
    }
}

/// Why a value does not mean itself.
fn misread(value: &str) -> Option<String> {
    let is_script = value.trim_start().to_lowercase().starts_with("javascript");
    let breaks = |letter: char| letter.is_control() || "\u{2028}\u{2029}\u{feff}".contains(letter);
    if is_script {
        Some(format!("{value:?} is run as a script"))
    } else if value.chars().any(breaks) {
        Some(format!("{value:?} has a line break"))
    } else {
        None
    }
}
