// The native program and the page compute the same losses from the same seed and settings.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { open, stage, until } from "./browser.js";

const STEPS = 20;
// At the preset's rate, 0.002, rounding errors grow about tenfold per step from the tenth step on, and at 0.0005 twofold from
// the eighth on. At this rate they do not grow, so that any other difference shows.
const RATE = "0.00002";
// Of f32 sums, relative to losses above 1: the two adapters round their functions differently.
const TOLERANCE = 1e-6;
const TERMS = ["loss_x", "loss_u", "loss_u1", "loss_r"];

const here = stage();

function program() {
  const built = ["release", "debug"].map((kind) => fileURLToPath(new URL(`../../target/${kind}/remixmatch`, import.meta.url)));
  const found = process.env.REMIXMATCH ?? built.find(existsSync);
  assert.ok(found, "build the program first (cargo build), or name it in REMIXMATCH");
  return found;
}

// With one report per step, the losses of a report are those of its step.
function native() {
  const folder = mkdtempSync(join(tmpdir(), "remixmatch-"));
  try {
    const settings = "--preset digits --batch 8 --k 1 --seed 5 --report-every 1 --lr".split(" ");
    execFileSync(program(), ["train", ...settings, RATE, "--steps", STEPS, "--out", join(folder, "run")], { stdio: "pipe" });
    const [header, ...rows] = readFileSync(join(folder, "run/metrics.csv"), "utf8").trim().split("\n");
    const columns = header.split(",");
    assert.equal(rows.length, STEPS);
    return rows.map((row) => TERMS.map((term) => Number(row.split(",")[columns.indexOf(term)])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test(`page and native losses agree for ${STEPS} steps`, async (t) => {
  const expected = native();
  const page = await open(here.browser, `${here.site.address}#preset=digits&batch=8&method.strong_views=1&seed=5&learning_rate=${RATE}&steps=${STEPS}&train`);
  const run = await until(page, "the run", (now) => now.runs[0]?.phase === "finished" && now.runs[0], 300);
  assert.equal(run.steps.length, STEPS);
  assert.ok(run.steps.every(({ losses }) => losses.length === TERMS.length));
  let largest = 0;
  run.steps.forEach(({ losses }, step) => {
    losses.forEach((loss, term) => {
      const difference = Math.abs(loss - expected[step][term]) / Math.max(1, expected[step][term]);
      largest = Math.max(largest, difference);
      assert.ok(difference <= TOLERANCE, `${TERMS[term]} of step ${step + 1}: ${loss} in the page, ${expected[step][term]} natively`);
    });
  });
  t.diagnostic(`largest difference ${largest.toExponential(1)}`);
  assert.deepEqual(page.errors, []);
});
