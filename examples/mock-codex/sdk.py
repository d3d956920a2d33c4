import os, shutil, tempfile

from openai_codex import Codex, CodexConfig

home = tempfile.mkdtemp(dir="/var/tmp")
config = CodexConfig(
    codex_bin=shutil.which("mock-codex"),
    env={"CODEX_HOME": home, "MOCK_CODEX_SCRIPT": os.path.abspath("script.yaml")},
)
with Codex(config) as codex:
    thread = codex.thread_start()
    print(thread.run("hi").final_response)
    print(thread.run("run a command").final_response)
    again = codex.thread_resume(thread.id)
    print(again.run("and once more").final_response)
