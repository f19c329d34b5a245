// One plane on a canvas: scan, fill, outlines, cross, letters and a scale bar.

import { COLOURS, rgb, SUBUNIT_COLOURS } from "./colours.js";
import { contour, memberships } from "./scene.js";

const FIELD_MM = { head: 224, close: 60 };
const BARS_MM = [50, 20, 10, 5, 2, 1];
const OUTLINE_PX = { head: 1.3, close: 2 };
const SIDES = ["left", "right"];

export const MOST_MAGNIFICATION = 8;

export class PlaneView {
  constructor(canvas, view) {
    this.canvas = canvas;
    this.view = view;
    // Everything but cross, letters and scale bar; kept while only the cross moves.
    this.picture = document.createElement("canvas");
    this.brushes = new Map();
    this.cuts = new Map();
  }

  // Position of an event on the canvas, as [across, up] in millimeters.
  millimetresAt({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const right = (clientX - box.left) / box.width - 0.5;
    const down = (clientY - box.top) / box.height - 0.5;
    const { across, up } = this.view;
    return [this.centre[across] - right * this.field, this.centre[up] - down * this.field];
  }

  // In physical screen pixels.
  get pixelsPerMm() {
    return this.canvas.clientWidth / this.field;
  }

  draw(scene, settings) {
    const size = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (!size) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    this.pixel = size / this.canvas.clientWidth;
    this.field = FIELD_MM[settings.zoom] / settings.magnification;
    this.scale = size / this.field;
    this.centre = [...settings.middle];
    this.drawPicture(scene, settings, size);
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.picture, 0, 0);
    if (settings.cross) this.cross(context, settings);
    this.letters(context, size);
    this.bar(context, size, barOf(this.field));
  }

  drawPicture(scene, settings, size) {
    const { zoom, window: width, level, opacity, outlines, subunits } = settings;
    const place = [size, settings.position[this.view.normal], this.field, ...this.centre];
    const now = [...place, zoom, width, level, opacity, outlines, subunits].join();
    if (this.drawn?.scene === scene && this.drawn.now === now) return;
    this.drawn = { scene, now };
    this.forgetOtherSlices(scene, settings);
    if (this.picture.width !== size) this.picture.width = this.picture.height = size;
    const context = this.picture.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, size, size);
    this.scan(context, scene, settings);
    this.fills(context, scene, settings);
    if (settings.outlines) this.outlines(context, scene, settings);
  }

  // Planes and outlines are cached while their slice is shown.
  forgetOtherSlices(scene, settings) {
    const position = settings.position[this.view.normal];
    if (this.kept?.scene === scene && this.kept.position === position) return;
    this.cuts.clear();
    this.kept = { scene, position };
  }

  cut(name, make) {
    if (!this.cuts.has(name)) this.cuts.set(name, make());
    return this.cuts.get(name);
  }

  planeOf(scene, name) {
    const volume = scene.volumes[name];
    return volume && this.cut(name, () => volume.plane(this.view, this.kept.position));
  }

  // Each subunit on this slice, as [index, membership].
  subunitsOf(scene) {
    return this.cut("subunits", () => {
      const plane = scene.volumes["close/subunits"].nearestPlane(this.view, this.kept.position);
      return plane ? memberships(plane) : [];
    });
  }

  x(millimetres) {
    return this.canvas.width / 2 - (millimetres - this.centre[this.view.across]) * this.scale;
  }

  y(millimetres) {
    return this.canvas.height / 2 - (millimetres - this.centre[this.view.up]) * this.scale;
  }

  // A canvas of this size and its pixels, made once: new ones for each picture cost time and memory.
  brushOf(width, height) {
    const key = `${width} ${height}`;
    if (!this.brushes.has(key)) {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const brush = canvas.getContext("2d");
      const image = brush.createImageData(width, height);
      const pixels = new Uint32Array(image.data.buffer);
      this.brushes.set(key, { canvas, brush, image, pixels });
    }
    return this.brushes.get(key);
  }

  // Paint a plane of a volume; `colour(value)` gives the packed color of each voxel.
  paint(context, volume, plane, colour, smooth) {
    const { width, height, values } = plane;
    const { brush, canvas, image, pixels } = this.brushOf(width, height);
    for (let i = 0; i < values.length; i++) pixels[i] = colour[values[i]];
    brush.putImageData(image, 0, 0);
    const { across, up } = this.view;
    const edge = volume.spacing / 2;
    // Voxel axes are opposite to the picture axes: mirror while drawing.
    context.save();
    context.translate(this.x(volume.origin[across] - edge), this.y(volume.origin[up] - edge));
    context.scale(-volume.spacing * this.scale, -volume.spacing * this.scale);
    context.imageSmoothingEnabled = smooth;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, 0, 0);
    context.restore();
  }

  scan(context, scene, settings) {
    const name = `${settings.zoom}/scan`;
    const plane = this.planeOf(scene, name);
    if (!plane) return;
    const low = settings.level - settings.window / 2;
    const colours = new Uint32Array(256);
    const [first, last] = scene.range;
    for (let grey = 0; grey < 256; grey++) {
      const intensity = first + (grey / 255) * (last - first);
      const shown = Math.min(Math.max(((intensity - low) / settings.window) * 255, 0), 255);
      const value = Math.round(shown);
      colours[grey] = 0xff000000 | (value << 16) | (value << 8) | value;
    }
    this.paint(context, scene.volumes[name], plane, colours, true);
  }

  fills(context, scene, settings) {
    const { opacity } = settings;
    if (!opacity) return;
    const fill = (name, plane, colour, share) => {
      if (plane) this.paint(context, scene.volumes[name], plane, ramp(colour, share), true);
    };
    if (settings.zoom === "head") {
      fill("head/icv", this.planeOf(scene, "head/icv"), COLOURS.icv, opacity / 2);
    }
    if (settings.subunits && scene.volumes["close/subunits"]) {
      for (const [index, plane] of this.subunitsOf(scene)) {
        fill("close/subunits", plane, SUBUNIT_COLOURS[index], opacity);
      }
      return;
    }
    for (const side of SIDES) {
      fill(`close/${side}`, this.planeOf(scene, `close/${side}`), COLOURS[side], opacity);
    }
  }

  outlines(context, scene, settings) {
    const withSubunits = settings.subunits && scene.volumes["close/subunits"];
    context.lineCap = "round";
    const width = OUTLINE_PX[settings.zoom] * this.pixel;
    for (const name of Object.keys(scene.volumes)) {
      const structure = name.split("/")[1];
      const plane = COLOURS[structure] && this.planeOf(scene, name);
      if (!plane || (withSubunits && SIDES.includes(structure))) continue;
      const lines = this.cut(`${name} line`, () => contour(plane, 127.5));
      this.line(context, scene.volumes[name], lines, COLOURS[structure], width);
    }
    if (!withSubunits) return;
    const volume = scene.volumes["close/subunits"];
    const all = this.cut("subunit lines", () => {
      return this.subunitsOf(scene).map(([index, plane]) => [index, contour(plane, 127.5)]);
    });
    // A dark line below separates neighbors of similar color.
    for (const [, lines] of all) this.line(context, volume, lines, "#000", 1.6 * width);
    for (const [index, lines] of all) {
      this.line(context, volume, lines, SUBUNIT_COLOURS[index], 0.7 * width);
    }
  }

  line(context, volume, lines, colour, width) {
    const { across, up } = this.view;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    for (let i = 0; i < lines.length; i += 2) {
      const x = this.x(volume.origin[across] + lines[i] * volume.spacing);
      const y = this.y(volume.origin[up] + lines[i + 1] * volume.spacing);
      if (i % 4) context.lineTo(x, y);
      else context.moveTo(x, y);
    }
    context.stroke();
  }

  cross(context, settings) {
    const x = this.x(settings.position[this.view.across]);
    const y = this.y(settings.position[this.view.up]);
    const { width, height } = this.canvas;
    const gap = 10 * this.pixel;
    context.strokeStyle = "rgba(255, 255, 255, 0.45)";
    context.lineWidth = this.pixel;
    context.beginPath();
    for (const [x1, y1, x2, y2] of [
      [0, y, x - gap, y],
      [x + gap, y, width, y],
      [x, 0, x, y - gap],
      [x, y + gap, x, height],
    ]) {
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
    }
    context.stroke();
  }

  letters(context, size) {
    const rim = 13 * this.pixel;
    const [left, right, bottom, top] = this.view.edges;
    this.text(context, left, rim, size / 2, 15, "bold");
    this.text(context, right, size - rim, size / 2, 15, "bold");
    this.text(context, bottom, size / 2, size - rim, 15, "bold");
    this.text(context, top, size / 2, rim, 15, "bold");
  }

  bar(context, size, millimetres) {
    const x = 12 * this.pixel;
    const y = size - 12 * this.pixel;
    const length = millimetres * this.scale;
    for (const [colour, width] of [["#000", 5], ["#f2f2f2", 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * this.pixel;
      context.lineCap = "butt";
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + length, y);
      context.stroke();
    }
    this.text(context, `${millimetres} mm`, x + length / 2, y - 12 * this.pixel, 12);
  }

  text(context, text, x, y, size, weight = "normal") {
    drawText(context, text, x, y, size * this.pixel, weight);
  }
}

export function drawText(context, text, x, y, size, weight = "normal") {
  context.font = `${weight} ${size}px system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  context.lineWidth = size / 4;
  context.strokeStyle = "#000";
  context.strokeText(text, x, y);
  context.fillStyle = "#f2f2f2";
  context.fillText(text, x, y);
}

// Colors by membership 0–255, from transparent to the opacity of the fill.
function ramp(colour, opacity) {
  const [red, green, blue] = rgb(colour);
  const packed = ((blue << 16) | (green << 8) | red) >>> 0;
  return Uint32Array.from({ length: 256 }, (_, value) => {
    // Steep around one half, where the outline is.
    const inside = Math.min(Math.max((value - 64) / 128, 0), 1);
    return ((Math.round(255 * opacity * inside) << 24) | packed) >>> 0;
  });
}

// The longest round length that is at most a quarter of the picture.
function barOf(field) {
  return BARS_MM.find((length) => length <= field / 4) ?? BARS_MM.at(-1);
}
