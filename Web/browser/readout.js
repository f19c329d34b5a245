// What lies at a point of the scene, in words.

import { NAMES } from "./colours.js";

const HALF = 127.5;
const DIGITS = 3;

export function wordsAt(scene, point, zoom) {
  const place = ["x", "y", "z"].map((axis, i) => `${axis} ${signed(point[i])}`).join(", ");
  const grey = scene.volumes[`${zoom}/scan`].valueAt(point);
  const words = [`${place} mm`];
  if (grey !== null) words.push(`value ${valueOf(grey, scene.range)}`);
  for (const [name, structure] of Object.entries(NAMES)) {
    const volume = scene.volumes[`${name === "icv" ? "head" : "close"}/${name}`];
    if (volume && volume.valueAt(point) > HALF) words.push(structure);
  }
  const label = scene.volumes["close/subunits"]?.valueAt(point);
  if (label) words.push(scene.labels[label - 1].replace("_", " "));
  return words.join(" · ");
}

// The darkest and the brightest step hold everything beyond.
function valueOf(grey, [low, high]) {
  const value = Number((low + (grey / 255) * (high - low)).toPrecision(DIGITS));
  const beyond = { 0: "≤ ", 255: "≥ " }[grey] ?? "";
  return `${beyond}${value}`.replace("-", "−");
}

function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(1)}`;
}
