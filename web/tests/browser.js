// Starts a browser with WebGPU on its software adapter, serves the built page, and reads the program's state.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
};

// The browser composites a WebGPU canvas only if it draws with Vulkan too.
const FLAGS = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  "--use-angle=vulkan",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// Serves a folder, by default the built page, and further files by path.
export async function serve(extra = {}, folder = DIST) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://page").pathname;
    const name = path === "/" ? "index.html" : normalize(decodeURIComponent(path)).replace(/^\/+/, "");
    try {
      const body = extra[name] ?? (await readFile(join(folder, name)));
      response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export function launch(flags = FLAGS) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

// The server and the browser of a file's tests, from before the first test to after the last.
export function stage(serving = serve) {
  const stage = {};
  before(async () => {
    stage.site = await serving();
    stage.browser = await launch();
  });
  after(async () => {
    await stage.browser.close();
    stage.site.close();
  });
  return stage;
}

// Opens a page. Errors in its console and requests to other hosts are collected in `page.errors`.
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.errors.push(message.text()));
  page.on("request", (request) => {
    const local = request.url().startsWith(address.split("#")[0]) || /^(blob|data):/.test(request.url());
    if (!local) page.errors.push(`a request to another host: ${request.url()}`);
  });
  await page.goto(address);
  return page;
}

export function state(page) {
  return page.evaluate(() => window.remixmatch?.state() ?? null);
}

// Waits until `condition(state)` is truthy and returns its value.
export async function until(page, what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last = null;
  for (;;) {
    last = await state(page);
    const found = last && condition(last);
    if (found) return found;
    const failed = last?.runs.find((run) => run.failure);
    assert.ok(!failed, `${what}: the run failed: ${failed?.failure}`);
    assert.deepEqual(page.errors, [], what);
    assert.ok(Date.now() < end, `${what}: not within ${seconds} s; ${JSON.stringify(last)?.slice(-1500)}`);
    await page.waitForTimeout(100);
  }
}

export const ready = (page) => until(page, "the data are there", (now) => now.data);

// Drops files on the page: `[name, content in base64]`.
export function drop(page, files) {
  return page.evaluate((list) => {
    const transfer = new DataTransfer();
    for (const [name, data] of list) {
      transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
    }
    const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.getElementById("canvas").dispatchEvent(event);
  }, files);
}

// The share of a picture's pixels that differ from its most frequent colour, and its number of colours.
export async function detail(page, clip) {
  const picture = await page.screenshot({ clip });
  return page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const drawing = canvas.getContext("2d");
    drawing.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(drawing.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
    const counts = new Map();
    for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    return { share: 1 - Math.max(...counts.values()) / pixels.length, colours: counts.size };
  }, picture.toString("base64"));
}
