//! The arguments of functions, in the types that PostgreSQL gives them.
//!
//! Owns: calls of functions, aggregates and windows. Does not own: which types a function takes; see `signatures`.
//! Invariant: a call that PostgreSQL would refuse is refused while the statement is planned. Start at [`Scope::scalar_function`].

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, ScalarFunction, WindowFunction, WindowFunctionDefinition,
};
use datafusion::logical_expr::{AggregateUDF, Expr, Operator, ScalarUDF, cast as plain_cast, lit};

use super::groups::has_key;
use super::operators::{self, comparable, compared_by, united};
use super::overloads::{Candidate, chosen};
use super::scope::{Scope, binary};
use super::signatures;
use crate::functions::datetime::aggregates::Extreme;
use crate::functions::datetime::units::Unit;
use crate::functions::datetime::zoned::in_zone;
use crate::functions::overload::Listed;
use crate::functions::series::ELEMENTS;
use crate::types::{Kind, Typed, fault, timestamptz, unsupported};

impl Scope<'_> {
    pub(crate) fn scalar_function(&self, function: ScalarFunction) -> Result<Expr> {
        let ScalarFunction { func, args } = function;
        let name = func.name().to_owned();
        let call = |args: Vec<Expr>| Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&func), args));
        let args = self.all(args)?;
        match name.as_str() {
            "now" => return Ok(plain_cast(call(Vec::new()), timestamptz())),
            "greatest" | "least" if args.iter().any(|arg| arg.kind() == Kind::Interval) => {
                return Err(unsupported(format!("{name} of intervals is not supported")));
            }
            "coalesce" | "greatest" | "least" => return Ok(call(united(args, &name.to_uppercase())?)),
            "nullif" => return self.null_if(&func, args),
            "concat" | "concat_ws" => {
                let texts = args.into_iter().map(|arg| match arg.kind() {
                    Kind::Other => Ok(arg.expr),
                    Kind::Boolean => Ok(letter(arg.expr)),
                    _ => arg.to(&DataType::Utf8),
                });
                return Ok(call(texts.collect::<Result<_>>()?));
            }
            _ => {}
        }
        // `mod(a, b)` is `a % b`.
        if name == "checked_modulo"
            && let [left, right] = args.as_slice()
        {
            return operators::resolve(left.clone(), Operator::Modulo, right.clone());
        }
        if name == ELEMENTS {
            refuse_no_array(&args)?;
        }
        if let Some(listed) = func.inner().downcast_ref::<Listed>() {
            let candidates: Vec<Candidate> = listed.overloads().iter().map(Candidate::from).collect();
            let (kinds, mut args) = chosen(&name, &candidates, args)?;
            if name == "date_trunc"
                && kinds.as_slice() == [Kind::Text, Kind::TimestampTz]
                && !self.zone.is_utc()
            {
                args.push(lit(self.zone.asked_name()));
            }
            return Ok(call(args));
        }
        let Some(lists) = signatures::of_scalar(&name) else {
            return Ok(call(args.into_iter().map(|arg| arg.expr).collect()));
        };
        let (kinds, args) = matched(&name, lists, args)?;
        if matches!(name.as_str(), "extract" | "date_part")
            && let ([_, Kind::TimestampTz], [field, moment]) = (kinds.as_slice(), args.as_slice())
        {
            return Ok(call(vec![field.clone(), self.local_for(field, moment.clone())]));
        }
        Ok(call(args))
    }

    /// The local time of a moment, of which most fields are; the zone is written into the plan.
    fn local_for(&self, field: &Expr, moment: Expr) -> Expr {
        let field = field.as_literal().and_then(|field| field.try_as_str().flatten());
        let is_local = field.and_then(Unit::named).is_some_and(|unit| {
            !matches!(unit, Unit::Epoch | Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute)
        });
        if is_local && !self.zone.is_utc() {
            in_zone(self.zone, moment)
        } else {
            moment
        }
    }

    /// NULLIF, whose value is the first argument in the type in which the two are compared.
    fn null_if(&self, func: &Arc<ScalarUDF>, args: Vec<Typed>) -> Result<Expr> {
        let mut args = args.into_iter();
        let (Some(value), Some(other)) = (args.next(), args.next()) else {
            return Err(signatures::unknown("nullif"));
        };
        let result = match (value.kind(), other.kind()) {
            (Kind::Unknown, _) => value.clone().to(&DataType::Utf8)?,
            (left, right) if left.is_number() && right.is_number() => {
                let both = united(vec![value.clone(), other.clone()], "NULLIF")?;
                both.into_iter().next().unwrap_or_else(|| value.expr.clone())
            }
            _ => value.expr.clone(),
        };
        let of_one_type = value.ty == other.ty || other.kind() == Kind::Unknown;
        let unchanged = value.expr.clone();
        let (left, right) = comparable(value, Operator::Eq, other)?;
        if of_one_type && left == unchanged && result == unchanged {
            return Ok(Expr::ScalarFunction(ScalarFunction::new_udf(
                Arc::clone(func),
                vec![left, right],
            )));
        }
        let null = Expr::Literal(ScalarValue::Null, None);
        let case = Case::new(
            None,
            vec![(Box::new(binary(left, Operator::Eq, right)), Box::new(null))],
            Some(Box::new(result)),
        );
        self.case(case)
    }

    /// The arguments of an aggregate, of a window or of a group.
    fn aggregate_args(&self, name: &str, args: Vec<Expr>) -> Result<Vec<Expr>> {
        let typed = self.all(args)?;
        if name == "count" && typed.len() > 1 {
            return Err(fault(
                crate::error::sqlstate::UNDEFINED_FUNCTION,
                "count takes one argument",
            ));
        }
        let Some(lists) = signatures::of_aggregate(name) else {
            return Ok(typed.into_iter().map(|arg| arg.expr).collect());
        };
        let (kinds, args) = matched(name, lists, typed)?;
        signatures::refuse_numeric(name, &kinds)?;
        Ok(args)
    }

    /// The aggregate itself, or the one that stands for it over intervals.
    fn of_intervals(&self, aggregate: Arc<AggregateUDF>, args: &[Expr]) -> Result<Arc<AggregateUDF>> {
        let [only] = args else {
            return Ok(aggregate);
        };
        let own = match self.typed(only.clone())?.kind() {
            Kind::Interval => Extreme::of(aggregate.name()),
            _ => None,
        };
        Ok(own.unwrap_or(aggregate))
    }

    pub(crate) fn aggregate(&self, mut function: AggregateFunction) -> Result<Expr> {
        function.params.args = self.aggregate_args(function.func.name(), function.params.args)?;
        function.func = self.of_intervals(function.func, &function.params.args)?;
        if function.params.distinct {
            function.params.args = self.distinct_args(function.func.name(), function.params.args)?;
        }
        function.params.filter = function
            .params
            .filter
            .map(|filter| self.condition(*filter, "FILTER").map(Box::new))
            .transpose()?;
        Ok(Expr::AggregateFunction(function))
    }

    /// Arguments of which equal ones count once.
    fn distinct_args(&self, name: &str, args: Vec<Expr>) -> Result<Vec<Expr>> {
        let typed = self.all(args)?.into_iter();
        let by_key = |arg: Typed| match arg.kind() {
            kind if !has_key(kind) => Ok(arg.expr),
            kind if name == "count" => Ok(compared_by(kind, arg.expr)),
            kind => {
                let message = format!(
                    "{name} of different values of type {} is not supported",
                    kind.name()
                );
                Err(unsupported(message))
            }
        };
        typed.map(by_key).collect()
    }

    pub(crate) fn window(&self, mut function: WindowFunction) -> Result<Expr> {
        if let WindowFunctionDefinition::AggregateUDF(aggregate) = &function.fun {
            let aggregate = Arc::clone(aggregate);
            function.params.args = self.aggregate_args(aggregate.name(), function.params.args)?;
            let aggregate = self.of_intervals(aggregate, &function.params.args)?;
            function.fun = WindowFunctionDefinition::AggregateUDF(aggregate);
        }
        let partitions = self
            .all(std::mem::take(&mut function.params.partition_by))?
            .into_iter();
        let by_key = |part: Typed| compared_by(part.kind(), part.expr);
        function.params.partition_by = partitions.map(by_key).collect();
        Ok(Expr::WindowFunction(Box::new(function)))
    }
}

/// The arguments of one of DataFusion's functions.
fn matched(name: &str, lists: &[&[Kind]], args: Vec<Typed>) -> Result<(Vec<Kind>, Vec<Expr>)> {
    let candidates: Vec<Candidate> = lists.iter().map(Candidate::from).collect();
    chosen(name, &candidates, args)
}

/// `unnest` of what is no array, or not known to be one.
fn refuse_no_array(args: &[Typed]) -> Result<()> {
    match args {
        [array] if matches!(array.ty, DataType::List(_)) => Ok(()),
        [unknown] if unknown.kind() == Kind::Unknown => {
            Err(fault("42725", "function unnest(unknown) is not unique"))
        }
        other => {
            let names: Vec<String> = other.iter().map(Typed::type_name).collect();
            Err(signatures::unknown(&format!("unnest({})", names.join(", "))))
        }
    }
}

/// A boolean as its output function prints it, where a cast to text gives a word.
fn letter(boolean: Expr) -> Expr {
    let text = |text: &str| Box::new(Expr::Literal(ScalarValue::Utf8(Some(text.to_owned())), None));
    let branches = vec![
        (Box::new(boolean.clone()), text("t")),
        (Box::new(Expr::Not(Box::new(boolean))), text("f")),
    ];
    Expr::Case(Case::new(None, branches, None))
}
