// What makes the directory handier. Every page works without it.
"use strict";

// A file that is dropped anywhere on a page with one file field goes into that field.
const field = document.querySelector("input[type=file]");
if (field) {
  for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
  const show = (is_over) => document.body.classList.toggle("dropping", is_over);
  const has_file = (event) => event.dataTransfer && Array.from(event.dataTransfer.types).includes("Files");
  document.addEventListener("dragover", (event) => {
    if (has_file(event)) {
      event.preventDefault();
      show(true);
    }
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) show(false);
  });
  document.addEventListener("drop", (event) => {
    if (!has_file(event)) return;
    event.preventDefault();
    show(false);
    if (event.dataTransfer.files.length === 0) return;
    const one = new DataTransfer();
    one.items.add(event.dataTransfer.files[0]);
    field.files = one.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  });
}

// Rows that do not have the text are hidden while it is typed; the button asks the server, which looks at all pages.
const table = document.querySelector("table[data-filter]");
const search = table && document.getElementById(table.dataset.filter);
if (search) {
  const status = document.querySelector(".summary");
  const said = status ? status.textContent : "";
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    if (status) {
      status.textContent = wanted === search.defaultValue.toLowerCase() ? said : `${shown} on this page`;
    }
  });
}

// A form is sent once, unless its answer is a file and the page stays.
for (const form of document.querySelectorAll("form[method=post]:not([data-download])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form")) delete form.dataset.sent;
});
