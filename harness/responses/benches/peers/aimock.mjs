// aimock with one reply of 23 events, every request parsed and journalled.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, logLevel: "silent", chunkSize: 24, latency: 0 });
mock.onMessage(/.*/, { content: "a delta of some length! ".repeat(15) });
await mock.start();
console.log(mock.url);
