// Times on the operator screens: the server prints them in its own zone, the reader chooses local time, UTC or relative.
// The choice is kept in this browser. Countdowns tick once a second and rest while live updates are paused.
const KEY = 'operateClock';
const WORDS = { local: 'Local time', utc: 'UTC', relative: 'Relative' };
const read = () => { try { return localStorage.getItem(KEY) ?? 'local'; } catch { return 'local'; } };
let mode = WORDS[read()] ? read() : 'local';
let resting = false;

const two = n => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const UNITS = [[86400, 'day', 'days'], [3600, 'h', 'h'], [60, 'min', 'min'], [1, 's', 's']];

function parts(date) {
  return mode === 'utc'
    ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    : [date.getFullYear(), date.getMonth(), date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds()];
}
export function distance(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  if (!seconds) return 'now';
  const [size, one, many] = UNITS.find(([size]) => seconds >= size);
  const count = Math.floor(seconds / size);
  const words = `${count} ${count === 1 ? one : many}`;
  return ms > 0 ? `in ${words}` : `${words} ago`;
}
function text(date, clock, now) {
  if (clock === 'in' || clock === 'ago' || mode === 'relative') return distance(date - now);
  const [year, month, day, hours, minutes, seconds] = parts(date), [thisYear, thisMonth, today] = parts(now);
  const time = `${two(hours)}:${two(minutes)}${clock === 'hm' ? '' : `:${two(seconds)}`}`;
  if (clock !== 'full' && year === thisYear && month === thisMonth && day === today) return time;
  return `${day} ${MONTHS[month]}${year === thisYear ? '' : ` ${year}`} ${time}`;
}
function zone() {
  if (mode === 'utc') return 'times in UTC';
  const offset = -new Date().getTimezoneOffset();
  const sign = offset < 0 ? '−' : '+', hours = Math.floor(Math.abs(offset) / 60), minutes = Math.abs(offset) % 60;
  return `times local, UTC${offset ? `${sign}${hours}${minutes ? `:${two(minutes)}` : ''}` : ''}`;
}

/** Print the times within `root` as the reader wants them. */
export function show(root = document) {
  const now = new Date();
  for (const time of root.querySelectorAll('time[data-clock]')) {
    const date = new Date(time.dateTime);
    const words = text(date, time.dataset.clock, now);
    if (time.textContent !== words) time.textContent = words;
    if (!time.dataset.exact) { time.dataset.exact = '1'; time.title = date.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'long' }); }
  }
  for (const note of root.querySelectorAll('[data-zone]')) if (note.textContent !== zone()) note.textContent = zone();
}
export function rest(on) { resting = on; }

function tick() {
  if (!resting && !document.hidden) show();
}
function mark() {
  for (const words of document.querySelectorAll('[data-clock-words]')) words.textContent = WORDS[mode];
  for (const item of document.querySelectorAll('[data-clock-choice]')) item.setAttribute('aria-checked', String(item.dataset.clockChoice === mode));
}
document.addEventListener('click', event => {
  const choice = event.target.closest('[data-clock-choice]');
  if (!choice) return;
  mode = choice.dataset.clockChoice;
  try { localStorage.setItem(KEY, mode); } catch { /* kept for this page only */ }
  choice.closest('details').open = false;
  mark();
  show();
});
mark();
show();
setInterval(tick, 1000);
