//! The semantics of SOQL: what may be asked of which field, and how faithfully it is answered.
//!
//! Owns: the table below, row by row a function. Does not own: how it is written; see [`soql`].
//! Invariant: a pushed condition keeps every row for which the SQL comparison is true, under every reading of what the documentation
//! leaves open. Fidelity comes from the described field, the operator and the literal.
//!
//! | field | `=` `IN` | `<>` `NOT IN` | `<` `<=` `>` `>=` | `LIKE` `ILIKE` | null tests |
//! |---|---|---|---|---|---|
//! | id, reference | exact | exact, guarded | never: collation | never | exact |
//! | boolean | exact | exact | exact: said as equality | – | folded: it is never null |
//! | int, long | exact | exact, guarded | exact | – | exact |
//! | double, percent, currency | exact while doubles tell the field's decimals apart, else superset | same | same | – | exact |
//! | currency among several currencies | superset | superset | superset | – | exact |
//! | date | exact from 1700 to 4000 | exact, guarded | exact; beyond the range superset or never | – | exact |
//! | datetime | exact; a part of a second equals no record | exact, guarded | exact, rounded to the second | – | exact |
//! | time | exact; a part of a millisecond equals no record | exact, guarded | exact | – | exact |
//! | string, email, phone, url, textarea | superset: case | never: case | never: collation | superset | exact |
//! | picklist, combobox | superset: case | never: case | never: collation | never, but for patterns without wildcards | exact |
//! | multipicklist | superset: sets, asked by INCLUDES | never | never | never | exact |
//! | encrypted, base64, anyType, unknown | never | never | never | never | never |
//!
//! A case-sensitive field takes no ILIKE; letters that locales fold differently are wildcards in it. A formula is never better than superset: Salesforce evaluates it differently in a filter when a parent is missing. A formula that
//! reads a parent record is described as not filterable. *Guarded* adds `AND f != null`, since whether null rows satisfy `!=` is not
//! documented. `''` is no value: a record equals it never, and differs from it when it isn't null.
//!
//! Source: SOQL and SOSL Reference, "Comparison Operators", "Condition Expression Syntax", "Date Formats", read 2026-11.

use causeway_core::{
    AggregateFunction, Atom, Column, Condition, Constant, Dialect, Error, Literal, Op, RemoteOp, RemoteQuery,
    Table, Verdict,
};

use super::literal::{is_path, long_id};
use super::point::{
    Point, compare, compare_any, date_point, id_point, int_point, moment_point, number_point, time_point,
};
use super::semi_join;
use super::soql::{self, LINE_BYTES, STATEMENT_CHARS};
use super::text::{set, text};
use super::verdict::{COLLATION, NO_ORDER, compared, never, present, weaken};

/// What SOQL can say, and how faithfully.
#[derive(Debug, Clone)]
pub struct SalesforceDialect {
    base_path: String,
    text_pushdown: bool,
    full_read_access: bool,
}

impl SalesforceDialect {
    /// Makes the dialect of an API version such as `62.0`; without `text_pushdown` every text comparison stays local.
    #[must_use]
    pub fn new(api_version: &str, text_pushdown: bool) -> Self {
        Self {
            base_path: format!("/services/data/v{api_version}"),
            text_pushdown,
            full_read_access: false,
        }
    }

    /// The same dialect for an identity that sees every record, or perhaps not.
    #[must_use]
    pub fn with_full_read_access(self, full_read_access: bool) -> Self {
        Self {
            full_read_access,
            ..self
        }
    }

    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }
}

/// What a field holds, as far as comparisons care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Id,
    Boolean,
    /// Whole numbers of 32 bits, or of 64.
    Whole {
        long: bool,
    },
    /// Decimals, with the decimals that the field holds.
    Number {
        scale: Option<i32>,
        several_currencies: bool,
    },
    Date,
    Moment,
    Time,
    Text {
        takes_like: bool,
    },
    Set,
    Closed,
}

impl Family {
    /// The family of a column, from the described type that [`describe`](crate::metadata::describe) wrote down.
    fn of(column: &Column) -> Self {
        let (name, digits) = match column.remote_type.split_once('(') {
            Some((name, digits)) => (name, Some(digits)),
            None => (column.remote_type.as_str(), None),
        };
        let scale = digits
            .and_then(|digits| digits.strip_suffix(')')?.split_once(','))
            .and_then(|(_, scale)| scale.parse().ok());
        match name {
            "id" | "reference" => Self::Id,
            "boolean" => Self::Boolean,
            "int" => Self::Whole { long: false },
            "long" => Self::Whole { long: true },
            "double" | "percent" | "currency" => Self::Number {
                scale,
                several_currencies: false,
            },
            "multicurrency" => Self::Number {
                scale,
                several_currencies: true,
            },
            "date" => Self::Date,
            "datetime" => Self::Moment,
            "time" => Self::Time,
            "string" | "email" | "phone" | "url" | "textarea" => Self::Text { takes_like: true },
            "picklist" | "combobox" => Self::Text { takes_like: false },
            "multipicklist" => Self::Set,
            _ => Self::Closed,
        }
    }
}

const FORMULA: &str = "a formula may be evaluated differently in a filter";
const CURRENCIES: &str = "amounts are in several currencies";

impl Dialect for SalesforceDialect {
    fn atom(&self, column: &Column, op: Op, values: &[Literal]) -> Verdict {
        let Some(field) = column.remote_field().filter(|field| is_path(field)) else {
            return never("not a salesforce field");
        };
        if !column.filterable {
            return never("salesforce does not filter on this field");
        }
        let family = Family::of(column);
        let verdict = match (family, op) {
            (Family::Closed, _) => never("salesforce does not compare values of this type"),
            (Family::Boolean, _) => boolean(field, op, values),
            (_, Op::IsNull) => Verdict::Exact(Atom::test(field, RemoteOp::IsNull).into()),
            (_, Op::IsNotNull) => Verdict::Exact(present(field)),
            (Family::Set | Family::Text { .. }, _) if !self.text_pushdown => never("text_pushdown is off"),
            (Family::Set, _) => set(field, op, values),
            (Family::Text { .. }, Op::ILike) if column.case_sensitive => {
                never("the field is case-sensitive there")
            }
            (Family::Text { takes_like }, _) => text(field, takes_like, op, values),
            (Family::Id, Op::Eq | Op::NotEq | Op::In | Op::NotIn) => points(field, op, values, id_point),
            (Family::Id, Op::Lt | Op::LtEq | Op::Gt | Op::GtEq) => never(COLLATION),
            (Family::Id, Op::Like) => id_like(field, values),
            (Family::Id, _) => never(NO_ORDER),
            (Family::Whole { long }, _) => points(field, op, values, |literal| int_point(literal, long)),
            (
                Family::Number {
                    scale,
                    several_currencies,
                },
                _,
            ) => {
                let scale = scale.filter(|_| !column.calculated);
                let verdict = points(field, op, values, |literal| number_point(literal, scale));
                if several_currencies {
                    weaken(verdict, CURRENCIES)
                } else {
                    verdict
                }
            }
            (Family::Date, _) => points(field, op, values, date_point),
            (Family::Moment, _) => points(field, op, values, moment_point),
            (Family::Time, _) => points(field, op, values, time_point),
        };
        if column.calculated {
            weaken(verdict, FORMULA)
        } else {
            verdict
        }
    }

    /// Ids of 15 characters stand for the 18 that records hold: people copy them from pages, reports and formulas.
    fn normalized(&self, column: &Column, value: &Literal) -> Option<Literal> {
        match value {
            Literal::Text(id) if id.len() == 15 && Family::of(column) == Family::Id => {
                long_id(id).map(Literal::Text)
            }
            _ => None,
        }
    }

    /// Numbers, dates and moments only: text sorts in the user's locale, picklists in the order of their set-up, and a relationship field
    /// disregards `NULLS LAST`.
    fn sorts_like_arrow(&self, column: &Column) -> bool {
        let ordered = match Family::of(column) {
            Family::Whole { .. } | Family::Date | Family::Moment => true,
            Family::Number {
                several_currencies, ..
            } => !several_currencies,
            _ => false,
        };
        ordered && column.sortable && !column.calculated && column.remote_field().is_some_and(is_path)
    }

    fn sorts_values(&self, column: &Column) -> Result<(), &'static str> {
        match (self.sorts_like_arrow(column), Family::of(column)) {
            (true, _) => Ok(()),
            (false, Family::Text { .. } | Family::Id | Family::Set) => {
                Err("text sorts in the user's locale there")
            }
            (false, _) => Err(""),
        }
    }

    /// Text is grouped by an undocumented folding of case, so only keys without letters, and ids, whose last three characters tell
    /// the case of the others.
    fn groups_like_arrow(&self, column: &Column) -> bool {
        let told_apart = matches!(
            Family::of(column),
            Family::Id | Family::Boolean | Family::Whole { .. } | Family::Date
        );
        told_apart && column.groupable && is_plain(column)
    }

    /// Sums of decimals depend on the order of adding, averages on rounding; least and greatest text on the collation.
    fn aggregates_like_arrow(
        &self,
        _table: &Table,
        function: AggregateFunction,
        column: Option<&Column>,
    ) -> bool {
        let Some(column) = column else {
            return function == AggregateFunction::Count;
        };
        if !column.aggregatable || !is_plain(column) {
            return false;
        }
        let family = Family::of(column);
        match function {
            AggregateFunction::Count => !matches!(family, Family::Closed | Family::Set),
            AggregateFunction::CountDistinct => matches!(
                family,
                Family::Id | Family::Whole { .. } | Family::Date | Family::Moment
            ),
            AggregateFunction::Sum => matches!(family, Family::Whole { long: false }),
            AggregateFunction::Min | AggregateFunction::Max => match family {
                Family::Whole { .. } | Family::Date | Family::Moment => true,
                Family::Number {
                    several_currencies, ..
                } => !several_currencies,
                _ => false,
            },
        }
    }

    fn filters_groups(&self) -> bool {
        true
    }

    /// Source: SOQL and SOSL Reference, "Comparison Operators", semi-joins and anti-joins, read 2026-11: ids and references on both sides,
    /// no path on the left, another object inside, certain objects not.
    fn semi_join(
        &self,
        table: &Table,
        column: &Column,
        inner: &RemoteQuery,
        negated: bool,
    ) -> Option<Condition> {
        semi_join::condition(table, column, inner, negated)
    }

    fn most_semi_joins(&self) -> usize {
        semi_join::MOST_SEMI_JOINS
    }

    fn sees_every_parent(&self) -> bool {
        self.full_read_access
    }

    fn parent_column(&self, reference: &Column, parent: &Table, column: &Column) -> Option<Column> {
        semi_join::parent_column(reference, parent, column)
    }

    fn narrows_groups(&self) -> bool {
        true
    }

    /// `"attributes":{"type":"…","url":"/services/data/v62.0/sobjects/…/001…"}` stands in every record.
    fn record_bytes(&self, table: &Table) -> usize {
        90 + 2 * table.name.remote.len()
    }

    fn scan_name(&self) -> &'static str {
        "SalesforceScan"
    }

    fn query_label(&self) -> &'static str {
        "soql"
    }

    fn render(&self, query: &RemoteQuery) -> Result<String, Error> {
        soql::render(self, query)
    }

    /// Bytes of path and query. When columns and filters alone nearly fill a request line, the query travels in a body, where the
    /// statement's own limit counts: its length is then scaled so that the one limit stands for both.
    fn request_bytes(&self, query: &RemoteQuery) -> Result<usize, Error> {
        let soql = soql::write(self, query)?;
        let bytes = soql::query_target(&self.base_path, &soql).len();
        if bytes <= LINE_BYTES || query.keys.is_none() {
            return Ok(bytes);
        }
        let keyless = RemoteQuery {
            keys: None,
            ..query.clone()
        };
        let without_keys = soql::query_target(&self.base_path, &soql::write(self, &keyless)?).len();
        if without_keys <= LINE_BYTES / 4 * 3 {
            return Ok(bytes);
        }
        const BODY_CHARS: usize = STATEMENT_CHARS / 10 * 9;
        Ok((soql.chars().count() * LINE_BYTES).div_ceil(BODY_CHARS))
    }
}

/// A field of the object itself whose value is stored, not computed.
fn is_plain(column: &Column) -> bool {
    let is_own = column
        .remote_field()
        .is_some_and(|field| is_path(field) && !field.contains('.'));
    is_own && !column.calculated
}

/// Comparisons of types with an order, over the points that the literals stand for.
fn points(field: &str, op: Op, values: &[Literal], point: impl Fn(&Literal) -> Point) -> Verdict {
    let mut points = values.iter().map(point);
    match (op, points.next()) {
        (Op::In | Op::NotIn, Some(first)) => compare_any(field, op, std::iter::once(first).chain(points)),
        (Op::Like | Op::NotLike | Op::ILike | Op::NotILike, _) => never(NO_ORDER),
        (_, Some(only)) => compare(field, op, only),
        (_, None) => never("nothing to compare with"),
    }
}

/// The first fifteen characters of an id tell its last three, so a pattern of them is equality with one id.
fn id_like(field: &str, values: &[Literal]) -> Verdict {
    let [Literal::Text(pattern)] = values else {
        return never("compared as another type");
    };
    let start = pattern
        .strip_suffix('%')
        .filter(|start| !start.contains(['%', '_', '\\']));
    match start {
        Some(start) if start.bytes().any(|byte| !byte.is_ascii_alphanumeric()) => {
            Verdict::Exact(Condition::Never)
        }
        Some(start) if start.len() == 15 => match long_id(start) {
            Some(id) => points(field, Op::Eq, &[Literal::Text(id)], id_point),
            None => never(NO_ORDER),
        },
        _ => never(NO_ORDER),
    }
}

/// Booleans are never null, so their null tests are constants and must never be asked: `b = null` means `b = FALSE` there.
fn boolean(field: &str, op: Op, values: &[Literal]) -> Verdict {
    let is = |value: bool| {
        let keyword = if value { "TRUE" } else { "FALSE" };
        compared(field, RemoteOp::Eq, Constant::plain(keyword))
    };
    let constants: Option<Vec<bool>> = values
        .iter()
        .map(|literal| match literal {
            Literal::Boolean(value) => Some(*value),
            _ => None,
        })
        .collect();
    let Some(constants) = constants else {
        return never("compared as another type");
    };
    let one = |keeps: fn(&bool, &bool) -> bool| {
        let constant = constants.first();
        [false, true].map(|value| constant.is_some_and(|constant| keeps(&value, constant)))
    };
    let kept = match op {
        Op::Eq | Op::In => [false, true].map(|value| constants.contains(&value)),
        Op::NotEq | Op::NotIn => [false, true].map(|value| !constants.contains(&value)),
        Op::Lt => one(bool::lt),
        Op::LtEq => one(bool::le),
        Op::Gt => one(bool::gt),
        Op::GtEq => one(bool::ge),
        Op::IsNull => [false, false],
        Op::IsNotNull => [true, true],
        Op::Like | Op::NotLike | Op::ILike | Op::NotILike => return never(NO_ORDER),
    };
    Verdict::Exact(match kept {
        [false, false] => Condition::Never,
        [true, false] => is(false),
        [false, true] => is(true),
        [true, true] => Condition::Any(vec![is(true), is(false)]),
    })
}

#[cfg(test)]
mod tests;
