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
#: Set by the runner, which then asks for forks instead of steps.
FORKS = "CODEX_DRIVER_FORKS"
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


#: Preset, mode of threads, type of a turn's policy.
SANDBOXES = {
    "read_only": ("read-only", "readOnly"),
    "workspace_write": ("workspace-write", "workspaceWrite"),
    "full_access": ("danger-full-access", "dangerFullAccess"),
}
APPROVAL_MODES = {
    "deny_all": {"approvalPolicy": "never"},
    "auto_review": {"approvalPolicy": "on-request", "approvalsReviewer": "auto_review"},
}


def wire_options(with_: With, turn: bool) -> dict[str, Any]:
    """The options by their names on the wire, presets replaced by what they stand for: for SDKs
    whose own options have the wire's values."""
    wire: dict[str, Any] = {}
    if "approval_mode" in with_:
        wire |= APPROVAL_MODES[with_["approval_mode"]]
    if "sandbox" in with_:
        mode, policy = SANDBOXES[with_["sandbox"]]
        wire |= {"sandboxPolicy": {"type": policy}} if turn else {"sandbox": mode}
    if "sandbox_policy" in with_:
        if not turn:
            raise Unsupported("a thread takes no sandbox policy")
        wire["sandboxPolicy"] = with_["sandbox_policy"]
    return wire | dict(with_.get("params", {}))


class Decisions:
    """How approvals are answered: declined, until `approve` says otherwise."""

    METHODS = {
        "command": "item/commandExecution/requestApproval",
        "file_change": "item/fileChange/requestApproval",
        "permissions": "item/permissions/requestApproval",
    }

    def __init__(self) -> None:
        self.by_kind: dict[str, Any] = {
            "command": "decline",
            "file_change": "decline",
            "permissions": {"permissions": {}, "scope": "turn"},
        }

    def set(self, with_: With) -> None:
        """Takes an `approve`: kinds that it doesn't name stay as they were."""
        self.by_kind |= with_

    async def answer(self, kind: str) -> dict[str, Any]:
        """The result of a request; one that is to stay unanswered never comes."""
        decision = self.by_kind[kind]
        if decision is None:
            await asyncio.Event().wait()
        return decision if kind == "permissions" else {"decision": decision}


async def first(started: asyncio.Event, task: asyncio.Task[Any]) -> None:
    """Waits until a turn has started, or raises what kept it from starting."""
    waiting = asyncio.ensure_future(started.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not started.is_set():
        await task


def no_policy(with_: With, what: str) -> None:
    """Refuses a full sandbox policy for a call that takes none."""
    if "sandbox_policy" in with_:
        raise Unsupported(f"{what} takes no sandbox policy")


def text_of(given: Any) -> str:
    """The input of an SDK that takes text alone."""
    match given:
        case str(text) | [{"type": "text", "text": str(text)}]:
            return text
    raise Unsupported("the SDK takes one text as input, not items")


def known(things: Mapping[str, Any], name: str, what: str) -> Any:
    """An object that an earlier call of the SDK gave; a restart takes them all away."""
    if name not in things:
        raise Unsupported(f"the SDK wants an object of its own for {what} `{name}`, which it gave no more")
    return things[name]


def serve(driver: Driver) -> None:
    """Speaks the protocol until stdin ends; or forks a process for each case that does."""
    if os.environ.pop(FORKS, ""):
        # A driver of somebody's own may have taken this file alone.
        from fork_server import fork_server

        fork_server(lambda: speak(driver))
    else:
        speak(driver)


def speak(driver: Driver) -> None:
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
