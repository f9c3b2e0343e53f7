/* SPDX-License-Identifier: GPL-2.0-only */
/* Search, filters, keys and copying. Without it the page shows all there is. It only ever reads text of the page. */
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];
  const query = $("query"), count = $("count"), help = $("keys"), choices = all("#bar select");
  const items = all("[data-s]"), rows = all("tr[data-s]"), folds = all("details.suite"), parts = all("section.part");
  const texts = new Map();
  const own = new Set(folds.filter((fold) => fold.open));

  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, (item.dataset.t + " " + item.textContent).toLowerCase());
    return texts.get(item);
  };
  const words = () => query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = () => choices.filter((one) => one.value).map((one) => [one.dataset.of, one.value]);
  const fits = (item, typed, chosen) =>
    chosen.every(([key, value]) => item.dataset[key].split("|").includes(value)) &&
    (!typed.length || typed.every((word) => textOf(item).includes(word)));

  function filter() {
    const typed = words(), chosen = wanted(), narrowed = typed.length + chosen.length > 0;
    for (const item of items) {
      const show = !narrowed || fits(item, typed, chosen);
      item.hidden = !show;
    }
    for (const fold of folds) {
      const found = all("[data-s]", fold).filter((item) => !item.hidden).length;
      fold.hidden = !found;
      fold.open = narrowed ? found > 0 && found <= 200 : own.has(fold);
    }
    for (const part of parts) part.hidden = narrowed && !all("[data-s]", part).some((item) => !item.hidden);
    document.body.classList.toggle("narrowed", narrowed);
    count.textContent = narrowed ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} tests` : "";
  }

  let waiting = 0;
  const later = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(filter); };
  const reset = () => { query.value = ""; choices.forEach((one) => { one.value = ""; }); filter(); };
  query.addEventListener("input", later);
  choices.forEach((one) => one.addEventListener("change", filter));

  function step(by) {
    const cases = all("details.case").filter((one) => one.offsetParent !== null);
    if (!cases.length) return;
    const at = cases.indexOf(document.activeElement.closest("details.case"));
    const next = at < 0 ? (by > 0 ? 0 : cases.length - 1) : Math.min(Math.max(at + by, 0), cases.length - 1);
    cases[next].querySelector("summary").focus();
    cases[next].scrollIntoView({ block: "nearest" });
  }
  const fold = () => {
    const one = document.activeElement.closest("details");
    if (one) one.open = !one.open;
  };
  const keys = {
    "/": () => { query.focus(); query.select(); }, j: () => step(1), k: () => step(-1), o: fold,
    "?": () => { help.hidden = !help.hidden; },
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select");
    if (event.key === "Escape") { if (typing) event.target.blur(); help.hidden = true; reset(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  async function copy(text) {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* an old browser, or one that asks */ }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy"), suite = event.target.closest("button.suite");
    if (suite) {
      choices.find((one) => one.dataset.of === "t").value = suite.value;
      filter();
      $("bar").scrollIntoView();
    }
    if (!button) return;
    button.textContent = await copy(button.previousElementSibling.textContent) ? "copied" : "not copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  addEventListener("beforeprint", () => all("section.failures details.case").forEach((one) => { one.open = true; }));

  all("button.copy, #bar, #hint").forEach((one) => { one.hidden = false; });
  filter();
})();
