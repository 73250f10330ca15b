// Ours against other frameworks in one run: `compare.js [OPTION...] PEER...`,
// where a peer is burn, torch or tfjs. `scripts/peers.sh` builds what this runs.

import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { NETWORKS } from "./networks.js";
import { ours, peer } from "./processes.js";
import { compare, faults } from "./rounds.js";

const target = (path) => fileURLToPath(new URL(`../../target/${path}`, import.meta.url));
const program = process.env.REMIXMATCH ?? target("release/remixmatch");

// The settings of a framework that are tried; the fastest is the peer.
const PEERS = {
  burn: async () => ({
    sameAdapter: true,
    sides: [ours(program), ...(process.env.BURN ?? "wgsl").split(" ").map((kind) => peer(`burn, ${kind}`, target(`peers/burn-${kind}`)))],
  }),
  torch: async () => {
    const script = fileURLToPath(new URL("torch/peer.py", import.meta.url));
    const settings = ["eager", "eager-last", "compiled", "compiled-last"];
    const sides = settings.map((setting) => peer(`torch, ${setting}`, target("peers/torch/bin/python"), [script, setting]));
    return { sameAdapter: false, sides: [ours(program), ...sides] };
  },
  tfjs: async () => {
    const { pages } = await import("./pages.js");
    return { sameAdapter: true, ...(await pages()) };
  },
};

const { values: options, positionals: peers } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    // Steps before anything is timed: kernels are compiled and chosen in them, and the loss must fall.
    "warm-up": { type: "string", default: "10" },
    network: { type: "string", multiple: true },
    // In place of the networks' own: a peer may need minutes for a step of theirs.
    batch: { type: "string" },
    json: { type: "string" },
  },
});
const unknown = peers.filter((name) => !PEERS[name]);
const networks = NETWORKS.filter(({ name }) => !options.network || options.network.includes(name)).map((network) => ({
  ...network,
  batch: Number(options.batch ?? network.batch),
}));
if (peers.length === 0 || unknown.length > 0 || networks.length === 0) {
  console.error(`peers are ${Object.keys(PEERS).join(", ")}; networks are ${NETWORKS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

const milliseconds = (seconds) => (1000 * seconds).toFixed(1).padStart(9);
const times = (value) => value.toFixed(2);

function print(network, [mine, ...others], peerName) {
  const { name, batch, size, channels } = network;
  console.log(`\n${name}, ${batch} images of ${size}x${size}x${channels}, against ${peerName}`);
  console.log(`  ${"".padEnd(24)} ms per step  peer's time / ours (least, most)`);
  console.log(`  ${mine.name.padEnd(24)}${milliseconds(mine.median)}                  on ${mine.adapter}`);
  const fastest = Math.min(...others.map((other) => other.median));
  for (const other of others) {
    const { median, least, most } = other.ratio;
    const spread = `${times(median)} (${times(least)}, ${times(most)})`.padEnd(20);
    const chosen = others.length > 1 && other.median === fastest ? ", the fastest" : "";
    const what = other.runs ? `, ${other.runs}` : "";
    console.log(`  ${other.name.padEnd(24)}${milliseconds(other.median)}    ${spread} on ${other.adapter}${what}${chosen}`);
  }
}

const all = [];
let failed = false;
for (const name of peers) {
  const { sides, sameAdapter, close } = await PEERS[name]();
  for (const network of networks.filter(({ peers }) => peers?.includes(name) ?? true)) {
    const load = loadavg()[0];
    const results = await compare(network, sides, {
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      warmUp: Number(options["warm-up"]),
      log: (line) => console.error(line),
    });
    print(network, results, name);
    for (const fault of faults(results, { sameAdapter })) {
      failed = true;
      console.error(`FAILED: ${network.name}: ${fault}`);
    }
    all.push({ peer: name, network, load_before: load, results });
  }
  await close?.();
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);
process.exit(failed ? 1 : 0);
