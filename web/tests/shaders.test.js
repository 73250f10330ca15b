// Compiles every linked shader with the browser's compiler, which rejects some code that naga accepts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, ready, stage } from "./browser.js";

const here = stage();

test("shader variants compile with 8 storage buffers", async (t) => {
  const page = await open(here.browser, here.site.address);
  await ready(page);
  const found = await page.evaluate(async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const requiredFeatures = ["subgroups", "shader-f16"].filter((name) => adapter.features.has(name));
    const lacks = (feature) => !requiredFeatures.includes(feature);
    // The default limit of the WebGPU standard, below this browser's default.
    const device = await adapter.requestDevice({
      requiredFeatures,
      requiredLimits: { maxStorageBuffersPerShaderStage: 8 },
    });
    const failures = [];
    let pipelines = 0;
    let skipped = 0;
    for (const [name, code] of window.remixmatch.shaders()) {
      if ((name.includes("_subgroups") && lacks("subgroups")) || (name.endsWith("_half") && lacks("shader-f16"))) {
        skipped += 1;
        continue;
      }
      const module = device.createShaderModule({ code });
      const { messages } = await module.getCompilationInfo();
      for (const { type, message, lineNum } of messages) if (type === "error") failures.push(`${name}:${lineNum}: ${message}`);
      const sets = /override GROUP\b/.test(code) ? [{ GROUP: 8 }, { GROUP: 64 }] : [undefined];
      const entries = [...code.matchAll(/@compute[^{;]*?fn\s+(\w+)/g)].map((match) => match[1]);
      if (entries.length === 0) failures.push(`${name}: no entry point`);
      for (const entryPoint of entries) {
        for (const constants of sets) {
          try {
            await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint, constants } });
            pipelines += 1;
          } catch (error) {
            failures.push(`${name}:${entryPoint}: ${error.message}`);
          }
        }
      }
    }
    return { failures, pipelines, skipped };
  });
  t.diagnostic(`${found.pipelines} pipelines, ${found.skipped} shaders skipped without subgroups or f16`);
  assert.deepEqual(found.failures, []);
  assert.ok(found.pipelines > 30);
  assert.deepEqual(page.errors, []);
});
