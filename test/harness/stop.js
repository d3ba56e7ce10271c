// SPDX-License-Identifier: Apache-2.0

// Returns where the focus is, or null if it is nowhere: see Stop.
(() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const ring = e.localName === "iframe" || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const label = e.labels && e.labels.length > 0 ? e.labels[0].textContent : "";
  return { Name: (e.ariaLabel || label || e.title || e.textContent).trim().replace(/\s+/g, " "), Visible: ring && inside, Place: [...document.querySelectorAll("*")].indexOf(e) };
})()
