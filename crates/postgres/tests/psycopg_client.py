"""Asks as programs do with psycopg 3: parameters of many types, text and binary, transactions, errors."""
import datetime
import decimal
import sys
import threading

import psycopg

UTC = datetime.timezone.utc
DSN = f"host=127.0.0.1 port={sys.argv[1]} user=ann dbname=steadfast"


def same(seen, expected):
    assert seen == expected, f"expected {expected!r}, got {seen!r}"


def fails(work, kind):
    try:
        work()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


for binary in (False, True):
    with psycopg.connect(DSN, autocommit=True) as db, db.cursor(binary=binary) as cursor:
        one = lambda sql, *values: cursor.execute(sql, values).fetchone()
        same(one("SELECT 1, 'x', true, NULL, 1.5::float8"), (1, "x", True, None, 1.5))
        same(one("SELECT %s::int + 1, %s || 'b'", 41, "a"), (42, "ab"))
        same(one("SELECT %s::float8, %s::bool", 2.5, False), (2.5, False))
        at = datetime.datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
        same(one("SELECT count(*) FROM samples WHERE ts >= %s", at), (31,))
        same(one("SELECT min(ts) FROM samples"), (at.replace(minute=0),))
        same(one("SELECT DATE '2026-11-25'"), (datetime.date(2026, 11, 25),))
        same(one("SELECT ARRAY['a', 'b c', NULL]"), (["a", "b c", None],))
        same(one("SELECT 1 FROM series WHERE metric = ANY(%s) LIMIT 1", ["node_cpu_seconds_total", "x"]), (1,))
        same(one("SELECT X'00ff'"), (b"\x00\xff",))
        same(one("SELECT 12.50::numeric(10, 2)"), (decimal.Decimal("12.50"),))
        same(one("SELECT arrow_cast('18446744073709551615', 'UInt64')"), (decimal.Decimal(2**64 - 1),))
        same(one("SELECT INTERVAL '1 day 2 hours'"), (datetime.timedelta(days=1, hours=2),))
        same(one("SELECT labels FROM series ORDER BY series_id LIMIT 1")[0].get("job"), "web")
        same(len(cursor.execute("SELECT * FROM samples").fetchall()), 61)
        for _ in range(8):  # from the fifth time on it is a kept statement
            same(one("SELECT %s::int", 7), (7,))
        fails(lambda: one("SELECT * FROM nope"), psycopg.errors.UndefinedTable)
        fails(lambda: one("SELECT nope FROM drift"), psycopg.errors.UndefinedColumn)
        fails(lambda: one("SELEC 1"), psycopg.errors.SyntaxError)
        fails(lambda: one("DELETE FROM drift"), psycopg.errors.ReadOnlySqlTransaction)
        fails(lambda: one("SELECT %s::int", "x"), psycopg.errors.InvalidTextRepresentation)
        same(sum(1 for _ in cursor.stream("SELECT * FROM samples")), 61)

with psycopg.connect(DSN) as db:
    same(db.execute("SELECT 1").fetchone(), (1,))
    fails(lambda: db.execute("SELECT nope"), psycopg.errors.UndefinedColumn)
    fails(lambda: db.execute("SELECT 1"), psycopg.errors.InFailedSqlTransaction)
    db.rollback()
    with db.transaction(), db.pipeline():
        cursors = [db.execute("SELECT %s::int", [n]) for n in range(10)]
    same([cursor.fetchone()[0] for cursor in cursors], list(range(10)))
    db.commit()
    timer = threading.Timer(0.3, db.cancel)
    timer.start()
    fails(lambda: db.execute("SELECT count(*) FROM range(0, 100000000000) WHERE value % 7 = 8"), psycopg.errors.QueryCanceled)
    timer.join()
    db.rollback()
    same(db.execute("SHOW timezone").fetchone(), ("UTC",))

with psycopg.connect(DSN) as db:
    with db.cursor("parts") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT value FROM samples WHERE value < %s ORDER BY ts", [50])
        same([value for value, in cursor], [float(n) for n in range(50)])
    with db.cursor("held", withhold=True, binary=True) as cursor:
        cursor.execute("SELECT value FROM samples ORDER BY ts")
        db.commit()
        same(cursor.fetchmany(2), [(0.0,), (1.0,)])
        same(len(cursor.fetchall()), 59)
    db.commit()
    query = "COPY (SELECT 1 AS a, 'x' AS b, NULL::text AS c) TO STDOUT"
    for options, types in [("", None), ("(FORMAT binary)", ["int8", "text", "text"])]:
        with db.cursor().copy(f"{query} {options}") as copy:
            copy.set_types(types or ["int8", "text", "text"])
            same(list(copy.rows()), [(1, "x", None)])
