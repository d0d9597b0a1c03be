//! `x = ANY ($1)`: an array that comes as a parameter.
//!
//! DataFusion makes the function `array_has` of it, infers no type for the array, and forgets that NULL is neither found nor missing
//! (docs/upstream.md, any-array). With the parameter's value it is a list.
//!
//! Owns: the array's type and the list that takes its place. Does not own: parameters that are no arrays, see `parameters`.
//! Invariant: a NULL among the items makes a miss NULL, as in PostgreSQL. Start at [`array_parameters`].

use std::collections::HashMap;

use datafusion::arrow::array::Array as _;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable as _, LogicalPlan, lit};

/// The array and the value of `value = ANY (array)`.
fn membership(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "array_has" => {
            match args.as_slice() {
                [array, value] => Some((array, value)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Finds the types of parameters that are arrays by what is looked for in them, by name, where nothing else tells.
///
/// # Errors
/// What DataFusion reports while it walks the plan.
pub fn array_parameters(plan: &LogicalPlan) -> Result<HashMap<String, DataType>> {
    let mut found = HashMap::new();
    plan.apply_with_subqueries(|node| {
        let inputs = node.inputs();
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Some((Expr::Placeholder(parameter), value)) = membership(part)
                    && parameter.field.is_none()
                    && let Some(ty) = inputs
                        .iter()
                        .find_map(|input| value.get_type(input.schema()).ok())
                {
                    let item = Field::new_list_field(ty, true);
                    found.insert(parameter.id.clone(), DataType::List(item.into()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Puts `value IN (…)` in the place of `value = ANY (array)` wherever the array's items are known.
///
/// # Errors
/// What DataFusion reports while it rewrites the plan.
pub fn listed(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| {
            expr.transform_up(|part| {
                let Some((Expr::Literal(ScalarValue::List(array), _), value)) = membership(&part) else {
                    return Ok(Transformed::no(part));
                };
                if array.is_null(0) {
                    return Ok(Transformed::yes(lit(ScalarValue::Boolean(None))));
                }
                let items = array.value(0);
                let items = (0..items.len()).map(|at| ScalarValue::try_from_array(&items, at).map(lit));
                let items = items.collect::<Result<Vec<_>>>()?;
                Ok(Transformed::yes(match items.is_empty() {
                    true => lit(false),
                    false => Expr::InList(InList::new(Box::new(value.clone()), items, false)),
                }))
            })
        })
    })
    .data()
}
