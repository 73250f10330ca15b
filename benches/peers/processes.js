// Sides that are programs.

import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { settings } from "./networks.js";

const run = promisify(execFile);

// Our command line: one process per measurement, which excludes its first steps.
export function ours(program) {
  const bench = async ({ name, batch, size, channels }, steps) => {
    const measured = ["--network", name, "--images", batch, "--image-size", size, "--channels", channels, "--steps", steps];
    const { stdout } = await run(program, ["bench", "--part", "training", "--json", ...measured.map(String)]);
    return JSON.parse(stdout);
  };
  let network;
  return {
    name: "ours",
    async start(chosen, warmUp) {
      network = chosen;
      const training = await bench(network, warmUp - 1);
      return { adapter: training.adapter, parameters: training.parameters, loss: [training.loss_before, training.loss_after] };
    },
    async measure(steps) {
      const training = await bench(network, steps);
      return { seconds_a_step: training.seconds_a_step };
    },
    async stop() {},
  };
}

// A peer: one process per network, which reads a number of steps per line. Between measurements it is stopped, so that
// its threads take no time from the others.
export function peer(name, program, words = []) {
  let child;
  let answers;
  const answer = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error(`${name} ended before it answered`);
    return JSON.parse(value);
  };
  return {
    name,
    async start(network, warmUp) {
      child = spawn(program, [...words, ...settings(network, warmUp).map(String)], { stdio: ["pipe", "pipe", "inherit"] });
      child.on("error", (error) => console.error(`${name}: ${error.message}`));
      answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const info = await answer();
      child.kill("SIGSTOP");
      return info;
    },
    async measure(steps) {
      child.kill("SIGCONT");
      child.stdin.write(`${steps}\n`);
      const measured = await answer();
      child.kill("SIGSTOP");
      return measured;
    },
    async stop() {
      child.kill("SIGCONT");
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.stdin.end();
      await ended;
    },
  };
}
