// Segment's own Node library, at its default settings or at the best found for this sink.
import { readFileSync } from "node:fs";
import { Analytics } from "@segment/analytics-node";

const [settings, url, path, count] = process.argv.slice(2);
const calls = readFileSync(path, "utf8").split("\n", Number(count)).map((line) => JSON.parse(line));
const best = settings === "best" ? { flushAt: 500 } : {};
const analytics = new Analytics({ writeKey: "not-a-real-key", host: url, ...best });

const began = performance.now();
for (const { event, userId, anonymousId, properties, context, messageId } of calls) {
  analytics.track({ event, userId, anonymousId, properties, context, messageId });
}
await analytics.closeAndFlush();
console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
