// The legend of colors.

import { COLOURS, NAMES, SUBUNIT_COLOURS } from "./colours.js";

export function showLegend(legend, scene, subunits) {
  legend.replaceChildren();
  const add = (colour, name) => {
    const item = document.createElement("li");
    const swatch = document.createElement("i");
    swatch.style.background = colour;
    item.append(swatch, name);
    legend.append(item);
  };
  for (const [name, words] of Object.entries(NAMES)) {
    const place = name === "icv" ? "head" : "close";
    const isShown = scene.volumes[`${place}/${name}`];
    if (isShown && (name === "icv" || !subunits)) add(COLOURS[name], words);
  }
  if (!subunits) return;
  // Each name once, with the colors of left and right.
  const names = scene.subunits.filter(({ side }) => side === "left").map(({ name }) => name);
  names.forEach((name, index) => {
    const other = SUBUNIT_COLOURS[index + names.length];
    const words = `${name} (left, right)`;
    add(`linear-gradient(90deg, ${SUBUNIT_COLOURS[index]} 50%, ${other} 50%)`, words);
  });
}
