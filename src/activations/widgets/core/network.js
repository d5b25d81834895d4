// A small dense network with backpropagation, which knows no page.
//
// A network is an array of layers { W, b }: W has a row for each unit, as torch's Linear has it. The activation, as `bind` gives it
// (activations.js), stands between the layers and not behind the last. Vectors are arrays; a batch is an array of vectors.

const { cos, exp, imul, log, max, sqrt, PI } = Math;

/** Numbers of the standard normal distribution, the same from the same seed: mulberry32, then Box and Muller. */
export function normals(seed) {
  let state = seed | 0;
  const uniform = () => { // above 0 and below 1
    state = (state + 0x6d2b79f5) | 0;
    let t = imul(state ^ (state >>> 15), state | 1);
    t ^= t + imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => sqrt(-2 * log(uniform())) * cos(2 * PI * uniform());
}

/** Layers between so many units each; weights have standard deviation σ_w/√fan-in, biases are 0. */
export const dense = (units, sigmaW, normal) => units.slice(1).map((rows, i) => ({
  W: Array.from({ length: rows }, () => Array.from({ length: units[i] }, () => sigmaW / sqrt(units[i]) * normal())),
  b: Array(rows).fill(0),
}));

/** The signal's way up: z, the pre-activations of each layer, and a, what each layer takes. */
export function forward(layers, { f }, x) {
  const z = [], a = [];
  for (const { W, b } of layers) {
    a.push(z.length ? z.at(-1).map(f) : x);
    z.push(W.map((row, i) => row.reduce((sum, w, j) => sum + w * a.at(-1)[j], b[i])));
  }
  return { z, a };
}

/**
 * One layer for many examples at once: of every unit below, what it says of each example; of every unit, z of each. Two units take
 * from four below in one sweep, so that every number that was fetched is used twice.
 */
export function through({ W, b }, below) {
  const n = below[0].length, wide = W[0].length, nothing = new Float64Array(n), none = Array(wide).fill(0);
  const z = [...b, 0].map((bias) => new Float64Array(n).fill(bias)); // the last is for an odd number of units
  for (let i = 0; i < W.length; i += 2) {
    const row = W[i], other = W[i + 1] ?? none, here = z[i], there = z[i + 1];
    for (let j = 0; j < wide; j += 4) {
      const P = below[j], Q = below[j + 1] ?? nothing, R = below[j + 2] ?? nothing, S = below[j + 3] ?? nothing;
      const p = row[j], q = row[j + 1] ?? 0, r = row[j + 2] ?? 0, s = row[j + 3] ?? 0;
      const t = other[j], u = other[j + 1] ?? 0, v = other[j + 2] ?? 0, w = other[j + 3] ?? 0;
      for (let k = 0; k < n; k++) {
        const e = P[k], f = Q[k], g = R[k], h = S[k];
        here[k] += p * e + q * f + r * g + s * h;
        there[k] += t * e + u * f + v * g + w * h;
      }
    }
  }
  return z.slice(0, W.length);
}

/** The gradient's way back from δ, the loss by the last pre-activations: δ of every layer, and what it means for W and b. */
export function backward(layers, { slope }, { z, a }, delta) {
  const back = [];
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    const { W } = layers[layer], taken = a[layer], here = delta;
    back.unshift({ delta: here, W: here.map((d) => taken.map((v) => d * v)), b: here });
    if (layer) delta = z[layer - 1].map((at, j) => slope(at) * W.reduce((sum, row, i) => sum + row[j] * here[i], 0));
  }
  return back;
}

/** A loss and its slope by the outputs: the squared error, halved; and the cross-entropy of softmax with a class. */
export const LOSSES = {
  squared: (y, target) => ({ loss: y.reduce((sum, v, i) => sum + (v - target[i]) ** 2 / 2, 0), delta: y.map((v, i) => v - target[i]) }),
  entropy(y, target) {
    const top = max(...y), all = log(y.reduce((sum, v) => sum + exp(v - top), 0)) + top;
    return { loss: all - y[target], delta: y.map((v, i) => exp(v - all) - (i === target ? 1 : 0)) };
  },
};

/** Mean loss of a batch, and its gradient by the W and b of every layer. */
export function gradient(layers, activation, loss, inputs, targets) {
  const n = inputs.length, sum = layers.map(({ W, b }) => ({ W: W.map((row) => row.map(() => 0)), b: b.map(() => 0) }));
  let total = 0;
  inputs.forEach((x, k) => {
    const way = forward(layers, activation, x), { loss: value, delta } = loss(way.z.at(-1), targets[k]);
    total += value / n;
    backward(layers, activation, way, delta).forEach(({ W, b }, layer) => add(sum[layer], { W, b }, 1 / n));
  });
  return { loss: total, gradient: sum };
}

/** Gradient descent: one step, in place. */
export const descend = (layers, by, rate) => layers.forEach((layer, i) => add(layer, by[i], -rate));

function add({ W, b }, other, factor) {
  W.forEach((row, i) => row.forEach((_, j) => { row[j] += factor * other.W[i][j]; }));
  b.forEach((_, i) => { b[i] += factor * other.b[i]; });
}
