"""What the page may post, checked: it comes from a phone, and the phone's text reaches a terminal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter


def _printable(text: str) -> str:
    """Without control characters, which could write anywhere on a terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


Text = Annotated[str, Field(max_length=500), AfterValidator(_printable)]
Count = Annotated[int, Field(ge=0, le=10_000)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Delegate = Literal["XNNPACK", "WebGPU", "WebAssembly"]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hello(_Message):
    """What the phone says of itself, first of all."""

    kind: Literal["hello"]
    browser: Text
    model: Text
    system: Text
    architecture: Text
    gpu: Text | None
    cores: Annotated[int, Field(ge=1, le=10_000)]
    secure: bool
    isolated: bool
    relaxed_simd: bool
    timer_ms: Milliseconds


class Beat(_Message):
    """The page is still there."""

    kind: Literal["beat"]


class Step(_Message):
    """A part of the work begins, of so many rounds."""

    kind: Literal["step"]
    text: Text
    total: Count


class Round(_Message):
    """A round of the current step is done."""

    kind: Literal["round"]


class PhoneParity(_Message):
    """The first output on the phone against this machine's; no SQNR when there is no noise."""

    identical: bool
    max_abs: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    sqnr_db: Annotated[float, Field(allow_inf_nan=False)] | None


class PhoneStart(_Message):
    """The first use of an artifact in a worker of its own."""

    load_ms: Milliseconds
    first_ms: Milliseconds
    memory_bytes: Annotated[int, Field(ge=0)]


class Measured(_Message):
    """One artifact on one delegate with one number of threads; times in milliseconds, by round."""

    artifact: Count
    delegate: Delegate
    threads: Annotated[int, Field(ge=1, le=1024)]
    rounds: Annotated[list[Annotated[list[Milliseconds], Field(min_length=1)]], Field(min_length=1)]
    start: PhoneStart
    stable: bool
    parity: PhoneParity | None


class Skipped(_Message):
    """One that did not run, and why."""

    artifact: Count
    delegate: Delegate
    threads: Annotated[int, Field(ge=1, le=1024)]
    reason: Text


class Result(_Message):
    """All that was measured; the page is done."""

    kind: Literal["result"]
    measured: Annotated[list[Measured], Field(max_length=1000)]
    skipped: Annotated[list[Skipped], Field(max_length=1000)]
    hidden: bool


class Failed(_Message):
    """The page cannot go on."""

    kind: Literal["failed"]
    reason: Text


class Closed(_Message):
    """The page was closed."""

    kind: Literal["closed"]


Message = Hello | Beat | Step | Round | Result | Failed | Closed

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="kind")])


def read_message(body: bytes) -> Message:
    """Read one posted message.

    Raises:
        ValueError: when it is none (pydantic's ValidationError is one).
    """
    return _ADAPTER.validate_json(body)
