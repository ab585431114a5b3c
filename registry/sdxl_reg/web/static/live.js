// A page about work that goes on fetches itself every few seconds until the work has ended.
const pause = 3000;

async function renew() {
  const main = document.querySelector("main");
  if (!main.hasAttribute("data-live")) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main.replaceWith(document.adoptNode(page.querySelector("main")));
    }
  } catch {
    // The server is away for a moment: the next round tells.
  }
  setTimeout(renew, pause);
}

setTimeout(renew, pause);
