// Colors by Okabe and Ito, as in the overview picture: distinguishable with any color vision.
export const COLOURS = { left: "#56B4E9", right: "#E69F00", icv: "#F0E442" };
export const NAMES = { left: "Left hypothalamus", right: "Right hypothalamus", icv: "ICV" };
// As in the Slicer module: left cool, right warm; in the order of FreeSurfer's labels 801–810.
export const SUBUNIT_COLOURS = [
  "#8CF0F3", "#48CBFF", "#535D97", "#49ACB2", "#7072E6",
  "#F7DD9C", "#E0BB25", "#934E2B", "#D8897A", "#C26614",
];

export function rgb(colour) {
  return [1, 3, 5].map((start) => parseInt(colour.slice(start, start + 2), 16));
}
