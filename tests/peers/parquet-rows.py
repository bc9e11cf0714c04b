"""parquet-rows.py STORE QUERY: what DuckDB answers, as JSON, over the Parquet files of a store.

Each table is a view of the files that the newest manifest names: others in the folders are on their
way in or out.
"""

import glob
import json
import sys

import duckdb

store, query = sys.argv[1:]
newest = max(glob.glob(f"{store}/manifest/*.json"))
with open(newest, encoding="utf-8") as manifest:
    files = json.load(manifest)["manifest"]["files"]
database = duckdb.connect()
for table in {file["table"] for file in files}:
    paths = [f"{store}/{file['path']}" for file in files if file["table"] == table]
    database.read_parquet(paths, union_by_name=True).create_view(table)
print(json.dumps(database.sql(query).fetchall(), default=str))
