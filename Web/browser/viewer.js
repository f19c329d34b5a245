// The viewer: three planes and the surfaces of one result, with their controls.

import { showLegend } from "./legend.js";
import { pointed, turned } from "./pointing.js";
import { MOST_MAGNIFICATION, PlaneView } from "./plane_view.js";
import { wordsAt } from "./readout.js";
import { centreOf, fetchScene, VIEWS } from "./scene.js";
import { prepared, SurfaceView } from "./surface_view.js";
import { LAYOUT } from "./viewer_layout.js";

const AXIS = ["x", "y", "z"];
const STEP_MM = { close: 0.5, head: 1 };
const FINEST_MM = 0.5;
const OPACITY = 0.25;
const SUBUNIT_OPACITY = 0.6;

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
    delete this.root.dataset.ready;
    delete this.root.dataset.failed;
    if (!scene) {
      this.root.replaceChildren();
      return;
    }
    this.say(`Loading the views of ${name} …`);
    try {
      const loaded = await fetchScene(scene, this.loading.signal);
      this.open(loaded, name);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.say(error.message);
      this.root.dataset.failed = "true";
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
    this.settings = {
      zoom: scene.surfaces.left || scene.surfaces.right ? "close" : "head",
      opacity: OPACITY,
      outlines: true,
      cross: true,
      subunits: false,
      icv3d: true,
      position: [0, 0, 0],
    };
    this.makePlanes();
    this.home();
    this.makeControls();
    this.makeLegend();
    this.redraw();
    this.root.dataset.ready = "true";
    whenIdle(Object.values(scene.surfaces), (surface) => this.scene === scene && prepared(surface));
  }

  makePlanes() {
    const planes = this.root.querySelector(".viewer-planes");
    this.planes = Object.entries(VIEWS).map(([key, view]) => {
      const figure = document.createElement("figure");
      figure.dataset.view = key;
      figure.innerHTML = `<figcaption></figcaption>
        <canvas role="img" tabindex="0"></canvas>
        <label class="slice"><span>${view.ends[0]}</span>
        <input type="range" aria-label="${view.name} slice, ${AXIS[view.normal]} in mm">
        <span>${view.ends[1]}</span></label>`;
      planes.append(figure);
      const slider = figure.querySelector("input");
      slider.addEventListener("input", () => {
        this.settings.position[view.normal] = Number(slider.value);
        this.redraw();
      });
      const plane = new PlaneView(figure.querySelector("canvas"), view);
      pointed(plane, this);
      return { plane, view, figure, slider };
    });
    const figure = document.createElement("figure");
    figure.dataset.view = "surface";
    figure.innerHTML = `<figcaption>Surfaces</figcaption>
      <canvas tabindex="0" role="img" aria-label="Surfaces; arrow keys turn them"></canvas>`;
    planes.append(figure);
    this.surface = new SurfaceView(figure.querySelector("canvas"));
    turned(this.surface, this);
  }

  // Reset position, zoom, window and level.
  home() {
    const [low, high] = this.scene.range;
    Object.assign(this.settings, { window: high - low, level: (low + high) / 2 });
    this.scene.start_mm.forEach((millimetres, axis) => this.move(axis, millimetres));
    this.frameAll();
    this.surface.home();
  }

  frameAll() {
    this.settings.magnification = 1;
    this.settings.middle = [...centreOf(this.scene, this.settings.zoom)];
  }

  get stepMm() {
    return STEP_MM[this.settings.zoom];
  }

  move(axis, millimetres) {
    const [low, high] = this.limits(axis);
    const near = Math.round(millimetres / FINEST_MM) * FINEST_MM;
    this.settings.position[axis] = Math.min(Math.max(near, low), high);
  }

  // Whole steps, because a slider counts from its lower end.
  limits(axis) {
    const [low, high] = this.scene.volumes[`${this.settings.zoom}/scan`].range(axis);
    return [Math.ceil(low / FINEST_MM) * FINEST_MM, Math.floor(high / FINEST_MM) * FINEST_MM];
  }

  // Zoom around a point in plane coordinates; the slider zooms around the cross.
  magnify(factor, fixed = this.settings.position) {
    const { magnification, middle } = this.settings;
    const wanted = Math.min(Math.max(magnification * factor, 1), MOST_MAGNIFICATION);
    const share = magnification / wanted;
    fixed.forEach((at, axis) => {
      if (at !== null) middle[axis] = at + (middle[axis] - at) * share;
    });
    this.settings.magnification = wanted;
    if (wanted === 1) this.frameAll();
    this.redraw();
  }

  windowed(across, up) {
    const [low, high] = this.scene.range;
    const { window, level } = this.settings;
    const span = high - low;
    const wider = window * Math.exp(across / 150);
    this.settings.window = Math.min(Math.max(wider, span / 50), span * 1.5);
    this.settings.level = Math.min(Math.max(level + (up * span) / 400, low), high);
    this.redraw();
  }

  makeControls() {
    const [low, high] = this.scene.range;
    const span = high - low;
    for (const input of this.root.querySelectorAll("[data-setting]")) {
      const name = input.dataset.setting;
      if (name === "window") Object.assign(input, { min: span / 50, max: span * 1.5, step: "any" });
      if (name === "level") Object.assign(input, { min: low, max: high, step: "any" });
      if (name === "subunits") input.parentElement.hidden = !this.scene.subunits.length;
      if (name === "icv3d") input.parentElement.hidden = !this.scene.surfaces.icv;
      const read = input.type === "checkbox" ? "checked" : "value";
      input[read] = this.settings[name];
      input.addEventListener("input", () => {
        const value = read === "checked" ? input.checked : Number(input.value);
        if (name === "magnification") this.magnify(value / this.settings.magnification);
        else this.settings[name] = value;
        if (name === "subunits") {
          this.settings.opacity = value ? SUBUNIT_OPACITY : OPACITY;
          this.makeLegend();
        }
        this.redraw();
      });
    }
    for (const radio of this.root.querySelectorAll("[name=viewer-zoom]")) {
      radio.checked = radio.value === this.settings.zoom;
      radio.disabled = radio.value === "close" && !this.scene.surfaces.left && !this.scene.surfaces.right;
      radio.addEventListener("input", () => {
        this.settings.zoom = radio.value;
        [0, 1, 2].forEach((axis) => this.move(axis, this.settings.position[axis]));
        this.frameAll();
        this.redraw();
      });
    }
    // Narrow screens show the sliders on request.
    const more = this.root.querySelector(".viewer-more-button");
    more.addEventListener("click", () => {
      more.setAttribute("aria-expanded", more.getAttribute("aria-expanded") === "false");
    });
    this.root.querySelector(".viewer-home").addEventListener("click", () => {
      this.home();
      this.redraw();
    });
  }

  // Sagittal planes look alike on both sides. The middle is between the centers of both sides;
  // x = 0 in world space can be anywhere.
  sideOf(x) {
    const beside = x - this.scene.centre_mm[0];
    if (!this.scene.surfaces.left || Math.abs(beside) < FINEST_MM) return "";
    return beside < 0 ? " (left side)" : " (right side)";
  }

  makeLegend() {
    const legend = this.root.querySelector(".viewer-legend");
    showLegend(legend, this.scene, this.settings.subunits);
  }

  // Describe a point, or the position of the cross.
  tell(point = null) {
    const where = point ? "Pointer" : "Cross";
    const words = wordsAt(this.scene, point ?? this.settings.position, this.settings.zoom);
    this.root.querySelector(".viewer-readout").textContent = `${where}: ${words}`;
  }

  redraw() {
    if (!this.scene || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      if (this.scene) this.draw();
    });
  }

  draw() {
    const start = performance.now();
    const { settings } = this;
    for (const { plane, view, figure, slider } of this.planes) {
      const position = settings.position[view.normal];
      const [low, high] = this.limits(view.normal);
      Object.assign(slider, { min: low, max: high, step: FINEST_MM });
      slider.value = position;
      const text = `${AXIS[view.normal]} = ${signed(position)} mm`;
      const side = view.normal ? "" : this.sideOf(position);
      figure.querySelector("figcaption").textContent = `${view.name}, ${text}${side}`;
      slider.setAttribute("aria-valuetext", text);
      plane.canvas.setAttribute("aria-label", `${view.name} plane at ${text}`);
      plane.draw(this.scene, settings);
    }
    this.surface.draw(this.scene, settings);
    this.tell();
    this.showSettings();
    // For tests and debugging.
    performance.measure("viewer-draw", { start, end: performance.now() });
    performance.clearMeasures("viewer-draw");
  }

  showSettings() {
    const { settings } = this;
    const words = {
      window: settings.window.toFixed(0),
      level: settings.level.toFixed(0),
      opacity: `${Math.round(100 * settings.opacity)} %`,
      magnification: `${settings.magnification.toFixed(1)} ×`,
    };
    for (const [name, text] of Object.entries(words)) {
      const input = this.root.querySelector(`[data-setting=${name}]`);
      input.value = settings[name];
      input.setAttribute("aria-valuetext", text);
      input.parentElement.querySelector("output").textContent = text;
    }
  }
}

function signed(number) {
  return `${number < 0 ? "−" : "+"}${Math.abs(number).toFixed(1)}`;
}

// One after the other, each when idle.
function whenIdle([first, ...others], act) {
  if (!first) return;
  const idle = window.requestIdleCallback ?? ((next) => setTimeout(next, 50));
  idle(() => {
    act(first);
    whenIdle(others, act);
  });
}
