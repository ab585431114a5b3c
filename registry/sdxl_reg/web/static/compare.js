// The form that compares versions in a grid: it says what that comes to, and then begins it.
const form = document.getElementById("compare");
const outline = form.querySelector("[data-outline]");
const grids = "/api/v1/grids";
const plans = "/api/v1/grid-plans";
const pause = 500;
let timer = null;
let latest = 0;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pressed = form.querySelector("button.first");
  pressed.disabled = true;
  clearFaults(form);
  try {
    const grid = await asked(grids, wanted());
    location.assign(`/grids/${grid.id}`);
  } catch (error) {
    tell(form, error);
    pressed.disabled = false;
  }
});

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(foresee, pause);
});

/** Say what the grid comes to as it stands; faults are told when it is begun. */
async function foresee() {
  const mine = ++latest;
  let words;
  try {
    words = told(await asked(plans, wanted()));
  } catch (error) {
    words = [error.faults?.length ? error.faults.map((one) => one.fault).join(" · ") : error.message];
  }
  if (mine === latest) outline.replaceChildren(...words);
}

function told(plan) {
  const count = made("strong", {}, `${plan.cells} cells`);
  const time = plan.seconds === null ? "in a time that is not known yet" : `in about ${spanned(plan.seconds)}`;
  const draws = plan.to_draw ? `${plan.to_draw} to draw, ${time}` : "all of them drawn before";
  const lines = [made("span", {}, count, `: ${plan.compares.replaceAll(" x ", " × ")}; ${draws}.`)];
  lines.push(made("span", { class: "small soft" }, `Prompts: ${plan.prompts.join(" · ") || "none"}.`));
  const against = plan.datasets.length ? `Compared with ${plan.datasets.join(", ")}.` : "No dataset is recorded behind these versions: nothing to compare with or pick by.";
  lines.push(made("span", { class: "small soft" }, against));
  return lines;
}

/** What the form says, by the names of the API; fields that are empty are left to their defaults. */
function wanted() {
  const body = { artifact: form.dataset.artifact };
  const ticked = [...form.querySelectorAll('[name="version"]:checked')].map((one) => one.value).reverse();
  if (ticked.length) body.versions = ticked.join(",");
  const weights = [];
  for (const field of form.querySelectorAll("[data-kind]")) {
    const value = field.value.trim();
    if (value === "") continue;
    if (field.name === "others") body.versions = value;
    else if (field.name === "strengths") body.x = `strength=${value}`;
    else if (field.dataset.kind === "weight") weights.push(`${field.name.replace("weight-", "")}=${value}`);
    else body[field.name] = plain(field.dataset.kind, value);
  }
  if (weights.length) body.weights = weights;
  return body;
}

/** A value as the API takes it; what is no number is sent as it stands, to be refused there. */
function plain(kind, value) {
  const number = (text) => (Number.isFinite(Number(text)) ? Number(text) : text);
  if (kind === "number") return number(value);
  if (kind === "numbers") return value.split(/[\s,]+/).filter(Boolean).map(number);
  if (kind === "lines") return value.split("\n").map((line) => line.trim()).filter(Boolean);
  return value;
}

foresee();
