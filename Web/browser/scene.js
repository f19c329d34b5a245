// Reads the file of Web/viewer_scene.py and cuts planes from it. World space is RAS in millimeters.

// Neighbors in a plane and their weights.
const BINOMIAL = [-1, 0, 1].flatMap((right) =>
  [-1, 0, 1].map((up) => [[right, up], ((2 - Math.abs(right)) * (2 - Math.abs(up))) / 16]),
);
const TYPES = { vertices: Float32Array, triangles: Uint32Array };

// Radiological convention: the right of the picture is the patient's left, or posterior.
export const VIEWS = {
  coronal: { name: "Coronal", across: 0, up: 2, normal: 1, edges: "RLIS", ends: "PA" },
  axial: { name: "Axial", across: 0, up: 1, normal: 2, edges: "RLPA", ends: "IS" },
  sagittal: { name: "Sagittal", across: 1, up: 2, normal: 0, edges: "APIS", ends: "LR" },
};

// Center of the view: the hypothalamus in the close view, otherwise the head.
export function centreOf(scene, zoom) {
  if (zoom === "close") return scene.centre_mm;
  const { shape, origin_mm, spacing_mm } = scene.grids.head;
  return origin_mm.map((origin, axis) => origin + ((shape[axis] - 1) * spacing_mm) / 2);
}

export async function fetchScene(address, signal) {
  const response = await fetch(address, { signal, credentials: "same-origin" });
  if (!response.ok) {
    const text = await response.text();
    let message = "";
    try {
      message = JSON.parse(text).message;
    } catch {
      // not a response of this server
    }
    throw new Error(message || `The views could not be loaded (${response.status}).`);
  }
  return new Scene(await response.arrayBuffer());
}

export class Scene {
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
    Object.assign(this, JSON.parse(text));
    this.volumes = {};
    this.surfaces = {};
    for (const [name, { offset, count }] of Object.entries(this.layers)) {
      const [place, structure, part] = name.split("/");
      const Type = TYPES[part] ?? Uint8Array;
      const array = new Type(buffer, 4 + length + offset, count);
      if (place === "surface") (this.surfaces[structure] ??= {})[part] = array;
      else this.volumes[name] = new GridVolume(this.grids[place], array);
    }
  }
}

// An array with i fastest on an isotropic grid along the RAS axes.
class GridVolume {
  constructor({ shape, origin_mm, spacing_mm }, array) {
    Object.assign(this, { shape, origin: origin_mm, spacing: spacing_mm, array });
    this.strides = [1, shape[0], shape[0] * shape[1]];
  }

  range(axis) {
    return [this.origin[axis], this.origin[axis] + (this.shape[axis] - 1) * this.spacing];
  }

  // The value of the voxel at a point; null outside.
  valueAt(point) {
    let index = 0;
    for (let axis = 0; axis < 3; axis++) {
      const step = Math.round((point[axis] - this.origin[axis]) / this.spacing);
      if (step < 0 || step >= this.shape[axis]) return null;
      index += step * this.strides[axis];
    }
    return this.array[index];
  }

  // The values of a plane, columns along `across` and rows along `up`, both in the grid's order;
  // linear between the two slices. Null where the plane lies outside.
  plane(view, position) {
    const slice = (position - this.origin[view.normal]) / this.spacing;
    const count = this.shape[view.normal];
    if (slice < -0.5 || slice > count - 0.5) return null;
    const low = Math.min(Math.max(Math.floor(slice), 0), count - 1);
    const high = Math.min(low + 1, count - 1);
    const share = Math.min(Math.max(slice - low, 0), 1);
    const [width, height] = [this.shape[view.across], this.shape[view.up]];
    const values = new Uint8Array(width * height);
    const { array, strides } = this;
    const step = (high - low) * strides[view.normal];
    for (let row = 0, to = 0; row < height; row++) {
      let from = low * strides[view.normal] + row * strides[view.up];
      for (let column = 0; column < width; column++, to++, from += strides[view.across]) {
        const value = array[from];
        values[to] = step ? value + share * (array[from + step] - value) + 0.5 : value;
      }
    }
    return { width, height, values };
  }

  // As `plane`, but of the nearest slice: for labels, which have nothing in between.
  nearestPlane(view, position) {
    const { origin, spacing } = this;
    const slice = Math.round((position - origin[view.normal]) / spacing);
    return this.plane(view, origin[view.normal] + slice * spacing);
  }
}

// Line segments [x1, y1, x2, y2, …] at which a plane passes a level, in columns and rows
// (marching squares with linear interpolation).
export function contour({ width, height, values }, level) {
  const lines = [];
  for (let row = 0; row + 1 < height; row++) {
    for (let column = 0; column + 1 < width; column++) {
      const at = row * width + column;
      const [a, b] = [values[at], values[at + 1]];
      const [d, c] = [values[at + width], values[at + width + 1]];
      const kind = (a > level) | ((b > level) << 1) | ((c > level) << 2) | ((d > level) << 3);
      if (kind === 0 || kind === 15) continue;
      const cut = (from, to) => (level - from) / (to - from);
      const bottom = () => lines.push(column + cut(a, b), row);
      const right = () => lines.push(column + 1, row + cut(b, c));
      const top = () => lines.push(column + cut(d, c), row + 1);
      const left = () => lines.push(column, row + cut(a, d));
      if (kind === 1 || kind === 14) left(), bottom();
      else if (kind === 2 || kind === 13) bottom(), right();
      else if (kind === 4 || kind === 11) right(), top();
      else if (kind === 8 || kind === 7) top(), left();
      else if (kind === 3 || kind === 12) left(), right();
      else if (kind === 6 || kind === 9) bottom(), top();
      else if (kind === 5) left(), top(), bottom(), right();
      else left(), bottom(), right(), top();
    }
  }
  return lines;
}

// Each label on a plane of labels as [label − 1, plane with values 0–255], softened over the
// neighboring voxels so that its outline is smooth.
export function memberships({ width, height, values }) {
  const found = [];
  for (const label of [...new Set(values)].sort((a, b) => a - b)) {
    if (!label) continue;
    const soft = new Float32Array(values.length);
    for (let row = 1; row + 1 < height; row++) {
      for (let column = 1; column + 1 < width; column++) {
        const at = row * width + column;
        if (values[at] !== label) continue;
        for (const [step, share] of BINOMIAL) soft[at + step[0] + step[1] * width] += share;
      }
    }
    found.push([label - 1, { width, height, values: Uint8Array.from(soft, (v) => 255 * v) }]);
  }
  return found;
}
