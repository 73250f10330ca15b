// The layer tests against the f64 reference, in the browser: the same code as the native tests (tests/layers).

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { open, serve, stage } from "./browser.js";

// Built by `scripts/page_test.sh`.
const BUILT = fileURLToPath(new URL("../../target/page/layers/", import.meta.url));
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
import init, * as layers from "./layers.js";
await init();
await layers.open();
window.layers = layers;
</script>`;

const here = stage(() => serve({ "index.html": PAGE }, BUILT));

test("every layer matches the reference, forward and backward", async (t) => {
  const page = await open(here.browser, here.site.address);
  await page.waitForFunction(() => window.layers, null, { timeout: 60_000 });
  const names = await page.evaluate(() => window.layers.names());
  assert.ok(names.length >= 20, `${names.length} tests`);
  for (const [place, name] of names.entries()) {
    await t.test(name, async () => {
      // A failing test panics and never resolves; its message is in the console.
      const failed = new Promise((resolve) => page.once("pageerror", resolve));
      await Promise.race([page.evaluate((at) => window.layers.run(at), place), failed]);
      assert.deepEqual(page.errors, []);
    });
    if (page.errors.length > 0) break;
  }
});
