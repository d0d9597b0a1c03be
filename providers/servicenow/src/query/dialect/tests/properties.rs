//! Whatever the text.

use super::*;

/// Any text, with the dangerous pieces often among it.
pub(super) fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9 ]{0,8}",
        Just("^".to_owned()),
        Just("^NQ".to_owned()),
        Just("^OR".to_owned()),
        Just("javascript:".to_owned()),
        Just(" JavaScript:".to_owned()),
        Just("\n".to_owned()),
        Just(",".to_owned()),
        Just("%".to_owned()),
        Just("NULL".to_owned()),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_ever_changes_the_shape_of_a_query(
        values in proptest::collection::vec(any_text(), 1..4),
        op in prop_oneof![Just(Op::Eq), Just(Op::In), Just(Op::Like), Just(Op::NotEq), Just(Op::NotIn)],
        internal_type in prop_oneof![Just("string"), Just("reference"), Just("choice")],
    ) {
        let literals: Vec<Literal> = match op {
            Op::In | Op::NotIn => values.iter().map(|value| text(value)).collect(),
            _ => values.iter().take(1).map(|value| text(value)).collect(),
        };
        let verdict = ServiceNowDialect::default().atom(&column("f", internal_type), op, &literals);
        if let Verdict::Superset(condition, _) = verdict {
            let sent = EncodedQuery::of([&condition]).expect("safe").text(None, Some(ID));
            let operators = ["=", "!=", "IN", "LIKE", "STARTSWITH", "ENDSWITH", "ISNOTEMPTY"];
            for piece in sent.split('^') {
                let known = piece == "ORDERBYsys_id" || piece.starts_with("sys_id>");
                let rest = piece.strip_prefix("ORf").or(piece.strip_prefix('f')).unwrap_or_default();
                prop_assert!(known || operators.iter().any(|operator| rest.starts_with(operator)), "{sent}");
                prop_assert!(!piece.chars().any(char::is_control), "{sent}");
                for operator in operators {
                    let value = rest.strip_prefix(operator).unwrap_or_default().trim_start().to_lowercase();
                    prop_assert!(!value.starts_with("javascript"), "{sent}");
                }
            }
        }
    }

    #[test]
    fn a_sent_equality_keeps_every_row_that_sql_keeps(value in any_text()) {
        // The wire text after the operator is the value itself, nothing trimmed and nothing escaped; or it is a part of the value.
        let verdict = ServiceNowDialect::default().atom(&column("f", "string"), Op::Eq, &[text(&value)]);
        let parts = match verdict {
            Verdict::Superset(Condition::All(parts), _) => parts,
            Verdict::Superset(only, _) => vec![only],
            _ => return Ok(()),
        };
        for part in parts {
            let atom = encoded(&part);
            let keeps = match (atom.strip_prefix("f="), atom.strip_prefix("fSTARTSWITH"), atom.strip_prefix("fENDSWITH")) {
                (Some(sent), ..) => sent == value,
                (_, Some(sent), _) => value.starts_with(sent),
                (.., Some(sent)) => value.ends_with(sent),
                _ => atom == "fISNOTEMPTY" || atom.strip_prefix("fLIKE").is_some_and(|sent| value.contains(sent)),
            };
            prop_assert!(keeps, "{atom:?} for {value:?}");
        }
    }

    #[test]
    fn a_query_splits_back_into_the_terms_that_were_meant(values in proptest::collection::vec(any_text(), 1..6), either in any::<bool>()) {
        // Only what is sent whole, so that the terms are known.
        let whole: Vec<&String> = values
            .iter()
            .filter(|value| crate::query::wire::check_value(value).is_ok())
            .collect();
        let parts = whole.iter().map(|value| is(1, Op::Eq, &[text(value)])).collect();
        let predicate = if either { Predicate::Any(parts) } else { Predicate::All(parts) };
        let Ok(pushed) = translate(&ServiceNowDialect::default(), &table(), &predicate) else { return Ok(()) };
        if pushed.condition == Condition::Never {
            return Ok(());
        }
        let sent = encoded(&pushed.condition);
        let terms: Vec<&str> = sent.split('^').collect();
        let wanted: Vec<String> = whole
            .iter()
            .enumerate()
            .map(|(at, value)| format!("{}name={value}", if either && at > 0 { "OR" } else { "" }))
            .collect();
        prop_assert_eq!(terms, wanted);
    }

    #[test]
    fn a_pattern_says_nothing_that_a_matching_text_lacks(body in "[a-c ]{0,6}", pattern in "[a-c %_]{0,6}") {
        if !sql_like(&body, &pattern) || body.is_empty() {
            return Ok(());
        }
        let verdict = ServiceNowDialect::default().atom(&column("f", "string"), Op::Like, &[text(&pattern)]);
        if let Verdict::Superset(condition, _) = verdict {
            let parts = match condition {
                Condition::All(parts) => parts,
                other => vec![other],
            };
            for part in parts {
                let atom = encoded(&part);
                let keeps = [
                    atom.strip_prefix("fSTARTSWITH").map(|rest| body.starts_with(rest)),
                    atom.strip_prefix("fENDSWITH").map(|rest| body.ends_with(rest)),
                    atom.strip_prefix("fLIKE").map(|rest| body.contains(rest)),
                    atom.strip_prefix("f=").map(|rest| body == rest),
                    (atom == "fISNOTEMPTY").then_some(true),
                ];
                prop_assert_eq!(keeps.into_iter().flatten().next(), Some(true), "{} {}", atom, body);
            }
        }
    }

    #[test]
    fn a_decimal_range_keeps_every_decimal_that_reads_as_the_value(units in -1_000_000_000_i64..1_000_000_000, scale in 0_u32..8) {
        let written = format!("{:.*}", scale as usize, units as f64 / 10_f64.powi(scale as i32));
        let value: f64 = written.parse().expect("a number");
        let verdict = ServiceNowDialect::default().atom(&column("f", "decimal"), Op::Eq, &[Literal::Float(value)]);
        let Verdict::Superset(Condition::All(bounds), _) = verdict else { panic!("a range") };
        let bound = |at: usize, operator: &str| -> f64 {
            let atom = encoded(&bounds[at]);
            atom.strip_prefix(operator).expect("the operator").parse().expect("a number")
        };
        prop_assert!(bound(0, "f>=") <= value && value <= bound(1, "f<="));
    }
}

fn sql_like(text: &str, pattern: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('%') => (0..=text.len()).any(|at| sql_like(&text[at..], &pattern[1..])),
        Some('_') => !text.is_empty() && sql_like(&text[1..], &pattern[1..]),
        Some(letter) => text.starts_with(letter) && sql_like(&text[1..], &pattern[1..]),
    }
}
