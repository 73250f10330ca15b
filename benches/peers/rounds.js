// Interleaved measurements of several sides, and their summary.

// Runs `rounds` rounds in which every side trains for about `seconds`; every other round in reverse, so that no side
// always follows the same one. The first of the sides is ours.
export async function compare(network, sides, { rounds, seconds, warmUp, log }) {
  const infos = [];
  const plans = [];
  for (const side of sides) {
    log(`${network.name}: starting ${side.name}`);
    infos.push(await side.start(network, warmUp));
    const { seconds_a_step } = await side.measure(1);
    plans.push(Math.max(1, Math.round(seconds / seconds_a_step)));
  }
  const measurements = sides.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = [...sides.keys()];
    if (round % 2 === 1) order.reverse();
    for (const at of order) {
      const measurement = await sides[at].measure(plans[at]);
      measurements[at].push(measurement);
      log(`${network.name}: round ${round + 1}, ${sides[at].name} ${(1000 * measurement.seconds_a_step).toFixed(1)} ms per step`);
    }
  }
  for (const side of sides) await side.stop();
  return sides.map(({ name }, at) => summary(name, infos[at], plans[at], measurements[at], measurements[0]));
}

function summary(name, info, steps, measurements, ours) {
  const times = measurements.map((measurement) => measurement.seconds_a_step);
  const ratios = times.map((time, round) => time / ours[round].seconds_a_step);
  return {
    name,
    adapter: info.adapter,
    runs: info.compiled_for,
    parameters: info.parameters,
    steps_a_turn: steps,
    seconds_a_step: times,
    median: median(times),
    ratio: { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
    loss: info.loss,
  };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// What makes a comparison worthless: another adapter, another network, or a side that does not train.
export function faults(results, { sameAdapter }) {
  const [ours, ...peers] = results;
  const found = [];
  for (const result of results) {
    const [first, last] = result.loss;
    if (!(last < 0.9 * first)) found.push(`${result.name} does not train: its loss went from ${first} to ${last}`);
  }
  for (const peer of peers) {
    if (sameAdapter && peer.adapter !== ours.adapter) {
      found.push(`${peer.name} runs on '${peer.adapter}', ours on '${ours.adapter}'`);
    }
    if (peer.parameters !== ours.parameters) {
      found.push(`${peer.name} has ${peer.parameters} parameters, ours ${ours.parameters} without the rotation head`);
    }
  }
  return found;
}
