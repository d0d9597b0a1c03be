//! What the values of all kinds of tasks are made from.
//!
//! Owns: the life of a task, its account, its people, its texts. Does not own: which column holds what; see the sibling files.
//! Invariant: columns that tell of the same thing agree, because they are made from the same noise. Start at [`Life`].

use super::super::cell::Cell;
use super::super::schema::{Make, Row, choose, dangling, make, refers, remainder, sometimes, text};
use super::Data;

/// Texts that break careless software.
pub(super) const AWKWARD_TEXTS: &[&str] = &[
    "RÉSUMÉ upload fails",
    "resume upload fails",
    "Resume Upload Fails",
    "O'Brien said \"no\"",
    "C:\\temp\\new, or \\\\share",
    "50% off_now and 100% _under_score",
    "caret ^ORactive=true^NQname=x",
    "comma,separated,,list",
    "line one\nline two\r\nline three\ttab",
    "Zażółć gęślą jaźń 🚀👩‍👩‍👧",
    "javascript:gs.getUserID()",
    "  leading blanks",
    "trailing blanks  ",
    "NULL",
    "null",
    "=1+1",
    "<b>bold</b> & \"quoted\"",
    "' OR 1=1 --",
    "STRASSE",
    "straße",
    "a@b",
    "BETWEEN x@y",
    "0",
    "true",
    "2024-01-01 00:00:00",
    "zero\u{200b}width",
    "ＦＵＬＬＷＩＤＴＨ",
    "İstanbul",
    "istanbul",
    "ıstanbul",
];

const SUBJECTS: &[&str] = &[
    "Unable to sign in to VPN",
    "Email does not arrive",
    "Laptop battery swollen",
    "SAP posting period closed",
    "Printer on floor 3 jams",
    "Router making noise",
    "Database disk space low",
    "Request for access to shared drive",
    "Application crashes on save",
    "Switch occasionally drops connections",
    "Phone number needs porting",
    "Invoice shows wrong amount",
    "Webshop checkout times out",
    "Can't access SFA software",
];

pub(super) const LEVELS: &[(&str, &str)] = &[("1", "1 - High"), ("2", "2 - Medium"), ("3", "3 - Low")];

/// When a task was opened, resolved and closed; open tasks have no later times.
pub(super) struct Life {
    pub(super) opened: i64,
    pub(super) resolved: Option<i64>,
    pub(super) closed: Option<i64>,
}

pub(super) fn life(data: &Data, row: Row) -> Life {
    let opened = data.created(row);
    let noise = data.noise(row, 2);
    let resolved = (noise % 100 < 68).then(|| opened + 60 + remainder(noise >> 8, 20 * 86_400));
    let closed = resolved
        .filter(|_| noise % 100 < 50)
        .map(|at| at + remainder(noise >> 40, 7 * 86_400));
    Life {
        opened,
        resolved,
        closed,
    }
}

/// Position of the state in a list whose last two entries are resolved and closed.
pub(super) fn state(open: &'static [i64], resolved: i64, closed: &'static [i64]) -> Make {
    make(move |data, row, _| {
        // Noise of the row, not of the column: `state` and `incident_state` agree.
        let noise = data.noise(row, 4);
        let life = life(data, row);
        Cell::Int(match (life.resolved, life.closed) {
            (_, Some(_)) => choose(closed, noise),
            (Some(_), None) => resolved,
            (None, None) => choose(open, noise),
        })
    })
}

/// The account that a task is about; one task in twenty has none.
fn account_index(data: &Data, row: Row) -> Option<usize> {
    let noise = data.noise(row, 3);
    (!noise.is_multiple_of(20))
        .then(|| usize::try_from(noise >> 8).unwrap_or_default() % data.world.accounts().max(1))
}

pub(super) fn account_of(data: &Data, row: Row) -> Cell<'_> {
    match (account_index(data, row), data.table("customer_account")) {
        (Some(index), Some(class)) => Cell::Id(data.sys_id(Row::new(class, index))),
        _ => Cell::Null,
    }
}

pub(super) fn domain_of(data: &Data, row: Row) -> Option<usize> {
    account_index(data, row).and_then(|index| data.account_domain(index))
}

/// A sentence; one in sixteen is awkward, and some are NULL or stored as ''.
pub(super) fn sentence() -> Make {
    make(|_, row, noise| match noise % 64 {
        0..4 => text(choose(AWKWARD_TEXTS, noise >> 6)),
        4 => Cell::Null,
        5 => text(""),
        6 => text(choose(SUBJECTS, noise >> 6).to_uppercase()),
        7 => text(format!("{} ", choose(SUBJECTS, noise >> 6))),
        8..24 => text(format!("{} ({})", choose(SUBJECTS, noise >> 6), row.index())),
        _ => text(choose(SUBJECTS, noise >> 6)),
    })
}

/// NULL, a sentence, or (one in 256) 5,000 characters.
pub(super) fn story() -> Make {
    make(|_, _, noise| match noise % 256 {
        0 => text("All work and no play. 🚀 ".repeat(210)),
        1..100 => Cell::Null,
        _ => text(format!(
            "{}.\n{}.",
            choose(SUBJECTS, noise >> 8),
            choose(SUBJECTS, noise >> 16)
        )),
    })
}

/// A duration of a finished task: a few are days long.
pub(super) fn duration(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| {
        let life = life(data, row);
        of(&life).map_or(Cell::Null, |end| Cell::Seconds(end - life.opened))
    })
}

pub(super) fn time(of: fn(&Life) -> Option<i64>) -> Make {
    make(move |data, row, _| of(&life(data, row)).map_or(Cell::Null, Cell::Seconds))
}

/// A person, now and then the literal `glide.maint`, or one who no longer exists.
pub(super) fn person(permille: u64) -> Make {
    let user = refers("sys_user");
    let gone = dangling();
    sometimes(
        permille,
        make(move |data, row, noise| match noise % 100 {
            0 => text("glide.maint"),
            1 => gone(data, row, noise >> 8),
            _ => user(data, row, noise >> 8),
        }),
    )
}
