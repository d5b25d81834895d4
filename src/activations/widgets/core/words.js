// Numbers as people read and hear them.

const { abs } = Math;

export const superscript = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** Three significant figures: 0.231, 12.0, 3.21 × 10⁻¹². */
export function figure(value) {
  if (!Number.isFinite(value)) return value > 0 ? "too large for a number" : "none";
  if (value === 0) return "0";
  const size = abs(value), sign = value < 0 ? "−" : "";
  if (size >= 0.001 && size < 999.5) return sign + size.toPrecision(3);
  const [mantissa, exponent] = size.toExponential(2).split("e");
  return Number(exponent) === 3 ? sign + Math.round(size) : `${sign}${mantissa} × 10${superscript(Number(exponent))}`;
}

export const percent = (p) => (Number.isNaN(p) ? "–" : p === 0 ? "0 %" : p < 0.0005 ? "< 0.1 %" : p > 0.9995 && p < 1 ? "> 99.9 %" : `${(100 * p).toFixed(1)} %`);
export const settle = (mean) => (abs(mean) < 1e-12 ? 0 : mean); // an odd function's mean is 0 but for rounding
export const plain = (value) => String(Number(value.toFixed(3))).replace("-", "−");

/** The same for a voice: superscripts are not read out. */
export const spoken = (text) => text.replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/, (_, digits) =>
  " times 10 to the power " + [...digits].map((c) => (c === "⁻" ? "minus " : "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c))).join("")).replace("−", "minus ");
