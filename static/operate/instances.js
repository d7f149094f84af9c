// The list of instances: filters without a button, rows that refresh themselves without moving the one under the pointer,
// selection for the operations on several. Without this script the page works by links and forms.
import { announce } from '../shell/shell.js';
import './dialogs.js';
import { keepLive } from './live.js';
import { show } from './times.js';

const list = () => document.getElementById('list');
const parse = html => new DOMParser().parseFromString(html, 'text/html');

async function fetchList(url) {
  const answer = await fetch(url, { headers: { 'X-Fragment': 'list' }, credentials: 'same-origin' });
  if (answer.redirected || answer.status === 403) { location.reload(); return null; }
  if (!answer.ok) throw new TypeError(`${answer.status}`);
  return parse(await answer.text()).getElementById('list');
}

// Enter on a row’s check box opens the row, as on the rest of it, instead of sending the form of the hidden bulk bar.
document.addEventListener('keydown', event => {
  if (event.key !== 'Enter' || !event.target.matches('tr .check, th .check')) return;
  event.preventDefault();
  event.target.closest('tr[data-key]')?.querySelector('.c-id a')?.click();
});

// ---------- filters ----------
let visiting = 0;
async function visit(url, { push = true, keep = null } = {}) {
  const mine = ++visiting;
  let fresh;
  try { fresh = await fetchList(url); } catch { location.assign(url); return; }
  if (!fresh || mine !== visiting) return;
  const open = document.querySelector('.more-filters[open]') && keep;
  const box = keep && document.getElementById(keep);
  const value = box?.value, caret = box?.type === 'search' || box?.type === 'text' ? box?.selectionStart : null;
  list().replaceWith(document.adoptNode(fresh));
  if (open) document.querySelector('.more-filters').open = true;
  const again = keep && document.getElementById(keep);
  if (again) {
    if (value !== undefined) again.value = value;
    again.focus();
    if (caret !== null && caret !== undefined) again.setSelectionRange?.(caret, caret);
  }
  if (push) history.pushState(null, '', url);
  show(list());
  announce(document.getElementById('range').textContent.trim());
}
window.addEventListener('popstate', () => visit(location.href, { push: false }));
document.addEventListener('click', event => {
  const link = event.target.closest('a[data-visit]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  visit(link.href);
});
function addressOf(form) {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== '') query.append(name, value);
  return `${location.pathname}?${query}`;
}
let typing = 0;
document.addEventListener('input', event => {
  const form = event.target.closest('form[data-filter-form]');
  if (!form) return;
  clearTimeout(typing);
  const wait = event.target.matches('select, [type="checkbox"], [type="date"]') ? 0 : 300;
  typing = setTimeout(() => visit(addressOf(form), { keep: event.target.id || null }), wait);
});
document.addEventListener('submit', event => {
  const form = event.target.closest('form[data-filter-form]');
  if (form) { event.preventDefault(); clearTimeout(typing); visit(addressOf(form), { keep: document.activeElement?.id || null }); }
});
// Many UUIDs are pasted with line breaks, which an input would swallow.
document.addEventListener('paste', event => {
  if (event.target.id !== 'find') return;
  const text = event.clipboardData.getData('text');
  if (!/\s/.test(text.trim())) return;
  event.preventDefault();
  event.target.value = text.trim().split(/[^0-9a-fA-F-]+/).filter(Boolean).join(' ');
  event.target.dispatchEvent(new Event('input', { bubbles: true }));
});

// ---------- selection ----------
const boxes = () => [...document.querySelectorAll('#rows input[name="id"]')];
const chosen = () => boxes().filter(box => box.checked);
function countSelected() {
  const number = chosen().length, words = document.querySelector('[data-selected]'), all = document.querySelector('[data-select="all"]');
  if (words) words.textContent = `${number} selected`;
  if (all) { all.checked = number > 0 && number === boxes().length; all.indeterminate = number > 0 && !all.checked; }
}
document.addEventListener('change', event => {
  if (event.target.dataset.select === 'all') boxes().forEach(box => { box.checked = event.target.checked; });
  if (event.target.dataset.select === 'all' || event.target.name === 'id') countSelected();
});
document.addEventListener('click', event => {
  if (event.target.closest('[data-select="none"]')) { boxes().forEach(box => { box.checked = false; }); countSelected(); }
  const button = event.target.closest('[data-dialog-from="rows"]');
  if (!button) return;
  event.preventDefault();
  const query = new URLSearchParams(chosen().map(box => ['id', box.value]));
  window.htmx.ajax('GET', `${button.getAttribute('formaction')}?${query}`, { target: '#dialog', source: button });
});
document.addEventListener('operate:changed', () => { boxes().forEach(box => { box.checked = false; }); countSelected(); live.soon(); });

// ---------- live ----------
/** Whether rows must stay where they are: the pointer is over them, one has the focus, or some are chosen. */
const still = () => Boolean(document.querySelector('#rows:hover, #rows:focus-within, details.dd[open]') || chosen().length);

function sameRow(old, fresh) {
  for (const time of fresh.querySelectorAll('time[data-clock]')) time.removeAttribute('title');
  const plain = row => [...row.cells].map(cell => cell.className.includes('c-check') ? '' : cell.innerHTML.replace(/ title="[^"]*"| data-exact="1"/g, '').replace(/(<time[^>]*>)[^<]*/g, '$1')).join();
  return plain(old) === plain(fresh);
}
function renew(old, fresh) {
  if (sameRow(old, fresh)) return;
  [...fresh.cells].forEach((cell, at) => { if (!cell.classList.contains('c-check') && old.cells[at]) old.cells[at].replaceWith(cell.cloneNode(true)); });
}
function mergeRows(fresh) {
  const rows = document.getElementById('rows'), newRows = fresh.querySelector('#rows');
  if (!rows || !newRows) { if (Boolean(rows) !== Boolean(newRows) && !still()) list().replaceWith(document.adoptNode(fresh)); return; }
  const known = new Map([...rows.rows].map(row => [row.dataset.key, row]));
  const wanted = [...newRows.rows];
  for (const row of wanted) if (known.has(row.dataset.key)) renew(known.get(row.dataset.key), row);
  const added = wanted.filter(row => !known.has(row.dataset.key));
  const note = document.getElementById('fresh');
  if (still()) {
    note.hidden = !added.length;
    if (added.length) note.firstElementChild.textContent = `${added.length} more ${added.length === 1 ? 'row' : 'rows'}, show`;
    return;
  }
  note.hidden = true;
  const order = wanted.map(row => {
    if (known.has(row.dataset.key)) return known.get(row.dataset.key);
    const made = document.adoptNode(row);
    made.classList.add('is-new');
    return made;
  });
  if (order.length !== rows.rows.length || order.some((row, at) => rows.rows[at] !== row)) rows.replaceChildren(...order);
  if (added.length && list().dataset.first === '1') announce(`${added.length} new ${added.length === 1 ? 'instance' : 'instances'}.`);
}
function mergeCounts(fresh) {
  for (const part of ['.views', '#range']) {
    const old = document.querySelector(part), now = fresh.querySelector(part);
    if (old && now && old.innerHTML !== now.innerHTML) old.innerHTML = now.innerHTML;
  }
  for (const count of fresh.querySelectorAll('[data-count]')) {
    const old = document.querySelector(`#list [data-count="${count.dataset.count}"]`);
    if (old && old.textContent !== count.textContent) old.textContent = count.textContent;
  }
}
async function refresh() {
  const mine = visiting, fresh = await fetchList(location.href);
  if (!fresh || mine !== visiting) return;
  mergeRows(fresh);
  mergeCounts(fresh);
  show(list());
  countSelected();
}
document.addEventListener('click', event => { if (event.target.closest('#fresh')) visit(location.href, { push: false }); });
const live = keepLive({ seconds: Number(list().dataset.refresh), refresh });
countSelected();
