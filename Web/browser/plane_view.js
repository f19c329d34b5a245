// One plane on a canvas: scan, fill, outlines, cross, letters and a scale bar.

import { COLOURS, rgb, SUBUNIT_COLOURS } from "./colours.js";
import { contour } from "./scene.js";

const FIELD_MM = { head: 224, close: 60 };
const BAR_MM = { head: 50, close: 10 };
const OUTLINE_PX = { head: 1.3, close: 2 };
const SIDES = ["left", "right"];

// The centre of what is shown: in the close view the hypothalamus, else the head's box.
export function centreOf(scene, zoom) {
  if (zoom === "close") return scene.centre_mm;
  const { shape, origin_mm, spacing_mm } = scene.grids.head;
  return origin_mm.map((origin, axis) => origin + ((shape[axis] - 1) * spacing_mm) / 2);
}

export class PlaneView {
  constructor(canvas, view) {
    this.canvas = canvas;
    this.view = view;
    this.brush = document.createElement("canvas");
  }

  // Where a click on the canvas lies, as [across, up] in millimetres.
  millimetresAt(event, scene, settings) {
    const box = this.canvas.getBoundingClientRect();
    const field = FIELD_MM[settings.zoom];
    const centre = centreOf(scene, settings.zoom);
    const right = (event.clientX - box.left) / box.width - 0.5;
    const down = (event.clientY - box.top) / box.height - 0.5;
    return [centre[this.view.across] - right * field, centre[this.view.up] - down * field];
  }

  draw(scene, settings) {
    const size = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    if (!size) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const context = this.canvas.getContext("2d");
    this.pixel = size / this.canvas.clientWidth;
    this.scale = size / FIELD_MM[settings.zoom];
    this.centre = centreOf(scene, settings.zoom);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, size, size);
    this.scan(context, scene, settings);
    this.fills(context, scene, settings);
    if (settings.outlines) this.outlines(context, scene, settings);
    if (settings.cross) this.cross(context, settings);
    this.letters(context, size);
    this.bar(context, size, BAR_MM[settings.zoom]);
  }

  x(millimetres) {
    return this.canvas.width / 2 - (millimetres - this.centre[this.view.across]) * this.scale;
  }

  y(millimetres) {
    return this.canvas.height / 2 - (millimetres - this.centre[this.view.up]) * this.scale;
  }

  // Paint a plane of a volume, each voxel in the colour that `colour(value)` packs.
  paint(context, volume, plane, colour, smooth) {
    const { width, height, values } = plane;
    Object.assign(this.brush, { width, height });
    const brush = this.brush.getContext("2d");
    const image = brush.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < values.length; i++) pixels[i] = colour[values[i]];
    brush.putImageData(image, 0, 0);
    const { across, up } = this.view;
    const edge = volume.spacing / 2;
    // Voxels lie against the picture's axes in both directions: mirrored while drawing.
    context.save();
    context.translate(this.x(volume.origin[across] - edge), this.y(volume.origin[up] - edge));
    context.scale(-volume.spacing * this.scale, -volume.spacing * this.scale);
    context.imageSmoothingEnabled = smooth;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.brush, 0, 0);
    context.restore();
  }

  scan(context, scene, settings) {
    const volume = scene.volumes[`${settings.zoom}/scan`];
    const plane = volume.plane(this.view, settings.position[this.view.normal]);
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
    this.paint(context, volume, plane, colours, true);
  }

  fills(context, scene, settings) {
    if (!settings.opacity) return;
    const position = settings.position[this.view.normal];
    const icv = scene.volumes["head/icv"];
    const icvPlane = settings.zoom === "head" && icv && icv.plane(this.view, position);
    if (icvPlane) this.paint(context, icv, icvPlane, ramp(COLOURS.icv, settings.opacity / 2), true);
    const subunits = settings.subunits && scene.volumes["close/subunits"];
    if (subunits) {
      const plane = subunits.nearestPlane(this.view, position);
      if (plane) this.paint(context, subunits, plane, labelColours(settings.opacity), false);
      return;
    }
    for (const side of SIDES) {
      const volume = scene.volumes[`close/${side}`];
      const plane = volume && volume.plane(this.view, position);
      if (plane) this.paint(context, volume, plane, ramp(COLOURS[side], settings.opacity), true);
    }
  }

  outlines(context, scene, settings) {
    context.lineWidth = OUTLINE_PX[settings.zoom] * this.pixel;
    context.lineCap = "round";
    for (const [name, volume] of Object.entries(scene.volumes)) {
      const colour = COLOURS[name.split("/")[1]];
      const plane = colour && volume.plane(this.view, settings.position[this.view.normal]);
      if (!plane) continue;
      const lines = contour(plane, 127.5);
      const [across, up] = [this.view.across, this.view.up];
      context.strokeStyle = colour;
      context.beginPath();
      for (let i = 0; i < lines.length; i += 2) {
        const x = this.x(volume.origin[across] + lines[i] * volume.spacing);
        const y = this.y(volume.origin[up] + lines[i + 1] * volume.spacing);
        if (i % 4) context.lineTo(x, y);
        else context.moveTo(x, y);
      }
      context.stroke();
    }
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

// Colours by membership 0–255, from clear to the fill's opacity.
function ramp(colour, opacity) {
  const [red, green, blue] = rgb(colour);
  const packed = ((blue << 16) | (green << 8) | red) >>> 0;
  return Uint32Array.from({ length: 256 }, (_, value) => {
    // Steep around one half, as the outline lies there.
    const inside = Math.min(Math.max((value - 64) / 128, 0), 1);
    return ((Math.round(255 * opacity * inside) << 24) | packed) >>> 0;
  });
}

function labelColours(opacity) {
  const colours = new Uint32Array(256);
  SUBUNIT_COLOURS.forEach((colour, index) => {
    const [red, green, blue] = rgb(colour);
    colours[index + 1] = (Math.round(255 * opacity) << 24) | (blue << 16) | (green << 8) | red;
  });
  return colours;
}
