// Dialogs of operations: the answer of a done one closes it and is said aloud; the page that shows its effect listens to
// `operate:done`. A form sends once: its button rests while the answer is under way, and its token makes a repeat harmless.
import { toast } from '../shell/shell.js';
import './times.js';

document.body.addEventListener('operate:done', event => {
  document.querySelectorAll('#dialog dialog').forEach(dialog => dialog.close());
  document.getElementById('dialog').replaceChildren();
  toast(event.detail.text);
  document.dispatchEvent(new CustomEvent('operate:changed'));
});

// The first field of a dialog gets the focus; with an error, the field that has it.
document.addEventListener('htmx:afterSwap', event => {
  if (event.target.id !== 'dialog') return;
  const field = event.target.querySelector('[aria-invalid="true"], [data-focus]') ?? event.target.querySelector('[data-close="dialog"].btn');
  field?.focus();
});
