// The behaviour that every staff page shares: sidebar, theme, menus, dialogs, toasts and spoken notices.
// Pages import `announce`, `toast` and `icon` from here.

const root = document.documentElement;
const phone = matchMedia('(max-width: 760px)');

/** An icon of the sprite, for nodes that a page script makes. */
export function icon(name, classes = '') {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', `i ${classes}`);
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `${document.body.dataset.sprite}#${name}`);
  svg.append(use);
  return svg;
}

// ---------- spoken notices: at most one in five seconds, the last one wins ----------
let spokenAt = 0, waiting = null;
export function announce(text) {
  const box = document.getElementById('announce');
  clearTimeout(waiting);
  waiting = setTimeout(() => { box.textContent = text; spokenAt = Date.now(); }, Math.max(60, spokenAt + 5000 - Date.now()));
}

/** A short notice for what the page does not already show; leaves after 6 s, stays while hovered or focused. */
export function toast(text) {
  const box = document.createElement('div');
  box.className = 'toast';
  box.dataset.testid = 'shell.toast';
  const words = document.createElement('span');
  words.textContent = text;
  const close = document.createElement('button');
  close.className = 'btn ghost s icon';
  close.type = 'button';
  close.dataset.close = 'toast';
  close.setAttribute('aria-label', 'Close');
  close.append(icon('close', 's'));
  box.append(icon('check_circle', 'c-ok'), words, close);
  document.getElementById('toasts').replaceChildren(box);
  leaveLater(box);
}
function leaveLater(box) {
  setTimeout(() => box.matches(':hover, :focus-within') ? leaveLater(box) : box.remove(), 6000);
}
document.querySelectorAll('#toasts .toast').forEach(leaveLater);

// ---------- sidebar ----------
function toggleSidebar() {
  const app = document.querySelector('.app');
  if (phone.matches) {
    const open = app.classList.toggle('side-open');
    if (open) document.querySelector('#side a, #side button')?.focus();
  } else if (app.classList.contains('wide')) {
    root.dataset.bench = root.dataset.bench === 'open' ? 'closed' : 'open';
  } else {
    root.dataset.sidebar = root.dataset.sidebar === 'closed' ? 'open' : 'closed';
    localStorage.setItem('sidebarDesktopOpen', root.dataset.sidebar === 'open' ? '1' : '0');
  }
}

// ---------- dialogs ----------
let opener = null;
function openDialogs(within) {
  for (const box of within.querySelectorAll('dialog[data-dialog]:not(:modal)')) {
    box.removeAttribute('open');
    opener = document.activeElement;
    box.showModal();
    box.addEventListener('close', () => { if (!root.dataset.leaving) { const back = box.dataset.back; box.remove(); back && location.pathname === back ? history.back() : opener?.isConnected && opener.focus(); } }, { once: true });
  }
}
openDialogs(document);
document.addEventListener('htmx:afterSwap', event => openDialogs(event.target.id === 'dialog' ? event.target : document));

// ---------- one listener for clicks ----------
document.addEventListener('click', event => {
  const target = event.target.closest('[data-toggle="sidebar"], [data-theme-choice], [data-close], [data-copy]');
  for (const menu of document.querySelectorAll('details.dd[open]')) if (!menu.contains(event.target)) menu.open = false;
  const chosen = event.target.closest('details.dd[open] .menu .it');
  if (chosen && !chosen.dataset.themeChoice) setTimeout(() => { const menu = chosen.closest('details.dd'); menu.open = false; menu.querySelector('summary').focus(); });
  const app = document.querySelector('.app.side-open');
  if (app && !event.target.closest('#side, [data-toggle="sidebar"]')) app.classList.remove('side-open');
  if (!target) {
    if (event.target.matches('dialog[data-dialog]')) event.target.close();
    return;
  }
  if (target.dataset.toggle === 'sidebar') { event.preventDefault(); toggleSidebar(); }
  if (target.dataset.themeChoice) chooseTheme(target.dataset.themeChoice);
  if (target.dataset.close === 'toast') target.closest('.toast').remove();
  if (target.dataset.close === 'dialog') { const box = target.closest('dialog'); if (box.matches(':modal')) { event.preventDefault(); box.close(); } }
  if (target.dataset.copy) navigator.clipboard.writeText(target.dataset.copy).then(() => toast('Copied.'));
});

function chooseTheme(theme) {
  localStorage.setItem('adminTheme', JSON.stringify(theme));
  document.dispatchEvent(new Event('shell:theme'));
  markTheme();
}
function markTheme() {
  for (const item of document.querySelectorAll('[data-theme-choice]')) item.setAttribute('aria-checked', item.dataset.themeChoice === root.dataset.theme);
}
markTheme();

// ---------- menus: arrow keys walk, Escape closes and returns ----------
document.addEventListener('keydown', event => {
  const menu = event.target.closest?.('details.dd[open]');
  if (!menu) return;
  if (event.key === 'Escape') { menu.open = false; menu.querySelector('summary').focus(); event.stopPropagation(); event.preventDefault(); return; }
  if (!['ArrowDown', 'ArrowUp', 'Home', 'End'].includes(event.key)) return;
  const items = [...menu.querySelectorAll('.menu .it:not([disabled])')];
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[event.key];
  items[(next + items.length) % items.length]?.focus();
  event.preventDefault();
}, true);
// An open menu leaves whatever scrolls around it, and stays inside the window.
function place(menu) {
  const box = menu.querySelector('.menu'), head = menu.querySelector('summary').getBoundingClientRect();
  box.classList.add('placed');
  box.style.minWidth = menu.classList.contains('up') ? `${head.width - 16}px` : '';
  const { width, height } = box.getBoundingClientRect();
  const left = menu.classList.contains('end') ? head.right - width : head.left + (menu.classList.contains('up') ? 8 : 0);
  const below = head.bottom + 4, above = head.top - height - 4;
  const up = menu.classList.contains('up') || (below + height > innerHeight - 8 && above > 8);
  box.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  box.style.top = `${up ? Math.max(8, above) : below}px`;
}
for (const cause of ['scroll', 'resize']) {
  addEventListener(cause, event => { for (const menu of document.querySelectorAll('details.dd[open]')) if (!menu.contains(event.target)) menu.open = false; }, true);
}
document.addEventListener('toggle', event => {
  if (event.target.matches?.('details.dd[open]')) place(event.target);
  if (event.target.matches?.('details.dd[open]')) for (const other of document.querySelectorAll('details.dd[open]')) if (other !== event.target) other.open = false;
}, true);

document.addEventListener('htmx:afterSwap', event => {
  const words = event.target.querySelector?.('[data-toast]');
  if (words) toast(words.dataset.toast);
});

// ---------- the JSON editor is loaded where a field asks for it ----------
let editor = null;
function wantEditor() { if (!editor && document.querySelector('textarea[data-editor]')) editor = import('../design/editor.js'); }
wantEditor();
document.addEventListener('htmx:afterSwap', wantEditor);
