"""events.py URL RECORDS: posts made events to `_bulk`, as Bluesky's stream has them: who did what, in which collection.

The same events in each run; a tenth of a millisecond apart, the last of them now.
"""

import http.client
import json
import random
import sys
import time
from datetime import datetime, timezone
from urllib.parse import urlsplit

BATCH = 5_000
COLLECTIONS = ["app.bsky.feed.like"] * 11 + ["app.bsky.graph.follow"] * 5 + ["app.bsky.feed.post"] * 4 + ["app.bsky.feed.repost"] * 3
OPERATIONS = ["create"] * 18 + ["delete"] * 2 + ["update"]

url, records = urlsplit(sys.argv[1]), int(sys.argv[2])
rng = random.Random(7)
people = [f"did:plc:{rng.getrandbits(120):024x}" for _ in range(max(records // 20, 1))]
started = time.time() - records / 10_000
connection = http.client.HTTPConnection(url.netloc)


def event(n: int) -> str:
    """An action and the event, as two lines."""
    at = datetime.fromtimestamp(started + n / 10_000, timezone.utc).isoformat()
    # A few write most.
    document = {"@timestamp": at, "service": {"name": "jetstream"}, "did": people[int(len(people) * rng.random() ** 3)], "kind": "commit"}
    if rng.random() < 0.01:
        document |= {"kind": rng.choice(["identity", "account"]), "message": "a person changed"}
    else:
        collection = rng.choice(COLLECTIONS)
        document |= {"commit": {"operation": rng.choice(OPERATIONS), "collection": collection, "rev": f"{rng.getrandbits(64):x}"}, "message": f"{collection} {rng.getrandbits(40):x}"}
    return '{"create":{}}\n' + json.dumps(document) + "\n"


for first in range(0, records, BATCH):
    body = "".join(event(n) for n in range(first, min(first + BATCH, records)))
    connection.request("POST", url.path, body, {"content-type": "application/x-ndjson"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200 or json.loads(text)["errors"]:
        sys.exit(f"{answer.status}: {text[:500]!r}")
