//! SOQL: text → tokens → syntax tree → bound query → rows → JSON pages.
//!
//! Owns: grammar (`lexer`, `parser`), checks against field flags (`bind`, `condition`, `literal`), comparison (`text`, `filter`),
//! execution (`run`, `group`) and the JSON of records (`record`). Start at [`parser::parse`] and `bind`.

pub(super) mod bind;
pub(super) mod children;
pub(super) mod condition;
pub(super) mod filter;
pub(super) mod group;
pub(super) mod lexer;
pub(super) mod literal;
pub(super) mod operand;
pub(super) mod parser;
pub(super) mod record;
pub(super) mod run;
pub(super) mod tally;
#[cfg(test)]
mod tests;
pub(super) mod text;
pub(super) mod tree;
