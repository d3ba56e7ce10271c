// SPDX-License-Identifier: Apache-2.0

// Returns what is wrong with the page for people, one sentence each: see Tab.Flaws.
(phone, minText) => {
  const flaws = new Set();
  const all = [...document.body.querySelectorAll("*")];
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && e.getClientRects().length > 0;
  const name = (e) => `<${e.localName}> “${(e.getAttribute("aria-label") || e.textContent || e.id || "").trim().replace(/\s+/g, " ").slice(0, 40)}”`;
  const need = (right, flaw) => right || flaws.add(flaw);

  need(document.compatMode === "CSS1Compat", "no doctype");
  need(document.documentElement.lang, "no lang");
  need(document.title.trim(), "no title");
  need(document.querySelector('meta[name="viewport"][content*="width=device-width"]'), "no viewport for phones");
  need(document.querySelectorAll("main").length === 1, "not one main landmark");
  need(all.filter((e) => e.localName === "h1" && shown(e)).length === 1, "not one h1");
  let level = 0;
  for (const e of all.filter((e) => /^h[1-6]$/.test(e.localName) && shown(e))) {
    need(+e.localName[1] <= level + 1, `${name(e)} skips a level`);
    level = +e.localName[1];
  }
  const ids = all.map((e) => e.id).filter(Boolean);
  need(new Set(ids).size === ids.length, "an id is there twice");

  for (const e of all.filter(shown)) {
    if (e.localName === "img") need(e.hasAttribute("alt"), `${name(e)} has no alt`);
    if (e.localName === "iframe") need(e.title, `${name(e)} has no title`);
    if (e.localName === "svg") need(e.ariaHidden === "true" || e.role === "img", `${name(e)} is neither hidden nor an image`);
    if (e.localName === "nav") need([...document.querySelectorAll("nav")].length === 1 || e.ariaLabel, `${name(e)} has no label among several`);
    if (!e.matches("a[href], button, input, select, textarea, summary, [tabindex]")) continue;
    const label = e.labels && e.labels.length > 0 ? e.labels[0] : null;
    need((e.ariaLabel || (label && label.textContent) || (e.matches("input, select, textarea") ? "" : e.textContent)).trim(), `${name(e)} has no label`);
    if (!phone) continue;
    // A target may be an exception in running text (WCAG 2.2, 2.5.8), not on its own.
    const own = [...e.parentElement.childNodes].every((n) => n === e || n.nodeType !== Node.TEXT_NODE || !n.data.trim());
    if (e.localName === "a" && getComputedStyle(e).display === "inline" && !own) continue;
    const box = e.getBoundingClientRect();
    const fits = (b) => b.width >= 43.5 && b.height >= 43.5;
    need(fits(box) || (label && fits(label.getBoundingClientRect())), `${name(e)} is a target of ${Math.round(box.width)} × ${Math.round(box.height)}`);
  }

  // Contrast (WCAG 2.2, 1.4.3) and size of whatever has text.
  const channels = (colour) => {
    const m = colour.match(/^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/);
    if (!m) { flaws.add(`a colour that is not understood: ${colour}`); return [0, 0, 0, 1]; }
    return [+m[1], +m[2], +m[3], m[4] === undefined ? 1 : +m[4]];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (e) => {
    if (!e) return /dark/.test(getComputedStyle(document.documentElement).colorScheme) && matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18, 1] : [255, 255, 255, 1];
    const c = channels(getComputedStyle(e).backgroundColor);
    return c[3] === 1 ? c : over(c, behind(e.parentElement));
  };
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const e of all.filter(shown)) {
    if (!e.matches("input, textarea, select") && ![...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim())) continue;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    if (phone) need(size >= minText - 0.01, `${name(e)} has text of ${size}`);
    const below = behind(e);
    const [light, dark] = [luminance(below), luminance(over(channels(style.color), below))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    need(ratio >= (large ? 3 : 4.5), `${name(e)} has a contrast of ${ratio.toFixed(2)}`);
  }

  const wide = document.scrollingElement.scrollWidth;
  need(wide <= document.documentElement.clientWidth, `the page is ${wide} wide and the window ${document.documentElement.clientWidth}`);
  if (phone) need(innerWidth <= screen.width, `the page needs a window of ${innerWidth} on a screen of ${screen.width}`);
  return [...flaws];
}
