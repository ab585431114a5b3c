// Voting: two pictures, three answers, and the next two at once.
const ballot = document.querySelector(".ballot");
const fault = document.querySelector(".fault");
const address = `/api/v1/grids/${ballot.dataset.grid}/votes`;
const keys = { ArrowLeft: "left", ArrowRight: "right", " ": "tie", t: "tie", T: "tie" };
let isBusy = false;

async function vote(outcome) {
  if (isBusy) return;
  isBusy = true;
  ballot.dataset.said = outcome;
  try {
    const next = await asked(address, { left: Number(ballot.dataset.left), right: Number(ballot.dataset.right), outcome });
    await show(next);
    showFault(fault, null);
  } catch (error) {
    showFault(fault, error);
  }
  delete ballot.dataset.said;
  isBusy = false;
}

/** Both pictures change together, once both are there. */
async function show(pair) {
  const pictures = await Promise.all([pair.left, pair.right].map(async (side) => {
    const picture = new Image();
    picture.src = side.picture;
    await picture.decode();
    return picture;
  }));
  ballot.querySelectorAll("img").forEach((shown, index) => (shown.src = pictures[index].src));
  ballot.dataset.left = pair.left.position;
  ballot.dataset.right = pair.right.position;
  document.querySelector("[data-prompt]").textContent = pair.prompt;
  document.querySelector("[data-seed]").textContent = pair.seed;
  document.querySelector("[data-votes]").textContent = pair.votes;
}

ballot.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (pressed) vote(pressed.value);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !(event.key in keys)) return;
  if (event.target.closest("a, input, select") && !event.key.startsWith("Arrow")) return;
  event.preventDefault();
  vote(keys[event.key]);
});
