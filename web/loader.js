// What the page shows before the program runs: loading progress, or why the program cannot run.

const byId = (id) => document.getElementById(id);

// Shows one section of the page.
function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
}

// Shows why the program could not start.
export function fail(error) {
  byId("failure").textContent = String(error?.message ?? error);
  show("failed");
}

// The adapter's name: browsers may leave out any part of it.
function nameOf({ description, vendor, architecture }) {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "not named by the browser";
}

// Whether there is an adapter. Stores its name on the canvas, or shows what is missing.
export async function hasWebGpu() {
  let missing = "";
  try {
    if (!isSecureContext) missing = "the page was not loaded over https";
    else if (!navigator.gpu) missing = "the browser does not support it, or it is switched off";
    else {
      const adapter = await navigator.gpu.requestAdapter();
      if (!adapter) missing = "the browser found no suitable adapter";
      else byId("canvas").dataset.adapter = nameOf(adapter.info);
    }
  } catch (error) {
    missing = String(error.message);
  }
  if (missing === "") return true;
  byId("missing").textContent = missing;
  show("no-webgpu");
  return false;
}

// Shows the progress of loading, from 0 to 1.
export function progress(share, stage) {
  byId("progress").value = share;
  byId("stage").textContent = stage;
}

// Downloads and compiles the program; `size` is its uncompressed size in bytes.
export async function load(address, size) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  let seen = 0;
  const counted = answer.body.pipeThrough(
    new TransformStream({
      transform(chunk, out) {
        seen += chunk.length;
        progress(Math.min(1, seen / size), `Loading ${Math.round((100 * seen) / size)} %`);
        out.enqueue(chunk);
      },
    }),
  );
  const typed = new Response(counted, { headers: { "Content-Type": "application/wasm" } });
  const module = await WebAssembly.compileStreaming(typed);
  performance.mark("compiled");
  progress(1, "Starting");
  return module;
}

// Starts the program; tests read its state through `window.remixmatch.state()`.
export async function start(program) {
  window.remixmatch = { state: () => JSON.parse(program.state() || "null"), shaders: () => program.shaders() };
  await program.start(byId("canvas"));
}
