// What a zero is worth in this browser: one layer's product by a plain loop, and by one that skips the rows of zeros. It knows no page.

export const WIDTH = 1024; // inputs and outputs of the layer
const ROUNDS = 15, SLICE = 4; // how often each loop is timed, and for about how many milliseconds: clocks of browsers are coarse

/** y = hW, in one sweep over the rows of W for each number of h. */
export function plainly(h, W, y) {
  const units = y.length;
  y.fill(0);
  for (let j = 0; j < h.length; j++) {
    const v = h[j], row = j * units;
    for (let k = 0; k < units; k++) y[k] += v * W[row + k];
  }
}

/** The same, but for a 0 its row is not read. */
export function skipping(h, W, y) {
  const units = y.length;
  y.fill(0);
  for (let j = 0; j < h.length; j++) {
    const v = h[j], row = j * units;
    if (v === 0) continue;
    for (let k = 0; k < units; k++) y[k] += v * W[row + k];
  }
}

const random = (n) => Float32Array.from({ length: n }, () => Math.random() - 0.5);

/** So many numbers, of which this share, to the next whole one, is 0, in random places. */
export function scattered(n, share) {
  const h = random(n).map((v) => v || 0.5), zeros = Math.round(share * n), places = h.map((_, i) => i);
  for (let i = 0; i < zeros; i++) {
    const other = i + Math.floor(Math.random() * (n - i));
    [places[i], places[other]] = [places[other], places[i]];
    h[places[i]] = 0;
  }
  return h;
}

/** Both quartiles, and the median between them. */
export function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((share) => {
    const at = share * (sorted.length - 1), below = Math.floor(at), above = Math.ceil(at);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  });
}

/** Milliseconds that n calls take. */
function taken(n, act) {
  const begin = performance.now();
  for (let i = 0; i < n; i++) act();
  return performance.now() - begin;
}

/** How many calls fill a slice; by then the browser has compiled what is called. */
function filling(act) {
  const begin = performance.now();
  let n = 0;
  for (; performance.now() - begin < 2 * SLICE; n++) act();
  return Math.ceil(n / 2);
}

/** Quartiles of what the loop that skips takes, as a share of what the plain one takes; the two are timed in turn. */
export function timed(share) {
  const h = scattered(WIDTH, share), W = random(WIDTH ** 2), y = new Float32Array(WIDTH);
  const loops = [skipping, plainly].map((loop) => () => loop(h, W, y)), times = loops.map(filling);
  return quartiles(Array.from({ length: ROUNDS }, () => {
    const [skipped, all] = loops.map((act, i) => taken(times[i], act) / times[i]);
    return skipped / all;
  }));
}
