// Connects the parts of this page to the elements created by Gradio.

import { Deletion } from "./deletion.js";
import { Dropzone } from "./dropzone.js";
import { News } from "./news.js";
import { Tips } from "./tips.js";
import { Viewer } from "./viewer.js";

new Tips();
window.hypothalamusSeg = {
  deletion: (root, act) => new Deletion(root, act),
  dropzone: (root, arrived) => new Dropzone(root, arrived),
  news: (region, behind) => new News(region, behind),
  viewer: (root) => new Viewer(root),
};
