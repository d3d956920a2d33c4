// The loop, with an SDK that isn't one: `node --test harness/drivers/node`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const SDK = `
export class Sdk {
  async start(options) {
    console.log("chatter of the SDK");
    return { thread: { id: "t-1", ...options } };
  }
  run(prompt) {
    throw new RangeError("refused: " + prompt);
  }
}
`;
const DRIVER = `
import { installed, renamed, serve, Unsupported } from ${JSON.stringify(path.join(HERE, "driver.mjs"))};
const { exports: sdk, version } = await installed("fake-sdk");
await serve({
  about: { name: "fake-sdk", version, transports: ["exec"] },
  lacks: { steer: "it can't be steered" },
  open() { this.sdk = new sdk.Sdk(); },
  close() {},
  raisedBy: (error) => (error instanceof RangeError ? "server" : "client"),
  thread_start({ params }) { return this.sdk.start(renamed(params, { model: "theModel" }, "a thread")); },
  run({ input }) { return this.sdk.run(input); },
  thread_list() { throw new Unsupported("no lists"); },
  account() { return undefined.bug; },
});
`;

function say(...requests) {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "driver-"));
  try {
    const directory = path.join(home, "node_modules", "fake-sdk");
    fs.mkdirSync(directory, { recursive: true });
    fs.writeFileSync(
      path.join(directory, "package.json"),
      JSON.stringify({ version: "1.2.3", type: "module", exports: { ".": { import: "./sdk.js" } } }),
    );
    fs.writeFileSync(path.join(directory, "sdk.js"), SDK);
    fs.writeFileSync(path.join(home, "fake.mjs"), DRIVER);
    const lines = requests.map(([verb, options = {}], index) =>
      JSON.stringify({ id: index + 1, verb, with: options }),
    );
    const ended = spawnSync(process.execPath, [path.join(home, "fake.mjs")], {
      input: lines.map((line) => `${line}\n`).join(""),
      env: { ...process.env, CODEX_SDK_HOME: home },
      encoding: "utf8",
      timeout: 60_000,
    });
    const answers = ended.stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    return { answers, code: ended.status, stderr: ended.stderr };
  } finally {
    fs.rmSync(home, { recursive: true, force: true });
  }
}

test("each request has one answer with its id", () => {
  const { answers, code, stderr } = say(
    ["hello", { codex: "/bin/codex" }],
    ["open"],
    ["thread_start", { params: { model: "m" } }],
    ["thread_start", { params: { cwd: "/" } }],
    ["run", { thread: "t-1", input: "hi" }],
    ["steer"],
    ["models"],
    ["thread_list"],
    ["close"],
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(answers.map(({ id }) => id), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const hello = answers[0].result;
  assert.equal(hello.version, "1.2.3");
  assert.deepEqual(hello.verbs, ["thread_start", "thread_list", "run", "account"]);
  assert.deepEqual(answers[1].result, {});
  assert.equal(answers[2].result.thread.theModel, "m");
  assert.match(answers[3].unsupported, /`cwd`/);
  assert.deepEqual(answers[4].error, { raised_by: "server", type: "RangeError", message: "refused: hi" });
  assert.equal(answers[5].unsupported, "it can't be steered");
  assert.match(answers[6].unsupported, /`models`/);
  assert.equal(answers[7].unsupported, "no lists");
  assert.match(stderr, /chatter of the SDK/);
});

test("a bug of the driver ends it", () => {
  const { answers, code, stderr } = say(["open"], ["account"], ["close"]);
  assert.equal(answers.length, 1);
  assert.notEqual(code, 0);
  assert.match(stderr, /TypeError/);
});
