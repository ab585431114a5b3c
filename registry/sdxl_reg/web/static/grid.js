// The grid page: a click opens a cell over the page, arrows walk on; the sheet zooms in place.
// Without this script the same links lead to the cell's own page and to the picture.
const dialog = document.querySelector("dialog");
const cells = [...document.querySelectorAll("a.cell[data-picture]")];
let shown = -1;

function show(index) {
  shown = (index + cells.length) % cells.length;
  const facts = cells[shown].dataset;
  dialog.querySelector("img").src = facts.picture;
  dialog.querySelector("img").alt = cells[shown].querySelector("img").alt;
  for (const field of dialog.querySelectorAll("[data-fact]")) {
    field.textContent = facts[field.dataset.fact];
  }
  dialog.querySelector("[data-link]").href = cells[shown].href;
  if (!dialog.open) dialog.showModal();
}

cells.forEach((cell, index) => {
  cell.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(index);
  });
});

if (dialog) {
  dialog.querySelector("[data-step='-1']").addEventListener("click", () => show(shown - 1));
  dialog.querySelector("[data-step='1']").addEventListener("click", () => show(shown + 1));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(shown - 1);
    if (event.key === "ArrowRight") show(shown + 1);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

for (const view of document.querySelectorAll(".sheet-view")) {
  view.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const picture = view.querySelector("img");
    const box = picture.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    if (view.classList.toggle("is-zoomed")) {
      view.scrollLeft = x * picture.scrollWidth - view.clientWidth / 2;
      view.scrollTop = y * picture.scrollHeight - view.clientHeight / 2;
    }
  });
}
