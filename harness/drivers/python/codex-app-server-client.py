"""Drives `codex-app-server-client`, its asynchronous high-level face."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import BaseModel

from codex_app_server_client import AsyncThread, CodexAppServer, TurnResult
from codex_app_server_client.types.common import (
    DangerFullAccessSandboxPolicy,
    ExternalSandboxPolicy,
    ImageInput,
    LocalImageInput,
    MentionInput,
    ReadOnlySandboxPolicy,
    SkillInput,
    TextInput,
    WorkspaceWriteSandboxPolicy,
)
from codex_app_server_client.types.auth import LoginAccountParams
from codex_app_server_client.types.events import TurnStartedEvent
from codex_app_server_client.types.misc import ModelListParams
from codex_app_server_client.types.threads import (
    ThreadCompactStartParams,
    ThreadForkParams,
    ThreadListParams,
    ThreadReadParams,
    ThreadResumeParams,
    ThreadStartParams,
    ThreadUnarchiveParams,
    TurnInterruptParams,
    TurnStartParams,
    TurnSteerParams,
)
from driver import Decisions, Driver, Unsupported, With, first, known, serve, wire_options

POLICIES = {
    "readOnly": ReadOnlySandboxPolicy,
    "workspaceWrite": WorkspaceWriteSandboxPolicy,
    "dangerFullAccess": DangerFullAccessSandboxPolicy,
    "externalSandbox": ExternalSandboxPolicy,
}
ITEMS = {
    "text": TextInput,
    "image": ImageInput,
    "localImage": LocalImageInput,
    "skill": SkillInput,
    "mention": MentionInput,
}


class AppServerClient(Driver):
    """`CodexAppServer` and its threads; what they lack, by its low-level client."""

    distribution = "codex-app-server-client"
    approval_modes = ("deny_all",)
    sandboxes = ("read_only", "workspace_write", "full_access")
    approvals = tuple(Decisions.METHODS)
    # The type of every error reply; of a process that ended too.
    raised_by = ((RuntimeError, "server"), *Driver.raised_by)

    def __init__(self) -> None:
        self.server: CodexAppServer | None = None
        self.decisions = Decisions()
        self.threads: dict[str, Any] = {}
        #: Of each turn its thread's id and the task that runs it.
        self.turns: dict[str, tuple[str, asyncio.Task[TurnResult]]] = {}

    async def open(self, with_: With) -> None:
        options = {}
        if "experimental_api" in with_:
            options["experimental_api"] = with_["experimental_api"]
        server = CodexAppServer(codex_bin=self.codex, **options)
        if with_.get("approvals"):
            self.decisions = Decisions()
            for kind, method in Decisions.METHODS.items():
                server.low_level.on_server_request(method, self._handler(kind))
        await server.start()
        self.server = server

    async def close(self) -> None:
        server, self.server = self.server, None
        for _, task in self.turns.values():
            task.cancel()
        self.turns.clear()
        self.threads.clear()
        if server is not None:
            await server.close()

    def approve(self, with_: With) -> None:
        self.decisions.set(with_)

    async def thread_start(self, with_: With) -> Any:
        params = _params(ThreadStartParams, wire_options(with_, turn=False))
        return self._thread(await self.server.start_thread(params))

    async def thread_resume(self, with_: With) -> Any:
        options = _options(ThreadResumeParams, wire_options(with_, turn=False))
        return self._thread(await self.server.resume_thread(with_["thread"], **options))

    async def thread_fork(self, with_: With) -> Any:
        """The high-level face has no fork, but its threads can be made of any id."""
        options = wire_options(with_, turn=False) | {"threadId": with_["thread"]}
        low = self.server.low_level
        forked = await low.thread_fork(_params(ThreadForkParams, options))
        self.threads[forked.thread.id] = AsyncThread(client=low, thread_id=forked.thread.id)
        return _plain(forked)

    async def run(self, with_: With) -> Any:
        return _turn(await self._thread_of(with_).run(_input(with_), **_turn_options(with_)))

    async def turn(self, with_: With) -> Any:
        thread, started, ids = self._thread_of(with_), asyncio.Event(), []

        def see(_method: str, event: Any) -> None:
            if isinstance(event, TurnStartedEvent):
                ids.append(event.turn.id)
                started.set()

        running = thread.run(_input(with_), on_event=see, **_turn_options(with_))
        task = asyncio.create_task(running)
        await first(started, task)
        self.turns[ids[0]] = (thread.id, task)
        return {"id": ids[0]}

    async def await_turn(self, with_: With) -> Any:
        _, task = known(self.turns, with_["turn"], "the turn")
        return _turn(await task)

    async def steer(self, with_: With) -> None:
        thread, _ = known(self.turns, with_["turn"], "the turn")
        given = _input(with_)
        items = [TextInput(text=given)] if isinstance(given, str) else given
        params = TurnSteerParams(thread_id=thread, expected_turn_id=with_["turn"], input=items)
        await self.server.low_level.turn_steer(params)

    async def interrupt(self, with_: With) -> None:
        thread, _ = known(self.turns, with_["turn"], "the turn")
        params = TurnInterruptParams(thread_id=thread, turn_id=with_["turn"])
        await self.server.low_level.turn_interrupt(params)

    async def thread_read(self, with_: With) -> Any:
        include = {"include_turns": True} if with_.get("include_turns") else {}
        params = ThreadReadParams(thread_id=with_["thread"], **include)
        return _plain(await self.server.low_level.thread_read(params))

    async def thread_list(self, with_: With) -> Any:
        return _plain(await self.server.low_level.thread_list(_params(ThreadListParams, with_)))

    async def thread_archive(self, with_: With) -> None:
        await self.server.low_level.thread_archive(with_["thread"])

    async def thread_unarchive(self, with_: With) -> Any:
        params = ThreadUnarchiveParams(thread_id=with_["thread"])
        return _plain(await self.server.low_level.thread_unarchive(params))

    async def thread_name(self, with_: With) -> None:
        await self.server.low_level.thread_set_name(with_["thread"], with_["name"])

    async def thread_compact(self, with_: With) -> None:
        params = ThreadCompactStartParams(thread_id=with_["thread"])
        await self.server.low_level.thread_compact_start(params)

    async def models(self, with_: With) -> Any:
        hidden = {"includeHidden": True} if with_.get("include_hidden") else {}
        return _plain(await self.server.low_level.model_list(_params(ModelListParams, hidden)))

    async def account(self, _with: With) -> Any:
        return _plain(await self.server.low_level.account_read())

    async def login_api_key(self, with_: With) -> None:
        params = _params(LoginAccountParams, {"type": "apiKey", "apiKey": with_["key"]})
        await self.server.low_level.account_login_start(params)

    async def logout(self, _with: With) -> None:
        await self.server.low_level.account_logout()

    def _handler(self, kind: str) -> Any:
        async def handle(_method: str, _params: dict[str, Any]) -> dict[str, Any]:
            return await self.decisions.answer(kind)

        return handle

    def _thread(self, thread: Any) -> dict[str, Any]:
        self.threads[thread.id] = thread
        return {"thread": {"id": thread.id}}

    def _thread_of(self, with_: With) -> Any:
        return known(self.threads, with_["thread"], "the thread")


def _options(model: type[BaseModel], given: With) -> dict[str, Any]:
    """Options by the names of a model's fields: it would drop others without a word."""
    names = {field.alias: name for name, field in model.model_fields.items()}
    for name in given:
        if name not in names:
            raise Unsupported(f"the SDK's {model.__name__} has no option for `{name}`")
    return {names[name]: value for name, value in given.items()}


def _params(model: type[BaseModel], given: With) -> Any:
    return model(**_options(model, given))


def _turn_options(with_: With) -> dict[str, Any]:
    options = _options(TurnStartParams, wire_options(with_, turn=True))
    if isinstance(policy := options.get("sandbox_policy"), dict):
        kind = POLICIES.get(policy.get("type"))
        if kind is None:
            raise Unsupported(f"the SDK has no sandbox policy like {policy}")
        members = {name: value for name, value in policy.items() if name != "type"}
        options["sandbox_policy"] = _params(kind, members)
    return options


def _input(with_: With) -> Any:
    given = with_["input"]
    return given if isinstance(given, str) else [_item(item) for item in given]


def _item(item: dict[str, Any]) -> Any:
    kind = ITEMS.get(item.get("type"))
    if kind is None:
        raise Unsupported(f"the SDK has no input item like {item}")
    return _params(kind, {name: value for name, value in item.items() if name != "type"})


def _plain(model: BaseModel) -> Any:
    """A model as it was on the wire: what was not there is not made up."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _turn(result: TurnResult) -> dict[str, Any]:
    turn: dict[str, Any] = {
        "turn": {"id": result.turn_id},
        "status": result.status,
        "final_response": result.final_response or None,
        "items": result.items,
    }
    if result.usage is not None:
        turn["usage"] = _plain(result.usage)
    if result.error is not None:
        turn["error"] = _plain(result.error)
    return turn


if __name__ == "__main__":
    serve(AppServerClient())
