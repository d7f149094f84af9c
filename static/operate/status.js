// The status page of one instance: diagram, tree of variables, live parts.
//
// A frame on the instance's own socket means that something happened; the page then asks for its live parts, and every few
// seconds besides, since deliveries and timers make no frames. What has not changed is not touched, so that nothing moves.
import { announce } from '../shell/shell.js';
import './dialogs.js';
import { keepLive } from './live.js';
import { paintDiagram } from './painting.js';
import { show } from './times.js';
import { tendTree } from './tree.js';

const status = document.getElementById('status');
const sections = () => [...document.querySelectorAll('[data-live]')];
const last = new Map();  // name -> markup as the server sent it
let tag = null;

// Times count on by themselves, and each form has a token of its own: they are no reason to swap a section.
const bare = html => html.replace(/<time[^>]*datetime="([^"]*)"[^>]*>[^<]*/g, '$1').replace(/ name="csrfmiddlewaretoken" value="[^"]*"/g, '');

for (const section of sections()) last.set(section.dataset.live, bare(section.innerHTML));  // before anything is tended

async function fetchParts(url, known) {
  const answer = await fetch(url, { headers: { 'X-Fragment': 'live', ...(known ? { 'If-None-Match': known } : {}) }, credentials: 'same-origin', cache: 'no-store' });
  if (answer.status === 304) return null;
  if (answer.redirected || answer.status === 403 || answer.status === 404) { location.reload(); return null; }
  if (!answer.ok) throw new TypeError(`${answer.status}`);
  tag = answer.headers.get('ETag');
  return new DOMParser().parseFromString(await answer.text(), 'text/html');
}

function swap(fresh) {
  for (const section of sections()) {
    const now = fresh.querySelector(`[data-live="${section.dataset.live}"]`);
    if (!now || last.get(section.dataset.live) === bare(now.innerHTML)) continue;
    if (section.querySelector('details.dd[open]')) continue;  // a menu in use is renewed later
    last.set(section.dataset.live, bare(now.innerHTML));
    replace(section, now);
  }
  show();
}

function replace(section, now) {
  const scrolled = section.scrollTop, inner = section.querySelector('.tl, .tabs'), innerTop = inner?.scrollTop, innerLeft = inner?.scrollLeft;
  const focus = section.contains(document.activeElement) ? document.activeElement : null;
  const mark = focus?.id ? `#${CSS.escape(focus.id)}` : focus?.dataset.testid ? `[data-testid="${CSS.escape(focus.dataset.testid)}"]` : null;
  const typed = focus?.matches('input') ? { value: focus.value, at: focus.selectionStart } : null;
  const keys = new Set([...section.querySelectorAll('.ev')].map(row => row.dataset.key));
  section.replaceChildren(...[...now.childNodes].map(node => document.adoptNode(node)));
  for (const row of keys.size ? section.querySelectorAll('.ev') : []) if (!keys.has(row.dataset.key)) row.classList.add('is-new');
  window.htmx?.process(section);
  section.scrollTop = scrolled;
  const again = section.querySelector('.tl, .tabs');
  if (again && innerTop !== undefined) { again.scrollTop = innerTop; again.scrollLeft = innerLeft; }
  const back = mark && section.querySelector(mark);
  if (back) {
    back.focus({ preventScroll: true });
    if (typed && back.matches('input')) { back.value = typed.value; back.setSelectionRange?.(typed.at, typed.at); }
  }
  if (section.dataset.live === 'painting') diagram.paint();
  if (section.dataset.live === 'panel') { section.setAttribute('aria-labelledby', document.querySelector('[role="tab"][aria-selected="true"]')?.id ?? ''); tree.tend(section); }
  if (section.hasAttribute('data-announce')) announce(section.textContent.trim().replace(/\s+/g, ' '));
}

// ---------- moving about within the page: tabs, filters of the timeline, search ----------
let visiting = 0;
async function visit(url, { push = true } = {}) {
  const mine = ++visiting;
  let fresh;
  try { fresh = await fetchParts(url); } catch { location.assign(url); return; }
  if (mine !== visiting || !fresh) return;
  if (push) history.pushState(null, '', url);
  swap(fresh);
}
window.addEventListener('popstate', () => visit(location.href, { push: false }));
document.addEventListener('click', event => {
  const link = event.target.closest('a[data-visit]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  visit(link.href);
});
let typing = 0;
function search(form) {
  const query = new URLSearchParams(location.search);
  query.set('tab', 'variables');
  query.delete('path');
  const text = form.elements.find.value;
  if (text) query.set('find', text); else query.delete('find');
  visit(`${location.pathname}?${query}`);
}
document.addEventListener('input', event => {
  const form = event.target.closest('form[data-filter-form]');
  if (form) { clearTimeout(typing); typing = setTimeout(() => search(form), 300); }
});
document.addEventListener('submit', event => {
  const form = event.target.closest('form[data-filter-form]');
  if (form) { event.preventDefault(); clearTimeout(typing); search(form); }
});

// Tabs: arrow keys walk, the chosen one opens.
document.addEventListener('keydown', event => {
  const list = event.target.closest?.('[data-roving]');
  if (!list || !event.target.matches('[role="tab"]')) return;
  const tabs = [...list.querySelectorAll('[role="tab"]')], at = tabs.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (next === undefined) { if (event.key === ' ') { event.preventDefault(); event.target.click(); } return; }
  event.preventDefault();
  tabs[(next + tabs.length) % tabs.length].focus();
});

// ---------- revealing a sensitive value: it stands in its row until the data changes ----------
document.addEventListener('submit', async event => {
  const form = event.target.closest('form[data-reveal]');
  if (!form) return;
  event.preventDefault();
  const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers: { 'X-Fragment': 'row', 'X-CSRFToken': form.elements.csrfmiddlewaretoken.value }, credentials: 'same-origin' });
  if (!answer.ok) { announce('The value could not be shown.'); return; }
  const row = form.closest('.tr'), fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelectorAll('.tr');
  const depth = Number(row.dataset.depth);
  const made = [...fresh].map(node => document.adoptNode(node));
  row.replaceWith(...made);
  tree.tend(document.querySelector('[data-live="panel"]'));
  made[0]?.focus();
  announce(`Shown: ${made[0]?.dataset.path}, at level ${depth + 1}. This is in the audit log.`);
});

// ---------- live ----------
const tree = tendTree();
const diagram = paintDiagram(document.querySelector('.status-canvas'));
const live = keepLive({
  seconds: Number(status.dataset.refresh),
  refresh: async () => {
    const mine = visiting, fresh = await fetchParts(location.href, tag);
    if (fresh && mine === visiting) swap(fresh);
    else show();
  },
});
document.addEventListener('operate:changed', () => live.soon());

// The page's own socket: any frame is a reason to look. It comes back by itself, ever more slowly, and is not needed for the rest.
let wait = 1000;
function connect() {
  const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${status.dataset.socket}`);
  let soon = 0;
  socket.addEventListener('open', () => { wait = 1000; socket.send(JSON.stringify({ type: 'ready' })); });
  socket.addEventListener('message', event => {
    let type;
    try { type = JSON.parse(event.data).type; } catch { return; }
    if (['ping', 'ready', 'error'].includes(type)) return;
    clearTimeout(soon);
    soon = setTimeout(live.soon, 80);  // frames of one step come together
  });
  socket.addEventListener('close', event => {
    if ([4401, 4403, 4404].includes(event.code)) return;
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 30000);
  });
}
connect();
