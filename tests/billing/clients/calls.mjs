// Call a client's functions: what is asked comes in by stdin as JSON, what they give goes out so.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.argv[2]}/`));
const asked = JSON.parse(readFileSync(0, "utf8"));

const clients = {
  async openmeter() {
    const { OpenMeter } = await import(pathToFileURL(`${process.argv[2]}/@openmeter/sdk/dist/index.js`));
    return new OpenMeter({ baseUrl: asked.address, apiKey: asked.key });
  },
  async lago() {
    const { Client } = require("lago-javascript-client");
    return Client(asked.key, { baseUrl: `${asked.address}/lago/api/v1` });
  },
};

const client = await clients[asked.client]();
const results = [];
for (const [name, ...values] of asked.calls) {
  const path = name.split(".");
  const method = path.pop();
  const owner = path.reduce((object, step) => object[step], client);
  try {
    const result = await owner[method](...values);
    results.push((asked.client === "lago" ? result.data : result) ?? null);
  } catch (error) {
    const { status, error: body } = error;
    results.push({ thrown: { name: error.name, message: error.message, status, body } });
  }
}
process.stdout.write(JSON.stringify(results));
