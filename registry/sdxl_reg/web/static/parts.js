// Parts of a page that take a moment to count, loaded one after the other.
for (const part of document.querySelectorAll("[data-load]")) {
  const line = part.querySelector("[role=status]");
  const link = line.textContent;
  line.textContent = "One moment…";
  try {
    const answer = await fetch(part.dataset.load, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    part.replaceWith(document.adoptNode(page.getElementById(part.id)));
  } catch {
    const again = document.createElement("a");
    again.href = part.dataset.load;
    again.textContent = link;
    line.replaceChildren(again);
  }
}
