// Pages about a run that may be at work: buttons that end it and go on with it, and how far it is.
// `main` names the run: data-run.

document.addEventListener("click", async (event) => {
  const pressed = event.target.closest("[data-deed]");
  if (!pressed) return;
  pressed.disabled = true;
  const place = document.querySelector("[data-deed-fault]");
  try {
    await asked(`${document.querySelector("main").dataset.run}/${pressed.dataset.deed}`, {});
    showFault(place, null);
    const told = new CustomEvent("deed", { detail: pressed.dataset.deed, cancelable: true });
    if (document.dispatchEvent(told)) location.reload(); // no script of the page renews it itself
  } catch (error) {
    showFault(place, error);
    pressed.disabled = false;
  }
});

/** Show how far a run is, as `progress` of its events tells; whether the page has a place for it. */
function showProgress(far) {
  const bar = document.querySelector("[data-bar]");
  if (!bar) return false;
  bar.max = far.total || 1;
  bar.value = far.done;
  document.querySelector("[data-far]").textContent = `${far.what} ${far.done} of ${far.total}`;
  document.querySelector("[data-loss]").textContent = far.loss === null ? "" : `loss ${far.loss.toFixed(4)}`;
  document.querySelector("[data-left]").textContent = far.remaining_s === null ? "" : `about ${spanned(far.remaining_s)} left`;
  return true;
}

function spanned(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
