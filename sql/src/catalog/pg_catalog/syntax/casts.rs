//! Casts of catalog questions.
//!
//! Owns: types that only the catalog has, and casts to types of ids, which become calls. Invariant: such a cast of a name gives an id
//! and of an id gives a name where it is shown, and the other way round where the next cast asks for it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, ArrayElemTypeDef, DataType, Expr, Value};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::super::{functions, relations};
use super::{Step, taken};
use causeway_postgres::{call, list_items};

/// A cast whose operand has been adapted.
pub(super) fn cast(expr: &mut Expr) -> Step {
    let Expr::Cast {
        expr: operand,
        data_type,
        ..
    } = expr
    else {
        return ControlFlow::Continue(());
    };
    if let Some((id, name)) = id_type(data_type) {
        let function = if is_text(operand) { id } else { name };
        *expr = call(function, vec![taken(operand)]);
        return ControlFlow::Continue(());
    }
    // `relid::regclass::oid` wants the id, `'name'::regclass::text` the name.
    let wanted = plain_name(data_type);
    if let Some((id, name)) = called_id_type(operand) {
        let function = match wanted.as_str() {
            "text" | "varchar" | "name" | "character varying" => name,
            _ => id,
        };
        if let Expr::Function(inner) = operand.as_mut() {
            inner.name = ast::ObjectName::from(vec![ast::Ident::new(function)]);
        }
    }
    adapt(data_type);
    let is_literal =
        matches!(operand.as_ref(), Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
    if is_literal && let DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) = data_type {
        let items = match list_items(operand) {
            Ok(items) => items.unwrap_or_default(),
            Err(error) => return ControlFlow::Break(Box::new(error)),
        };
        let item = item.as_ref().clone();
        let elem = items.into_iter().map(|inner| Expr::Cast {
            kind: ast::CastKind::Cast,
            expr: Box::new(inner),
            data_type: item.clone(),
            array: false,
            format: None,
        });
        **operand = Expr::Array(ast::Array {
            elem: elem.collect(),
            named: true,
        });
    }
    ControlFlow::Continue(())
}

/// `polroles = '{0}'`: a text that is compared with an array of the catalog is one.
pub(super) fn list_literal(column: &Expr, literal: &mut Expr) {
    let name = match column {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    let is_literal = matches!(&*literal, Expr::Value(value) if matches!(&value.value, Value::SingleQuotedString(text) if text.starts_with('{')));
    let item = name
        .filter(|_| is_literal)
        .and_then(|name| relations::item_of(&name.value));
    let (Some(item), Ok(Some(items))) = (item, list_items(literal)) else {
        return;
    };
    let data_type = match item.is_integer() {
        true => DataType::Integer(None),
        false => DataType::Text,
    };
    let elem = items.into_iter().map(|item| Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(item),
        data_type: data_type.clone(),
        array: false,
        format: None,
    });
    *literal = Expr::Array(ast::Array {
        elem: elem.collect(),
        named: true,
    });
}

/// `regclass 'name'`.
pub(super) fn typed_text(expr: &mut Expr) {
    let Expr::TypedString(typed) = expr else {
        return;
    };
    if let Some((id, _)) = id_type(&typed.data_type) {
        *expr = call(id, vec![Expr::Value(typed.value.clone())]);
    }
}

/// A type's name in lower case, without `pg_catalog`.
fn plain_name(ty: &DataType) -> String {
    let name = ty.to_string().to_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    name.trim_matches('"').to_owned()
}

/// The functions that casts to a type of ids become.
fn id_type(ty: &DataType) -> Option<(&'static str, &'static str)> {
    let name = plain_name(ty);
    let name = match name.as_str() {
        "regprocedure" => "regproc",
        other => other,
    };
    functions::id_types()
        .find(|(ty, ..)| *ty == name)
        .map(|(_, id, text)| (id, text))
}

/// The same of a cast that has become a call.
fn called_id_type(expr: &Expr) -> Option<(&'static str, &'static str)> {
    let Expr::Function(function) = expr else {
        return None;
    };
    let name = function.name.to_string();
    functions::id_types()
        .find(|(_, id, text)| *id == name || *text == name)
        .map(|(_, id, text)| (id, text))
}

/// Whether an operand is a name rather than an id, as far as the text shows.
fn is_text(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(
            value.value,
            Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_) | Value::Placeholder(_)
        ),
        Expr::Nested(inner) => is_text(inner),
        Expr::BinaryOp { op, .. } => *op == ast::BinaryOperator::StringConcat,
        Expr::Cast { data_type, .. } => matches!(data_type, DataType::Text | DataType::Varchar(_)),
        Expr::Function(function) => matches!(
            function.name.to_string().as_str(),
            "quote_ident" | "concat" | "format" | "pg_get_serial_sequence"
        ),
        _ => false,
    }
}

/// A type of the catalog as one that DataFusion has.
fn adapt(ty: &mut DataType) {
    if let DataType::Array(ArrayElemTypeDef::SquareBracket(item, _)) = ty {
        adapt(item);
        return;
    }
    let name = plain_name(ty);
    *ty = match name.as_str() {
        "oid" => DataType::Integer(None),
        "xid" | "xid8" => DataType::BigInt(None),
        "name" | "cstring" | "regconfig" | "regdictionary" | "pg_node_tree" | "aclitem" => DataType::Text,
        "char" if matches!(ty, DataType::Custom(..)) => DataType::Text,
        _ if name.starts_with("information_schema.") || name.starts_with("regoper") => DataType::Text,
        // Any other type of PostgreSQL's, under its own name.
        _ if matches!(ty, DataType::Custom(..)) => reparsed(&name).unwrap_or_else(|| ty.clone()),
        _ => return,
    };
}

fn reparsed(name: &str) -> Option<DataType> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(name).ok()?;
    parser.parse_data_type().ok()
}
