// Paints the diagram of an instance: a marker and a symbol for each node's state, a ring where a token is, a badge where there are
// several, and a walk by arrow keys. The same as a list for who prefers it.
import { announce, icon } from '../shell/shell.js';
import { draw } from '../design/diagram.js';

const STATES = { passed: 'st-passed', stuck: 'st-stuck', wait: 'st-wait', here: 'st-here', future: 'st-future', ended: null };
const phone = matchMedia('(max-width: 760px)');
const TONES = { passed: 'ok', stuck: 'stop', wait: 'wait', here: 'here', ended: 'idle' };

export function paintDiagram(canvas) {
  const box = canvas.querySelector('.diagram'), bar = canvas.querySelector('.diagram-bar'), outline = canvas.querySelector('.outline');
  const data = () => JSON.parse(document.getElementById('painting').textContent);
  let diagram = null, painted = new Map(), cursor = null, shown = null;

  function element(cls, ...children) {
    const made = document.createElement('div');
    made.className = cls;
    made.append(...children);
    return made;
  }
  function paint() {
    const now = data(), text = JSON.stringify(now);
    if (text === shown) return;
    shown = text;
    box.setAttribute('aria-label', now.label);
    if (!diagram) return;
    for (const place of ['around', 'top-right', 'top-left']) diagram.clearOverlays(place);
    for (const [id, marker] of painted) diagram.unmark(id, marker);
    painted = new Map();
    const mark = (id, marker) => { if (marker && diagram.has(id)) { diagram.mark(id, marker); painted.set(id, marker); } };
    for (const node of now.nodes) {
      const id = `node_${node.id}`;
      mark(id, STATES[node.state]);
      const graphics = diagram.has(id) && diagram.graphics(id);
      if (graphics) { graphics.setAttribute('role', 'img'); graphics.setAttribute('aria-label', `${node.name}, ${node.type}, ${node.words}`); }
      if (node.tokens) diagram.overlay(id, 'around', element('ov-ring'));
      if (node.icon) {
        const symbol = element(`ov-mark ${TONES[node.state]}`, icon(node.icon));
        symbol.title = `${node.name}: ${node.words}`;
        diagram.overlay(id, 'top-right', symbol);
      }
      if (node.tokens) {
        const token = node.tokens > 1 ? element('ov-count', String(node.tokens)) : element('ov-mark here', icon('radio_button_checked'));
        token.title = node.tokens > 1 ? `${node.tokens} tokens here` : 'Token here';
        diagram.overlay(id, 'top-left', token);
      }
    }
    const passed = new Set(now.passed.map(([from, to]) => `node_${from} node_${to}`));
    for (const flow of diagram.registry.filter(one => one.type === 'bpmn:SequenceFlow')) {
      mark(flow.id, passed.has(`${flow.source.id} ${flow.target.id}`) ? 'st-passed' : 'st-future');
    }
    if (cursor) place(cursor);
  }

  // ---------- the walk ----------
  function place(node) {
    if (cursor) diagram.unmark(`node_${cursor.id}`, 'is-cursor');
    cursor = node;
    diagram.mark(`node_${node.id}`, 'is-cursor');
    diagram.select(`node_${node.id}`);
  }
  function walk(event) {
    if (!diagram || !['ArrowRight', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'Home'].includes(event.key)) return;
    event.preventDefault();
    const { nodes } = data(), by = new Map(nodes.map(node => [node.id, node]));
    const here = cursor && by.get(cursor.id);
    const before = here ? nodes.filter(node => node.leads_to.includes(here.id)) : [];
    const siblings = before.length ? before[0].leads_to.map(id => by.get(id)).filter(Boolean) : [];
    const at = siblings.indexOf(here);
    const next = !here || event.key === 'Home' ? nodes.find(node => node.tokens) ?? nodes[0]
      : event.key === 'ArrowRight' ? by.get(here.leads_to[0])
        : event.key === 'ArrowLeft' ? before[0]
          : siblings[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (!next) return;
    place(next);
    diagram.reveal(`node_${next.id}`);
    announce(`${next.name}, ${next.type}, ${next.words}.`);
  }
  box.addEventListener('keydown', walk);

  // ---------- the list ----------
  const toggle = bar.querySelector('[data-outline]');
  function asList(on) {
    outline.hidden = !on;
    canvas.classList.toggle('as-list', on);
    toggle.setAttribute('aria-pressed', String(on));
  }
  toggle.addEventListener('click', () => asList(outline.hidden));
  bar.addEventListener('click', event => {
    const button = event.target.closest('[data-zoom]');
    if (!button || !diagram) return;
    if (button.dataset.zoom === '0') diagram.fit(); else diagram.zoom(Number(button.dataset.zoom));
  });

  async function begin() {
    if (!canvas.dataset.drawing) return;
    const answer = await fetch(canvas.dataset.drawing, { credentials: 'same-origin' });
    if (!answer.ok) return;
    asList(false);
    diagram = await draw(box, await answer.text(), { padding: phone.matches ? { left: 12, top: 52, right: 12, bottom: 56 } : { left: 24, top: 22, right: 24, bottom: 48 } });
    bar.hidden = false;
    shown = null;
    paint();
    new ResizeObserver(() => { diagram.resized(); diagram.fit(); }).observe(box);
    canvas.dataset.drawn = '1';
  }
  begin().catch(error => { console.warn(error); asList(true); delete canvas.dataset.drawing; });
  return { paint };
}
