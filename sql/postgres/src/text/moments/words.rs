//! The words of dates and times.
//!
//! Owns: months, days of the week, the present, eras. Does not own: abbreviations of zones. Invariant: a word has at most ten letters that
//! count, as in PostgreSQL. Start at [`word`].

/// What a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Month(i64),
    /// A day of the week, which says nothing that the date does not.
    Weekday,
    Am,
    Pm,
    /// `BC` if so, else `AD`.
    Before(bool),
    Now,
    /// So many days after today.
    Today(i64),
    Epoch,
    /// Later than all if so, else earlier.
    Infinity(bool),
    /// `allballs`: midnight in UTC.
    Midnight,
    /// `t` between a date and a time.
    TimeFollows,
    /// `j`: the next number is a Julian day.
    Julian,
    /// Labels of single fields, which nobody writes any more.
    Label,
    /// `dst` after an abbreviation.
    SummerTime,
    /// `at`, `on`.
    Nothing,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The meaning of a word in lower case.
pub(crate) fn word(text: &str) -> Option<Word> {
    if let Some(at) = MONTHS
        .iter()
        .position(|month| *month == text || month.get(..3) == Some(text))
    {
        return i64::try_from(at + 1).ok().map(Word::Month);
    }
    Some(match text {
        "sept" => Word::Month(9),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday"
        | "thu" | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => Word::Weekday,
        "am" => Word::Am,
        "pm" => Word::Pm,
        "bc" => Word::Before(true),
        "ad" => Word::Before(false),
        "now" => Word::Now,
        "today" => Word::Today(0),
        "tomorrow" => Word::Today(1),
        "yesterday" => Word::Today(-1),
        "epoch" => Word::Epoch,
        "infinity" | "+infinity" => Word::Infinity(true),
        "-infinity" => Word::Infinity(false),
        "allballs" => Word::Midnight,
        "t" => Word::TimeFollows,
        "j" | "jd" | "julian" => Word::Julian,
        "d" | "dow" | "doy" | "h" | "isodow" | "isoyear" | "m" | "mm" | "s" | "y" => Word::Label,
        "dst" => Word::SummerTime,
        "at" | "on" => Word::Nothing,
        _ => return None,
    })
}
