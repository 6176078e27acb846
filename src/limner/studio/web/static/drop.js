// What is read may be dropped anywhere on the page; without this it is chosen.
"use strict";
(() => {
  const input = document.querySelector("form.drop input[type=file]");
  document.querySelector("[data-drop]").hidden = false;
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (event) => event.preventDefault());
  document.addEventListener("dragover", () => document.body.classList.add("over"));
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("over");
  });
  document.addEventListener("drop", ({ dataTransfer }) => {
    document.body.classList.remove("over");
    if (!dataTransfer.files.length) return;
    input.files = dataTransfer.files;
    input.form.requestSubmit();
  });
})();
