//! The arguments of functions, in the types that PostgreSQL gives them.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{
    AggregateFunction, Case, ScalarFunction, WindowFunction, WindowFunctionDefinition,
};
use datafusion::logical_expr::{Expr, Operator, cast as plain_cast};

use super::operators::{self, comparable, united};
use super::signatures;
use super::{Rewriter, binary};
use crate::types::{Kind, fault, timestamptz, unsupported};

impl Rewriter<'_> {
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
            "nullif" => {
                let mut args = args.into_iter();
                let (Some(value), Some(other)) = (args.next(), args.next()) else {
                    return Err(signatures::unknown(&name));
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
                    return Ok(call(vec![left, right]));
                }
                let null = Expr::Literal(ScalarValue::Null, None);
                let case = Case::new(
                    None,
                    vec![(Box::new(binary(left, Operator::Eq, right)), Box::new(null))],
                    Some(Box::new(result)),
                );
                return self.case(case);
            }
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
        let Some(lists) = signatures::of_scalar(&name) else {
            return Ok(call(args.into_iter().map(|arg| arg.expr).collect()));
        };
        let (kinds, args) = signatures::matched(&name, lists, args)?;
        signatures::refuse_numeric(&name, &kinds, false)?;
        if matches!(name.as_str(), "checked_modulo" | "mod")
            && let [left, right] = args.as_slice()
        {
            return operators::resolve(
                self.typed(left.clone())?,
                Operator::Modulo,
                self.typed(right.clone())?,
            );
        }
        Ok(call(args))
    }

    /// The arguments of an aggregate, of a window or of a group.
    fn aggregate_args(&self, name: &str, args: Vec<Expr>) -> Result<Vec<Expr>> {
        let typed = self.all(args)?;
        if name == "count" && typed.iter().any(|arg| arg.kind() == Kind::Interval) {
            return Err(unsupported("count of intervals is not supported"));
        }
        match (name, typed.len()) {
            ("first_value", _) => {
                return Err(fault(
                    "42P20",
                    "window function first_value requires an OVER clause",
                ));
            }
            ("count", 2..) => {
                return Err(fault(
                    crate::sqlstate::UNDEFINED_FUNCTION,
                    "count takes one argument",
                ));
            }
            _ => {}
        }
        let Some(lists) = signatures::of_aggregate(name) else {
            return Ok(typed.into_iter().map(|arg| arg.expr).collect());
        };
        let (kinds, args) = signatures::matched(name, lists, typed)?;
        signatures::refuse_numeric(name, &kinds, true)?;
        Ok(args)
    }

    pub(crate) fn aggregate(&self, mut function: AggregateFunction) -> Result<Expr> {
        function.params.args = self.aggregate_args(function.func.name(), function.params.args)?;
        function.params.filter = function
            .params
            .filter
            .map(|filter| self.condition(*filter, "FILTER").map(Box::new))
            .transpose()?;
        Ok(Expr::AggregateFunction(function))
    }

    pub(crate) fn window(&self, mut function: WindowFunction) -> Result<Expr> {
        if let WindowFunctionDefinition::AggregateUDF(aggregate) = &function.fun {
            function.params.args = self.aggregate_args(aggregate.name(), function.params.args)?;
        }
        Ok(Expr::WindowFunction(Box::new(function)))
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
