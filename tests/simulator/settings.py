"""What may differ between one Telnyx and another: everything the public material leaves open."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from typing import Any, Callable


def _utc(t: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=round(t * 1e6))


def _milli(t: float) -> str:
    return _utc(t).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pydantic(t: float) -> str:
    return _utc(t).replace(tzinfo=None).isoformat()


def _plus_two(t: float) -> str:
    return _utc(t).astimezone(timezone(timedelta(hours=2))).isoformat(timespec="milliseconds")


# The forms seen in the vendor's examples, what pydantic prints, and what RFC 3339 also allows.
TIMESTAMPS: dict[str, Callable[[float], str]] = {
    "z": _milli,
    "seconds": lambda t: _utc(t).isoformat(timespec="seconds").replace("+00:00", "Z"),
    "naive": _pydantic,
    "offset": lambda t: _utc(t).isoformat(),
    "east": _plus_two,
    "space": lambda t: _milli(t).replace("T", " "),
    "nano": lambda t: _utc(t).isoformat(timespec="microseconds").replace("+00:00", "789Z"),
}

UNKNOWN = ("errors", "detail", "400", "422")


@dataclass
class Settings:
    key: str | None = "KEYSIM"  # None: every key is right
    timestamps: str = "z"  # a name of TIMESTAMPS
    nulls: str = "absent"  # how an unset optional field looks: absent | null
    failure_word: str = "failure"  # what a failed task is called in answers
    failure_filter: list[str] = field(default_factory=lambda: ["failure"])  # what selects it
    strict_status: bool = False  # an enum-typed filter: unknown words are a 422
    unknown_task: str = "errors"  # answer to an unknown id, one of UNKNOWN
    unknown_bucket: str = "detail"
    shuffle: bool = False  # no order may be relied on: another one in every answer
    gzip: bool = True  # compress when the client offers it
    gzip_min: int = 500  # bytes below which compressing is not worth it
    headers: dict[str, str] = field(default_factory=dict)  # on every API answer
    date_skew: float = 0.0  # seconds that the Date header is ahead of the real time
    idle_close: bool = False  # close each connection after its answer, without saying so before

    def change(self, **values: Any) -> None:
        known = {f.name for f in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no setting {name}; there are {', '.join(sorted(known))}")
            _check(name, value)
        for name, value in values.items():
            setattr(self, name, value)

    def look(self) -> tuple[str, str, str]:
        """What the text of a task depends on besides the task."""
        return (self.timestamps, self.nulls, self.failure_word)

    def time(self, t: float) -> str:
        return TIMESTAMPS[self.timestamps](t)


def _check(name: str, value: Any) -> None:
    allowed: dict[str, Any] = {
        "timestamps": TIMESTAMPS,
        "nulls": ("absent", "null"),
        "unknown_task": UNKNOWN,
        "unknown_bucket": UNKNOWN,
    }
    if name in allowed and value not in allowed[name]:
        raise ValueError(f"{name} is one of {', '.join(allowed[name])}")
