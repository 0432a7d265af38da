"""The kinds of fault that change the body: no JSON, the wrong JSON, hostile or odd JSON."""

from __future__ import annotations

import datetime
import json
from typing import Any, Callable

from .answer import Answer, Body
from .kinds import Context, kind, to_bytes
from .model import ACTIVE, ENDED, dump


@kind
def _body(
    context: Context,
    answer: Answer,
    body: Any = b"",
    status: int = 200,
    content_type: str = "application/json",
) -> None:
    answer.set(status, to_bytes(body), content_type)


@kind
def _half_list(context: Context, answer: Answer) -> None:
    def halve(doc: dict[str, Any]) -> None:
        if isinstance(doc["data"], list):
            doc["data"] = doc["data"][::2]

    _edit(answer, halve)


@kind
def _spoil(context: Context, answer: Answer, how: str = "half") -> None:
    """The honest text, made into something that is not JSON."""
    if how == "bom" and answer.status != 200:
        return
    text = answer.body.bytes() if answer.status == 200 else b'{"data":[]}'
    ways: dict[str, Callable[[bytes], bytes]] = {
        "half": lambda t: t[: len(t) // 2],
        "tail": lambda t: t + b"]",
        "twice": lambda t: t + t,
        "quotes": lambda t: t.replace(b'"', b"'"),
        "comma": lambda t: t[:-2] + b",]}" if t.endswith(b"]}") else t[:-1] + b",}",
        "nan": lambda t: t[:-1] + b',"meta":NaN}',
        "bom": lambda t: b"\xef\xbb\xbf" + t,
        "nul": lambda t: t[: len(t) // 2] + b"\0" + t[len(t) // 2 :],
        "utf16": lambda t: t.decode("utf-8", "replace").encode("utf-16"),
        "bytes": lambda t: context.rng.randbytes(max(len(t), 64)),
    }
    answer.set(200, ways[how](text))


@kind
def _shape(context: Context, answer: Answer, how: str = "data-missing") -> None:
    """JSON, but no answer of a task API."""
    ways: dict[str, Any] = {
        "data-missing": {"tasks": []},
        "data-null": {"data": None},
        "data-object": {"data": {"0": {}}},
        "data-string": {"data": "none"},
        "data-number": {"data": 0},
        "top-array": [],
        "top-string": "ok",
        "top-null": None,
        "top-number": 42,
        "errors-200": {"errors": [{"code": "10007", "detail": "An unexpected error occurred."}]},
        "errors-beside": {"data": [], "errors": [{"code": "10007", "detail": "An unexpected error occurred."}]},
        "errors-null": {"data": None, "errors": [{"code": "10007", "detail": "An unexpected error occurred."}]},
    }
    answer.set(200, dump(ways[how]))


@kind
def _element(context: Context, answer: Answer, how: str = "null") -> None:
    """One element of the list (or the one task) that is no task."""
    long = "x" * 257
    ways: dict[str, Any] = {
        "null": None,
        "number": 7,
        "string": "task",
        "array": [],
        "no-id": {"task_id": ...},
        "no-status": {"status": ...},
        "id-number": {"task_id": 7},
        "id-null": {"task_id": None},
        "id-empty": {"task_id": ""},
        "id-long": {"task_id": long},
        "id-control": {"task_id": "a\nb"},
        "id-dots": {"task_id": ".."},
        "status-number": {"status": 1},
        "status-null": {"status": None},
        "status-empty": {"status": ""},
        "status-object": {"status": {"name": "queued"}},
    }
    _edit(answer, lambda doc: _replace_one(doc, ways[how]), make=True)


@kind
def _hostile(context: Context, answer: Answer, how: str = "controls") -> None:
    """A valid task whose name is meant to hurt whoever prints it."""
    ways = {
        "controls": "\x1b[2J\x1b]0;owned\x07\r\n\t\b\x7f\u0085",
        "nul": "before\0after",
        "bidi": "invoice\u202excod.exe\u2066\u2069",
        "markup": '<b>bold</b><img src="x">&amp;%s%n{task_id}$(id)`id`;\'"',
        "surrogate": "lone \ud800 half",
        "emoji": "\U0001f469\u200d\U0001f4bb done \u00e9e\u0301",
        "newlines": "one\ntwo\n\nthree",
    }
    _edit(answer, lambda doc: _change_one(doc, {"task_name": ways[how]}))


@kind
def _field_types(context: Context, answer: Answer) -> None:
    """The fields that may be malformed, malformed: they count as not known."""
    odd = {"task_name": 7, "bucket": ["b"], "user_id": {}, "created_at": "yesterday", "finished_at": 0}
    _edit(answer, lambda doc: _change_one(doc, odd))


@kind
def _extra_fields(context: Context, answer: Answer) -> None:
    """Fields that a later version of the API may add."""
    extra = {"progress": 0.5, "error": {"code": 1, "data": [{"task_id": "inner", "status": "failure"}]}}

    def add(doc: dict[str, Any]) -> None:
        doc["meta"] = {"data": [], "total": 1}
        for element in _elements(doc):
            element.update(extra)

    _edit(answer, add)


@kind
def _more_pages(context: Context, answer: Answer) -> None:
    """The truth, and a word that it is not all of it."""

    def page(doc: dict[str, Any]) -> None:
        doc["meta"] = {"page_number": 1, "page_size": 20, "total_pages": 2, "total_results": 21}

    _edit(answer, page)


@kind
def _unix_times(context: Context, answer: Answer) -> None:
    """Seconds, milliseconds and so on since 1970, as numbers and as texts."""

    def write(doc: dict[str, Any]) -> None:
        for i, element in enumerate(_elements(doc)):
            for name in ("created_at", "finished_at"):
                if isinstance(element.get(name), str):
                    moment = datetime.datetime.fromisoformat(element[name].replace("Z", "+00:00"))
                    number = int(moment.timestamp()) * 1000 ** (i % 4)
                    element[name] = str(number) if i % 8 > 3 else number

    _edit(answer, write)


@kind
def _data_twice(context: Context, answer: Answer) -> None:
    """Two members `data` in one object; JSON leaves open which one counts."""
    if answer.status == 200:
        answer.set(200, b'{"data":[],' + answer.body.bytes().lstrip(b"{"))


@kind
def _huge_string(context: Context, answer: Answer, size: int = 2 << 20) -> None:
    _edit(answer, lambda doc: _change_one(doc, {"task_name": "h" * size}, make=True), make=True)


@kind
def _nested(context: Context, answer: Answer, depth: int = 100_000) -> None:
    """Brackets in brackets, inside an element."""
    text = b"[" * depth + b"]" * depth
    element = b'{"task_id":"nested","task_name":"n","status":"queued","deep":' + text + b"}"
    answer.set(200, b'{"data":[' + element + b"]}")


@kind
def _invalid_utf8(context: Context, answer: Answer) -> None:
    """Bytes that are no UTF-8 inside a name."""
    mark = "INVALID-BYTES"
    _edit(answer, lambda doc: _change_one(doc, {"task_name": mark}))
    text = answer.body.bytes().replace(mark.encode(), b"bad \xff\xc0\xaf\xed\xa0\x80\xf8 bytes")
    answer.body = Body.of(text)


@kind
def _duplicates(context: Context, answer: Answer, conflict: bool = True) -> None:
    """Every id twice; the one that stands last is the truth, the other may contradict it."""

    def double(doc: dict[str, Any]) -> None:
        if not isinstance(doc["data"], list):
            return
        copies = [dict(e) for e in doc["data"]]
        for copy in copies:
            if conflict:
                other = ENDED if copy.get("status") in ACTIVE else ACTIVE
                copy["status"] = context.rng.choice(other)
        doc["data"] = copies + doc["data"]

    _edit(answer, double)


@kind
def _word(context: Context, answer: Answer, status: str = "paused") -> None:
    """The first task has a status that nobody knows."""
    _edit(answer, lambda doc: _change_one(doc, {"status": status}))


@kind
def _pretty(context: Context, answer: Answer) -> None:
    """The same document with white space, escapes and another order of fields."""
    if answer.status == 200:
        doc = json.loads(answer.body.bytes())
        text = json.dumps(_turned(doc), ensure_ascii=True, indent="\t", separators=(" ,", " :\r\n "))
        text = text.replace("/", "\\/")
        answer.body = Body.of(b"\n \t" + text.encode() + b"\r\n")


def _turned(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _turned(v) for k, v in reversed(list(value.items()))}
    return [_turned(v) for v in value] if isinstance(value, list) else value


def _edit(answer: Answer, change: Callable[[dict[str, Any]], Any], make: bool = False) -> None:
    """Changes the document of a good answer. An error stays as it is: to make it good would be to lie,
    unless what is made of it (`make`) is bad again."""
    if answer.status != 200 and not make:
        return
    doc = json.loads(answer.body.bytes()) if answer.status == 200 else {"data": []}
    change(doc)
    answer.set(200, dump(doc))


def _elements(doc: dict[str, Any]) -> list[dict[str, Any]]:
    data = doc["data"]
    return data if isinstance(data, list) else [data]


_SAMPLE = {"task_id": "sample", "task_name": "sample", "status": "queued", "user_id": "u"}


def _change_one(doc: dict[str, Any], values: dict[str, Any], make: bool = False) -> None:
    """Changes the first task; where there is none, makes one if asked to, so that the answer is bad."""
    elements = _elements(doc)
    if not elements and make:
        elements.append(dict(_SAMPLE))
    for element in elements[:1]:
        element.update(values)


def _replace_one(doc: dict[str, Any], value: Any) -> None:
    if isinstance(value, dict):
        _change_one(doc, {}, make=True)
        last = _elements(doc)[-1]
        for name, v in value.items():
            last.pop(name, None)
            if v is not ...:
                last[name] = v
    elif isinstance(doc["data"], list):
        doc["data"].append(value)
    else:
        doc["data"] = value
