// The form that freezes a set: a preview says what a version would hold, then it is made.
const form = document.getElementById("freeze");
const rest = form.querySelector("[data-rest]");
const told = form.querySelector("[data-told]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const isDry = event.submitter?.value === "preview";
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  clear();
  try {
    const found = await asked("/api/v1/datasets", { ...wanted(), dry_run: isDry });
    if (isDry || !found.is_new) show(found, isDry);
    else location.assign(`/datasets/${encodeURIComponent(found.ref)}`);
  } catch (error) {
    refuse(error);
  }
  for (const button of buttons) button.disabled = false;
});

/** What the form says; what is left empty is as the last time. */
function wanted() {
  const { name, select, validation, balance } = Object.fromEntries(new FormData(form));
  const body = { name: name.trim(), image_set: form.dataset.set, select: select.trim() };
  if (validation.trim()) body.validation = validation.trim();
  if (balance) body.balance = balance === "-" ? "" : balance;
  return body;
}

function show(found, isDry) {
  const counts = (named) => Object.entries(named).map(([name, count]) => `${name || "no tag"} ${count.toLocaleString("en")}`).join(" · ");
  const facts = { Splits: counts(found.splits), "An epoch": `${found.showings.toLocaleString("en")} pictures, repeats counted`, Tags: counts(found.tags), Digest: found.digest.slice(0, 12) };
  const lines = Object.entries(facts).flatMap(([name, text]) => [made("dt", {}, name), made("dd", {}, text)]);
  const what = found.is_new ? `would be new, with ${found.images.toLocaleString("en")} images` : "holds just this already";
  const link = found.url ? made("a", { href: `/datasets/${encodeURIComponent(found.ref)}` }, found.ref) : found.ref;
  told.replaceChildren(made("p", {}, link, ` ${what}`), made("dl", { class: "facts" }, ...lines));
  told.hidden = false;
  told.scrollIntoView({ block: "nearest" });
}

function clear() {
  told.hidden = true;
  showFault(rest, null);
  for (const place of form.querySelectorAll("[data-fault]")) showFault(place, null);
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Faults stand beside their fields, the others below the form. */
function refuse(error) {
  const left = error.faults.filter(({ field, fault }) => {
    const place = form.querySelector(`[data-fault="${field.split(".")[1]}"]`);
    if (!place) return true;
    place.textContent = fault;
    place.hidden = false;
    place.parentElement.querySelector("input, select").setAttribute("aria-invalid", "true");
    return false;
  });
  if (!error.faults.length || left.length) showFault(rest, left.length ? { faults: left } : error);
  (form.querySelector("[aria-invalid]") ?? rest).scrollIntoView({ block: "center" });
}
