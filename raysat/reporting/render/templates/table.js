// Sorts tables by their headings and switches between light and dark.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("sorts");

  const number = (row, column) => {
    const value = row.cells[column].dataset.value;
    return value === undefined ? null : Number(value);
  };
  const words = (row, column) => row.cells[column].textContent.trim();
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  function sort(table, column, ascending) {
    const head = table.tHead.rows[0].cells;
    const asText = head[column].classList.contains("words");
    const body = table.tBodies[0];
    const read = asText ? words : number;
    const rows = Array.from(body.rows, (row) => [read(row, column), row]);
    const way = ascending ? 1 : -1;
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last, either way
      return way * (asText ? collator.compare(a, b) : a - b);
    });
    body.append(...rows.map(([, row]) => row));
    for (const cell of head) cell.removeAttribute("aria-sort");
    head[column].setAttribute("aria-sort", ascending ? "ascending" : "descending");
  }

  for (const table of document.querySelectorAll("table")) {
    Array.from(table.tHead.rows[0].cells).forEach((cell, column) => {
      cell.querySelector("button").addEventListener("click", () => {
        sort(table, column, cell.getAttribute("aria-sort") !== "ascending");
      });
    });
  }

  const theme = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  label();
  prefersDark.addEventListener("change", label);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
})();
