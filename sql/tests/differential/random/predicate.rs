//! Random conditions over the columns in scope.
//!
//! What is left out on purpose, because it fails or differs by a documented limit, says so where it is left out.

use chrono::{Datelike as _, NaiveTime};

use super::catalog::{Column, Table, Type};
use super::dice::Dice;
use super::literal;
use super::text::{Condition, Constant, Piece, Sql};

/// A table under its alias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scoped<'a> {
    pub(crate) alias: &'static str,
    pub(crate) table: &'a Table,
}

impl<'a> Scoped<'a> {
    pub(crate) fn qualified(&self, column: &Column) -> String {
        format!("{}.{}", self.alias, column.name)
    }

    pub(crate) fn some_column(&self, dice: &mut Dice) -> &'a Column {
        dice.pick(&self.table.columns)
    }
}

/// Makes conditions; a share of the constants become parameters.
pub(crate) struct Maker<'a> {
    pub(crate) dice: &'a mut Dice,
    /// Of a hundred constants, so many are parameters.
    pub(crate) parameters: u32,
}

impl Maker<'_> {
    /// A condition of up to `depth` levels.
    pub(crate) fn condition(&mut self, scope: &[Scoped<'_>], depth: usize) -> Condition {
        if depth == 0 || self.dice.chance(30) {
            return self.atom(scope);
        }
        let parts = |this: &mut Self| {
            let count = 2 + this.dice.below(2);
            (0..count).map(|_| this.condition(scope, depth - 1)).collect()
        };
        match self.dice.below(10) {
            0..=4 => Condition::And(parts(self)),
            5..=7 => Condition::Or(parts(self)),
            _ => Condition::Not(Box::new(self.condition(scope, depth - 1))),
        }
    }

    fn atom(&mut self, scope: &[Scoped<'_>]) -> Condition {
        let scoped = *self.dice.pick(scope);
        let column = scoped.some_column(self.dice);
        let name = scoped.qualified(column);
        let sql = match self.dice.below(10) {
            0..=5 => self.comparison(&name, column),
            6 => self.null_test(&name, column),
            7 if column.ty == Type::Text => self.like(&name, column),
            7 => self.between(&name, column),
            8 => self.of_two_columns(scope, scoped, column),
            _ => self.function(&name, column),
        };
        Condition::Atom(sql)
    }

    fn constant(&mut self, constant: Constant) -> Sql {
        let piece = if constant.parameter.is_some() && self.dice.chance(self.parameters) {
            Piece::Parameter(constant)
        } else {
            Piece::Constant(constant)
        };
        Sql(vec![piece])
    }

    fn like_column(&mut self, column: &Column) -> Sql {
        let constant = literal::like(self.dice, column);
        self.constant(constant)
    }

    fn comparison(&mut self, name: &str, column: &Column) -> Sql {
        if column.ty == Type::Boolean {
            return self.truth(name);
        }
        match self.dice.below(12) {
            0..=4 => {
                let operator = *self.dice.pick(&["=", "=", "<>", "<", "<=", ">", ">=", "!="]);
                let constant = self.like_column(column);
                if self.dice.chance(15) {
                    constant.and_text(format!(" {operator} {name}"))
                } else {
                    Sql::text(format!("{name} {operator} ")).and(constant)
                }
            }
            5 => self.between(name, column),
            6..=8 => self.in_list(name, column),
            9 => {
                let word = *self.dice.pick(&["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
                let constant = self.like_column(column);
                Sql::text(format!("{name} {word} ")).and(constant)
            }
            _ if column.ty == Type::Text => self.like(name, column),
            _ => self.function(name, column),
        }
    }

    fn truth(&mut self, name: &str) -> Sql {
        let test = *self.dice.pick(&[
            "IS TRUE",
            "IS FALSE",
            "IS NOT TRUE",
            "IS NOT FALSE",
            "IS UNKNOWN",
            "IS NOT UNKNOWN",
        ]);
        match self.dice.below(8) {
            0 | 1 => Sql::text(name),
            2 | 3 => Sql::text(format!("NOT {name}")),
            4 | 5 => Sql::text(format!("{name} {test}")),
            6 => {
                let value = self.dice.chance(50);
                let constant = self.constant(literal::boolean(value));
                let operator = *self.dice.pick(&["=", "<>", "IS DISTINCT FROM"]);
                Sql::text(format!("{name} {operator} ")).and(constant)
            }
            _ => Sql::text(format!("{name} IN (TRUE, NULL)")),
        }
    }

    fn null_test(&mut self, name: &str, column: &Column) -> Sql {
        let word = *self.dice.pick(&["IS NULL", "IS NOT NULL"]);
        if self.dice.chance(10) {
            let compared = self.comparison(name, column);
            return Sql::text("(").and(compared).and_text(format!(") {word}"));
        }
        Sql::text(format!("{name} {word}"))
    }

    fn between(&mut self, name: &str, column: &Column) -> Sql {
        let not = if self.dice.chance(25) { "NOT " } else { "" };
        let (low, high) = (self.like_column(column), self.like_column(column));
        Sql::text(format!("{name} {not}BETWEEN "))
            .and(low)
            .and_text(" AND ")
            .and(high)
    }

    fn in_list(&mut self, name: &str, column: &Column) -> Sql {
        let not = if self.dice.chance(30) { "NOT " } else { "" };
        let mut sql = Sql::text(format!("{name} {not}IN ("));
        let count = 1 + self.dice.below(5);
        for at in 0..count {
            if at > 0 {
                sql = sql.and_text(", ");
            }
            sql = sql.and(self.like_column(column));
        }
        if self.dice.chance(8) {
            sql = sql.and_text(", NULL");
        }
        sql.and_text(")")
    }

    fn like(&mut self, name: &str, column: &Column) -> Sql {
        let word = *self
            .dice
            .weighted(&[(4, "LIKE"), (2, "NOT LIKE"), (2, "ILIKE"), (1, "NOT ILIKE")]);
        let word = if column.has_plain_cases { word } else { "LIKE" };
        let pattern = literal::pattern(self.dice, column);
        let pattern = self.constant(pattern);
        Sql::text(format!("{name} {word} ")).and(pattern)
    }

    /// A column compared with another of its type, or with itself.
    fn of_two_columns(&mut self, scope: &[Scoped<'_>], scoped: Scoped<'_>, column: &Column) -> Sql {
        let other_scope = *self.dice.pick(scope);
        let same_type: Vec<&Column> = other_scope
            .table
            .columns
            .iter()
            .filter(|other| other.ty == column.ty)
            .collect();
        let name = scoped.qualified(column);
        let Some(other) = (!same_type.is_empty()).then(|| *self.dice.pick(&same_type)) else {
            return self.comparison(&name, column);
        };
        let operator = *self
            .dice
            .pick(&["=", "<>", "<", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
        Sql::text(format!("{name} {operator} {}", other_scope.qualified(other)))
    }

    /// An expression of the column compared with a constant.
    fn function(&mut self, name: &str, column: &Column) -> Sql {
        match column.ty {
            Type::Boolean => self.truth(name),
            Type::Integer => self.of_integer(name, column),
            Type::Double => self.of_double(name, column),
            Type::Text => self.of_text(name, column),
            Type::Date => self.of_date(name, column),
            Type::Moment => self.of_moment(name, column),
            Type::Time => self.between(name, column),
        }
    }

    fn operator(&mut self) -> &'static str {
        *self.dice.pick(&["=", "<>", "<", "<=", ">", ">="])
    }

    fn of_integer(&mut self, name: &str, column: &Column) -> Sql {
        let operator = self.operator();
        let constant = self.like_column(column);
        let left = match self.dice.below(5) {
            0 => format!("{name} % 7"),
            1 => format!("coalesce({name}, 0)"),
            2 => format!("nullif({name}, 1)"),
            3 => format!("CASE WHEN {name} > 0 THEN 1 WHEN {name} < 0 THEN -1 ELSE 0 END"),
            // Not a sum of whole numbers, which may overflow: an error on one row and not on another.
            _ => format!(
                "{name}{} / 2",
                self.dice.pick(&["", "::double precision", "::numeric"])
            ),
        };
        // Numerics end at 38 digits: beside a quotient, whole numbers of 64 bits may have more.
        if left.contains("::numeric") {
            return Sql::text(format!("{left} {operator} 7.5"));
        }
        Sql::text(format!("{left} {operator} ")).and(constant)
    }

    fn of_double(&mut self, name: &str, column: &Column) -> Sql {
        let operator = self.operator();
        let constant = self.like_column(column);
        let left = match self.dice.below(6) {
            0 => format!("abs({name})"),
            1 => format!("coalesce({name}, 0)"),
            2 => format!("{name} * 2"),
            3 => format!("floor({name})"),
            4 => format!("ceil({name})"),
            _ => format!("-{name}"),
        };
        Sql::text(format!("{left} {operator} ")).and(constant)
    }

    fn of_text(&mut self, name: &str, column: &Column) -> Sql {
        let base = literal::with_plain_cases(&literal::some_text(self.dice, column));
        let part = literal::stretch(self.dice, &base);
        let count = 1 + self.dice.below(6);
        let head: String = base.chars().take(count).collect();
        let constant = |this: &mut Self, text: &str| this.constant(literal::text(text));
        let first = if column.has_plain_cases { 0 } else { 4 };
        match first + self.dice.below(13 - first) {
            case @ 0..4 => self.of_cases(case, name, column, &base),
            4 => {
                let constant = constant(self, &head);
                Sql::text(format!("starts_with({name}, "))
                    .and(constant)
                    .and_text(")")
            }
            5 => {
                let operator = self.operator();
                let constant = constant(self, &part);
                let at = self.dice.below(4);
                Sql::text("position(")
                    .and(constant)
                    .and_text(format!(" IN {name}) {operator} {at}"))
            }
            6 => {
                let constant = constant(self, &head);
                Sql::text(format!("left({name}, {count}) = ")).and(constant)
            }
            7 => {
                let operator = self.operator();
                Sql::text(format!("length({name}) {operator} {}", base.chars().count()))
            }
            8 => {
                let constant = constant(self, &base);
                Sql::text(format!("coalesce({name}, '') = ")).and(constant)
            }
            9 => {
                let constant = constant(self, &format!("{base}x"));
                Sql::text(format!("{name} || 'x' = ")).and(constant)
            }
            10 => {
                let constant = constant(self, base.trim());
                Sql::text(format!("btrim({name}) = ")).and(constant)
            }
            11 => {
                let constant = constant(self, &head);
                Sql::text(format!("substring({name} from 1 for {count}) = ")).and(constant)
            }
            _ => {
                let constant = constant(self, &base);
                Sql::text(format!("NULLIF({name}, "))
                    .and(constant)
                    .and_text(") IS NULL")
            }
        }
    }

    /// Comparisons in one case, which only plain letters have alike everywhere.
    fn of_cases(&mut self, case: usize, name: &str, column: &Column, base: &str) -> Sql {
        match case {
            0 | 1 => {
                let constant = self.constant(literal::text(&base.to_lowercase()));
                Sql::text(format!("lower({name}) = ")).and(constant)
            }
            2 => {
                let constant = self.constant(literal::text(&base.to_uppercase()));
                Sql::text(format!("upper({name}) = ")).and(constant)
            }
            _ => {
                let pattern = literal::pattern(self.dice, column);
                let pattern = self.constant(pattern);
                Sql::text(format!("lower({name}) LIKE lower("))
                    .and(pattern)
                    .and_text(")")
            }
        }
    }

    fn of_date(&mut self, name: &str, column: &Column) -> Sql {
        let operator = self.operator();
        let date = literal::some_date(self.dice, column);
        match self.dice.below(7) {
            0 | 1 => self.extract(name, date),
            2 => {
                let unit = *self.dice.pick(&["month", "year", "quarter", "week"]);
                let first = date.with_day(1).expect("a first day");
                let constant = literal::moment_constant(self.dice, first.and_time(NaiveTime::MIN));
                let constant = self.constant(constant);
                Sql::text(format!("date_trunc('{unit}', {name}) {operator} ")).and(constant)
            }
            3 => {
                // Not a parameter: the engine takes its type from the number beside it, whatever the client declared.
                let constant = Sql(vec![Piece::Constant(literal::date(date))]);
                let days = self.dice.below(40);
                Sql::text(format!("{name} {operator} "))
                    .and(constant)
                    .and_text(format!(" - {days}"))
            }
            4 => {
                let interval = self.interval();
                let constant = self.constant(literal::date(date));
                Sql::text(format!("{name} {operator} "))
                    .and(constant)
                    .and_text(format!(" + {interval}"))
            }
            5 => {
                let constant = literal::moment_constant(self.dice, date.and_time(NaiveTime::MIN));
                let constant = self.constant(constant);
                Sql::text(format!("{name} {operator} ")).and(constant)
            }
            _ => Sql::text(format!("{name} {operator} '{date}'")),
        }
    }

    fn of_moment(&mut self, name: &str, column: &Column) -> Sql {
        let operator = self.operator();
        let date = literal::some_date(self.dice, column);
        match self.dice.below(8) {
            0 | 1 => {
                let constant = self.constant(literal::date(date));
                Sql::text(format!("{name}::date {operator} ")).and(constant)
            }
            2 => self.extract(name, date),
            3 => {
                let unit = *self
                    .dice
                    .pick(&["hour", "day", "week", "month", "quarter", "year"]);
                let first = date.with_day(1).expect("a first day");
                let constant = literal::moment_constant(self.dice, first.and_time(NaiveTime::MIN));
                let constant = self.constant(constant);
                Sql::text(format!("date_trunc('{unit}', {name}) {operator} ")).and(constant)
            }
            4 => {
                let interval = self.interval();
                Sql::text(format!("{name} {operator} now() - {interval}"))
            }
            5 => {
                let interval = self.interval();
                let constant = self.like_column(column);
                Sql::text(format!("{name} + {interval} {operator} ")).and(constant)
            }
            6 => {
                let constant = self.constant(literal::date(date));
                Sql::text(format!("{name} {operator} ")).and(constant)
            }
            _ => Sql::text(format!("{name} {operator} '{date}'")),
        }
    }

    fn extract(&mut self, name: &str, date: chrono::NaiveDate) -> Sql {
        let operator = self.operator();
        let (field, value) = match self.dice.below(5) {
            0 | 1 => ("year", i64::from(date.year())),
            2 => ("month", i64::from(date.month())),
            3 => ("day", i64::from(date.day())),
            _ => ("dow", i64::from(date.weekday().num_days_from_sunday())),
        };
        let constant = self.constant(literal::whole(value));
        Sql::text(format!("extract({field} FROM {name}) {operator} ")).and(constant)
    }

    fn interval(&mut self) -> String {
        let unit = *self.dice.pick(&["day", "hour", "month", "year", "minute"]);
        format!("INTERVAL '{} {unit}'", self.dice.below(15))
    }
}
