"""Drives `openai-codex`, the official Python SDK: `… sync` or `… async` for its two high-level
faces, `… client` for the low-level one."""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel

from driver import Driver, Unsupported, With, known, no_policy, renamed, serve, settled
from openai_codex import (
    ApprovalMode,
    AsyncCodex,
    Codex,
    CodexConfig,
    ImageInput,
    JsonRpcError,
    LocalImageInput,
    MentionInput,
    Sandbox,
    SkillInput,
    TextInput,
    TransportClosedError,
    TurnResult,
)
from openai_codex_low import LowLevel

ITEMS = {
    "text": TextInput,
    "image": ImageInput,
    "localImage": LocalImageInput,
    "skill": SkillInput,
    "mention": MentionInput,
}
COMMON = {"cwd": "cwd", "model": "model", "serviceTier": "service_tier"}
THREAD = COMMON | {
    "baseInstructions": "base_instructions",
    "config": "config",
    "developerInstructions": "developer_instructions",
    "modelProvider": "model_provider",
}
START = THREAD | {
    "ephemeral": "ephemeral",
    "personality": "personality",
    "serviceName": "service_name",
    "sessionStartSource": "session_start_source",
    "threadSource": "thread_source",
}
RESUME = THREAD | {"personality": "personality"}
FORK = THREAD | {"ephemeral": "ephemeral", "threadSource": "thread_source"}
TURN = COMMON | {
    "effort": "effort",
    "outputSchema": "output_schema",
    "personality": "personality",
    "serviceTierForTurn": "turn_service_tier",
    "summary": "summary",
    "turnTrigger": "source",
}
LIST = {
    "archived": "archived",
    "cursor": "cursor",
    "cwd": "cwd",
    "limit": "limit",
    "modelProviders": "model_providers",
    "searchTerm": "search_term",
    "sectionId": "section_id",
    "sortDirection": "sort_direction",
    "sortKey": "sort_key",
    "sourceKinds": "source_kinds",
    "useStateDbOnly": "use_state_db_only",
}


class OpenaiCodex(Driver):
    """Both faces: what the asynchronous one hands out is awaited, the rest is the same."""

    distribution = "openai-codex"
    presets = True
    approval_modes = tuple(mode.name for mode in ApprovalMode)
    sandboxes = tuple(sandbox.name for sandbox in Sandbox)
    lacks = {"approve": "`Codex` takes no approval handler; only the low-level `CodexClient` does"}
    # `RuntimeError` is what `run` raises for a turn that failed.
    raised_by = (
        (JsonRpcError, "server"),
        (TransportClosedError, "transport"),
        (RuntimeError, "server"),
        *Driver.raised_by,
    )

    def __init__(self, face: type[Codex] | type[AsyncCodex]) -> None:
        self.face = face
        self.client: Any = None
        self.threads: dict[str, Any] = {}
        self.turns: dict[str, Any] = {}

    def details(self, error: BaseException) -> dict[str, Any]:
        if not isinstance(error, JsonRpcError):
            return {}
        return {"code": error.code, "data": error.data} if error.data is not None else {"code": error.code}

    def origin(self, error: BaseException) -> str:
        # What opening raises beside the types above: a reply that the SDK doesn't take.
        if self.client is None and type(error) is RuntimeError:
            return "client"
        return super().origin(error)

    async def open(self, with_: With) -> None:
        options = {}
        if "experimental_api" in with_:
            options["experimental_api"] = with_["experimental_api"]
        client = self.face(CodexConfig(codex_bin=self.codex, **options))
        if isinstance(client, AsyncCodex):
            await client.__aenter__()
        self.client = client

    async def close(self) -> None:
        client, self.client = self.client, None
        self.threads.clear()
        self.turns.clear()
        if client is not None:
            await settled(client.close())

    async def thread_start(self, with_: With) -> Any:
        no_policy(with_, "`thread_start`")
        return await self._thread(self.client.thread_start(**_options(with_, START, "`thread_start`")))

    async def thread_resume(self, with_: With) -> Any:
        no_policy(with_, "`thread_resume`")
        options = _options(with_, RESUME, "`thread_resume`")
        return await self._thread(self.client.thread_resume(with_["thread"], **options))

    async def thread_fork(self, with_: With) -> Any:
        no_policy(with_, "`thread_fork`")
        options = _options(with_, FORK, "`thread_fork`")
        return await self._thread(self.client.thread_fork(with_["thread"], **options))

    async def thread_unarchive(self, with_: With) -> Any:
        return await self._thread(self.client.thread_unarchive(with_["thread"]))

    async def thread_archive(self, with_: With) -> None:
        await settled(self.client.thread_archive(with_["thread"]))

    async def thread_read(self, with_: With) -> Any:
        include = {"include_turns": True} if with_.get("include_turns") else {}
        return _plain(await settled(self._known(with_).read(**include)))

    async def thread_list(self, with_: With) -> Any:
        return _plain(await settled(self.client.thread_list(**renamed(with_, LIST, "`thread_list`"))))

    async def thread_name(self, with_: With) -> None:
        await settled(self._known(with_).set_name(with_["name"]))

    async def thread_compact(self, with_: With) -> None:
        await settled(self._known(with_).compact())

    async def run(self, with_: With) -> Any:
        thread, given = self._known(with_), _input(with_)
        return _turn(await settled(thread.run(given, **_turn_options(with_))))

    async def turn(self, with_: With) -> Any:
        thread, given = self._known(with_), _input(with_)
        handle = await settled(thread.turn(given, **_turn_options(with_)))
        self.turns[handle.id] = handle
        return {"id": handle.id}

    async def await_turn(self, with_: With) -> Any:
        return _turn(await settled(known(self.turns, with_["turn"], "the turn").run()))

    async def steer(self, with_: With) -> None:
        await settled(known(self.turns, with_["turn"], "the turn").steer(_input(with_)))

    async def interrupt(self, with_: With) -> None:
        await settled(known(self.turns, with_["turn"], "the turn").interrupt())

    async def models(self, with_: With) -> Any:
        hidden = {"include_hidden": True} if with_.get("include_hidden") else {}
        return _plain(await settled(self.client.models(**hidden)))

    async def account(self, _with: With) -> Any:
        return _plain(await settled(self.client.account()))

    async def login_api_key(self, with_: With) -> None:
        await settled(self.client.login_api_key(with_["key"]))

    async def logout(self, _with: With) -> None:
        await settled(self.client.logout())

    async def _thread(self, call: Any) -> dict[str, Any]:
        thread = await settled(call)
        self.threads[thread.id] = thread
        return {"thread": {"id": thread.id}}

    def _known(self, with_: With) -> Any:
        return known(self.threads, with_["thread"], "the thread")


def _options(with_: With, names: dict[str, str], what: str) -> dict[str, Any]:
    """Presets by the SDK's own names; what is none of them goes to the SDK as it is."""
    options = renamed(with_.get("params", {}), names, what)
    for option, presets in (("approval_mode", ApprovalMode), ("sandbox", Sandbox)):
        if option in with_:
            by_name = {preset.name: preset for preset in presets}
            given = with_[option]
            options[option] = by_name.get(given, given) if isinstance(given, str) else given
    return options


def _turn_options(with_: With) -> dict[str, Any]:
    no_policy(with_, "a turn")
    return _options(with_, TURN, "a turn")


def _input(with_: With) -> Any:
    given = with_["input"]
    return given if isinstance(given, str) else [_item(item) for item in given]


def _item(item: dict[str, Any]) -> Any:
    members = {name: value for name, value in item.items() if name != "type"}
    kind = ITEMS.get(item.get("type"))
    if kind is None or set(members) - set(kind.__dataclass_fields__):
        raise Unsupported(f"the SDK has no input item like {item}")
    return kind(**members)


def _plain(model: BaseModel) -> Any:
    """A model as it was on the wire: what was not there is not made up."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def _turn(result: TurnResult) -> dict[str, Any]:
    turn = {
        "turn": {
            "id": result.id,
            "startedAt": result.started_at,
            "completedAt": result.completed_at,
            "durationMs": result.duration_ms,
        },
        "status": result.status.value,
        "final_response": result.final_response,
        "items": [_plain(item) for item in result.items],
    }
    if result.usage is not None:
        turn["usage"] = _plain(result.usage)
    if result.error is not None:
        turn["error"] = _plain(result.error)
    return turn


if __name__ == "__main__":
    faces = {
        "sync": lambda: OpenaiCodex(Codex),
        "async": lambda: OpenaiCodex(AsyncCodex),
        "client": LowLevel,
    }
    serve(faces[sys.argv[1]]())
