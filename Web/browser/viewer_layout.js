// The viewer's elements.

import { MOST_MAGNIFICATION } from "./plane_view.js";

export const LAYOUT = `
  <div class="viewer-bar">
    <fieldset><legend>View</legend>
      <label><input type="radio" name="viewer-zoom" value="close"> Hypothalamus</label>
      <label><input type="radio" name="viewer-zoom" value="head"> Whole head</label>
    </fieldset>
    <fieldset class="ticks"><legend>Show</legend>
      <label><input type="checkbox" data-setting="outlines"> Outlines</label>
      <label><input type="checkbox" data-setting="cross"> Cross</label>
      <label hidden><input type="checkbox" data-setting="subunits"> Subunits</label>
      <label hidden><input type="checkbox" data-setting="icv3d"> ICV in 3-D</label>
    </fieldset>
    <label class="slide">Window <output></output>
      <input type="range" aria-label="Window" data-setting="window"></label>
    <label class="slide">Level <output></output>
      <input type="range" aria-label="Level" data-setting="level"></label>
    <label class="slide">Overlay <output></output>
      <input type="range" aria-label="Overlay" data-setting="opacity" min="0" max="1" step="0.05"></label>
    <label class="slide">Zoom <output></output>
      <input type="range" aria-label="Zoom" data-setting="magnification" min="1" max="${MOST_MAGNIFICATION}"
        step="0.1"></label>
    <button type="button" class="viewer-home">Reset views</button>
  </div>
  <ul class="viewer-legend"></ul>
  <p class="viewer-readout"></p>
  <div class="viewer-planes"></div>
  <details class="viewer-note"><summary>How to use the views</summary>
    <p>Radiological convention: the patient's left is on the picture's right; in the sagittal plane
    anterior is on the left. Positions in RAS millimetres: +x right, +y anterior, +z superior.</p>
    <p>Mouse: click to move the other planes there, wheel for slices, Ctrl and wheel to zoom, right
    button and drag for window (across) and level (up and down), middle button or Shift and drag to
    move the picture. Touch: tap, two fingers to zoom and move. Keys on a picture: arrows move the
    cross, Page Up and Page Down the slice, + and − zoom. Drag the surface, or use the arrow keys
    on it, to turn it.</p>
    <p>Values are rounded to 256 steps between the darkest and the brightest tissue. Surfaces are
    smoothed for display; nothing is measured on them.</p></details>`;
