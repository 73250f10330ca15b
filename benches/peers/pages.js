// Sides that are pages, in one browser and so on one adapter.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launch, serve } from "../../web/tests/browser.js";
import { settings } from "./networks.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BUILT = here("../../target/page/peer");
const TENSORFLOW = [
  "tfjs/dist/tf.min.js",
  "tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js",
];

function page(browser, name, site) {
  let shown;
  return {
    name,
    async start(network, warmUp) {
      shown = await browser.newPage();
      shown.on("pageerror", (error) => console.error(`${name}: ${error}`));
      // Records the adapter of every requested device, also of one that a library requests.
      await shown.addInitScript(() => {
        const request = GPUAdapter.prototype.requestDevice;
        GPUAdapter.prototype.requestDevice = function (...options) {
          const { vendor, architecture, device, description } = this.info;
          window.adapter = [vendor, architecture, device, description].filter(Boolean).join(" ");
          return request.apply(this, options);
        };
      });
      await shown.goto(site.address);
      await shown.waitForFunction(() => window.peer, null, { timeout: 60_000 });
      const prepare = async (network) => ({ ...(await window.peer.prepare(...network)), adapter: window.adapter });
      return shown.evaluate(prepare, settings(network, warmUp));
    },
    async measure(steps) {
      await shown.bringToFront();
      return shown.evaluate((steps) => window.peer.steps(steps), steps);
    },
    stop: () => shown.close(),
  };
}

// Our page and TensorFlow.js's, and what closes their browser.
export async function pages() {
  const files = {};
  for (const path of TENSORFLOW) files[path.split("/").at(-1)] = await readFile(here(`node_modules/@tensorflow/${path}`));
  const sites = [
    await serve({ "index.html": await readFile(here("page/index.html")) }, BUILT),
    await serve(files, here("tfjs")),
  ];
  const browser = await launch();
  const sides = [page(browser, "ours", sites[0]), page(browser, "tfjs", sites[1])];
  const close = async () => {
    await browser.close();
    sites.forEach((site) => site.close());
  };
  return { sides, close };
}
