// The keyboard: a letter goes to a part of the page, and ? says which.

const PARTS = { p: "plan", c: "curves", l: "leaders", f: "failures", e: "events", s: "search" };
const INNER = { plan: "rows", curves: "charts" }; // what of a part takes further keys

// `turn` is called with -1 for the run before and 1 for the next.
export function listen(turn) {
  const help = document.getElementById("help");
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input[type=search]");
    if (isTyping && event.key === "Escape") event.target.blur();
    if (isTyping || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") help.showModal();
    else if (event.key === "/") document.getElementById("find").focus();
    else if (event.key === "[") turn(-1);
    else if (event.key === "]") turn(1);
    else if (!(event.key in PARTS) || !goTo(PARTS[event.key])) return;
    event.preventDefault();
  });
}

function goTo(id) {
  const part = document.getElementById(id);
  if (part.hidden) return false;
  part.scrollIntoView({ block: "start", behavior: "instant" });
  const inner = id in INNER ? document.getElementById(INNER[id]) : null;
  const target = inner?.matches("[tabindex]") ? inner : inner?.querySelector("[tabindex]");
  (target ?? part).focus({ preventScroll: true });
  return true;
}
