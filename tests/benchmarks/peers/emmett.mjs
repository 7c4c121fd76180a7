// The worker of @event-driven-io/emmett-postgresql; workers.py says what it is asked and answers.
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`); // it is installed elsewhere
const { getPostgreSQLEventStore } = require("@event-driven-io/emmett-postgresql");

const event = {
  type: "bench.metered",
  data: { metric: "catacloud.execution.finished", quantity: 1, node: "worker-17.eu-central" },
};
const store = getPostgreSQLEventStore(process.env.DATABASE_URL, {
  schema: { autoMigration: "None" },
});
const seconds = (start) => (performance.now() - start) / 1000;

const commands = {
  hello: async () => ({}),
  create: async () => {
    await store.schema.migrate();
    return {};
  },
  single: async (asked) => {
    const stream = `meter-${randomUUID()}`;
    const start = performance.now();
    let done = 0;
    while (seconds(start) < asked.seconds) {
      await store.appendToStream(stream, [event], { expectedStreamVersion: BigInt(done) });
      done += 1;
    }
    return { done, seconds: seconds(start) };
  },
  batch: async ({ events }) => {
    const start = performance.now();
    await store.appendToStream(`meter-${randomUUID()}`, Array(events).fill(event), {
      expectedStreamVersion: 0n,
    });
    return { done: events, seconds: seconds(start) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const reply = await commands[asked.do](asked).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await store.close();
