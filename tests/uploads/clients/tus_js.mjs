// Uploads files with tus-js-client, as asked in JSON by standard input; tus_js.py has the other end.
// Of each upload: `path`; `options` of tus-js-client; `stream`, to hide its length from the client;
// `stopAt`, a number of bytes after which it is stopped; `delete`, to stop it for good, or, if
// there is no `stopAt`, to delete it once it is done.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.argv[2]}/`); // it is installed elsewhere
const { FileUrlStorage, Upload } = require("tus-js-client");

const asked = JSON.parse(await text(process.stdin));
const requests = [];

class Storage extends FileUrlStorage {
  saved = false; // only what is saved can be resumed

  async addUpload(...args) {
    const key = await super.addUpload(...args);
    this.saved = true;
    return key;
  }
}

const note = (request, response) => {
  requests.push({
    method: request.getMethod(),
    url: request.getURL(),
    override: request.getHeader("X-HTTP-Method-Override"),
    offset: request.getHeader("Upload-Offset"),
    concat: request.getHeader("Upload-Concat"),
    status: response.getStatus(),
  });
};

const send = ({ path, options = {}, stream = false, stopAt = Infinity, ...then }) =>
  new Promise((resolve) => {
    const content = createReadStream(path);
    const urlStorage = new Storage(join(asked.storage, basename(path)));
    let stopped = false;
    const stop = () => {
      stopped = true;
      upload.abort(Boolean(then.delete)).then(
        () => resolve({ stopped: true }),
        (error) => resolve({ error: String(error) }),
      );
    };
    const upload = new Upload(stream ? content.pipe(new PassThrough()) : content, {
      endpoint: asked.endpoint,
      headers: { Authorization: `Bearer ${asked.key}` },
      metadata: { filename: basename(path), filetype: "video/mp4" },
      retryDelays: [0, 100, 200],
      urlStorage,
      onAfterResponse: note,
      onError: (error) => resolve({ error: String(error) }),
      onSuccess: async () => {
        if (then.delete) await upload.abort(true);
        resolve({ url: upload.url });
      },
      onProgress: (sent) => {
        if (!stopped && urlStorage.saved && sent >= stopAt) stop();
      },
      ...options,
    });
    upload.findPreviousUploads().then(([previous]) => {
      if (previous) upload.resumeFromPreviousUpload(previous);
      upload.start();
    });
  });

const uploads = await Promise.all(asked.uploads.map(send));
// Nobody waits for the deletions of parts but the process itself, which ends after them.
process.once("beforeExit", () => process.stdout.write(JSON.stringify({ uploads, requests })));
