//! PostgreSQL's syntax in terms of DataFusion's: typed integer literals, `FETCH FIRST`, `= ANY`, repeated output names, `varchar(n)`.
//!
//! Works on the parsed statement, before planning. Names of output columns are not its business: they come from the statement as
//! it was written.
//!
//! Owns: the walk over the statement, and rewrites of a line or two. Does not own: the larger ones, which have files of their own; types,
//! see `typing`. Invariant: what PostgreSQL refuses is refused here, and what it reads otherwise never reaches the planner as it stands.
//! Start at [`adapted`].

pub(crate) mod array_parameters;
pub(crate) mod array_subquery;
pub mod column_names;
mod dialect;
pub(crate) mod duplicate_names;
pub(crate) mod fetch;
mod json;
pub(crate) mod literals;
mod merged_columns;
pub(crate) mod moments;
mod multisets;
mod named_arguments;
pub(crate) mod order_by;
pub(crate) mod parameters;
pub(crate) mod parser;
mod placement;
pub(crate) mod quantified;
mod records;
mod recursion;
pub(crate) mod relations;
pub(crate) mod row_limits;
pub(crate) mod rows;
pub(crate) mod set_returning;
pub(crate) mod step;
mod subselect_names;
mod values;
mod whole_rows;
mod windows;

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    self, BinaryOperator, Expr, Ident, LimitClause, ObjectName, Query, SelectItem, SetExpr, Value, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, sqlstate};
use crate::functions::decimals;
use crate::functions::mathematics::BIT_NOT;
use duplicate_names::distinguish_outputs;
use literals::{call, double_columns, limited_text, long_numeric, negated_number, number, text};
use parameters::declared;
use quantified::{MAKE_ARRAY, quantified};
use relations::{Relations, WithQueries};
use row_limits::row_counts;
use step::{Step, fail, refuse};

/// Rewrites a statement into what DataFusion is to plan, with parameters of these types and relations of these columns as far as they
/// are known.
///
/// # Errors
/// 2201W and 2201X for negative row counts, 22P02 for literals, 0A000 for what cannot be said in other words.
pub fn adapted(
    mut statement: ast::Statement,
    parameters: &[Option<DataType>],
    relations: &Relations,
) -> Result<ast::Statement, Error> {
    let mut adapter = Adapter {
        untyped: HashSet::new(),
        parameters,
        relations,
        with: Vec::new(),
        scopes: Vec::new(),
    };
    if let ControlFlow::Break(error) = VisitMut::visit(&mut statement, &mut adapter) {
        return Err(*error);
    }
    Ok(statement)
}

struct Adapter<'a> {
    /// Places of numbers that are positions or counts, not values.
    untyped: HashSet<Span>,
    parameters: &'a [Option<DataType>],
    relations: &'a Relations,
    /// The WITH queries that may be named here, the innermost last.
    with: WithQueries,
    /// How many of them there were before each query that is being visited.
    scopes: Vec<usize>,
}

impl Adapter<'_> {
    /// Keeps a number as it is.
    fn leave(&mut self, expr: &Expr) {
        match expr {
            Expr::Value(value) => {
                self.untyped.insert(value.span);
            }
            Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => self.leave(expr),
            _ => {}
        }
    }

    fn leave_arguments(&mut self, args: &[ast::FunctionArg]) {
        for arg in args {
            if let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = arg {
                self.leave(expr);
            }
        }
    }
}

impl VisitorMut for Adapter<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> Step {
        if let Some(with) = &mut query.with {
            recursion::checked(with)?;
        }
        windows::resolved(query)?;
        self.enter(query);
        multisets::numbered(&mut query.body, self.relations, &self.with)?;
        records::of_query(query, self.relations, &self.with)?;
        merged_columns::spelled_out(query, self.relations, &self.with)?;
        row_counts(query)?;
        let mut positions = Vec::new();
        order_by::placed(query, &mut positions)?;
        self.untyped.extend(positions);
        if let SetExpr::Values(values) = query.body.as_ref() {
            for expr in values.rows.iter().flat_map(|row| row.iter()) {
                placement::of_clause("VALUES", expr)?;
            }
        }
        double_columns(&mut query.body);
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &query.limit_clause {
            for (clause, count) in [
                ("LIMIT", limit.as_ref()),
                ("OFFSET", offset.as_ref().map(|offset| &offset.value)),
            ] {
                let Some(count) = count else {
                    continue;
                };
                placement::of_clause(clause, count)?;
                self.leave(count);
            }
        }
        if let Some(ast::OrderBy {
            kind: ast::OrderByKind::Expressions(exprs),
            ..
        }) = &mut query.order_by
        {
            // What was sorted by already sorts nothing more; DataFusion's DISTINCT ON fails over it (docs/upstream.md, distinct-on).
            let mut known = HashSet::new();
            exprs.retain(|order| known.insert(order.expr.to_string()));
            for order in exprs {
                if matches!(&order.expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null))
                {
                    return fail(sqlstate::SYNTAX, "non-integer constant in ORDER BY");
                }
                self.leave(&order.expr);
            }
        }
        values::in_body(&mut query.body);
        ControlFlow::Continue(())
    }

    /// Names are told apart by what DataFusion will see.
    fn post_visit_query(&mut self, query: &mut Query) -> Step {
        distinguish_outputs(&mut query.body);
        self.with.truncate(self.scopes.pop().unwrap_or_default());
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut ast::Select) -> Step {
        let is_text = |item: &SelectItem| matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.quote_style == Some('\''));
        if select.projection.iter().any(is_text) {
            return fail(
                sqlstate::SYNTAX,
                "syntax error: a quoted text cannot name a column; use double quotes",
            );
        }
        if let ast::GroupByExpr::Expressions(exprs, _) = &select.group_by {
            for expr in exprs {
                self.leave(expr);
            }
        }
        whole_rows::counted(select)?;
        placement::of_select(select)
    }

    fn pre_visit_table_factor(&mut self, factor: &mut ast::TableFactor) -> Step {
        if let ast::TableFactor::Table {
            name,
            args: Some(ast::TableFunctionArgs { args, .. }),
            ..
        }
        | ast::TableFactor::Function { name, args, .. } = factor
        {
            placement::of_from(name, args)?;
        }
        json::record(factor)?;
        set_returning::in_from(factor)?;
        match factor {
            ast::TableFactor::Table { sample: Some(_), .. }
            | ast::TableFactor::Derived { sample: Some(_), .. } => {
                return refuse("TABLESAMPLE is not supported");
            }
            ast::TableFactor::Derived { subquery, alias, .. } => {
                let alias = alias.get_or_insert_with(subselect_names::unnamed);
                let outputs = self.relations.outputs(subquery, &self.with);
                subselect_names::listed(alias, subquery, outputs);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Step {
        array_subquery::collected(expr);
        placement::of_choice(expr)?;
        match expr {
            Expr::InList { list, .. } => list.iter().for_each(|item| self.leave(item)),
            Expr::Interval(interval) => self.leave(&interval.value),
            Expr::Function(function) => {
                placement::of_call(function)?;
                if let Some(ast::WindowType::WindowSpec(spec)) = &function.over {
                    self.leave_frame(spec);
                }
                self.leave_offsets(function);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        match expr {
            Expr::Value(_) => {
                self.value(expr);
                ControlFlow::Continue(())
            }
            Expr::InSubquery { .. } => rows::row_subquery(expr),
            Expr::AnyOp { .. } | Expr::AllOp { .. } => {
                rows::row_subquery(expr)?;
                quantified(expr)
            }
            Expr::Array(array) if !array.elem.is_empty() => {
                // DataFusion looks the columns of an array constructor up in the innermost query only.
                let elem = std::mem::take(&mut array.elem);
                *expr = call(MAKE_ARRAY, elem);
                ControlFlow::Continue(())
            }
            Expr::Like { .. } | Expr::ILike { .. } => quantified::like(expr),
            Expr::Tuple(_) => {
                rows::row(expr);
                ControlFlow::Continue(())
            }
            Expr::Interval(_) => moments::interval(expr),
            Expr::TypedString(_) => moments::limited(expr),
            Expr::Cast { .. } => {
                limited_text(expr)?;
                moments::limited(expr)
            }
            Expr::BinaryOp {
                op: BinaryOperator::Overlaps,
                ..
            } => moments::overlaps(expr),
            Expr::UnaryOp { .. } => {
                prefix_call(expr);
                ControlFlow::Continue(())
            }
            Expr::Function(_) => {
                named_arguments::placed(expr)?;
                moments::function(expr)?;
                if let Expr::Function(function) = expr {
                    renamed_function(function)?;
                }
                set_returning::in_expression(expr);
                json::aggregated(expr);
                ControlFlow::Continue(())
            }
            Expr::Identifier(ident) if ident.quote_style.is_none() => {
                if let Some(present) = moments::present(&ident.value.to_lowercase(), None) {
                    *expr = present;
                }
                ControlFlow::Continue(())
            }
            other => {
                keyword_call(other);
                ControlFlow::Continue(())
            }
        }
    }
}

impl Adapter<'_> {
    /// A parameter with its type, a number as PostgreSQL types it.
    fn value(&self, expr: &mut Expr) {
        let Expr::Value(value) = &*expr else { return };
        let is_typed = !self.untyped.contains(&value.span);
        match &value.value {
            Value::Placeholder(name) if is_typed => {
                if let Some(typed) = declared(name, self.parameters) {
                    *expr = typed;
                }
            }
            Value::Number(digits, _) if decimals::is_long_numeric(digits) => *expr = long_numeric(digits),
            Value::Number(..) if is_typed => number(expr),
            _ => {}
        }
    }

    /// Names the columns of a query's WITH queries, and notes them for all inside it.
    fn enter(&mut self, query: &mut Query) {
        self.scopes.push(self.with.len());
        for with in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            let outputs = self.relations.outputs(&with.query, &self.with);
            let columns = outputs
                .clone()
                .and_then(|columns| relations::renamed(columns, Some(&with.alias)));
            self.with.push((column_names::folded(&with.alias.name), columns));
            subselect_names::listed(&mut with.alias, &mut with.query, outputs);
        }
    }

    fn leave_frame(&mut self, spec: &ast::WindowSpec) {
        let Some(frame) = &spec.window_frame else {
            return;
        };
        for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()]
            .into_iter()
            .flatten()
        {
            if let ast::WindowFrameBound::Preceding(Some(rows))
            | ast::WindowFrameBound::Following(Some(rows)) = bound
            {
                self.leave(rows);
            }
        }
    }

    /// Offsets of window functions are counts.
    fn leave_offsets(&mut self, function: &ast::Function) {
        let name = function.name.to_string().to_lowercase();
        let ast::FunctionArguments::List(list) = &function.args else {
            return;
        };
        match name.as_str() {
            "lag" | "lead" | "nth_value" => self.leave_arguments(list.args.get(1..2).unwrap_or_default()),
            "ntile" => self.leave_arguments(&list.args),
            _ => {}
        }
    }
}

/// Functions that go by another name here.
fn renamed_function(function: &mut ast::Function) -> Step {
    let name = function.name.to_string().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let own = match name {
        "row" => crate::functions::rows::NAME,
        "first_value" if function.over.is_none() => {
            return fail("42809", "window function first_value requires an OVER clause");
        }
        "every" => "bool_and",
        "variance" => "var_samp",
        "stddev_samp" => "stddev",
        "length" | "char_length" => "character_length",
        "transaction_timestamp" | "statement_timestamp" => "now",
        "current_time" => return moments::refuse_current_time(name),
        _ => return ControlFlow::Continue(()),
    };
    function.name = ObjectName::from(vec![Ident::new(own)]);
    ControlFlow::Continue(())
}

/// Functions that are called by an operator before their argument, `@ x`, `|/ x`, `||/ x`, `~ x`, and negated numbers.
fn prefix_call(expr: &mut Expr) {
    use ast::UnaryOperator::{BitwiseNot, Minus, PGAbs, PGCubeRoot, PGSquareRoot};
    let Expr::UnaryOp { op, expr: operand } = expr else {
        return;
    };
    if *op == Minus {
        if let Some(negated) = negated_number(operand) {
            *expr = negated;
        }
        return;
    }
    if !matches!(op, BitwiseNot | PGAbs | PGCubeRoot | PGSquareRoot) {
        return;
    }
    let operand = std::mem::replace(operand.as_mut(), Expr::Value(Value::Null.with_empty_span()));
    let double = |operand: Expr| literals::cast(operand, ast::DataType::DoublePrecision);
    *expr = match op {
        PGAbs => call("abs", vec![operand]),
        PGSquareRoot => call("sqrt", vec![double(operand)]),
        PGCubeRoot => call("cbrt", vec![double(operand)]),
        BitwiseNot => call(BIT_NOT, vec![operand]),
        _ => return,
    };
}

/// Functions that are called by keywords: `extract(year FROM d)`, `substring(a FROM 2)`, `a ^ b`.
fn keyword_call(expr: &mut Expr) {
    let taken = || Expr::Value(Value::Null.with_empty_span());
    match expr {
        Expr::Extract {
            field, expr: from, ..
        } => {
            let (field, from) = (
                field.to_string().to_lowercase(),
                std::mem::replace(from.as_mut(), taken()),
            );
            *expr = call("extract", vec![text(field.trim_matches('\'')), from]);
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            let (moment, zone) = (
                std::mem::replace(timestamp.as_mut(), taken()),
                std::mem::replace(time_zone.as_mut(), taken()),
            );
            *expr = call("timezone", vec![zone, moment]);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::PGExp,
            right,
        } => {
            let (left, right) = (
                std::mem::replace(left.as_mut(), taken()),
                std::mem::replace(right.as_mut(), taken()),
            );
            *expr = call("power", vec![left, right]);
        }
        Expr::Position { expr: part, r#in } => {
            let (part, whole) = (
                std::mem::replace(part.as_mut(), taken()),
                std::mem::replace(r#in.as_mut(), taken()),
            );
            *expr = call("strpos", vec![whole, part]);
        }
        Expr::Substring {
            expr: whole,
            substring_from,
            substring_for,
            shorthand,
            ..
        } => {
            let mut args = vec![std::mem::replace(whole.as_mut(), taken())];
            let start = substring_from.take().map_or_else(
                || Expr::Value(Value::Number("1".to_owned(), false).with_empty_span()),
                |from| *from,
            );
            args.push(start);
            args.extend(substring_for.take().map(|length| *length));
            *expr = call(if *shorthand { "substr" } else { "substring" }, args);
        }
        _ => {}
    }
}
