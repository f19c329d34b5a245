"use strict";
// The marks of one rater: kept in this browser, saved as review.tsv, read from one.
const reviewStore = (() => {
  const COLUMNS = ["scan", "mark", "comment", "rater", "marked_at"];
  const FORMER = { ok: "good", check: "unsure", reject: "bad" };
  const base = `hypothalamus-review:${location.pathname}:`;
  const lastRater = `${base}rater`, marksOf = (name) => `${base}marks:${name}`;
  let rater = "", marks = new Map(), isKept = true, isSaved = true;

  function read(name) {
    try {
      return new Map(Object.entries(JSON.parse(localStorage.getItem(marksOf(name))) || {}));
    } catch {
      return new Map();
    }
  }

  // Pages that are opened as files have no storage in some browsers.
  function keep() {
    try {
      localStorage.setItem(marksOf(rater), JSON.stringify(Object.fromEntries(marks)));
      localStorage.setItem(lastRater, rater);
      isKept = true;
    } catch {
      isKept = false;
    }
  }

  const get = (scan) => marks.get(scan) || { mark: "", comment: "" };

  function change(scan, values) {
    const now = { ...get(scan), ...values, at: new Date().toISOString() };
    if (now.mark || now.comment) marks.set(scan, now);
    else marks.delete(scan);
    isSaved = false;
    keep();
  }

  // What was marked before a name was given goes with the name; else each name has its own marks.
  function setRater(name) {
    const unnamed = rater ? new Map() : marks;
    if (!rater && name) {
      marks = new Map();
      keep();
    }
    rater = name;
    marks = new Map([...read(name), ...unnamed]);
    keep();
  }

  const cell = (text) => (text || "").replace(/\s+/g, " ").trim() || "n/a";

  function asTable(scans) {
    const lines = scans.map((scan) => {
      const { mark, comment, at } = get(scan);
      return [scan, ...[mark, comment, mark || comment ? rater : "", at].map(cell)].join("\t");
    });
    return `${[COLUMNS.join("\t"), ...lines].join("\n")}\n`;
  }

  // How many marks were read. Throws if the table is none, or somebody else's.
  function load(text, known, words) {
    const [header, ...rows] = text.replace(/^\ufeff/, "").split(/\r?\n/).filter(Boolean)
      .map((line) => line.split("\t"));
    const value = (row, name) => {
      const found = (row[(header || []).indexOf(name)] || "").trim();
      return found === "n/a" ? "" : found;
    };
    if (!header?.includes("scan") || !header.includes("mark"))
      throw new Error("it has no columns scan and mark");
    const found = rows.map((row) => ({
      scan: value(row, "scan"), mark: FORMER[value(row, "mark")] || value(row, "mark"),
      comment: value(row, "comment"), rater: value(row, "rater"), at: value(row, "marked_at"),
    })).filter(({ scan, mark, comment }) => known.has(scan) && (words.includes(mark) || (!mark && comment)));
    const raters = [...new Set(found.map((row) => row.rater).filter(Boolean))];
    if (raters.length > 1 || (rater && raters.length && raters[0] !== rater))
      throw new Error(`it holds the marks of ${raters.join(", ")}`);
    if (!rater && raters.length) setRater(raters[0]);
    for (const { scan, mark, comment, at } of found) marks.set(scan, { mark, comment, at });
    keep();
    return found.length;
  }

  function count(words) {
    const counts = Object.fromEntries(words.map((word) => [word, 0]));
    for (const { mark } of marks.values()) if (mark in counts) counts[mark] += 1;
    return counts;
  }

  try {
    rater = localStorage.getItem(lastRater) || "";
  } catch {
    isKept = false;
  }
  marks = read(rater);
  return {
    get, change, setRater, asTable, load, count,
    noteSaved() { isSaved = true; },
    get rater() { return rater; },
    get isKept() { return isKept; },
    get isSaved() { return isSaved; },
  };
})();
