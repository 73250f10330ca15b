// The page from outside: loading, training, links, phone, hidden tab, lost device.

import assert from "node:assert/strict";
import { test } from "node:test";
import { detail, drop, launch, open, ready, stage, state, until } from "./browser.js";

// Every part of the method, small enough for a software adapter.
const SMALL = "preset=digits&batch=8&method.strong_views=1&report_every=5";

const here = stage();

// The button that cancels the opening of data.
const CANCEL = { x: 53, y: 228 };

async function visit(fragment = "", options = {}) {
  return open(here.browser, fragment ? `${here.site.address}#${fragment}` : here.site.address, options);
}

async function leave(page) {
  assert.deepEqual(page.errors, []);
  await page.context().close();
}

test("the page loads and trains its first step", async (t) => {
  const page = await visit(`${SMALL}&train`);
  await until(page, "the first step", (now) => now.runs[0]?.step >= 1);
  const [compiled, now] = await page.evaluate(() => [
    performance.getEntriesByName("compiled")[0].startTime,
    performance.now(),
  ]);
  t.diagnostic(`first step ${((now - compiled) / 1000).toFixed(1)} s after the program was compiled`);
  assert.equal(await page.evaluate(() => document.getElementById("loading").hidden), true);
  await leave(page);
});

test("drawn data open without files", async () => {
  const page = await visit("preset=shapes");
  await until(page, "the drawn images", (now) => now.data?.name === "builtin:shapes");
  await leave(page);
});

test("digits training lowers loss and beats chance", async (t) => {
  // `quick` on digits, without the parts that are slow on a software adapter.
  const light = "batch=8&method.strong_views=1&method.policy=none&method.mixup=false&method.premixup=false";
  const quick = "learning_rate=0.004&norm_momentum=0.8&ema=0.9&steps=60&report_every=60";
  const page = await visit(`preset=quick&data=builtin:digits&${light}&method.rotation=false&${quick}&train`);
  const done = (now) => now.runs[0]?.phase === "finished" && now.runs[0].reports.length > 0;
  await until(page, "60 steps", done, 400);
  const run = (await state(page)).runs[0];
  const losses = run.steps.map((step) => step.losses[0]);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [first, last] = [mean(losses.slice(0, 10)), mean(losses.slice(-10))];
  const accuracy = run.reports.at(-1).test_acc;
  t.diagnostic(`labelled loss ${first.toFixed(3)} to ${last.toFixed(3)}, test accuracy ${(100 * accuracy).toFixed(1)} %`);
  assert.ok(last < 0.8 * first, `the loss went from ${first} to ${last}`);
  assert.ok(accuracy > 0.3, `accuracy ${accuracy}`);
  await leave(page);
});

test("no view is blank", async () => {
  const page = await visit(`${SMALL}&steps=2&train`);
  await until(page, "two steps", (now) => now.runs[0]?.phase === "finished", 120);
  const titles = (await state(page)).all_views;
  assert.ok(titles.includes("Anchors"));
  for (const title of titles) {
    await page.evaluate((view) => (location.hash = `preset=digits&view=${encodeURIComponent(view)}`), title);
    await until(page, title, (now) => now.views.includes(title) && now.data);
    await page.waitForTimeout(400);
    const { share, colours } = await detail(page, { x: 360, y: 40, width: 900, height: 420 });
    assert.ok(share > 0.001 && colours > 8, `${title} is blank: ${share} ${colours}`);
  }
  await leave(page);
});

test("a phone shows one column and a menu", async () => {
  const page = await visit(`${SMALL}&steps=2`, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
    // The emulated scale does not reach the canvas.
    deviceScaleFactor: 1,
  });
  await ready(page);
  await page.waitForTimeout(300);
  await page.touchscreen.tap(120, 22);
  await until(page, "Train was tapped", (now) => now.runs[0]?.phase === "finished", 120);
  await page.waitForTimeout(500);
  const anchors = await detail(page, { x: 0, y: 50, width: 390, height: 700 });
  assert.ok(anchors.colours > 50, "the Anchors view is blank");
  await page.touchscreen.tap(40, 22);
  await page.waitForTimeout(500);
  const menu = await detail(page, { x: 0, y: 50, width: 390, height: 700 });
  assert.ok(menu.share > 0.05, "the menu is blank");
  await leave(page);
});

// A file of CIFAR-10's binary layout: a label byte, then 32 x 32 red, green and blue bytes.
function cifar(images) {
  const bytes = Buffer.alloc(images * 3073);
  for (let image = 0; image < images; image += 1) {
    const label = image % 10;
    bytes[image * 3073] = label;
    for (let i = 1; i < 3073; i += 1) bytes[image * 3073 + i] = (label * 25 + i * 7 + image) % 256;
  }
  return bytes.toString("base64");
}

test("dropped CIFAR-10 files open, others are refused", async () => {
  const page = await visit();
  await ready(page);
  await drop(page, [
    ["data_batch_1.bin", cifar(200)],
    ["test_batch.bin", cifar(50)],
  ]);
  const data = await until(page, "the files are open", (now) => now.data?.format.includes("CIFAR-10") && now.data);
  assert.deepEqual([data.train, data.test, data.classes.length], [200, 50, 10]);
  await drop(page, [["notes.txt", Buffer.from("nothing to see").toString("base64")]]);
  await until(page, "the refusal", (now) => now.failure?.includes("notes.txt"));
  assert.match((await state(page)).data.format, /CIFAR-10/, "the open data set stays");
  await leave(page);
});

test("inserted text keeps its order", async () => {
  const page = await visit(`${SMALL}&view=Label%20your%20own`);
  await ready(page);
  const picture = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(40, 40);
    canvas.getContext("2d").fillRect(0, 0, 20, 40);
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
    return btoa(String.fromCharCode(...bytes));
  });
  await drop(page, [
    ["a.png", picture],
    ["b.png", picture],
  ]);
  // The field for the first class takes the focus.
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  for (const text of ["튤", "립", " ", "ä", "ö", "🌷"]) {
    await page.keyboard.insertText(text);
    await page.waitForTimeout(100);
  }
  assert.equal(await page.evaluate(() => document.activeElement.value), "튤립 äö🌷");
  await leave(page);
});

test("slow opening shows progress and is cancelled", async (t) => {
  const page = await visit(SMALL);
  await ready(page);
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(2000, 2000);
    const drawing = canvas.getContext("2d");
    for (let i = 0; i < 2000; i += 8) {
      drawing.fillStyle = `rgb(${i % 256} ${(3 * i) % 256} 90)`;
      drawing.fillRect(i, 0, 8, 2000 - i);
    }
    const image = await canvas.convertToBlob({ type: "image/png" });
    const rows = ["file,label"];
    const transfer = new DataTransfer();
    for (let i = 0; i < 400; i += 1) {
      transfer.items.add(new File([image], `${i}.png`));
      rows.push(`${i}.png,${i % 2 ? "a" : "b"}`);
    }
    transfer.items.add(new File([rows.join("\n")], "labels.csv"));
    const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
    document.getElementById("canvas").dispatchEvent(event);
  });
  const early = await until(page, "the progress", (now) => now.progress?.[0] > 0 && now.progress);
  const later = await until(page, "more progress", (now) => now.progress?.[0] > early[0] && now.progress);
  t.diagnostic(`${early} images, then ${later}`);
  assert.equal(later[1], 400);
  await page.mouse.click(CANCEL.x, CANCEL.y);
  await until(page, "the end", (now) => now.log.some((line) => line.includes("opening was cancelled")));
  const { opening, failure, data } = await state(page);
  assert.deepEqual([opening, failure, data.name], [null, null, "builtin:digits"]);
  await leave(page);
});

test("a reload resumes the autosaved run", async () => {
  const page = await visit(`${SMALL}&steps=400&train`);
  await until(page, "a report", (now) => now.runs[0]?.reports.length >= 1, 200);
  await until(page, "a step after it", (now) => now.runs[0].step > now.runs[0].reports.at(-1).step);
  await page.reload();
  const run = await until(page, "the run", (now) => now.runs[0]?.step >= 5 && now.runs[0]);
  assert.ok(run.reports.length >= 1, "its reports are there");
  assert.ok(run.steps.every((step) => step.step >= 5), "no step was repeated");
  const resumed = await until(page, "a step after the reload", (now) => now.runs[0].steps.length > 0 && now.runs[0], 60);
  assert.ok(resumed.steps.every((step) => step.step >= 5), "no step was repeated");
  await leave(page);
});

test("a link reproduces the losses of a run", async () => {
  const fragment = `${SMALL}&seed=7&method.beta=0.5&steps=4&train`;
  const losses = [];
  for (let visits = 0; visits < 2; visits += 1) {
    const page = await visit(fragment);
    const run = await until(page, "four steps", (now) => now.runs[0]?.phase === "finished" && now.runs[0], 200);
    assert.equal(run.config.seed, 7);
    losses.push(run.steps);
    await leave(page);
  }
  assert.equal(losses[0].length, 4);
  assert.deepEqual(losses[0], losses[1]);
});

test("invalid links are reported, lessons open comparisons", async () => {
  const page = await visit("preset=fast");
  await ready(page);
  await until(page, "the notice", (now) => now.log.some((line) => line.includes("preset 'fast'")));
  await page.evaluate(() => (location.hash = "lesson=mixup&preset=digits"));
  await until(page, "the lesson", (now) => now.compare === "no MixUp" && now.views.includes("MixUp"));
  await leave(page);
});

test("a hidden tab reports training progress", async () => {
  const page = await visit(`${SMALL}&steps=400&train`);
  await until(page, "a step", (now) => now.runs[0]?.step >= 1);
  const hide = (hidden) =>
    page.evaluate((value) => {
      Object.defineProperty(document, "visibilityState", { value, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden ? "hidden" : "visible");
  await hide(true);
  await page.waitForFunction(() => /step \d+, training in the background/.test(document.title));
  const step = (await state(page)).runs[0].step;
  await until(page, "a step while hidden", (now) => now.runs[0].step > step);
  await hide(false);
  await until(page, "what happened", (now) => now.log.some((line) => /hidden for .* training went on/.test(line)));
  assert.equal(await page.title(), "remixmatch");
  await leave(page);
});

// Failures of the adapter, and the message that the page then shows.
const FAILURES = {
  "a lost device": [() => window.device.destroy(), /lost/i],
  "an adapter without memory": [
    () => {
      const error = new GPUOutOfMemoryError("no memory is left");
      window.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error, cancelable: true }));
    },
    /memory/i,
  ],
};

for (const [what, [fail, told]] of Object.entries(FAILURES)) {
  test(`${what} is reported, a smaller batch resumes`, () => resumes(fail, told));
}

// Devices that a run loses one after another.
const LOSSES = Number(process.env.LOSSES ?? 2);

test(`${LOSSES} lost devices repeat one report interval`, async (t) => {
  const page = await pageWithDevice();
  await page.goto(`${here.site.address}#${SMALL}&steps=100000&train`);
  await until(page, "a report", (now) => now.runs[0]?.reports.length >= 1, 200);
  let saved = 0;
  for (let loss = 0; loss < LOSSES; loss += 1) {
    await page.waitForTimeout(Math.random() * 4_000);
    await page.evaluate(FAILURES["a lost device"][0]);
    await page.waitForSelector("#lost:not([hidden])", { timeout: 10_000 });
    const step = Number((await page.textContent("#lost-saved")).match(/saved at step (\d+)/)[1]);
    assert.ok(step >= saved && step % 5 === 0, `saved at step ${step} after ${saved}`);
    saved = step;
    await page.click("#lost-same");
    const run = await until(page, "a step", (now) => now.runs[0]?.steps.length > 0 && now.runs[0], 120);
    assert.ok(run.step > saved, `step ${run.step} after a save at ${saved}`);
  }
  t.diagnostic(`${LOSSES} devices lost, the last run saved at step ${saved}`);
  await leave(page);
});

// A page whose device tests reach as `window.device`.
async function pageWithDevice() {
  const context = await here.browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() => {
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...descriptor) {
      window.device = await request.apply(this, descriptor);
      return window.device;
    };
  });
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  return page;
}

async function resumes(fail, told) {
  const page = await pageWithDevice();
  await page.goto(`${here.site.address}#${SMALL}&steps=400&train`);
  await until(page, "a report", (now) => now.runs[0]?.reports.length >= 1, 200);
  // The report is autosaved before the next step.
  await until(page, "a step after it", (now) => now.runs[0].step > now.runs[0].reports.at(-1).step);
  await page.evaluate(fail);
  await page.waitForSelector("#lost:not([hidden])", { timeout: 10_000 });
  assert.match(await page.textContent("#lost"), told);
  assert.match(await page.textContent("#lost-saved"), /saved at step \d+/);
  await page.click("#lost-smaller");
  const run = await until(page, "the run resumes", (now) => now.runs[0]?.steps.length > 0 && now.runs[0], 120);
  assert.equal(run.config.batch, 4);
  assert.ok(run.step > 5, "the run resumed from its autosave");
  await leave(page);
}

test("without WebGPU browsers and pictures are shown", async () => {
  const bare = await launch(["--no-sandbox", "--disable-features=WebGPU,WebGPUService", "--disable-gpu"]);
  const page = await bare.newPage();
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined }));
  await page.goto(here.site.address);
  await page.waitForSelector("#no-webgpu:not([hidden])");
  assert.match(await page.textContent("#no-webgpu"), /Chrome and Edge.*Safari.*Firefox/s);
  await page.locator("figure img").last().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  const fetched = await page.evaluate(() => performance.getEntriesByType("resource").map((entry) => entry.name));
  assert.ok(fetched.length > 0 && !fetched.some((name) => name.endsWith(".wasm")), "the program is not fetched");
  await bare.close();
});
