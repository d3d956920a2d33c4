"""The loop of a driver in Python: reads requests, calls the SDK, answers.

`docs/drivers.md` describes the protocol. A driver derives from `Driver`, names what its SDK can do
and has one method for each verb, plain or `async`. The loop tells the SDK's errors from those of
the driver: an exception that went through a file outside of this directory is the SDK's.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any, Mapping

PROTOCOL = 1
HERE = str(Path(__file__).resolve().parent)

VERBS = (
    "thread_start",
    "thread_resume",
    "thread_fork",
    "thread_read",
    "thread_list",
    "thread_archive",
    "thread_unarchive",
    "thread_name",
    "thread_compact",
    "run",
    "turn",
    "await_turn",
    "steer",
    "interrupt",
    "models",
    "account",
    "login_api_key",
    "logout",
    "approve",
)

With = Mapping[str, Any]


class Unsupported(Exception):
    """The SDK has no way to do this; the message says why."""


class Driver:
    """What an SDK can do. Subclasses add a method `verb(with_)` for each of `VERBS` they have."""

    #: The name of the distribution; its version is what is installed.
    distribution = ""
    #: Does the SDK name approval modes and sandboxes itself, and refuse other names?
    presets = False
    #: Presets that it can express exactly.
    approval_modes: tuple[str, ...] = ()
    sandboxes: tuple[str, ...] = ()
    #: What it reaches codex by, the best first.
    transports: tuple[str, ...] = ("stdio",)
    #: The kinds of approval that can be answered through it.
    approvals: tuple[str, ...] = ()
    #: Why a verb isn't there, by verb.
    lacks: Mapping[str, str] = {}
    #: Who raised an error of these types, the first that fits. `client` for all others.
    raised_by: tuple[tuple[type[BaseException], str], ...] = (
        (OSError, "transport"),
        (EOFError, "transport"),
    )

    #: The executable to use as `codex`, from `hello`.
    codex = ""

    async def open(self, with_: With) -> None:
        """Makes the SDK's client."""
        raise NotImplementedError

    async def close(self) -> None:
        """Closes the SDK's client, if there is one."""
        raise NotImplementedError

    def details(self, error: BaseException) -> dict[str, Any]:
        """`code` and `data` of the app-server's error, where the SDK's error has them."""
        return {}

    def origin(self, error: BaseException) -> str:
        """Who raised an error, by its type."""
        return next((who for kind, who in self.raised_by if isinstance(error, kind)), "client")

    def hello(self, with_: With) -> dict[str, Any]:
        """Who speaks, and what it can do."""
        self.codex = with_["codex"]
        return {
            "protocol": PROTOCOL,
            "name": self.distribution,
            "version": metadata.version(self.distribution),
            "presets": self.presets,
            "verbs": [verb for verb in VERBS if hasattr(self, verb)],
            "approval_modes": list(self.approval_modes),
            "sandboxes": list(self.sandboxes),
            "transports": list(self.transports),
            "approvals": list(self.approvals),
        }

    async def perform(self, verb: str, with_: With) -> Any:
        """Does one step."""
        if verb == "hello":
            return self.hello(with_)
        if verb == "close":
            return await self.close()
        method = getattr(self, verb, None) if verb == "open" or verb in VERBS else None
        if method is None:
            raise Unsupported(self.lacks.get(verb, f"the SDK has nothing for `{verb}`"))
        return await settled(method(with_))


async def settled(value: Any) -> Any:
    """The value itself, or what comes of it: the same code drives both faces of an SDK."""
    return await value if inspect.isawaitable(value) else value


def renamed(given: Mapping[str, Any], names: Mapping[str, str], what: str) -> dict[str, Any]:
    """Options by the SDK's names. One that has none is unsupported, never left out."""
    for name in given:
        if name not in names:
            raise Unsupported(f"{what} has no option for `{name}`")
    return {names[name]: value for name, value in given.items()}


def no_policy(with_: With, what: str) -> None:
    """Refuses a full sandbox policy for a call that takes none."""
    if "sandbox_policy" in with_:
        raise Unsupported(f"{what} takes no sandbox policy")


def text_of(given: Any) -> str:
    """The input of an SDK that takes text alone."""
    if isinstance(given, str):
        return given
    raise Unsupported("the SDK takes text as input, not items")


def known(things: Mapping[str, Any], name: str, what: str) -> Any:
    """An object that an earlier call of the SDK gave; a restart takes them all away."""
    if name not in things:
        raise Unsupported(f"the SDK wants an object of its own for {what} `{name}`, which it gave no more")
    return things[name]


def serve(driver: Driver) -> None:
    """Speaks the protocol until stdin ends. Whatever else prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asyncio.run(_serve(driver, answers))


async def _serve(driver: Driver, answers: Any) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        answer = {"id": request["id"], **await _answer(driver, request)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    await driver.close()


async def _answer(driver: Driver, request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        result = await driver.perform(request["verb"], request["with"])
    except Unsupported as lack:
        return {"unsupported": str(lack)}
    except Exception as error:
        if not _from_sdk(error):
            raise
        traceback.print_exc()
        return {
            "error": {
                "raised_by": driver.origin(error),
                "type": type(error).__name__,
                "message": str(error),
                **driver.details(error),
            }
        }
    return {"result": {} if result is None else result}


def _from_sdk(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return any(not os.path.abspath(frame.filename).startswith(HERE + os.sep) for frame in frames)
