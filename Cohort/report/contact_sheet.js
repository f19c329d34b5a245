"use strict";
(() => {
  const PAGE = 200, WORDS = ["good", "unsure", "bad"];
  const byId = (id) => document.getElementById(id);
  const { scans, blinded: isLocked } = JSON.parse(byId("scans").textContent);
  for (const scan of scans) for (const name of ["z", "dice", "total", "asymmetry"]) scan[name] ??= NaN;
  const known = new Set(scans.map((scan) => scan.scan));
  const list = byId("cards"), dialog = byId("large"), template = byId("card").content.firstElementChild;
  // Places in `scans`: all that are shown, in their order; then the page and the scan in hand.
  let order = [], page = 0, current = 0;

  const isBlinded = () => isLocked || byId("blinded").checked;
  const chosen = (id) => byId(id)?.value ?? "";
  const marks = reviewStore;

  // FNV-1a, mixed: an order that looks random, another for each rater, and the same after a reload.
  function scattered(text) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }

  const keys = {
    review: (s) => [-s.reasons, -Math.abs(s.z)],
    flags: (s) => [-s.flags],
    z: (s) => [-Math.abs(s.z)],
    dice: (s) => [s.dice],
    small: (s) => [s.total],
    large: (s) => [-s.total],
    asymmetry: (s) => [-Math.abs(s.asymmetry)],
    name: () => [],
    random: (s) => [scattered(`${marks.rater}\n${s.scan}`)],
  };

  function sorted(places) {
    const key = keys[isBlinded() ? "random" : chosen("sort")];
    const values = new Map(places.map((place) => [place, key(scans[place])]));
    return places.sort((a, b) => {
      const x = values.get(a), y = values.get(b);
      for (let i = 0; i < x.length; i++) {
        const gap = Number.isNaN(x[i]) - Number.isNaN(y[i]) || x[i] - y[i];
        if (gap) return gap;
      }
      return a - b;
    });
  }

  function fits(scan) {
    const { mark, comment } = marks.get(scan.scan), show = chosen("show");
    const byMark = { "": true, unmarked: !mark, commented: Boolean(comment) };
    for (const word of WORDS) byMark[word] = mark === word;
    if (show in byMark && !byMark[show]) return false;
    if (isBlinded()) return true;
    const byFlags = { listed: scan.listed, flagged: scan.flags > 0, clean: !scan.listed };
    if (show in byFlags && !byFlags[show]) return false;
    const group = chosen("group"), far = parseFloat(chosen("far"));
    const words = chosen("find").trim().toLowerCase().split(/\s+/);
    return (!group || scan.group === group) && !(far > 0 && !(Math.abs(scan.z) >= far))
      && words.every((word) => scan.words.includes(word));
  }

  function arrange() {
    document.documentElement.classList.toggle("blinded", isBlinded());
    order = sorted([...scans.keys()].filter((place) => fits(scans[place])));
    page = current = 0;
    draw();
  }

  const nameOf = (index) => isBlinded() ? `Scan ${index + 1}` : scans[order[index]].scan;

  function draw() {
    const pages = Math.max(1, Math.ceil(order.length / PAGE));
    page = Math.min(page, pages - 1);
    const indices = order.slice(page * PAGE, (page + 1) * PAGE).map((_, i) => page * PAGE + i);
    list.replaceChildren(...indices.map(cardOf));
    byId("page").textContent = `Page ${page + 1} of ${pages}`;
    byId("earlier").disabled = page === 0;
    byId("later").disabled = page === pages - 1;
    say();
  }

  function cardOf(index) {
    const scan = scans[order[index]], card = template.cloneNode(true), name = nameOf(index);
    card.dataset.index = index;
    const picture = card.querySelector(".picture");
    picture.setAttribute("aria-label", `Enlarge ${name}`);
    picture.append(...pictureOf(scan, name, 1));
    card.querySelector("h2").textContent = name;
    if (!isBlinded()) {
      card.classList.toggle("listed", scan.listed);
      for (const part of ["who", "volumes", "numbers"]) card.querySelector(`.${part}`).textContent = scan[part];
      card.querySelector(".flags").append(...scan.remarks.map((words) => {
        const item = document.createElement("li");
        item.textContent = words;
        return item;
      }));
    }
    showMark(card, scan);
    return card;
  }

  // The planes in so many boxes: one for all three, or three that may stand below each other.
  function pictureOf(scan, name, boxes) {
    const planes = isBlinded() || chosen("picture") !== "overview";
    const source = planes && scan.planes || !isBlinded() && scan.overview;
    if (!source) {
      const note = document.createElement("span");
      note.textContent = isBlinded() ? "no picture without numbers" : "no picture";
      return [note];
    }
    return [...Array(source === scan.planes ? boxes : 1).keys()].map((part) => {
      const box = document.createElement("span"), image = document.createElement("img");
      box.className = source === scan.planes ? `planes of${boxes}` : "overview";
      box.style.setProperty("--part", part);
      Object.assign(image, { loading: boxes > 1 ? "eager" : "lazy", decoding: "async", src: source,
        alt: `${name}${boxes > 1 ? `, plane ${part + 1}` : ""}`, draggable: false });
      box.append(image);
      return box;
    });
  }

  function say() {
    const counts = marks.count(WORDS);
    byId("count").textContent = `${order.length} of ${scans.length} scans; marked `
      + `${WORDS.map((word) => `${counts[word]} ${word}`).join(", ")}.`
      + (marks.isKept ? "" : " This browser keeps no marks: save them before you close the page.");
  }

  function showMark(part, scan) {
    const { mark, comment } = marks.get(scan.scan);
    for (const button of part.querySelectorAll("[data-mark]"))
      button.setAttribute("aria-pressed", String(button.dataset.mark === mark));
    const field = part.querySelector(".comment");
    if (field !== document.activeElement) field.value = comment;
  }

  function change(index, values) {
    const scan = scans[order[index]];
    marks.change(scan.scan, values);
    for (const part of [list.querySelector(`[data-index="${index}"]`), dialog.open && index === current && dialog])
      if (part) showMark(part, scan);
    say();
  }

  const setMark = (index, mark) => change(index, { mark: marks.get(scans[order[index]].scan).mark === mark ? "" : mark });

  function enlarge(index) {
    if (!order.length) return;
    current = Math.max(0, Math.min(index, order.length - 1));
    if (Math.floor(current / PAGE) !== page) {
      page = Math.floor(current / PAGE);
      draw();
    }
    const scan = scans[order[current]];
    byId("large-picture").replaceChildren(...pictureOf(scan, nameOf(current), 3));
    byId("large-text").textContent = `${current + 1} / ${order.length}` + (isBlinded() ? "" : `   ${scan.line}`);
    if (!dialog.open) dialog.showModal();
    showMark(dialog, scan);
    // The next picture is fetched while this one is looked at.
    if (current + 1 < order.length) pictureOf(scans[order[current + 1]], "", 1);
  }

  function step(by) {
    if (dialog.open) return enlarge(current + by);
    const card = document.activeElement.closest(".card");
    const first = page * PAGE, last = Math.min(order.length, first + PAGE) - 1;
    const index = card ? Number(card.dataset.index) + by : first;
    const next = list.querySelector(`[data-index="${Math.max(first, Math.min(index, last))}"]`);
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  function turn(by) {
    page += by;
    draw();
    scrollTo(0, 0);
  }

  function save() {
    const link = document.createElement("a");
    const rows = scans.map((scan) => scan.scan);
    link.href = URL.createObjectURL(new Blob([marks.asTable(rows)], { type: "text/tab-separated-values" }));
    const name = marks.rater.replace(/[^\p{L}\p{N}-]+/gu, "-").replace(/^-+|-+$/g, "");
    link.download = name ? `review_${name}.tsv` : "review.tsv";
    link.click();
    marks.noteSaved();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function load(field) {
    const [file] = field.files;
    try {
      byId("told").textContent = `${marks.load(await file.text(), known, WORDS)} marks of ${file.name} read.`;
    } catch (error) {
      byId("told").textContent = `${file.name} was not read: ${error.message}.`;
    }
    field.value = "";
    byId("rater").value = marks.rater;
    arrange();
  }

  function hideOutlines(are) {
    document.documentElement.classList.toggle("plain", are);
  }

  // Off while the key is held, or the button or the large picture is pressed.
  for (const part of [byId("outlines"), byId("large-picture")]) {
    part.addEventListener("pointerdown", () => hideOutlines(true));
    part.addEventListener("contextmenu", (event) => event.preventDefault());
  }
  for (const event of ["pointerup", "pointercancel", "blur"]) addEventListener(event, () => hideOutlines(false));
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "o") hideOutlines(false); });

  for (const id of ["sort", "show", "group", "far", "find", "blinded"]) byId(id)?.addEventListener("input", arrange);
  byId("picture")?.addEventListener("input", draw);
  byId("size").addEventListener("input", () =>
    document.documentElement.style.setProperty("--card", `${byId("size").value}rem`));
  byId("rater").value = marks.rater;
  byId("rater").addEventListener("change", () => {
    marks.setRater(byId("rater").value.trim());
    arrange();
  });
  const buttons = { save, earlier: () => turn(-1), later: () => turn(1), previous: () => step(-1),
    next: () => step(1), close: () => dialog.close() };
  for (const [id, act] of Object.entries(buttons)) byId(id).addEventListener("click", act);
  byId("load").addEventListener("change", (event) => load(event.target));
  for (const button of dialog.querySelectorAll("[data-mark]"))
    button.addEventListener("click", () => setMark(current, button.dataset.mark));
  dialog.addEventListener("close", () => list.querySelector(`[data-index="${current}"]`)?.focus());
  list.addEventListener("click", (event) => {
    const index = Number(event.target.closest(".card")?.dataset.index);
    if (event.target.dataset.mark) setMark(index, event.target.dataset.mark);
    else if (event.target.closest(".picture")) enlarge(index);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches(".comment")) return;
    const card = event.target.closest(".card");
    change(card ? Number(card.dataset.index) : current, { comment: event.target.value.trim() });
  });
  addEventListener("beforeunload", (event) => { if (!marks.isKept && !marks.isSaved) event.preventDefault(); });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select")) {
      if (event.key === "Enter" && event.target.matches(".comment")) event.target.blur();
      return;
    }
    const card = document.activeElement.closest(".card"), key = event.key.toLowerCase();
    const index = dialog.open ? current : card ? Number(card.dataset.index) : -1;
    if (key === "arrowright" || key === "j") step(1);
    else if (key === "arrowleft" || key === "k") step(-1);
    else if (key === "o") hideOutlines(true);
    else if (index >= 0 && key.length === 1 && "123".includes(key)) {
      setMark(index, WORDS[Number(key) - 1]);
      if (dialog.open && marks.get(scans[order[index]].scan).mark) step(1);
    } else if (index >= 0 && key === "c") (dialog.open ? dialog : card).querySelector(".comment").focus();
    else if (key === "enter" && event.target === card) enlarge(index);
    else if (key === "/" && !dialog.open && !isBlinded()) byId("find").focus();
    else return;
    event.preventDefault();
  });
  arrange();
})();
