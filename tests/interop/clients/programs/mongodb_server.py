"""A MongoDB of one process and no file, for a driver's key vault and one collection.

MongoDB's servers are in no package index. Its own mock of the wire protocol, mockupdb, answers the driver here, and
mongomock keeps the documents. Prints its address; ends with its standard input.
"""

import sys
from collections.abc import Callable

import mockupdb
import mongomock

STORE = mongomock.MongoClient()
HELLO = {
    "isWritablePrimary": True,
    "helloOk": True,
    "minWireVersion": 0,
    "maxWireVersion": 21,  # MongoDB 7.0
    "maxBsonObjectSize": 16 * 1024 * 1024,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
}


def collection(request: mockupdb.OpMsg) -> mongomock.Collection:
    return STORE[request["$db"]][request[request.command_name]]


def find(request: mockupdb.OpMsg) -> bool:
    documents = list(collection(request).find(request.doc.get("filter", {})))
    return request.ok(cursor={"id": 0, "ns": f"{request['$db']}.{request['find']}", "firstBatch": documents})


def insert(request: mockupdb.OpMsg) -> bool:
    collection(request).insert_many(request["documents"])
    return request.ok(n=len(request["documents"]))


def update(request: mockupdb.OpMsg) -> bool:
    done = [collection(request).update_one(one["q"], one["u"]) for one in request["updates"]]
    return request.ok(n=sum(one.matched_count for one in done), nModified=sum(one.modified_count for one in done))


def delete(request: mockupdb.OpMsg) -> bool:
    return request.ok(n=sum(collection(request).delete_one(one["q"]).deleted_count for one in request["deletes"]))


COMMANDS: dict[str, Callable[[mockupdb.OpMsg], bool]] = {
    "hello": lambda request: request.ok(HELLO),
    "ismaster": lambda request: request.ok(HELLO),
    "endsessions": lambda request: request.ok(),
    "find": find,
    "insert": insert,
    "update": update,
    "delete": delete,
}


def answer(request: mockupdb.OpMsg) -> bool:
    command = COMMANDS.get(request.command_name.lower())
    return command(request) if command else request.command_err(59, f"no such command: {request.command_name}")


server = mockupdb.MockupDB()
server.autoresponds(answer)
server.run()
print(server.address_string, flush=True)
sys.stdin.read()
