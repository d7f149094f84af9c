// The canvas: draws the version's diagram, lays actions and problems over it, and makes every node a thing one can focus and open.
import { draw } from '../design/diagram.js';
import { icon } from '../shell/shell.js';
import { openNode, selected } from './version.js';

const section = document.getElementById('canvas');
const host = section.querySelector('.drawing');
const zoom = document.getElementById('zoom');
const read = () => JSON.parse(document.getElementById('diagram').textContent);
const MARKS = { error: ['stop', 'close'], blocker: ['stop', 'block'], warning: ['wait', 'warning'] };

let data = read();
let touched = false;  // whether the reader has moved or zoomed the view; until then all of it is kept in sight
const diagram = await draw(host, data.xml, { padding: { left: 24, top: 56, right: 24, bottom: 72 } });
section.diagram = diagram;
paint();
diagram.on('element.click', ({ element }) => { const id = element.id.replace(/_label$/, ''); if (data.nodes[id]) openNode(data.nodes[id].key); });
diagram.onView(scale => { zoom.value = `${Math.round(scale * 100)} %`; });
zoom.value = `${Math.round(diagram.scale * 100)} %`;

for (const button of section.querySelectorAll('[data-zoom]')) {
  button.addEventListener('click', () => {
    touched = button.dataset.zoom !== 'fit';
    if (touched) diagram.zoom(Number(button.dataset.zoom)); else diagram.fit();
  });
}
host.addEventListener('wheel', () => { touched = true; }, { passive: true });
host.addEventListener('pointerdown', down => {
  const moved = move => { if (Math.hypot(move.clientX - down.clientX, move.clientY - down.clientY) > 4) { touched = true; done(); } };
  const done = () => { removeEventListener('pointermove', moved); removeEventListener('pointerup', done); };
  addEventListener('pointermove', moved);
  addEventListener('pointerup', done);
});
new ResizeObserver(() => { diagram.resized(); touched ? select(selected()) : diagram.fit(); }).observe(section);

// A save brings the drawing anew; the view stays where it is.
document.addEventListener('htmx:oobAfterSwap', async event => {
  if (event.detail.target.id !== 'diagram') return;
  data = read();
  const focused = document.activeElement?.closest?.('[data-element-id]')?.dataset.elementId;
  await diagram.redraw(data.xml);
  paint();
  if (focused) diagram.graphics(focused)?.focus();
});
document.addEventListener('designer:selected', event => select(event.detail));

function paint() {
  diagram.clearOverlays();
  const first = Object.entries(data.nodes).sort((a, b) => a[1].order - b[1].order)[0]?.[0];
  for (const [id, node] of Object.entries(data.nodes)) {
    const graphics = diagram.graphics(id);
    if (!graphics) continue;
    graphics.setAttribute('role', 'button');
    graphics.setAttribute('tabindex', id === first ? '0' : '-1');
    graphics.setAttribute('aria-label', node.label);
    graphics.dataset.testid = `canvas.node[${node.key}]`;
    if (node.actions) diagram.overlay(id, 'bottom', pill(node));
    if (node.mark) diagram.overlay(id, 'top-right', mark(node));
  }
  select(selected());
}

function pill(node) {
  const face = document.createElement('div');
  face.className = 'ov-face';
  face.dataset.testid = `canvas.node[${node.key}].actions`;
  face.append(String(node.actions), ...node.icons.map(name => icon(name)));
  return face;
}

function mark(node) {
  const [colour, symbol] = MARKS[node.mark.severity];
  const box = document.createElement('div');
  box.className = `ov-mark ${colour}`;
  box.dataset.testid = `canvas.node[${node.key}].mark`;
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.setAttribute('role', 'tooltip');
  const word = document.createElement('b');
  word.className = node.mark.severity === 'warning' ? 'c-wait b' : 'c-stop b';
  word.textContent = node.mark.word;
  tip.append(word);
  if (node.mark.action) { const name = document.createElement('span'); name.className = 'mono'; name.textContent = node.mark.action; tip.append(' on ', name); }
  const text = document.createElement('div');
  text.textContent = [node.mark.text, node.mark.more].filter(Boolean).join(' ');
  tip.append(text);
  box.append(icon(symbol), tip);
  return box;
}

/** Show which node is selected, and make it the one that Tab reaches. */
function select(key) {
  diagram.clearOverlays('around');
  for (const [id, node] of Object.entries(data.nodes)) {
    const chosen = node.key === key;
    diagram.unmark(id, 'st-sel');
    const graphics = diagram.graphics(id);
    if (key) graphics?.setAttribute('tabindex', chosen ? '0' : '-1');
    graphics?.setAttribute('aria-pressed', String(chosen));
    if (!chosen) continue;
    diagram.mark(id, 'st-sel');
    const ring = document.createElement('div');
    ring.className = 'ov-sel';
    diagram.overlay(id, 'around', ring);
    if (matchMedia('(max-width: 1100px)').matches || touched) diagram.reveal(id);
  }
}

// ---------- keyboard: arrows walk along the sequences, up and down among branches, Enter opens ----------
host.addEventListener('keydown', event => {
  const id = event.target.closest('[data-element-id]')?.dataset.elementId;
  const node = data.nodes[id];
  if (!node) return;
  if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); openNode(node.key, { focus: true }); return; }
  const to = neighbour(id, event.key);
  if (!to) return;
  event.preventDefault();
  event.stopPropagation();
  diagram.graphics(id).setAttribute('tabindex', '-1');
  const graphics = diagram.graphics(to);
  graphics.setAttribute('tabindex', '0');
  graphics.focus();
  diagram.reveal(to);
});
host.addEventListener('focusin', event => {
  const id = event.target.closest('[data-element-id]')?.dataset.elementId;
  diagram.clearOverlays('focus');
  if (!data.nodes[id] || !event.target.matches(':focus-visible')) return;
  const shape = diagram.registry.get(id), ring = document.createElement('div');
  ring.className = 'ov-focus';
  Object.assign(ring.style, { width: `${shape.width + 20}px`, height: `${shape.height + 20}px` });
  diagram.overlays.add(id, 'focus', { position: { top: -10, left: -10 }, html: ring });
});
host.addEventListener('focusout', () => diagram.clearOverlays('focus'));

function neighbour(id, key) {
  const node = data.nodes[id];
  if (key === 'ArrowRight') return node.next[0];
  if (key === 'ArrowLeft') return node.previous[0];
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return null;
  const before = node.previous[0];
  const branches = (before ? data.nodes[before].next : []).length > 1 ? data.nodes[before].next
    : Object.entries(data.nodes).sort((a, b) => a[1].order - b[1].order).map(([other]) => other);
  return branches[branches.indexOf(id) + (key === 'ArrowDown' ? 1 : -1)];
}
