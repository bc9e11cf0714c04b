"""ADBC against a server with the fleet of the tests: adbc.py URL TOKEN. Says `done` if all is as it should be."""

import sys

import adbc_driver_flightsql.dbapi as flight
from adbc_driver_flightsql import DatabaseOptions
from adbc_driver_manager import OperationalError, ProgrammingError

url, token = sys.argv[1:]


def connected(options):
    return flight.connect(url, db_kwargs=options, autocommit=True)


# By a password, which a handshake turns into a token, and by the token itself.
header = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
for options in ({"username": "me", "password": token}, header):
    with connected(options) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, verdict FROM drift WHERE verdict = 'modified'")
        assert cursor.fetchall() == [("host/web-1/file//etc/nginx/nginx.conf", "modified")]

with connected(header) as connection, connection.cursor() as cursor:
    # Values for places, by both marks.
    for sql in ("SELECT id FROM drift WHERE verdict = ?", "SELECT id FROM drift WHERE verdict = $1"):
        cursor.execute(sql, ("missing",))
        assert cursor.fetchall() == [("host/web-1/file//etc/motd",)], sql
    cursor.execute("SELECT count(*) AS n FROM metrics WHERE value >= ? AND metric = ?", (57.0, "node_cpu_seconds_total"))
    assert cursor.fetchone() == (4,)
    # Columns of every kind as Arrow, and those of an answer without its rows.
    table = cursor.execute("SELECT * FROM metrics").fetch_arrow_table()
    assert table.num_rows == 61 and table.column_names[0] == "ts", table
    schema = cursor.adbc_execute_schema("SELECT id, line FROM desired")
    assert schema.names == ["id", "line"], schema
    # What there is to ask.
    objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    tables = {table["table_name"] for schema in objects[0]["catalog_db_schemas"] for table in schema["db_schema_tables"]}
    assert {"drift", "metrics", "logs"} <= tables, tables
    assert connection.adbc_get_table_schema("drift").names[0] == "time"
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "Steadfast", info
    # What goes wrong is said.
    for sql, kind, text in (
        ("SELECT nothing FROM drift", ProgrammingError, "there is no column"),
        ("DELETE FROM drift", ProgrammingError, "not allowed"),
    ):
        try:
            cursor.execute(sql)
        except (ProgrammingError, OperationalError) as error:
            assert text in str(error), error
        else:
            raise AssertionError(sql)

try:
    with connected({DatabaseOptions.AUTHORIZATION_HEADER.value: "Bearer nobody"}) as connection:
        connection.cursor().execute("SELECT 1")
except Exception as error:
    assert "a token is needed" in str(error), error
else:
    raise AssertionError("nobody was let in")
print("done")
