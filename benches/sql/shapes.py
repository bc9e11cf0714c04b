"""shapes.py URL STORE TIMES: the same questions to Steadfast, DuckDB and chdb, in turn; milliseconds, the median and the best of TIMES.

Ends with an error if two answers differ. DuckDB and chdb read the files that the store's newest manifest names.
"""

import glob
import json
import os
import statistics
import sys
import time
import urllib.request

import chdb.session
import duckdb

url, store, times = sys.argv[1], sys.argv[2], int(sys.argv[3])

# Questions in the words of each: a value of a map, the hour of a time, a time as microseconds, how many different ones, where from.
CREATED = "{kind} = 'commit' AND {operation} = 'create'"
POSTED = CREATED + " AND {collection} = 'app.bsky.feed.post'"
FED = CREATED + " AND {collection} IN ('app.bsky.feed.post', 'app.bsky.feed.repost', 'app.bsky.feed.like')"
SHAPES = {
    "events by collection": "SELECT {collection} AS what, count(*) AS n FROM {logs} GROUP BY what ORDER BY n DESC, what",
    "and people by collection": "SELECT {collection} AS what, count(*) AS n, count(DISTINCT {did}) AS people FROM {logs} WHERE " + CREATED + " GROUP BY what ORDER BY n DESC, what",
    "by collection and hour": "SELECT {collection} AS what, {hour} AS hour, count(*) AS n FROM {logs} WHERE " + FED + " GROUP BY what, hour ORDER BY hour, what",
    "first three to post": "SELECT {did} AS person, {first} AS first FROM {logs} WHERE " + POSTED + " GROUP BY person ORDER BY first, person LIMIT 3",
    "longest three to post": "SELECT {did} AS person, {last} - {first} AS span FROM {logs} WHERE " + POSTED + " GROUP BY person ORDER BY span DESC, person LIMIT 3",
}
ATTRIBUTES = {name: f"attributes['{key}']" for name, key in {"did": "did", "kind": "kind", "operation": "commit.operation", "collection": "commit.collection"}.items()}

with open(max(glob.glob(f"{store}/manifest/*.json")), encoding="utf-8") as manifest:
    files = [f"{store}/{file['path']}" for file in json.load(manifest)["manifest"]["files"] if file["table"] == "logs"]


def steadfast():
    """Over HTTP, and what it says is read."""
    words = {"logs": "logs", "hour": "date_part('hour', ts)", "first": "min(arrow_cast(ts, 'Int64')) / 1000", "last": "max(arrow_cast(ts, 'Int64')) / 1000"}

    def ask(query: str):
        request = urllib.request.Request(url, json.dumps({"query": query}).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["rows"]

    return words, ask


def of_duckdb():
    """In this process, on every core."""
    database = duckdb.connect()
    database.read_parquet(files, union_by_name=True).create_view("logs")
    words = {"logs": "logs", "hour": "date_part('hour', ts)", "first": "min(epoch_us(ts))", "last": "max(epoch_us(ts))"}
    return words, lambda query: [list(row) for row in database.sql(query).fetchall()]


def of_chdb():
    """In this process, on every core."""
    session = chdb.session.Session()
    folder = os.path.commonpath([os.path.dirname(file) for file in files])
    names = ",".join(os.path.relpath(file, folder) for file in files)
    words = {"logs": f"file('{folder}/" + (f"{{{names}}}" if len(files) > 1 else names) + "', Parquet)", "hour": "toHour(ts, 'UTC')", "first": "min(toUnixTimestamp64Micro(ts))", "last": "max(toUnixTimestamp64Micro(ts))"}

    def ask(query: str):
        answer = session.query(query + " SETTINGS output_format_json_quote_64bit_integers = 0", "JSONCompact")
        return json.loads(str(answer))["data"]

    return words, ask


def plain(rows) -> str:
    """An answer, to be compared: what is not there is nothing, whichever way it is said."""
    return str([["" if value is None else int(value) if isinstance(value, float) else value for value in row] for row in rows])


asked = {"Steadfast": steadfast(), "DuckDB": of_duckdb(), "chdb": of_chdb()}
print(f"{len(files)} files; milliseconds: the median, the best")
for name, shape in SHAPES.items():
    took, answers = {who: [] for who in asked}, {}
    for _ in range(times):
        for who, (words, ask) in asked.items():
            query = shape.format(**ATTRIBUTES, **words)
            before = time.perf_counter()
            answers[who] = ask(query)
            took[who].append((time.perf_counter() - before) * 1000)
    said = {plain(rows) for rows in answers.values()}
    if len(said) > 1:
        sys.exit(f"{name}: answers differ: {answers}")
    print(f"{name}: " + ", ".join(f"{who} {statistics.median(all_of):.0f} {min(all_of):.0f}" for who, all_of in took.items()))
