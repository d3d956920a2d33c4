"""The low-level face of `openai-codex`: its `CodexClient`, which takes the wire's values and is the
one that takes an approval handler."""

from __future__ import annotations

import threading
from typing import Any, Mapping

from pydantic import BaseModel

from driver import Decisions, Driver, Unsupported, With, known, wire_options
from openai_codex import CodexConfig, JsonRpcError, TransportClosedError
from openai_codex.client import CodexClient
from openai_codex.generated.v2_all import (
    ApiKeyLoginAccountParams,
    LoginAccountParams,
    ThreadForkParams,
    ThreadListParams,
    ThreadResumeParams,
    ThreadStartParams,
    TurnStartParams,
)

KINDS = {method: kind for kind, method in Decisions.METHODS.items()}


class LowLevel(Driver):
    """Typed params in, typed responses out; the handler is the SDK's own unless there are `approve`
    steps."""

    distribution = "openai-codex"
    approval_modes = ("deny_all", "auto_review")
    sandboxes = ("read_only", "workspace_write", "full_access")
    approvals = tuple(Decisions.METHODS)
    raised_by = (
        (JsonRpcError, "server"),
        (TransportClosedError, "transport"),
        *Driver.raised_by,
    )

    def __init__(self) -> None:
        self.client: CodexClient | None = None
        self.decisions = Decisions()
        #: The thread of each turn.
        self.turns: dict[str, str] = {}

    def details(self, error: BaseException) -> dict[str, Any]:
        if not isinstance(error, JsonRpcError):
            return {}
        return {"code": error.code} | ({} if error.data is None else {"data": error.data})

    def open(self, with_: With) -> None:
        options, handler = {}, {}
        if "experimental_api" in with_:
            options["experimental_api"] = with_["experimental_api"]
        if with_.get("approvals"):
            self.decisions = Decisions()
            handler = {"approval_handler": self._decide}
        client = CodexClient(CodexConfig(codex_bin=self.codex, **options), **handler)
        client.start()
        self.client = client
        client.initialize()

    async def close(self) -> None:
        client, self.client = self.client, None
        self.turns.clear()
        if client is not None:
            client.close()

    def approve(self, with_: With) -> None:
        self.decisions.set(with_)

    def thread_start(self, with_: With) -> Any:
        params = _params(ThreadStartParams, wire_options(with_, turn=False))
        return _plain(self.client.thread_start(params))

    def thread_resume(self, with_: With) -> Any:
        options = wire_options(with_, turn=False) | {"threadId": with_["thread"]}
        return _plain(
            self.client.thread_resume(with_["thread"], _params(ThreadResumeParams, options))
        )

    def thread_fork(self, with_: With) -> Any:
        options = wire_options(with_, turn=False) | {"threadId": with_["thread"]}
        return _plain(self.client.thread_fork(with_["thread"], _params(ThreadForkParams, options)))

    def run(self, with_: With) -> Any:
        return self._ended(self._start(with_))

    def turn(self, with_: With) -> Any:
        turn = self._start(with_)
        self.turns[turn] = with_["thread"]
        return {"id": turn}

    def await_turn(self, with_: With) -> Any:
        known(self.turns, with_["turn"], "the turn")
        return self._ended(with_["turn"])

    def steer(self, with_: With) -> None:
        thread = known(self.turns, with_["turn"], "the turn")
        self.client.turn_steer(thread, with_["turn"], with_["input"])

    def interrupt(self, with_: With) -> None:
        self.client.turn_interrupt(known(self.turns, with_["turn"], "the turn"), with_["turn"])

    def thread_read(self, with_: With) -> Any:
        include = {"include_turns": True} if with_.get("include_turns") else {}
        return _plain(self.client.thread_read(with_["thread"], **include))

    def thread_list(self, with_: With) -> Any:
        return _plain(self.client.thread_list(_params(ThreadListParams, with_)))

    def thread_archive(self, with_: With) -> None:
        self.client.thread_archive(with_["thread"])

    def thread_unarchive(self, with_: With) -> Any:
        return _plain(self.client.thread_unarchive(with_["thread"]))

    def thread_name(self, with_: With) -> None:
        self.client.thread_set_name(with_["thread"], with_["name"])

    def thread_compact(self, with_: With) -> None:
        self.client.thread_compact(with_["thread"])

    def models(self, with_: With) -> Any:
        hidden = {"include_hidden": True} if with_.get("include_hidden") else {}
        return _plain(self.client.model_list(**hidden))

    def account(self, _with: With) -> Any:
        return _plain(self.client.account_read())

    def login_api_key(self, with_: With) -> None:
        params = ApiKeyLoginAccountParams(api_key=with_["key"], type="apiKey")
        self.client.account_login_start(LoginAccountParams(root=params))

    def logout(self, _with: With) -> None:
        self.client.account_logout()

    def _start(self, with_: With) -> str:
        thread, given = with_["thread"], with_["input"]
        if not (options := wire_options(with_, turn=True)):
            return self.client.turn_start(thread, given).turn.id
        # The model wants what is also given apart.
        options |= {"threadId": thread, "input": []}
        return self.client.turn_start(thread, given, _params(TurnStartParams, options)).turn.id

    def _ended(self, turn: str) -> dict[str, Any]:
        ended = self.client.wait_for_turn_completed(turn).turn
        told: dict[str, Any] = {"turn": {"id": ended.id}, "status": ended.status.value}
        if ended.error is not None:
            told["error"] = _plain(ended.error)
        return told

    def _decide(self, method: str, _params: Mapping[str, Any] | None) -> dict[str, Any]:
        """The handler: called by the SDK's reader."""
        kind = KINDS.get(method)
        if kind is None:
            return {}
        decision = self.decisions.by_kind[kind]
        if decision is None:
            threading.Event().wait()
        return decision if kind == "permissions" else {"decision": decision}


def _params(model: type[BaseModel], given: Mapping[str, Any]) -> Any:
    """Params by the wire's names, as the models' aliases have them; they would drop others."""
    names = {field.alias or name for name, field in model.model_fields.items()}
    for name in given:
        if name not in names:
            raise Unsupported(f"the SDK's {model.__name__} has no option for `{name}`")
    return model.model_validate(dict(given))


def _plain(model: BaseModel) -> Any:
    """A model as it was on the wire: what was not there is not made up."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)
