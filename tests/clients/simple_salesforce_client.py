"""The practice Salesforce org as simple-salesforce sees it."""

import datetime
import warnings

import requests
from simple_salesforce import Salesforce, SalesforceAuthenticationFailed, SalesforceLogin
from simple_salesforce.exceptions import SalesforceExpiredSession, SalesforceMalformedRequest

from checks import Checks, setting

USERNAME = "reporting@acme.example"
PASSWORD = "practice-password"
SECURITY_TOKEN = "PracticeSecurityToken1"

# simple-salesforce builds https addresses only; the practice org's certificate is self-signed.
url = setting("SALESFORCE_TLS_URL")
session = requests.Session()
# An environment that names a certificate bundle would override `verify`.
session.trust_env = False
session.verify = False
warnings.filterwarnings("ignore", message="Unverified HTTPS request")


def sign_in(password):
    return SalesforceLogin(
        session=session, username=USERNAME, password=password, security_token=SECURITY_TOKEN, scratch_url=url
    )


def count(org, object_name):
    return org.query(f"SELECT COUNT() FROM {object_name}")["totalSize"]


checks = Checks()

error = checks.raises("a wrong password is refused", SalesforceAuthenticationFailed, lambda: sign_in("wrong"))
checks.equal("the refusal has Salesforce's code", getattr(error, "code", None), "INVALID_LOGIN")

session_id, instance = sign_in(PASSWORD)
checks.equal("the login names the org's own host", f"https://{instance}", url)
org = Salesforce(instance=instance, session_id=session_id, session=session, version="62.0")
again = Salesforce(instance_url=url, session_id=session_id, session=session, version="62.0")
checks.equal("a session id alone opens the org", count(again, "Account"), 500)
stranger = Salesforce(instance=instance, session_id="00D!wrong", session=session, version="62.0")
checks.raises("a wrong session id is refused", SalesforceExpiredSession, lambda: stranger.query("SELECT Id FROM Account"))

opportunities = count(org, "Opportunity")
checks.true("there is more than a page of opportunities", opportunities > 2000, opportunities)
first = org.query("SELECT Id, Name, Amount, IsClosed, CloseDate, Account.Name FROM Opportunity")
checks.equal("the first page has 2,000 records", len(first["records"]), 2000)
checks.equal("the first page isn't the last", first["done"], False)
checks.equal("the first page tells the whole size", first["totalSize"], opportunities)
everything = org.query_all("SELECT Id, Name, Amount, IsClosed, CloseDate, Account.Name FROM Opportunity")
records = everything["records"]
checks.equal("query_all brings every record", len(records), opportunities)
checks.equal("no record comes twice", len({record["Id"] for record in records}), opportunities)
checks.equal("the iterator brings as many", sum(1 for _ in org.query_all_iter("SELECT Id FROM Opportunity")), opportunities)

boxeo = [record for record in records if record["Account"] and record["Account"]["Name"] == "Boxeo"]
checks.equal("Boxeo has seven opportunities", len(boxeo), 7)
checks.equal("four of them are open", sum(1 for record in boxeo if not record["IsClosed"]), 4)
checks.true("amounts are numbers or null", all(isinstance(r["Amount"], (int, float, type(None))) for r in records))
checks.true("dates are dates", all(datetime.date.fromisoformat(r["CloseDate"]) for r in records))
asked = org.query_all("SELECT Id, Account.Name FROM Opportunity WHERE Account.Name = 'Boxeo'")["records"]
names = [record["Account"]["Name"] for record in asked]
checks.equal("a parent path filters without regard to case", {name.lower() for name in names}, {"boxeo"})
checks.equal("and finds all of them", names.count("Boxeo"), 7)

description = org.Opportunity.describe()
fields = {field["name"]: field for field in description["fields"]}
checks.equal("describe names the object", (description["name"], description["keyPrefix"]), ("Opportunity", "006"))
kinds = {name: fields[name]["type"] for name in ("Id", "AccountId", "StageName", "Amount", "CloseDate", "IsClosed")}
checks.equal(
    "describe tells the types",
    kinds,
    {
        "Id": "id",
        "AccountId": "reference",
        "StageName": "picklist",
        "Amount": "currency",
        "CloseDate": "date",
        "IsClosed": "boolean",
    },
)
checks.equal("describe tells where a reference leads", fields["AccountId"]["referenceTo"], ["Account"])
names = {one["name"] for one in org.describe()["sobjects"]}
checks.true("the global describe lists the objects", {"Account", "Contact", "Opportunity", "Case"} <= names, names)

error = checks.raises(
    "an unknown field is refused", SalesforceMalformedRequest, lambda: org.query("SELECT Nonsense FROM Account")
)
checks.equal("the refusal says why", error.content[0]["errorCode"], "INVALID_FIELD")
row = org.query("SELECT Id, Name FROM Account WHERE Name = 'Boxeo' ORDER BY Id LIMIT 1")["records"][0]
checks.equal("a record is read by its id", org.Account.get(row["Id"])["Name"], row["Name"])
checks.finish()
