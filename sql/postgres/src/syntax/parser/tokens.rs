//! What sqlparser's tokens lack: mistakes that it does not see, and words that it does not know.
//!
//! Owns: numbers with letters behind them, VARIADIC, `:=`, TABLE, trim, the strengths of locks. Does not own: anything that a parsed statement shows.
//! Invariant: places of tokens stay. Start at [`of`].

use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Word};

/// The name that an argument after VARIADIC has.
pub(crate) const VARIADIC: &str = "causeway_variadic";

/// The tokens of a text.
///
/// # Errors
/// What is no token, and junk after a number.
pub(super) fn of(dialect: &dyn Dialect, sql: &str) -> Result<Vec<TokenWithSpan>, ParserError> {
    let mut tokens = Tokenizer::new(dialect, sql).tokenize_with_location()?;
    refuse_junk(&tokens)?;
    name_variadic(&mut tokens);
    name_arguments(&mut tokens);
    weaken_locks(&mut tokens);
    spell_out_tables(&mut tokens);
    spell_out_trims(&mut tokens);
    Ok(tokens)
}

/// `123abc` and `0x1F` are no numbers (before PostgreSQL 16 neither is the second).
fn refuse_junk(tokens: &[TokenWithSpan]) -> Result<(), ParserError> {
    for pair in tokens.windows(2) {
        let [number, word] = pair else { continue };
        let is_adjacent = number.span.end == word.span.start;
        let (Token::Number(digits, _), Token::Word(junk)) = (&number.token, &word.token) else {
            continue;
        };
        if is_adjacent && junk.quote_style.is_none() {
            let start = number.span.start;
            return Err(ParserError::TokenizerError(format!(
                "trailing junk after numeric literal at or near \"{digits}{}\" at Line: {}, Column: {}",
                junk.value, start.line, start.column
            )));
        }
    }
    let hex = tokens.iter().find(|token| {
        // `X'1F'` has two quotes more than digits.
        matches!(&token.token, Token::HexStringLiteral(digits) if token.span.end.column.saturating_sub(token.span.start.column) == digits.len() as u64 + 2)
    });
    match hex {
        Some(TokenWithSpan {
            token: Token::HexStringLiteral(digits),
            span,
        }) => Err(ParserError::TokenizerError(format!(
            "trailing junk after numeric literal at or near \"0x{digits}\" at Line: {}, Column: {}",
            span.start.line, span.start.column
        ))),
        _ => Ok(()),
    }
}

/// The places of the tokens that are no blanks.
fn solid(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let places = tokens.iter().enumerate();
    let solid = places.filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)));
    solid.map(|(at, _)| at).collect()
}

fn is_word(tokens: &[TokenWithSpan], at: Option<&usize>, wanted: &str) -> bool {
    let token = at.and_then(|at| tokens.get(*at)).map(|token| &token.token);
    matches!(token, Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

/// `VARIADIC x` becomes an argument with a name, which sqlparser can read.
fn name_variadic(tokens: &mut Vec<TokenWithSpan>) {
    let places = solid(tokens);
    let found: Vec<usize> = places
        .windows(2)
        .filter_map(|pair| {
            let [before, at] = pair else { return None };
            let follows = matches!(tokens.get(*before)?.token, Token::LParen | Token::Comma);
            (follows && is_word(tokens, Some(at), "variadic")).then_some(*at)
        })
        .collect();
    for at in found.into_iter().rev() {
        let Some(token) = tokens.get_mut(at) else { continue };
        token.token = Token::Word(Word {
            value: VARIADIC.to_owned(),
            quote_style: None,
            keyword: Keyword::NoKeyword,
        });
        let arrow = TokenWithSpan {
            token: Token::RArrow,
            span: token.span,
        };
        tokens.insert(at + 1, arrow);
    }
}

/// `f(name := value)` is the older way to write `f(name => value)`.
fn name_arguments(tokens: &mut [TokenWithSpan]) {
    let places = solid(tokens);
    let assigns: Vec<usize> = places
        .windows(3)
        .filter_map(|three| {
            let [before, name, assign] = three else {
                return None;
            };
            let token = |at: &usize| tokens.get(*at).map(|token| &token.token);
            let is_argument = matches!(token(before), Some(Token::LParen | Token::Comma))
                && matches!(token(name), Some(Token::Word(_)))
                && matches!(token(assign), Some(Token::Assignment));
            is_argument.then_some(*assign)
        })
        .collect();
    for at in assigns {
        if let Some(token) = tokens.get_mut(at) {
            token.token = Token::RArrow;
        }
    }
}

/// `TABLE t` is `SELECT * FROM t`, wherever a query may begin.
fn spell_out_tables(tokens: &mut Vec<TokenWithSpan>) {
    let places = solid(tokens);
    let begins = |before: Option<&usize>| {
        let Some(token) = before.and_then(|at| tokens.get(*at)) else {
            return true;
        };
        match &token.token {
            Token::LParen | Token::RParen | Token::SemiColon => true,
            Token::Word(word) => matches!(
                word.keyword,
                Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::ALL | Keyword::DISTINCT
            ),
            _ => false,
        }
    };
    let found: Vec<usize> = (0..places.len())
        .filter(|at| is_word(tokens, places.get(*at), "table"))
        .filter(|at| begins(at.checked_sub(1).and_then(|before| places.get(before))))
        .filter(|at| {
            let next = places.get(at + 1).and_then(|at| tokens.get(*at));
            next.is_some_and(|token| matches!(token.token, Token::Word(_)))
        })
        .filter_map(|at| places.get(at).copied())
        .collect();
    for at in found.into_iter().rev() {
        let Some(span) = tokens.get(at).map(|token| token.span) else {
            continue;
        };
        let word = |value: &str, keyword: Keyword| {
            Token::Word(Word {
                value: value.to_owned(),
                quote_style: None,
                keyword,
            })
        };
        let spelled = [
            word("SELECT", Keyword::SELECT),
            Token::Mul,
            word("FROM", Keyword::FROM),
        ];
        let spelled = spelled.map(|token| TokenWithSpan { token, span });
        tokens.splice(at..=at, spelled);
    }
}

/// `trim(LEADING FROM x)` trims blanks, `trim(FROM x)` does so on both sides.
fn spell_out_trims(tokens: &mut Vec<TokenWithSpan>) {
    let places = solid(tokens);
    for at in (0..places.len()).rev() {
        let word = |ahead: usize, wanted: &str| is_word(tokens, places.get(at + ahead), wanted);
        let is_call = places
            .get(at + 1)
            .and_then(|place| tokens.get(*place))
            .is_some_and(|token| token.token == Token::LParen);
        if !word(0, "trim") || !is_call {
            continue;
        }
        let has_side = ["leading", "trailing", "both"].iter().any(|side| word(2, side));
        if has_side && word(3, "from") {
            let Some(place) = places.get(at + 3).copied() else {
                continue;
            };
            let Some(span) = tokens.get(place).map(|token| token.span) else {
                continue;
            };
            let blank = TokenWithSpan {
                token: Token::SingleQuotedString(" ".to_owned()),
                span,
            };
            tokens.insert(place, blank);
        } else if word(2, "from")
            && let Some(place) = places.get(at + 2).copied()
        {
            tokens.remove(place);
        }
    }
}

/// `FOR NO KEY UPDATE` and `FOR KEY SHARE` lock less than the locks that sqlparser knows; here none of them locks anything.
fn weaken_locks(tokens: &mut Vec<TokenWithSpan>) {
    let places = solid(tokens);
    let mut gone: Vec<usize> = Vec::new();
    for at in 0..places.len() {
        let word = |ahead: usize, wanted: &str| is_word(tokens, places.get(at + ahead), wanted);
        if word(0, "for") && word(1, "no") && word(2, "key") && word(3, "update") {
            gone.extend(places.get(at + 1..at + 3).unwrap_or_default());
        } else if word(0, "for") && word(1, "key") && word(2, "share") {
            gone.extend(places.get(at + 1));
        }
    }
    for at in gone.into_iter().rev() {
        tokens.remove(at);
    }
}
