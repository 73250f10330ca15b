// Layouts of real folders, dropped on the page as folders, zips and tar.gz files: the table `page_layouts.json`, which the
// native tests open too.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { open, ready, stage, state, until } from "./browser.js";

const TABLE = JSON.parse(await readFile(new URL("../../tests/fixtures/page_layouts.json", import.meta.url), "utf8"));

const here = stage();

const SUMS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

function crc(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = SUMS[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

function numbers(...fields) {
  const bytes = Buffer.alloc(fields.reduce((sum, [, size]) => sum + size, 0));
  let at = 0;
  for (const [value, size] of fields) at = bytes.writeUIntLE(value, at, size);
  return bytes;
}

// A PNG of 8x8 pixels of one grey.
function png(grey) {
  const chunk = (kind, content) => {
    const body = Buffer.concat([Buffer.from(kind), content]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(content.length);
    sum.writeUInt32BE(crc(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 0, 0, 0, 0]);
  const rows = Buffer.concat(Array.from({ length: 8 }, () => Buffer.from([0, ...Array(8).fill(grey)])));
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}

// The files of a layout, as [path, bytes]. `*4` in a path stands for the numbers 1 to 4; an empty content is an image of
// its own grey.
function filesOf(table) {
  const files = [];
  const add = (path, content) => files.push([path, content ? Buffer.from(content) : png(2 * files.length + 1)]);
  for (const [path, content] of table) {
    const many = path.match(/^(.*)\*(\d+)(.*)$/);
    if (!many) add(path, content);
    else for (let i = 1; i <= Number(many[2]); i += 1) add(`${many[1]}${i}${many[3]}`, content);
  }
  return files;
}

function zip(files) {
  const [members, directory] = [[], []];
  let offset = 0;
  for (const [path, bytes] of files) {
    const name = Buffer.from(path);
    // Version, names in UTF-8, stored, no time; then the sum, both sizes, and the length of the name.
    const about = numbers([20, 2], [0x800, 2], [0, 2], [0, 2], [0x21, 2], [crc(bytes), 4], [bytes.length, 4], [bytes.length, 4]);
    const local = Buffer.concat([numbers([0x04034b50, 4]), about, numbers([name.length, 2], [0, 2]), name, bytes]);
    const tail = numbers([name.length, 2], [0, 2], [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]);
    directory.push(Buffer.concat([numbers([0x02014b50, 4], [20, 2]), about, tail, name]));
    members.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory);
  const count = files.length;
  const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [index.length, 4], [offset, 4], [0, 2]);
  return Buffer.concat([...members, index, end]);
}

function tarGz(files) {
  const blocks = files.map(([path, bytes]) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write("0000644\0", 100);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((all, byte) => all + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

// Drops files. Those with a `/` in their path are in a folder, which the browser gives as entries.
function drop(page, files, folder) {
  const list = files.map(([path, bytes]) => [path, bytes.toString("base64")]);
  return page.evaluate(
    ([list, folder]) => {
      const file = ([path, data]) =>
        new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], path.split("/").at(-1));
      const transfer = new DataTransfer();
      const original = DataTransferItem.prototype.webkitGetAsEntry;
      if (folder) {
        const directory = (name) => ({
          isDirectory: true,
          name,
          inner: new Map(),
          createReader() {
            const batches = [[...this.inner.values()], []];
            return { readEntries: (resolve) => resolve(batches.shift()) };
          },
        });
        const root = directory(folder);
        for (const item of list) {
          const parts = item[0].split("/");
          let at = root;
          for (const part of parts.slice(0, -1)) {
            if (!at.inner.has(part)) at.inner.set(part, directory(part));
            at = at.inner.get(part);
          }
          const content = file(item);
          at.inner.set(parts.at(-1), { isDirectory: false, name: parts.at(-1), file: (resolve) => resolve(content) });
        }
        transfer.items.add(new File(["folder"], folder));
        DataTransferItem.prototype.webkitGetAsEntry = () => root;
      } else {
        list.forEach((item) => transfer.items.add(file(item)));
      }
      const event = new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
      document.getElementById("canvas").dispatchEvent(event);
      DataTransferItem.prototype.webkitGetAsEntry = original;
    },
    [list, folder],
  );
}

// What the page calls a setting: its button.
const SHOWN = { folders_as_classes: "Take the folders as classes" };

test("layouts open on the page as they do natively", async (t) => {
  // Tests are held out by position, whatever the content of the images.
  const page = await open(here.browser, `${here.site.address}#preset=digits&split=position`);
  await ready(page);
  let number = 0;
  for (const { name, files: table, classes = [], unlabelled = 0, notices = [], refused = [] } of TABLE) {
    const files = filesOf(table);
    const ways = [
      ["folder", (set) => drop(page, files, set)],
      ["zip", (set) => drop(page, [[`${set}.zip`, zip(files)]])],
      ["tar.gz", (set) => drop(page, [[`${set}.tar.gz`, tarGz(files)]])],
    ];
    for (const [way, dropped] of ways) {
      number += 1;
      const set = `set${number}`;
      const what = `${name} as ${way}`;
      const before = (await state(page)).log.length;
      await dropped(set);
      const here = (now) => now.data?.name.startsWith(set) || (now.failure && now.log.length > before);
      await until(page, what, (now) => !now.opening && here(now));
      const now = await state(page);
      if (refused.length > 0) {
        assert.ok(now.failure, `${what} is accepted`);
        refused.forEach((word) => {
          const shown = SHOWN[word] ?? word;
          assert.ok(now.failure.includes(shown), `${what}: ${now.failure}`);
        });
        continue;
      }
      assert.equal(now.failure ?? null, null, what);
      const found = now.data.classes.map((label, i) => [label, ...now.data.counts[i]]);
      assert.deepEqual(found, classes, `${what}: ${now.data.notices}`);
      const labelled = classes.reduce((sum, [, train]) => sum + train, 0);
      assert.equal(now.data.train - labelled, unlabelled, what);
      const told = now.data.notices.join("\n");
      notices.forEach((word) => assert.ok(told.includes(word), `${what}: ${told}`));
    }
  }
  t.diagnostic(`${number} layouts`);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});
