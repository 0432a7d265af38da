"""The same control over HTTP, for tests that are not Python: POST /_sim/NAME with a JSON object.

The object holds the keyword arguments of the method of that name. An empty body is no arguments. The
answer is {"result": …}, or 400 and {"error": "…"}. GET /_sim/ lists the names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable

from . import faults
from .answer import Answer
from .model import dump
from .request import Request

if TYPE_CHECKING:
    from .simulator import Simulator

PREFIX = "/_sim/"


def handle(sim: Simulator, request: Request) -> Answer:
    name = request.path[len(PREFIX) :].rstrip("/")
    answer = Answer(encode=False)
    try:
        args = json.loads(request.body) if request.body.strip() else {}
        if not isinstance(args, dict):
            raise ValueError("the body is a JSON object of arguments")
        if name == "":
            result: Any = sorted(_CALLS)
        elif name in _CALLS:
            result = _CALLS[name](sim, args)
        else:
            answer.set(404, dump({"error": f"no control {name}"}))
            return answer
        answer.set(200, dump({"result": result}))
    except TimeoutError as error:
        answer.set(504, dump({"error": str(error)}))
    except (ValueError, TypeError, KeyError) as error:
        answer.set(400, dump({"error": f"{type(error).__name__}: {error}"}))
    return answer


def _match(args: dict[str, Any]) -> dict[str, Any]:
    """`route` and `path` of journal calls, as the function that the journal takes."""
    route, path = args.pop("route", None), args.pop("path", None)
    if route is None and path is None:
        return args
    args["match"] = lambda e: (route is None or e.route == route) and (path is None or e.path == path)
    return args


def _journal(sim: Simulator, args: dict[str, Any]) -> Any:
    return [e.as_dict() for e in sim.requests(**_match(args))]


def _wait(sim: Simulator, args: dict[str, Any]) -> Any:
    return [e.as_dict() for e in sim.wait_requests(**_match(args))]


def _fault(sim: Simulator, args: dict[str, Any]) -> Any:
    return sim.fault(**args).id


def _chaos(sim: Simulator, args: dict[str, Any]) -> Any:
    return sim.chaos(**args).id


def _bulk(sim: Simulator, args: dict[str, Any]) -> Any:
    made = sim.bulk(**args)
    return {"n": made.n, "bytes": made.size, "first_id": made.id(0), "last_id": made.id(made.n - 1)}


def _faults(sim: Simulator, args: dict[str, Any]) -> Any:
    wanted = [f for f in faults.FAULTS.values() if not args or f.name in args.get("names", [])]
    return [{"name": f.name, "effect": f.effect, "slow": f.slow} for f in wanted]


def _stop(sim: Simulator, args: dict[str, Any]) -> Any:
    sim.stopped.set()  # whoever started it ends it, after this answer
    return None


def _plain(name: str) -> Callable[[Simulator, dict[str, Any]], Any]:
    return lambda sim, args: getattr(sim, name)(**args)


_CALLS: dict[str, Callable[[Simulator, dict[str, Any]], Any]] = {
    **{
        name: _plain(name)
        for name in (
            "now", "step", "run", "add_task", "set_status", "status_of", "update_task", "remove",
            "clear_tasks", "set_bucket", "configure", "clear_faults", "release", "drop_connections",
            "connections", "mark",
        )
    },
    "task": _plain("add_task"),
    "fault": _fault,
    "chaos": _chaos,
    "bulk": _bulk,
    "faults": _faults,
    "journal": _journal,
    "wait": _wait,
    "stop": _stop,
}
