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
    <button type="button" class="viewer-more-button" aria-expanded="false"
      aria-controls="viewer-more">Window, level, zoom</button>
    <div class="viewer-more" id="viewer-more">
      <label class="slide">Window <output></output>
        <input type="range" aria-label="Window" data-setting="window"></label>
      <label class="slide">Level <output></output>
        <input type="range" aria-label="Level" data-setting="level"></label>
      <label class="slide">Overlay <output></output>
        <input type="range" aria-label="Overlay" data-setting="opacity" min="0" max="1" step="0.05"></label>
      <label class="slide">Zoom <output></output>
        <input type="range" aria-label="Zoom" data-setting="magnification" min="1" max="${MOST_MAGNIFICATION}"
          step="0.1"></label>
    </div>
    <button type="button" class="viewer-home">Reset views</button>
  </div>
  <ul class="viewer-legend"></ul>
  <p class="viewer-readout"></p>
  <div class="viewer-planes"></div>
  <details class="viewer-note"><summary>How to use the views</summary>
    <p>Radiological convention: the patient's left is on the right of the picture; in the sagittal
    plane, anterior is on the left. Positions in RAS millimeters: +x right, +y anterior, +z superior.</p>
    <p>Mouse: click to move the other planes to that point; scroll to change the slice; Ctrl and scroll
    to zoom; drag with the right button to change window (left and right) and level (up and down);
    drag with the middle button or Shift to move the picture. Touch: tap to move the planes; use two
    fingers to zoom and move. Keyboard: arrow keys move the cross, Page Up and Page Down change the
    slice, + and − zoom. Drag the surface or use the arrow keys to rotate it.</p>
    <p>Values are rounded to 256 steps between the darkest and the brightest tissue. Surfaces are
    smoothed for display only; no volumes are measured on them.</p></details>`;
