// Joins this page's own parts to the elements that Gradio makes.

import { Dropzone } from "./dropzone.js";
import { Viewer } from "./viewer.js";

window.hypothalamusSeg = {
  dropzone: (root, arrived) => new Dropzone(root, arrived),
  viewer: (root) => new Viewer(root),
};
