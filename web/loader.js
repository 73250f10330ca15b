// What is seen before the program runs: the way it comes, or why it does not.

const byId = (id) => document.getElementById(id);

function show(id) {
  for (const part of document.querySelectorAll("main > section")) part.hidden = part.id !== id;
}

export function fail(error) {
  byId("failure").textContent = String(error?.message ?? error);
  show("failed");
}

// Browsers tell as much of an adapter as they please.
function nameOf({ description, vendor, architecture }) {
  return description || [vendor, architecture].filter(Boolean).join(" ") || "not named by the browser";
}

// Whether there is an adapter, whose name the canvas then has; says what is lacking if not.
export async function hasWebGpu() {
  let lacking = "";
  try {
    if (!isSecureContext) lacking = "the page did not come over https";
    else if (!navigator.gpu) lacking = "the browser has none, or it is switched off";
    else {
      const adapter = await navigator.gpu.requestAdapter();
      if (!adapter) lacking = "the browser found no adapter that it may use";
      else byId("canvas").dataset.adapter = nameOf(adapter.info);
    }
  } catch (error) {
    lacking = String(error.message);
  }
  if (lacking === "") return true;
  byId("lacking").textContent = lacking;
  show("no-webgpu");
  return false;
}

export function progress(share, stage) {
  byId("progress").value = share;
  byId("stage").textContent = stage;
}

// Streams and compiles the program, which is `size` bytes when it is unpacked.
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

// Starts the program; `window.remixmatch.state()` then tells tests what goes on in it.
export async function start(program) {
  window.remixmatch = { state: () => JSON.parse(program.state() || "null"), shaders: () => program.shaders() };
  await program.start(byId("canvas"));
}
