//! The syntax tree of a SOQL statement. Positions are byte offsets into the statement.

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) select: Vec<Select>,
    pub(crate) from: String,
    pub(crate) from_at: usize,
    pub(crate) alias: Option<String>,
    pub(crate) filter: Option<Condition>,
    pub(crate) group: Vec<Term>,
    pub(crate) having: Option<Condition>,
    pub(crate) order: Vec<Order>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: Option<usize>,
}

/// An item of the SELECT list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Select {
    /// A field, a date function or an aggregate, with its alias.
    Term(Term, Option<String>),
    /// `COUNT()`.
    CountAll,
    /// A parent-to-child subquery.
    Children(Box<Query>),
}

/// A field path, possibly inside a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) function: Option<Function>,
    pub(crate) path: String,
    pub(crate) at: usize,
}

/// A function of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
    CalendarYear,
    CalendarQuarter,
    CalendarMonth,
    DayInMonth,
    DayInWeek,
    DayInYear,
    DayOnly,
    HourInDay,
    WeekInYear,
}

impl Function {
    /// Finds a function by name, ignoring case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "COUNT" => Self::Count,
            "COUNT_DISTINCT" => Self::CountDistinct,
            "SUM" => Self::Sum,
            "AVG" => Self::Avg,
            "MIN" => Self::Min,
            "MAX" => Self::Max,
            "CALENDAR_YEAR" => Self::CalendarYear,
            "CALENDAR_QUARTER" => Self::CalendarQuarter,
            "CALENDAR_MONTH" => Self::CalendarMonth,
            "DAY_IN_MONTH" => Self::DayInMonth,
            "DAY_IN_WEEK" => Self::DayInWeek,
            "DAY_IN_YEAR" => Self::DayInYear,
            "DAY_ONLY" => Self::DayOnly,
            "HOUR_IN_DAY" => Self::HourInDay,
            "WEEK_IN_YEAR" => Self::WeekInYear,
            _ => return None,
        })
    }

    /// Tells whether the function puts many rows together.
    pub(crate) fn aggregates(self) -> bool {
        matches!(
            self,
            Self::Count | Self::CountDistinct | Self::Sum | Self::Avg | Self::Min | Self::Max
        )
    }

    /// The name as error messages spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::CountDistinct => "COUNT_DISTINCT",
            Self::Sum => "SUM",
            Self::Avg => "AVG",
            Self::Min => "MIN",
            Self::Max => "MAX",
            _ => "date function",
        }
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// A literal as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    /// Digits with sign and fraction as written.
    Number(String),
    Text(Text),
    /// Days since 1970-01-01.
    Date(i64),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Milliseconds since midnight.
    Time(u32),
}

/// A text literal: its characters, each with a mark that says whether it came from `\%` or `\_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) characters: Vec<(char, bool)>,
}

impl Text {
    /// Returns the text without the marks.
    pub(crate) fn plain(&self) -> String {
        self.characters.iter().map(|(c, _)| c).collect()
    }
}

/// A literal and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At {
    pub(crate) literal: Literal,
    pub(crate) at: usize,
}

/// A WHERE or HAVING condition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    Compare(Term, Operator, At),
    In {
        term: Term,
        negated: bool,
        list: Vec<At>,
    },
    Join {
        term: Term,
        negated: bool,
        query: Box<Query>,
    },
    /// `INCLUDES` and, negated, `EXCLUDES`.
    Includes {
        term: Term,
        negated: bool,
        sets: Vec<At>,
    },
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
}

/// An item of ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) term: Term,
    pub(crate) descending: bool,
    /// `NULLS FIRST` is true, `NULLS LAST` false.
    pub(crate) nulls_first: Option<bool>,
}
