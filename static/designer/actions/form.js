// The action form: posts itself to the server as it is edited and merges the answer by id. The server decides what is shown,
// locked, wrong and previewed; this module never touches what is being typed.
import { announce } from '../../shell/shell.js';
import './chips.js';
import './suggest.js';

const form = document.getElementById('action-form');
const readOnly = 'readOnly' in form.dataset;
const served = new Map();
let leaving = false, edited = false;
remember(document);
localClocks(document);
document.documentElement.classList.add('js');
const editor = document.querySelector('textarea[data-editor]') ? import('../../design/editor.js') : null;

function live(root) { return root.querySelectorAll('[data-live][id]'); }
/** What the server said last of each part: compared with its next answer, since editors and menus change the page itself. */
function remember(root) { for (const part of live(root)) served.set(part.id, part.outerHTML); }

// ---------- requests: `op` is what the pressed button does; a live check has none ----------
document.addEventListener('htmx:configRequest', event => {
  if (event.detail.elt !== form) return;
  const cause = event.detail.triggeringEvent;
  delete event.detail.parameters.op;
  if (cause?.type === 'submit') event.detail.parameters.op = cause.submitter?.value ?? 'update';
});

// ---------- answers ----------
document.addEventListener('htmx:beforeSwap', event => {
  if (event.detail.requestConfig?.elt !== form) return;
  event.detail.shouldSwap = false;
  if (!(event.detail.xhr.getResponseHeader('Content-Type') ?? '').startsWith('text/html')) return;
  merge(event.detail.serverResponse, event.detail.requestConfig.triggeringEvent?.type ?? 'input', event.detail.xhr.status);
});

function merge(html, cause, status) {
  const answer = new DOMParser().parseFromString(html, 'text/html');
  if (!answer.getElementById('action-form')) { sayRefused(answer, status); return; }
  const structural = cause === 'submit';
  const fresh = new Map([...live(answer)].map(part => [part.id, part]));
  const focused = whereFocusIs();
  const forced = (answer.getElementById('live-hidden')?.dataset.forced ?? '').split(' ').filter(Boolean);
  for (const part of live(document)) {
    if (!part.isConnected || part.parentElement.closest('[data-replaced]')) continue;
    const next = fresh.get(part.id);
    if (!next) continue;
    if (part.id === 'live-summary' && mustStay(part, answer, cause)) { fresh.delete(part.id); continue; }
    if (mustReplace(part, next, structural)) replace(part, next);
  }
  for (const part of document.querySelectorAll('[data-replaced]')) delete part.dataset.replaced;
  for (const [id, part] of fresh) served.set(id, part.outerHTML);
  for (const name of forced) takeOver(answer, name);
  settle(answer, focused, structural, status);
}

/** An answer that is no form: the page that names a missing right, or what a server or proxy says when it takes nothing. */
function sayRefused(answer, status) {
  const note = answer.querySelector('[role="alert"]');
  const summary = document.getElementById('live-summary');
  served.delete('live-summary');
  if (note) { summary.replaceChildren(document.importNode(note, true)); return; }
  summary.innerHTML = '<div class="note stop summary" role="alert" tabindex="-1" data-testid="action.refused"><div></div></div>';
  summary.firstChild.firstChild.textContent = `Not saved: the server refused this request (${status}). What you typed is still here.`;
  summary.firstChild.focus();
}

/** What a save was refused for: a check does not take it away before it is read. Leaving the field that was typed in (`change`) is
 * no answer to it, and a conflict stands until the next save. */
function mustStay(summary, answer, cause) {
  if (cause === 'submit' || !summary.querySelector('[role="alert"]')) return false;
  return Boolean(summary.querySelector('[data-code="ACT-016"]')) || cause === 'change' && Boolean(answer.querySelector('.notes .err:not(.warn)'));
}

function mustReplace(part, next, structural) {
  if ('key' in next.dataset) return part.dataset.key !== next.dataset.key;
  if (served.get(part.id) === next.outerHTML) return false;
  return structural || !typingIn(part);
}

/** Whether the caret stands in a text input of this part: then only the parts inside it are replaced. */
function typingIn(part) {
  const at = document.activeElement;
  return part.contains(at) && (at.matches('textarea, .cm-content, input:not([type]), input[type="text"], select'));
}

function replace(part, next) {
  const open = new Map([...part.querySelectorAll('details[id]')].map(each => [each.id, each.open]));
  const copy = document.importNode(next, true);
  for (const details of copy.querySelectorAll('details[id]')) if (open.has(details.id)) details.open = open.get(details.id);
  copy.dataset.replaced = '';
  part.replaceWith(copy);
  globalThis.htmx?.process(copy);
  localClocks(copy);
}

/** A value that the server has changed: a fix, a skeleton, a refused switch. */
async function takeOver(answer, name) {
  const theirs = [...answer.getElementById('action-form').elements].filter(each => each.name === name);
  const ours = [...form.elements].filter(each => each.name === name);
  for (const [position, next] of theirs.entries()) {
    const input = ours[position];
    if (!input || input === next) continue;
    if (input.type === 'radio' || input.type === 'checkbox') input.checked = next.checked;
    else if (input.matches('textarea[data-editor]')) { if (input.value !== next.value) (await editor)?.setText(input, next.value); }
    else input.value = next.value;
  }
}

function settle(answer, focused, structural, status) {
  const state = document.getElementById('live-crumbs').dataset;
  document.title = `${state.dirty === 'yes' ? '• ' : ''}${state.title} · Process designer`;
  if (editor) editor.then(module => { for (const area of document.querySelectorAll('textarea[data-editor]')) { module.editorOf(area); module.showFaults(area); } });
  const box = document.querySelector('dialog[data-ask]');
  if (box && !box.matches(':modal')) { box.removeAttribute('open'); box.showModal(); }
  if (!box) giveFocusBack(focused);
  const summary = document.querySelector('#live-summary [role="alert"]');
  if (structural && summary && status !== 204) { summary.focus({ preventScroll: true }); document.getElementById('work-scroll').scrollTo({ top: 0, behavior: 'smooth' }); openFolds(); }
  if (document.activeElement?.closest('.message-split .cm-content')) markLine();
  const said = document.getElementById('live-summary').dataset.said;
  if (said) announce(said);
}

/** What has the focus, in the ways by which its successor is found: its id, its test id, else its field. */
function whereFocusIs() {
  const at = document.activeElement;
  return { id: at?.id, testid: at?.dataset.testid, field: at?.closest('[data-field]')?.dataset.field };
}
function giveFocusBack({ id, testid, field }) {
  if (id) { if (document.activeElement?.id !== id) document.getElementById(id)?.focus({ preventScroll: true }); }
  if (document.activeElement !== document.body) return;
  const next = testid && document.querySelector(`[data-testid="${CSS.escape(testid)}"]`) || field && document.getElementById(`field-${field}`);
  (next?.matches('.seg') ? next.querySelector('input:checked') ?? next : next)?.focus({ preventScroll: true });
}

/** Fold-outs with a refused field open, so that the sentence can be read. */
function openFolds() {
  for (const note of form.querySelectorAll('details:not([open]) .err:not(.warn)')) note.closest('details').open = true;
}

// ---------- fields that were touched; the unsaved mark at once ----------
form.addEventListener('focusout', event => touch(event.target));
form.addEventListener('change', event => touch(event.target));
function touch(target) {
  const name = target.closest?.('[data-field]')?.dataset.field ?? target.name;
  const box = document.getElementById('touched');
  const names = new Set(box.value.split(' ').filter(Boolean));
  if (name && !/^(op|preview|preview-tab|try)$/.test(name)) box.value = [...names.add(name)].join(' ');
}

form.addEventListener('input', event => {
  edited = true;
  if (/^(preview|preview-tab|try)$/.test(event.target.name)) return;
  document.getElementById('live-crumbs').dataset.dirty = 'yes';
  served.delete('live-crumbs');
  const save = form.querySelector('#live-foot [name="op"][value="save"][aria-disabled]');
  if (!save) return;
  save.removeAttribute('aria-disabled');  // Ctrl+S right after the last key saves: it does not wait for the check to come back
  save.removeAttribute('title');
  save.className = 'btn primary';
  save.textContent = 'Save';
  served.delete('live-foot');
});

/** What was typed before this module ran, or put back by the browser, has had no check yet. */
function catchUp() {
  const changed = [...form.elements].filter(each => each.name && each.type !== 'hidden' && differs(each));
  for (const each of changed) if (each !== document.activeElement) touch(each);
  if (changed.length) changed[0].dispatchEvent(new Event('input', { bubbles: true }));
}
function differs(input) {
  if (input.type === 'radio' || input.type === 'checkbox') return input.checked !== input.defaultChecked;
  if (input.matches('select')) return [...input.options].some(option => option.defaultSelected) && [...input.options].some(option => option.selected !== option.defaultSelected);
  return 'defaultValue' in input && input.value !== input.defaultValue;
}
if (document.readyState === 'complete') catchUp(); else addEventListener('load', catchUp);

// ---------- keys ----------
document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') { event.preventDefault(); if (!readOnly) press(event.shiftKey ? 'save_close' : 'save'); }
  if ((event.ctrlKey || event.metaKey) && event.key === 'Enter' && !readOnly) { event.preventDefault(); press('save_close'); }
  if (event.key === 'F8') { event.preventDefault(); nextNote(event.shiftKey); }
  if (event.key === 'Escape' && !event.defaultPrevented && !document.querySelector('dialog[open], .suggest:not([hidden]), .cm-tooltip') && !event.target.closest?.('input, textarea, select, .cm-content')) document.querySelector('[data-testid="action.close"]')?.click();
});
function press(op) { form.querySelector(`#live-foot [name="op"][value="${op}"]`)?.click(); }
let at = -1;
function nextNote(back) {
  const notes = [...form.querySelectorAll('.notes .err')];
  if (!notes.length) return;
  at = (at + (back ? -1 : 1) + notes.length) % notes.length;
  const note = notes[at];
  for (let fold = note.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
  focusField(note.closest('[data-field]')?.dataset.field ?? '');
}
export function focusField(name) {
  const field = document.getElementById(`field-${name}`);
  if (!field) return;
  for (let fold = field.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
  (field.matches('.seg') ? field.querySelector('input:checked') ?? field : field).focus();
  field.closest('[data-field]')?.scrollIntoView({ block: 'center' });
}
addEventListener('hashchange', () => location.hash.startsWith('#field-') && focusField(decodeURIComponent(location.hash.slice(7))));
if (location.hash.startsWith('#field-')) (editor ?? Promise.resolve()).then(() => focusField(decodeURIComponent(location.hash.slice(7))));
form.addEventListener('click', event => {
  const link = event.target.closest('a[href^="#field-"]');
  if (link) { event.preventDefault(); focusField(link.hash.slice(7)); }
  if (event.target.closest('[data-discard]')) leaving = true;
  if (event.target.closest('[aria-disabled="true"]')) event.preventDefault();
});
form.addEventListener('submit', () => { for (const dialog of form.querySelectorAll('dialog[data-ask]')) dialog.close(); }, true);
form.addEventListener('cancel', event => { if (event.target.matches?.('dialog[data-ask]')) { event.preventDefault(); event.target.querySelector('[value="keep"]').click(); } }, true);

// ---------- leaving with unsaved changes ----------
document.addEventListener('htmx:beforeOnLoad', event => { if (event.detail.xhr.getResponseHeader('HX-Redirect')) leaving = true; });
addEventListener('beforeunload', event => {
  if (!leaving && !readOnly && document.getElementById('live-crumbs').dataset.dirty === 'yes' && (edited || document.getElementById('touched').value)) event.preventDefault();
});

// ---------- the line that is edited is marked in the preview too ----------
for (const happening of ['keyup', 'click', 'focusin']) form.addEventListener(happening, event => event.target.closest?.('.message-split .cm-content') && markLine());
async function markLine() {
  const view = (await editor)?.editorOf(document.getElementById('field-message'));
  if (!view) return;
  const number = view.state.doc.lineAt(view.state.selection.main.head).number;
  for (const [position, line] of form.querySelectorAll('.preview .ln').entries()) line.classList.toggle('cur', position === number - 1);
}

// ---------- moments in the reader's own time ----------
function localClocks(root) {
  for (const time of root.querySelectorAll('time[data-clock]')) {
    const moment = new Date(time.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    time.textContent = today ? moment.toLocaleTimeString('en-GB') : moment.toLocaleString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
    time.title = `${moment.toLocaleString('en-GB')} (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  }
}

const box = document.querySelector('dialog[data-ask]');
if (box) { box.removeAttribute('open'); box.showModal(); }
