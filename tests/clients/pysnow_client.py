"""The practice ServiceNow instance as pysnow sees it."""

import os
import urllib.parse

import pysnow
import requests

from checks import Checks, setting

CLIENT_ID = "c4d7e9a1b2f34e5686a7c8d9e0f1a2b3"
CLIENT_SECRET = "practice-Client^Secret&=+ %"
USERNAME = "causeway.reader"
PASSWORD = "prac+tice & 100%=pass"
INCIDENTS = 5000

host = urllib.parse.urlsplit(setting("SERVICENOW_URL")).netloc
# The practice instance speaks plain HTTP on loopback, which oauthlib refuses unless told otherwise.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
checks = Checks()


def client(user=USERNAME, password=PASSWORD):
    return pysnow.Client(host=host, user=user, password=password, use_ssl=False)


def incidents(signed_in):
    return signed_in.resource(api_path="/table/incident")


error = checks.raises(
    "a wrong password is refused",
    requests.exceptions.HTTPError,
    lambda: incidents(client(password="wrong")).get(query={}, limit=1).all(),
)
checks.equal("the refusal is a 401", error.response.status_code, 401)

table = incidents(client())
page = table.get(query={}, limit=3, fields=["number", "priority", "opened_at", "caller_id"])
records = page.all()
checks.equal("a page has as many records as asked for", len(records), 3)
checks.equal("a record has the columns asked for", sorted(records[0]), ["caller_id", "number", "opened_at", "priority"])
checks.equal("the header counts all records", int(page.headers["X-Total-Count"]), INCIDENTS)

seen = []
for offset in range(0, 2 * INCIDENTS, 1000):
    chunk = table.get(query="ORDERBYsys_id", limit=1000, offset=offset, fields=["sys_id"]).all()
    if not chunk:
        break
    seen.extend(record["sys_id"] for record in chunk)
checks.equal("paging by offset brings every record", len(seen), INCIDENTS)
checks.equal("no record comes twice", len(set(seen)), INCIDENTS)
checks.equal("the pages are in order", seen, sorted(seen))

streamed = table.get(query={}, limit=2 * INCIDENTS, stream=True, fields=["sys_id", "priority"])
counts = {}
for record in streamed.all():
    counts[record["priority"]] = counts.get(record["priority"], 0) + 1
checks.equal("a stream brings every record", sum(counts.values()), INCIDENTS)
checks.equal("priorities are values, not labels", set(counts), {"1", "2", "3", "4", "5"})
query = pysnow.QueryBuilder().field("priority").equals("1")
urgent = table.get(query=query, limit=INCIDENTS, fields=["priority"]).all()
checks.equal("a built query filters", len(urgent), counts["1"])
either = pysnow.QueryBuilder().field("priority").equals("1").OR().field("priority").equals("2")
found = table.get(query=either, limit=INCIDENTS, fields=["priority"]).all()
checks.equal("OR widens", len(found), counts["1"] + counts["2"])

stats = client().resource(api_path="/stats/incident")
stats.parameters.add_custom({"sysparm_count": "true"})
checks.equal("the statistics count the same", stats.get(query="priority=1").one()["stats"]["count"], str(counts["1"]))

record = table.get(query={"sys_id": seen[0]}).one()
checks.equal("a record is found by its key", record["sys_id"], seen[0])
checks.true("a record has its table's columns", {"number", "short_description", "sys_domain"} <= set(record))
checks.raises("no match is no record", pysnow.exceptions.NoResults, lambda: table.get(query={"sys_id": "0" * 32}).one())

administrator = client("admin", "practice").resource(api_path="/table/sys_dictionary")
columns = administrator.get(query="nameINtask,incident^elementISNOTEMPTY", limit=1000, fields=["element", "internal_type", "name"]).all()
kinds = {
    column["element"]: column["internal_type"]["value"]
    if isinstance(column["internal_type"], dict)
    else column["internal_type"]
    for column in columns
}
checks.equal("the dictionary describes the parent's columns", kinds.get("opened_at"), "glide_date_time")
checks.equal("the dictionary describes references", kinds.get("caller_id"), "reference")
checks.true("the dictionary is read as a whole", len(kinds) > 40, len(kinds))

oauth = pysnow.OAuthClient(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, host=host, use_ssl=False)
oauth.set_token(oauth.generate_token(USERNAME, PASSWORD))
checks.equal("a token opens the same table", len(incidents(oauth).get(query={}, limit=5).all()), 5)
checks.finish()
