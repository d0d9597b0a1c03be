//! Evaluates WHERE and HAVING for one row.
//!
//! Owns: operators, null logic, the fields that conditions read. Invariant: `None` means "unknown" and never keeps a row.

use std::sync::{Arc, OnceLock};

use super::super::schema::{Cell, Field};
use super::super::switches::Sharing;
use super::super::value::{Id, Value, civil, days};
use super::operand::{Members, Operand, sorted_set};
use super::run::{Join, JoinIds};
use super::text::{Collation, Wild, like};
use super::tree::{Function, Operator};
use crate::world::World;

/// An object that a relationship can lead to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) live: usize,
    pub(crate) sharing: Sharing,
    /// The field that names a record, for polymorphic relationships.
    pub(crate) record_name: Option<Cell>,
}

/// One step from a record to a parent.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    pub(crate) relationship: &'static str,
    pub(crate) cell: Cell,
    pub(crate) targets: Vec<Target>,
    pub(crate) polymorphic: bool,
}

impl Hop {
    /// Finds the parent of a row; `None` when there is none or the user can't see it.
    pub(crate) fn parent(&self, world: &World, row: usize) -> Option<(Id, usize, &Target)> {
        let Value::Id(id) = (self.cell)(world, row) else {
            return None;
        };
        let target = self.targets.iter().find(|target| target.prefix == id.prefix())?;
        let row = id.row()?;
        (row < target.live && target.sharing.shows(row)).then_some((id, row, target))
    }
}

/// What a column reads of the record that it ends at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf {
    /// A field.
    Cell(Cell),
    /// The id of a polymorphic parent.
    ParentId,
    /// The object name of a polymorphic parent.
    ParentType,
    /// The record name of a polymorphic parent.
    ParentName,
}

/// A field path that is resolved.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) hops: Vec<Hop>,
    pub(crate) leaf: Leaf,
    pub(crate) field: Field,
    pub(crate) function: Option<Function>,
}

impl Column {
    /// Reads the column; `None` when a parent on the way is missing.
    pub(crate) fn reach(&self, world: &World, row: usize) -> Option<Value> {
        let mut row = row;
        let mut last = None;
        for hop in &self.hops {
            let (id, parent, target) = hop.parent(world, row)?;
            row = parent;
            last = Some((id, target));
        }
        let value = match (self.leaf, last) {
            (Leaf::Cell(cell), _) => cell(world, row),
            (Leaf::ParentId, Some((id, _))) => Value::Id(id),
            (Leaf::ParentType, Some((_, target))) => Value::Text(target.name.into()),
            (Leaf::ParentName, Some((_, target))) => {
                target.record_name.map_or(Value::Null, |cell| cell(world, row))
            }
            (_, None) => Value::Null,
        };
        Some(match self.function {
            Some(function) => date_part(function, &value),
            None => value,
        })
    }

    /// Reads the column; null when a parent on the way is missing.
    pub(crate) fn value(&self, world: &World, row: usize) -> Value {
        self.reach(world, row).unwrap_or(Value::Null)
    }
}

/// Takes a part of a date or, in UTC, of a datetime.
fn date_part(function: Function, value: &Value) -> Value {
    let (day, second) = match value {
        Value::Date(day) => (*day, 0),
        Value::DateTime(seconds) => (seconds.div_euclid(86_400), seconds.rem_euclid(86_400)),
        _ => return Value::Null,
    };
    let (year, month, day_of_month) = civil(day);
    let day_of_year = day - days(year, 1, 1) + 1;
    Value::Int(match function {
        Function::CalendarYear => year,
        Function::CalendarQuarter => (month - 1) / 3 + 1,
        Function::CalendarMonth => month,
        Function::DayInMonth => day_of_month,
        // 1970-01-01 was a Thursday; Sunday is 1.
        Function::DayInWeek => (day + 4).rem_euclid(7) + 1,
        Function::DayInYear => day_of_year,
        Function::HourInDay => second / 3600,
        // Weeks start with 1 January, not as ISO has them.
        Function::WeekInYear => (day_of_year - 1) / 7 + 1,
        _ => return Value::Date(day),
    })
}

/// What a condition looks at.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// A column of the row.
    Column(Box<Column>),
    /// A value of the group, by position.
    Group(usize),
}

/// The row or group that a condition is evaluated for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) world: &'a World,
    pub(crate) row: usize,
    pub(crate) group: &'a [Value],
}

impl Subject {
    /// Reads the value.
    pub(crate) fn value(&self, scope: Scope<'_>) -> Value {
        match self {
            Self::Column(column) => match column.reach(scope.world, scope.row) {
                // A checkbox of a missing parent counts as unchecked.
                None if column.field.kind == super::super::schema::Kind::Boolean => Value::Bool(false),
                value => value.unwrap_or(Value::Null),
            },
            Self::Group(at) => scope.group.get(*at).cloned().unwrap_or(Value::Null),
        }
    }
}

/// A condition that is ready to run.
#[derive(Debug, Clone)]
pub(crate) enum Filter {
    Compare {
        subject: Subject,
        operator: Operator,
        operand: Operand,
        collation: Collation,
    },
    Like {
        subject: Subject,
        pattern: Vec<Wild>,
        collation: Collation,
    },
    In {
        subject: Subject,
        negated: bool,
        members: Members,
        collation: Collation,
    },
    /// A semi-join or, negated, an anti-join; `ids` are read with the first row.
    Join {
        subject: Subject,
        negated: bool,
        join: Arc<Join>,
        ids: OnceLock<JoinIds>,
        /// A null inside leaves no row of an anti-join.
        null_drops_all: bool,
    },
    /// Each set must be contained as a whole; any one set suffices.
    Includes {
        subject: Subject,
        negated: bool,
        sets: Vec<Vec<String>>,
        /// EXCLUDES keeps null rows.
        excludes_nulls: bool,
    },
    /// True or false whatever the row is.
    Constant(bool),
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
}

impl Filter {
    /// Evaluates the condition; `nulls_kept` selects two-valued logic.
    pub(crate) fn test(&self, scope: Scope<'_>, nulls_kept: bool) -> Option<bool> {
        match self {
            Self::Compare {
                subject,
                operator,
                operand,
                collation,
            } => compare(&subject.value(scope), *operator, operand, *collation, nulls_kept),
            Self::Like {
                subject,
                pattern,
                collation,
            } => match subject.value(scope) {
                Value::Text(text) => Some(like(&collation.subject(&text), pattern)),
                _ => nulls_kept.then_some(false),
            },
            Self::In {
                subject,
                negated,
                members,
                collation,
            } => match subject.value(scope) {
                Value::Null if !members.null && !nulls_kept => None,
                value => Some(members.holds(&value, *collation) != *negated),
            },
            Self::Join {
                subject,
                negated,
                join,
                ids,
                null_drops_all,
            } => {
                let ids = ids.get_or_init(|| join.ids(scope.world));
                match subject.value(scope) {
                    _ if *negated && *null_drops_all && ids.null => Some(false),
                    Value::Id(id) => Some(ids.ids.contains(&id) != *negated),
                    _ => nulls_kept.then_some(*negated),
                }
            }
            Self::Includes {
                subject,
                negated,
                sets,
                excludes_nulls,
            } => includes(&subject.value(scope), sets, *negated, *excludes_nulls, nulls_kept),
            Self::Constant(result) => Some(*result),
            Self::And(parts) => decided(parts, false, scope, nulls_kept),
            Self::Or(parts) => decided(parts, true, scope, nulls_kept),
            Self::Not(part) => part.test(scope, nulls_kept).map(|result| !result),
        }
    }

    /// Returns the ids that the condition restricts the record's own `Id` to, if it does at the top level.
    pub(crate) fn own_ids(&self) -> Option<Vec<Id>> {
        let is_own_id = |subject: &Subject| matches!(subject, Subject::Column(column) if column.hops.is_empty() && column.field.kind == super::super::schema::Kind::Id);
        match self {
            Self::Compare {
                subject,
                operator: Operator::Equal,
                operand: Operand::Id(id),
                ..
            } if is_own_id(subject) => Some(vec![*id]),
            Self::In {
                subject,
                negated: false,
                members,
                ..
            } if is_own_id(subject) => Some(members.ids.iter().copied().collect()),
            Self::And(parts) => parts.iter().find_map(Self::own_ids),
            _ => None,
        }
    }
}

/// The truth of an AND, which one false part decides, or of an OR, which one true part does.
fn decided(parts: &[Filter], decisive: bool, scope: Scope<'_>, nulls_kept: bool) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part.test(scope, nulls_kept) {
            Some(result) if result == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

fn includes(
    value: &Value,
    sets: &[Vec<String>],
    negated: bool,
    excludes_nulls: bool,
    nulls_kept: bool,
) -> Option<bool> {
    match value {
        Value::Text(text) => {
            let held = sorted_set(text);
            let mut sets = sets.iter();
            Some(sets.any(|set| set.iter().all(|value| held.contains(value))) != negated)
        }
        _ if negated && excludes_nulls => Some(true),
        _ => nulls_kept.then_some(false),
    }
}

fn compare(
    value: &Value,
    operator: Operator,
    operand: &Operand,
    collation: Collation,
    nulls_kept: bool,
) -> Option<bool> {
    if *operand == Operand::Null {
        // A checkbox is never null: comparing it with null means comparing it with false.
        let empty = matches!(value, Value::Null | Value::Bool(false));
        return Some(match operator {
            Operator::Equal => empty,
            Operator::NotEqual => !empty,
            // Binding turned inequalities against null into constants.
            _ => false,
        });
    }
    if *value == Value::Null {
        return nulls_kept.then_some(operator == Operator::NotEqual);
    }
    if matches!(operator, Operator::Equal | Operator::NotEqual) {
        return Some(operand.equals(value, collation) == (operator == Operator::Equal));
    }
    let order = operand.order(value, collation)?;
    Some(match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}
