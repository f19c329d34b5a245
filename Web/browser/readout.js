// Describes a point of the scene in words.

import { NAMES } from "./colours.js";

const HALF = 127.5;
const DIGITS = 3;

export function wordsAt(scene, point, zoom) {
  const place = ["x", "y", "z"].map((axis, i) => `${axis} ${signed(point[i])}`).join(", ");
  const grey = scene.volumes[`${zoom}/scan`].valueAt(point);
  const words = [`${place} mm`];
  if (grey !== null) words.push(`value ${valueOf(grey, scene.range)}`);
  const label = scene.volumes["close/subunits"]?.valueAt(point);
  const { side, name: part } = label ? scene.subunits[label - 1] : {};
  const isIn = (place, name) => scene.volumes[`${place}/${name}`]?.valueAt(point) > HALF;
  const sides = ["left", "right"].filter((name) => name !== side && isIn("close", name));
  if (part) words.push(`${NAMES[side]}, ${part}`);
  words.push(...sides.map((name) => NAMES[name]));
  // Points in the hypothalamus are also in the cranial cavity.
  if (!part && !sides.length && isIn("head", "icv")) words.push(NAMES.icv);
  return words.join(" · ");
}

// The darkest and brightest steps include all values beyond.
function valueOf(grey, [low, high]) {
  const value = Number((low + (grey / 255) * (high - low)).toPrecision(DIGITS));
  const beyond = { 0: "≤ ", 255: "≥ " }[grey] ?? "";
  return `${beyond}${value}`.replace("-", "−");
}

function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(1)}`;
}
