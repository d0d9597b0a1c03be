// The practice Salesforce org as jsforce sees it.

import { equal, finish, holds, rejects, require, setting } from "./checks.mjs";

const { Connection } = require("jsforce");

const USERNAME = "reporting@acme.example";
const PASSWORD = "practice-password" + "PracticeSecurityToken1";
const CLIENT_ID = "3MVG9.practice.org.consumer.key";
const CLIENT_SECRET = "practice-consumer-secret";
const url = setting("SALESFORCE_URL");

const connect = () => new Connection({ loginUrl: url, version: "62.0" });

const refused = await rejects("a wrong password is refused", connect().login(USERNAME, "wrong"));
holds("the refusal has Salesforce's code", /INVALID_LOGIN/.test(refused.message), refused.message);

const org = connect();
const user = await org.login(USERNAME, PASSWORD);
equal("the login names the instance", org.instanceUrl, url);
holds("the login tells the user's id", /^005\w{15}$/.test(user.id), user);

const oauth = new Connection({
  version: "62.0",
  oauth2: { loginUrl: url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
});
await oauth.authorize({ grant_type: "client_credentials" });
equal("client credentials open the same org", (await oauth.query("SELECT COUNT() FROM Account")).totalSize, 500);

const total = (await org.query("SELECT COUNT() FROM Opportunity")).totalSize;
holds("there is more than a page of opportunities", total > 2000, total);
const soql = "SELECT Id, Name, Amount, IsClosed, Account.Name FROM Opportunity";
const first = await org.query(soql);
equal("the first page has 2,000 records", [first.records.length, first.done, first.totalSize], [2000, false, total]);
const second = await org.queryMore(first.nextRecordsUrl);
equal("the second page has other records", second.records.some((r) => r.Id === first.records[0].Id), false);
const all = await org.query(soql, { autoFetch: true, maxFetch: 100000 });
equal("autoFetch brings every record", [all.records.length, all.done], [total, true]);
equal("no record comes twice", new Set(all.records.map((record) => record.Id)).size, total);
const boxeo = all.records.filter((record) => record.Account?.Name === "Boxeo");
equal("Boxeo has seven opportunities, four of them open", [boxeo.length, boxeo.filter((r) => !r.IsClosed).length], [7, 4]);

const smaller = await org.query("SELECT Id FROM Opportunity", { headers: { "Sforce-Query-Options": "batchSize=200" } });
equal("a page is as small as asked for", smaller.records.length, 200);
const found = await org.sobject("Opportunity").find({ IsClosed: false, StageName: "Prospecting" }, ["Id", "StageName"], {
  autoFetch: true,
  maxFetch: 100000,
});
const expected = await org.query("SELECT COUNT() FROM Opportunity WHERE StageName = 'Prospecting' AND IsClosed = FALSE");
equal("find builds the same filter", found.length, expected.totalSize);

const description = await org.sobject("Account").describe();
const field = (name) => description.fields.find((one) => one.name === name);
equal("describe names the object", [description.name, description.keyPrefix, description.queryable], ["Account", "001", true]);
equal("describe tells the types", ["Id", "Name", "OwnerId"].map((name) => field(name).type), ["id", "string", "reference"]);
const globally = await org.describeGlobal();
holds("the global describe lists opportunities", globally.sobjects.some((one) => one.name === "Opportunity"));

const unknown = await rejects("an unknown field is refused", org.query("SELECT Nonsense FROM Account"));
equal("the refusal says why", unknown.errorCode, "INVALID_FIELD");
const malformed = await rejects("bad SOQL is refused", org.query("SELEC Id FROM Account"));
equal("bad SOQL has its own code", malformed.errorCode, "MALFORMED_QUERY");
holds("usage comes with the answers", org.limitInfo?.apiUsage?.used > 0, org.limitInfo);
finish();
