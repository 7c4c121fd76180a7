// Uploads a file with tus-js-client; speaks the lines of tests/benchmarks/workers.py.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(`${process.argv[2]}/`); // it is installed elsewhere
const { Upload } = require("tus-js-client");

const upload = ({ path, size, endpoint, key, parts }) =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const sent = new Upload(createReadStream(path), {
      endpoint,
      headers: { Authorization: `Bearer ${key}` },
      parallelUploads: parts,
      storeFingerprintForResuming: false,
      retryDelays: [],
      onError: reject,
      onSuccess: () =>
        resolve({ done: size, seconds: (performance.now() - start) / 1000, url: sent.url }),
    });
    sent.start();
  });

const commands = { hello: async () => ({ done: 0, seconds: 0 }), upload };

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const answer = await commands[asked.do](asked).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
