"""A whole SDK in one file, with its driver: right, unless an argument plants a defect into it.

The tests run it as `cmd:python3 planted.py DEFECT`; each defect is caught by the check for it.
"""

import json
import subprocess
import sys

DEFECT = sys.argv[1] if len(sys.argv) > 1 else ""
MODES = {
    "deny_all": {"approvalPolicy": "never"},
    "auto_review": {"approvalPolicy": "on-request", "approvalsReviewer": "auto_review"},
}
SANDBOXES = {
    "read_only": ("read-only", "readOnly"),
    "workspace_write": ("workspace-write", "workspaceWrite"),
    "full_access": ("danger-full-access", "dangerFullAccess"),
}


class Refused(Exception):
    """Raised before anything is sent."""


class ServerError(Exception):
    """The app-server's error."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]


class Sdk:
    def __init__(self, codex, handler):
        self.process = subprocess.Popen(
            [codex, "app-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.next_id = 0
        self.handler = handler
        self.notifications = []
        identity = self.request("initialize", {"clientInfo": {"name": "planted", "version": "1"}, "capabilities": {"experimentalApi": True}})
        if not identity.get("userAgent") and DEFECT != "trusts-anybody":
            raise Refused("the server doesn't say who it is")
        if DEFECT != "no-initialized":
            self.send({"method": "initialized"})

    def send(self, frame):
        self.process.stdin.write(json.dumps(frame).encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError("codex has ended")
        frame = json.loads(line)
        if "method" in frame and "id" in frame:
            if DEFECT != "never-answers":
                self.send({"id": frame["id"], "result": self.handler(frame)})
            if DEFECT == "answers-twice":
                self.send({"id": frame["id"], "result": self.handler(frame)})
        return frame

    def request(self, method, params):
        self.next_id += 1
        number = self.next_id
        if DEFECT == "wrong-id" and method == "turn/start":
            # Nobody can answer it: the right one follows.
            self.send({"id": number + 0.5, "method": method, "params": params})
        if DEFECT == "same-id":
            number = 1
        extra = {"priority": "high"} if DEFECT == "unknown-member" else {}
        self.send({"id": number, "method": method, "params": params | extra})
        while True:
            frame = self.read()
            if frame.get("id") == number and "method" not in frame:
                break
            self.notifications.append(frame)
        if "error" in frame:
            if DEFECT == "swallowed-error" and method == "thread/resume":
                return {"thread": {"id": "none"}, "turn": {"id": "none"}}
            raise ServerError(frame["error"])
        return frame["result"]

    def run(self, params):
        turn = self.request("turn/start", params)["turn"]["id"]
        items = []
        while True:
            frame = self.notifications.pop(0) if self.notifications else self.read()
            about = frame.get("params", {})
            if frame.get("method") == "item/completed" and about["turnId"] == turn:
                items.append(about["item"])
            if frame.get("method") == "turn/completed" and about["turn"]["id"] == turn:
                break
        texts = [item["text"] for item in items if item["type"] == "agentMessage"]
        return {
            "turn": {"id": turn},
            "status": "completed" if DEFECT == "wrong-status" else about["turn"]["status"],
            "final_response": "".join(texts) + ("." if DEFECT == "wrong-text" else "") if texts else None,
            "items": items[:-1] if DEFECT == "lost-item" else items,
        }

    def close(self):
        if DEFECT == "left-running":
            return
        self.process.stdin.close()
        self.process.wait()


def options(given, turn=False):
    wire = dict(given.get("params", {}))
    mode, sandbox = given.get("approval_mode"), given.get("sandbox")
    if mode is not None:
        if mode not in MODES:
            raise Refused(f"approval_mode must be one of {sorted(MODES)}")
        wire |= MODES[mode]
    if sandbox is not None:
        if sandbox not in SANDBOXES:
            raise Refused(f"sandbox must be one of {sorted(SANDBOXES)}")
        if DEFECT == "dropped-override":
            return wire
        spelled = SANDBOXES[sandbox][0 if DEFECT != "wrong-spelling" else 1]
        wire |= {"sandboxPolicy": {"type": SANDBOXES[sandbox][1]}} if turn else {"sandbox": spelled}
    return wire


class Driver:
    sdk = None
    pending = {}
    started = {}

    def hello(self, given):
        self.codex = given["codex"]
        verbs = ["thread_start", "thread_resume", "thread_fork", "run", "thread_read", "thread_list", "thread_name", "approve"]
        return {
            "protocol": 2 if DEFECT == "other-protocol" else 1,
            "name": "planted",
            "version": "1",
            "verbs": verbs,
            "presets": True,
            "approval_modes": sorted(MODES),
            "sandboxes": sorted(SANDBOXES),
            "transports": ["stdio"],
            "approvals": ["command", "file_change"],
        }

    def open(self, given):
        self.decisions = {"item/commandExecution/requestApproval": "decline", "item/fileChange/requestApproval": "decline"}
        if DEFECT == "accepts":
            self.decisions["item/commandExecution/requestApproval"] = "accept"
        self.sdk = Sdk(self.codex, lambda frame: {"decision": self.decisions[frame["method"]]})
        return {}

    def close(self, given):
        self.sdk.close()
        return {}

    def approve(self, given):
        if "command" in given:
            self.decisions["item/commandExecution/requestApproval"] = given["command"]
        return {}

    def thread_start(self, given):
        if DEFECT == "late-refusal":
            self.sdk.request("thread/list", {})
        default = {} if "approvalPolicy" in given.get("params", {}) else {"approval_mode": "auto_review"}
        params = options(default | given)
        if DEFECT == "lazy":
            # No defect: the thread is started with its first turn, under a name of the driver's until then.
            self.pending["thread-1"] = params
            return {"thread": {"id": "thread-1"}}
        return self.sdk.request("thread/start", params)

    def thread_resume(self, given):
        given["thread"] = self.started.get(given["thread"], given["thread"])
        extra = {"approvalPolicy": "on-request", "sandbox": "workspace-write"} if DEFECT == "resends-defaults" else {}
        return self.sdk.request("thread/resume", extra | {"threadId": given["thread"]} | options(given))

    def thread_fork(self, given):
        return self.sdk.request("thread/fork", {"threadId": given["thread"]} | options(given))

    def thread_read(self, given):
        return self.sdk.request("thread/read", {"threadId": given["thread"]})

    def thread_list(self, given):
        return self.sdk.request("thread/list", given)

    def thread_name(self, given):
        return self.sdk.request("thread/name/set", {"threadId": given["thread"], "name": given["name"]})

    def run(self, given):
        items = [{"type": "text", "text": given["input"]}]
        thread, told = given["thread"], {}
        if thread in self.pending:
            self.started[thread] = self.sdk.request("thread/start", self.pending.pop(thread))["thread"]["id"]
            told = {"thread_id": self.started[thread]}
        thread = self.started.get(thread, thread)
        return self.sdk.run({"threadId": thread, "input": items} | options(given, turn=True)) | told


def answer(driver, request):
    verb, given = request["verb"], request["with"]
    if verb == "run" and DEFECT == "hangs":
        sys.stdin.read()
    if verb == "run" and DEFECT == "crashes":
        raise RuntimeError("planted")
    if verb == "run" and DEFECT == "rubbish":
        return "Hello!"
    if verb == "run" and DEFECT == "out-of-turn":
        return {"id": request["id"] - 1, "result": {}}
    if verb == "thread_fork" and DEFECT == "no-fork":
        return {"id": request["id"], "unsupported": "planted"}
    try:
        return {"id": request["id"], "result": getattr(driver, verb)(given)}
    except Refused as error:
        raised = {"raised_by": "client", "type": "Refused", "message": str(error)}
    except ServerError as error:
        raised = {"raised_by": "server", "type": "ServerError", "message": str(error), "code": error.code}
        if DEFECT == "blames-caller":
            raised["raised_by"] = "client"
    except EOFError as error:
        raised = {"raised_by": "transport", "type": "EOFError", "message": str(error)}
    return {"id": request["id"], "error": raised}


driver = Driver()
for line in sys.stdin:
    print(json.dumps(answer(driver, json.loads(line))), flush=True)
