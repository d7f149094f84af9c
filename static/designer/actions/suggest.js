// Suggestions under inputs with data-suggest: "topics" (known topics, generic parameters), "keys" (data model), "placeholders"
// (after `${`). A listbox by the book: arrows walk, Enter takes, Escape closes, the input keeps the focus.
const LIMIT = 8;
const list = document.createElement('div');
list.className = 'menu suggest';
list.id = 'suggest';
list.role = 'listbox';
list.hidden = true;
document.body.append(list);
let owner = null, at = -1;

function known() { try { return JSON.parse(document.getElementById('known').textContent); } catch { return null; } }

function groups(input) {
  const found = known();
  if (!found) return [];
  const keys = () => found.keys.map(([path, type, example]) => ({ text: path, shown: path, note: example || type }));
  const parameters = () => found.parameters.map(([key, , value]) => ({ text: `\${${key}}`, shown: `\${${key}}`, note: value, key: true }));
  if (input.dataset.suggest === 'topics') return [['Known topics', found.topics.map(([topic, node]) => ({ text: topic, shown: topic, note: node }))], ['Generic parameters', parameters()]];
  if (input.dataset.suggest === 'keys') return [['Data model', keys()]];
  const wrapped = [...keys(), ...found.reserved.map(([name]) => ({ text: name, shown: name, note: 'Reserved' }))].map(each => ({ ...each, text: `\${${each.text}}`, shown: `\${${each.shown}}`, key: true }));
  return [['Keys', wrapped], ['Generic parameters', parameters()]];
}

function word(input) {
  const before = input.value.slice(0, input.selectionStart ?? input.value.length);
  if (input.dataset.suggest === 'placeholders') return before.match(/\$\{?[\w.-]*$/)?.[0] ?? null;
  return before.split(/[\n,]/).pop().trimStart();
}

function show(input) {
  const typed = word(input);
  if (typed === null) { hide(); return; }
  const wanted = typed.toLowerCase();
  const parts = groups(input).map(([title, options]) => [title, options.filter(each => each.text.toLowerCase().includes(wanted) && each.text !== typed).slice(0, LIMIT)]).filter(([, options]) => options.length);
  if (!parts.length || (!typed && input.dataset.suggest === 'placeholders')) { hide(); return; }
  owner = input;
  at = -1;
  list.replaceChildren(...parts.flatMap(([title, options]) => [caption(title), ...options.map(option)]));
  list.hidden = false;
  const place = (input.closest('.chipsbox, .input') ?? input).getBoundingClientRect();
  list.style.left = `${Math.max(8, Math.min(place.left, innerWidth - 376))}px`;
  list.style.width = `${Math.min(360, innerWidth - 16)}px`;
  const below = innerHeight - place.bottom > list.offsetHeight + 8;
  list.style.top = below ? `${place.bottom + 4}px` : `${place.top - list.offsetHeight - 4}px`;
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('aria-expanded', 'true');
  input.role = 'combobox';
}
function caption(title) { const cap = document.createElement('div'); cap.className = 'cap'; cap.role = 'presentation'; cap.textContent = title; return cap; }
function option(each, position) {
  const row = document.createElement('div');
  row.className = 'it mono';
  row.role = 'option';
  row.id = `suggest-${position}-${each.text}`;
  row.dataset.text = each.text;
  const name = document.createElement('span');
  name.textContent = each.shown;
  if (each.key) name.className = 'plc';
  const note = document.createElement('span');
  note.className = 'sp small t3 cut';
  note.textContent = each.note;
  row.append(name, note);
  row.addEventListener('pointerdown', event => { event.preventDefault(); take(row); });
  return row;
}
function hide() {
  list.hidden = true;
  owner?.setAttribute('aria-expanded', 'false');
  owner?.removeAttribute('aria-activedescendant');
  owner = null;
}
function take(row) {
  const input = owner, typed = word(input) ?? '';
  const end = input.selectionStart ?? input.value.length;
  input.value = input.value.slice(0, end - typed.length) + row.dataset.text + input.value.slice(end);
  hide();
  input.dispatchEvent(new Event('input', { bubbles: true }));
  input.focus();
}

document.addEventListener('input', event => { if (event.target.matches?.('[data-suggest]') && event.isTrusted) show(event.target); });
document.addEventListener('focusin', event => { if (event.target.matches?.('[data-suggest="topics"], [data-suggest="keys"]') && event.target.value) show(event.target); });
document.addEventListener('focusout', event => { if (event.target === owner) hide(); });
document.addEventListener('keydown', event => {
  if (!owner || event.target !== owner) {
    if (event.target.matches?.('[data-suggest]') && event.key === 'ArrowDown') { show(event.target); event.preventDefault(); }
    return;
  }
  const rows = [...list.querySelectorAll('[role="option"]')];
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    at = (at + (event.key === 'ArrowDown' ? 1 : -1) + rows.length) % rows.length;
    for (const [position, row] of rows.entries()) { row.classList.toggle('on', position === at); row.setAttribute('aria-selected', position === at); }
    rows[at].scrollIntoView({ block: 'nearest' });
    owner.setAttribute('aria-activedescendant', rows[at].id);
  } else if (event.key === 'Enter' && at >= 0) { event.preventDefault(); event.stopImmediatePropagation(); take(rows[at]); }
  else if (event.key === 'Escape') { event.preventDefault(); event.stopImmediatePropagation(); hide(); }
  else if (event.key === 'Enter' || event.key === 'Tab' || event.key === ',') hide();
}, true);
addEventListener('scroll', () => hide(), true);
