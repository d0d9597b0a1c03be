// Causeway as node-postgres sees it.

import { equal, finish, holds, rejects, require, setting } from "./checks.mjs";

const pg = require("pg");

const [host, port] = setting("CAUSEWAY_LISTEN").split(":");
const account = (user) => ({ host, port: Number(port), database: "causeway", user, password: `${user}-practice` });
const ENDLESS =
  "SELECT count(*) FROM servicenow.incident a, servicenow.incident b, servicenow.incident c " +
  "WHERE a.number < b.number AND b.number < c.number";

const refused = await rejects("a wrong password is refused", new pg.Client({ ...account("ana"), password: "wrong" }).connect());
equal("with 28P01", refused.code, "28P01");
const stranger = await rejects("an unknown person is refused", new pg.Client(account("nobody")).connect());
equal("just as a wrong password is", stranger.code, "28P01");

const admin = new pg.Client(account("admin"));
await admin.connect();
const query = async (text, values) => (await admin.query(text, values)).rows;

const boxeo = await query("SELECT id, name, createddate FROM salesforce.account WHERE name = $1", ["Boxeo"]);
equal("a parameter filters, case counts", boxeo.map((row) => row.name), ["Boxeo"]);
holds("a moment becomes a Date", boxeo[0].createddate instanceof Date, boxeo[0]);
const deals = await query(
  "SELECT name, amount, isclosed, fiscalyear FROM salesforce.opportunity WHERE accountid = $1 AND isclosed = $2 AND fiscalyear > $3",
  [boxeo[0].id, false, 1999],
);
equal("parameters of several types filter together", deals.length, 4);
equal("booleans are booleans", deals.map((deal) => deal.isclosed), [false, false, false, false]);
holds("numbers are numbers or null", deals.every(({ amount }) => amount === null || typeof amount === "number"), deals);
equal("bigints keep their digits", deals.every(({ fiscalyear }) => /^20\d\d$/.test(fiscalyear)), true);

const named = { name: "by-priority", text: "SELECT count(*) AS n FROM servicenow.incident WHERE priority = $1" };
const counts = [];
for (const priority of ["1", "2", "3", "4", "5", "1"]) {
  counts.push(Number((await query({ ...named, values: [priority] }))[0].n));
}
equal("a named statement runs again", counts[5], counts[0]);
equal("the parts make the whole", counts.slice(0, 5).reduce((sum, n) => sum + n), 5000);

const several = await admin.query("SELECT 1 AS one; SELECT 'two' AS two");
equal("one message may hold two statements", several.map((result) => Object.values(result.rows[0])[0]).map(String), ["1", "two"]);
const tagged = await admin.query("SELECT number FROM servicenow.incident LIMIT 7");
equal("the command tag counts the rows", [tagged.command, tagged.rowCount, tagged.rows.length], ["SELECT", 7, 7]);

const column = await rejects("an unknown column is an error", query("SELECT nonsense FROM salesforce.account"));
equal("with 42703", column.code, "42703");
const syntax = await rejects("bad SQL is an error", query("SELECT 1 FROM (SELECT"));
equal("with 42601", syntax.code, "42601");
const value = await rejects("a parameter that does not parse is an error", query("SELECT $1::bigint", ["seven"]));
equal("with 22P02", value.code, "22P02");
equal("the connection goes on after errors", (await query("SELECT 1 AS one"))[0].one !== undefined, true);

const pool = new pg.Pool({ ...account("ana"), max: 4 });
const answers = await Promise.all(
  Array.from({ length: 12 }, () => pool.query("SELECT count(*) AS n FROM servicenow.customer_account")),
);
equal("a pool gives one answer", new Set(answers.map((answer) => answer.rows[0].n)).size, 1);
const whole = Number((await query("SELECT count(*) AS n FROM servicenow.customer_account"))[0].n);
holds("which is ana's part of the whole", Number(answers[0].rows[0].n) < whole, { ana: answers[0].rows[0].n, whole });
await pool.end();

const gone = new pg.Client(account("admin"));
await gone.connect();
gone.on("error", () => {});
const left = gone.query(ENDLESS).catch(() => {});
// Each look is a statement of its own, so that nobody waits longer than the server takes.
async function running(wanted) {
  const until = Date.now() + 5000;
  for (;;) {
    const found = String(
      (await query("SELECT count(*) AS n FROM causeway.queries WHERE state = 'running' AND text LIKE '%a.number < b.number%'" +
        " AND text NOT LIKE '%causeway.queries%'"))[0].n,
    );
    if (found === wanted || Date.now() > until) return found;
  }
}
equal("a statement that runs is listed", await running("1"), "1");
gone.connection.stream.destroy();
await left;
equal("a client that goes away takes its statement along", await running("0"), "0");
await admin.end();
finish();
