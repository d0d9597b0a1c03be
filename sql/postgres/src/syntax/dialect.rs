//! sqlparser's PostgreSQL dialect, with PostgreSQL's precedence of IS DISTINCT FROM, the digits of `interval(2)`, FETCH and MOVE.
//!
//! Owns: `IS [NOT] DISTINCT FROM`, whose right side ends before AND, OR and the next IS. sqlparser's goes on to the end of the expression
//! (docs/upstream.md, is-distinct-from). Does not own: anything else; that is [`PostgreSqlDialect`]'s.
//! Invariant: sqlparser takes this dialect for its own wherever it asks for the dialect's type. Start at [`PostgresDialect`].

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, Statement};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::fetch;

/// The dialect of every statement.
#[derive(Debug)]
pub(crate) struct PostgresDialect;

/// What everything else is left to.
const BASE: PostgreSqlDialect = PostgreSqlDialect {};

/// Questions with a yes or no that the base answers otherwise than [`Dialect`]'s defaults.
macro_rules! as_the_base {
    ($($question:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $question(&self, $($argument: $type),*) -> bool {
            BASE.$question($($argument),*)
        })*
    };
}

impl Dialect for PostgresDialect {
    fn dialect(&self) -> TypeId {
        BASE.dialect()
    }

    /// `interval(2) '…'`, whose digits sqlparser reads and forgets.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let word = |token: &Token| matches!(token, Token::Word(word) if word.keyword == Keyword::INTERVAL && word.quote_style.is_none());
        let is_limited = word(&parser.peek_nth_token_ref(0).token)
            && parser.peek_nth_token_ref(1).token == Token::LParen
            && parser.peek_nth_token_ref(3).token == Token::RParen
            && matches!(parser.peek_nth_token_ref(4).token, Token::SingleQuotedString(_));
        let Token::Number(digits, _) = parser.peek_nth_token_ref(2).token.clone() else {
            return BASE.parse_prefix(parser);
        };
        let Some(precision) = digits.parse().ok().filter(|_| is_limited) else {
            return BASE.parse_prefix(parser);
        };
        for _ in 0..4 {
            parser.advance_token();
        }
        let interval = DataType::Interval {
            fields: None,
            precision: Some(precision),
        };
        Some(parser.parse_value().map(|value| Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(Expr::Value(value)),
            data_type: interval,
            array: false,
            format: None,
        }))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        use Keyword::{AND, DISTINCT, FROM, IS, NOT};
        if let Some(is_negated) = symmetric(parser) {
            let low = parser.parse_subexpr(precedence);
            let both = low.and_then(|low| {
                parser.expect_keyword(AND)?;
                Ok((low, parser.parse_subexpr(precedence)?))
            });
            return Some(both.map(|(low, high)| either_way(expr, is_negated, &low, &high)));
        }
        let test = if parser.parse_keywords(&[IS, DISTINCT, FROM]) {
            Expr::IsDistinctFrom
        } else if parser.parse_keywords(&[IS, NOT, DISTINCT, FROM]) {
            Expr::IsNotDistinctFrom
        } else {
            return BASE.parse_infix(parser, expr, precedence);
        };
        Some(right_side(parser, precedence).map(|right| test(Box::new(expr.clone()), Box::new(right))))
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        fetch::parse(parser)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        BASE.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        BASE.prec_value(precedence)
    }

    as_the_base! {
        is_delimited_identifier_start(letter: char),
        is_identifier_start(letter: char),
        is_identifier_part(letter: char),
        is_reserved_for_identifier(keyword: Keyword),
        is_custom_operator_part(letter: char),
        allow_extract_custom(),
        allow_extract_single_quotes(),
        supports_alter_column_type_using(),
        supports_array_typedef_with_brackets(),
        supports_bitwise_shift_operators(),
        supports_comma_separated_trim(),
        supports_comment_on(),
        supports_comment_optimizer_hint(),
        supports_create_index_with_clause(),
        supports_create_table_like_parenthesized(),
        supports_empty_projections(),
        supports_explain_with_utility_options(),
        supports_factorial_operator(),
        supports_filter_during_aggregation(),
        supports_geometric_types(),
        supports_group_by_expr(),
        supports_insert_table_alias(),
        supports_interval_options(),
        supports_listen_notify(),
        supports_load_extension(),
        supports_named_fn_args_with_colon_operator(),
        supports_named_fn_args_with_expr_name(),
        supports_nested_comments(),
        supports_notnull_operator(),
        supports_select_wildcard_with_alias(),
        supports_set_names(),
        supports_string_escape_constant(),
        supports_unicode_string_literal(),
        supports_xml_expressions(),
    }
}

/// Goes past `[NOT] BETWEEN [A]SYMMETRIC`, if it is next; true if negated.
///
/// What is not symmetric is left to sqlparser, without the word.
fn symmetric(parser: &mut Parser) -> Option<bool> {
    let is_word = |token: &Token, wanted: &str| matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted));
    let is_negated = is_word(&parser.peek_nth_token_ref(0).token, "not");
    let at = usize::from(is_negated);
    let is_between = is_word(&parser.peek_nth_token_ref(at).token, "between");
    if !is_between || !is_word(&parser.peek_nth_token_ref(at + 1).token, "symmetric") {
        return None;
    }
    for _ in 0..at + 2 {
        parser.advance_token();
    }
    Some(is_negated)
}

/// A value between two bounds, whichever is the lower one.
fn either_way(expr: &Expr, is_negated: bool, low: &Expr, high: &Expr) -> Expr {
    let between = |low: &Expr, high: &Expr| {
        Box::new(Expr::Between {
            expr: Box::new(expr.clone()),
            negated: is_negated,
            low: Box::new(low.clone()),
            high: Box::new(high.clone()),
        })
    };
    Expr::Nested(Box::new(Expr::BinaryOp {
        left: between(low, high),
        op: if is_negated {
            BinaryOperator::And
        } else {
            BinaryOperator::Or
        },
        right: between(high, low),
    }))
}

/// What stands right of the test, which binds as strongly as IS does.
fn right_side(parser: &mut Parser, precedence: u8) -> Result<Expr, ParserError> {
    let right = parser.parse_subexpr(precedence)?;
    // The test is not associative: PostgreSQL wants parentheses where another one follows.
    if parser.get_next_precedence()? == precedence {
        return parser.expected_ref(
            "parentheses around one of two tests with IS",
            parser.peek_token_ref(),
        );
    }
    Ok(right)
}
