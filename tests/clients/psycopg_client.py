"""Causeway as psycopg 3 sees it."""

import datetime
import threading
import time

import psycopg

from checks import Checks, setting

PIPELINE = """
    SELECT a.name, o.name, o.stagename, o.amount, o.closedate
    FROM servicenow.customer_account a
    JOIN salesforce.opportunity o ON o.accountid = a.u_salesforce_account_id
    WHERE a.name = %s AND NOT o.isclosed
    ORDER BY o.closedate
"""
# Much work for the server and none for the network; nobody waits for its end.
ENDLESS = """
    SELECT count(*) FROM servicenow.incident a, servicenow.incident b, servicenow.incident c
    WHERE a.number < b.number AND b.number < c.number
"""

host, port = setting("CAUSEWAY_LISTEN").rsplit(":", 1)
checks = Checks()


def connect(user):
    return psycopg.connect(
        host=host, port=port, dbname="causeway", user=user, password=f"{user}-practice", autocommit=True
    )


def rows(connection, sql, parameters=None, binary=False):
    with connection.cursor(binary=binary) as cursor:
        return cursor.execute(sql, parameters, binary=binary).fetchall()


def fails(claim, kind, sqlstate, call):
    error = checks.raises(claim, kind, call)
    checks.equal(f"{claim}: {sqlstate}", getattr(error, "sqlstate", None), sqlstate)
    return error


def sign_in():
    wrong = checks.raises(
        "a wrong password is refused",
        psycopg.OperationalError,
        lambda: psycopg.connect(host=host, port=port, dbname="causeway", user="ana", password="wrong"),
    )
    checks.true("the refusal says so", "password authentication failed" in str(wrong), str(wrong))
    checks.true("the sign-in needs the password", admin.pgconn.used_password)
    checks.equal("the session knows its user", rows(admin, "SELECT current_user"), [("admin",)])
    checks.true("the server says which PostgreSQL it speaks", admin.info.server_version >= 120000, admin.info.server_version)


def parameters():
    for binary in (False, True):
        form = "binary" if binary else "text"
        found = rows(admin, "SELECT name FROM salesforce.account WHERE name = %s", ["O'Brien & Sons"], binary)
        checks.equal(f"a text parameter filters ({form})", found, [("O'Brien & Sons",)])
        year = rows(admin, "SELECT count(*) FROM salesforce.opportunity WHERE fiscalyear = %s", [2024], binary)
        day = datetime.date(2024, 1, 1)
        span = rows(
            admin,
            "SELECT count(*) FROM salesforce.opportunity WHERE closedate >= %s AND closedate < %s",
            [day, day.replace(year=2025)],
            binary,
        )
        checks.equal(f"integer and date parameters agree ({form})", year, span)
        checks.true(f"they find something ({form})", year[0][0] > 100, year)
        moment = datetime.datetime(2024, 6, 1, tzinfo=datetime.timezone.utc)
        halves = rows(
            admin,
            "SELECT count(*) FILTER (WHERE opened_at < %s), count(*) FILTER (WHERE opened_at >= %s), count(opened_at)"
            " FROM servicenow.incident",
            [moment, moment],
            binary,
        )[0]
        checks.equal(f"a moment splits the incidents ({form})", halves[0] + halves[1], halves[2])
        names = ["O'Brien & Sons", "Boxeo", None]
        count = "SELECT count(*) FROM salesforce.account WHERE name"
        both = rows(admin, f"{count} = %s OR name = %s", names[:2], binary)
        checks.equal(f"ANY takes a list ({form})", rows(admin, f"{count} = ANY(%s)", [names], binary), both)
        checks.equal(f"of no items too ({form})", rows(admin, f"{count} = ANY(%s)", [[]], binary), [(0,)])
        checks.equal(f"nothing differs from NULL ({form})", rows(admin, f"{count} <> ALL(%s)", [names], binary), [(0,)])
        deals = "SELECT count(*) FROM salesforce.opportunity WHERE"
        years = rows(admin, f"{deals} fiscalyear = ANY(%s)", [[2023, 2024]], binary)
        checks.equal(f"a list of numbers ({form})", years, rows(admin, f"{deals} fiscalyear IN (2023, 2024)"))
        dates = [datetime.date(2024, 6, 21), datetime.date(2023, 8, 4)]
        closing = rows(admin, f"{deals} closedate = ANY(%s)", [dates], binary)
        checks.equal(f"a list of dates ({form})", closing, rows(admin, f"{deals} closedate IN ('2024-06-21', '2023-08-04')"))
        span = datetime.timedelta(days=30, hours=5)
        later = rows(admin, "SELECT timestamp '2024-01-01' + %s", [span], binary)
        checks.equal(f"an interval ({form})", later, [(datetime.datetime(2024, 1, 31, 5),)])
    injected = rows(admin, "SELECT count(*) FROM servicenow.customer_account WHERE name = %s", ["x' OR '1'='1"])
    checks.equal("a parameter is a value, never SQL", injected, [(0,)])
    prepared = [
        admin.execute("SELECT count(*) FROM salesforce.account WHERE name = %s", [name], prepare=True).fetchone()[0]
        for name in ("Boxeo", "nobody", "Boxeo")
    ]
    checks.equal("a prepared statement runs again", prepared, [1, 0, 1])


def types():
    zone = datetime.timezone.utc
    values = (
        True,
        2**53 + 1,
        -0.1,
        "Zażółć 🚀 'quoted' \\ back",
        datetime.date(1999, 12, 31),
        datetime.datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=zone),
        datetime.time(23, 59, 59),
    )
    sql = (
        "SELECT %s::boolean, %s::bigint, %s::double precision, %s::text, %s::date, %s::timestamptz, %s::time,"
        " NULL::text AS nothing, NULL::bigint AS none"
    )
    for binary in (False, True):
        form = "binary" if binary else "text"
        got = rows(admin, sql, values, binary)[0]
        checks.equal(f"every type comes back as it went ({form})", got, (*values, None, None))
    sql = (
        "SELECT id, name, amount, closedate, isclosed, fiscalyear, createddate FROM salesforce.opportunity"
        " WHERE accountid IN (SELECT id FROM salesforce.account WHERE name = 'Boxeo') ORDER BY id"
    )
    text, binary = rows(admin, sql), rows(admin, sql, binary=True)
    checks.equal("text and binary results agree", text, binary)
    kinds = [type(value) for value in binary[0]]
    checks.equal("columns have their types", kinds, [str, str, float, datetime.date, bool, int, datetime.datetime])
    with admin.cursor() as cursor:
        cursor.execute(sql)
        checks.equal("type oids are PostgreSQL's", [c.type_code for c in cursor.description], [25, 25, 701, 1082, 16, 20, 1184])


def large_results():
    with admin.cursor() as cursor:
        cursor.execute("SELECT number, short_description, opened_at FROM servicenow.incident")
        everything = cursor.fetchall()
    checks.equal("a large result is whole", (len(everything), len({row[0] for row in everything})), (5000, 5000))
    with admin.cursor() as cursor:
        streamed = sum(1 for _ in cursor.stream("SELECT id FROM salesforce.opportunity"))
    checks.equal("a stream is whole", streamed, rows(admin, "SELECT count(*) FROM salesforce.opportunity")[0][0])
    with admin.cursor() as cursor:
        first = next(iter(cursor.stream("SELECT number FROM servicenow.incident")))
    checks.true("a stream may be left early", first[0].startswith("INC"), first)
    checks.equal("and the connection goes on", rows(admin, "SELECT 1"), [(1,)])


def cursors():
    query = "SELECT number FROM servicenow.incident ORDER BY number"
    with admin.transaction():
        with admin.cursor("forward") as cursor:
            cursor.itersize = 700
            cursor.execute(query)
            numbers = [row[0] for row in cursor]
        checks.equal("a server cursor reads everything", (len(numbers), numbers == sorted(numbers)), (5000, True))
        with admin.cursor("there_and_back", scrollable=True) as cursor:
            cursor.execute("SELECT x FROM (VALUES (1), (2), (3)) t(x) WHERE x > %s ORDER BY x", [1])
            everything = cursor.fetchall()
            cursor.scroll(0, mode="absolute")
            checks.equal("a cursor goes back", (everything, cursor.fetchone()), ([(2,), (3,)], (2,)))
    with admin.cursor() as cursor, cursor.copy("COPY (SELECT 1, NULL, 'a;b') TO STDOUT (FORMAT csv, DELIMITER ';')") as copy:
        checks.equal("a copy", b"".join(bytes(data) for data in copy), b'1;;"a;b"\n')


def cancel():
    timer = threading.Timer(1.0, admin.cancel)
    timer.start()
    started = time.monotonic()
    fails("a cancelled statement ends", psycopg.errors.QueryCanceled, "57014", lambda: rows(admin, ENDLESS))
    elapsed = time.monotonic() - started
    checks.true("within a second", elapsed < 2.0, elapsed)
    checks.equal("and the connection goes on after it", rows(admin, "SELECT 1"), [(1,)])
    rows_of = lambda: rows(admin, ENDLESS)
    admin.execute("SET statement_timeout = '300ms'")
    fails("a statement over its time ends", psycopg.errors.QueryCanceled, "57014", rows_of)
    admin.execute("SET statement_timeout = 0")


def errors():
    fails("an unknown table", psycopg.errors.UndefinedTable, "42P01", lambda: rows(admin, "SELECT 1 FROM salesforce.acount"))
    error = fails(
        "an unknown column", psycopg.errors.UndefinedColumn, "42703", lambda: rows(admin, "SELECT stagenam FROM salesforce.opportunity")
    )
    checks.true("it is told which one was meant", "stagename" in f"{error} {error.diag.message_hint}", str(error))
    error = fails("bad SQL", psycopg.errors.SyntaxError, "42601", lambda: rows(admin, "SELECT 1 FRM x WHERE"))
    checks.true("it is told where", (error.diag.statement_position or "0").isdigit(), error.diag.statement_position)
    fails("a division by zero", psycopg.errors.DivisionByZero, "22012", lambda: rows(admin, "SELECT 1 / 0"))
    fails(
        "a spent budget",
        psycopg.errors.ConfigurationLimitExceeded,
        "53400",
        lambda: (admin.execute("SET causeway.max_api_calls = 1"), rows(admin, "SELECT id FROM salesforce.opportunity")),
    )
    admin.execute("SET causeway.max_api_calls = 0")
    with admin.transaction():
        checks.equal("a transaction block reads", rows(admin, "SELECT 1"), [(1,)])


def two_people():
    with connect("ana") as ana, connect("bruno") as bruno:
        hers, his, both = (rows(who, PIPELINE, ["Boxeo"]) for who in (ana, bruno, admin))
        checks.equal("ana sees the four open deals of Boxeo", len(hers), 4)
        checks.equal("in the order of their dates", hers, sorted(hers, key=lambda row: row[4]))
        checks.equal("bruno sees none of them", his, [])
        checks.equal("who sees all domains sees them too", both, hers)
        count = "SELECT count(*) FROM salesforce.opportunity"
        numbers = [rows(who, count)[0][0] for who in (ana, bruno, admin)]
        checks.true("each has their own opportunities", numbers[0] != numbers[1] and max(numbers[:2]) < numbers[2], numbers)
        peek = "SELECT count(*) FROM salesforce.opportunity WHERE accountid = %s OR 1 = 1"
        account = rows(admin, "SELECT id FROM salesforce.account WHERE name = 'Megacorp'")[0]
        checks.equal("OR 1 = 1 shows no more", rows(ana, peek, account)[0][0], numbers[0])
        domains = [
            {row[0] for row in rows(who, "SELECT DISTINCT sys_domain FROM servicenow.customer_account")}
            for who in (ana, bruno)
        ]
        checks.equal("only global is shared", domains[0] & domains[1], {"global"})
        threads = [threading.Thread(target=rows, args=(who, count)) for who in (ana, bruno) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        numbers_again = [rows(who, count)[0][0] for who in (ana, bruno)]
        checks.equal("also when they ask at the same time", numbers_again, numbers[:2])


with connect("admin") as admin:
    for part in (sign_in, parameters, types, large_results, cursors, cancel, errors, two_people):
        try:
            part()
        except Exception as error:  # one broken part must not hide the others
            checks.true(f"{part.__name__} runs to its end", False, error)
checks.finish()
