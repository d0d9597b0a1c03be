//! Names of output columns as PostgreSQL chooses them: `count`, `?column?`, never an expression's text.
//!
//! Owns: the names that people see. Does not own: the names in a plan; see `duplicate_names`.
//! Invariant: names come from the statement as it was written. Start at [`renamed`].

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{self, Expr, SelectItem, SetExpr};

use super::duplicate_names::unmarked;

const UNNAMED: &str = "?column?";

/// The schema under PostgreSQL's names, where the statement lists its columns.
#[must_use]
pub fn renamed(statement: &ast::Statement, schema: &SchemaRef) -> SchemaRef {
    let names = match statement {
        ast::Statement::Query(query) => of_body(&query.body),
        _ => None,
    };
    let names = names.filter(|names| names.len() == schema.fields().len());
    let mut names = names.into_iter().flatten();
    let fields = schema.fields().iter().map(|field| {
        let name = names.next().unwrap_or_else(|| unmarked(field.name()).to_owned());
        field.as_ref().clone().with_name(name)
    });
    SchemaRef::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

/// A name for each listed output; `None` when the list has a wildcard, or is none.
pub(crate) fn of_body(body: &SetExpr) -> Option<Vec<String>> {
    match body {
        SetExpr::Select(select) => select.projection.iter().map(of_output).collect(),
        SetExpr::SetOperation { left, .. } => of_body(left),
        SetExpr::Query(query) => of_body(&query.body),
        _ => None,
    }
}

/// The name of a listed output; `None` for a wildcard.
pub(crate) fn of_output(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expr) => Some(own_name(expr).unwrap_or_else(|| UNNAMED.to_owned())),
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    }
}

/// An identifier as PostgreSQL folds it.
#[must_use]
pub fn folded(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The name that an expression gives itself, if any.
fn own_name(expr: &Expr) -> Option<String> {
    strong_name(expr).or_else(|| weak_name(expr))
}

/// A name that a cast takes over.
fn strong_name(expr: &Expr) -> Option<String> {
    let fixed = |name: &str| Some(name.to_owned());
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => strong_name(inner),
        Expr::Cast { expr, .. } => strong_name(expr),
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last() {
            Some(ast::AccessExpr::Dot(field)) => strong_name(field),
            _ => strong_name(root),
        },
        Expr::Tuple(_) => fixed("row"),
        Expr::Function(function) => function.name.0.last().map(|part| part.to_string().to_lowercase()),
        Expr::Array(_) => fixed("array"),
        Expr::Exists { .. } => fixed("exists"),
        Expr::Extract { .. } => fixed("extract"),
        Expr::Ceil { .. } => fixed("ceil"),
        Expr::Floor { .. } => fixed("floor"),
        Expr::Position { .. } => fixed("position"),
        Expr::Substring { shorthand, .. } => fixed(if *shorthand { "substr" } else { "substring" }),
        Expr::Trim { trim_where, .. } => fixed(match trim_where {
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        Expr::Overlay { .. } => fixed("overlay"),
        Expr::AtTimeZone { .. } => fixed("timezone"),
        Expr::Subquery(query) => only_column(&query.body),
        Expr::Case {
            else_result: Some(otherwise),
            ..
        } => strong_name(otherwise),
        _ => None,
    }
}

/// A name that a cast replaces by its type.
fn weak_name(expr: &Expr) -> Option<String> {
    let fixed = |name: &str| Some(name.to_owned());
    match expr {
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => weak_name(inner),
        Expr::CompoundFieldAccess { root, .. } => weak_name(root),
        Expr::Cast { data_type, .. } => Some(type_name(data_type)),
        Expr::TypedString(typed) => Some(type_name(&typed.data_type)),
        Expr::Interval(_) => fixed("interval"),
        Expr::Case { .. } => fixed("case"),
        _ => None,
    }
}

/// The name of a subquery's only column.
fn only_column(body: &SetExpr) -> Option<String> {
    let SetExpr::Select(select) = body else {
        return None;
    };
    match select.projection.first()? {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(expr) => own_name(expr),
        _ => None,
    }
}

/// PostgreSQL's internal name of a type.
fn type_name(data_type: &ast::DataType) -> String {
    use ast::DataType as T;
    match data_type {
        T::Boolean | T::Bool => "bool",
        T::SmallInt(_) | T::Int2(_) => "int2",
        T::Int(_) | T::Integer(_) | T::Int4(_) => "int4",
        T::BigInt(_) | T::Int8(_) => "int8",
        T::Real | T::Float4 => "float4",
        T::Float(ast::ExactNumberInfo::Precision(digits)) if *digits <= 24 => "float4",
        T::Double(_) | T::DoublePrecision | T::Float(_) | T::Float8 => "float8",
        T::Numeric(_) | T::Decimal(_) | T::Dec(_) => "numeric",
        T::Varchar(_) | T::CharacterVarying(_) => "varchar",
        T::Char(_) | T::Character(_) => "bpchar",
        T::Timestamp(_, ast::TimezoneInfo::WithTimeZone | ast::TimezoneInfo::Tz) => "timestamptz",
        T::Timestamp(..) => "timestamp",
        T::Time(..) => "time",
        T::Interval { .. } => "interval",
        T::Array(
            ast::ArrayElemTypeDef::SquareBracket(item, _) | ast::ArrayElemTypeDef::AngleBracket(item),
        ) => {
            return type_name(item);
        }
        T::Custom(name, _) => {
            let last = name.0.last().and_then(|part| part.as_ident());
            return last.map_or_else(|| name.to_string().to_lowercase(), folded);
        }
        other => return other.to_string().to_lowercase(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{DataType, Field};

    use super::*;

    fn names(sql: &str, columns: usize) -> Vec<String> {
        let statement = crate::statements(sql).expect(sql).remove(0);
        let fields = (0..columns).map(|at| Field::new(format!("own{at}"), DataType::Utf8, true));
        let schema = SchemaRef::new(Schema::new(fields.collect::<Vec<_>>()));
        renamed(&statement, &schema)
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect()
    }

    #[test]
    fn expressions_are_named_as_postgresql_names_them() {
        let sql = "SELECT count(*), 1 + 1, a::text, '2'::date, true, CASE WHEN a THEN 1 END, t.b, a AS x, NULL, (SELECT max(c) FROM t) FROM t";
        let wanted = [
            "count", "?column?", "a", "date", "?column?", "case", "b", "x", "?column?", "max",
        ];
        assert_eq!(names(sql, 10), wanted);
    }

    #[test]
    fn a_wildcard_keeps_every_name() {
        assert_eq!(names("SELECT *, count(*) FROM t", 2), ["own0", "own1"]);
        assert_eq!(names("SELECT 1 UNION SELECT 2", 1), ["?column?"]);
    }
}
