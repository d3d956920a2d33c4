"""The loop, with an SDK that isn't one: `python3 -m unittest discover harness/drivers/python`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent

#: An SDK in a file of its own, since that is how the loop tells its errors.
SDK = '''
import asyncio


class RefusedError(Exception):
    code = -32600


class Sdk:
    async def start(self, **options):
        await asyncio.sleep(0)
        print("chatter of the SDK")
        return {"thread": {"id": "t-1", "options": options}}

    def run(self, prompt):
        raise RefusedError("refused: " + prompt)

    def pipe(self):
        raise BrokenPipeError("gone")
'''

DRIVER = '''
from driver import Driver, Unsupported, serve, wire_options
from fake_sdk import RefusedError, Sdk


class Fake(Driver):
    distribution = "pip"
    lacks = {"steer": "it can't be steered"}
    raised_by = ((RefusedError, "server"), *Driver.raised_by)

    def open(self, with_):
        self.sdk = Sdk()

    async def close(self):
        pass

    def details(self, error):
        return {"code": error.code} if isinstance(error, RefusedError) else {}

    async def thread_start(self, with_):
        return await self.sdk.start(**wire_options(with_, turn=False))

    def thread_list(self, with_):
        raise Unsupported("no lists")

    def run(self, with_):
        return self.sdk.run(with_["input"])

    def logout(self, with_):
        return self.sdk.pipe()

    def account(self, with_):
        return {}["a bug of the driver"]


serve(Fake())
'''


class Loop(unittest.TestCase):
    """Each test speaks with a process, as the runner does."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        root = Path(directory.name)
        (root / "fake_sdk.py").write_text(SDK, encoding="utf-8")
        # The driver counts as one of ours: it is beside `driver.py`.
        drivers = root / "drivers"
        drivers.mkdir()
        for file in ("driver.py", "fork_server.py"):
            text = (HERE / file).read_text(encoding="utf-8")
            (drivers / file).write_text(text, encoding="utf-8")
        (drivers / "fake.py").write_text(DRIVER, encoding="utf-8")
        self.command = [sys.executable, str(drivers / "fake.py")]
        self.environment = os.environ | {"PYTHONPATH": str(root)}

    def say(self, *requests: tuple[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], int, str]:
        lines = "".join(
            json.dumps({"id": number, "verb": verb, "with": with_}) + "\n"
            for number, (verb, with_) in enumerate(requests, 1)
        )
        ended = subprocess.run(
            self.command,
            input=lines,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        answers = [json.loads(line) for line in ended.stdout.splitlines()]
        return answers, ended.returncode, ended.stderr

    def test_each_request_has_one_answer_with_its_id(self) -> None:
        answers, code, stderr = self.say(
            ("hello", {"codex": "/bin/codex"}),
            ("open", {"transport": "stdio"}),
            ("thread_start", {"approval_mode": "auto_review", "sandbox": "read_only"}),
            ("run", {"thread": "t-1", "input": "hi"}),
            ("steer", {"turn": "u"}),
            ("models", {}),
            ("thread_list", {}),
            ("logout", {}),
            ("close", {}),
        )
        self.assertEqual(code, 0, stderr)
        self.assertEqual([answer["id"] for answer in answers], list(range(1, 10)))
        hello = answers[0]["result"]
        self.assertEqual(hello["verbs"], ["thread_start", "thread_list", "run", "account", "logout"])
        self.assertEqual(answers[1]["result"], {})
        self.assertEqual(
            answers[2]["result"]["thread"]["options"],
            {
                "approvalPolicy": "on-request",
                "approvalsReviewer": "auto_review",
                "sandbox": "read-only",
            },
        )
        self.assertEqual(
            answers[3]["error"],
            {
                "raised_by": "server",
                "type": "RefusedError",
                "message": "refused: hi",
                "code": -32600,
            },
        )
        self.assertEqual(answers[4]["unsupported"], "it can't be steered")
        self.assertIn("`models`", answers[5]["unsupported"])
        self.assertEqual(answers[6]["unsupported"], "no lists")
        self.assertEqual(answers[7]["error"]["raised_by"], "transport")

    def test_what_the_sdk_prints_is_no_answer(self) -> None:
        answers, _, stderr = self.say(("open", {}), ("thread_start", {}))
        self.assertEqual(len(answers), 2)
        self.assertIn("chatter of the SDK", stderr)

    def test_a_bug_of_the_driver_ends_it(self) -> None:
        answers, code, stderr = self.say(("open", {}), ("account", {}), ("close", {}))
        self.assertEqual(len(answers), 1)
        self.assertEqual(code, 1)
        self.assertIn("KeyError", stderr)

    def test_forks_have_their_own_environment_and_tell_their_end(self) -> None:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = self.environment | {"CODEX_DRIVER_FORKS": "1"}
        with control, subprocess.Popen(self.command, stdin=theirs, env=environment) as server:
            theirs.close()
            for verb, code in (("close", 0), ("account", 1)):
                pipes = [os.pipe() for _ in range(4)]
                (stdin, to), (out, stdout), (err, stderr), (told, status) = pipes
                given = self.environment | {"CASE": verb}
                order = json.dumps({"environment": given, "directory": "/"}).encode()
                socket.send_fds(control, [order], [stdin, stdout, stderr, status])
                for descriptor in (stdin, stdout, stderr, status):
                    os.close(descriptor)
                with os.fdopen(to, "w") as asking:
                    for number, asked in enumerate(("open", verb)):
                        asking.write(json.dumps({"id": number, "verb": asked, "with": {}}) + "\n")
                with os.fdopen(out) as answers, os.fdopen(told) as life, os.fdopen(err) as said:
                    answered = [json.loads(line)["id"] for line in answers]
                    lines = [json.loads(line) for line in life]
                    self.assertEqual(answered, [0, 1][: 2 - code], said.read())
                self.assertEqual(os.waitstatus_to_exitcode(lines[1]["status"]), code)
            control.close()
            self.assertEqual(server.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
