// What the page does for the program: files, storage, the address, turns of the event loop.

const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();

// Timers are slowed down to one a second where a tab is hidden; messages are not.
export function turn() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// What `loader.js` found.
export function adapterName() {
  return document.getElementById("canvas").dataset.adapter ?? "";
}

export function mark(name) {
  performance.mark(name);
}

// The built-in data lie beside the page, in a folder that the build names by its content.
export async function fetchData(path) {
  const folder = document.querySelector("[data-sets]")?.dataset.sets ?? "./data";
  const answer = await fetch(new URL(`${folder}/${path}`, document.baseURI));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// ---- Storage: one IndexedDB table of files by path.

let database = null;

function request(asked) {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

export async function openStore() {
  try {
    const opening = indexedDB.open("remixmatch", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("files", { keyPath: "path" });
    database = await request(opening);
    const files = await request(database.transaction("files").objectStore("files").getAll());
    return files.map(({ path, bytes, written }) => [path, bytes, written]);
  } catch (error) {
    // Private windows may refuse: the page works, and forgets.
    console.warn(`runs are not kept: ${error}`);
    return [];
  }
}

function change(apply) {
  if (!database) return;
  const transaction = database.transaction("files", "readwrite");
  transaction.onabort = () => console.warn(`not kept: ${transaction.error}`);
  apply(transaction.objectStore("files"));
}

export function keep(path, bytes, written) {
  // `bytes` is the program's memory: the copy is the browser's.
  const copy = bytes.slice();
  change((files) => files.put({ path, bytes: copy, written }));
}

export function forget(path) {
  change((files) => files.delete(path));
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

export function recall(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

// ---- Files from the person and to the person. Nothing is sent anywhere.

export function download(name, bytes) {
  const address = URL.createObjectURL(new Blob([bytes.slice()]));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function read(found) {
  const files = [];
  for (const { path, file } of found) {
    note(`reading ${path}`);
    files.push([path, new Uint8Array(await file.arrayBuffer())]);
  }
  note("");
  return files;
}

export function choose(folder) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.webkitdirectory = folder;
    input.oncancel = () => resolve(undefined);
    input.onchange = async () => {
      const chosen = [...input.files];
      if (chosen.length === 0) return resolve(undefined);
      const paths = chosen.map((file) => file.webkitRelativePath || file.name);
      const name = folder ? paths[0].split("/")[0] : chosen[0].name;
      const inside = paths.map((path) => (folder ? path.slice(name.length + 1) : path));
      try {
        resolve([name, await read(chosen.map((file, i) => ({ path: inside[i], file })))]);
      } catch (error) {
        note(`not opened: ${error.message}`);
        resolve(undefined);
      }
    };
    input.click();
  });
}

// A folder's entries come in batches until an empty one.
async function entries(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function walk(entry, path, found) {
  if (entry.isDirectory) {
    for (const inner of await entries(entry)) await walk(inner, `${path}/${inner.name}`, found);
  } else {
    found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
  }
}

export function onDrop(receive) {
  const dragged = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => dragged(event) && event.preventDefault(), true);
  addEventListener(
    "drop",
    async (event) => {
      if (!dragged(event)) return;
      event.preventDefault();
      event.stopPropagation();
      // Items are gone after this turn; files and entries stay.
      const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
      const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
      try {
        const found = [];
        const alone = dropped.length === 1 && dropped[0].entry?.isDirectory;
        for (const { entry, file } of dropped) {
          if (!entry) found.push({ path: file.name, file });
          else if (alone) for (const inner of await entries(entry)) await walk(inner, inner.name, found);
          else await walk(entry, entry.name, found);
        }
        const first = dropped[0].entry ?? dropped[0].file;
        if (found.length > 0) receive(first.name, await read(found));
      } catch (error) {
        note(`not opened: ${error.message}`);
      }
    },
    true,
  );
}

// ---- The page around the program.

function note(text) {
  const line = document.getElementById("note");
  line.textContent = text;
  line.hidden = text === "";
}

export function setTitle(title) {
  document.title = title;
}

export function onVisibility(changed) {
  document.addEventListener("visibilitychange", () => changed(document.visibilityState === "hidden"));
}

export function fragment() {
  return location.hash.slice(1);
}

export function addressWith(fragment) {
  return `${location.href.split("#")[0]}#${fragment}`;
}

export function onFragment(changed) {
  addEventListener("hashchange", () => changed(fragment()));
}

function show(id) {
  for (const part of document.querySelectorAll("main > section")) part.hidden = part.id !== id;
}

export function showReady() {
  show("app");
  document.getElementById("canvas").focus();
}

export function showFailure(reason) {
  document.getElementById("failure").textContent = reason;
  show("failed");
}

export function showLost(reason, kept, batch) {
  document.getElementById("lost-reason").textContent = reason;
  document.getElementById("lost-kept").textContent = kept;
  const half = Math.max(4, Math.floor(batch / 8) * 4);
  const ways = [
    ["lost-smaller", `Go on with batch ${half}`, half, batch > 4],
    ["lost-same", batch > 0 ? `Go on with batch ${batch}` : "Start again", batch, true],
  ];
  show("lost");
  return new Promise((resolve) => {
    for (const [id, text, value, offered] of ways) {
      const button = document.getElementById(id);
      button.textContent = text;
      button.hidden = !offered;
      button.onclick = () => {
        show("app");
        resolve(value);
      };
    }
  });
}
