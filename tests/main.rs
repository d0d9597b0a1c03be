//! Whole-system tests, in one binary because each one links DataFusion.

mod cli;
mod embedding;
mod examples;
mod practice;
mod third_source;
mod wire;
