// Generations: the form that draws, and pictures that appear as they are finished.
const pause = 1000;
const ended = ["succeeded", "failed", "cancelled", "lost"];
const form = document.getElementById("draw");

for (const section of document.querySelectorAll(".generation[data-live]")) follow(section);

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) copyFrom(copy.parentElement.querySelector(".command"), copy);
  const tag = event.target.closest("[data-tag]");
  if (tag) insert(form.elements.prompt, tag.dataset.tag);
});

document.addEventListener("deed", (event) => {
  if (event.detail === "resume") return; // the page is loaded anew, and follows again
  event.preventDefault();
  renewParts();
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = form.querySelector(".fault");
  const pressed = form.querySelector("button.first");
  pressed.disabled = true;
  try {
    const section = begun(await asked("/api/v1/generations", wanted(new FormData(form))));
    document.getElementById("now").prepend(section);
    follow(section);
    showFault(fault, null);
  } catch (error) {
    showFault(fault, error);
  }
  pressed.disabled = false;
});

/** What the form says, by the names of the API; what is empty is left to it. */
function wanted(said) {
  const body = {};
  for (const field of form.elements) {
    const value = field.name ? said.get(field.name).trim() : "";
    if (value === "" && field.name !== "prompt") continue;
    body[field.name] = field.type === "number" ? Number(value) : value;
  }
  return body;
}

function insert(area, tag) {
  const [start, end] = [area.selectionStart, area.selectionEnd];
  const before = area.value.slice(0, start);
  const gap = before && !before.endsWith(" ") ? " " : "";
  area.setRangeText(gap + tag, start, end, "end");
  area.focus();
}

/** A generation as it is shown before its first picture is there. */
function begun(generation) {
  const page = `/generations/${generation.id}`;
  const list = made("ul", { class: "pictures large" });
  for (const picture of generation.pictures) {
    const caption = made("figcaption", {}, made("span", { class: "soft" }, "seed "), String(picture.request.seed ?? 0));
    list.append(made("li", {}, made("figure", { "data-position": picture.position, class: "is-missing" }, made("div", { class: "frame" }, made("p", { class: "soft" }, "not yet")), caption)));
  }
  const state = made("span", { "data-state": "" });
  const said = made("strong", { "data-said": "" });
  const section = made("section", { class: "generation", "data-address": generation.url, "data-live": "" });
  section.append(made("h2", {}, made("a", { href: page }, `Generation ${generation.id}`)), made("p", { class: "status" }, state, " ", said), made("p", { class: "fault", hidden: "" }), list);
  show(section, generation);
  return section;
}

function show(section, generation) {
  const { state, drawn, total, failed } = generation;
  section.querySelector("[data-state]").replaceChildren(made("span", { class: `state ${state}` }, state));
  section.querySelector("[data-said]").textContent = `${drawn} of ${total} drawn${failed ? `, ${failed} failed` : ""}`;
  for (const picture of generation.pictures) {
    const figure = section.querySelector(`[data-position="${picture.position}"]`);
    if (figure.classList.contains(`is-${picture.state}`)) continue;
    figure.className = `is-${picture.state}`;
    figure.querySelector(".frame").replaceChildren(content(picture));
  }
}

function content(picture) {
  if (!picture.thumbnail) return made("p", { class: picture.reason ? "reason" : "soft" }, picture.reason || "not yet");
  const image = made("img", { src: `${picture.thumbnail}?size=512`, alt: picture.request.prompt ?? "" });
  return made("a", { href: `/images/${picture.sha256}` }, image);
}

async function follow(section) {
  try {
    const generation = await asked(section.dataset.address);
    show(section, generation);
    const isPage = section.querySelector("[data-fresh]"); // which tells of its run anew itself
    if (isPage) await renewParts();
    else if (generation.error) showFault(section.querySelector(".fault"), new Error(generation.error));
    if (ended.includes(generation.state)) return section.removeAttribute("data-live");
  } catch {
    // The server is away for a moment: the next round tells.
  }
  setTimeout(() => follow(section), pause);
}
