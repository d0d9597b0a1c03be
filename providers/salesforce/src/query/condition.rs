//! Conditions as SOQL.
//!
//! Owns: the only place where an atom becomes text. Does not own: which atoms are made; see [`dialect`](super::dialect).
//! Invariant: every name and constant is checked or quoted here, wherever the condition came from. Start at [`where_clause`].

use causeway_core::{Atom, Condition, Constant, Operand, RemoteOp, Selection};

use super::literal::{is_path, quote, quote_pattern};

/// The operator of multi-select picklists, which no other system has.
pub(crate) const INCLUDES: &str = "INCLUDES";

/// ` WHERE` and all of the conditions; empty when there are none.
pub(crate) fn where_clause<'a>(
    conditions: impl IntoIterator<Item = &'a Condition>,
) -> Result<String, String> {
    // A conjunction inside the conjunction reads better without its parentheses, and nothing needs saying twice.
    let parts = conditions.into_iter().flat_map(|condition| match condition {
        Condition::All(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    });
    let mut distinct: Vec<&Condition> = Vec::new();
    for part in parts {
        if !distinct.contains(&part) {
            distinct.push(part);
        }
    }
    let place = match distinct.len() {
        0 => return Ok(String::new()),
        1 => Place::Alone,
        _ => Place::InAll,
    };
    let texts = distinct.into_iter().map(|part| written(part, place));
    Ok(format!(
        " WHERE {}",
        texts.collect::<Result<Vec<_>, _>>()?.join(" AND ")
    ))
}

/// What surrounds a condition; SOQL refuses AND and OR side by side without parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Alone,
    InAll,
    InAny,
}

fn written(condition: &Condition, place: Place) -> Result<String, String> {
    match condition {
        Condition::Atom(atom) => written_atom(atom),
        // No record is without an id.
        Condition::Never => Ok("Id = null".to_owned()),
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => match parts.first() {
            Some(only) => written(only, place),
            None => Ok(String::new()),
        },
        Condition::All(parts) => joined(parts, " AND ", Place::InAll, place),
        Condition::Any(parts) if parts.is_empty() => written(&Condition::Never, place),
        Condition::Any(parts) => joined(parts, " OR ", Place::InAny, place),
    }
}

fn joined(parts: &[Condition], word: &str, inside: Place, place: Place) -> Result<String, String> {
    if parts.is_empty() {
        // An empty AND holds for every record, and so does this.
        return Ok("Id != null".to_owned());
    }
    let texts = parts.iter().map(|part| written(part, inside));
    let text = texts.collect::<Result<Vec<_>, _>>()?.join(word);
    Ok(if place == Place::Alone || place == inside {
        text
    } else {
        format!("({text})")
    })
}

/// One condition. This is the only place where an atom becomes text, so every name and constant is checked or quoted here.
fn written_atom(atom: &Atom) -> Result<String, String> {
    let field = atom.field.as_str();
    if !is_path(field) {
        return Err(format!("'{field}' is no name of a field"));
    }
    let operator = match &atom.operator {
        RemoteOp::Eq => "=",
        RemoteOp::NotEq => "!=",
        RemoteOp::Lt => "<",
        RemoteOp::LtEq => "<=",
        RemoteOp::Gt => ">",
        RemoteOp::GtEq => ">=",
        RemoteOp::In => "IN",
        RemoteOp::NotIn => "NOT IN",
        RemoteOp::Like | RemoteOp::NotLike => "LIKE",
        RemoteOp::IsNull => return Ok(format!("{field} = null")),
        RemoteOp::IsNotNull => return Ok(format!("{field} != null")),
        RemoteOp::Other(word) if word == INCLUDES => INCLUDES,
        RemoteOp::StartsWith
        | RemoteOp::EndsWith
        | RemoteOp::Contains
        | RemoteOp::NotContains
        | RemoteOp::Other(_) => {
            return Err(format!("soql has no such operator for '{field}'"));
        }
    };
    let operand = match (&atom.operator, &atom.operand) {
        (RemoteOp::Like | RemoteOp::NotLike, Operand::Value(Constant::Text(pattern))) => {
            quote_pattern(pattern)?
        }
        (RemoteOp::Like | RemoteOp::NotLike, _) => return Err("a pattern is no text".to_owned()),
        (operator, Operand::List(values)) if takes_list(operator) && !values.is_empty() => {
            let values = values.iter().map(constant).collect::<Result<Vec<_>, _>>()?;
            format!("({})", values.join(","))
        }
        (RemoteOp::In | RemoteOp::NotIn, Operand::Selection(selection)) => {
            format!("({})", selected_ids(selection)?)
        }
        (operator, Operand::Value(value)) if !takes_list(operator) => constant(value)?,
        (_, Operand::Value(_) | Operand::List(_) | Operand::Selection(_)) => {
            return Err(format!("soql does not compare '{field}' so"));
        }
        (_, Operand::None) => return Err(format!("'{field}' is compared with nothing")),
        (_, Operand::Displayed { .. }) => {
            return Err(format!("the stored values of '{field}' are not known"));
        }
    };
    Ok(match atom.operator {
        RemoteOp::NotLike => format!("(NOT {field} LIKE {operand})"),
        _ => format!("{field} {operator} {operand}"),
    })
}

/// Whether the operator stands before several constants.
fn takes_list(operator: &RemoteOp) -> bool {
    matches!(operator, RemoteOp::In | RemoteOp::NotIn | RemoteOp::Other(_))
}

fn constant(constant: &Constant) -> Result<String, String> {
    match constant {
        Constant::Text(text) => Ok(quote(text)),
        Constant::Plain(plain) => {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-:.".contains(&byte);
            if plain.is_empty() || !plain.bytes().all(is_plain) {
                return Err("a number or moment can't be written safely".to_owned());
            }
            Ok(plain.clone())
        }
    }
}

/// The inner query of a semi-join.
fn selected_ids(selection: &Selection) -> Result<String, String> {
    let (field, object) = (&selection.field, &selection.table.remote);
    if !is_path(field) || !is_path(object) {
        return Err(format!("'{field}' of '{object}' is no name of a field"));
    }
    let conditions = where_clause(&selection.conditions)?;
    Ok(format!("SELECT {field} FROM {object}{conditions}"))
}

#[cfg(test)]
mod tests {
    use causeway_core::{ColumnType, TableName};

    use super::*;

    fn text(atom: Atom) -> Result<String, String> {
        where_clause([&atom.into()])
    }

    fn selection(object: &str, field: &str) -> Operand {
        Operand::Selection(Selection {
            table: TableName {
                name: object.to_lowercase(),
                remote: object.to_owned(),
                label: String::new(),
            },
            field: field.to_owned(),
            conditions: vec![
                Condition::All(vec![
                    Atom::test("Name", RemoteOp::IsNotNull).into(),
                    Atom::with("IsClosed", RemoteOp::Eq, Constant::plain("FALSE")).into(),
                ]),
                Atom::test("Name", RemoteOp::IsNotNull).into(),
            ],
        })
    }

    #[test]
    fn each_operand_is_written_in_its_own_way() {
        for (atom, wanted) in [
            (Atom::test("A", RemoteOp::IsNull), " WHERE A = null"),
            (
                Atom::with("A.B__c", RemoteOp::NotEq, Constant::text("O'Brien")),
                r" WHERE A.B__c != 'O\'Brien'",
            ),
            (
                Atom::list(
                    "A",
                    RemoteOp::In,
                    vec![Constant::plain(-1.5), Constant::plain("2024-01-02T03:04:05Z")],
                ),
                " WHERE A IN (-1.5,2024-01-02T03:04:05Z)",
            ),
            (
                Atom::with("A", RemoteOp::NotLike, Constant::text(r"50\%_'%")),
                r" WHERE (NOT A LIKE '50\%_\'%')",
            ),
            (
                Atom::list("A", RemoteOp::Other(INCLUDES.into()), vec![Constant::text("a;b")]),
                " WHERE A INCLUDES ('a;b')",
            ),
            (
                Atom::new("AccountId", RemoteOp::NotIn, selection("Account", "Id")),
                " WHERE AccountId NOT IN (SELECT Id FROM Account WHERE Name != null AND IsClosed = FALSE)",
            ),
        ] {
            assert_eq!(text(atom.clone()).as_deref(), Ok(wanted), "{atom:?}");
        }
    }

    #[test]
    fn a_foreign_atom_that_would_break_the_text_is_refused() {
        let one = || Constant::plain(1);
        for atom in [
            Atom::with("A = 1 OR B", RemoteOp::Eq, one()),
            Atom::with("", RemoteOp::Eq, one()),
            Atom::with("A", RemoteOp::Eq, Constant::plain("1 OR B = 2")),
            Atom::with("A", RemoteOp::Eq, Constant::plain("'x'")),
            Atom::with("A", RemoteOp::Eq, Constant::plain("")),
            Atom::with("A", RemoteOp::Like, Constant::text(r"a\b")),
            Atom::with("A", RemoteOp::Like, Constant::text("a\\")),
            Atom::with("A", RemoteOp::StartsWith, Constant::text("a")),
            Atom::list("A", RemoteOp::Other("IN (1) OR B IN".into()), vec![one()]),
            Atom::test("A", RemoteOp::Eq),
            Atom::list("A", RemoteOp::Eq, vec![one()]),
            Atom::list("A", RemoteOp::In, Vec::new()),
            Atom::with("A", RemoteOp::In, one()),
            Atom::new("A", RemoteOp::Eq, selection("Account", "Id")),
            Atom::new("A", RemoteOp::In, selection("Account WHERE", "Id")),
            Atom::new("A", RemoteOp::In, selection("Account", "Id FROM User")),
            Atom::new(
                "A",
                RemoteOp::In,
                Operand::Displayed {
                    texts: vec!["New".to_owned()],
                    stored: ColumnType::Text,
                },
            ),
        ] {
            assert!(text(atom.clone()).is_err(), "{atom:?}");
        }
    }
}
