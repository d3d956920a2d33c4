// Drives `@openai/codex-sdk`, the official TypeScript SDK, which runs `codex exec` for each turn.

import { installed, known, renamed, serve, Unsupported } from "./driver.mjs";

const { exports: sdk, version } = await installed("@openai/codex-sdk");

/** Presets that the SDK's own options express exactly. */
const APPROVAL_MODES = { deny_all: "never" };
const SANDBOXES = {
  read_only: "read-only",
  workspace_write: "workspace-write",
  full_access: "danger-full-access",
};
const OPTIONS = {
  approvalPolicy: "approvalPolicy",
  cwd: "workingDirectory",
  model: "model",
  sandbox: "sandboxMode",
  threadSource: "threadSource",
};

class CodexSdk {
  about = {
    name: "@openai/codex-sdk",
    version,
    presets: false,
    approval_modes: Object.keys(APPROVAL_MODES),
    sandboxes: Object.keys(SANDBOXES),
    transports: ["exec"],
    approvals: [],
  };
  lacks = {
    thread_fork: "the SDK has no fork",
    steer: "`codex exec` takes no input while a turn runs",
    approve: "`codex exec` asks nobody",
  };
  #codex = null;
  #threads = new Map();
  #turns = new Map();
  #named = 0;

  open() {
    this.#codex = new sdk.Codex({ codexPathOverride: this.codex });
  }

  async close() {
    const turns = [...this.#turns.values()];
    this.#turns.clear();
    for (const { abort } of turns) abort.abort();
    await Promise.allSettled(turns.map(({ result }) => result));
    this.#codex = null;
  }

  thread_start(options) {
    return this.#thread(this.#codex.startThread(threadOptions(options)), this.#name("thread"));
  }

  thread_resume({ thread, ...options }) {
    const earlier = this.#threads.get(thread);
    if (earlier && earlier.id === null) {
      throw new Unsupported("the SDK knows the id of a thread only after its first turn");
    }
    const id = earlier?.id ?? thread;
    return this.#thread(this.#codex.resumeThread(id, threadOptions(options)), thread);
  }

  async run({ thread, input, ...options }) {
    return this.#ended(known(this.#threads, thread, "thread"), this.#start(thread, input, options));
  }

  turn({ thread, input, ...options }) {
    const abort = new AbortController();
    const result = this.#start(thread, input, options, { signal: abort.signal });
    result.catch(() => {}); // `await_turn` tells it
    const id = this.#name("turn");
    this.#turns.set(id, { thread: known(this.#threads, thread, "thread"), result, abort });
    return { id };
  }

  await_turn({ turn }) {
    const { thread, result } = known(this.#turns, turn, "turn");
    return this.#ended(thread, result);
  }

  interrupt({ turn }) {
    known(this.#turns, turn, "turn").abort.abort();
  }

  /** The SDK has one type for everything, which mostly is the end of its process. */
  raisedBy() {
    return "transport";
  }

  async #start(thread, input, options, turnOptions) {
    for (const name of Object.keys(options)) {
      throw new Unsupported(`a turn of the SDK has no option for \`${name}\``);
    }
    return known(this.#threads, thread, "thread").run(userInput(input), turnOptions);
  }

  async #ended(thread, result) {
    const { items, finalResponse, usage } = await result;
    return {
      thread_id: thread.id,
      final_response: finalResponse || null,
      items,
      ...(usage === null ? {} : { usage }),
    };
  }

  /** The id comes with the first turn; until then the thread has a name of ours. */
  #thread(thread, name) {
    this.#threads.set(name, thread);
    return { thread: { id: name } };
  }

  #name(what) {
    this.#named += 1;
    return `${what}-${this.#named}`;
  }
}

/** The workspace of a scenario is no git repository, which `codex exec` insists on otherwise. */
function threadOptions({ approval_mode, sandbox, sandbox_policy, params }) {
  if (sandbox_policy !== undefined) throw new Unsupported("the SDK takes no sandbox policy");
  for (const [name, value] of Object.entries(params ?? {})) {
    if (typeof value !== "string") throw new Unsupported(`the SDK's type for \`${name}\` is a text`);
  }
  return {
    skipGitRepoCheck: true,
    ...(approval_mode === undefined ? {} : { approvalPolicy: APPROVAL_MODES[approval_mode] }),
    ...(sandbox === undefined ? {} : { sandboxMode: SANDBOXES[sandbox] }),
    ...renamed(params, OPTIONS, "the SDK"),
  };
}

function userInput(input) {
  if (typeof input === "string") return input;
  return input.map((item) => {
    if (item.type === "text") return { type: "text", text: item.text };
    if (item.type === "localImage") return { type: "local_image", path: item.path };
    throw new Unsupported(`the SDK has no input item of the type \`${item.type}\``);
  });
}

await serve(new CodexSdk());
