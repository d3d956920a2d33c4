"""Drives `codex-sdk-python`: `… app-server` for its `AppServerClient`, `… exec` for its `Codex`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, Callable

from codex_exec import ExecDriver
from codex_sdk import (
    AbortController,
    AppServerClient,
    AppServerOptions,
    AppServerTurnSession,
    ApprovalDecisions,
    Codex,
    CodexAbortError,
    CodexAppServerError,
    CodexCLIError,
    CodexOptions,
    CodexParseError,
    ThreadOptions,
    TurnFailedError,
    TurnOptions,
)
from driver import Decisions, Driver, With, known, renamed, serve, wire_options

DISTRIBUTION = "codex-sdk-python"
RAISED_BY = (
    (CodexAppServerError, "server"),
    (TurnFailedError, "server"),
    (CodexCLIError, "transport"),
    (CodexParseError, "transport"),
    (CodexAbortError, "transport"),
    *Driver.raised_by,
)
AMENDED = "acceptWithExecpolicyAmendment"
LIST = {
    "archived": "archived",
    "cursor": "cursor",
    "cwd": "cwd",
    "limit": "limit",
    "modelProviders": "model_providers",
    "searchTerm": "search_term",
    "sortKey": "sort_key",
    "sourceKinds": "source_kinds",
}


class AppServer(Driver):
    """Params are free keyword arguments, which the SDK turns into the wire's names."""

    distribution = DISTRIBUTION
    approval_modes = ("deny_all", "auto_review")
    sandboxes = ("read_only", "workspace_write", "full_access")
    approvals = tuple(Decisions.METHODS)
    raised_by = RAISED_BY

    def __init__(self) -> None:
        self.client: AppServerClient | None = None
        #: The decisions, if the scenario has `approve` steps.
        self.decisions: Decisions | None = None
        self.sessions: dict[str, AppServerTurnSession] = {}

    def details(self, error: BaseException) -> dict[str, Any]:
        if not isinstance(error, CodexAppServerError):
            return {}
        return {"code": error.code} | ({} if error.data is None else {"data": error.data})

    async def open(self, with_: With) -> None:
        options = {}
        if "experimental_api" in with_:
            options["experimental_api_enabled"] = with_["experimental_api"]
        self.decisions = Decisions() if with_.get("approvals") else None
        client = AppServerClient(AppServerOptions(codex_path_override=self.codex, **options))
        await client.start()
        self.client = client

    async def close(self) -> None:
        client, self.client = self.client, None
        sessions = list(self.sessions.values())
        self.sessions.clear()
        for session in sessions:
            await session.close()
        if client is not None:
            await client.close()

    def approve(self, with_: With) -> None:
        self.decisions.set(with_)

    async def thread_start(self, with_: With) -> Any:
        return await self.client.thread_start(**wire_options(with_, turn=False))

    async def thread_resume(self, with_: With) -> Any:
        options = wire_options(with_, turn=False)
        return await self.client.thread_resume(with_["thread"], **options)

    async def thread_fork(self, with_: With) -> Any:
        options = wire_options(with_, turn=False)
        return await self.client.thread_fork(with_["thread"], **options)

    async def run(self, with_: With) -> Any:
        return await self._ended(await self._session(with_))

    async def turn(self, with_: With) -> Any:
        session = await self._session(with_)
        self.sessions[session.turn_id] = session
        return {"id": session.turn_id}

    async def await_turn(self, with_: With) -> Any:
        return await self._ended(known(self.sessions, with_["turn"], "the turn"))

    async def steer(self, with_: With) -> None:
        session = known(self.sessions, with_["turn"], "the turn")
        await self.client.turn_steer(session.thread_id, session.turn_id, with_["input"])

    async def interrupt(self, with_: With) -> None:
        session = known(self.sessions, with_["turn"], "the turn")
        await self.client.turn_interrupt(session.thread_id, session.turn_id)

    async def thread_read(self, with_: With) -> Any:
        include = {"include_turns": True} if with_.get("include_turns") else {}
        return await self.client.thread_read(with_["thread"], **include)

    async def thread_list(self, with_: With) -> Any:
        return await self.client.thread_list(**renamed(with_, LIST, "`thread_list`"))

    async def thread_archive(self, with_: With) -> None:
        await self.client.thread_archive(with_["thread"])

    async def thread_unarchive(self, with_: With) -> Any:
        return await self.client.thread_unarchive(with_["thread"])

    async def thread_name(self, with_: With) -> None:
        await self.client.thread_name_set(with_["thread"], name=with_["name"])

    async def thread_compact(self, with_: With) -> None:
        await self.client.thread_compact_start(with_["thread"])

    async def models(self, with_: With) -> Any:
        hidden = {"include_hidden": True} if with_.get("include_hidden") else {}
        return await self.client.model_list(**hidden)

    async def account(self, _with: With) -> Any:
        return await self.client.account_read()

    async def login_api_key(self, with_: With) -> None:
        params = {"type": "apiKey", "apiKey": with_["key"]}
        await self.client.account_login_start(params=params)

    async def logout(self, _with: With) -> None:
        await self.client.account_logout()

    async def _session(self, with_: With) -> AppServerTurnSession:
        options = wire_options(with_, turn=True)
        if self.decisions is not None:
            options["approvals"] = _decisions(self.decisions.by_kind)
        return await self.client.turn_session(with_["thread"], with_["input"], **options)

    async def _ended(self, session: AppServerTurnSession) -> dict[str, Any]:
        turn: dict[str, Any] = {"turn": {"id": session.turn_id}, "items": []}
        async for notification in session.notifications():
            params = notification.params or {}
            if notification.method == "item/completed":
                turn["items"].append(params["item"])
            elif notification.method == "thread/tokenUsage/updated":
                turn["usage"] = params["tokenUsage"]
        final = await session.wait()
        if final is not None:
            turn["status"] = final["status"]
            turn |= {} if final.get("error") is None else {"error": final["error"]}
        return turn


class Exec(ExecDriver):
    """`Codex`, which runs `codex exec` for each turn."""

    distribution = DISTRIBUTION
    raised_by = RAISED_BY

    def make(self) -> Codex:
        return Codex(CodexOptions(codex_path_override=self.codex))

    def thread_options(self, options: dict[str, Any]) -> ThreadOptions:
        return ThreadOptions(**options)

    def abortable(self) -> tuple[TurnOptions, Callable[[], None]]:
        controller = AbortController()
        return TurnOptions(signal=controller.signal), controller.abort

    def plain(self, part: Any) -> dict[str, Any]:
        return {name: value for name, value in dataclasses.asdict(part).items() if value is not None}


def _decisions(by_kind: With) -> ApprovalDecisions:
    """Decisions as the SDK takes them; what a rule is amended by, it wants apart."""
    command, amendment = by_kind["command"], None
    if isinstance(command, dict) and AMENDED in command:
        command, amendment = AMENDED, command[AMENDED]
    return ApprovalDecisions(
        command_execution=command,
        file_change=by_kind["file_change"],
        permissions_request=by_kind["permissions"],
        execpolicy_amendment=amendment,
    )


if __name__ == "__main__":
    serve({"app-server": AppServer, "exec": Exec}[sys.argv[1]]())
