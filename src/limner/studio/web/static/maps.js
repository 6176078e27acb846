// The maps of a picture, word by word and step by step; without this they stand beside each other.
"use strict";
(() => {
  const player = document.querySelector("[data-maps]");
  if (!player) return;
  const step = player.querySelector("#step");
  const veil = player.querySelector("#veil");
  const layer = player.querySelector("[data-veil]");
  const map = layer.querySelector("svg");
  const words = [...player.querySelectorAll("[data-word]")];
  const labels = [...player.querySelectorAll("[data-labels] li")].map((each) => each.textContent);
  const { width, height } = player.dataset;
  let chosen = 0;

  function show(word) {
    chosen = word;
    for (const [place, button] of words.entries()) button.setAttribute("aria-pressed", String(place === word));
    map.setAttribute("viewBox", `${step.value * width} ${word * height} ${width} ${height}`);
    step.setAttribute("aria-valuetext", labels[step.value]);
    player.querySelector("#said").textContent = `${words[word].textContent}: ${labels[step.value]}`;
  }

  for (const [place, button] of words.entries()) {
    for (const kind of ["click", "focus", "pointerenter"]) button.addEventListener(kind, () => show(place));
  }
  step.addEventListener("input", () => show(chosen));
  veil.addEventListener("input", () => layer.setAttribute("opacity", veil.value / 100));
  player.hidden = false;
  show(0);
})();
