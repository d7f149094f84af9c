// The piece of the diagram around the edited node, at the top of the rail.
import { draw } from '../../design/diagram.js';

const host = document.getElementById('rail-canvas');
if (host?.clientWidth) {
  const { xml } = JSON.parse(document.getElementById('rail-diagram').textContent);
  const diagram = await draw(host, xml);
  host.querySelectorAll('a, [tabindex]').forEach(element => { element.tabIndex = -1; });  // the picture is hidden from screen readers
  const shape = diagram.registry.get(host.dataset.node);
  if (shape) {
    const scale = 0.78;
    const width = host.clientWidth / scale, height = host.clientHeight / scale;
    diagram.canvas.viewbox({ x: shape.x + shape.width / 2 - width / 2, y: shape.y + shape.height / 2 - height / 2, width, height });
    diagram.mark(host.dataset.node, 'st-sel');
    const ring = document.createElement('div');
    ring.className = 'ov-sel';
    ring.style.width = `${shape.width + 12}px`;
    ring.style.height = `${shape.height + 12}px`;
    diagram.overlay(host.dataset.node, 'around', ring);
  }
}
