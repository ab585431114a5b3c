// Forms whose faults stand beside their fields: [data-fault] names a field, [data-rest] takes the rest.

/** Take back what was told of a form. */
function clearFaults(form) {
  showFault(form.querySelector("[data-rest]"), null);
  for (const place of form.querySelectorAll("[data-fault]")) showFault(place, null);
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Tell what was refused: beside the fields where it can be, the rest below; and lead there. */
function tell(form, error) {
  const rest = form.querySelector("[data-rest]");
  const left = error.faults?.filter((fault) => !tellBeside(form, fault)) ?? [];
  if (!error.faults?.length || left.length) showFault(rest, left.length ? { faults: left } : error);
  const first = form.querySelector("[aria-invalid]");
  (first ?? rest).scrollIntoView({ block: "center" });
  first?.focus({ preventScroll: true });
}

/** Put a fault beside its field, and open what hides it; whether there is such a field. */
function tellBeside(form, { field, fault }) {
  const name = field.replace(/^body\./, "");
  const place = [...form.querySelectorAll("[data-fault]")].find((one) => name === one.dataset.fault || name.startsWith(`${one.dataset.fault}.`));
  if (!place) return false;
  place.textContent = fault;
  place.hidden = false;
  place.parentElement.querySelector("input, select, textarea").setAttribute("aria-invalid", "true");
  const hiding = place.closest("details");
  if (hiding) hiding.open = true;
  return true;
}
