// Uploads of the files page: chosen or dropped, in parallel parts, paused, and gone on with later.
// What is known of an upload lies in the browser's storage, so that it outlives the page.
(() => {
  "use strict";
  const section = document.getElementById("upload");
  const list = document.getElementById("uploads");
  const zone = document.getElementById("drop");
  const ENDPOINT = new URL(section.dataset.endpoint, location.href).href;
  const LARGE = 8 * 1024 * 1024; // from here on a file goes in parts
  const PARTS = 4;
  const CONNECTIONS = 5; // browsers open six to a server, and the page needs one
  const RETRY_DELAYS = [0, 1000, 3000, 5000, 10000];
  const TEXTS = JSON.parse(document.getElementById("upload-texts").textContent);
  const LANGUAGE = document.documentElement.lang;
  const UNITS = [TEXTS.bytes, "kB", "MB", "GB", "TB", "PB"];
  const DIGITS = { minimumFractionDigits: 1, maximumFractionDigits: 1 };

  const rows = new Set();

  // Say a text of the page, with values in its places: %(name)s.
  const text = (key, values = {}) =>
    TEXTS[key].replace(/%\((\w+)\)s/g, (_, place) => values[place]);

  const say = (words) => { document.getElementById("said").textContent = words; };
  const refresh = () => document.body.dispatchEvent(new Event("catacloud:uploaded"));
  const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1] ?? "";

  const size = (bytes) => {
    let step = 0;
    while (bytes >= 1000 && step < UNITS.length - 1) {
      bytes /= 1000;
      step += 1;
    }
    return `${bytes.toLocaleString(LANGUAGE, step ? DIGITS : {})}\u00a0${UNITS[step]}`;
  };

  // Where the browser stores nothing, an upload can be gone on with as long as the page is open.
  class PageStorage {
    entries = new Map();
    last = 0;
    async findAllUploads() { return [...this.entries.values()]; }
    async findUploadsByFingerprint(fingerprint) {
      return (await this.findAllUploads()).filter((one) => one.fingerprint === fingerprint);
    }
    async addUpload(fingerprint, upload) {
      const urlStorageKey = String((this.last += 1));
      this.entries.set(urlStorageKey, { ...upload, fingerprint, urlStorageKey });
      return urlStorageKey;
    }
    async removeUpload(key) { this.entries.delete(key); }
  }
  const storage = tus.canStoreURLs ? tus.defaultOptions.urlStorage : new PageStorage();

  const statusOf = (error) =>
    error.originalResponse?.getStatus() ?? error.causingError?.status ?? 0;

  // tus-js-client gives on a failure of the final's request as it came: a ProgressEvent.
  const wasSent = (error) => error.originalRequest || error instanceof ProgressEvent;

  const mayHelpToRetry = (error) => {
    const status = statusOf(error);
    return wasSent(error) && navigator.onLine && (status < 400 || status >= 500 || status === 409);
  };

  const explain = (error) => {
    const status = statusOf(error);
    if (!wasSent(error)) return text("unreadable");
    if (status in TEXTS.refused) return TEXTS.refused[status];
    if (status === 0) return text(navigator.onLine ? "unreachable" : "offline");
    try {
      return JSON.parse(error.originalResponse.getBody()).detail || error.message;
    } catch {
      return text("failed", { status });
    }
  };

  class Row {
    constructor(file) {
      this.file = file;
      this.connections = file.size > LARGE ? PARTS : 1;
      const copy = document.getElementById("upload-row").content.cloneNode(true);
      this.element = copy.querySelector("li");
      this.bar = copy.querySelector("progress");
      this.pauseButton = copy.querySelector("[data-action=pause]");
      this.cancelButton = copy.querySelector("[data-action=cancel]");
      copy.querySelector(".name").textContent = file.name;
      this.bar.setAttribute("aria-label", text("progressOf", file));
      this.pauseButton.addEventListener("click", () => this.toggle());
      this.cancelButton.addEventListener("click", () => this.cancel());
      list.append(copy);
      rows.add(this);
      this.wait();
    }

    is(file) {
      return ["name", "size", "type", "lastModified"].every((one) => this.file[one] === file[one]);
    }

    // What each state looks like: a class, a line of text, and what the buttons do.
    show(state, words) {
      this.state = state;
      this.element.className = `upload ${state}`;
      this.element.querySelector(".state").textContent = words;
      const going = state === "waiting" || state === "running";
      this.label(this.pauseButton, going ? "pause" : "resume");
      this.label(this.cancelButton, state === "done" ? "hide" : "cancel");
      this.pauseButton.hidden = state === "done";
    }

    label(button, deed) {
      if (button.textContent !== text(deed)) button.textContent = text(deed);
      button.setAttribute("aria-label", text(`${deed}One`, this.file));
    }

    wait() {
      this.attempts = 0;
      this.show("waiting", text("waiting"));
      startWaiting();
    }

    async start() {
      this.show("running", text("starting"));
      // A new one each time: after a pause in parts, the old one would keep its errors to itself.
      const upload = new tus.Upload(this.file, this.options());
      this.upload = upload;
      const previous = await upload.findPreviousUploads();
      if (this.upload !== upload || this.state !== "running") return; // paused meanwhile
      if (previous.length) upload.resumeFromPreviousUpload(previous.at(-1));
      upload.start();
    }

    options() {
      return {
        endpoint: ENDPOINT,
        urlStorage: storage,
        parallelUploads: this.connections,
        storeFingerprintForResuming: true,
        removeFingerprintOnSuccess: true,
        retryDelays: RETRY_DELAYS,
        metadata: { filename: this.file.name, filetype: this.file.type },
        // Each part by itself. A whole that tried again would do so beside its parts: see fail().
        onShouldRetry: (error, _, { parallelUploads }) =>
          parallelUploads === 1 && mayHelpToRetry(error) && this.tryAgain(),
        // The token of now: whoever signed in anew in another tab has another one.
        onBeforeRequest: (request) => request.setHeader("X-CSRFToken", cookie("csrftoken")),
        // Only what is gone is begun anew; any other refusal of HEAD would lose what is there.
        onAfterResponse: (request, response) => {
          const status = response.getStatus();
          if (request.getMethod() === "HEAD" && status >= 400 && status !== 404 && status !== 410) {
            throw Object.assign(new Error("The offset is not known."), { status });
          }
        },
        onProgress: (sent, total) => this.progress(sent, total),
        onSuccess: () => this.succeed(),
        onError: (error) => this.fail(error),
      };
    }

    startLater() {
      const { upload } = this;
      this.tryAgain();
      setTimeout(() => {
        if (this.upload === upload && this.state === "running") this.start();
      }, RETRY_DELAYS[this.attempts]);
      this.attempts += 1;
    }

    tryAgain() {
      if (this.state === "running") this.show("running", text("interrupted"));
      return true;
    }

    progress(sent, total) {
      if (this.state !== "running") return;
      const percent = total ? Math.floor((100 * sent) / total) : 100;
      this.bar.value = percent;
      const sizes = { sent: size(sent), total: size(total) };
      this.show("running", `${percent}\u00a0% · ${text("sent", sizes)}`);
    }

    succeed() {
      this.bar.value = 100;
      this.show("done", text("uploaded"));
      this.end(text("isUploaded", this.file));
    }

    fail(error) {
      if (this.state !== "running") return;
      const why = explain(error); // before abort(), which empties the answer
      const again = mayHelpToRetry(error) && this.connections > 1;
      this.upload.abort(); // its other parts
      if (again && this.attempts < RETRY_DELAYS.length) return this.startLater();
      this.offline = !navigator.onLine;
      this.show("failed", why);
      this.end(text("isNotUploaded", { name: this.file.name, why }));
    }

    end(words) {
      say(words);
      refresh();
      startWaiting();
    }

    toggle() {
      if (this.state !== "waiting" && this.state !== "running") return this.wait();
      this.upload?.abort();
      const percent = `${this.bar.value}\u00a0%`;
      this.show("paused", this.bar.value ? text("pausedAt", { percent }) : text("paused"));
      this.end(text("isPaused", this.file));
    }

    async cancel() {
      const done = this.state === "done";
      this.show(done ? "done" : "cancelled", text("cancelling"));
      rows.delete(this);
      const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
      this.element.remove();
      (next?.querySelector("[data-action=cancel]") ?? document.getElementById("choose")).focus();
      if (done) return;
      this.upload?.abort();
      await this.forget();
      this.end(text("isCancelled", this.file));
    }

    // Delete what has arrived. abort(true) would not wait for that of the parts.
    async forget() {
      const options = this.options();
      const previous = await new tus.Upload(this.file, options).findPreviousUploads();
      const addresses = previous.flatMap((one) => one.parallelUploadUrls ?? [one.uploadUrl]);
      await Promise.allSettled(addresses.map((one) => tus.Upload.terminate(one, options)));
      await Promise.all(previous.map((one) => storage.removeUpload(one.urlStorageKey)));
    }
  }

  const inState = (state) => [...rows].filter((row) => row.state === state);

  function startWaiting() {
    let used = inState("running").reduce((sum, row) => sum + row.connections, 0);
    for (const row of inState("waiting")) {
      if (used + row.connections > CONNECTIONS) return; // in their order
      used += row.connections;
      row.start();
    }
  }

  // What an earlier visit began and the server still has: only the person can choose it again.
  const tellUnfinished = async () => {
    const oldest = Date.now() - section.dataset.expiresHours * 3_600_000;
    const names = (await storage.findAllUploads())
      .filter((one) => one.urlStorageKey.includes(`-${ENDPOINT}::`))
      .filter((one) => new Date(one.creationTime) > oldest)
      .map((one) => one.metadata.filename)
      .filter((name) => ![...rows].some((row) => row.file.name === name));
    const line = document.getElementById("unfinished");
    line.hidden = names.length === 0;
    line.querySelector("bdi").textContent = names.join(", ");
  };

  const add = (files) => {
    for (const file of files) {
      const row = [...rows].find((one) => one.state !== "done" && one.is(file));
      if (!row) new Row(file);
      else if (row.state === "paused" || row.state === "failed") row.wait();
    }
    tellUnfinished();
  };

  const input = document.getElementById("choose");
  input.addEventListener("change", () => {
    add(input.files);
    input.value = ""; // so that the same file can be chosen again
  });

  // A file that misses the zone would open in place of the page: all of the page takes it.
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
    add(files.map((item) => item.getAsFile()));
    if (files.length < items.length) say(text("noFolders"));
  });

  window.addEventListener("online", () => {
    for (const row of inState("failed").filter((one) => one.offline)) row.wait();
  });
  window.addEventListener("beforeunload", (event) => {
    if (inState("running").length || inState("waiting").length) event.preventDefault();
  });

  tellUnfinished();
})();
