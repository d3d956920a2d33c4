"""A process for each case, forked from one that has imported the SDK.

Importing an SDK may take a second, which has nothing to do with a case. The runner gives the fork
server a socket of packets as stdin. Each packet is `{"environment": {…}, "directory": "…"}` with four
descriptors: stdin, stdout and stderr of the new process, and a stream on which the fork server tells
`{"pid": N}` and, when the process has ended, `{"status": N}` as `waitpid` gives it. A process has its
own environment, directory and process group; of the fork server it has the imported modules and nothing
else. The end of the socket ends the fork server.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any, Callable

#: The longest packet: an environment.
PACKET = 1 << 20
DESCRIPTORS = 4


def fork_server(serve: Callable[[], None]) -> None:
    """Forks until the socket ends; `serve` is what each process does."""
    control = socket.socket(fileno=0)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _reap(running)
        if control in ready:
            packet, given, _, _ = socket.recv_fds(control, PACKET, DESCRIPTORS)
            if not packet:
                return
            *streams, status = given
            pid = os.fork()
            if pid == 0:
                for descriptor in (reading, writing, status, *running.values()):
                    os.close(descriptor)
                control.detach()
                _become(json.loads(packet), streams, serve)
            for descriptor in streams:
                os.close(descriptor)
            running[pid] = status
            _tell(status, {"pid": pid})


def _reap(running: dict[int, int]) -> None:
    """Tells of processes that have ended: one signal may stand for several."""
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            descriptor = running.pop(pid)
            _tell(descriptor, {"status": status})
            os.close(descriptor)


def _tell(descriptor: int, what: dict[str, int]) -> None:
    try:
        os.write(descriptor, json.dumps(what).encode() + b"\n")
    except OSError:
        # Nobody wants to know any more.
        pass


def _become(packet: dict[str, Any], streams: list[int], serve: Callable[[], None]) -> None:
    """The new process. It ends here."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(packet["environment"])
    os.chdir(packet["directory"])
    code = 1
    try:
        serve()
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
