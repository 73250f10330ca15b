// Browser functions that the program calls: files, storage, the address and the event loop.

const channel = new MessageChannel();
const waiting = [];
channel.port1.onmessage = () => waiting.shift()();

// Yields to the event loop through a message: browsers throttle the timers of hidden tabs to one per second, but not
// messages.
export function yieldNow() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(null);
  });
}

// Waits at least this long.
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// The name of the adapter that `loader.js` found.
export function adapterName() {
  return document.getElementById("canvas").dataset.adapter ?? "";
}

// Adds a mark to the browser's performance timeline.
export function mark(name) {
  performance.mark(name);
}

// Fetches a file of a built-in data set, from the folder beside the page that the build names by its content.
export async function fetchData(path) {
  const folder = document.querySelector("[data-sets]")?.dataset.sets ?? "./data";
  return fetchBytes(`${folder}/${path}`);
}

// Fetches a file that lies beside the page, such as weights to start from.
export function fetchBeside(name) {
  return fetchBytes(`./${encodeURIComponent(name)}`);
}

async function fetchBytes(path) {
  const answer = await fetch(new URL(path, document.baseURI));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// ---- Storage: an IndexedDB table of files, by path.

let database = null;

function completed(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Opens the storage; returns its files as [path, bytes, time].
export async function openStore() {
  try {
    const opening = indexedDB.open("remixmatch", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("files", { keyPath: "path" });
    database = await completed(opening);
    const files = await completed(database.transaction("files").objectStore("files").getAll());
    return files.map(({ path, bytes, written }) => [path, bytes, written]);
  } catch (error) {
    // Private windows may refuse storage: the page works without it.
    console.warn(`runs are not autosaved: ${error}`);
    return [];
  }
}

// Changes the table in a transaction.
function change(apply) {
  if (!database) return;
  const transaction = database.transaction("files", "readwrite");
  transaction.onabort = () => console.warn(`not stored: ${transaction.error}`);
  apply(transaction.objectStore("files"));
}

// Stores a file.
export function storeFile(path, bytes, written) {
  // `bytes` is a view of the program's memory, which may move before the transaction ends.
  const copy = bytes.slice();
  change((files) => files.put({ path, bytes: copy, written }));
}

// Removes a file from the storage.
export function removeFile(path) {
  change((files) => files.delete(path));
}

// Stores a short text.
export function storeText(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse storage.
  }
}

// A short text that is stored, if any.
export function loadText(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

// ---- Files that the user opens and saves. Nothing is sent anywhere.

// Saves a file to the user's downloads.
export function download(name, bytes) {
  const address = URL.createObjectURL(new Blob([bytes.slice()]));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// Reads files into memory, as [path, bytes].
async function read(found) {
  const files = [];
  for (const { path, file } of found) {
    note(`reading ${path}`);
    files.push([path, new Uint8Array(await file.arrayBuffer())]);
  }
  note("");
  return files;
}

// Asks for files, or for a folder; resolves to [name, files], or to undefined if cancelled.
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

// All entries of a folder, which the browser lists in batches.
async function entries(directory) {
  const reader = directory.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

// Collects the files below an entry.
async function walk(entry, path, found) {
  if (entry.isDirectory) {
    for (const inner of await entries(entry)) await walk(inner, `${path}/${inner.name}`, found);
  } else {
    found.push({ path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
  }
}

// Calls `receive` with the name and the files of what is dropped on the page.
export function onDrop(receive) {
  const dragged = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => dragged(event) && event.preventDefault(), true);
  addEventListener(
    "drop",
    async (event) => {
      if (!dragged(event)) return;
      event.preventDefault();
      event.stopPropagation();
      // Items are only valid during the event; files and entries stay valid.
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

// ---- The page around the program: notes, title, visibility, address and sections.

// Shows a line below the program; an empty one hides it.
function note(text) {
  const line = document.getElementById("note");
  line.textContent = text;
  line.hidden = text === "";
}

// Sets the title of the tab.
export function setTitle(title) {
  document.title = title;
}

// Calls `changed` with true when the tab is hidden, and with false when it is visible again.
export function onVisibility(changed) {
  document.addEventListener("visibilitychange", () => changed(document.visibilityState === "hidden"));
}

// The part of the address after #.
export function fragment() {
  return location.hash.slice(1);
}

// The page's address with another part after #.
export function addressWith(fragment) {
  return `${location.href.split("#")[0]}#${fragment}`;
}

// Calls `changed` when the part of the address after # changes.
export function onFragment(changed) {
  addEventListener("hashchange", () => changed(fragment()));
}

// Shows one section of the page.
function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
}

// Shows the program.
export function showReady() {
  show("app");
  document.getElementById("canvas").focus();
}

// Shows why the program could not start.
export function showFailure(reason) {
  document.getElementById("failure").textContent = reason;
  show("failed");
}

// Shows that the adapter failed and what was saved; resolves to the batch to resume with, 0 without a run.
export function showLost(reason, saved, batch) {
  document.getElementById("lost-reason").textContent = reason;
  document.getElementById("lost-saved").textContent = saved;
  const half = Math.max(4, Math.floor(batch / 8) * 4);
  const choices = [
    ["lost-smaller", `Resume with batch ${half}`, half, batch > 4],
    ["lost-same", batch > 0 ? `Resume with batch ${batch}` : "Start again", batch, true],
  ];
  show("lost");
  return new Promise((resolve) => {
    for (const [id, text, value, offered] of choices) {
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
