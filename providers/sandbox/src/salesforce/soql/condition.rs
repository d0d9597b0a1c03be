//! Resolves WHERE and the comparisons of HAVING.
//!
//! Owns: which fields may be filtered, semi-joins and their restrictions.
//! Invariant: a condition that is accepted here can be evaluated for every row without an error.

use std::sync::{Arc, OnceLock};

use super::super::error::ApiError;
use super::super::schema::{Field, Kind};
use super::bind::{Binder, Source};
use super::filter::{Column, Filter, Subject};
use super::literal;
use super::operand::{Members, Operand};
use super::run::Join;
use super::text::Collation;
use super::tree::{At, Condition, Function, Literal, Operator, Query, Select, Term};

/// Most semi-joins and anti-joins of a query.
const JOIN_LIMIT: usize = 2;
/// Objects that a semi-join can't select from.
const JOIN_EXCLUDED: &[&str] = &["Task", "Event", "Attachment"];

impl Binder<'_> {
    /// Resolves a column that a condition reads.
    fn subject(self, term: &Term, source: &Source<'_>) -> Result<Column, ApiError> {
        if term.function.is_some_and(Function::aggregates) {
            return Err(ApiError::at(
                "MALFORMED_QUERY",
                self.text,
                term.at,
                "unexpected token: an aggregate in WHERE",
            ));
        }
        let mut column = self.column(term, source)?;
        if !column.field.filterable || matches!(column.field.kind, Kind::Address | Kind::Location) {
            let message = format!(
                "field '{}' can not be filtered in a query call",
                column.field.name
            );
            return Err(ApiError::at("INVALID_FIELD", self.text, term.at, &message));
        }
        if let Some(function) = column.function {
            self.check_date_function(function, &column.field, term.at)?;
            column.field.kind = if function == Function::DayOnly {
                Kind::Date
            } else {
                Kind::Int
            };
        }
        Ok(column)
    }

    /// Checks that a date function is used on a date.
    pub(crate) fn check_date_function(
        self,
        function: Function,
        field: &Field,
        at: usize,
    ) -> Result<(), ApiError> {
        let fits = match function {
            Function::HourInDay | Function::DayOnly => field.kind == Kind::DateTime,
            _ => matches!(field.kind, Kind::Date | Kind::DateTime),
        };
        if fits {
            return Ok(());
        }
        let message = format!("field '{}' does not support the date function", field.name);
        Err(ApiError::at("MALFORMED_QUERY", self.text, at, &message))
    }

    /// Makes the filter of one comparison whose field is resolved.
    pub(crate) fn comparison(
        self,
        subject: Subject,
        field: &Field,
        operator: Operator,
        right: &At,
    ) -> Result<Filter, ApiError> {
        let collation = Collation::new(self.semantics, field.case_sensitive);
        let located = |error: ApiError| ApiError::at(error.code, self.text, right.at, &error.message);
        literal::check_operator(field, operator).map_err(located)?;
        if operator == Operator::Like {
            if right.literal == Literal::Null {
                return Err(ApiError::at(
                    "MALFORMED_QUERY",
                    self.text,
                    right.at,
                    "unexpected token: 'null'",
                ));
            }
            let pattern = literal::pattern(field, &right.literal, collation).map_err(located)?;
            return Ok(Filter::Like {
                subject,
                pattern,
                collation,
            });
        }
        let operand = literal::operand(field, &right.literal, collation, self.semantics).map_err(located)?;
        if operand == Operand::Null && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            // Observed: an inequality against null is true for every row.
            return Ok(Filter::Constant(self.semantics.null_inequality_keeps_all));
        }
        Ok(Filter::Compare {
            subject,
            operator,
            operand,
            collation,
        })
    }

    /// Makes the filter of an IN list whose field is resolved.
    pub(crate) fn membership(
        self,
        subject: Subject,
        field: &Field,
        negated: bool,
        list: &[At],
    ) -> Result<Filter, ApiError> {
        let collation = Collation::new(self.semantics, field.case_sensitive);
        let mut members = Members::default();
        for right in list {
            let operand = literal::operand(field, &right.literal, collation, self.semantics)
                .map_err(|error| ApiError::at(error.code, self.text, right.at, &error.message))?;
            if operand != Operand::Null || self.semantics.null_in_list_matches {
                members.add(operand);
            }
        }
        Ok(Filter::In {
            subject,
            negated,
            members,
            collation,
        })
    }

    pub(super) fn condition(
        self,
        condition: &Condition,
        source: &Source<'_>,
        joins: &mut usize,
        nested: bool,
    ) -> Result<Filter, ApiError> {
        Ok(match condition {
            Condition::Compare(term, operator, right) => {
                let column = self.subject(term, source)?;
                let field = column.field.clone();
                self.comparison(Subject::Column(Box::new(column)), &field, *operator, right)?
            }
            Condition::In { term, negated, list } => {
                let column = self.subject(term, source)?;
                let field = column.field.clone();
                self.membership(Subject::Column(Box::new(column)), &field, *negated, list)?
            }
            Condition::Join { term, negated, query } => {
                *joins += 1;
                if *joins > JOIN_LIMIT || nested {
                    return Err(ApiError::at(
                        "MALFORMED_QUERY",
                        self.text,
                        term.at,
                        "semi-joins are limited to two per query and not allowed under OR or NOT",
                    ));
                }
                self.join(term, *negated, query, source)?
            }
            Condition::Includes { term, negated, sets } => {
                let column = self.subject(term, source)?;
                let sets = sets
                    .iter()
                    .map(|right| {
                        literal::set(&column.field, &right.literal)
                            .map_err(|error| ApiError::at(error.code, self.text, right.at, &error.message))
                    })
                    .collect::<Result<_, _>>()?;
                Filter::Includes {
                    subject: Subject::Column(Box::new(column)),
                    negated: *negated,
                    sets,
                    excludes_nulls: self.semantics.excludes_keeps_nulls,
                }
            }
            Condition::And(parts) => Filter::And(self.conditions(parts, source, joins, nested)?),
            Condition::Or(parts) => Filter::Or(self.conditions(parts, source, joins, true)?),
            Condition::Not(part) => Filter::Not(Box::new(self.condition(part, source, joins, true)?)),
        })
    }

    fn conditions(
        self,
        parts: &[Condition],
        source: &Source<'_>,
        joins: &mut usize,
        nested: bool,
    ) -> Result<Vec<Filter>, ApiError> {
        parts
            .iter()
            .map(|part| self.condition(part, source, joins, nested))
            .collect()
    }

    /// Binds a semi-join; the inner query is run when the first row is tested.
    fn join(
        self,
        term: &Term,
        negated: bool,
        query: &Query,
        source: &Source<'_>,
    ) -> Result<Filter, ApiError> {
        let column = self.subject(term, source)?;
        let wrong = |message: &str| ApiError::at("MALFORMED_QUERY", self.text, query.from_at, message);
        let [Select::Term(inner, None)] = query.select.as_slice() else {
            return Err(wrong("the inner select of a semi-join must select one field"));
        };
        if !column.field.kind.is_id() || !column.hops.is_empty() {
            return Err(wrong(
                "the left side of a semi-join must be an id or reference of the queried object",
            ));
        }
        if !query.order.is_empty()
            || query.limit.is_some()
            || query.offset.is_some()
            || !query.group.is_empty()
            || query.having.is_some()
            || inner.function.is_some()
        {
            return Err(wrong("the inner select of a semi-join allows only WHERE"));
        }
        let Some(object) = self.catalog.object(&query.from) else {
            return Err(self.unsupported_object(query));
        };
        if object.name == source.object.name || JOIN_EXCLUDED.contains(&object.name) {
            return Err(wrong(
                "The inner and outer selects should not be on the same object type",
            ));
        }
        let inner_source = Source {
            object,
            alias: query.alias.as_deref(),
        };
        let inner = self.column(inner, &inner_source)?;
        if !inner.field.kind.is_id() || !inner.hops.is_empty() {
            return Err(wrong(
                "the inner select of a semi-join must select an id or reference",
            ));
        }
        let mut no_joins = JOIN_LIMIT;
        let filter = match &query.filter {
            Some(condition) => Some(self.condition(condition, &inner_source, &mut no_joins, true)?),
            None => None,
        };
        let join = Join {
            live: object.live,
            sharing: self.semantics.sharing(self.user, object.name),
            filter,
            column: inner,
            nulls_kept: self.semantics.nulls_kept,
        };
        Ok(Filter::Join {
            subject: Subject::Column(Box::new(column)),
            negated,
            join: Arc::new(join),
            ids: OnceLock::new(),
            null_drops_all: self.semantics.anti_join_null_drops_all,
        })
    }
}
