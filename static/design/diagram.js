// Draws a process with bpmn-js in the design's colours; used by the designer's canvas and the status page of an instance.
//
//   const diagram = await draw(container, xml, { padding: { left: 16, top: 56, right: 16, bottom: 64 } });
//   diagram.mark('node_12', 'st-passed');              a state: see bpmn-theme.css
//   diagram.overlay('node_12', 'top-right', element);  an HTML mark; also 'top-left', 'bottom'
//   diagram.fit(); diagram.zoom(+1);                   the floating bar
//
// Pages load vendor/bpmn.css, then design/bpmn-theme.css and design/diagram.css. The bpmn.io watermark stays uncovered.
import { Viewer } from '../vendor/bpmn.js';

const COLOURS = {
  bpmnRenderer: { defaultFillColor: 'var(--bpmn-fill)', defaultStrokeColor: 'var(--bpmn-stroke)', defaultLabelColor: 'var(--bpmn-label)' },
  textRenderer: { defaultStyle: { fontFamily: 'Inter, sans-serif', fontSize: 12, fontWeight: '500' }, externalStyle: { fontSize: 12, fontWeight: '500' } },
};
const STEP = 1.2, LARGEST = 3, SMALLEST = 0.1;

export async function draw(container, xml, { padding = {} } = {}) {
  await document.fonts?.load('500 12px Inter').catch(() => {});  // labels are measured when they are drawn
  const viewer = new Viewer({ container, ...COLOURS });
  await viewer.importXML(xml);
  return new Diagram(viewer, container, { left: 24, top: 24, right: 24, bottom: 24, ...padding });
}

class Diagram {
  constructor(viewer, container, padding) {
    this.viewer = viewer;
    this.container = container;
    this.padding = padding;
    this.canvas = viewer.get('canvas');
    this.overlays = viewer.get('overlays');
    this.registry = viewer.get('elementRegistry');
    for (const element of this.registry.getAll()) {
      if (element.type === 'bpmn:Participant' || element.type === 'bpmn:Lane') this.canvas.addMarker(element.id, 'lane');
    }
    this.canvas._svg.setAttribute('aria-label', 'Diagram');
    this.canvas._svg.setAttribute('tabindex', '-1');  // its nodes are reached by Tab, the drawing as a whole is not
    this.fit();
  }

  async redraw(xml) {
    const view = this.canvas.viewbox();
    await this.viewer.importXML(xml);
    for (const element of this.registry.getAll()) {
      if (element.type === 'bpmn:Participant' || element.type === 'bpmn:Lane') this.canvas.addMarker(element.id, 'lane');
    }
    this.canvas.viewbox(view);
  }

  has(id) { return Boolean(this.registry.get(id)); }
  graphics(id) { return this.registry.getGraphics(id); }
  mark(id, state) { if (this.has(id)) this.canvas.addMarker(id, state); if (this.has(`${id}_label`)) this.canvas.addMarker(`${id}_label`, state); }
  unmark(id, state) { if (this.has(id)) this.canvas.removeMarker(id, state); if (this.has(`${id}_label`)) this.canvas.removeMarker(`${id}_label`, state); }

  /** Put an HTML element on a corner or edge of a node: 'top-right', 'top-left', 'bottom' or 'around' (a ring 6 px outside). */
  overlay(id, place, html) {
    const shape = this.registry.get(id);
    if (!shape) return null;
    const at = {
      'top-right': { top: -11, left: shape.width - 11 }, 'top-left': { top: -11, left: -11 },
      'beside-right': { top: -12, left: shape.width - 35 }, bottom: { top: shape.height - 10, left: shape.width / 2 }, around: { top: -6, left: -6 },
    }[place];
    if (place === 'around') {
      html.style.width = `${shape.width + 12}px`;
      html.style.height = `${shape.height + 12}px`;
      if (shape.width < 60) html.style.borderRadius = shape.type.includes('Gateway') ? '6px' : '50%';
      if (shape.type.includes('Gateway')) html.style.transform = 'rotate(45deg) scale(.76)';
    }
    return this.overlays.add(id, place, { position: at, html, show: { minZoom: 0.3 } });
  }
  clearOverlays(kind) { this.overlays.remove(kind ? { type: kind } : {}); }

  /** Show all of it, never larger than its own size, clear of the bars that float on the canvas. */
  fit() {
    const { inner, outer } = this.canvas.viewbox();
    if (!outer.width || !outer.height || !inner.width) return;
    const { left, top, right, bottom } = this.padding;
    const room = { width: Math.max(60, outer.width - left - right), height: Math.max(60, outer.height - top - bottom) };
    const scale = Math.min(1, room.width / inner.width, room.height / inner.height);
    this.canvas.viewbox({
      x: inner.x - (left + (room.width - inner.width * scale) / 2) / scale,
      y: inner.y - (top + (room.height - inner.height * scale) / 2) / scale,
      width: outer.width / scale, height: outer.height / scale,
    });
  }
  get scale() { return this.canvas.zoom(); }
  zoom(direction) { this.canvas.zoom(Math.min(LARGEST, Math.max(SMALLEST, this.scale * (direction > 0 ? STEP : 1 / STEP)))); }
  onView(listener) { this.viewer.get('eventBus').on('canvas.viewbox.changed', () => listener(this.scale)); }
  on(event, listener) { this.viewer.get('eventBus').on(event, listener); }
  select(id) { const shape = id && this.registry.get(id); this.viewer.get('selection').select(shape || []); }
  resized() { this.canvas.resized(); }

  /** Move the view so that this node is seen. */
  reveal(id) { const shape = this.registry.get(id); if (shape) this.canvas.scrollToElement(shape, 60); }
}
