"""The documented calls of openai-codex, each in a function of its own, on mock-codex.

Called with the path of mock-codex, of its script, and of an empty directory. Prints a line of JSON
for each function: its name, and what it saw.
"""

import asyncio
import base64
import json
import pathlib
import sys

from openai_codex import (
    ApprovalMode,
    AsyncCodex,
    Codex,
    CodexConfig,
    ImageInput,
    InvalidRequestError,
    LocalImageInput,
    Sandbox,
    TextInput,
)
from openai_codex.client import CodexClient

PROGRAM, SCRIPT, ROOT = sys.argv[1:]
HOME = pathlib.Path(ROOT, "home")
WORKSPACE = pathlib.Path(ROOT, "workspace")
CONFIG = CodexConfig(
    codex_bin=PROGRAM,
    cwd=str(WORKSPACE),
    env={
        "CODEX_HOME": str(HOME),
        "MOCK_CODEX_SCRIPT": SCRIPT,
        "MOCK_CODEX_ANSWERS": str(pathlib.Path(__file__).with_name("answers.json")),
    },
)
# The smallest picture that there is: one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def start_and_run(codex):
    result = codex.thread_start().run("say hello")
    return [result.final_response, result.usage.last.total_tokens]


def several_turns(codex):
    thread = codex.thread_start(sandbox=Sandbox.workspace_write)
    first = thread.run("say hello")
    return [first.final_response, thread.run("run a command").final_response]


def items(codex):
    thread = codex.thread_start(sandbox=Sandbox.full_access)
    result = thread.run("run a command")
    return [item.root.type for item in result.items]


def stream(codex):
    turn = codex.thread_start().turn("stream")
    text = ""
    for event in turn.stream():
        if event.method == "item/agentMessage/delta":
            text += event.payload.delta
    return [text, event.method]


def steer(codex):
    thread = codex.thread_start()
    turn = thread.turn("take your time")
    texts = []
    for event in turn.stream():
        if event.method == "item/agentMessage/delta" and not texts:
            texts.append("steered")
            turn.steer("another way")
        if event.method == "item/completed" and event.payload.item.root.type == "agentMessage":
            texts.append(event.payload.item.root.text)
    return texts


def interrupt(codex):
    turn = codex.thread_start().turn("take your time")
    for event in turn.stream():
        if event.method == "item/agentMessage/delta":
            turn.interrupt()
    return event.payload.turn.status.value


def resume(codex):
    thread = codex.thread_start()
    thread.run("say hello")
    with Codex(CONFIG) as another:
        again = another.thread_resume(thread.id)
        said = again.run("another way").final_response
        turns = again.read(include_turns=True).thread.turns
    return [again.id == thread.id, said, len(turns)]


def fork(codex):
    thread = codex.thread_start()
    thread.run("say hello")
    forked = codex.thread_fork(thread.id)
    forked.run("another way")
    lengths = [len(it.read(include_turns=True).thread.turns) for it in (thread, forked)]
    return [forked.id != thread.id, lengths]


def name_list_archive(codex):
    thread = codex.thread_start()
    thread.run("say hello")
    thread.set_name("a name")
    listed = [it.name for it in codex.thread_list(limit=100).data if it.id == thread.id]
    codex.thread_archive(thread.id)
    archived = [it.id for it in codex.thread_list(archived=True).data]
    back = codex.thread_unarchive(thread.id)
    return [listed, thread.id in archived, back.id == thread.id]


def compact(codex):
    thread = codex.thread_start()
    thread.run("say hello")
    thread.compact()
    return thread.read().thread.id == thread.id


def models(codex):
    models = codex.models().data
    return [bool(models), sum(model.is_default for model in models)]


def reviewed(codex):
    thread = codex.thread_start(
        approval_mode=ApprovalMode.auto_review, sandbox=Sandbox.workspace_write
    )
    return thread.run("leave the sandbox").final_response


def all_denied(codex):
    thread = codex.thread_start(
        approval_mode=ApprovalMode.deny_all, sandbox=Sandbox.workspace_write
    )
    return thread.run("leave the sandbox").final_response


def images(codex):
    path = WORKSPACE / "pixel.png"
    path.write_bytes(base64.b64decode(PIXEL))
    thread = codex.thread_start()
    url = "data:image/png;base64," + PIXEL
    inputs = [TextInput("look at"), LocalImageInput(str(path)), ImageInput(url)]
    said = thread.run(inputs).final_response
    [turn] = thread.read(include_turns=True).thread.turns
    return [said, [part.root.type for part in turn.items[0].root.content]]


def output_schema(codex):
    schema = {
        "type": "object",
        "properties": {"summary": {"type": "string"}, "status": {"type": "string"}},
        "required": ["summary", "status"],
        "additionalProperties": False,
    }
    result = codex.thread_start().run("as JSON", output_schema=schema)
    return json.loads(result.final_response)


def failure(codex):
    try:
        return codex.thread_start().run("fail").final_response
    except RuntimeError as error:
        return "no such model" in str(error)


def errors(codex):
    try:
        codex.thread_resume("00000000-0000-0000-0000-000000000000")
    except InvalidRequestError as error:
        return [error.code, "no rollout found" in str(error)]


def login_api_key(codex):
    codex.login_api_key("sk-of-nobody")
    kept = json.loads((HOME / "auth.json").read_text())
    codex.logout()
    return [kept["OPENAI_API_KEY"], (HOME / "auth.json").exists(), codex.account().account]


def login_browser(codex):
    login = codex.login_chatgpt()
    return [login.auth_url.startswith("https://"), login.wait().success]


def login_device_code(codex):
    login = codex.login_chatgpt_device_code()
    return [login.user_code, login.wait().success]


def server_of(codex):
    return codex.metadata.serverInfo.name


def by_handler(_codex):
    """The client below, where a function answers what the app-server asks."""
    asked = []

    def decide(method, params):
        asked.append(method)
        return {"decision": "accept" if len(asked) == 1 else "decline"}

    texts = []
    with CodexClient(CONFIG, approval_handler=decide) as client:
        client.start()
        client.initialize()
        params = {"approvalPolicy": "on-request", "approvalsReviewer": "user", "sandbox": "read-only"}
        for _ in range(2):
            thread = client.thread_start(params).thread.id
            turn = client.turn_start(thread, "leave the sandbox").turn.id
            client.wait_for_turn_completed(turn)
            read = client.thread_read(thread, include_turns=True)
            texts.append(read.thread.turns[0].items[-1].root.text)
    return [asked, texts]


async def async_run():
    async with AsyncCodex(CONFIG) as codex:
        thread = await codex.thread_start()
        result = await thread.run("say hello")
        turn = await thread.turn("stream")
        text = ""
        async for event in turn.stream():
            if event.method == "item/agentMessage/delta":
                text += event.payload.delta
        return [result.final_response, text]


def asynchronous(_codex):
    return asyncio.run(async_run())


EXAMPLES = [
    start_and_run,
    several_turns,
    items,
    stream,
    steer,
    interrupt,
    resume,
    fork,
    name_list_archive,
    compact,
    models,
    reviewed,
    all_denied,
    images,
    output_schema,
    failure,
    errors,
    server_of,
    login_api_key,
    login_browser,
    login_device_code,
    by_handler,
    asynchronous,
]

with Codex(CONFIG) as shared:
    for example in EXAMPLES:
        try:
            seen = example(shared)
        except Exception as error:  # told like what was seen, so that the others run too
            seen = f"{type(error).__name__}: {error}"
        print(json.dumps({example.__name__: seen}), flush=True)
