// Scores as colours: viridis (van der Walt and Smith 2015), which colour-blind people read too.

const STOPS = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];

/** The colour of a share of the way from the worst (0) to the best (1). */
function heatColour(share) {
  const at = clamped(share, 0, 1) * (STOPS.length - 1);
  const from = Math.min(Math.floor(at), STOPS.length - 2);
  const [one, other] = [STOPS[from], STOPS[from + 1]].map((stop) => [1, 3, 5].map((start) => parseInt(stop.slice(start, start + 2), 16)));
  return `rgb(${one.map((part, index) => Math.round(part + (other[index] - part) * (at - from))).join(" ")})`;
}

/** From scores to shares of the way to the best; null without two different ones. */
function heatScale(values, better) {
  const known = values.filter((value) => value !== undefined);
  if (!known.length) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const share = (value) => (high > low ? (value - low) / (high - low) : 1);
  return { low, high, share: (value) => (better === "lower" ? 1 - share(value) : share(value)) };
}

function heatLegend(metric, scale) {
  const ends = metric.better === "lower" ? [scale.high, scale.low] : [scale.low, scale.high];
  const isRanked = metric.better !== "neither";
  return element(
    "div",
    { class: "gv-legend", role: "img", "aria-label": `Colours of ${metric.name}: from ${written(ends[0])}${isRanked ? ", the worst shown," : ""} to ${written(ends[1])}${isRanked ? ", the best" : ""}` },
    element("b", {}, metric.name),
    element("span", {}, written(ends[0])),
    element("i", { style: { background: `linear-gradient(90deg, ${STOPS.join(", ")})` } }),
    element("span", {}, written(ends[1])),
    isRanked ? element("span", { class: "gv-soft" }, "best") : null,
  );
}
