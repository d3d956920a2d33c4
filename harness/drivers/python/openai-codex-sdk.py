"""Drives `openai-codex-sdk`, which runs `codex exec` for each turn."""

from __future__ import annotations

from typing import Any, Callable

from codex_exec import ExecDriver
from driver import Driver, serve
from openai_codex_sdk import AbortController, AbortError, Codex
from openai_codex_sdk.errors import CodexExecError, ThreadRunError


class OpenaiCodexSdk(ExecDriver):
    """Options are given as dicts, as its documentation does; its models refuse wrong ones."""

    distribution = "openai-codex-sdk"
    raised_by = (
        (ThreadRunError, "server"),
        (CodexExecError, "transport"),
        (AbortError, "transport"),
        *Driver.raised_by,
    )

    def make(self) -> Codex:
        return Codex({"codex_path_override": self.codex})

    def thread_options(self, options: dict[str, Any]) -> dict[str, Any]:
        return options

    def abortable(self) -> tuple[dict[str, Any], Callable[[], None]]:
        controller = AbortController()
        return {"signal": controller.signal}, controller.abort

    def plain(self, part: Any) -> dict[str, Any]:
        return part.model_dump(mode="json", exclude_unset=True)


if __name__ == "__main__":
    serve(OpenaiCodexSdk())
