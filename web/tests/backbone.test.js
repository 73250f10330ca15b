// From a pretrained network to an answer on the page: weights dropped, photos labelled, trained, another photo classified.

import assert from "node:assert/strict";
import { test } from "node:test";
import { drop, open, ready, stage, state, until } from "./browser.js";

const here = stage();

// The preset with small images and a short supervised run, which a software adapter finishes.
const SETTINGS =
  "preset=photos&data=builtin:digits&method=supervised&image_size=32&batch=4&freeze=all&learning_rate=0.005&steps=8" +
  "&report_every=8&view=Label%20your%20own";

const PHOTOS = 30;
// The name of a class and the colours of its photos, in degrees.
const CLASSES = [
  ["leaf", 120],
  ["brick", 10],
];

// The middle of the button that trains.
const TRAIN = { x: 46, y: 53 };

// Expansion, channels, blocks, stride and kernel of each stage of EfficientNet-Lite0.
const STAGES = [
  [1, 16, 1, 1, 3],
  [6, 24, 2, 2, 3],
  [6, 40, 2, 2, 5],
  [6, 80, 3, 2, 3],
  [6, 112, 3, 1, 5],
  [6, 192, 4, 2, 5],
  [6, 320, 1, 1, 3],
];

// Name and shape of every tensor of the network, as timm names them.
function shapes() {
  const all = [];
  const conv = (name, ...shape) => all.push([`${name}.weight`, shape]);
  const norm = (name, channels) => {
    for (const part of ["weight", "bias", "running_mean", "running_var"]) all.push([`${name}.${part}`, [channels]]);
  };
  conv("conv_stem", 32, 3, 3, 3);
  norm("bn1", 32);
  let inputs = 32;
  STAGES.forEach(([expand, channels, blocks, , kernel], stage) => {
    for (let block = 0; block < blocks; block += 1) {
      const [name, inside] = [`blocks.${stage}.${block}`, inputs * expand];
      const norms = expand > 1 ? ["bn1", "bn2", "bn3"] : [null, "bn1", "bn2"];
      if (expand > 1) {
        conv(`${name}.conv_pw`, inside, inputs, 1, 1);
        norm(`${name}.${norms[0]}`, inside);
      }
      conv(`${name}.conv_dw`, inside, 1, kernel, kernel);
      norm(`${name}.${norms[1]}`, inside);
      conv(`${name}.${expand > 1 ? "conv_pwl" : "conv_pw"}`, channels, inside, 1, 1);
      norm(`${name}.${norms[2]}`, channels);
      inputs = channels;
    }
  });
  conv("conv_head", 1280, inputs, 1, 1);
  norm("bn2", 1280);
  return all;
}

// A file of random weights with which activations keep their size.
function backbone() {
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32 - 0.5;
  };
  const header = { __metadata__: { format: "pt" } };
  const contents = [];
  let offset = 0;
  for (const [name, shape] of shapes()) {
    const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
    const spread = Math.sqrt(24 / (values.length / shape[0]));
    if (shape.length > 1) values.forEach((_, i) => (values[i] = spread * random()));
    else if (/(\.weight|running_var)$/.test(name)) values.fill(1);
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
    contents.push(Buffer.from(values.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...contents]);
}

// Photos `NUMBER.png` of the classes in turn: noise in their colours, in base64.
function photos(page, first, count) {
  return page.evaluate(
    async ([first, count, hues]) => {
      const canvas = new OffscreenCanvas(48, 40);
      const drawing = canvas.getContext("2d");
      const all = [];
      for (let photo = first; photo < first + count; photo += 1) {
        for (let i = 0; i < 480; i += 1) {
          const hue = hues[photo % hues.length] + ((photo * 7 + i * 13) % 30);
          drawing.fillStyle = `hsl(${hue} 70% ${25 + ((photo * 11 + i * 29) % 40)}%)`;
          drawing.fillRect((i % 24) * 2, Math.floor(i / 24) * 2, 2, 2);
        }
        const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
        all.push([`${String(photo).padStart(2, "0")}.png`, btoa(String.fromCharCode(...bytes))]);
      }
      return all;
    },
    [first, count, CLASSES.map(([, hue]) => hue)],
  );
}

test("dropped backbone learns from labelled photos", async (t) => {
  const page = await open(here.browser, `${here.site.address}#${SETTINGS}`);
  await ready(page);
  const seconds = () => page.evaluate(() => performance.now() / 1000);
  const began = await seconds();

  await drop(page, [["mine.safetensors", backbone().toString("base64")]]);
  await until(page, "the weights", (now) => now.config.init?.endsWith("mine.safetensors"));
  const { network, freeze } = (await state(page)).config;
  assert.deepEqual([network, freeze], ["efficientnet-lite0", "all"]);

  await drop(page, await photos(page, 0, PHOTOS));
  const opened = await until(page, "the photos", (now) => now.labelling);
  assert.deepEqual([opened.images, opened.side], [PHOTOS, 32]);
  // The field for a new class has the focus, again after each class.
  const field = (value) =>
    page.waitForFunction((value) => document.activeElement?.tagName === "INPUT" && document.activeElement.value === value, value);
  for (const [name] of CLASSES) {
    await field("");
    await page.waitForTimeout(300);
    await page.keyboard.insertText(name);
    await field(name);
    await page.waitForTimeout(100);
    await page.keyboard.press("Enter");
    await until(page, `the class ${name}`, (now) => now.labelling.classes.includes(name));
  }
  await page.keyboard.press("Escape");
  await page.waitForTimeout(200);
  for (let labels = 1; labels <= PHOTOS; labels += 1) {
    const { current } = (await state(page)).labelling;
    await page.keyboard.press(String(1 + (Number.parseInt(current, 10) % CLASSES.length)));
    await until(page, `label ${labels}`, (now) => now.labelling.labels === labels);
  }
  const labelled = await seconds();

  await page.mouse.click(TRAIN.x, TRAIN.y);
  const run = await until(page, "the run's end", (now) => now.runs[0]?.phase === "finished" && now.runs[0], 240);
  const taken = (await state(page)).log.find((line) => line.includes("the run starts from"));
  assert.match(taken ?? "", /mine\.safetensors: \d+ tensors of weights .* new: .*classify/);
  assert.equal(run.config.init.endsWith("mine.safetensors"), true);
  const trained = await seconds();

  const photo = PHOTOS + 1;
  const [[name, content]] = await photos(page, photo, 1);
  await drop(page, [[name, content]]);
  const found = await until(page, name, ({ runs: [{ classified }] }) => classified?.path.endsWith(name) && classified, 120);
  assert.equal(found.class, photo % CLASSES.length, `${found.probabilities}`);
  t.diagnostic(
    `${(labelled - began).toFixed(1)} s to drop and label ${PHOTOS} photos, ${(trained - labelled).toFixed(1)} s to train, ` +
      `${((await seconds()) - trained).toFixed(1)} s to classify another`,
  );
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
