// The tree of variables: parts fold away and stay so when the data changes; arrow keys walk as in any tree.
export function tendTree() {
  const folded = new Set();

  const rows = () => [...document.querySelectorAll('[data-tree] .tr')];
  function tend() {
    const all = rows();
    let hiddenBelow = Infinity;
    for (const row of all) {
      const depth = Number(row.dataset.depth);
      if (depth <= hiddenBelow) hiddenBelow = Infinity;
      row.hidden = depth > hiddenBelow;
      if (!row.hasAttribute('aria-expanded')) continue;
      const closed = folded.has(row.dataset.path);
      row.setAttribute('aria-expanded', String(!closed));
      if (closed && hiddenBelow === Infinity) hiddenBelow = depth;
    }
    if (all.length && !all.some(row => row.tabIndex === 0)) all[0].tabIndex = 0;
  }
  function fold(row, closed) {
    if (!row.hasAttribute('aria-expanded')) return;
    if (closed) folded.add(row.dataset.path); else folded.delete(row.dataset.path);
    tend();
  }
  function focus(row) {
    if (!row) return;
    for (const one of rows()) one.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  }

  document.addEventListener('click', event => {
    const row = event.target.closest('[data-tree] .tr');
    if (!row || event.target.closest('a, button, form')) return;
    if (row.hasAttribute('aria-expanded') && !getSelection().toString()) fold(row, !folded.has(row.dataset.path));
  });
  document.addEventListener('keydown', event => {
    if (!event.target.matches?.('[data-tree] .tr')) return;
    const row = event.target, seen = rows().filter(one => !one.hidden), at = seen.indexOf(row);
    const open = row.getAttribute('aria-expanded');
    const parent = () => seen.slice(0, at).reverse().find(one => Number(one.dataset.depth) < Number(row.dataset.depth));
    const keys = {
      ArrowDown: () => focus(seen[at + 1]), ArrowUp: () => focus(seen[at - 1]), Home: () => focus(seen[0]), End: () => focus(seen.at(-1)),
      ArrowRight: () => open === 'false' ? fold(row, false) : open && focus(seen[at + 1]),
      ArrowLeft: () => open === 'true' ? fold(row, true) : focus(parent()),
      Enter: () => open && fold(row, open === 'true'), ' ': () => open && fold(row, open === 'true'),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  tend();
  return { tend };
}
