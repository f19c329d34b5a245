// The viewer: three planes and the surfaces of one result, with their controls.

import { COLOURS, NAMES, SUBUNIT_COLOURS } from "./colours.js";
import { PlaneView } from "./plane_view.js";
import { fetchScene, VIEWS } from "./scene.js";
import { SurfaceView } from "./surface_view.js";

const AXIS = ["x", "y", "z"];
const STEP_MM = 0.5;
const TURN = 0.12;

const LAYOUT = `
  <div class="viewer-bar">
    <fieldset><legend>Zoom</legend>
      <label><input type="radio" name="viewer-zoom" value="close" checked> Hypothalamus</label>
      <label><input type="radio" name="viewer-zoom" value="head"> Whole head</label>
    </fieldset>
    <label class="slide">Window <output></output>
      <input type="range" data-setting="window"></label>
    <label class="slide">Level <output></output>
      <input type="range" data-setting="level"></label>
    <label class="slide">Overlay opacity <output></output>
      <input type="range" data-setting="opacity" min="0" max="1" step="0.05"></label>
    <fieldset class="ticks"><legend>Show</legend>
      <label><input type="checkbox" data-setting="outlines"> Outlines</label>
      <label><input type="checkbox" data-setting="cross"> Cross</label>
      <label hidden><input type="checkbox" data-setting="subunits"> Subunits</label>
      <label hidden><input type="checkbox" data-setting="icv3d"> ICV in 3-D</label>
    </fieldset>
    <button type="button" class="viewer-home">Reset views</button>
  </div>
  <ul class="viewer-legend"></ul>
  <div class="viewer-planes"></div>
  <p class="viewer-note">Radiological convention: the patient's left is on the picture's right; in
    the sagittal plane anterior is on the left. Positions in RAS millimetres: +x right, +y anterior,
    +z superior. Click into a plane to move the others there; arrow keys on a slider step by
    0.5 mm; drag the surface, or use the arrow keys on it, to turn it. Surfaces are smoothed for
    display; nothing is measured on them.</p>`;

export class Viewer {
  constructor(root) {
    this.root = root;
    this.loading = null;
    root.classList.add("viewer");
    new ResizeObserver(() => this.redraw()).observe(root);
  }

  async show({ scene, name }) {
    this.loading?.abort();
    this.loading = new AbortController();
    this.scene = null;
    if (!scene) {
      this.root.replaceChildren();
      return;
    }
    this.say(`Loading the views of ${name} …`);
    try {
      const loaded = await fetchScene(scene, this.loading.signal);
      this.open(loaded, name);
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }

  say(text) {
    const line = document.createElement("p");
    line.className = "viewer-message";
    line.setAttribute("role", "status");
    line.textContent = text;
    this.root.replaceChildren(line);
  }

  open(scene, name) {
    this.scene = scene;
    this.root.innerHTML = LAYOUT;
    this.root.dataset.name = name;
    const [low, high] = scene.range;
    this.settings = {
      zoom: "close",
      window: high - low,
      level: (low + high) / 2,
      opacity: 0.25,
      outlines: true,
      cross: true,
      subunits: false,
      icv3d: true,
      position: [0, 0, 0],
    };
    this.home();
    this.makePlanes();
    this.makeControls();
    this.makeLegend();
    this.redraw();
    this.root.dataset.ready = "true";
  }

  makePlanes() {
    const planes = this.root.querySelector(".viewer-planes");
    this.planes = Object.entries(VIEWS).map(([key, view]) => {
      const figure = document.createElement("figure");
      figure.dataset.view = key;
      figure.innerHTML = `<figcaption></figcaption><canvas role="img"></canvas>
        <input type="range" step="${STEP_MM}" aria-label="${view.name} plane, position in mm">`;
      planes.append(figure);
      return this.plane(figure, view);
    });
    const figure = document.createElement("figure");
    figure.dataset.view = "surface";
    figure.innerHTML = `<figcaption>Surfaces</figcaption>
      <canvas tabindex="0" role="img" aria-label="Surfaces; arrow keys turn them"></canvas>`;
    planes.append(figure);
    this.surface = new SurfaceView(figure.querySelector("canvas"));
    this.turnable(figure.querySelector("canvas"));
  }

  plane(figure, view) {
    const canvas = figure.querySelector("canvas");
    const slider = figure.querySelector("input");
    const plane = new PlaneView(canvas, view);
    slider.addEventListener("input", () => {
      this.settings.position[view.normal] = Number(slider.value);
      this.redraw();
    });
    const point = (event) => {
      if (!(event.buttons & 1)) return;
      const [across, up] = plane.millimetresAt(event, this.scene, this.settings);
      this.move(view.across, across);
      this.move(view.up, up);
      this.redraw();
    };
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointermove", point);
    return { plane, view, figure, slider };
  }

  home() {
    this.scene.start_mm.forEach((millimetres, axis) => this.move(axis, millimetres));
  }

  move(axis, millimetres) {
    const [low, high] = this.limits(axis);
    const near = Math.round(millimetres / STEP_MM) * STEP_MM;
    this.settings.position[axis] = Math.min(Math.max(near, low), high);
  }

  // Whole steps, since a slider counts them from its lower end.
  limits(axis) {
    const [low, high] = this.scene.volumes[`${this.settings.zoom}/scan`].range(axis);
    return [Math.ceil(low / STEP_MM) * STEP_MM, Math.floor(high / STEP_MM) * STEP_MM];
  }

  turnable(canvas) {
    canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!(event.buttons & 1)) return;
      this.surface.turn(event.movementX * 0.01, event.movementY * 0.01);
      this.redraw();
    });
    const keys = {
      ArrowLeft: [-TURN, 0],
      ArrowRight: [TURN, 0],
      ArrowUp: [0, -TURN],
      ArrowDown: [0, TURN],
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key]) return;
      event.preventDefault();
      this.surface.turn(...keys[event.key]);
      this.redraw();
    });
  }

  makeControls() {
    const [low, high] = this.scene.range;
    const span = high - low;
    const inputs = this.root.querySelectorAll("[data-setting]");
    for (const input of inputs) {
      const name = input.dataset.setting;
      if (name === "window") Object.assign(input, { min: span / 50, max: span * 1.5, step: "any" });
      if (name === "level") Object.assign(input, { min: low, max: high, step: "any" });
      if (name === "subunits") input.parentElement.hidden = !this.scene.labels.length;
      if (name === "icv3d") input.parentElement.hidden = !this.scene.surfaces.icv;
      const read = input.type === "checkbox" ? "checked" : "value";
      input[read] = this.settings[name];
      input.addEventListener("input", () => {
        this.settings[name] = read === "checked" ? input.checked : Number(input.value);
        if (name === "subunits") this.makeLegend();
        this.redraw();
      });
    }
    for (const radio of this.root.querySelectorAll("[name=viewer-zoom]")) {
      radio.addEventListener("input", () => {
        this.settings.zoom = radio.value;
        [0, 1, 2].forEach((axis) => this.move(axis, this.settings.position[axis]));
        this.redraw();
      });
    }
    this.root.querySelector(".viewer-home").addEventListener("click", () => {
      const { zoom } = this.settings;
      this.home();
      Object.assign(this.settings, { window: span, level: (low + high) / 2, zoom });
      this.surface.home();
      for (const name of ["window", "level"]) {
        this.root.querySelector(`[data-setting=${name}]`).value = this.settings[name];
      }
      this.redraw();
    });
  }

  // Sagittal planes look alike on both sides. The middle is between the two sides' centres: the
  // world's x = 0 lies anywhere.
  sideOf(x) {
    const beside = x - this.scene.centre_mm[0];
    if (!this.scene.surfaces.left || Math.abs(beside) < STEP_MM) return "";
    return beside < 0 ? " (left side)" : " (right side)";
  }

  makeLegend() {
    const legend = this.root.querySelector(".viewer-legend");
    legend.replaceChildren();
    const add = (colour, name) => {
      const item = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.style.background = colour;
      item.append(swatch, name);
      legend.append(item);
    };
    for (const [name, volume] of Object.entries(NAMES)) {
      const place = name === "icv" ? "head" : "close";
      if (this.scene.volumes[`${place}/${name}`]) add(COLOURS[name], volume);
    }
    if (this.settings.subunits) {
      this.scene.labels.forEach((name, index) => {
        add(SUBUNIT_COLOURS[index], name.replace("_", " "));
      });
    }
  }

  redraw() {
    if (!this.scene || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (this.scene) this.draw();
    });
  }

  draw() {
    const { settings } = this;
    for (const { plane, view, figure, slider } of this.planes) {
      const position = settings.position[view.normal];
      const [low, high] = this.limits(view.normal);
      Object.assign(slider, { min: low, max: high });
      slider.value = position;
      const text = `${AXIS[view.normal]} = ${signed(position)} mm`;
      const side = view.normal ? "" : this.sideOf(position);
      figure.querySelector("figcaption").textContent = `${view.name}, ${text}${side}`;
      slider.setAttribute("aria-valuetext", text);
      plane.canvas.setAttribute("aria-label", `${view.name} plane at ${text}`);
      plane.draw(this.scene, settings);
    }
    this.surface.draw(this.scene, settings);
    const shown = {
      window: settings.window.toPrecision(3),
      level: settings.level.toPrecision(3),
      opacity: `${Math.round(100 * settings.opacity)} %`,
    };
    for (const [name, text] of Object.entries(shown)) {
      const slide = this.root.querySelector(`[data-setting=${name}]`).parentElement;
      slide.querySelector("output").textContent = text;
    }
  }
}

function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(1)}`;
}

