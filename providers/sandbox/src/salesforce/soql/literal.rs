//! Checks a literal against the type of its field.
//!
//! Owns: which literal and which operator a field takes, and the error otherwise.

use super::super::error::ApiError;
use super::super::schema::{Field, Kind};
use super::super::switches::Semantics;
use super::super::value::Id;
use super::operand::{Operand, listed_set, sorted_set};
use super::text::{Collation, Wild};
use super::tree::{Literal, Operator, Text};

/// Checks that the field takes the operator.
pub(crate) fn check_operator(field: &Field, operator: Operator) -> Result<(), ApiError> {
    let fits = match operator {
        Operator::Equal | Operator::NotEqual => true,
        Operator::Like => field.kind.is_text() || field.kind == Kind::EncryptedString,
        _ => !matches!(field.kind, Kind::Boolean | Kind::MultiPicklist),
    };
    if fits {
        return Ok(());
    }
    Err(ApiError::bad(
        "INVALID_QUERY_FILTER_OPERATOR",
        format!("invalid operator on {} field", field.kind.names().0),
    ))
}

/// Turns a literal into the operand of a comparison with the field.
pub(crate) fn operand(
    field: &Field,
    literal: &Literal,
    collation: Collation,
    semantics: &Semantics,
) -> Result<Operand, ApiError> {
    let operand = match (field.kind, literal) {
        (_, Literal::Null) => Operand::Null,
        (Kind::Boolean, Literal::Boolean(value)) => Operand::Bool(*value),
        (Kind::Int | Kind::Long, Literal::Number(text)) if text.contains('.') => {
            return Err(wrong_type(field));
        }
        (kind, Literal::Number(text)) if kind.is_number() => Operand::Number {
            float: text.parse().map_err(|_| wrong_type(field))?,
            whole: text.parse().ok(),
        },
        #[expect(
            clippy::cast_precision_loss,
            reason = "days and milliseconds of a day are far below 2^53"
        )]
        (Kind::Date, Literal::Date(day)) => Operand::Number {
            float: *day as f64,
            whole: Some(*day),
        },
        (Kind::Time, Literal::Time(value)) => Operand::Number {
            float: f64::from(*value),
            whole: None,
        },
        (Kind::DateTime, Literal::DateTime(moment)) => Operand::Moment(*moment),
        (kind, Literal::Text(text)) => text_operand(kind, field, text, collation, semantics)?,
        _ => return Err(wrong_type(field)),
    };
    Ok(operand)
}

fn text_operand(
    kind: Kind,
    field: &Field,
    text: &Text,
    collation: Collation,
    semantics: &Semantics,
) -> Result<Operand, ApiError> {
    if text.characters.iter().any(|(_, wildcard)| *wildcard) {
        return Err(ApiError::bad(
            "MALFORMED_QUERY",
            "invalid string literal: Illegal character sequence in string literal",
        ));
    }
    let plain = text.plain();
    if kind.is_id() {
        return match Id::parse(&plain) {
            Some(_) if plain.len() == 15 && !semantics.short_ids_match => Ok(Operand::Nothing),
            Some(id) => Ok(Operand::Id(id)),
            None if plain.is_empty() => Ok(empty_text(semantics)),
            None if !semantics.malformed_ids_refused => Ok(Operand::Nothing),
            None => Err(ApiError::bad(
                "INVALID_QUERY_FILTER_OPERATOR",
                format!("invalid ID field: {plain}"),
            )),
        };
    }
    if !kind.is_text() && kind != Kind::MultiPicklist {
        return Err(wrong_type(field));
    }
    if plain.is_empty() {
        return Ok(empty_text(semantics));
    }
    if kind == Kind::MultiPicklist {
        return Ok(if semantics.multipicklist_order_matters {
            Operand::List(listed_set(&plain))
        } else {
            Operand::Set(sorted_set(&plain))
        });
    }
    Ok(Operand::Text(collation.fold(&plain)))
}

/// Empty text is stored as null, so comparing with it asks for null, or for nothing at all.
fn empty_text(semantics: &Semantics) -> Operand {
    if semantics.empty_text_is_null {
        Operand::Null
    } else {
        Operand::Nothing
    }
}

/// Turns a literal into a LIKE pattern.
pub(crate) fn pattern(field: &Field, literal: &Literal, collation: Collation) -> Result<Vec<Wild>, ApiError> {
    let Literal::Text(text) = literal else {
        return Err(wrong_type(field));
    };
    Ok(text
        .characters
        .iter()
        .map(|(c, escaped)| match (c, escaped) {
            ('%', false) => Wild::Any,
            ('_', false) => Wild::One,
            (c, _) => Wild::Is(collation.fold_char(*c)),
        })
        .collect())
}

/// Reads a set of INCLUDES such as `'A;B'`.
pub(crate) fn set(field: &Field, literal: &Literal) -> Result<Vec<String>, ApiError> {
    match literal {
        Literal::Text(text) if field.kind == Kind::MultiPicklist => Ok(sorted_set(&text.plain())),
        Literal::Text(_) => Err(ApiError::bad(
            "INVALID_QUERY_FILTER_OPERATOR",
            "includes or excludes operator only valid on multipicklist field",
        )),
        _ => Err(wrong_type(field)),
    }
}

fn wrong_type(field: &Field) -> ApiError {
    let soap = field.kind.names().1;
    let wanted = match field.kind {
        kind if kind.is_text() || kind.is_id() || kind == Kind::MultiPicklist => {
            "string and should be enclosed in quotes".to_owned()
        }
        _ => format!(
            "{} and should not be enclosed in quotes",
            soap.trim_start_matches("xsd:")
        ),
    };
    ApiError::bad(
        "INVALID_FIELD",
        format!(
            "value of filter criterion for field '{}' must be of type {wanted}",
            field.name
        ),
    )
}
