// The page of a grid: the viewer with a button to choose a cell, and the cells as they are drawn.
const main = document.querySelector("main[data-grid]");
const grid = `/api/v1/grids/${main.dataset.grid}`;
const pause = 2000;
const dialog = document.getElementById("choose");
let chosen = null;

const held = () => JSON.parse(document.getElementById("grid-page-document").textContent);
const viewer = SdxlRegGrid.mount(document.getElementById("viewer"), held(), { actions: chooseButton });
downloads();

function chooseButton(cell, shown) {
  const isBase = cell.facts.strength === "0";
  if (cell.state !== "drawn" || isBase || shown.isPicked(cell)) return [];
  const button = made("button", { type: "button", class: "gv-button" }, "Choose this cell");
  button.addEventListener("click", () => ask(cell));
  return [button];
}

function ask(cell) {
  chosen = cell;
  dialog.querySelector("[data-place]").textContent = `Cell ${cell.position}: ${viewer.grid.place(cell)}`;
  dialog.querySelector("input").value = "";
  showFault(dialog.querySelector(".fault"), null);
  dialog.showModal();
}

dialog.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "choose") return;
  event.preventDefault();
  await choose({ cell: chosen.position, reason: dialog.querySelector("input").value }, dialog.querySelector(".fault"));
});

main.addEventListener("click", (event) => {
  if (event.target.closest("[data-by-scores]")) choose({ by: "scores" }, dialog.querySelector(".fault"));
});

async function choose(wanted, fault) {
  try {
    await asked(`${grid}/pick`, wanted);
    dialog.close();
    await renew();
  } catch (error) {
    showFault(fault, error);
    if (!dialog.open) dialog.showModal();
  }
}

/** What the server says now of everything but the viewer's state: pick, failures, scores. */
async function renew() {
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    part.replaceWith(document.adoptNode(page.querySelector(`[data-part="${part.dataset.part}"]`)));
  }
  document.getElementById("grid-page-document").replaceWith(document.adoptNode(page.getElementById("grid-page-document")));
  main.toggleAttribute("data-live", page.querySelector("main").hasAttribute("data-live"));
  viewer.update(held());
}

/** Cells that were drawn or failed since, put into their places; the small answer is enough. */
async function follow() {
  if (!main.hasAttribute("data-live")) return;
  try {
    const said = await asked(`${grid}/progress`);
    const hasEnded = !["queued", "running", "cancelling"].includes(said.state);
    const began = said.state !== main.dataset.state;
    main.dataset.state = said.state;
    if (hasEnded || began || Object.keys(said.failures).length !== viewer.grid.count("failed")) await renew();
    else if (said.drawn !== viewer.grid.count("drawn")) appear(said);
  } catch {
    // The server is away for a moment: the next round tells.
  }
  setTimeout(follow, pause);
}

function appear(said) {
  const drawn = new Set(said.drawn_positions);
  const { data } = viewer.grid;
  const isLarge = Math.max(...data.size) > 512;
  const pictures = [...data.pictures];
  const cells = data.cells.map((cell) => {
    if (cell.state === "drawn" || !drawn.has(cell.position)) return cell;
    const picture = pictures.push(`${grid}/cells/${cell.position}/picture`) - 1;
    const preview = isLarge ? pictures.push(`${grid}/cells/${cell.position}/thumbnail`) - 1 : null;
    return { ...cell, state: "drawn", picture, preview };
  });
  viewer.update({ ...data, cells, pictures });
  const progress = main.querySelector("[data-part=status] [data-cells]");
  if (progress) progress.value = said.drawn + said.failed;
  const line = main.querySelector("[data-part=status] [data-said]");
  if (line) line.textContent = `${said.drawn} of ${said.total} cells drawn${said.failed ? `, ${said.failed} failed` : ""}`;
}

/** A plot or a sheet is saved of the score that is looked at. */
function downloads() {
  for (const link of document.querySelectorAll(".downloads [data-kind]")) {
    if (!["svg", "png", "webp"].includes(link.dataset.kind)) continue;
    const address = link.getAttribute("href");
    link.addEventListener("click", () => {
      const metric = viewer.grid.data.metrics[viewer.state.metric];
      const joint = address.includes("?") ? "&" : "?";
      link.href = metric ? `${address}${joint}metric=${encodeURIComponent(metric.name)}` : address;
    });
  }
}

/** How far the stage is, between two looks at the cells. */
function hear() {
  if (!main.hasAttribute("data-live")) return;
  const source = new EventSource(main.dataset.events);
  source.addEventListener("progress", (event) => showProgress(JSON.parse(event.data)));
  source.addEventListener("state", (event) => {
    if (JSON.parse(event.data).is_final) source.close();
  });
}

document.addEventListener("deed", (event) => {
  if (event.detail === "resume") return; // the page is loaded anew, and follows again
  event.preventDefault();
  renew();
});

hear();
setTimeout(follow, pause);
