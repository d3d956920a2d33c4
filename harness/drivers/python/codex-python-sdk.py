"""Drives `codex-python-sdk`, its asynchronous client.

Its threads are ids, and it resumes by itself: each turn on a thread that exists starts with a
`thread/resume`. So `thread_resume` here notes the options for the turns that follow, which is what
its `thread_params` are for.
"""

from __future__ import annotations

import asyncio
from typing import Any

from codex_python_sdk import (
    AgentResponse,
    AppServerConnectionError,
    AsyncCodexAgenticClient,
    CodexAgenticError,
    ResponseEvent,
    create_async_client,
)
from driver import Decisions, Driver, Unsupported, With, first, known, serve, text_of, wire_options

HANDLERS = {
    "command": "on_command_approval",
    "file_change": "on_file_change_approval",
    "permissions": "on_permissions_approval",
}


class PythonSdk(Driver):
    """`create_async_client` as it comes, with the path of codex and nothing else."""

    distribution = "codex-python-sdk"
    approval_modes = ("deny_all", "auto_review")
    sandboxes = ("read_only", "workspace_write", "full_access")
    approvals = tuple(Decisions.METHODS)
    lacks = {
        "login_api_key": "the SDK leaves logging in to `codex login`",
        "logout": "the SDK leaves logging out to `codex logout`",
    }
    # A subclass of the other; what the client refuses by itself has the general type too.
    raised_by = (
        (AppServerConnectionError, "transport"),
        (CodexAgenticError, "server"),
        *Driver.raised_by,
    )

    def __init__(self) -> None:
        self.client: AsyncCodexAgenticClient | None = None
        self.decisions = Decisions()
        #: `thread_params` of threads that were resumed.
        self.resumed: dict[str, dict[str, Any]] = {}
        self.turns: dict[str, tuple[str, asyncio.Task[list[ResponseEvent]]]] = {}

    async def open(self, with_: With) -> None:
        if with_.get("experimental_api") is False:
            raise Unsupported("the SDK always asks for the experimental API")
        handlers = {}
        if with_.get("approvals"):
            self.decisions = Decisions()
            handlers = {name: self._handler(kind) for kind, name in HANDLERS.items()}
        client = create_async_client(codex_command=self.codex, **handlers)
        await client.connect()
        self.client = client

    async def close(self) -> None:
        client, self.client = self.client, None
        for _, task in self.turns.values():
            task.cancel()
        self.turns.clear()
        self.resumed.clear()
        if client is not None:
            await client.close()

    def approve(self, with_: With) -> None:
        self.decisions.set(with_)

    async def thread_start(self, with_: With) -> Any:
        return await self.client.thread_start(**_params(wire_options(with_, turn=False)))

    def thread_resume(self, with_: With) -> Any:
        self.resumed[with_["thread"]] = wire_options(with_, turn=False)
        return {"thread": {"id": with_["thread"]}}

    async def thread_fork(self, with_: With) -> Any:
        options = _params(wire_options(with_, turn=False))
        return await self.client.thread_fork(with_["thread"], **options)

    async def run(self, with_: With) -> Any:
        options = self._turn_options(with_)
        return _response(await self.client.responses_create(**options, include_events=True))

    async def turn(self, with_: With) -> Any:
        started, ids = asyncio.Event(), []

        async def collect() -> list[ResponseEvent]:
            events = []
            async for event in self.client.responses_events(**self._turn_options(with_)):
                events.append(event)
                if event.turn_id and not ids:
                    ids.append(event.turn_id)
                    started.set()
            return events

        task = asyncio.create_task(collect())
        await first(started, task)
        self.turns[ids[0]] = (with_["thread"], task)
        return {"id": ids[0]}

    async def await_turn(self, with_: With) -> Any:
        _, task = known(self.turns, with_["turn"], "the turn")
        return _events(await task)

    async def steer(self, with_: With) -> None:
        thread, _ = known(self.turns, with_["turn"], "the turn")
        await self.client.turn_steer(thread, with_["turn"], text_of(with_["input"]))

    async def interrupt(self, with_: With) -> None:
        thread, _ = known(self.turns, with_["turn"], "the turn")
        await self.client.turn_interrupt(thread, with_["turn"])

    async def thread_read(self, with_: With) -> Any:
        include = {"include_turns": True} if with_.get("include_turns") else {}
        return {"thread": await self.client.thread_read(with_["thread"], **include)}

    async def thread_list(self, with_: With) -> Any:
        names = {"limit": "limit", "sortKey": "sort_key"}
        for name in with_:
            if name not in names:
                raise Unsupported(f"`thread_list` has no option for `{name}`")
        options = {names[name]: value for name, value in with_.items()}
        return {"data": await self.client.thread_list(**options)}

    async def thread_archive(self, with_: With) -> None:
        await self.client.thread_archive(with_["thread"])

    async def thread_unarchive(self, with_: With) -> Any:
        return await self.client.thread_unarchive(with_["thread"])

    async def thread_name(self, with_: With) -> None:
        await self.client.thread_name_set(with_["thread"], with_["name"])

    async def thread_compact(self, with_: With) -> None:
        await self.client.thread_compact_start(with_["thread"])

    async def models(self, with_: With) -> Any:
        if with_.get("include_hidden"):
            raise Unsupported("`model_list` has no option for hidden models")
        return await self.client.model_list()

    async def account(self, _with: With) -> Any:
        return await self.client.account_read()

    def _handler(self, kind: str) -> Any:
        return lambda _params: self.decisions.answer(kind)

    def _turn_options(self, with_: With) -> dict[str, Any]:
        options: dict[str, Any] = {
            "prompt": text_of(with_["input"]),
            "thread_id": with_["thread"],
        }
        if params := self.resumed.get(with_["thread"]):
            options["thread_params"] = params
        if params := wire_options(with_, turn=True):
            options["turn_params"] = params
        return options


def _params(given: dict[str, Any]) -> dict[str, Any]:
    return {"params": given} if given else {}


def _response(response: AgentResponse) -> dict[str, Any]:
    return _events(response.events or []) | {"final_response": response.text or None}


def _events(events: list[ResponseEvent]) -> dict[str, Any]:
    """What the events say of the turn; the SDK gives the notification with each."""
    turn: dict[str, Any] = {"items": []}
    for event in events:
        params = event.raw.get("params", {})
        if event.turn_id:
            turn["turn"] = {"id": event.turn_id}
        if event.token_usage is not None:
            turn["usage"] = event.token_usage
        if event.type == "item/completed":
            turn["items"].append(params["item"])
        elif event.type == "turn/completed":
            turn["status"] = params["turn"]["status"]
    return turn


if __name__ == "__main__":
    serve(PythonSdk())
