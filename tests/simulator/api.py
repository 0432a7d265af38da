"""The honest API: what a FastAPI service behind Telnyx's gateway answers to GET /v2/ai/embeddings…

Source of every shape: team-telnyx/openapi, openapi/spec3.yml of 2026-07-16, and FastAPI 0.92 run beside it.
"""

from __future__ import annotations

import random
import threading
import uuid
from typing import Any, Sequence

from .answer import Answer, Body, Segment
from .model import STATUSES, World, dump
from .request import Request
from .settings import Settings

BASE = "/v2"
LIST = BASE + "/ai/embeddings"
BUCKETS = LIST + "/buckets"


def errors(code: str, title: str, detail: str) -> bytes:
    """An error body as Telnyx v2 has it."""
    url = f"https://developers.telnyx.com/docs/overview/errors/{code}"
    return dump({"errors": [{"code": code, "title": title, "detail": detail, "meta": {"url": url}}]})


def invalid(loc: Sequence[Any], msg: str, type: str, **ctx: Any) -> bytes:
    """A 422 body as FastAPI has it."""
    entry: dict[str, Any] = {"loc": list(loc), "msg": msg, "type": type}
    if ctx:
        entry["ctx"] = ctx
    return dump({"detail": [entry]})


def route_of(path: str) -> str:
    """list | task | bucket | buckets | other: the names that faults and the journal use."""
    if path == LIST:
        return "list"
    if path == BUCKETS:
        return "buckets"
    if path.startswith(BUCKETS + "/"):
        return "bucket" if "/" not in path[len(BUCKETS) + 1 :] else "other"
    if path.startswith(LIST + "/"):
        return "task" if "/" not in path[len(LIST) + 1 :] and path != LIST + "/" else "other"
    return "other"


class Api:
    def __init__(self, world: World, settings: Settings, seed: int) -> None:
        self._world = world
        self._settings = settings
        self._lock = threading.Lock()
        self._rng = random.Random(f"api {seed}")

    def key_state(self, request: Request) -> str:
        """right | wrong | missing"""
        given = request.headers.get("authorization")
        if given is None:
            return "missing"
        scheme, _, key = given.partition(" ")
        if scheme.lower() != "bearer":
            return "wrong"
        return "right" if self._settings.key in (None, key.strip()) else "wrong"

    def answer(self, request: Request) -> Answer:
        answer = Answer()
        with self._lock:
            request_id = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        answer.header("x-request-id", str(request_id))
        self._fill(request, answer)
        for name, value in self._settings.headers.items():
            answer.header(name, value)
        return answer

    def _fill(self, request: Request, answer: Answer) -> None:
        path = request.path
        if not path.startswith(BASE + "/"):
            return answer.set(404, dump({"detail": "Not Found"}))
        if not self._authenticated(request, answer):
            return None
        route = route_of(path)
        if route == "other" and path.endswith("/") and route_of(path.rstrip("/")) != "other":
            answer.header("Location", path.rstrip("/"))  # Starlette's redirect_slashes
            return answer.set(307, b"")
        if route == "other":
            return answer.set(404, dump({"detail": "Not Found"}))
        if request.method != "GET":
            answer.header("Allow", "GET")
            return answer.set(405, dump({"detail": "Method Not Allowed"}))
        name = path.rsplit("/", 1)[1]
        if route == "list":
            return self._list(request, answer)
        if route == "buckets":
            return answer.set(200, dump({"data": {"buckets": self._world.bucket_names()}}))
        if route == "bucket":
            return self._bucket(name, answer)
        return self._task(name, answer)

    def _authenticated(self, request: Request, answer: Answer) -> bool:
        state = self.key_state(request)
        if state == "right":
            return True
        detail = "Could not find any usable credentials in the request."
        if state == "wrong":
            key = request.headers["authorization"].partition(" ")[2]
            detail = "Could not understand the provided credentials."
            if not key.startswith("KEY"):
                detail = "The API key looks malformed. Check that you copied it correctly."
        answer.set(401, errors("10009", "Authentication failed", detail))
        return False

    def _list(self, request: Request, answer: Answer) -> None:
        # Only the repeated key `status` is a filter. `a,b` is one word that no task has; `status[]` and
        # any other name mean nothing, and then the default holds.
        words = request.query.get("status", ["processing", "queued"])
        if self._settings.strict_status:
            for i, word in enumerate(words):
                if word not in STATUSES:
                    return answer.set(422, _no_member(i))
        elements, bulks = self._world.select(words)
        segments: list[Segment] = [b'{"data":[' + b",".join(elements)]
        comma = bool(elements)
        for bulk in bulks:
            if comma:
                segments.append(b",")
            segments.append(bulk)
            comma = True
        answer.body = Body(segments + [b"]}"])
        if not bulks:
            answer.body = Body.of(answer.body.bytes())
        return None

    def _task(self, id: str, answer: Answer) -> None:
        body = self._world.task(id)
        if body is not None:
            return answer.set(200, body)
        return _unknown(self._settings.unknown_task, "task_id", answer)

    def _bucket(self, name: str, answer: Answer) -> None:
        rows = self._world.bucket(name)
        if rows is not None:
            return answer.set(200, dump({"data": rows}))
        if self._settings.unknown_bucket == "detail":
            entry = {"code": "10005", "title": "Not found", "detail": f"Bucket {name} does not exist."}
            return answer.set(404, dump({"detail": [entry]}))
        return _unknown(self._settings.unknown_bucket, "bucket_name", answer)


def _no_member(index: int) -> bytes:
    permitted = ", ".join(f"'{s}'" for s in STATUSES)
    return invalid(
        ["query", "status", index],
        f"value is not a valid enumeration member; permitted: {permitted}",
        "type_error.enum",
        enum_values=list(STATUSES),
    )


def _unknown(form: str, name: str, answer: Answer) -> None:
    if form == "errors":
        detail = "The requested resource or URL could not be found."
        return answer.set(404, errors("10005", "Resource not found", detail))
    if form == "detail":
        return answer.set(404, dump({"detail": "Not Found"}))
    if form == "400":
        return answer.set(400, errors("10015", "Bad Request", "The request was invalid."))
    return answer.set(422, invalid(["path", name], "value is not a valid uuid", "type_error.uuid"))
