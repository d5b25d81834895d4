// Norms of a batch, and the gradient's way back through them: as activations/normalize, with γ = 1 and β = 0. They know no page.
//
// A batch is an array of units, each with its numbers for all examples, as `through` makes it (network.js).

import { span } from "./numbers.js";

const { sqrt } = Math;

export const EPSILON = 1e-5; // torch's
export const GROUPS = 4;

const each = (n, block) => span(n - 1, 0, n - 1).map(block);
const ofExamples = (units, examples) => each(examples, (k) => [0, units, k, k + 1]);

/** Which numbers share their mean and their variance: blocks of units × examples, each [from, to) of both. */
const BLOCKS = {
  none: () => [],
  batch: (units, examples) => each(units, (i) => [i, i + 1, 0, examples]),
  layer: ofExamples,
  rms: ofExamples,
  group: (units, examples) => each(GROUPS, (g) => ofExamples(units / GROUPS, examples)
    .map(([from, to, ...example]) => [from + g * to, to + g * to, ...example])).flat(),
};

/** Mean over a block of what a tells, or of the product of a and b. */
function mean([from, to, first, last], a, b) {
  let sum = 0;
  for (let i = from; i < to; i++) {
    const [row, other] = [a[i], b?.[i]];
    for (let k = first; k < last; k++) sum += other ? row[k] * other[k] : row[k];
  }
  return sum / ((to - from) * (last - first));
}

/** Over a block, a becomes (a − shift − tilt b)/by. */
function change([from, to, first, last], a, shift, by, b, tilt) {
  for (let i = from; i < to; i++) {
    const [row, other] = [a[i], b[i]];
    for (let k = first; k < last; k++) row[k] = (row[k] - shift - tilt * other[k]) / by;
  }
}

const copied = (rows) => rows.map((row) => new Float64Array(row));

/** The norm of z: its outputs y = (z − μ)/√(v + ε), and of each block what it divides by. RMS norm has μ = 0. */
export function normalize(norm, z) {
  const y = copied(z), blocks = BLOCKS[norm](z.length, z[0].length);
  const by = blocks.map((block) => {
    change(block, y, norm === "rms" ? 0 : mean(block, y), 1, y, 0);
    const root = sqrt(mean(block, y, y) + EPSILON);
    change(block, y, 0, root, y, 0);
    return root;
  });
  return { norm, y, blocks, by };
}

/** The loss by z from δ, the loss by y: (δ − mean(δ) − y mean(δy))/√(v + ε), since μ and v move with z; RMS norm has no mean(δ). */
export function normalizeBack({ norm, y, blocks, by }, delta) {
  const back = copied(delta);
  blocks.forEach((block, i) => change(block, back, norm === "rms" ? 0 : mean(block, delta), by[i], y, mean(block, delta, y)));
  return back;
}
