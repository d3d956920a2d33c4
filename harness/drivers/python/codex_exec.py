"""What the Python SDKs that run `codex exec` have in common: their API is the TypeScript one's."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from driver import APPROVAL_MODES, SANDBOXES, Driver, Unsupported, With, known, renamed

#: What the wire calls them, and the options of threads.
OPTIONS = {
    "approvalPolicy": "approval_policy",
    "cwd": "working_directory",
    "model": "model",
    "sandbox": "sandbox_mode",
}
TEXTS = tuple(OPTIONS.values())


class ExecDriver(Driver):
    """Subclasses make the SDK's objects; the verbs are the same."""

    approval_modes = ("deny_all",)
    sandboxes = tuple(SANDBOXES)
    transports = ("exec",)
    lacks = {
        "thread_fork": "the SDK has no fork",
        "steer": "`codex exec` takes no input while a turn runs",
        "approve": "`codex exec` asks nobody",
    }

    def __init__(self) -> None:
        self.sdk: Any = None
        self.threads: dict[str, Any] = {}
        #: Of each turn its thread, the task that runs it, and what aborts it.
        self.turns: dict[str, tuple[Any, asyncio.Task[Any], Callable[[], None]]] = {}
        self.named = 0

    def make(self) -> Any:
        """The SDK's main object."""
        raise NotImplementedError

    def thread_options(self, options: dict[str, Any]) -> Any:
        """The SDK's options of a thread."""
        raise NotImplementedError

    def abortable(self) -> tuple[Any, Callable[[], None]]:
        """Options of a turn that can be aborted, and what aborts it."""
        raise NotImplementedError

    def plain(self, part: Any) -> dict[str, Any]:
        """An item or a usage as `codex exec` wrote it."""
        raise NotImplementedError

    def open(self, _with: With) -> None:
        self.sdk = self.make()

    async def close(self) -> None:
        turns = list(self.turns.values())
        self.turns.clear()
        for _, _, abort in turns:
            abort()
        await asyncio.gather(*(task for _, task, _ in turns), return_exceptions=True)
        self.sdk = None

    def thread_start(self, with_: With) -> Any:
        return self._thread(self.sdk.start_thread(self._options(with_)), self._name("thread"))

    def thread_resume(self, with_: With) -> Any:
        name = with_["thread"]
        earlier = self.threads.get(name)
        if earlier is not None and earlier.id is None:
            raise Unsupported("the SDK knows the id of a thread only after its first turn")
        thread_id = name if earlier is None else earlier.id
        return self._thread(self.sdk.resume_thread(thread_id, self._options(with_)), name)

    async def run(self, with_: With) -> Any:
        thread = self._known(with_)
        return self._ended(thread, await thread.run(_input(with_)))

    async def turn(self, with_: With) -> Any:
        thread, name = self._known(with_), self._name("turn")
        options, abort = self.abortable()
        task = asyncio.create_task(thread.run(_input(with_), options))
        self.turns[name] = (thread, task, abort)
        return {"id": name}

    async def await_turn(self, with_: With) -> Any:
        thread, task, _ = known(self.turns, with_["turn"], "the turn")
        return self._ended(thread, await task)

    def interrupt(self, with_: With) -> None:
        _, _, abort = known(self.turns, with_["turn"], "the turn")
        abort()

    def _thread(self, thread: Any, name: str) -> dict[str, Any]:
        """The id comes with the first turn; until then the thread has a name of ours."""
        self.threads[name] = thread
        return {"thread": {"id": name}}

    def _known(self, with_: With) -> Any:
        for name in with_:
            if name not in ("thread", "input"):
                raise Unsupported(f"a turn of the SDK has no option for `{name}`")
        return known(self.threads, with_["thread"], "the thread")

    def _options(self, with_: With) -> Any:
        """The workspace of a scenario is no git repository, which `codex exec` insists on."""
        options: dict[str, Any] = {"skip_git_repo_check": True}
        if "sandbox_policy" in with_:
            raise Unsupported("the SDK takes no sandbox policy")
        if "approval_mode" in with_:
            options["approval_policy"] = APPROVAL_MODES[with_["approval_mode"]]["approvalPolicy"]
        if "sandbox" in with_:
            options["sandbox_mode"], _ = SANDBOXES[with_["sandbox"]]
        options |= renamed(with_.get("params", {}), OPTIONS, "the SDK")
        if wrong := [name for name, value in options.items() if name in TEXTS and not isinstance(value, str)]:
            raise Unsupported(f"the SDK's `{wrong[0]}` is a text")
        return self.thread_options(options)

    def _name(self, what: str) -> str:
        self.named += 1
        return f"{what}-{self.named}"

    def _ended(self, thread: Any, turn: Any) -> dict[str, Any]:
        result: dict[str, Any] = {
            "thread_id": thread.id,
            "final_response": turn.final_response or None,
            "items": [self.plain(item) for item in turn.items],
        }
        if turn.usage is not None:
            result["usage"] = self.plain(turn.usage)
        return result


def _input(with_: With) -> Any:
    given = with_["input"]
    return given if isinstance(given, str) else [_item(item) for item in given]


def _item(item: dict[str, Any]) -> dict[str, Any]:
    match item:
        case {"type": "text", "text": text}:
            return {"type": "text", "text": text}
        case {"type": "localImage", "path": path}:
            return {"type": "local_image", "path": path}
    raise Unsupported(f"the SDK has no input item like {item}")
