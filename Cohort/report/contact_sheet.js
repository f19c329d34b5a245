"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const list = byId("cards"), cards = [...list.children], dialog = byId("large");
  const marks = ["ok", "check", "reject"];
  // Marks outlive the page where the browser allows it; pages opened as files may have no storage.
  const store = {
    key: "hypothalamus-review:" + location.pathname,
    read() { try { return JSON.parse(localStorage.getItem(this.key)) || {}; } catch { return {}; } },
    write(all) { try { localStorage.setItem(this.key, JSON.stringify(all)); } catch { /* not kept */ } },
  };
  const marked = store.read();
  let current = -1;

  const number = (card, name) => card.dataset[name] === "" ? NaN : Number(card.dataset[name]);
  const orders = {
    review: (c) => [-number(c, "reasons"), -Math.abs(number(c, "z"))],
    flags: (c) => [-number(c, "flags")],
    z: (c) => [-Math.abs(number(c, "z"))],
    dice: (c) => [number(c, "dice")],
    small: (c) => [number(c, "total")],
    large: (c) => [-number(c, "total")],
    asymmetry: (c) => [-Math.abs(number(c, "asymmetry"))],
    name: () => [],
  };
  const compare = (order) => (a, b) => {
    const x = order(a), y = order(b);
    for (let i = 0; i < x.length; i++) {
      const gap = Number.isNaN(x[i]) - Number.isNaN(y[i]) || x[i] - y[i];
      if (gap) return gap;
    }
    return Number(a.dataset.place) - Number(b.dataset.place);
  };
  const shown = () => cards.filter((card) => !card.hidden);

  function arrange() {
    cards.sort(compare(orders[byId("sort").value]));
    const words = byId("find").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const show = byId("show").value, group = byId("group") ? byId("group").value : "";
    const far = parseFloat(byId("far").value);
    for (const card of cards) {
      const mark = marked[card.dataset.scan] || "";
      const fits = {
        all: true, listed: card.dataset.listed === "1", flagged: number(card, "flags") > 0,
        clean: card.dataset.listed === "0", unmarked: !mark, check: mark === "check", reject: mark === "reject",
      }[show];
      const told = words.every((word) => card.dataset.words.includes(word));
      const inGroup = !group || card.dataset.group === group;
      const isFar = !(far > 0) || Math.abs(number(card, "z")) >= far;
      card.hidden = !(fits && told && inGroup && isFar);
      list.append(card);
    }
    say();
  }

  function say() {
    const counts = marks.map((m) => `${cards.filter((c) => marked[c.dataset.scan] === m).length} ${m}`);
    byId("count").firstElementChild.textContent =
      `${shown().length} of ${cards.length} scans shown; marked ${counts.join(", ")}.`;
  }

  function showMark(card) {
    const mark = marked[card.dataset.scan] || "";
    for (const button of card.querySelectorAll(".marks button"))
      button.setAttribute("aria-pressed", String(button.dataset.mark === mark));
    if (dialog.open && shown()[current] === card)
      for (const button of dialog.querySelectorAll("[data-mark]"))
        button.setAttribute("aria-pressed", String(button.dataset.mark === mark));
  }

  function setMark(card, mark) {
    if (marked[card.dataset.scan] === mark) delete marked[card.dataset.scan];
    else marked[card.dataset.scan] = mark;
    store.write(marked);
    showMark(card);
    say();
  }

  function enlarge(index) {
    const visible = shown();
    if (!visible.length) return;
    current = Math.max(0, Math.min(index, visible.length - 1));
    const card = visible[current], small = card.querySelector("img"), image = byId("large-image");
    image.hidden = !small;
    if (small) { image.src = small.src; image.alt = small.alt; }
    byId("large-text").textContent = `${current + 1} / ${visible.length}   ${card.dataset.line}`;
    if (!dialog.open) dialog.showModal();
    showMark(card);
    // The next picture is fetched while this one is looked at.
    const next = visible[current + 1]?.querySelector("img");
    if (next) new Image().src = next.src;
  }

  function step(by) {
    if (dialog.open) { enlarge(current + by); return; }
    const visible = shown();
    if (!visible.length) return;
    const index = visible.indexOf(document.activeElement.closest(".card"));
    const next = visible[Math.max(0, Math.min(index < 0 ? 0 : index + by, visible.length - 1))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function save() {
    const lines = ["scan\tmark"];
    for (const card of cards) lines.push(`${card.dataset.scan}\t${marked[card.dataset.scan] || "n/a"}`);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/tab-separated-values" }));
    link.download = "review.tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  for (const id of ["sort", "show", "group", "far", "find"])
    if (byId(id)) byId(id).addEventListener("input", arrange);
  byId("size").addEventListener("input", () =>
    document.documentElement.style.setProperty("--card", byId("size").value + "rem"));
  byId("save").addEventListener("click", save);
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => dialog.close());
  for (const button of dialog.querySelectorAll("[data-mark]"))
    button.addEventListener("click", () => setMark(shown()[current], button.dataset.mark));
  dialog.addEventListener("close", () => shown()[current]?.focus());
  list.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (event.target.dataset.mark) setMark(card, event.target.dataset.mark);
    else if (event.target.closest(".picture")) enlarge(shown().indexOf(card));
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select") && event.key !== "Escape") return;
    const card = dialog.open ? shown()[current] : document.activeElement.closest(".card");
    const key = event.key;
    if (key === "ArrowRight" || key === "j") step(1);
    else if (key === "ArrowLeft" || key === "k") step(-1);
    else if (card && "123".includes(key)) {
      setMark(card, marks[Number(key) - 1]);
      if (dialog.open && marked[card.dataset.scan]) step(1);
    } else if (key === "Enter" && event.target === card) enlarge(shown().indexOf(card));
    else if (key === "/" && !dialog.open) byId("find").focus();
    else return;
    event.preventDefault();
  });
  cards.forEach(showMark);
  arrange();
})();
