"""Every way we know in which an answer can be wrong, late, cut, hostile or merely odd.

A *kind* is a function that spoils an honest answer; a *fault* is a kind with its parameters, under a name.
`FAULTS` holds all of them, so that a test can say "in every way the simulator knows". What a client owes
differs by `effect`:

    error     the answer does not count; asking again is right
    refused   a proper answer that says no: 4xx with a body; asking again at once is wrong
    harmless  the truth in an odd dress; must be read
    lie       complete and valid, but not the truth; no client can tell
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from . import bodies  # noqa: F401  its kinds are registered
from .answer import Answer
from .api import invalid
from .kinds import KINDS, PORTAL, Context

EFFECTS = ("error", "refused", "harmless", "lie")


@dataclass(frozen=True)
class Fault:
    name: str
    kind: str
    effect: str
    params: dict[str, Any] = field(default_factory=dict)
    slow: bool = False  # costs the client its time limit

    def check(self, params: dict[str, Any]) -> None:
        """A parameter that the kind does not have is the test's mistake, said when it is made."""
        known = inspect.signature(KINDS[self.kind]).parameters
        for name in params:
            if name not in known or name in ("context", "answer"):
                raise ValueError(f"fault {self.name} has no parameter {name}")

    def apply(self, context: Context, answer: Answer, **more: Any) -> None:
        KINDS[self.kind](context, answer, **{**self.params, **more})


FAULTS: dict[str, Fault] = {}


def names(*effects: str, slow: bool | None = None) -> list[str]:
    """The faults of these effects (none: all), in order; `slow` True or False narrows."""
    wanted = effects or EFFECTS
    return [
        f.name for f in FAULTS.values() if f.effect in wanted and (slow is None or f.slow == slow)
    ]


def _fault(name: str, kind: str, effect: str, slow: bool = False, **params: Any) -> None:
    assert kind in KINDS and effect in EFFECTS and name not in FAULTS
    FAULTS[name] = Fault(name, kind, effect, params, slow)


def _catalogue() -> None:
    for code in (408, 409, 429, 500, 502, 503, 504, 520, 599):
        _fault(f"status-{code}", "status", "error", status=code)
    for code in (400, 401, 403, 404):
        _fault(f"status-{code}", "status", "refused", status=code)
    _fault("status-404-detail", "status", "refused", status=404, body={"detail": "Not Found"})
    _fault("status-404-html", "status", "refused", status=404, body=PORTAL, content_type="text/html")
    _fault("status-422", "status", "refused", status=422,
           body=invalid(["query", "status", 0], "value is not a valid enumeration member",
                        "type_error.enum"))
    # of somebody between the API and us: a CDN, a proxy, a portal
    for code in (401, 403):
        _fault(f"status-{code}-html", "status", "error", status=code, content_type="text/html",
               body=b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>")
    _fault("status-403-empty", "status", "error", status=403, body=b"")
    _fault("status-403-limited", "status", "error", status=403,
           body={"message": "API rate limit exceeded"}, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "0"})
    _fault("status-418", "status", "refused", status=418)
    _fault("status-500-empty", "status", "error", status=500, body=b"", headers={"server": "Telnyx API"})
    _fault("status-502-html", "status", "error", status=502, content_type="text/html",
           body=b"<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>")
    _fault("status-503-untitled", "status", "error", status=503,
           body={"errors": [{"code": "10007", "detail": "An unexpected error occurred."}]})
    _fault("status-503-integer-code", "status", "error", status=503,
           body={"errors": [{"code": 10007, "title": None, "detail": {"reason": "x"}, "meta": None}]})
    _fault("status-503-errors-object", "status", "error", status=503,
           body={"errors": {"status": ["is odd"]}})
    _fault("status-500-huge", "status", "error", status=500, body=b'{"errors":"' + b"e" * 300_000)
    _fault("status-500-controls", "status", "error", status=500,
           body={"errors": [{"code": "1", "title": "\x1b[31mred\x1b[0m\u202e", "detail": "a\r\nb\0"}]})
    _fault("status-503-no-retry", "status", "error", status=503, headers={"x-should-retry": "false"})
    _fault("status-400-do-retry", "status", "error", status=400, headers={"x-should-retry": "true"})
    _fault("status-204", "body", "error", status=204, body=b"")
    _fault("status-206", "status", "error", status=206, body={"data": []})
    for form in ("seconds", "float", "date", "ms", "reset-seconds", "reset-epoch", "all", "negative",
                 "past", "garbage", "none"):
        _fault(f"retry-{form}", "retry-header", "error", form=form, seconds=0.3)
    _fault("retry-huge", "retry-header", "error", slow=True, form="huge")
    _fault("retry-503-seconds", "retry-header", "error", form="seconds", status=503)
    for code in (301, 302, 303, 307, 308):
        _fault(f"redirect-{code}", "redirect", "refused", status=code)
    _fault("redirect-portal", "redirect", "refused", to="http://portal.invalid/login")
    _fault("portal", "body", "error", body=PORTAL, content_type="text/html; charset=utf-8")
    _fault("empty-body", "body", "error", body=b"")
    _fault("blank-body", "body", "error", body=b" \n\t ")

    _fault("delay", "delay", "harmless")
    _fault("hang", "hang", "error", slow=True)
    _fault("stall", "stall", "error", slow=True)
    _fault("stall-chunked", "stall", "error", slow=True, framing="chunked")
    _fault("trickle", "trickle", "harmless")
    _fault("cut-length", "cut", "error")
    _fault("cut-chunked", "cut", "error", framing="chunked")
    _fault("cut-close", "cut", "error", framing="close")
    _fault("cut-at-0", "cut", "error", at=0)
    _fault("cut-head", "cut-head", "error")
    _fault("reset", "raw", "error", data=b"", end="reset")
    _fault("reset-middle", "cut", "error", end="reset")
    _fault("close", "raw", "error", data=b"")
    _fault("garbage", "garbage", "error")
    _fault("not-http", "raw", "error", data=b"220 mail.example ESMTP ready\r\n")
    _fault("http-0.9", "raw", "error", data=b'{"data":[]}')
    _fault("bad-status-line", "raw", "error", data=b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n")
    _fault("length-short", "length", "error", off=-10)
    _fault("length-long", "length", "error", off=10)
    _fault("bad-chunk", "bad-chunk", "error")
    _fault("chunked", "framing", "harmless")
    _fault("until-close", "framing", "harmless", framing="close")
    _fault("close-after", "close-after", "harmless")
    _fault("close-silently", "close-after", "harmless", announce=False)
    _fault("early-hints", "prelude", "harmless")
    _fault("continue", "prelude", "harmless", data="HTTP/1.1 100 Continue\r\n\r\n")
    _fault("http-1.0", "version", "harmless")
    _fault("big-header", "big-headers", "error")
    _fault("many-headers", "big-headers", "harmless", lines=50)
    _fault("rate-headers-200", "headers", "harmless",
           headers={"x-ratelimit-limit": "5, 5;w=1", "x-ratelimit-remaining": "0",
                    "x-ratelimit-reset": "3600", "retry-after": "3600"})
    _fault("date-skew", "date-skew", "harmless")

    _fault("gzip-broken", "gzip-broken", "error")
    _fault("gzip-cut", "gzip-cut", "error")
    _fault("gzip-lie", "encoding-lie", "error")
    _fault("encoding-unknown", "encoding-lie", "error", encoding="x-made-up")
    _fault("gzip-bomb", "gzip-bomb", "error")

    for how in ("half", "tail", "twice", "quotes", "comma", "nan", "nul", "utf16", "bytes"):
        _fault(f"json-{how}", "spoil", "error", how=how)
    for how in ("data-missing", "data-null", "data-object", "data-string", "data-number", "top-array",
                "top-string", "top-null", "top-number", "errors-200", "errors-beside", "errors-null"):
        _fault(f"shape-{how}", "shape", "error", how=how)
    for how in ("null", "number", "string", "array", "no-id", "no-status", "id-number", "id-null",
                "id-empty", "id-long", "id-control", "id-dots", "status-number", "status-null",
                "status-empty", "status-object"):
        _fault(f"element-{how}", "element", "error", how=how)
    _fault("huge-string", "huge-string", "error")
    _fault("nested", "nested", "error")
    _fault("nested-65", "nested", "error", depth=65)
    _fault("json-pretty", "pretty", "harmless")
    _fault("extra-fields", "extra-fields", "harmless")
    _fault("duplicate-ids", "duplicates", "harmless")
    _fault("more-pages", "more-pages", "harmless")
    _fault("unix-times", "unix-times", "harmless")
    _fault("empty-list", "empty-list", "lie")
    _fault("half-list", "half-list", "lie")
    _fault("json-bom", "spoil", "lie", how="bom")
    _fault("data-twice", "data-twice", "lie")
    _fault("invalid-utf8", "invalid-utf8", "lie")
    _fault("field-types", "field-types", "lie")
    _fault("unknown-status", "word", "lie")
    for how in ("controls", "nul", "bidi", "markup", "surrogate", "emoji", "newlines"):
        _fault(f"hostile-{how}", "hostile", "lie", how=how)


_catalogue()
