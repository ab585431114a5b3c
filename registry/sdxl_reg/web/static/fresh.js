// Parts of a page that are fetched anew while work goes on: [data-fresh] names them, and what has
// not changed stays as it is, with its focus and where it is scrolled to.

const shown = new Map([...document.querySelectorAll("[data-fresh]")].map((part) => [part, part.innerHTML]));

/** Fetch the page and put its parts in the place of those that differ. */
async function renewParts() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-fresh]")) {
    const fresh = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
    if (fresh && fresh.innerHTML !== shown.get(part)) replacePart(part, fresh);
  }
}

function replacePart(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const mark = focused && (focused.id ? `#${focused.id}` : focused.getAttribute("href") && `a[href="${focused.getAttribute("href")}"]`);
  const log = part.querySelector(".log");
  const isAtEnd = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
  const top = log?.scrollTop;
  shown.set(part, fresh.innerHTML);
  part.replaceChildren(...fresh.childNodes);
  if (mark) part.querySelector(mark)?.focus({ preventScroll: true });
  const renewed = part.querySelector(".log");
  if (renewed) renewed.scrollTop = isAtEnd ? renewed.scrollHeight : top;
}

async function keepFresh() {
  try {
    if (!document.hidden) await renewParts();
  } catch {
    // The server is away for a moment: the next round tells.
  }
  comeAgain();
}

/** In so many milliseconds as the page says, as long as it says it. */
function comeAgain() {
  const timed = document.querySelector("[data-every]");
  if (timed) setTimeout(keepFresh, Number(timed.dataset.every));
}

comeAgain();
