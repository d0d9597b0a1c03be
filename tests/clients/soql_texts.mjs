// Parses every SOQL text that the practice orgs wrote down with a parser that is not ours, and fails on what it refuses.
//
// Usage: CAUSEWAY_SOQL_LOG=folder cargo test; node soql_texts.mjs folder. NODE_PATH: where @apexdevtools/apex-parser is installed.
// Its grammar follows the platform's own compiler; @jetstreamapp/soql-parser-js 6.3 can't read time literals (00:00:01.000Z).

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { require } from "./checks.mjs";

const { ApexParserFactory, ApexErrorListener } = require("@apexdevtools/apex-parser");
const END_OF_TEXT = -1;

class Listener extends ApexErrorListener {
  errors = [];

  apexSyntaxError(line, column, message) {
    this.errors.push(`line ${line}, column ${column}: ${message}`);
  }
}

/** Why the parser refuses a text, or nothing. */
function refusal(soql) {
  const listener = new Listener();
  const { parser } = ApexParserFactory.createLexerAndParser(soql, listener);
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
console.log(`${texts.size} distinct SOQL texts accepted by @apexdevtools/apex-parser, ${WRONG.length} wrong ones refused`);
