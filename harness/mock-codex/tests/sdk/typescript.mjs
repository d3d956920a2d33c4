// The documented calls of @openai/codex-sdk, each in a function of its own, on mock-codex.
//
// Called with the path of the SDK's module, of mock-codex, of its script, and of an empty
// directory. Prints a line of JSON for each function: its name, and what it saw.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [sdk, program, script, root] = process.argv.slice(2);
const { Codex } = await import(pathToFileURL(sdk).href);

const home = join(root, "home");
const workspace = join(root, "workspace");
const elsewhere = join(root, "elsewhere");
const codex = new Codex({
  codexPathOverride: program,
  env: { PATH: process.env.PATH, HOME: root, CODEX_HOME: home, MOCK_CODEX_SCRIPT: script },
  config: { show_raw_agent_reasoning: true },
});
const options = { workingDirectory: workspace, skipGitRepoCheck: true };

const examples = {
  async run() {
    const thread = codex.startThread(options);
    const turn = await thread.run("say hello");
    return [turn.finalResponse, turn.usage.output_tokens, typeof thread.id];
  },

  async several_turns() {
    const thread = codex.startThread(options);
    const first = await thread.run("say hello");
    const id = thread.id;
    const second = await thread.run("another way");
    return [first.finalResponse, second.finalResponse, thread.id === id];
  },

  async streamed() {
    const thread = codex.startThread({ ...options, sandboxMode: "workspace-write" });
    const { events } = await thread.runStreamed("run a command");
    const seen = [];
    for await (const event of events) {
      const told = event.item?.type === "error" ? [] : [event.item?.type, event.item?.status];
      if (event.item?.type !== "error") {
        seen.push([event.type, ...told].filter(Boolean).join(" "));
      }
    }
    return seen;
  },

  async output_schema() {
    const schema = {
      type: "object",
      properties: { summary: { type: "string" }, status: { type: "string" } },
      required: ["summary", "status"],
      additionalProperties: false,
    };
    const turn = await codex.startThread(options).run("as JSON", { outputSchema: schema });
    return JSON.parse(turn.finalResponse);
  },

  async images() {
    const path = join(workspace, "pixel.png");
    const pixel =
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    writeFileSync(path, Buffer.from(pixel, "base64"));
    const turn = await codex.startThread(options).run([
      { type: "text", text: "look at" },
      { type: "text", text: "both" },
      { type: "local_image", path },
      { type: "local_image", path },
    ]);
    return turn.finalResponse;
  },

  async resume() {
    const thread = codex.startThread(options);
    await thread.run("say hello");
    const again = codex.resumeThread(thread.id, options);
    const turn = await again.run("another way");
    return [turn.finalResponse, again.id === thread.id];
  },

  async every_option() {
    const thread = codex.startThread({
      ...options,
      model: "gpt-5.5",
      sandboxMode: "danger-full-access",
      modelReasoningEffort: "high",
      networkAccessEnabled: true,
      webSearchMode: "disabled",
      approvalPolicy: "never",
      additionalDirectories: [elsewhere],
      threadSource: "tests",
    });
    const turn = await thread.run("write a file");
    const change = turn.items.find((item) => item.type === "file_change");
    return [turn.finalResponse, change.status, readdirSync(workspace).includes("new.txt")];
  },

  async failure() {
    try {
      return (await codex.startThread(options).run("fail")).finalResponse;
    } catch (error) {
      return error.message.includes("no such model");
    }
  },

  async no_repository() {
    try {
      return (await codex.startThread({ workingDirectory: workspace }).run("say hello")).finalResponse;
    } catch (error) {
      return error.message.includes("trusted directory");
    }
  },

  async aborted() {
    const stop = new AbortController();
    const thread = codex.startThread(options);
    const { events } = await thread.runStreamed("take your time", { signal: stop.signal });
    try {
      for await (const event of events) {
        if (event.type === "turn.started") stop.abort();
      }
      return "ended";
    } catch (error) {
      return error.name;
    }
  },
};

for (const [name, example] of Object.entries(examples)) {
  // An error is told like what was seen, so that the others run too.
  const seen = await example().catch((error) => `${error.name}: ${error.message}`);
  console.log(JSON.stringify({ [name]: seen }));
}
