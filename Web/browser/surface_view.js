// Surfaces drawn in software: same result on every device, with or without a graphics card.

import { COLOURS, rgb, SUBUNIT_COLOURS } from "./colours.js";
import { drawText } from "./plane_view.js";
import { centreOf } from "./scene.js";

const FIELD_MM = { head: 230, close: 34 };
const MOST_PIXELS = 440;
const MOST_MAGNIFICATION = 4;
const AXES = [
  ["R", [1, 0, 0]], ["L", [-1, 0, 0]], ["A", [0, 1, 0]],
  ["P", [0, -1, 0]], ["S", [0, 0, 1]], ["I", [0, 0, -1]],
];
const LIGHT = [-0.35, 0.5, 0.79];
// Packed as alpha, blue, green, red.
const BACKGROUND = 0xff100d0a;

export class SurfaceView {
  constructor(canvas) {
    this.canvas = canvas;
    // From the front and slightly above: the patient's left on the right of the picture.
    this.home();
  }

  home() {
    this.yaw = -0.35;
    this.pitch = 0.25;
    this.magnification = 1;
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(Math.max(this.pitch + pitch, -Math.PI / 2), Math.PI / 2);
  }

  magnify(factor) {
    this.magnification = Math.min(Math.max(this.magnification * factor, 1), MOST_MAGNIFICATION);
  }

  // Rows: right, up and toward the viewer, in RAS.
  rotation() {
    const [cy, sy] = [Math.cos(this.yaw), Math.sin(this.yaw)];
    const [cp, sp] = [Math.cos(this.pitch), Math.sin(this.pitch)];
    const right = [-cy, sy, 0];
    const towards = [sy * cp, cy * cp, sp];
    const up = [-sy * sp, -cy * sp, cp];
    return [right, up, towards];
  }

  draw(scene, settings) {
    const css = this.canvas.clientWidth;
    if (!css) return;
    const size = Math.min(Math.round(css * (window.devicePixelRatio || 1)), MOST_PIXELS);
    // Moving a plane does not change the surfaces.
    const { zoom, subunits, icv3d } = settings;
    const now = [size, zoom, subunits, icv3d, this.yaw, this.pitch, this.magnification].join();
    if (this.drawn?.scene === scene && this.drawn.now === now) return;
    this.drawn = { scene, now };
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const rows = this.rotation();
    const frame = {
      size,
      rows,
      scale: (size / FIELD_MM[zoom]) * this.magnification,
      centre: centreOf(scene, zoom),
    };
    const context = this.canvas.getContext("2d");
    const { image, depth, glass, nearest } = this.buffersOf(context, size);
    const pixels = image.data;
    new Uint32Array(pixels.buffer).fill(BACKGROUND);
    depth.fill(-Infinity);
    const names = subunits ? scene.subunits.map((_, index) => `subunit${index}`) : ["left", "right"];
    names.forEach((name, index) => {
      const surface = prepared(scene.surfaces[name]);
      const colour = subunits ? SUBUNIT_COLOURS[index] : COLOURS[name];
      if (surface) rasterise(frame, surface, depth, opaque(pixels, rgb(colour)));
    });
    const icv = icv3d && zoom === "head" && prepared(scene.surfaces.icv);
    if (icv) {
      glass.fill(0);
      nearest.fill(-Infinity);
      rasterise(frame, icv, nearest, (at, towards) => {
        glass[at] = 0.1 + 0.6 * (1 - Math.abs(towards)) ** 2;
      });
      blend(pixels, glass, rgb(COLOURS.icv));
    }
    context.putImageData(image, 0, 0);
    this.letters(context, frame);
  }

  // Made once for each size: new ones for each picture would be several megabytes of garbage.
  buffersOf(context, size) {
    if (this.buffers?.depth.length !== size * size) {
      const [depth, glass, nearest] = [0, 1, 2].map(() => new Float32Array(size * size));
      this.buffers = { image: context.createImageData(size, size), depth, glass, nearest };
    }
    return this.buffers;
  }

  letters(context, { size, rows }) {
    const pixel = size / this.canvas.clientWidth;
    for (const [letter, axis] of AXES) {
      const [x, y] = [dot(rows[0], axis), dot(rows[1], axis)];
      // Directions toward or away from the viewer get no letter at the rim.
      if (Math.hypot(x, y) < 0.5) continue;
      const reach = size / 2 - 14 * pixel;
      drawText(context, letter, size / 2 + x * reach, size / 2 - y * reach, 15 * pixel, "bold");
    }
  }
}

function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function opaque(pixels, colour) {
  return (at, towards, light) => {
    const bright = 0.3 + 0.7 * Math.max(light, 0);
    const shine = 60 * Math.max(light, 0) ** 24;
    for (let i = 0; i < 3; i++) pixels[4 * at + i] = colour[i] * bright + shine;
  };
}

function blend(pixels, alpha, colour) {
  for (let at = 0; at < alpha.length; at++) {
    if (!alpha[at]) continue;
    for (let i = 0; i < 3; i++) {
      pixels[4 * at + i] += alpha[at] * (colour[i] - pixels[4 * at + i]);
    }
  }
}

// Vertex normals, computed once: mean of the surrounding triangles.
export function prepared(surface) {
  if (!surface?.triangles?.length) return null;
  if (surface.normals) return surface;
  const { vertices, triangles } = surface;
  const normals = new Float32Array(vertices.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * triangles[t];
    const b = 3 * triangles[t + 1];
    const c = 3 * triangles[t + 2];
    const x = vertices[a];
    const y = vertices[a + 1];
    const z = vertices[a + 2];
    const ux = vertices[b] - x;
    const uy = vertices[b + 1] - y;
    const uz = vertices[b + 2] - z;
    const vx = vertices[c] - x;
    const vy = vertices[c + 1] - y;
    const vz = vertices[c + 2] - z;
    const nx = uy * vz - uz * vy;
    const ny = uz * vx - ux * vz;
    const nz = ux * vy - uy * vx;
    for (let corner = 0, at = a; corner < 3; corner++, at = corner === 1 ? b : c) {
      normals[at] += nx;
      normals[at + 1] += ny;
      normals[at + 2] += nz;
    }
  }
  for (let n = 0; n < normals.length; n += 3) {
    const length = Math.hypot(normals[n], normals[n + 1], normals[n + 2]) || 1;
    for (let i = 0; i < 3; i++) normals[n + i] /= length;
  }
  surface.normals = normals;
  return surface;
}

// Call `put(pixel, towards, light)` for every pixel at which a surface is nearest to the viewer.
function rasterise({ size, rows, scale, centre }, surface, depth, put) {
  const { vertices, triangles, normals } = surface;
  const count = vertices.length / 3;
  // Per vertex: x, y and depth on the screen, orientation to the viewer, and brightness.
  surface.seen ??= new Float32Array(5 * count);
  const { seen } = surface;
  // Plain numbers: creating an array per vertex would be the slowest part.
  const [[rx, ry, rz], [ux, uy, uz], [tx, ty, tz]] = rows;
  const [centreX, centreY, centreZ] = centre;
  const [lightX, lightY, lightZ] = LIGHT;
  for (let n = 0, v = 0, to = 0; n < count; n++, v += 3, to += 5) {
    const px = vertices[v] - centreX;
    const py = vertices[v + 1] - centreY;
    const pz = vertices[v + 2] - centreZ;
    const nx = normals[v];
    const ny = normals[v + 1];
    const nz = normals[v + 2];
    const towards = tx * nx + ty * ny + tz * nz;
    seen[to] = size / 2 + (rx * px + ry * py + rz * pz) * scale;
    seen[to + 1] = size / 2 - (ux * px + uy * py + uz * pz) * scale;
    seen[to + 2] = tx * px + ty * py + tz * pz;
    seen[to + 3] = towards;
    const right = rx * nx + ry * ny + rz * nz;
    const up = ux * nx + uy * ny + uz * nz;
    seen[to + 4] = lightX * right + lightY * up + lightZ * towards;
  }
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 5 * triangles[t];
    const b = 5 * triangles[t + 1];
    const c = 5 * triangles[t + 2];
    const ax = seen[a];
    const ay = seen[a + 1];
    const bx = seen[b];
    const by = seen[b + 1];
    const cx = seen[c];
    const cy = seen[c + 1];
    const area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    if (area >= 0) continue; // seen from behind (y points down)
    const left = Math.max(Math.ceil(Math.min(ax, bx, cx)), 0);
    const right = Math.min(Math.floor(Math.max(ax, bx, cx)), size - 1);
    const top = Math.max(Math.ceil(Math.min(ay, by, cy)), 0);
    const bottom = Math.min(Math.floor(Math.max(ay, by, cy)), size - 1);
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area;
        const v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area;
        const w = 1 - u - v;
        if (u < 0 || v < 0 || w < 0) continue;
        const at = y * size + x;
        const near = u * seen[a + 2] + v * seen[b + 2] + w * seen[c + 2];
        if (near <= depth[at]) continue;
        depth[at] = near;
        const towards = u * seen[a + 3] + v * seen[b + 3] + w * seen[c + 3];
        put(at, towards, u * seen[a + 4] + v * seen[b + 4] + w * seen[c + 4]);
      }
    }
  }
}
