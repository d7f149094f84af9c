// Boxes of chips and lists of keys: Enter or comma adds, Backspace on the empty input takes the last one back for editing, pasted
// lines become entries. Adding and removing are requests of the form, so that the server checks each entry.
const form = document.getElementById('action-form');

function send(op) {
  const button = document.createElement('button');
  button.name = 'op';
  button.value = op;
  button.hidden = true;
  form.append(button);
  form.requestSubmit(button);
  button.remove();
}

document.addEventListener('keydown', event => {
  const input = event.target;
  if (!input.matches?.('[data-adds]') || event.isComposing) return;
  if (event.key === 'Enter' || event.key === ',') {
    event.preventDefault();
    if (!event.defaultPrevented || input.value.trim()) if (input.value.trim()) send('add');
    return;
  }
  if (event.key === 'Backspace' && !input.value) {
    const chip = [...input.closest('.chipsbox, .col').querySelectorAll('.chip, .keys li')].filter(each => each.querySelector('input[type="hidden"]')).pop();
    const held = chip?.querySelector('input[type="hidden"]');
    if (!held) return;
    event.preventDefault();
    input.value = held.value;
    chip.remove();
    input.select();
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }
});

document.addEventListener('paste', event => {
  const input = event.target;
  if (!input.matches?.('[data-adds]')) return;
  const text = event.clipboardData.getData('text');
  if (!/[\n,]/.test(text.trim())) return;
  event.preventDefault();
  input.value = `${input.value}${text}`.trim().replaceAll('\n', input.matches('textarea') ? '\n' : ',');
  send('add');
});
document.addEventListener('click', event => {
  const chips = event.target.closest?.('.chipsbox');
  if (chips && event.target === chips) chips.querySelector('[data-adds]')?.focus();
});
