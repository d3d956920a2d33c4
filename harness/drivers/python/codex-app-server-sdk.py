"""Drives `codex-app-server-sdk`, which is under the AGPL: nothing of it is part of this project.

A program of its own, which imports the SDK where a user has installed it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from codex_app_server_sdk import (
    CodexClient,
    CodexProtocolError,
    CodexTimeoutError,
    CodexTransportError,
    CommandApprovalRequest,
    CommandApprovalWithExecpolicyAmendment,
    ThreadConfig,
    TurnOverrides,
)
from driver import Decisions, Driver, Unsupported, With, known, renamed, serve, text_of, wire_options

THREAD = {
    "approvalPolicy": "approval_policy",
    "baseInstructions": "base_instructions",
    "config": "config",
    "cwd": "cwd",
    "developerInstructions": "developer_instructions",
    "ephemeral": "ephemeral",
    "model": "model",
    "modelProvider": "model_provider",
    "personality": "personality",
    "sandbox": "sandbox",
}
TURN = {
    "approvalPolicy": "approval_policy",
    "collaborationMode": "collaboration_mode",
    "cwd": "cwd",
    "effort": "effort",
    "model": "model",
    "outputSchema": "output_schema",
    "personality": "personality",
    "sandboxPolicy": "sandbox_policy",
    "summary": "summary",
}
LIST = {
    "archived": "archived",
    "cursor": "cursor",
    "cwd": "cwd",
    "limit": "limit",
    "modelProviders": "model_providers",
    "sortDirection": "sort_direction",
    "sortKey": "sort_key",
}
DECISIONS = {"acceptForSession": "accept_for_session"}
AMENDED = "acceptWithExecpolicyAmendment"


class AppServerSdk(Driver):
    """`CodexClient` and its thread handles."""

    distribution = "codex-app-server-sdk"
    approval_modes = ("deny_all",)
    sandboxes = ("read_only", "workspace_write", "full_access")
    transports = ("stdio", "websocket")
    approvals = ("command", "file_change")
    lacks = {
        "steer": "the SDK tells the id of a turn only with its end",
        "interrupt": "the SDK tells the id of a turn only with its end",
        "account": "the SDK has nothing for accounts",
        "login_api_key": "the SDK has nothing for accounts",
        "logout": "the SDK has nothing for accounts",
    }
    # Also what a turn that failed is raised as.
    raised_by = (
        (CodexProtocolError, "server"),
        (CodexTransportError, "transport"),
        (CodexTimeoutError, "transport"),
        *Driver.raised_by,
    )

    def __init__(self) -> None:
        self.client: CodexClient | None = None
        self.decisions = Decisions()
        self.threads: dict[str, Any] = {}
        self.turns: dict[str, asyncio.Task[Any]] = {}
        self.named = 0

    def details(self, error: BaseException) -> dict[str, Any]:
        told = {name: getattr(error, name, None) for name in ("code", "data")}
        return {name: value for name, value in told.items() if value is not None}

    async def open(self, with_: With) -> None:
        client = self._connect(with_)
        if with_.get("approvals"):
            self.decisions = Decisions()
            client.set_approval_handler(self._decide)
        await client.start()
        self.client = client
        wish = {}
        if "experimental_api" in with_:
            wish = {"capabilities": {"experimentalApi": with_["experimental_api"]}}
        await client.initialize(*([wish] if wish else []))

    def _connect(self, with_: With) -> CodexClient:
        if with_["transport"] == "websocket":
            token = {"token": with_["token"]} if "token" in with_ else {}
            return CodexClient.connect_websocket(url=with_["url"], **token)
        return CodexClient.connect_stdio(command=[self.codex, "app-server"])

    async def close(self) -> None:
        client, self.client = self.client, None
        for task in self.turns.values():
            task.cancel()
        self.turns.clear()
        self.threads.clear()
        if client is not None:
            await client.close()

    def approve(self, with_: With) -> None:
        self.decisions.set(with_)

    async def thread_start(self, with_: With) -> Any:
        config = _config(with_)
        return self._thread(await self.client.start_thread(*([config] if config else [])))

    async def thread_resume(self, with_: With) -> Any:
        return self._thread(await self.client.resume_thread(with_["thread"], **_overrides(with_)))

    async def thread_fork(self, with_: With) -> Any:
        return self._thread(await self.client.fork_thread(with_["thread"], **_overrides(with_)))

    async def run(self, with_: With) -> Any:
        return await self._chat(with_)

    def turn(self, with_: With) -> Any:
        """The handle tells nothing of a turn before its first step: it gets a name of ours."""
        self.named += 1
        name = f"turn-{self.named}"
        self.turns[name] = asyncio.create_task(self._chat(with_))
        return {"id": name}

    async def await_turn(self, with_: With) -> Any:
        return await known(self.turns, with_["turn"], "the turn")

    async def thread_read(self, with_: With) -> Any:
        include = with_.get("include_turns", False)
        return await self.client.read_thread(with_["thread"], include_turns=include)

    async def thread_list(self, with_: With) -> Any:
        return await self.client.list_threads(**renamed(with_, LIST, "`list_threads`"))

    async def thread_archive(self, with_: With) -> None:
        await self.client.archive_thread(with_["thread"])

    async def thread_unarchive(self, with_: With) -> None:
        await self.client.unarchive_thread(with_["thread"])

    async def thread_name(self, with_: With) -> None:
        await self.client.set_thread_name(with_["thread"], with_["name"])

    async def thread_compact(self, with_: With) -> None:
        await self.client.compact_thread(with_["thread"])

    async def models(self, with_: With) -> Any:
        hidden = {"include_hidden": True} if with_.get("include_hidden") else {}
        return await self.client.list_models(**hidden)

    async def _chat(self, with_: With) -> dict[str, Any]:
        thread = known(self.threads, with_["thread"], "the thread")
        overrides = renamed(wire_options(with_, turn=True), TURN, "a turn")
        given = {"turn_overrides": TurnOverrides(**overrides)} if overrides else {}
        result = await thread.chat_once(text_of(with_["input"]), **given)
        return {"turn": {"id": result.turn_id}, "final_response": result.final_text or None}

    async def _decide(self, request: Any) -> Any:
        kind = "command" if isinstance(request, CommandApprovalRequest) else "file_change"
        decision = (await self.decisions.answer(kind))["decision"]
        if isinstance(decision, dict):
            if AMENDED not in decision:
                raise Unsupported(f"the SDK has no decision like {decision}")
            return CommandApprovalWithExecpolicyAmendment(**decision[AMENDED])
        return DECISIONS.get(decision, decision)

    def _thread(self, thread: Any) -> dict[str, Any]:
        self.threads[thread.thread_id] = thread
        return {"thread": {"id": thread.thread_id}}


def _config(with_: With) -> ThreadConfig | None:
    options = renamed(wire_options(with_, turn=False), THREAD, "a thread")
    return ThreadConfig(**options) if options else None


def _overrides(with_: With) -> dict[str, Any]:
    config = _config(with_)
    return {"overrides": config} if config else {}


if __name__ == "__main__":
    serve(AppServerSdk())
