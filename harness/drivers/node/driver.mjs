// The loop of a driver on node: reads requests, calls the SDK, answers.
//
// `docs/drivers.md` describes the protocol. A driver hands `serve` an object with a method for each
// verb that its SDK has, and what to say of itself. The loop tells the SDK's errors from those of
// the driver: an error whose stack has no file of a package is the driver's own.

import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const PROTOCOL = 1;

/** The verbs of the protocol beside `hello`, `open` and `close`. */
const VERBS = [
  "thread_start",
  "thread_resume",
  "thread_fork",
  "thread_read",
  "thread_list",
  "thread_archive",
  "thread_unarchive",
  "thread_name",
  "thread_compact",
  "run",
  "turn",
  "await_turn",
  "steer",
  "interrupt",
  "models",
  "account",
  "login_api_key",
  "logout",
  "approve",
];

/** The SDK has no way to do this; the message says why. */
export class Unsupported extends Error {}

/** A package of the SDK's own environment: its exports and its version. */
export async function installed(name) {
  const home = process.env.CODEX_SDK_HOME;
  if (!home) throw new Error("set `CODEX_SDK_HOME` to the directory that the SDK is installed in");
  const directory = path.join(home, "node_modules", name);
  const description = JSON.parse(fs.readFileSync(path.join(directory, "package.json"), "utf8"));
  const main = description.exports?.["."]?.import ?? description.module ?? description.main;
  const exports = await import(pathToFileURL(path.join(directory, main)).href);
  return { exports, version: description.version };
}

/** Options by the SDK's names. One that has none is unsupported, never left out. */
export function renamed(given, names, what) {
  return Object.fromEntries(
    Object.entries(given ?? {}).map(([name, value]) => {
      if (!Object.hasOwn(names, name)) throw new Unsupported(`${what} has no option for \`${name}\``);
      return [names[name], value];
    }),
  );
}

/** An object that an earlier call of the SDK gave; a restart takes them all away. */
export function known(things, name, what) {
  const thing = things.get(name);
  if (thing === undefined) {
    throw new Unsupported(`the SDK wants an object of its own for the ${what} \`${name}\`, and gave none`);
  }
  return thing;
}

/** Speaks the protocol until stdin ends. Whatever else prints goes to stderr. */
export async function serve(driver) {
  for (const method of ["log", "info", "debug"]) console[method] = console.error;
  const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
  for await (const line of lines) {
    const request = JSON.parse(line);
    const answer = { id: request.id, ...(await answerTo(driver, request)) };
    fs.writeSync(1, `${JSON.stringify(answer)}\n`);
  }
  await driver.close();
}

async function answerTo(driver, { verb, with: options }) {
  try {
    return { result: (await perform(driver, verb, options)) ?? {} };
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message };
    if (!fromSdk(error)) throw error;
    console.error(error);
    return {
      error: {
        raised_by: driver.raisedBy(error),
        type: error?.name ?? typeof error,
        message: error?.message ?? String(error),
      },
    };
  }
}

async function perform(driver, verb, options) {
  if (verb === "hello") return hello(driver, options);
  if (verb === "close") return driver.close();
  const has = verb === "open" || VERBS.includes(verb);
  if (!has || typeof driver[verb] !== "function") {
    throw new Unsupported(driver.lacks?.[verb] ?? `the SDK has nothing for \`${verb}\``);
  }
  return driver[verb](options);
}

function hello(driver, { codex }) {
  driver.codex = codex;
  return {
    protocol: PROTOCOL,
    verbs: VERBS.filter((verb) => typeof driver[verb] === "function"),
    ...driver.about,
  };
}

/** Did an error come through a file of the SDK, or from node on its behalf? */
function fromSdk(error) {
  return error?.code !== undefined || String(error?.stack ?? "").includes("/node_modules/");
}
