// Mouse, touch and keys on the viewer's pictures.

const LEFT = 1;
const RIGHT = 2;
const MIDDLE = 4;
const NOTCH_PX = 40;
const ZOOM_PX = 300;
const KEY_ZOOM = 1.25;
const TURN = 0.12;
const TURN_PER_PX = 0.01;

// A plane: cross, slices, window and level, zoom and pan.
export function pointed(plane, viewer) {
  const { canvas, view } = plane;
  // The point under an event; null for the axis normal to the plane.
  const at = (event) => {
    const [across, up] = plane.millimetresAt(event);
    const point = [null, null, null];
    point[view.across] = across;
    point[view.up] = up;
    return point;
  };
  const cross = (event) => {
    at(event).forEach((millimetres, axis) => {
      if (millimetres !== null) viewer.move(axis, millimetres);
    });
    viewer.redraw();
  };
  const pan = (right, down) => {
    const { middle } = viewer.settings;
    middle[view.across] += right / plane.pixelsPerMm;
    middle[view.up] += down / plane.pixelsPerMm;
    viewer.redraw();
  };
  const slice = (steps) => {
    const axis = view.normal;
    viewer.move(axis, viewer.settings.position[axis] + steps * viewer.stepMm);
    viewer.redraw();
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") return;
    canvas.setPointerCapture(event.pointerId);
    if (event.buttons === LEFT && !event.shiftKey) cross(event);
    if (event.buttons === MIDDLE) event.preventDefault(); // disable middle-button scrolling
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const { buttons, movementX, movementY } = event;
    if (buttons === RIGHT) viewer.windowed(movementX, -movementY);
    else if (buttons === MIDDLE || (buttons === LEFT && event.shiftKey)) pan(movementX, movementY);
    else if (buttons === LEFT) cross(event);
    if (!buttons) viewer.tell(at(event).map((mm, axis) => mm ?? viewer.settings.position[axis]));
  });
  canvas.addEventListener("pointerleave", () => viewer.tell());
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("click", (event) => {
    if (event.pointerType === "touch") cross(event);
  });

  let rolled = 0;
  const wheel = (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      viewer.magnify(Math.exp(-event.deltaY / ZOOM_PX), at(event));
      return;
    }
    // A mouse sends whole notches, a touchpad a few pixels.
    rolled += event.deltaMode ? Math.sign(event.deltaY) * NOTCH_PX : event.deltaY;
    const notches = Math.trunc(rolled / NOTCH_PX);
    if (!notches) return;
    rolled = 0;
    slice(-Math.sign(notches));
  };
  canvas.addEventListener("wheel", wheel, { passive: false });
  pinched(canvas, (factor, middle, right, down) => {
    pan(right, down);
    viewer.magnify(factor, at(middle));
  });

  const keys = {
    ArrowLeft: () => viewer.move(view.across, viewer.settings.position[view.across] + viewer.stepMm),
    ArrowRight: () => viewer.move(view.across, viewer.settings.position[view.across] - viewer.stepMm),
    ArrowUp: () => viewer.move(view.up, viewer.settings.position[view.up] + viewer.stepMm),
    ArrowDown: () => viewer.move(view.up, viewer.settings.position[view.up] - viewer.stepMm),
    PageUp: () => slice(1),
    PageDown: () => slice(-1),
    "+": () => viewer.magnify(KEY_ZOOM),
    "-": () => viewer.magnify(1 / KEY_ZOOM),
  };
  onKeys(canvas, keys, viewer);
}

// The surface: rotation and zoom.
export function turned(surface, viewer) {
  const { canvas } = surface;
  const turn = (yaw, pitch) => {
    surface.turn(yaw, pitch);
    viewer.redraw();
  };
  canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons & LEFT) turn(event.movementX * TURN_PER_PX, event.movementY * TURN_PER_PX);
  });
  const zoom = (factor) => {
    surface.magnify(factor);
    viewer.redraw();
  };
  const wheel = (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / ZOOM_PX));
  };
  canvas.addEventListener("wheel", wheel, { passive: false });
  pinched(canvas, zoom);
  const keys = {
    ArrowLeft: () => turn(-TURN, 0),
    ArrowRight: () => turn(TURN, 0),
    ArrowUp: () => turn(0, -TURN),
    ArrowDown: () => turn(0, TURN),
    "+": () => zoom(KEY_ZOOM),
    "-": () => zoom(1 / KEY_ZOOM),
  };
  onKeys(canvas, keys, viewer);
}

function onKeys(canvas, keys, viewer) {
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
    viewer.redraw();
  });
}

// Two fingers; one finger scrolls the page.
function pinched(canvas, act) {
  let before = null;
  const look = (event) => {
    if (event.touches.length !== 2) {
      before = null;
      return;
    }
    event.preventDefault();
    const [a, b] = event.touches;
    const now = {
      clientX: (a.clientX + b.clientX) / 2,
      clientY: (a.clientY + b.clientY) / 2,
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    };
    if (before) {
      const [right, down] = [now.clientX - before.clientX, now.clientY - before.clientY];
      act(now.apart / before.apart, now, right, down);
    }
    before = now;
  };
  for (const kind of ["touchstart", "touchmove", "touchend", "touchcancel"]) {
    canvas.addEventListener(kind, look, { passive: false });
  }
}
