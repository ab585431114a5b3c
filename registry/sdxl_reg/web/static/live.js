// A page about work that goes on fetches itself every few seconds until the work has ended.
const pause = 3000;

/** Which link, button or field of the page has the focus, to give it back to the one in its place. */
function placeOf(main, element) {
  const kind = element?.localName;
  const place = main.contains(element) ? [...main.querySelectorAll(kind)].indexOf(element) : -1;
  return place < 0 ? null : { kind, place };
}

async function renew() {
  const main = document.querySelector("main");
  if (!main.hasAttribute("data-live")) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const focused = placeOf(main, document.activeElement);
      main.replaceWith(document.adoptNode(page.querySelector("main")));
      if (focused) document.querySelector("main").querySelectorAll(focused.kind)[focused.place]?.focus({ preventScroll: true });
    }
  } catch {
    // The server is away for a moment: the next round tells.
  }
  setTimeout(renew, pause);
}

setTimeout(renew, pause);
