import json, os, subprocess, tempfile

home = tempfile.mkdtemp(dir="/var/tmp")
server = subprocess.Popen(
    ["mock-codex", "app-server", "--script", "script.yaml"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    env={"PATH": os.environ["PATH"], "HOME": home, "CODEX_HOME": home, "MOCK_CODEX_SEED": "1"},
)

def send(frame):
    server.stdin.write(json.dumps(frame) + "\n")
    server.stdin.flush()

def until(accept):
    for line in server.stdout:
        frame = json.loads(line)
        if accept(frame):
            return frame

def call(number, method, params):
    send({"id": number, "method": method, "params": params})
    return until(lambda frame: frame.get("id") == number)["result"]

call(1, "initialize", {"clientInfo": {"name": "example", "version": "1"}})
send({"method": "initialized"})
thread = call(2, "thread/start", {})["thread"]["id"]
call(3, "turn/start", {"threadId": thread, "input": [{"type": "text", "text": "hi"}]})
turn = until(lambda frame: frame.get("method") == "turn/completed")["params"]["turn"]
print(turn["status"], turn["items"][0]["text"])
server.stdin.close()
server.wait()
