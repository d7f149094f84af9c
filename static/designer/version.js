// The designer page of a version: the panel beside the canvas or outline, its addresses, its keys, the form's live check.
import { announce, toast } from '../shell/shell.js';

const work = document.getElementById('work');
const panel = document.getElementById('panel');
const version = work.dataset.version;
let key = new URL(location.href).pathname.slice(version.length).match(/^node\/([^/]+)/)?.[1] ?? null;
let dirty = false;

/** The key of the node whose panel is open, or null. */
export function selected() { return key ?? (work.classList.contains('problems') ? chosenProblem() : null); }
function chosenProblem() { return document.querySelector('.prob.on [data-node-key]')?.dataset.nodeKey || null; }

/** Open the panel of a node on the tab that was used last; pushes its address. */
export function openNode(node, { tab = null, focus = false } = {}) {
  if (!panel) { location.href = `${version}node/${node}/config`; return; }
  const last = tab ?? (sessionStorage.getItem('designer.tab') || 'config');
  show(`${version}node/${node}/${last}`, { focus });
}

async function show(address, { push = true, focus = false } = {}) {
  if (!(await mayLeave())) return;
  const url = new URL(address, location.href);
  if (new URL(location.href).searchParams.get('view') === 'outline') url.searchParams.set('view', 'outline');
  const node = url.pathname.slice(version.length).match(/^node\/([^/]+)\/(\w+)/);
  if (!node) { close({ push }); return; }
  await htmx.ajax('GET', url.pathname + url.search, { target: '#panel', swap: 'innerHTML' });
  if (push) history.pushState({ panel: true }, '', url.pathname + url.search + url.hash);
  [, key] = node;
  if (panel.querySelector('.tabs [aria-current]')) sessionStorage.setItem('designer.tab', node[2] === 'problems' ? 'config' : node[2]);
  settle();
  if (focus) (url.hash && document.getElementById(url.hash.slice(1)) || document.getElementById('panel-title'))?.focus();
}

/** After the panel got new content: title, label, selection, row focus, field focus of the address. */
function settle() {
  work.classList.add('open');
  const name = document.getElementById('panel-title')?.textContent ?? '';
  panel.setAttribute('aria-label', `Node: ${name}`);
  document.title = `${name} · ${document.querySelector('.crumbs h1').textContent} · Process designer`;
  for (const row of document.querySelectorAll('.outline tr.nd')) row.classList.toggle('sel', row.querySelector('[data-node]').dataset.node === key);
  document.dispatchEvent(new CustomEvent('designer:selected', { detail: key }));
  panel.querySelector('[data-focus] a.nm')?.focus();
  markDirty(Boolean(panel.querySelector('form[data-dirty]')));
}

function close({ push = true } = {}) {
  const was = key;
  key = null;
  work.classList.remove('open');
  panel.replaceChildren();
  document.dispatchEvent(new CustomEvent('designer:selected', { detail: null }));
  for (const row of document.querySelectorAll('.outline tr.sel')) row.classList.remove('sel');
  const query = new URL(location.href).searchParams.get('view') === 'outline' ? '?view=outline' : '';
  if (push) history.pushState({ panel: true }, '', version + query);
  (document.querySelector(`[data-testid="canvas.node[${CSS.escape(was ?? '')}]"]`) ?? document.querySelector(`[data-node="${CSS.escape(was ?? '')}"]`))?.focus();
}

// ---------- links of the panel and the outline open without leaving the page ----------
document.addEventListener('click', async event => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest('a[data-panel], a[data-close-panel]');
  if (!link) return;
  event.preventDefault();
  if (link.matches('[data-close-panel]')) { if (await mayLeave()) close(); }
  else show(link.href, { focus: !link.closest('.tabs') }).then(() => link.closest('.tabs') && panel?.querySelector('.tabs [aria-current]')?.focus());
});
addEventListener('popstate', () => {
  const inside = location.pathname.startsWith(`${version}node/`);
  if (inside && !/\/actions\/./.test(location.pathname)) show(location.href, { push: false });
  else if (location.pathname === version) close({ push: false });
  else location.reload();
});
if (key && location.hash) focusField();
else focusWhatWasLeft();
/** Back from the form of an action: its row has the focus again. */
function focusWhatWasLeft() {
  const action = document.referrer.startsWith(location.origin) && new URL(document.referrer).pathname.match(/\/actions\/([^/]+)$/)?.[1];
  if (action && performance.getEntriesByType('navigation')[0]?.type !== 'reload') panel?.querySelector(`[data-testid="actions.row[${CSS.escape(decodeURIComponent(action))}].open"]`)?.focus();
}
function focusField() { const field = document.getElementById(decodeURIComponent(location.hash.slice(1))); field?.closest('details')?.setAttribute('open', ''); field?.focus(); }

// ---------- the form: dirty mark, live check 300 ms after the last key, answers ----------
let checking = null;
function markDirty(now) {
  dirty = now;
  const state = document.getElementById('form-state');
  document.title = document.title.replace(/^• /, '');
  if (!now) return;
  document.title = `• ${document.title}`;
  if (state && !state.querySelector('.test')) {
    const badge = document.createElement('span');
    badge.className = 'badge test';
    badge.textContent = 'Unsaved changes';
    state.replaceChildren(badge);
  }
}
panel?.addEventListener('input', event => {
  const form = event.target.closest('form[data-check]');
  if (!form) return;
  markDirty(true);
  clearTimeout(checking);
  checking = setTimeout(() => check(form), 300);
});
function check(form) {
  htmx.ajax('POST', form.dataset.check, { source: form, values: Object.fromEntries(new FormData(form)), target: form, swap: 'none' });
}
document.addEventListener('htmx:configRequest', event => {  // lists of rows: every value, not the last one only
  const form = event.detail.elt.closest?.('form[data-check]');
  if (form && event.detail.path === form.dataset.check) { event.detail.formData = new FormData(form); event.detail.useUrlParams = false; }
});
panel?.addEventListener('click', event => {
  const pick = event.target.closest('[data-fill]');
  if (!pick) return;
  event.preventDefault();
  const field = document.getElementById(`field-${pick.dataset.into}`);
  field.value = pick.dataset.fill;
  for (const other of pick.parentElement.children) other.classList.toggle('on', other === pick);
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
});
document.addEventListener('htmx:afterSwap', event => {
  if (event.target.id !== 'panel') return;
  settle();
  const form = panel.querySelector('form.config');
  if (form?.dataset.saved !== undefined) { announce('Saved'); if (form.dataset.closeAfter !== undefined) close(); }
  panel.querySelector('[data-testid="node.config.summary"], [data-testid="node.config.conflict"]')?.focus();
});
document.addEventListener('designer:close-dialog', () => document.querySelector('dialog[open]')?.close());
document.addEventListener('htmx:sendError', () => toast('The server did not answer. What you typed is still here.'));
document.addEventListener('htmx:afterOnLoad', event => { if (event.detail.xhr.getResponseHeader('HX-Trigger')?.includes('close-dialog')) document.querySelector('dialog[open]')?.close(); });

// ---------- leaving typed text behind asks first ----------
addEventListener('beforeunload', event => { if (dirty) event.preventDefault(); });
document.addEventListener('submit', event => { if (event.target.matches('form.config, form.fixform')) dirty = event.target.matches('.fixform') ? dirty : false; });
function mayLeave() {
  if (!dirty) return Promise.resolve(true);
  return new Promise(resolve => {
    const box = document.createElement('dialog');
    box.className = 'dialog small';
    box.dataset.testid = 'unsaved';
    box.innerHTML = '<div class="title"><div class="grow"><h2>Save what you typed?</h2></div></div><div class="body"><p>The node has changes that are not saved.</p></div><div class="foot"><button class="btn ghost" value="stay">Stay</button><span class="sp"></span><button class="btn" value="discard">Discard</button><button class="btn primary" value="save">Save</button></div>';
    document.body.append(box);
    box.addEventListener('click', event => { const button = event.target.closest('button'); if (button) box.close(button.value); });
    box.addEventListener('close', () => {
      box.remove();
      if (box.returnValue === 'discard') { markDirty(false); resolve(true); return; }
      if (box.returnValue === 'save') panel.querySelector('[data-testid="node.config.save"]')?.click();
      resolve(false);
    });
    box.showModal();
  });
}

// ---------- keys ----------
document.addEventListener('keydown', event => {
  const typing = event.target.matches?.('input, textarea, select, [contenteditable="true"]');
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
    const save = panel?.querySelector(event.shiftKey ? '[data-testid="node.config.save-close"]' : '[data-testid="node.config.save"]');
    if (save) { event.preventDefault(); save.click(); }
  } else if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') {
    const save = panel?.querySelector('[data-testid="node.config.save-close"]');
    if (save) { event.preventDefault(); save.click(); }
  } else if (event.key === 'F8') {
    event.preventDefault();
    nextProblem(event.shiftKey ? -1 : 1);
  } else if (event.key === 'Escape' && panel?.contains(event.target) && !document.querySelector('dialog[open]')) {
    event.preventDefault();
    mayLeave().then(yes => yes && close());
  } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    const row = event.target.closest?.('[data-move]');
    if (row) { event.preventDefault(); moveRow(row, event.key === 'ArrowDown' ? 1 : -1); }
  } else if (!typing && (event.key === 'ArrowUp' || event.key === 'ArrowDown') && event.target.closest?.('.outline, .acts')) {
    const links = [...event.target.closest('.outline, .acts').querySelectorAll('.nm a, a.nm')];
    const next = links[links.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next) { event.preventDefault(); next.focus(); }
  }
});
function moveRow(row, by) { htmx.ajax('POST', row.dataset.move, { source: row, target: '#panel', swap: 'innerHTML', values: { by } }).then(() => announce('Moved')); }

/** F8: to the next problem of the list, from wherever one is; the list keeps count in the address. */
function nextProblem(step) {
  const there = document.querySelector(step > 0 ? '[data-testid="problems.next"]' : '[data-testid="problems.previous"]');
  if (there) { location.href = there.href; return; }
  if (work.classList.contains('problems')) return;
  location.href = `${version}problems?at=1`;
}

// ---------- dragging an action row; the keys and the menu do the same ----------
let dragged = null;
panel?.addEventListener('pointerdown', event => {
  const hand = event.target.closest('.act .hand');
  const row = hand?.closest('[data-move]');
  if (!row) return;
  event.preventDefault();
  dragged = { row, rows: [...panel.querySelectorAll('.act:not(.child)')], to: null };
  row.classList.add('dragging');
  hand.setPointerCapture(event.pointerId);
});
panel?.addEventListener('pointermove', event => {
  if (!dragged) return;
  const over = dragged.rows.findLast(row => row.getBoundingClientRect().top < event.clientY) ?? dragged.rows[0];
  for (const row of dragged.rows) row.classList.remove('drop-before', 'drop-after');
  const from = dragged.rows.indexOf(dragged.row), to = dragged.rows.indexOf(over);
  dragged.to = to - from;
  if (to !== from) over.classList.add(to > from ? 'drop-after' : 'drop-before');
});
panel?.addEventListener('pointerup', () => {
  if (!dragged) return;
  const { row, rows, to } = dragged;
  dragged = null;
  for (const each of rows) each.classList.remove('drop-before', 'drop-after', 'dragging');
  if (to) moveRow(row, to);
});

// ---------- width of the panel, kept for the next visit ----------
const grip = document.getElementById('grip');
const WIDTHS = { least: 360, most: 900, usual: 452 };
const setWidth = width => { const kept = Math.min(WIDTHS.most, Math.max(WIDTHS.least, width)); work.style.setProperty('--panel', `${kept}px`); grip.setAttribute('aria-valuenow', kept); localStorage.setItem('designer.panel', kept); };
if (grip) {
  setWidth(Number(localStorage.getItem('designer.panel')) || WIDTHS.usual);
  grip.setAttribute('aria-valuemin', WIDTHS.least);
  grip.setAttribute('aria-valuemax', WIDTHS.most);
  grip.addEventListener('pointerdown', event => { event.preventDefault(); grip.setPointerCapture(event.pointerId); grip.onpointermove = move => setWidth(work.getBoundingClientRect().right - move.clientX); });
  grip.addEventListener('pointerup', () => { grip.onpointermove = null; });
  grip.addEventListener('keydown', event => { if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') { event.preventDefault(); setWidth(panel.offsetWidth + (event.key === 'ArrowLeft' ? 24 : -24)); } });
}

// ---------- small: letters left in a field, used by the publish message ----------
document.addEventListener('input', event => { const id = event.target.dataset?.counts; if (id) document.getElementById(id).textContent = [...event.target.value].length; });
