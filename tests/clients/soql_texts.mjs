// Parses every SOQL text that the practice orgs wrote down with a parser that is not ours, and fails on what it refuses.
//
// Usage: CAUSEWAY_SOQL_LOG=folder cargo test; node soql_texts.mjs folder. NODE_PATH: where the parsers are installed.
// The parser is @apexdevtools/apex-parser, whose grammar follows the platform's own compiler. It reads literals as Apex does and so
// doesn't know two escapes that SOQL has inside LIKE, \_ and \% (SOQL and SOSL Reference, "Quoted String Escape Sequences", read 2026-11).
// Texts with them go to it with a letter instead, and as they are to @jetstreamapp/soql-parser-js, which accepts more than SOQL, and
// less: it can't read time literals (00:00:01.000Z).

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { require } from "./checks.mjs";

const { ApexParserFactory, ApexErrorListener } = require("@apexdevtools/apex-parser");
const { isQueryValid } = require("@jetstreamapp/soql-parser-js");
const END_OF_TEXT = -1;

class Listener extends ApexErrorListener {
  errors = [];

  apexSyntaxError(line, column, message) {
    this.errors.push(`line ${line}, column ${column}: ${message}`);
  }
}

/** The text with a letter for each escaped wildcard of a LIKE pattern. */
function withoutWildcardEscapes(soql) {
  const letter = (escape) => (/[%_]/.test(escape) ? "x" : escape);
  return soql.replace(/LIKE '(?:[^'\\]|\\.)*'/gs, (like) => like.replace(/\\./gs, letter));
}

/** Why a text is refused, or nothing. */
function refusal(soql) {
  const plain = withoutWildcardEscapes(soql);
  if (plain !== soql && !isQueryValid(soql)) return "soql-parser-js refuses it";
  const listener = new Listener();
  const { parser } = ApexParserFactory.createLexerAndParser(plain, listener);
  parser.query();
  const rest = parser.getCurrentToken();
  if (rest.type !== END_OF_TEXT) {
    listener.errors.push(`column ${rest.column}: nothing was expected behind the statement but ${rest.text}`);
  }
  return listener.errors[0];
}

/** A parser that accepts these would prove nothing. */
const WRONG = [
  "SELECT Id FROM Account WHERE Name = 'O'Neil'",
  "SELECT Id FROM Account WHERE Name = 'x' AND Name = 'y' OR Name = 'z'",
  "SELECT Id FROM Account WHERE Name = 'a\\qb'",
  "SELECT Id FROM Account WHERE Name = 'a\\_b'",
  "SELECT Id FROM Account WHERE Name LIKE 'a\\_b\\'",
  "SELECT Id FROM Account WHERE Name IN ()",
  "SELECT Id FROM Account WHERE CreatedDate > '2024-01-01' LIMIT 5 ORDER BY Id",
  "SELECT Id FROM Account WHERE NumberOfEmployees = 1e",
  "SELECT FROM Account",
  "SELECT Id FROM Account; SELECT Id FROM Contact",
];

const folder = process.argv[2];
if (folder === undefined) {
  console.error("usage: node soql_texts.mjs FOLDER");
  process.exit(2);
}
for (const soql of WRONG) {
  if (refusal(soql) === undefined) {
    console.error(`the parser accepts what is wrong: ${soql}`);
    process.exit(1);
  }
}
const texts = new Set();
for (const name of readdirSync(folder).sort()) {
  for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
    if (line !== "") texts.add(JSON.parse(line));
  }
}
if (texts.size === 0) {
  console.error(`no soql text was written to ${folder}`);
  process.exit(1);
}
for (const soql of texts) {
  const reason = refusal(soql);
  if (reason !== undefined) {
    console.error(`refused: ${soql}\n${reason}`);
    process.exit(1);
  }
}
const escaped = [...texts].filter((soql) => withoutWildcardEscapes(soql) !== soql).length;
console.log(
  `${texts.size} distinct SOQL texts accepted by @apexdevtools/apex-parser (${escaped} with escapes of LIKE, by @jetstreamapp/soql-parser-js too); ${WRONG.length} wrong ones refused`,
);
